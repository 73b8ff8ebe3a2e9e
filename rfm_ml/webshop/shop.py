"""The synthetic webshop: seeded tables with a planted truth, from 1,000 to 100 million order lines.

It supplies what no public data set has together (contacts with consent, visits, clicks, carts, campaigns with
a control group) and what no real one can: the process behind it. Wherever it is shown, label it synthetic.
"""

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import ParamsError
from rfm_ml.webshop import customers as buyers
from rfm_ml.webshop import tables
from rfm_ml.webshop.contacts import CONTACT, draw_contacts, mailable
from rfm_ml.webshop.events import EVENT, draw_events
from rfm_ml.webshop.orders import LINE, Rows, count_lines, draw_lines
from rfm_ml.webshop.truth import SENT, TRUTH, count_customers, describe, sent_rows, truth_rows

MIN_ROWS: Final = 1_000
MAX_ROWS: Final = 100_000_000
VERSION: Final = 2
"""Changes whenever the same parameters give other bytes, so that old folders are written anew."""

TABLES: Final = ("orders", "products", "contacts", "events", "campaigns", "truth")
CHUNK_CUSTOMERS: Final = 4_096
"""Customers drawn from one random stream; part of the definition of the data, not a tuning knob."""
BUCKET_ROWS: Final = 1_500_000
"""Rows sorted by time in memory at once, on average; has no influence on the data."""

_CUSTOMERS, _CONTACTS, _CAMPAIGNS, _ORDERS, _EVENTS, _PRODUCTS = range(6)


