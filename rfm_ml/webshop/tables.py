"""From records of positions and seconds to the synthetic webshop's Parquet files, in bounded memory."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rfm_ml.webshop import contacts as people
from rfm_ml.webshop import customers as buyers
from rfm_ml.webshop.customers import Calendar, Campaign, Ints
from rfm_ml.webshop.events import KINDS, SOURCES
from rfm_ml.webshop.orders import GUEST, RETURN, Rows

BATCH_ROWS: Final = 200_000
PRODUCTS: Final = tuple(f"P{k + 1:04d}" for k in range(len(buyers.CATEGORIES) * buyers.PRODUCTS_PER_CATEGORY))


_MAILBOX: Final = "replace(replace(strip_accents(lower(mail_first || '.' || mail_last)), ' ', ''), '''', '')"


def customer_sql(contacts: int) -> str:
    """Write the query that turns the number `customer` of `source` into an id such as 'C0000123'.

    Ids have 7 digits, or more if there are more contacts than that can number, so text sorts as numbers do.

    Examples
    --------
    >>> customer_sql(9_999_999)
    "SELECT 'C' || substr((10000000 + customer)::VARCHAR, 2) AS customer_id, * EXCLUDE customer FROM source"
    """
    offset = 10 ** max(7, len(str(contacts)))
    customer_id = f"'C' || substr(({offset} + customer)::VARCHAR, 2)"
    return f"SELECT {customer_id} AS customer_id, * EXCLUDE customer FROM source"


def contact_sql(contacts: int) -> str:
    """Write the query that puts each contact's mailbox and phone together from their parts."""
    email = f"{_MAILBOX} || ltrim(substr(customer_id, 2), '0') || '@' || domain AS email"
    phone = "phone || lpad(number::VARCHAR, digits, '0') AS phone"
    parts = "customer_id, mail_first, mail_last, domain, phone, number, digits"
    return f"SELECT customer_id, {email}, {phone}, * EXCLUDE ({parts}) FROM ({customer_sql(contacts)})"


class Spool:
    """Records kept on disk in the order they come, in one file per bucket."""

    def __init__(self, folder: Path, name: str, *, dtype: np.dtype[Any], buckets: int = 1) -> None:
        self.dtype = dtype
        self.paths = [folder / f"{name}-{k}.records" for k in range(buckets)]
        for path in self.paths:
            path.touch()

    def add(self, rows: Rows, buckets: Ints | None = None) -> None:
        """Append records, each to its bucket, keeping their order within a bucket."""
        buckets = np.zeros(len(rows), np.uint8) if buckets is None else buckets
        order = np.argsort(buckets, kind="stable")
        rows, ends = rows[order], np.searchsorted(buckets[order], np.arange(len(self.paths) + 1))
        for path, start, end in zip(self.paths, ends, ends[1:], strict=False):
            if start < end:
                with path.open("ab") as file:
                    file.write(rows[start:end].tobytes())

    def batches(self) -> Iterator[Rows]:
        """Read all records in the order they came, BATCH_ROWS at a time; an empty bucket gives an empty batch."""
        for path in self.paths:
            for start in range(0, max(1, path.stat().st_size), BATCH_ROWS * self.dtype.itemsize):
                yield np.fromfile(path, self.dtype, BATCH_ROWS, offset=start)

    def sorted_batches(self) -> Iterator[Rows]:
        """Read all records by time, one bucket in memory at a time; buckets must split time in order."""
        for path in self.paths:
            rows = np.fromfile(path, self.dtype)
            order = np.argsort(rows["seconds"], kind="stable")
            for start in range(0, max(1, len(rows)), BATCH_ROWS):
                yield rows[order[start : start + BATCH_ROWS]]


