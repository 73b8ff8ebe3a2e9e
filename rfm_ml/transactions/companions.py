"""Contacts and events: the tables that stand beside the order log."""

from pathlib import Path

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.columns import ColumnReader
from rfm_ml.transactions.engine import literal, one_row, quoted
from rfm_ml.transactions.files import SOURCE, RawLog


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
    others = [c for c in raw.columns if c in renamed and renamed[c] != "customer_id"]
    facts = "".join(f", {quoted(c)} AS {quoted(renamed[c])}" for c in others)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _contacts AS SELECT try_cast({reader.identifier('customer_id')} AS {ids}) "
        f"AS customer_id{facts}, {SOURCE} FROM _raw"
    )
    con.execute(
        f"COPY (SELECT * EXCLUDE ({SOURCE}) FROM _contacts WHERE customer_id IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY {SOURCE}) = 1 ORDER BY customer_id) "
        f"TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)"
    )
    total, known, distinct = one_row(
        con, "SELECT count(*), count(customer_id), count(DISTINCT customer_id) FROM _contacts"
    )
    left_out = {"contacts without a usable customer_id": total - known, "repeated contacts": known - distinct}
    return [*_reading(raw, "contacts"), *(f"{n:,} {what} were left out." for what, n in left_out.items() if n)]


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
        f", {quoted(c)} AS {quoted(renamed[c])}" for c in raw.columns if c in renamed and renamed[c] not in typed
    )
    when = reader.instant("event_at", date_format=date_format, time_zone=time_zone)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _events AS SELECT try_cast({reader.identifier('customer_id')} AS {ids}) "
        f"AS customer_id, {when} AS event_at, {reader.identifier('kind')} AS kind{others} FROM _raw"
    )
    whole = "customer_id IS NOT NULL AND event_at IS NOT NULL AND kind IS NOT NULL"
    con.execute(f"COPY (SELECT * FROM _events WHERE {whole}) TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)")
    (lost,) = one_row(con, f"SELECT count(*) FROM _events WHERE NOT ({whole})")
    notes = [f"{lost:,} events without a usable customer, date or kind were left out."] if lost else []
    return [*_reading(raw, "events"), *notes, *reader.notes]


def _reading(raw: RawLog, what: str) -> list[str]:
    """Return what the reader of the file had to say."""
    lost = len(raw.unreadable)
    return [*raw.notes, *([f"{lost:,} lines of the {what} could not be read and were left out."] if lost else [])]


def _reader(raw: RawLog, columns: dict[str, str], *, needed: tuple[str, ...], what: str) -> ColumnReader:
    for ours in (*needed, *columns):
        theirs = columns.get(ours, ours)
        if theirs not in raw.columns:
            raise DataError(
                f"{what} must have the column {theirs!r}. {did_you_mean(theirs, raw.columns)} "
                f"Map it in the params: columns: {{{ours}: ...}}."
            )
        if theirs in raw.repeated:
            raise DataError(f"{what} must have each column once. {theirs!r} is there more than once. Rename one.")
    own = {c: c for c in raw.columns if c not in columns.values() and c not in columns}
    raw.con.con.execute(f"CREATE OR REPLACE TEMP VIEW _raw AS {raw.con.compile(raw.table)}")
    return ColumnReader(raw, view="_raw", mapping=own | columns)
