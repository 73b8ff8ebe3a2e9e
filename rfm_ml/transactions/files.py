"""Files as raw tables inside the engine: every row numbered, nothing interpreted yet."""

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd

from rfm_ml.core.errors import DataError

ROW = "_source_row"
FILE = "_source_file"


@dataclass(frozen=True)
class RawLog:
    """An order log as it was found: source columns plus `_source_row` and `_source_file`.

    `unreadable` has one row per line the reader could not cut into columns (file, row, reason).
    """

    con: Any
    table: Any
    columns: tuple[str, ...]
    files: tuple[Path, ...] = ()
    unreadable: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"source_file": [], "source_row": [], "reason": []})
    )
    notes: tuple[str, ...] = ()


def find_files(path: str | Path) -> list[Path]:
    """Return the files a path, folder or glob stands for, sorted by name.

    Raises
    ------
    DataError
        If nothing is there, or a file may not be read.
    """
    text = str(path)
    place = Path(text).expanduser()
    if place.is_dir():
        found = sorted(p for p in place.rglob("*.parquet") if p.is_file())
        if not found:
            raise DataError(
                f"A folder must hold Parquet files. {text!r} is a folder without any. "
                "Name the file itself, or a pattern such as 'orders/*.csv'."
            )
    else:
        found = sorted(
            Path(p)
            for p in glob.glob(str(place), recursive=True)  # noqa: PTH207 - patterns can be absolute
            if Path(p).is_file()
        )
    if not found:
        raise DataError(
            f"The data file must exist. Nothing is at {text!r} (looked from {Path.cwd().name!r}). Check the path."
        )
    for file in found:
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise DataError(
                f"The data file must be readable. {str(file)!r}: {error.strerror}. Check its permissions."
            ) from None
    return found


def load_parquet(con: Any, files: list[Path]) -> RawLog:
    """Register Parquet files as a raw table; the engine reads them when they are needed."""
    try:
        table = con.read_parquet([str(f) for f in files], file_row_number=True, filename=True, union_by_name=True)
    except duckdb.Error as error:
        raise DataError(
            f"The file must be Parquet. {str(files[0])!r} is not: {first_line(error)}. "
            "If it is text, give it the ending .csv."
        ) from None
    columns = tuple(c for c in table.columns if c not in ("file_row_number", "filename"))
    table = table.rename({ROW: "file_row_number", FILE: "filename"})
    return RawLog(con, table.mutate(**{ROW: table[ROW] + 1}), columns, tuple(files))


def load_frame(con: Any, frame: pd.DataFrame, *, files: tuple[Path, ...] = (), first_row: int = 1) -> RawLog:
    """Register a pandas frame as a raw table; rows are numbered from `first_row`."""
    columns = tuple(str(c) for c in frame.columns)
    numbered = frame.set_axis(list(columns), axis=1)
    numbered[ROW] = range(first_row, first_row + len(frame))
    numbered[FILE] = files[0].name if files else ""
    return RawLog(con, con.create_table("raw_frame", ibis.memtable(numbered), temp=True), columns, files)


def load_excel(con: Any, files: list[Path], *, sheet: str | int = 0) -> RawLog:
    """Read the first (or named) sheet of an Excel file; text stays text, so ids keep their zeros."""
    if len(files) > 1:
        raise DataError(f"An Excel source must be one file. Got {len(files)}. Save them as CSV or name one.")
    try:
        frame = pd.read_excel(files[0], sheet_name=sheet, dtype=object)
    except Exception as error:  # openpyxl raises half a dozen unrelated types for damaged files
        raise DataError(
            f"The file must be an Excel workbook (.xlsx). {str(files[0])!r}: {first_line(error)}."
        ) from None
    frame = frame.convert_dtypes()
    for name in frame.columns:
        # A column of mixed text and numbers has no single type in the engine: it is text.
        if frame[name].dtype == object:
            frame[name] = frame[name].map(lambda v: None if pd.isna(v) else str(v)).astype("string")
    return load_frame(con, frame, files=(files[0],), first_row=2)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, for a sentence of our own."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
