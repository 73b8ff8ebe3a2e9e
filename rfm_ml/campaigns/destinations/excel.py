"""Excel, for people.

Source: ECMA-376, Office Open XML; for texts that a spreadsheet would run, OWASP's page "CSV Injection", read 2025-2026.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rfm_ml.campaigns.cells import Noted, as_text, guarded
from rfm_ml.campaigns.destinations.fields import Field
from rfm_ml.campaigns.destinations.files import Cells, Sink
from rfm_ml.campaigns.destinations.generic import Generic, each
from rfm_ml.campaigns.destinations.xlsx import ILLEGAL, MAX_BYTES, MAX_CHARACTERS, MAX_ROWS, Workbook
from rfm_ml.campaigns.private_files import open_private


class Excel(Generic):
    """For people: one sheet, dates as dates, long numbers as text, and as in CSV no text that Excel would run."""

    name = "excel"
    suffix = ".xlsx"

    def header(self, column: str) -> str:
        """Return the name, harmless in a spreadsheet."""
        return str(guarded(column))

    def content(self, value: Any) -> Any:
        """Return the value, as harmless text if it is text or a list."""
        if isinstance(value, list | tuple) or hasattr(value, "tolist"):
            value = as_text(value)
        return each(value, _sheet_text) if isinstance(value, str) else value

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open a workbook."""
        return ExcelSink(path, names=[f.header for f in fields])


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


def _sheet_text(text: str) -> Any:
    legal = ILLEGAL.sub("", text)
    safe = guarded(legal)
    if len(safe) > MAX_CHARACTERS:
        return Noted(safe[:MAX_CHARACTERS], f"cut to {MAX_CHARACTERS:,} characters")
    return safe if legal == text else Noted(safe, "characters that Excel cannot hold were removed")
