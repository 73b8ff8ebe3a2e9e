"""Receipts: which list went where, so that nothing is delivered twice."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rfm_ml.campaigns.carriers.parcel import Parcel
from rfm_ml.core.journal import Journal

SENT: Final = "sent"
BEGUN: Final = "begun"
"""Handing over was begun and nobody knows how it ended: the list may have arrived."""
FAILED: Final = "failed"


class Receipts:
    """A journal of deliveries; call it with the study's lock held.

    Parameters
    ----------
    file
        Its file. It names lists, files and digests, and nobody who is on a list.

    Raises
    ------
    DataError
        If the journal is damaged.
    """

    def __init__(self, file: Path) -> None:
        self._last: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._journal = Journal(file, what="deliveries", without="lists would be sent twice", take=self._take)

    def state(self, delivery: str, parcel: Parcel) -> dict[str, Any] | None:
        """Return the last receipt of a list by a way of delivery, None if it was never begun or failed."""
        last = self._last.get((delivery, parcel.audience, parcel.digest))
        return None if last is None or last["state"] == FAILED else last

    def add(self, delivery: str, parcel: Parcel, *, state: str) -> None:
        """Write down that handing over a list was begun, has failed, or has succeeded."""
        self._journal.append({
            "state": state,
            "delivery": delivery,
            "audience": parcel.audience,
            "as_of": parcel.as_of,
            "digest": parcel.digest,
            "files": [{"name": f.name, "rows": f.rows, "sha256": f.sha256} for f in parcel.files],
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        })  # fmt: skip

    def _take(self, entry: dict[str, Any]) -> None:
        receipt = {name: entry[name] for name in ("state", "at", "as_of")}
        self._last[entry["delivery"], entry["audience"], entry["digest"]] = receipt
