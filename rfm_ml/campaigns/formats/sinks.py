"""Where the rows of a list go: lines of text, in one file or in parts, Parquet and Excel. All are private files."""

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from rfm_ml.campaigns.cells import as_text
from rfm_ml.campaigns.formats.outcome import ListFile
from rfm_ml.campaigns.formats.xlsx import MAX_BYTES, MAX_ROWS, Workbook
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import DataError

PARQUET_ROWS: Final = 50_000

Cells = Sequence[Any]


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


class ExcelSink(Sink):
    """Excel workbooks of one sheet each; a new one when the sheet is full."""

    def __init__(self, path: Path, *, names: Sequence[str]) -> None:
        super().__init__(path)
        self.names = names
        self._open()

    def _open(self) -> None:
        self._book = Workbook(open_private(self._part()), header=self.names)
        self.rows = 0

    def add(self, cells: Cells) -> None:
        """Write one row."""
        if self.rows == MAX_ROWS - 1 or self._book.size > MAX_BYTES:
            self.close()
            self._open()
        self._book.add(cells)
        self.rows += 1

    def close(self) -> None:
        """Finish this workbook."""
        part = self._part()
        self._book.close()
        self._record(part)
