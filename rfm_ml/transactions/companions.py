"""Contacts and events: the tables that stand beside the order log."""

from pathlib import Path
from typing import Any

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.files import FILE, ROW, RawLog
from rfm_ml.transactions.typed import ColumnReader, quoted


def write_contacts(raw: RawLog, to: Path, *, columns: dict[str, str], ids: str) -> list[str]:
    """Write a Parquet file with one row per contact: `customer_id` and every other column as it is.

    Parameters
    ----------
    raw
        The contacts as found.
    to
        Parquet file to write, sorted by customer.
    columns
        Our name to theirs.
    ids
        SQL type of the orders' customer ids, so that both tables join.

    Returns
    -------
    Notes on contacts left out: those without an id, and repeated ids (the first row counts).
    """
    reader = _reader(raw, columns, needed=("customer_id",), what="The contacts")
    con = raw.con.con
    renamed = {theirs: ours for ours, theirs in reader.mapping.items()}
    others = [c for c in raw.columns if renamed.get(c) != "customer_id"]
    facts = "".join(f", {quoted(c)} AS {quoted(renamed.get(c, c))}" for c in others)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _contacts AS SELECT try_cast({reader.identifier('customer_id')} AS {ids}) "
        f"AS customer_id{facts}, {ROW}, {FILE} FROM _raw"
    )
    con.execute(
        f"COPY (SELECT * EXCLUDE ({ROW}, {FILE}) FROM _contacts WHERE customer_id IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY {FILE}, {ROW}) = 1 ORDER BY customer_id) "
        f"TO '{to}' (FORMAT parquet, COMPRESSION zstd)"
    )
    total, known, distinct = con.execute(
        "SELECT count(*), count(customer_id), count(DISTINCT customer_id) FROM _contacts"
    ).fetchone()
    left_out = {"contacts without a usable customer_id": total - known, "repeated contacts": known - distinct}
    return [f"{n:,} {what} were left out." for what, n in left_out.items() if n]


def write_events(
    raw: RawLog, to: Path, *, columns: dict[str, str], ids: str, date_format: list[str] | None, time_zone: str
) -> list[str]:
    """Write a Parquet file of events: `customer_id, event_at, kind` and every other column as it is.

    Returns
    -------
    Notes on events left out for want of a customer, a date or a kind.
    """
    reader = _reader(raw, columns, needed=("customer_id", "event_at", "kind"), what="The events")
    con = raw.con.con
    renamed = {theirs: ours for ours, theirs in reader.mapping.items()}
    typed = ("customer_id", "event_at", "kind")
    others = "".join(
        f", {quoted(c)} AS {quoted(renamed.get(c, c))}" for c in raw.columns if renamed.get(c) not in typed
    )
    when = reader.instant("event_at", date_format=date_format, time_zone=time_zone)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _events AS SELECT try_cast({reader.identifier('customer_id')} AS {ids}) "
        f"AS customer_id, {when} AS event_at, {reader.identifier('kind')} AS kind{others} FROM _raw"
    )
    whole = "customer_id IS NOT NULL AND event_at IS NOT NULL AND kind IS NOT NULL"
    con.execute(f"COPY (SELECT * FROM _events WHERE {whole}) TO '{to}' (FORMAT parquet, COMPRESSION zstd)")
    lost = con.execute(f"SELECT count(*) FROM _events WHERE NOT ({whole})").fetchone()[0]
    notes = [f"{lost:,} events without a usable customer, date or kind were left out."] if lost else []
    return notes + reader.notes


def _reader(raw: RawLog, columns: dict[str, str], *, needed: tuple[str, ...], what: str) -> ColumnReader:
    mapping = {c: c for c in raw.columns} | columns
    for ours in needed:
        theirs = mapping.get(ours, ours)
        if theirs not in raw.columns:
            raise DataError(
                f"{what} must have the column {theirs!r}. {did_you_mean(theirs, raw.columns)} "
                f"Map it in the params: columns: {{{ours}: ...}}."
            )
    # A column mapped to one of our names must not also appear under its own.
    mapping = {ours: theirs for ours, theirs in mapping.items() if ours in columns or theirs not in columns.values()}
    raw.con.con.execute(f"CREATE OR REPLACE TEMP VIEW _raw AS SELECT * FROM ({raw.con.compile(raw.table)})")
    types: dict[str, Any] = {c: str(t) for c, t in raw.table.schema().items()}
    return ColumnReader(raw.con.con, types, mapping, None)
