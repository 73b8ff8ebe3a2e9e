"""Lists into a folder elsewhere, by fsspec: S3 and what speaks its language, SFTP, or a folder of this machine."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from rfm_ml.campaigns.carriers.parcel import Parcel
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import DeliveryError, ParamsError

PACKAGES: Final = {"s3": "s3fs", "sftp": "paramiko", "ssh": "paramiko"}
"""Packages that fsspec needs beside itself, by the beginning of the URL."""

_LOCAL: Final = ("file", "local")
_SFTP: Final = ("sftp", "ssh")
_BUCKETS: Final = ("s3", "s3a", "gs", "gcs", "abfs", "az")
"""They have no folders to be made; asked for one, they would make a bucket of a mistyped name."""


class FolderCarrier:
    """A folder that lists are put into, as `<url>/<study>/<as_of>/<audience>/<file>`.

    Parameters
    ----------
    url
        As fsspec takes it: s3://bucket/lists, sftp://host/lists, file:///srv/lists.
    options
        Options of the file system: `endpoint_url`, `key` and `secret` for S3, `username` and `password` for SFTP.

    Raises
    ------
    ParamsError
        If the URL holds a password, its kind is not known, or a package is missing.

    Notes
    -----
    Here and by SFTP a file is written under another name, with mode 0600, and then renamed; S3 shows a file only when
    it is whole. `manifest.json` comes last: where it is, the list is complete. fsspec takes any key that an SFTP server
    shows, so use SFTP on networks you trust.
    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        try:
            import fsspec
        except ImportError:
            raise _missing("fsspec") from None
        parts = urlsplit(url)
        if parts.password is not None:
            raise ParamsError("The url of a folder must hold no password. Give it by options_env.")
        self.kind, self.url = parts.scheme or "file", url.rstrip("/")
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url, **dict(options or {}))
        except ImportError:
            raise _missing(PACKAGES.get(self.kind, f"for {self.kind}")) from None
        except ValueError:
            raise ParamsError(
                f"The url of a folder must be one that fsspec knows. It does not know {self.kind}."
            ) from None
        except Exception as error:  # a file system may connect when it is made, each with errors of its own
            raise _failed(error) from None

    @property
    def where(self) -> str:
        """The URL without what is asked of its host by name."""
        parts = urlsplit(self.url)
        return f"{self.kind}://{parts.hostname or ''}{parts.path}"

    def deliver(self, parcel: Parcel) -> list[str]:
        """Put the files of a list into its folder; the same list again replaces them.

        Raises
        ------
        DeliveryError
            If a file cannot be written, or is not of its size afterwards. Nothing half-written has a file's name.
        """
        place = PurePosixPath(self._root, parcel.study, parcel.as_of, parcel.audience)
        try:
            if self.kind not in _BUCKETS:
                self._files.makedirs(str(place), exist_ok=True)
            for path in [*(f.path for f in parcel.files), parcel.manifest]:
                self._put(path, str(place / path.name))
        except DeliveryError:
            raise
        except Exception as error:  # every file system has errors of its own, and their words may hold keys
            raise _failed(error) from None
        return []

    def _put(self, path: Path, target: str) -> None:
        part = f"{target}.part"
        if self.kind in _LOCAL:
            with path.open("rb") as source, open_private(Path(part)) as stream:
                shutil.copyfileobj(source, stream)
            Path(part).replace(target)
        elif self.kind in _SFTP:
            with self._files.open(part, "wb"):
                pass
            self._files.ftp.chmod(part, 0o600)  # before there is anything in it
            self._files.put_file(str(path), part)
            self._files.mv(part, target)
        else:
            self._files.put_file(str(path), target)
        self._files.invalidate_cache()
        if self._files.info(target)["size"] != path.stat().st_size:
            raise DeliveryError(
                "A file must arrive whole. One in the folder has another size than was sent. Try again."
            )


def _missing(package: str) -> ParamsError:
    return ParamsError(
        f"Delivery to such a folder must have the package {package} installed. It is not. "
        "Run: pip install 'rfm_ml[delivery]'."
    )


def _failed(error: Exception) -> DeliveryError:
    return DeliveryError(f"The folder must be there and open to us. Writing to it failed ({type(error).__name__}).")
