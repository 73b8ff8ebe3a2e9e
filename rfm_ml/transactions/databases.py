"""Tables and queries of any database that Ibis reads, copied in batches to a Parquet file."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import ibis
import pyarrow.parquet as pq

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.engine import first_line, literal, quoted


def copy_database(url: str, to: Path, *, table: str | None = None, query: str | None = None) -> None:
    """Copy a table, or the answer to a query, to the Parquet file `to`.

    Parameters
    ----------
    url
        As Ibis takes it: `duckdb://shop.duckdb`, `sqlite://shop.db`, `postgres://...`.
    to
        Written whole or not at all.
    table, query
        Which one to copy; exactly one.

    Raises
    ------
    ParamsError
        Unless exactly one of `table` and `query` is given.
    DataError
        If the database cannot be opened or asked, or does not have the table.
    """
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
        said = first_line(error)
        for secret in (url, place, urlsplit(url).password):
            said = said.replace(secret, "...") if secret else said
        raise DataError(f"The {kind} database must answer. It said: {said}. Check database, table and query.") from None
    else:
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _copy_duckdb(place: str, to: Path, *, table: str | None, query: str | None) -> None:
    with duckdb.connect(place, read_only=True) as source:
        if table is not None:
            known = [n for (n,) in source.execute("SELECT table_name FROM information_schema.tables").fetchall()]
            _require_table(table, known)
        wanted = f"SELECT * FROM {quoted(table)}" if table is not None else str(query).rstrip().rstrip(";")
        source.execute(f"COPY ({wanted}) TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)")


def _copy_ibis(url: str, to: Path, *, table: str | None, query: str | None) -> None:
    source: Any = ibis.connect(url)
    try:
        if table is not None:
            _require_table(table, source.list_tables())
        found = source.table(table) if table is not None else source.sql(str(query).rstrip().rstrip(";"))
        batches = found.to_pyarrow_batches()
        with pq.ParquetWriter(to, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    finally:
        source.disconnect()


def _require_table(table: str, known: list[str]) -> None:
    if table not in known:
        raise DataError(f"The table must be in the database. There is no {table!r}. {did_you_mean(table, known)}")