@dataclass(frozen=True)
class _Shop:
    rows: int
    seed: int
    start: date
    end: date

    def __post_init__(self) -> None:
        for name in ("rows", "seed"):
            if isinstance(getattr(self, name), bool) or not isinstance(getattr(self, name), int):
                raise ParamsError(f"{name} must be a whole number. Got {getattr(self, name)!r}.")
        require_between(self.rows, MIN_ROWS, MAX_ROWS, name="rows")
        if self.seed < 0:
            raise ParamsError(f"seed must be 0 or more. Got {self.seed}.")
        if self.calendar.days < buyers.MIN_DAYS:
            raise ParamsError(
                f"end must be at least {buyers.MIN_DAYS - 1} days after start, so that every campaign has its "
                f"{buyers.CAMPAIGN_DAYS} days. Got {self.start} to {self.end}. Choose a later end."
            )

    @cached_property
    def calendar(self) -> buyers.Calendar:
        return buyers.Calendar(self.start, (self.end - self.start).days + 1)

    @cached_property
    def campaigns(self) -> tuple[buyers.Campaign, ...]:
        return buyers.plan_campaigns(self.calendar)

    @property
    def end_seconds(self) -> int:
        return self.calendar.days * 86_400

    @property
    def params(self) -> dict[str, Any]:
        return {"rows": self.rows, "seed": self.seed, "start": str(self.start), "end": str(self.end)}

    def stream(self, chunk: int, part: int) -> np.random.Generator:
        """Give every chunk and part a stream of its own: no draw depends on how many came before."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(chunk, part)))


class _Chunk(NamedTuple):
    truth: Rows
    contacts: Rows
    groups: buyers.Ints
    lines: Rows
    events: Rows


def write_webshop(
    folder: Path, *, rows: int = 100_000, seed: int = 1, start: date = date(2023, 1, 1), end: date = date(2025, 6, 30)
) -> dict[str, Path]:
    """Write the synthetic webshop, or find it written already.

    The same arguments give byte-identical files, whatever the number of threads. Memory stays bounded; about
    60 bytes of disk per row are taken for the time of writing.

    Parameters
    ----------
    folder
        Where the tables go; created if missing. A complete folder with the same arguments is left as it is.
    rows
        Order lines to write, returns and duplicates included: exactly this many, 1,000 to 100,000,000.
    seed
        0 or more.
    start, end
        First and last day of the log; both have orders. At least 224 days.

    Returns
    -------
    dict
        Paths of `orders` (one row per order line), `products`, `contacts`, `events`, `campaigns`, `truth` (the
        process behind each customer) and `truth_json` (process, counts of planted dirt and per campaign the
        planted effect). The latter is written last: a folder that has it is complete.

    Raises
    ------
    ParamsError
        If an argument is out of range, or the folder is a file.
    """
    shop = _Shop(rows, seed, start, end)
    folder = Path(folder)
    paths = {name: folder / f"{name}.parquet" for name in TABLES} | {"truth_json": folder / "truth.json"}
    if _is_complete(paths, shop):
        return paths
    if folder.exists() and not folder.is_dir():
        raise ParamsError(f"folder must be a folder. Got the file {str(folder)!r}. Choose another place.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        beside = Path(name)
        truth = _write_tables(shop, beside)
        (beside / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
        paths["truth_json"].unlink(missing_ok=True)
        for path in paths.values():
            (beside / path.name).replace(path)
    return paths


def _is_complete(paths: dict[str, Path], shop: _Shop) -> bool:
    if not all(path.is_file() for path in paths.values()):
        return False
    try:
        truth = json.loads(paths["truth_json"].read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(truth, dict) and (truth.get("version"), truth.get("params")) == (VERSION, shop.params)


def _write_tables(shop: _Shop, folder: Path) -> dict[str, Any]:
    """Draw chunk by chunk to spools on disk, then let the engine write the tables; return the truth."""
    buckets = min(1 + shop.rows // BUCKET_ROWS, 64)
    calendar, campaigns = shop.calendar, shop.campaigns
    spools = {
        name: tables.Spool(folder, name, dtype=dtype, buckets=count)
        for name, dtype, count in (
            ("orders", LINE, buckets),
            ("events", EVENT, buckets),
            ("campaigns", SENT, len(campaigns)),
            ("contacts", CONTACT, 1),
            ("truth", TRUTH, 1),
        )
    }
    counts = _draw(shop, spools)
    sorted_lines, sorted_events = spools["orders"].sorted_batches(), spools["events"].sorted_batches()
    sent = spools["campaigns"].batches()
    plain = tables.customer_sql(counts["contacts"])
    for name, batches, sql in (
        ("orders", tables.order_batches(sorted_lines, calendar), plain),
        ("events", tables.event_batches(sorted_events, calendar, campaigns=campaigns), plain),
        ("campaigns", tables.campaign_batches(sent, calendar, campaigns=campaigns), plain),
        ("contacts", tables.contact_batches(spools["contacts"].batches()), tables.contact_sql(counts["contacts"])),
        ("truth", tables.truth_batches(spools["truth"].batches(), calendar), plain),
        ("products", iter([tables.product_batch(shop.stream(0, _PRODUCTS))]), "SELECT * FROM source"),
    ):
        tables.copy_table(folder / f"{name}.parquet", batches, sql=sql)
    return {"synthetic": True, "version": VERSION, "params": shop.params} | describe(counts, calendar, campaigns)


def _draw(shop: _Shop, spools: dict[str, tables.Spool]) -> Counter[str]:
    """Draw chunks of customers until their order lines are exactly as many as wanted."""
    counts: Counter[str] = Counter()
    number, done, orders, wanted = 0, 0, 0, shop.rows
    while wanted:
        chunk = _draw_chunk(shop, number)
        size = len(chunk.truth)
        keep = choose_customers(np.bincount(chunk.lines["customer"], minlength=size), wanted)
        position = np.where(keep, done + np.cumsum(keep), 0).astype(np.int32)
        lines = chunk.lines[keep[chunk.lines["customer"]]]
        level = chunk.truth["level"]
        counts += count_lines(lines, level[lines["customer"]])
        counts += count_customers(chunk.truth[keep], chunk.groups[:, keep])
        wanted -= len(lines)
        lines["order"] += orders
        orders += int(chunk.lines["order"].max()) + 1
        events = chunk.events[keep[chunk.events["customer"]]]
        for rows, name in ((lines, "orders"), (events, "events")):
            rows["customer"] = position[rows["customer"]]
            buckets = rows["seconds"].astype(np.int64) * len(spools[name].paths) // shop.end_seconds
            spools[name].add(rows, buckets.astype(np.uint8))
        sent = sent_rows(chunk.groups[:, keep], first=done + 1)
        spools["campaigns"].add(sent, sent["campaign"])
        for rows, name in ((chunk.truth[keep], "truth"), (chunk.contacts[keep], "contacts")):
            rows["customer"] = position[keep]
            spools[name].add(rows)
        number, done = number + 1, done + int(keep.sum())
    return counts


def choose_customers(lines: buyers.Ints, wanted: int) -> buyers.Bools:
    """Choose customers from the front until their lines are exactly as many as wanted, if they can be.

    A next customer with too many lines is passed over, so only the last few are a selection.

    Examples
    --------
    >>> choose_customers(np.array([2, 0, 9, 1, 2, 1, 3]), 4)
    array([ True,  True, False,  True, False,  True, False])
    """
    total = np.cumsum(lines)
    front = int(np.searchsorted(total, wanted))
    keep = np.arange(len(lines)) < front
    left = wanted - (int(total[front - 1]) if front else 0)
    for k in range(front, len(lines)):
        if left == 0:
            break
        if lines[k] <= left:
            keep[k], left = True, left - int(lines[k])
    return keep


def _draw_chunk(shop: _Shop, number: int) -> _Chunk:
    calendar, campaigns = shop.calendar, shop.campaigns
    customers = buyers.draw_customers(
        shop.stream(number, _CUSTOMERS), calendar, size=CHUNK_CUSTOMERS, first=number == 0
    )
    contacts = draw_contacts(shop.stream(number, _CONTACTS), customers, start_year=shop.start.year)
    reachable = mailable(contacts)
    groups, extra = buyers.draw_campaign_groups(
        shop.stream(number, _CAMPAIGNS), customers, campaigns=campaigns, reachable=reachable
    )
    lines = draw_lines(shop.stream(number, _ORDERS), customers, calendar=calendar, campaigns=campaigns, extra=extra)
    events = draw_events(
        shop.stream(number, _EVENTS),
        customers,
        campaigns=campaigns,
        groups=groups,
        mailable=reachable,
        end_seconds=shop.end_seconds,
    )
    return _Chunk(truth_rows(customers, extra), contacts, groups, lines, events)