def copy_table(path: Path, batches: Iterator[pa.RecordBatch], *, sql: str) -> None:
    """Let DuckDB write a stream of batches, seen by the query as `source`, to one Parquet file."""
    first = next(batches)
    stream = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    with duckdb.connect(config={"preserve_insertion_order": True}) as con:
        con.register("source", stream)
        target = str(path).replace("'", "''")
        con.execute(f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def texts(codes: NDArray[Any], values: Sequence[str | None]) -> pa.Array:
    """Turn positions into text; a negative position or a None in the values is a missing value."""
    positions = codes.astype(np.int16)
    unknown = np.array([value is None for value in values])
    labels = pa.array([value or "" for value in values])
    return pa.DictionaryArray.from_arrays(pa.array(positions, mask=(positions < 0) | unknown[positions]), labels)


def money(cents: NDArray[Any], *, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Turn cents into exact decimal(18, 2).

    Examples
    --------
    >>> money(np.array([-5, 1999])).to_pylist()
    [Decimal('-0.05'), Decimal('19.99')]
    """
    # A decimal128 is a 16-byte whole number: the cents in the low half, their sign filling the high half.
    wide = np.empty((len(cents), 2), np.int64)
    wide[:, 0] = cents
    wide[:, 1] = wide[:, 0] >> 63
    buffers = [None, pa.py_buffer(wide)]
    if missing is not None:
        buffers[0] = pa.array(~missing).buffers()[1]
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), buffers)


def order_batches(lines: Iterator[Rows], calendar: Calendar) -> Iterator[pa.RecordBatch]:
    """Give orders running numbers and name everything; lines must come by time, order by order."""
    numbered, last = 0, -1
    for rows in lines:
        if not len(rows):
            continue
        order = rows["order"].astype(np.int64)
        number = numbered + np.cumsum(np.diff(order, prepend=last) != 0)
        numbered, last = int(number[-1]), int(order[-1])
        product = rows["product"]
        yield pa.record_batch(
            {
                "customer": pa.array(rows["customer"], mask=rows["source"] == GUEST),
                "order_id": number,
                "ordered_at": calendar.instants(rows["seconds"]),
                "product_id": texts(product, PRODUCTS),
                "category": texts(product // buyers.PRODUCTS_PER_CATEGORY, buyers.CATEGORIES),
                "quantity": rows["quantity"].astype(np.int32),
                "amount": money(rows["cents"]),
                "discount": money(rows["discount"]),
                "channel": texts(rows["channel"], buyers.CHANNELS),
                "order_kind": texts(rows["source"] == RETURN, ("order", "return")),
            }
        )


def event_batches(
    events: Iterator[Rows], calendar: Calendar, *, campaigns: tuple[Campaign, ...]
) -> Iterator[pa.RecordBatch]:
    """Name kinds, sources and products of events."""
    sources = (*SOURCES, *(("newsletter", "email", c.campaign_id, None) for c in campaigns))
    names = ("utm_source", "utm_medium", "utm_campaign", "referrer")
    columns = dict(zip(names, zip(*sources, strict=True), strict=True))
    for rows in events:
        yield pa.record_batch(
            {
                "customer": rows["customer"],
                "event_at": calendar.instants(rows["seconds"]),
                "kind": texts(rows["kind"], KINDS),
                **{name: texts(rows["source"], values) for name, values in columns.items()},
                "value": money(rows["cents"], missing=rows["cents"] < 0),
                "product_id": texts(rows["product"], PRODUCTS),
            }
        )


def campaign_batches(
    sent: Iterator[Rows], calendar: Calendar, *, campaigns: tuple[Campaign, ...]
) -> Iterator[pa.RecordBatch]:
    """Name the campaign and the group; a control customer costs nothing."""
    seconds = np.array([c.sent_seconds for c in campaigns])
    cost = np.array([c.cost_cents for c in campaigns])
    for rows in sent:
        yield pa.record_batch(
            {
                "campaign_id": texts(rows["campaign"], [c.campaign_id for c in campaigns]),
                "customer": rows["customer"],
                "sent_at": calendar.instants(seconds[rows["campaign"]]),
                "group": texts(rows["group"], ("control", "treatment")),
                "cost": money(cost[rows["campaign"]] * rows["group"]),
            }
        )


def contact_batches(contacts: Iterator[Rows]) -> Iterator[pa.RecordBatch]:
    """Name everything known about contacts; mailbox and phone are put together by `contact_sql`."""
    digits = np.array([p[2] for p in people.PHONES], np.int32)
    for rows in contacts:
        consent = {n: pa.array(rows[n] == 1, mask=rows[n] < 0) for n in people.CONSENTS}
        unborn = rows["birth_day"] == people.NO_DATE
        yield pa.record_batch(
            {
                "customer": rows["customer"],
                "mail_first": texts(rows["mail_first"], people.FIRST_NAMES),
                "mail_last": texts(rows["mail_last"], people.LAST_NAMES),
                "domain": texts(rows["domain"], people.DOMAINS),
                "phone": texts(rows["phone"], [p[1] for p in people.PHONES]),
                "number": rows["number"],
                "digits": digits[rows["phone"]],
                "first_name": texts(rows["first_name"], people.FIRST_NAMES),
                "last_name": texts(rows["last_name"], people.LAST_NAMES),
                "country": texts(rows["country"], people.COUNTRIES),
                "zip": texts(rows["place"], [p[1] for p in people.PLACES]),
                "city": texts(rows["place"], [p[2] for p in people.PLACES]),
                "birth_date": pa.array(rows["birth_day"], mask=unborn).cast(pa.date32()),
                "tags": texts(rows["tags"], people.tag_sets()),
                **consent,
                "suppressed": rows["suppressed"],
            }
        )


def truth_batches(truth: Iterator[Rows], calendar: Calendar) -> Iterator[pa.RecordBatch]:
    """Name the planted truth; a prospect has no buying process, and who is still alive no dropout."""
    for rows in truth:
        alive, prospect = rows["left"] == calendar.days * 86_400, rows["prospect"]
        yield pa.record_batch(
            {
                "customer": rows["customer"],
                "prospect": prospect,
                "joined_at": calendar.instants(rows["joined"]),
                "dropped_out_at": pa.array(calendar.instants(rows["left"]), mask=alive | prospect),
                "purchase_rate_per_day": pa.array(rows["rate"], mask=prospect),
                "dropout_rate_per_day": pa.array(rows["dropout_rate"], mask=prospect),
                "mean_order_value": pa.array(rows["value"], mask=prospect),
                "value_level": texts(np.where(prospect, -1, rows["level"]), buyers.VALUE_LEVELS),
                "campaign_orders": rows["extra_orders"],
            }
        )


def product_batch(rng: np.random.Generator) -> pa.RecordBatch:
    """Draw the catalogue: category, brand and margin (a share of the price) of each product."""
    n = len(PRODUCTS)
    brands = [f"brand-{k + 1:02d}" for k in range(24)]
    return pa.record_batch(
        {
            "product_id": pa.array(PRODUCTS),
            "category": texts(np.arange(n) // buyers.PRODUCTS_PER_CATEGORY, buyers.CATEGORIES),
            "brand": texts(rng.integers(len(brands), size=n), brands),
            "margin": np.round(rng.uniform(0.15, 0.6, n), 3),
        }
    )
