"""Receipts: which list went where, so that nothing is sent twice."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rfm_ml.campaigns.carriers.parcel import Parcel
from rfm_ml.core.errors import DataError

SENT: Final = "sent"
BEGUN: Final = "begun"
"""Handing over was begun and nobody knows how it ended: the list may have arrived."""
FAILED: Final = "failed"


class Receipts:
    """A journal of deliveries, appended to and never rewritten; call it with the study's lock held.

    Parameters
    ----------
    file
        JSON lines, made with the first receipt, for its owner alone to read. They name lists, files and digests,
        and nobody who is on a list.

    Raises
    ------
    DataError
        If a line is damaged. A last line that was cut off by a kill counts as not written.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._state: dict[tuple[str, str, str], dict[str, Any]] = {}
        content = file.read_bytes() if file.exists() else b""
        self._whole = 0
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise DataError(
                    f"The journal of deliveries must be whole. Line {number} of {str(file)!r} is damaged. Mend it from "
                    "a backup; without it lists would be sent twice."
                ) from None
            self._whole += len(line)

    def state(self, delivery: str, parcel: Parcel) -> dict[str, Any] | None:
        """Return the last receipt of a list by a way of delivery, None if it was never begun or failed."""
        last = self._state.get((delivery, parcel.audience, parcel.digest))
        return None if last is None or last["state"] == FAILED else last

    def add(self, delivery: str, parcel: Parcel, *, state: str) -> None:
        """Write down that handing over a list was begun, has failed, or has succeeded."""
        entry = {
            "state": state,
            "delivery": delivery,
            "audience": parcel.audience,
            "as_of": parcel.as_of,
            "digest": parcel.digest,
            "files": [{"name": f.name, "rows": f.rows, "sha256": f.sha256} for f in parcel.files],
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as stream:
            stream.truncate(self._whole)
            stream.seek(self._whole)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        self._whole += len(line)
        self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        self._state[entry["delivery"], entry["audience"], entry["digest"]] = {
            "state": entry["state"],
            "at": entry["at"],
            "as_of": entry["as_of"],
        }
