"""Excel workbooks as raw tables: text stays text, so ids keep their zeros."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.files import RawLog, load_frame, unique_names


def load_excel(con: Any, files: list[Path], *, sheet: str | int = 0) -> RawLog:
    """Read one sheet of an Excel workbook, by name or number from 0; its first row names the columns.

    Raises
    ------
    DataError
        If the file is no workbook, lacks the sheet, or the sheet is empty.
    """
    if len(files) > 1:
        raise DataError(f"An Excel source must be one file. Got {len(files)}. Save them as CSV or name one.")
    file = files[0]
    try:
        with pd.ExcelFile(file, engine="openpyxl") as book:
            sheets = [str(s) for s in book.sheet_names]
            chosen = _choose(sheets, sheet, file=file)
            cells = pd.read_excel(book, sheet_name=chosen, header=None, dtype=object)
    except DataError:
        raise
    except Exception:  # openpyxl raises half a dozen unrelated types for damaged files
        raise DataError(
            f"The file must be an Excel workbook (.xlsx). {file.name!r} cannot be opened as one. "
            "Open it in Excel and save it as .xlsx or CSV."
        ) from None
    if cells.empty:
        raise DataError(f"The sheet must begin with a row of column names. {chosen!r} of {file.name!r} is empty.")
    names, repeated = unique_names("" if pd.isna(v) else str(v) for v in cells.iloc[0])
    frame = cells.iloc[1:].set_axis(list(names), axis=1)
    frame = frame.set_axis(range(2, len(frame) + 2), axis=0).dropna(how="all")  # rows as Excel numbers them
    rows = frame.index.to_series()
    raw = load_frame(con, _one_type_each(frame.reset_index(drop=True)), files=(file,), rows=rows.to_list())
    several = f"{file.name} has {len(sheets)} sheets; the first one, {chosen!r}, was read. Set sheet for another."
    notes = (several,) if len(sheets) > 1 and sheet == 0 else ()
    return RawLog(con, raw.table, raw.columns, raw.files, notes=notes, repeated=repeated)


def _choose(sheets: list[str], sheet: str | int, *, file: Path) -> str:
    if isinstance(sheet, int) and 0 <= sheet < len(sheets):
        return sheets[sheet]
    if sheet in sheets:
        return str(sheet)
    raise DataError(
        f"The sheet must be in the workbook. {file.name!r} has no sheet {sheet!r}. {did_you_mean(str(sheet), sheets)}"
    )


def _one_type_each(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each column the type its cells share; a column of mixed text, numbers and dates is text."""
    return pd.DataFrame({name: _one_type(frame[name]) for name in frame.columns}, index=frame.index)


def _one_type(cells: pd.Series) -> pd.Series:
    there = cells.dropna()
    kinds = {type(v) for v in there}
    if kinds and kinds <= {datetime, pd.Timestamp}:
        return pd.to_datetime(cells)
    if kinds == {int} and there.abs().max() < 2**63:
        return cells.astype("Int64")
    if kinds and kinds <= {int, float}:
        return cells.astype("Float64")
    return cells.map(lambda v: None if pd.isna(v) else str(v)).astype("string")
