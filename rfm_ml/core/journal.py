"""An append-only journal: JSON lines that survive kills, so that nothing is done twice."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rfm_ml.core.errors import DataError

Entry = dict[str, Any]


class Journal:
    """A file of entries, appended to and never rewritten; hold the study's lock while you use it.

    Parameters
    ----------
    file
        JSON lines, made with the first entry, for its owner alone to read.
    what
        What it is the journal of, for the message of an error.
    without
        What would happen without it, likewise.
    take
        Called with every entry in its order, those that are there first, and again for each that is appended.

    Raises
    ------
    DataError
        If a line is damaged, or `take` cannot read it. A last line that was cut off by a kill counts as not written.
    """

    def __init__(self, file: Path, *, what: str, without: str, take: Callable[[Entry], None]) -> None:
        self.file, self._take = file, take
        self._whole = 0
        content = file.read_bytes() if file.exists() else b""
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise DataError(
                    f"The journal of {what} must be whole. Line {number} of {str(file)!r} is damaged. Mend it from a "
                    f"backup; without it {without}."
                ) from None
            self._whole += len(line)

    def append(self, entry: Entry) -> None:
        """Write an entry; it is on the disk when this returns."""
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        new = not self.file.exists()
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as stream:
            stream.truncate(self._whole)
            stream.seek(self._whole)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            _sync_folder(self.file.parent)
        self._whole += len(line)
        self._take(entry)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
