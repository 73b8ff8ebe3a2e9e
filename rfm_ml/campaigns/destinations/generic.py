"""Files for any other tool: CSV, Parquet and JSON lines.

Source: RFC 4180 (CSV), the Apache Parquet format, the JSON Lines format; for texts that a spreadsheet would run,
OWASP's page "CSV Injection", all read 2025-2026.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rfm_ml.campaigns.cells import Noted, as_text, guarded
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.contacts import Row
from rfm_ml.campaigns.destinations.fields import Field
from rfm_ml.campaigns.destinations.files import LineSink, ParquetSink, Sink, json_line


class Generic(Destination):
    """Every column as it is; `properties` chooses among all columns, contact data included."""

    channel = "people"

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

    name = "csv"

    def header(self, column: str) -> str:
        """Return the name, harmless in a spreadsheet."""
        return str(guarded(column))

    def content(self, value: Any) -> Any:
        """Return the text, harmless in a spreadsheet."""
        return each(storable(value if isinstance(value, int | float | Decimal) else as_text(value)), guarded)


class JsonLines(Generic):
    """For programs: one object a line, missing values as null."""

    name = "jsonl"
    suffix = ".jsonl"

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open the file."""
        return LineSink(path, encode=json_line([f.header for f in fields]))


class Parquet(Generic):
    """For programs: columns with their types."""

    name = "parquet"
    suffix = ".parquet"

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


def each(value: Any, change: Any) -> Any:
    """Return the changed value, and keep what was noted of it before."""
    return Noted(change(value.value), value.reason) if type(value) is Noted else change(value)
