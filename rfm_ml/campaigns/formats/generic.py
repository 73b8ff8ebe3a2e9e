"""Files for any other tool: CSV, Parquet, JSON lines, and Excel for people.

Source: RFC 4180 (CSV), the Apache Parquet format, the JSON Lines format; for texts that a spreadsheet would run,
OWASP's page "CSV Injection", all read 2025-2026.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from rfm_ml.campaigns.cells import Noted, as_text, guarded
from rfm_ml.campaigns.formats.base import Format
from rfm_ml.campaigns.formats.batches import Row
from rfm_ml.campaigns.formats.fields import Field
from rfm_ml.campaigns.formats.sinks import ExcelSink, LineSink, ParquetSink, Sink, json_line
from rfm_ml.campaigns.formats.xlsx import ILLEGAL, MAX_CHARACTERS


class Generic(Format):
    """Every column as it is; `properties` chooses among all columns, contact data included."""

    channel: ClassVar[str] = "people"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return `customer_id` and every column, or those chosen."""
        chosen = columns if self.properties is None else [c for c in columns if c in self.properties]
        names = ["customer_id", *(c for c in chosen if c != "customer_id")]
        return [Field(self.header(n), n, self._cell, guarded=False, always=True) for n in names]

    def header(self, column: str) -> str:
        """Return the name of a column."""
        return column

    def _cell(self, value: Any, row: Row) -> Any:
        return None if value is None else self.content(value)

    def content(self, value: Any) -> Any:
        """Return the value as the file holds it."""
        return storable(value)


class Csv(Generic):
    """For people, and tools that read CSV: a text that a spreadsheet would run has ' before it, a phone with + too."""

    name: ClassVar[str] = "csv"

    def header(self, column: str) -> str:
        """Return the name, harmless in a spreadsheet."""
        return str(guarded(column))

    def content(self, value: Any) -> Any:
        """Return the text, harmless in a spreadsheet."""
        return _each(storable(value if isinstance(value, int | float | Decimal) else as_text(value)), guarded)


class Excel(Generic):
    """For people: one sheet, dates as dates, long numbers as text, and as in CSV no text that Excel would run."""

    name: ClassVar[str] = "excel"
    suffix: ClassVar[str] = ".xlsx"

    def header(self, column: str) -> str:
        """Return the name, harmless in a spreadsheet."""
        return str(guarded(column))

    def content(self, value: Any) -> Any:
        """Return the value, as harmless text if it is text or a list."""
        if isinstance(value, list | tuple) or hasattr(value, "tolist"):
            value = as_text(value)
        return _each(value, _sheet_text) if isinstance(value, str) else value

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open a workbook."""
        return ExcelSink(path, names=[f.header for f in fields])


class JsonLines(Generic):
    """For programs: one object a line, missing values as null."""

    name: ClassVar[str] = "jsonl"
    suffix: ClassVar[str] = ".jsonl"

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open the file."""
        return LineSink(path, encode=json_line([f.header for f in fields]))


class Parquet(Generic):
    """For programs: columns with their types."""

    name: ClassVar[str] = "parquet"
    suffix: ClassVar[str] = ".parquet"

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open the file."""
        return ParquetSink(path, names=[f.header for f in fields])


def storable(value: Any) -> Any:
    """Return the value, with ? for half surrogates, which no file can hold."""
    if isinstance(value, list | tuple):
        return [v.value if type(v) is Noted else v for v in map(storable, value)]
    if not isinstance(value, str) or value.isascii():
        return value
    kept = value.encode(errors="replace").decode()
    return value if kept == value else Noted(kept, "characters that no file can hold became ?")


def _each(value: Any, change: Any) -> Any:
    """Return the changed value, and keep what was noted of it before."""
    return Noted(change(value.value), value.reason) if type(value) is Noted else change(value)


def _sheet_text(text: str) -> Any:
    legal = ILLEGAL.sub("", text)
    safe = guarded(legal)
    if len(safe) > MAX_CHARACTERS:
        return Noted(safe[:MAX_CHARACTERS], f"cut to {MAX_CHARACTERS:,} characters")
    return safe if legal == text else Noted(safe, "characters that Excel cannot hold were removed")
