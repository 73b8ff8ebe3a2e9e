"""What became of every contact handed to a format: counts, and the ids of those left out."""

import csv
import io
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

import pandas as pd

from rfm_ml.campaigns.cells import guarded, is_formula
from rfm_ml.campaigns.private_files import open_private

REJECT_COLUMNS: Final = ("customer_id", "reason")


@dataclass(frozen=True)
class ListFile:
    """One file of a list."""

    path: Path
    rows: int
    bytes: int


@dataclass(frozen=True)
class Written:
    """What a format wrote. `rows_in = rows + rejected + merged + below_minimum`, always.

    Nothing here is personal: reasons never hold a value.
    """

    format: str
    rows_in: int
    """Contacts handed over."""
    rows: int
    """Contacts on the list."""
    rejected: int
    """Contacts left out because what the destination needs is missing or cannot be used."""
    merged: int
    """Contacts left out because an earlier one has the same address, where the destination forbids duplicates."""
    below_minimum: int
    """Contacts of a list that the destination would refuse as too short; it was not written."""
    rejected_by_reason: dict[str, int]
    """Counts that sum to `rejected`."""
    merged_by_reason: dict[str, int]
    """Counts that sum to `merged`."""
    values_by_reason: dict[str, int]
    """Values left empty or changed on rows that are on the list, such as "phone: it holds letters"."""
    files: tuple[ListFile, ...]
    """The list by name, parts in their order; a person with two tags is in two files."""
    rejects_file: Path
    """CSV `customer_id, reason` of all who were rejected or merged."""
    values_file: Path
    """CSV `customer_id, reason` of values left empty or changed."""
    warnings: tuple[str, ...] = ()
    send_again_by: date | None = None
    """Last day on which the destination still knows the list."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What the manifest should say besides, such as `api_batch_rows`."""

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON; files by name and without the folder."""
        content = asdict(self)
        content["files"] = [{"name": f.path.name, "rows": f.rows, "bytes": f.bytes} for f in self.files]
        for key in ("rejects_file", "values_file"):
            content[key] = content[key].name
        content["warnings"] = list(self.warnings)
        content["send_again_by"] = self.send_again_by and self.send_again_by.isoformat()
        return content


def read_rejects(path: Path) -> pd.DataFrame:
    """Return `customer_id, reason` (text) of a rejects file, ids as they were handed over.

    In the file an id that a spreadsheet would run has ' before it; here it has not.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    ids = [i[1:] if i.startswith("'") and is_formula(i[1:]) else i for i in frame["customer_id"]]
    return frame.assign(customer_id=ids)


class ReasonLog:
    """Ids and reasons, written as they come and counted by reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._file: BinaryIO = open_private(path)
        self._text = io.TextIOWrapper(self._file, encoding="utf-8", errors="replace", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow(REJECT_COLUMNS)

    def add(self, customer_id: Any, reason: str) -> None:
        """Write one line and count it."""
        self.counts[reason] += 1
        self._csv.writerow((guarded(customer_id), reason))

    def close(self) -> None:
        """Close the file."""
        self._text.close()
