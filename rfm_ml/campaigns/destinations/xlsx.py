"""A workbook of one sheet, written row by row.

openpyxl stamps the time of writing into every file, goes through a temporary file beside and takes minutes for a
million rows. A list must be the same bytes for the same input and must never lie in a file that others can read.

Notes
-----
ECMA-376, Office Open XML, part 1: 18.3 (worksheets, cells with inline strings), 18.8 (styles).
"""

import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final
from xml.sax.saxutils import escape

from rfm_ml.campaigns.cells import as_text

MAX_ROWS: Final = 1_048_576
"""Rows of a sheet, its header included."""
MAX_BYTES: Final = 2_000_000_000
"""Bytes of a sheet before it is packed: above 2 GiB a zip file needs an extension that not every reader knows."""
MAX_CHARACTERS: Final = 32_767
"""Characters of a cell."""

ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold."""

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPES: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
    '<sheets><sheet name="list" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    # Style 1 is bold (the header), style 2 a date.
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="1">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_SHEET_START: Final = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_DAY_ZERO: Final = date(1899, 12, 30)
"""Day 0 of a workbook, right for every day from 1 March 1900 on."""
_FIRST_DAY: Final = date(1900, 3, 1)
_WHOLE_DIGITS: Final = 10**15
"""Excel keeps 15 digits of a number; a longer one, such as an id, is written as text."""


class Workbook:
    """A workbook that is written to an open file; `close` closes the file as well."""

    def __init__(self, file: BinaryIO, *, header: Sequence[str]) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        for name, content in _PARTS.items():
            self._zip.writestr(_entry(name), _HEAD + content)
        self._sheet = self._zip.open(_entry("xl/worksheets/sheet1.xml"), "w")
        self.size = self._sheet.write(_SHEET_START.encode())
        self._row([_text(h, style=1) for h in header])

    def add(self, cells: Sequence[Any]) -> None:
        """Write one row."""
        self._row(map(_cell, cells))

    def _row(self, cells: Any) -> None:
        self.size += self._sheet.write(f"<row>{''.join(cells)}</row>".encode())

    def close(self) -> None:
        """Finish the workbook."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()
        self._file.close()


def _entry(name: str) -> zipfile.ZipInfo:
    """Return a zip entry with a date that is always the same."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | Decimal) and -_WHOLE_DIGITS < value < _WHOLE_DIGITS:
        return f"<c><v>{value}</v></c>"
    midnight = not isinstance(value, datetime) or value.time() == datetime.min.time()
    if isinstance(value, date) and midnight:
        day = value.date() if isinstance(value, datetime) else value
        if day >= _FIRST_DAY:
            return f'<c s="2"><v>{(day - _DAY_ZERO).days}</v></c>'
    return _text(as_text(value))


def _text(text: str, *, style: int = 0) -> str:
    # Excel reads _x000D_ as a carriage return; the underscore of such a text is escaped, as Excel does itself.
    legal = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", ILLEGAL.sub("", text)).replace("\r", "_x000D_")
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(legal)}</t></is></c>'
