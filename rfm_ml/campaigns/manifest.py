"""What is written beside a list: changes since the last one, who was left out and why, groups, and the manifest."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rfm_ml.campaigns.cells import guarded
from rfm_ml.campaigns.destinations import ListFile
from rfm_ml.campaigns.destinations.files import ReasonLog, csv_line
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import DataError

WRITTEN: Final = "written"
HELD: Final = "held"
"""Status of a list that is kept back until somebody confirms it."""
TOO_SHORT: Final = "too short"
"""Status of a list that the destination would refuse."""
EMPTY: Final = "empty"


class PreviousList(NamedTuple):
    """A list of an earlier day: what the destination should have since then, which may be nobody."""

    as_of: date
    customer_ids: pd.Series


class Changes(NamedTuple):
    """Ids that are new on a list, no longer on it, and still on it; sorted."""

    add: list[Any]
    remove: list[Any]
    keep: list[Any]


def list_changes(now: Iterable[Any], last: Iterable[Any]) -> Changes:
    """Compare a list with the last one.

    Examples
    --------
    >>> list_changes(["a", "b"], ["b", "c"])
    Changes(add=['a'], remove=['c'], keep=['b'])
    """
    new, old = set(now), set(last)
    return Changes(sorted(new - old), sorted(old - new), sorted(new & old))


def previous_list(folders: Mapping[date, Path]) -> PreviousList | None:
    """Return the last list of an audience that was settled, None if there is none.

    Settled is a list that was written, and an empty or too short one that took the place of an earlier list: whoever
    holds that one has been told to remove everybody. A list that was held back is not.

    Parameters
    ----------
    folders
        Where its lists of earlier days lie, if there were any, the latest first.
    """
    for day, folder in folders.items():
        if (folder / "manifest.json").exists() and _settled(folder):
            groups = read_groups(folder / "groups.parquet")
            return PreviousList(day, groups.loc[groups["listed"], "customer_id"].reset_index(drop=True))
    return None


def _settled(folder: Path) -> bool:
    status = read_manifest(folder)["status"]
    return status == WRITTEN or (status in (EMPTY, TOO_SHORT) and (folder / "groups.parquet").exists())


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in an audience's folder.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if not isinstance(content, dict) or "status" not in content:
            raise ValueError("it has no status")
    except (OSError, ValueError) as error:
        raise DataError(
            f"The manifest of a list must be a file that can be read. {str(folder)!r}: {error}. Remove that folder."
        ) from None
    return content


def read_groups(file: Path) -> pd.DataFrame:
    """Return `customer_id, group, salt, assigned_at, segment, strategy, listed` of a list.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise DataError(
            f"The groups of a list must be a file that can be read. {str(file)!r}: {error}. Remove that folder."
        ) from None


def write_ids(path: Path, customer_ids: Iterable[Any]) -> None:
    """Write ids, one a line below `customer_id`, as a private file."""
    with open_private(path) as stream:
        stream.write(csv_line(["customer_id"]))
        stream.writelines(csv_line([guarded(i)]) for i in customer_ids)


def write_reasons(path: Path, suppressed: pd.DataFrame) -> None:
    """Write `customer_id, reason`, as a private file."""
    log = ReasonLog(path)
    for customer_id, reason in zip(suppressed["customer_id"], suppressed["reason"], strict=True):
        log.add(customer_id, reason)
    log.close()


def write_groups(path: Path, groups: pd.DataFrame) -> None:
    """Write who was sent to and who was held out, as a private file."""
    with open_private(path) as stream:
        pq.write_table(pa.Table.from_pandas(groups, preserve_index=False), stream, compression="zstd")


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write `manifest.json`, as a private file."""
    with open_private(folder / "manifest.json") as stream:
        stream.write((json.dumps(manifest, indent=1, ensure_ascii=False, default=str) + "\n").encode())


def described(files: Iterable[ListFile]) -> list[dict[str, Any]]:
    """Return name, rows, bytes and SHA-256 of each file of a list."""
    found = []
    for file in files:
        with file.path.open("rb") as stream:
            found.append({
                "name": file.path.name,
                "rows": file.rows,
                "bytes": file.bytes,
                "sha256": hashlib.file_digest(stream, "sha256").hexdigest(),
            })  # fmt: skip
    return found
