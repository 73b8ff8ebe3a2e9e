"""One door for every order log: files, databases, data sets."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.csv_files import csv_columns, load_csv
from rfm_ml.transactions.databases import copy_database
from rfm_ml.transactions.datasets import dataset
from rfm_ml.transactions.engine import literal
from rfm_ml.transactions.excel import load_excel
from rfm_ml.transactions.files import RawLog, file_names, find_files, load_parquet

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
}


def connect(folder: Path, *, memory_gb: float = 6, threads: int | None = None) -> Any:
    """Open an engine (DuckDB through Ibis) that spills to `folder` when `memory_gb` do not suffice."""
    con = ibis.duckdb.connect()
    con.con.execute(f"SET temp_directory = {literal(str(folder))}")
    # What is written must not depend on the zone of the machine.
    con.con.execute("SET TimeZone = 'UTC'")
    con.con.execute(f"SET memory_limit = '{memory_gb}GB'")
    if threads is not None:
        con.con.execute(f"SET threads = {threads}")
    return con


@dataclass(frozen=True)
class Source:
    """An order log before it is read: its files, how to load them, and how its columns map to ours."""

    files: tuple[Path, ...]
    load: Callable[[Any], RawLog]
    columns: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """Digest of the files' names and bytes."""
        digest = hashlib.sha256()
        for file, name in zip(self.files, file_names(self.files), strict=True):
            digest.update(name.encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()[:16]


def file_source(
    path: str | Path,
    *,
    file_format: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | int = 0,
) -> Source:
    """Find an order log on disk: a file, a folder of Parquet files or a pattern.

    Parameters
    ----------
    path
        As in `orders.csv.gz`, `orders/2024-*.parquet`.
    file_format
        `csv`, `parquet` or `excel`; None to go by the ending.
    separator, encoding
        For CSV; None to find out.
    sheet
        For Excel: name or number of the sheet.

    Raises
    ------
    DataError
        If nothing is there or its kind is unknown.
    """
    files = find_files(path)
    kinds = {file_format} if file_format else {_format(f) for f in files}
    if len(kinds) > 1:
        raise DataError(f"All files of one source must be of one kind. Got {', '.join(sorted(kinds))}.")
    load = {
        "parquet": lambda con: load_parquet(con, files),
        "excel": lambda con: load_excel(con, files, sheet=sheet),
        "csv": lambda con: load_csv(con, files, separator=separator, encoding=encoding),
    }[kinds.pop()]
    return Source(tuple(files), load, {})


def source_columns(path: str | Path) -> tuple[str, ...]:
    """Return the columns of an order log on disk, as they are named there.

    Raises
    ------
    DataError
        As `file_source` and its readers do.
    """
    files = find_files(path)
    if _format(files[0]) == "csv":
        return csv_columns(files[0])
    return file_source(path).load(ibis.duckdb.connect()).columns


def dataset_source(name: str, folder: Path, **options: Any) -> Source:
    """Find a data set; generated ones are written to `folder` first."""
    found = dataset(name, **options)
    files = found.find(folder, **options)
    return Source(files, lambda con: found.load(con, files), found.columns)


def database_source(
    url: str, folder: Path, *, table: str | None = None, query: str | None = None, refresh: bool = False
) -> Source:
    """Copy orders out of a database to `folder`, unless that copy is there and `refresh` is not asked for."""
    name = hashlib.sha256(repr((url, table, query)).encode()).hexdigest()[:16]
    copy = folder / f"database-{name}.parquet"
    if refresh or not copy.exists():
        copy_database(url, copy, table=table, query=query)
    return Source((copy,), lambda con: load_parquet(con, [copy]), {})


def _format(file: Path) -> str:
    ending = Path(file.stem).suffix if file.suffix == ".gz" else file.suffix
    kind = _ENDINGS.get(ending.lower())
    if ending.lower() == ".xls":
        raise DataError(f"An Excel file must be .xlsx. {file.name!r} is of the old kind. Save it as .xlsx or CSV.")
    if kind is None:
        raise DataError(
            f"The kind of a file must be known. {file.name!r} ends in {ending or 'nothing'!r}. "
            "Set format: csv, parquet or excel in the params."
        )
    return kind
