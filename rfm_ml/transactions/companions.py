"""Contacts, events, campaigns and products: the tables that stand beside the order log."""

from pathlib import Path
from typing import Any, Final

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.columns import ColumnReader
from rfm_ml.transactions.engine import literal, one_row, quoted
from rfm_ml.transactions.files import SOURCE, RawLog

LEFT_OUT: Final = "left_out.parquet"
"""Beside the contacts: their rows that are left out, for an opt-out holds in whichever row it stands."""

_TREATED: Final = ("treatment", "treated", "test")
_HELD_OUT: Final = ("control", "holdout", "hold-out")


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
    facts = _others(raw, reader, typed=("customer_id",))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _contacts AS SELECT try_cast({reader.identifier('customer_id')} AS {ids}) "
        f"AS customer_id{facts}, {SOURCE} FROM _raw"
    )
    first = f"customer_id IS NOT NULL AND row_number() OVER (PARTITION BY customer_id ORDER BY {SOURCE}) = 1"
    for file, rows in {to: first, to.with_name(LEFT_OUT): f"NOT ({first})"}.items():
        con.execute(
            f"COPY (SELECT * EXCLUDE ({SOURCE}) FROM _contacts QUALIFY {rows} ORDER BY customer_id, {SOURCE}) "
            f"TO {literal(str(file))} (FORMAT parquet, COMPRESSION zstd)"
        )
    total, known, distinct = one_row(
        con, "SELECT count(*), count(customer_id), count(DISTINCT customer_id) FROM _contacts"
    )
    left_out = {"contacts without a usable customer_id": total - known, "repeated contacts": known - distinct}
    notes = [f"{n:,} {what} were left out; their opt-outs count." for what, n in left_out.items() if n]
    return [*_reading(raw, "contacts"), *notes]


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
    others = _others(raw, reader, typed=("customer_id", "event_at", "kind"))
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


def write_campaigns(
    raw: RawLog, to: Path, *, columns: dict[str, str], ids: str, date_format: list[str] | None, time_zone: str
) -> list[str]:
    """Write a Parquet file with one row per campaign, customer and instant it was sent.

    `campaign_id, customer_id, sent_at`; where they exist `group` ('treatment' or 'control', who was held out and got
    nothing), `cost` (of this message, in currency) and `ends_at`; every other column as it is.

    Returns
    -------
    Notes on rows left out: without a campaign, customer or date, with a group that is neither, repeated ones. Also
    on customers who are in both groups of a campaign; they stay.
    """
    needed = ("campaign_id", "customer_id", "sent_at")
    reader = _reader(raw, columns, needed=needed, what="The campaigns")
    con = raw.con.con
    facts = {
        "campaign_id": reader.identifier("campaign_id"),
        "customer_id": f"try_cast({reader.identifier('customer_id')} AS {ids})",
        "sent_at": reader.instant("sent_at", date_format=date_format, time_zone=time_zone),
    }
    if "ends_at" in reader.mapping:
        facts["ends_at"] = reader.instant("ends_at", date_format=date_format, time_zone=time_zone)
    if "cost" in reader.mapping:
        facts["cost"] = reader.number("cost")
    if "group" in reader.mapping:
        facts["group"] = _group(reader.identifier("group"))
    select = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in facts.items())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _campaigns AS SELECT {select}{_others(raw, reader, typed=tuple(facts))}, "
        f"{SOURCE} FROM _raw"
    )
    whole = " AND ".join(f"{name} IS NOT NULL" for name in needed)
    known = '"group" <> \'unknown\' OR "group" IS NULL' if "group" in facts else "true"
    first = f"row_number() OVER (PARTITION BY {', '.join(needed)} ORDER BY {SOURCE}) = 1"
    con.execute(
        f"COPY (SELECT * EXCLUDE ({SOURCE}) FROM _campaigns WHERE {whole} AND ({known}) QUALIFY {first} "
        f"ORDER BY {', '.join(needed)}) TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)"
    )
    total, usable, counted, kept = one_row(
        con,
        f"SELECT count(*), count(*) FILTER ({whole}), count(*) FILTER ({whole} AND ({known})), "
        f"(SELECT count(*) FROM {literal(str(to))}) FROM _campaigns",
    )
    left_out = {
        "campaign rows without a usable campaign, customer or date": total - usable,
        "campaign rows with a group that is neither treatment nor control": usable - counted,
        "repeated campaign rows": counted - kept,
    }
    notes = [f"{n:,} {what} were left out." for what, n in left_out.items() if n]
    return [*_reading(raw, "campaigns"), *notes, *_in_both(con, to, grouped="group" in facts), *reader.notes]


