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
    _make_table(raw, reader, "_contacts", {"customer_id": f"try_cast({reader.identifier('customer_id')} AS {ids})"})
    first = f"customer_id IS NOT NULL AND {_first_of('customer_id')}"
    for file, rows in {to: first, to.with_name(LEFT_OUT): f"NOT ({first})"}.items():
        _copy(raw, f"FROM _contacts QUALIFY {rows} ORDER BY customer_id, {SOURCE}", file)
    left_out = _repeated(raw, "_contacts", "customer_id", what="contacts")
    return [*_reading(raw, "contacts"), *_notes(left_out, end="; their opt-outs count.")]


def write_events(
    raw: RawLog, to: Path, *, columns: dict[str, str], ids: str, date_format: list[str] | None, time_zone: str
) -> list[str]:
    """Write a Parquet file of events: `customer_id, event_at, kind` and every other column as it is.

    Returns
    -------
    Notes on events left out for want of a customer, a date or a kind.
    """
    needed = ("customer_id", "event_at", "kind")
    reader = _reader(raw, columns, needed=needed, what="The events")
    facts = {
        "customer_id": f"try_cast({reader.identifier('customer_id')} AS {ids})",
        "event_at": reader.instant("event_at", date_format=date_format, time_zone=time_zone),
        "kind": reader.identifier("kind"),
    }
    _make_table(raw, reader, "_events", facts)
    whole = _all_there(needed)
    _copy(raw, f"FROM _events WHERE {whole}", to)
    (lost,) = one_row(raw.con.con, f"SELECT count(*) FROM _events WHERE NOT ({whole})")
    left_out = {"events without a usable customer, date or kind": lost}
    return [*_reading(raw, "events"), *_notes(left_out), *reader.notes]


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
    _make_table(raw, reader, "_campaigns", facts)
    whole, key = _all_there(needed), ", ".join(needed)
    known = '"group" <> \'unknown\' OR "group" IS NULL' if "group" in facts else "true"
    _copy(raw, f"FROM _campaigns WHERE {whole} AND ({known}) QUALIFY {_first_of(key)} ORDER BY {key}", to)
    total, usable, counted, kept = one_row(
        raw.con.con,
        f"SELECT count(*), count(*) FILTER ({whole}), count(*) FILTER ({whole} AND ({known})), "
        f"(SELECT count(*) FROM {literal(str(to))}) FROM _campaigns",
    )
    left_out = {
        "campaign rows without a usable campaign, customer or date": total - usable,
        "campaign rows with a group that is neither treatment nor control": usable - counted,
        "repeated campaign rows": counted - kept,
    }
    both = _in_both(raw.con.con, to) if "group" in facts else []
    return [*_reading(raw, "campaigns"), *_notes(left_out), *both, *reader.notes]


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
    product = reader.identifier("product_id")
    facts = {"product_id": f"try_cast({product} AS {ids})" if ids else product}
    if "margin" in reader.mapping:
        facts["margin"] = reader.number("margin")
    _make_table(raw, reader, "_products", facts)
    if "margin" in facts:
        (most,) = one_row(raw.con.con, "SELECT max(margin) FROM _products")
        if most is not None and most > 1:
            raise DataError(
                f"The margin of a product must be a share of its price, at most 1. Got {most:f}. "
                "Divide margins in percent by 100."
            )
    first = _first_of("product_id")
    _copy(raw, f"FROM _products WHERE product_id IS NOT NULL QUALIFY {first} ORDER BY product_id", to)
    left_out = _repeated(raw, "_products", "product_id", what="products")
    return [*_reading(raw, "products"), *_notes(left_out), *reader.notes]


def _make_table(raw: RawLog, reader: ColumnReader, name: str, facts: dict[str, str]) -> None:
    """Make an engine table of typed columns, every other column as it is, and where each row stands."""
    renamed = {theirs: ours for ours, theirs in reader.mapping.items()}
    others = {renamed[c]: quoted(c) for c in raw.columns if c in renamed and renamed[c] not in facts}
    select = ", ".join(f"{sql} AS {quoted(ours)}" for ours, sql in (facts | others).items())
    raw.con.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {select}, {SOURCE} FROM _raw")


def _copy(raw: RawLog, rows: str, to: Path) -> None:
    raw.con.con.execute(
        f"COPY (SELECT * EXCLUDE ({SOURCE}) {rows}) TO {literal(str(to))} (FORMAT parquet, COMPRESSION zstd)"
    )


def _first_of(key: str) -> str:
    return f"row_number() OVER (PARTITION BY {key} ORDER BY {SOURCE}) = 1"


def _all_there(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"{name} IS NOT NULL" for name in columns)


def _repeated(raw: RawLog, table: str, key: str, *, what: str) -> dict[str, int]:
    """Count the rows without a key, and those with the key of an earlier row."""
    counts = f"SELECT count(*), count({key}), count(DISTINCT {key}) FROM {table}"
    total, known, distinct = one_row(raw.con.con, counts)
    return {f"{what} without a usable {key}": total - known, f"repeated {what}": known - distinct}


def _notes(left_out: dict[str, int], *, end: str = ".") -> list[str]:
    return [f"{n:,} {what} were left out{end}" for what, n in left_out.items() if n]


def _group(word: str) -> str:
    """Return SQL for the group of a campaign row: treatment, control, unknown, or NULL where it is blank."""
    treated = ", ".join(map(literal, _TREATED))
    held_out = ", ".join(map(literal, _HELD_OUT))
    return (
        f"CASE WHEN {word} IS NULL THEN NULL WHEN lower(({word})::VARCHAR) IN ({treated}) THEN 'treatment' "
        f"WHEN lower(({word})::VARCHAR) IN ({held_out}) THEN 'control' ELSE 'unknown' END"
    )


def _in_both(con: Any, campaigns: Path) -> list[str]:
    """Return a note on customers who are in both groups of a campaign, which spoils a comparison of the two."""
    (both,) = one_row(
        con,
        f"SELECT count(*) FROM (SELECT 1 FROM {literal(str(campaigns))} GROUP BY campaign_id, customer_id "
        'HAVING count(DISTINCT "group") > 1)',
    )
    return [f"{both:,} customers are in both groups of a campaign."] if both else []


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
