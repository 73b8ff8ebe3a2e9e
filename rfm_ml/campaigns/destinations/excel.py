"""Excel, for people.

Source: ECMA-376, Office Open XML; for texts that a spreadsheet would run, OWASP's page "CSV Injection", read 2025-2026.
"""

import re
import tempfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from xlsxwriter import Workbook

from rfm_ml.campaigns.cells import Noted, as_text, guarded
from rfm_ml.campaigns.destinations.fields import Field
from rfm_ml.campaigns.destinations.files import Cells, Sink
from rfm_ml.campaigns.destinations.generic import Generic, each
from rfm_ml.campaigns.private_files import open_private

MAX_ROWS: Final = 1_048_576
"""Rows of a sheet, its header included."""
MAX_BYTES: Final = 2_000_000_000
"""Bytes of a sheet before it is packed: above 2 GiB a zip file needs an extension that not every reader knows."""
MAX_CHARACTERS: Final = 32_767
"""Characters of a cell, as UTF-16 counts them."""

_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold."""
_CELL_BYTES: Final = 50
"""Bytes of a cell beside its text, at most."""
_FIRST_DAY: Final = date(1900, 3, 1)
"""Earlier days are text: Excel takes 1900 for a leap year."""
_WHOLE_DIGITS: Final = 10**15
"""Excel keeps 15 digits of a number; a longer one, such as an id, is written as text."""
_CREATED: Final = datetime(2000, 1, 1)
"""When every workbook says that it was made, so that the same list is the same bytes."""


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
        self._file = open_private(self._part())
        # Rows wait on disk, in a folder that nobody but its owner may open.
        self._rows = tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".")
        self._book = Workbook(self._file, {"constant_memory": True, "tmpdir": self._rows.name})
        self._book.set_properties({"created": _CREATED})
        self._sheet = self._book.add_worksheet("list")
        self._sheet.freeze_panes(1, 0)
        self._day = self._book.add_format({"num_format": "yyyy\\-mm\\-dd"})
        self.rows = self.size = 0
        bold = self._book.add_format({"bold": True})
        for column, name in enumerate(self.names):
            self._text(0, column, name, bold)

    def add(self, cells: Cells) -> None:
        """Write one row."""
        if self.rows == MAX_ROWS - 1 or self.size > MAX_BYTES:
            self.close()
            self._open()
        self.rows += 1
        for column, value in enumerate(cells):
            if value is not None:
                self._cell(column, value)

    def _cell(self, column: int, value: Any) -> None:
        self.size += _CELL_BYTES
        if isinstance(value, bool):
            self._sheet.write_boolean(self.rows, column, value)
        elif isinstance(value, int | float | Decimal) and -_WHOLE_DIGITS < value < _WHOLE_DIGITS:
            self._sheet.write_number(self.rows, column, value)
        elif (day := _whole_day(value)) is not None and day >= _FIRST_DAY:
            self._sheet.write_datetime(self.rows, column, day, self._day)
        else:
            self._text(self.rows, column, as_text(value))

    def _text(self, row: int, column: int, text: str, style: Any = None) -> None:
        legal = _ILLEGAL.sub("", text)
        self.size += len(escape(legal).encode())
        if legal.startswith("<r>") and legal.endswith("</r>"):
            # XlsxWriter takes such a text for markup, unless it is written in pieces.
            self._sheet.write_rich_string(row, column, legal[0], legal[1], legal[2:])
        else:
            self._sheet.write_string(row, column, legal, style)

    def close(self) -> None:
        """Finish this workbook."""
        part = self._part()
        try:
            self._book.close()
        finally:
            self._file.close()
            self._rows.cleanup()
        self._record(part)


def _whole_day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date() if value.time() == datetime.min.time() else None
    return value if isinstance(value, date) else None


def _sheet_text(text: str) -> Any:
    legal = _ILLEGAL.sub("", text)
    safe = guarded(legal)
    units = safe.encode("utf-16-le")
    if len(units) > 2 * MAX_CHARACTERS:
        cut = units[: 2 * MAX_CHARACTERS].decode("utf-16-le", errors="ignore")
        return Noted(cut, f"cut to {MAX_CHARACTERS:,} characters")
    return safe if legal == text else Noted(safe, "characters that Excel cannot hold were removed")