def write_products(raw: RawLog, to: Path, *, columns: dict[str, str], ids: str | None) -> list[str]:
    """Write a Parquet file with one row per product: `product_id` and every other column as it is.

    Parameters
    ----------
    raw
        The products as found; `margin`, where it exists, is the share of the price that is earned.
    to
        Parquet file to write, sorted by product.
    columns
        Our name to theirs.
    ids
        SQL type of the product ids of the order lines, so that both tables join; None if there are none.

    Returns
    -------
    Notes on products left out: those without an id, and repeated ids (the first row counts).

    Raises
    ------
    DataError
        If a margin is above 1, as one in percent would be.
    """
    reader = _reader(raw, columns, needed=("product_id",), what="The products")
    con = raw.con.con
    product = reader.identifier("product_id")
    facts = {"product_id": f"try_cast({product} AS {ids})" if ids else product}
    if "margin" in reader.mapping:
        facts["margin"] = reader.number("margin")
    select = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in facts.items())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _products AS SELECT {select}{_others(raw, reader, typed=tuple(facts))}, "
        f"{SOURCE} FROM _raw"
    )
    if "margin" in facts:
        (most,) = one_row(con, "SELECT max(margin) FROM _products")
        if most is not None and most > 1:
            raise DataError(
                f"The margin of a product must be a share of its price, at most 1. Got {most:f}. "
                "Divide margins in percent by 100."
            )
    con.execute(
        f"COPY (SELECT * EXCLUDE ({SOURCE}) FROM _products WHERE product_id IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY {SOURCE}) = 1 ORDER BY product_id) "
        f"TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)"
    )
    total, known, distinct = one_row(
        con, "SELECT count(*), count(product_id), count(DISTINCT product_id) FROM _products"
    )
    left_out = {"products without a usable product_id": total - known, "repeated products": known - distinct}
    notes = [f"{n:,} {what} were left out." for what, n in left_out.items() if n]
    return [*_reading(raw, "products"), *notes, *reader.notes]


def _group(word: str) -> str:
    """Return SQL for the group of a campaign row: treatment, control, unknown, or NULL where it is blank."""
    treated = ", ".join(map(literal, _TREATED))
    held_out = ", ".join(map(literal, _HELD_OUT))
    return (
        f"CASE WHEN {word} IS NULL THEN NULL WHEN lower(({word})::VARCHAR) IN ({treated}) THEN 'treatment' "
        f"WHEN lower(({word})::VARCHAR) IN ({held_out}) THEN 'control' ELSE 'unknown' END"
    )


def _in_both(con: Any, campaigns: Path, *, grouped: bool) -> list[str]:
    """Return a note on customers who are in both groups of a campaign, which spoils a comparison of the two."""
    if not grouped:
        return []
    (both,) = one_row(
        con,
        f"SELECT count(*) FROM (SELECT 1 FROM {literal(str(campaigns))} GROUP BY campaign_id, customer_id "
        'HAVING count(DISTINCT "group") > 1)',
    )
    return [f"{both:,} customers are in both groups of a campaign."] if both else []


def _others(raw: RawLog, reader: ColumnReader, *, typed: tuple[str, ...]) -> str:
    """Return the columns that are taken as they are, as the end of a SELECT list."""
    renamed = {theirs: ours for ours, theirs in reader.mapping.items()}
    names = [c for c in raw.columns if c in renamed and renamed[c] not in typed]
    return "".join(f", {quoted(c)} AS {quoted(renamed[c])}" for c in names)


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
