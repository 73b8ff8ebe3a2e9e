"""Publishing a run: built beside its place, moved into it whole, one writer at a time."""

import ctypes
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rfm_ml.core.errors import DataError, LockedError
from rfm_ml.study.ledgers import BUILDING

_ASIDE = ".previous-"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a study's reports; the system frees it even if the holder is killed.

    Raises
    ------
    LockedError
        If another run holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("w")
    except OSError as error:
        raise DataError(
            f"The folder of the reports must be writable. {str(folder)!r}: {error.strerror}. Choose another --out."
        ) from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LockedError(
                f"Only one run may write to a study at a time. Another one is writing to {str(folder)!r}. "
                "Wait until it has finished."
            ) from None
        _recover(folder)
        yield


@contextmanager
def building(place: Path) -> Iterator[Path]:
    """Give a folder beside `place` to build in; if the block ends well it becomes `place`, else it is removed.

    A reader of `place` sees the old content or the new one, never a mixture; if the process is killed the
    old content stays. Call it with the study's lock held.
    """
    part = place.with_name(f"{BUILDING}{place.name}")
    part.mkdir()
    try:
        yield part
        _move_into_place(part, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _recover(folder: Path) -> None:
    """Tidy up after a killed run: half-built folders go, a report that was set aside comes back."""
    for aside in folder.glob(f"{_ASIDE}*"):
        place = folder / aside.name.removeprefix(_ASIDE)
        if not place.exists():
            aside.rename(place)
    for left in [*folder.glob(f"{BUILDING}*"), *folder.glob(f"{_ASIDE}*")]:
        shutil.rmtree(left)


def _move_into_place(part: Path, place: Path) -> None:
    if not place.exists():
        part.rename(place)
        return
    if _exchange(part, place):
        return  # the old report now lies at `part` and is removed with it
    aside = place.with_name(f"{_ASIDE}{place.name}")
    place.rename(aside)
    part.rename(place)
    shutil.rmtree(aside)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step of the file system (Linux); False where that cannot be done."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    at_cwd, swap = -100, 2
    return bool(renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), swap) == 0)


def failed_folder(place: Path) -> Path:
    """Return where a failed run of a day leaves what explains it, until the next one succeeds."""
    return place.with_name(f"{place.name}.failed")
