"""Tables and queries of any database that Ibis reads, copied in batches to a Parquet file."""

from pathlib import Path
from typing import Any

import ibis
import pyarrow.parquet as pq

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.files import first_line


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
        If the database cannot be opened or asked.
    """
    if (table is None) == (query is None):
        raise ParamsError("A database source must have a table or a query, one of the two. Check the params.")
    kind, _, place = url.partition("://")
    if kind in ("duckdb", "sqlite") and not Path(place).is_file():
        raise DataError(f"The database must exist. No file is at {place!r}. Check the path.")
    part = to.with_suffix(".part")
    try:
        source: Any = ibis.duckdb.connect(place, read_only=True) if kind == "duckdb" else ibis.connect(url)
        found = source.table(table) if table is not None else source.sql(query)
        batches = found.to_pyarrow_batches()
        with pq.ParquetWriter(part, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
        source.disconnect()
    except Exception as error:  # every backend has exceptions of its own
        part.unlink(missing_ok=True)
        # The address may hold a password: only its kind is named.
        raise DataError(f"The {kind} database must answer. It said: {first_line(error)}.") from None
    part.replace(to)
