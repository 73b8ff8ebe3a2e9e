"""A list as it is handed to a carrier: the files that its manifest names, byte for byte."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from rfm_ml.core.errors import DataError, GateError

WRITTEN: Final = "written"
HELD: Final = "held"


@dataclass(frozen=True)
class ParcelFile:
    """A file of a list: where it lies, its rows and bytes, its SHA-256 in hex."""

    path: Path
    rows: int
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Name of the file, without its folder."""
        return self.path.name


@dataclass(frozen=True)
class Parcel:
    """The list of an audience on a day, ready to go."""

    study: str
    audience: str
    as_of: str
    destination: str
    manifest: Path
    files: tuple[ParcelFile, ...]

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(f.rows for f in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 of audience and files: the same list has the same digest, whenever it is sent."""
        parts = [self.study, self.audience, *(f"{f.name} {f.sha256}" for f in self.files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Carrier(Protocol):
    """A way to hand over a list."""

    @property
    def where(self) -> str:
        """Where lists go, in words, without secrets and without anybody's address."""

    def deliver(self, parcel: Parcel) -> list[str]:
        """Hand over a list and return what is worth knowing.

        Raises
        ------
        DeliveryError
            If it did not arrive; `DeliveryUncertainError` if it may have.
        """


def read_parcel(folder: Path) -> Parcel | None:
    """Return the list in an audience's folder after checking every file, None if there is nothing to send.

    Parameters
    ----------
    folder
        `campaigns/<audience>/` of a published report, with `manifest.json`.

    Raises
    ------
    GateError
        If the list is held back.
    DataError
        If the manifest cannot be read, or a file is not the one it names.
    """
    file = folder / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        status, named = manifest["status"], manifest["files"]
        about = {key: str(manifest[key]) for key in ("study", "audience", "as_of", "destination")}
        if status == HELD:
            raise GateError(
                f"{about['audience']} must be confirmed before it is sent. {manifest.get('why') or ''}".strip()
            )
        files = tuple(_checked(folder, entry) for entry in named) if status == WRITTEN else ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"The manifest of a list must be a file that can be read. {str(file)!r}: {type(error).__name__}. "
            "Run the study again."
        ) from None
    return Parcel(**about, manifest=file, files=files) if files else None


def _checked(folder: Path, entry: dict[str, Any]) -> ParcelFile:
    name = str(entry["name"])
    if Path(name).name != name or name in ("", ".", ".."):
        raise DataError(f"A file of a list must lie in its folder. The manifest in {str(folder)!r} names {name!r}.")
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise DataError(f"Every file of a list must be there. {str(path)!r} is not. Run the study again.")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != entry["sha256"]:
        raise DataError(
            f"A list must be sent as it was written. {str(path)!r} was changed since: its SHA-256 is not the "
            "manifest's. Run the study again."
        )
    return ParcelFile(path, int(entry["rows"]), path.stat().st_size, found)
