"""Files as raw tables inside the engine: every row numbered, nothing interpreted yet."""

import glob
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd
import pyarrow as pa

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.engine import literal, new_name, register

SOURCE: Final = "_source"
"""Where a row stands: number of its file (from 0) times FILE_STRIDE, plus its row in that file."""
FILE_STRIDE: Final = 1_000_000_000_000


@dataclass(frozen=True)
class RawLog:
    """An order log as it was found: source columns plus `_source`, which says where each row stands.

    `unreadable` has one row per line the reader could not cut into columns (`_source`, `reason`).
    `repeated` names columns that are there more than once: nobody can say which one is meant.
    """

    con: Any
    table: Any
    columns: tuple[str, ...]
    files: tuple[Path, ...] = ()
    unreadable: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    repeated: frozenset[str] = field(default_factory=frozenset)

    @property
    def file_names(self) -> list[str]:
        """Names of the files as a reader knows them, in the order of their numbers."""
        return file_names(self.files) or [""]


def file_names(files: Iterable[Path]) -> list[str]:
    """Return paths below the folder that all files share, so that no machine's folders show.

    Examples
    --------
    >>> file_names([Path("/data/2024/orders.csv"), Path("/data/2025/orders.csv")])
    ['2024/orders.csv', '2025/orders.csv']
    >>> file_names([Path("/data/orders.csv")])
    ['orders.csv']
    """
    paths = [Path(os.path.abspath(f)) for f in files]  # noqa: PTH100 - names must not follow symbolic links
    if not paths:
        return []
    shared = Path(os.path.commonpath([p.parent for p in paths]))
    return [p.relative_to(shared).as_posix() for p in paths]


def find_files(path: str | Path) -> list[Path]:
    """Return the files a path, folder or glob stands for, sorted by name; refuse one that may not be read."""
    text = str(path)
    place = Path(text).expanduser()
    if place.is_dir():
        files = sorted(p for p in place.rglob("*.parquet") if p.is_file())
        if not files:
            raise DataError(
                f"A folder must hold Parquet files. {text!r} is a folder without any. "
                "Name the file itself, or a pattern such as 'orders/*.csv'."
            )
    elif place.is_file():  # a name may hold the signs of a pattern, as in "orders [1].csv"
        files = [place]
    else:
        files = sorted(Path(p) for p in glob.glob(str(place), recursive=True) if Path(p).is_file())  # noqa: PTH207
    if not files:
        raise DataError(
            f"The data file must exist. Nothing is at {text!r} (looked from {Path.cwd().name!r}). Check the path."
        )
    for file in files:
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise DataError(
                f"The data file must be readable. {str(file)!r}: {error.strerror}. Check its permissions."
            ) from None
    return files


def load_parquet(con: Any, files: list[Path]) -> RawLog:
    """Register Parquet files as a raw table; the engine reads them when they are needed."""
    name = new_name()
    paths = ", ".join(literal(str(f)) for f in files)
    # The engine numbers files and rows of a file itself.
    numbers = f"(file_index * {FILE_STRIDE} + file_row_number + 1)::BIGINT AS {SOURCE}"
    try:
        con.con.execute(
            f"CREATE TEMP VIEW {name} AS SELECT *, {numbers} FROM read_parquet([{paths}], union_by_name = true)"
        )
        table = con.table(name)
    except duckdb.Error:
        bad = next((f for f in files if f.read_bytes()[:4] != b"PAR1"), None)
        if bad is None:
            fault = "The columns of these files do not fit together, or a file is damaged"
            raise DataError(
                f"Parquet files of one source must be whole and alike. {fault}: {', '.join(file_names(files)[:5])}. "
                "Load one of them by itself to find out."
            ) from None
        raise DataError(
            f"The file must be Parquet. {str(bad)!r} is not. If it is text, give it the ending .csv."
        ) from None
    columns = tuple(c for c in table.columns if c != SOURCE)
    hidden = {"file_index", "file_row_number"} & set(columns)
    if hidden:
        raise DataError(f"A Parquet column must not be named {hidden.pop()!r}: the engine uses it. Rename it.")
    return RawLog(con, table, columns, tuple(files))


def load_frame(
    con: Any, frame: pd.DataFrame, *, files: tuple[Path, ...] = (), first_row: int = 1, rows: list[int] | None = None
) -> RawLog:
    """Register a pandas frame as a raw table; rows are numbered from `first_row`, or as `rows` says."""
    columns = tuple(str(c) for c in frame.columns)
    numbered = frame.set_axis(list(columns), axis=1)
    numbered[SOURCE] = range(first_row, first_row + len(frame)) if rows is None else rows
    name = new_name()
    register(con.con, "_frame", pa.Table.from_pandas(numbered, preserve_index=False))
    con.con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM _frame")
    con.con.unregister("_frame")
    return RawLog(con, con.table(name), columns, files)


def unique_names(names: Iterable[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return column names that the engine can tell apart, and those names that were there more than once.

    Examples
    --------
    >>> unique_names(["id", "amount", "Amount", ""])[0]
    ('id', 'amount', 'Amount_2', 'column_4')
    """
    headings = [str(n).strip() or f"column_{i + 1}" for i, n in enumerate(names)]
    # The engine does not tell names apart by case, so neither do we.
    counts = Counter(n.lower() for n in headings)
    taken: set[str] = set()
    result = []
    for name in headings:
        number, unique = 1, name
        while unique.lower() in taken or (number > 1 and unique.lower() in counts):
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.lower())
        result.append(unique)
    return tuple(result), frozenset(n for n in headings if counts[n.lower()] > 1)


def load_excel(con: Any, files: list[Path], *, sheet: str | int = 0) -> RawLog:
    """Read one sheet of an Excel workbook, by name or number from 0; its first row names the columns."""
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
