"""Where orders and their companions come from: files, databases, data sets."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import ibis
import pyarrow.parquet as pq

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.csv_files import csv_columns, load_csv
from rfm_ml.transactions.datasets import dataset
from rfm_ml.transactions.engine import first_line, literal, quoted
from rfm_ml.transactions.files import RawLog, file_names, find_files, load_excel, load_parquet

_ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm"), "excel"),
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
    data = dataset(name, **options)
    files = data.find(folder, **options)
    return Source(files, lambda con: data.load(con, files), data.columns)


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


def copy_database(url: str, to: Path, *, table: str | None = None, query: str | None = None) -> None:
    """Copy a table, or the answer to a query, to the Parquet file `to`: whole or not at all."""
    if (table is None) == (query is None):
        raise ParamsError("A database source must have a table or a query, one of the two. Check the params.")
    kind, sign, place = url.partition("://")
    if not sign:
        raise ParamsError("database must be an address such as duckdb://shop.duckdb or sqlite://shop.db.")
    if kind in ("duckdb", "sqlite") and not Path(place).is_file():
        raise DataError(f"The database must exist. No file is at {place!r}. Check the path.")
    part = to.with_suffix(".part")
    copy = _copy_duckdb if kind == "duckdb" else _copy_ibis
    try:
        copy(place if kind == "duckdb" else url, part, table=table, query=query)
    except DataError:
        raise
    except Exception as error:  # every backend has exceptions of its own
        # The address may hold a password: only its kind is named.
        message = first_line(error)
        for secret in (url, place, urlsplit(url).password):
            message = message.replace(secret, "...") if secret else message
        raise DataError(
            f"The {kind} database must answer. It said: {message}. Check database, table and query."
        ) from None
    else:
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _copy_duckdb(place: str, to: Path, *, table: str | None, query: str | None) -> None:
    with duckdb.connect(place, read_only=True) as source:
        if table is not None:
            known = [n for (n,) in source.execute("SELECT table_name FROM information_schema.tables").fetchall()]
            _require_table(table, known)
        rows = f"SELECT * FROM {quoted(table)}" if table is not None else str(query).rstrip().rstrip(";")
        source.execute(f"COPY ({rows}) TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)")


def _copy_ibis(url: str, to: Path, *, table: str | None, query: str | None) -> None:
    source: Any = ibis.connect(url)
    try:
        if table is not None:
            _require_table(table, source.list_tables())
        rows = source.table(table) if table is not None else source.sql(str(query).rstrip().rstrip(";"))
        batches = rows.to_pyarrow_batches()
        with pq.ParquetWriter(to, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    finally:
        source.disconnect()


def _require_table(table: str, known: list[str]) -> None:
    if table not in known:
        raise DataError(f"The table must be in the database. There is no {table!r}. {did_you_mean(table, known)}")
