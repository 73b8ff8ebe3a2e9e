"""Files of a list, private from the first byte: lines of text in one file or in parts, Parquet, and reasons."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rfm_ml.campaigns.cells import as_text, guarded, is_formula
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import DataError

PARQUET_ROWS: Final = 50_000

Cells = Sequence[Any]


@dataclass(frozen=True)
class ListFile:
    """One file of a list."""

    path: Path
    rows: int
    bytes: int


@dataclass(frozen=True)
class WrittenList:
    """A list as it was written. `rows_in = rows + rejected + merged + below_minimum`, always.

    Nothing here is personal: reasons never hold a value.
    """

    format: str
    """Name of the destination."""
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
    merged_by_reason: dict[str, int]
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


class Sink(ABC):
    """One file of a list, or its parts: `name.csv`, `name-2.csv`, ...

    Parameters
    ----------
    path
        Of the first part.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[ListFile] = []
        self.rows = 0

    @abstractmethod
    def add(self, cells: Cells) -> None:
        """Write one row."""

    @abstractmethod
    def close(self) -> None:
        """Finish the last part and record it in `files`."""

    def _part(self) -> Path:
        k = len(self.files) + 1
        return self.path if k == 1 else self.path.with_name(f"{self.path.stem}-{k}{self.path.suffix}")

    def _record(self, path: Path) -> None:
        self.files.append(ListFile(path, self.rows, path.stat().st_size))


class _Echo:
    """A file that gives back what is written: a csv writer returns what its file returns."""

    def write(self, text: str) -> str:
        return text


_LINES: Final[Any] = csv.writer(cast(Any, _Echo()))


def csv_line(cells: Cells) -> bytes:
    """Return one line as RFC 4180 has it; it ends with CR LF, so that a lone CR or LF within a cell is quoted too."""
    line: str = _LINES.writerow([None if c is None else as_text(c) for c in cells])
    return line.encode(errors="replace")


class LineSink(Sink):
    """Text files, a line per row.

    Parameters
    ----------
    path
        Of the first part.
    encode
        From the cells of a row to its line.
    header, footer, between
        Bytes at the start and the end of every part, and between two rows.
    max_bytes
        Largest size of one file.
    split
        Whether the destination takes a longer list in parts; otherwise it is refused.
    """

    def __init__(
        self,
        path: Path,
        *,
        encode: Callable[[Cells], bytes],
        header: bytes = b"",
        footer: bytes = b"",
        between: bytes = b"",
        max_bytes: int | None = None,
        split: bool = False,
    ) -> None:
        super().__init__(path)
        self.encode, self.header, self.footer, self.between = encode, header, footer, between
        self.max_bytes, self.split = max_bytes, split
        self._open()

    def _open(self) -> None:
        self._file: BinaryIO = open_private(self._part())
        self.size = self._file.write(self.header)
        self.rows = 0

    def add(self, cells: Cells) -> None:
        """Write one row, in a new part if this one would grow too large."""
        line = self.encode(cells)
        if self.max_bytes is not None and self.size + len(line) + len(self.footer) > self.max_bytes:
            if not self.split:
                raise DataError(
                    f"A list for this destination must be at most {self.max_bytes / 1e6:,.0f} MB, in one file. "
                    f"Got more than {self.rows:,} rows. Cap the audience."
                )
            self.close()
            self._open()
        self.size += self._file.write((self.between if self.rows else b"") + line)
        self.rows += 1

    def close(self) -> None:
        """Finish this part."""
        part = self._part()
        self._file.write(self.footer)
        self._file.close()
        self._record(part)


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: dates as ISO text, decimals as numbers, arrays as lists."""
    if isinstance(value, datetime | date):
        return as_text(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    return value if isinstance(value, str | bool | int | float | dict | None) else json.loads(as_text(value))


def json_line(names: Sequence[str]) -> Callable[[Cells], bytes]:
    """Return the encoder of JSON lines: one object per row."""

    def encode(cells: Cells) -> bytes:
        content = {n: plain(c) for n, c in zip(names, cells, strict=True)}
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode(errors="replace") + b"\n"

    return encode


class ParquetSink(Sink):
    """A Parquet file, a row group per 50,000 rows; columns have the types of the first group."""

    def __init__(self, path: Path, *, names: Sequence[str]) -> None:
        super().__init__(path)
        self.names = names
        self._file = open_private(path)
        self._writer: Any = None
        self._waiting: list[Cells] = []

    def add(self, cells: Cells) -> None:
        """Keep the row until its group is full."""
        self._waiting.append(cells)
        self.rows += 1
        if len(self._waiting) >= PARQUET_ROWS:
            self._flush()

    def _flush(self) -> None:
        columns = list(zip(*self._waiting, strict=True)) or [()] * len(self.names)
        schema = None if self._writer is None else self._writer.schema
        arrays = [
            _array(values, name=name, wanted=None if schema is None else schema.field(k).type)
            for k, (name, values) in enumerate(zip(self.names, columns, strict=True))
        ]
        batch = pa.table(arrays, names=list(self.names))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, batch.schema, compression="zstd")
        self._writer.write_table(batch)
        self._waiting = []

    def close(self) -> None:
        """Write what waits and the footer."""
        try:
            if self._waiting or self._writer is None:
                self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()
            self._file.close()
        self._record(self.path)


def _array(values: Sequence[Any], *, name: str, wanted: Any) -> Any:
    """Return a column as Arrow; text if its first group holds nothing or several types."""
    try:
        found = pa.array(values, wanted)
        return found.cast(pa.string()) if wanted is None and pa.types.is_null(found.type) else found
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        if wanted is None or wanted == pa.string():
            return pa.array([None if v is None else as_text(v) for v in values], pa.string())
        raise DataError(
            f"A column of a Parquet list must have one type. {name!r} has values that are not {wanted}. "
            "Convert the column before, or write CSV."
        ) from error


class ReasonLog:
    """A CSV `customer_id, reason`, written line by line and counted by reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._text = io.TextIOWrapper(open_private(path), encoding="utf-8", errors="replace", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow(("customer_id", "reason"))

    def add(self, customer_id: Any, reason: str) -> None:
        """Write one line and count it."""
        self.counts[reason] += 1
        self._csv.writerow((guarded(customer_id), reason))

    def close(self) -> None:
        """Close the file."""
        self._text.close()


def read_rejects(path: Path) -> pd.DataFrame:
    """Return `customer_id, reason` (text) of a rejects file, ids without the ' that guards them in a spreadsheet."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    ids = [i[1:] if i.startswith("'") and is_formula(i[1:]) else i for i in frame["customer_id"]]
    return frame.assign(customer_id=ids)
