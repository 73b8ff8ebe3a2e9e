"""What the synthetic webshop's customers order: orders with lines, returns, samples, guests, duplicates."""

from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rfm_ml.webshop import customers as buyers
from rfm_ml.webshop.customers import Bools, Calendar, Campaign, Customers, Floats, Ints

Rows = NDArray[np.void]

RETURN_SHARE: Final = 0.06
SAMPLE_SHARE: Final = 0.002
GUEST_SHARE: Final = 0.005
DUPLICATE_SHARE: Final = 0.001
MAX_LINES: Final = 8
DISCOUNTS: Final = (0.0, 0.1, 0.2, 0.3)
DISCOUNT_SHARES: Final = (0.76, 0.12, 0.08, 0.04)

ORGANIC, EXTRA, SAMPLE, GUEST, RETURN = range(5)
"""Where an order comes from; only RETURN is of kind 'return', only GUEST has no customer."""

LINE: Final = np.dtype(
    [
        ("seconds", "i4"), ("order", "u4"), ("customer", "i4"), ("product", "i2"), ("cents", "i4"),
        ("discount", "i4"), ("quantity", "i1"), ("channel", "i1"), ("source", "i1"), ("campaign", "i1"),
        ("line", "i1"), ("copy", "?"),
    ]
)  # fmt: skip
"""One order line; `customer` counts within the chunk until the chunk is cut to the wanted size."""

_PURCHASE: Final = np.dtype([("seconds", "i4"), ("customer", "i4"), ("source", "i1"), ("campaign", "i1")])


def draw_lines(
    rng: np.random.Generator, customers: Customers, *, calendar: Calendar, campaigns: tuple[Campaign, ...], extra: Bools
) -> Rows:
    """Draw every order line that belongs to a chunk of customers, as records of type `LINE`.

    Lines of an order are neighbours, and so are exact duplicates. A guest order names the customer it was drawn with,
    only so that cutting a chunk takes it along.
    """
    organic = _draw_organic(rng, customers, calendar)
    planted = _draw_extra(rng, campaigns, extra=extra, calendar=calendar)
    samples = _draw_samples(rng, organic, calendar)
    guests = _draw_guests(rng, organic, calendar)
    purchases = np.concatenate([organic, planted, samples, guests])
    lines = _draw_order_lines(rng, purchases, customers)
    returned = _draw_returns(rng, lines, calendar)
    returned["order"] = len(purchases) + np.arange(len(returned))
    lines = np.concatenate([lines, returned])
    return _duplicate(rng, lines)


def _duplicate(rng: np.random.Generator, lines: Rows) -> Rows:
    """Repeat a few lines exactly, each right after itself, and mark the second ones as copies."""
    lines = np.repeat(lines, 1 + (rng.random(len(lines)) < DUPLICATE_SHARE))
    same_order = lines["order"][1:] == lines["order"][:-1]
    lines["copy"][1:] = same_order & (lines["line"][1:] == lines["line"][:-1])
    return lines


def _purchases(seconds: Ints, customer: Ints, *, source: int, campaign: Ints | int = -1) -> Rows:
    rows = np.empty(len(seconds), _PURCHASE)
    rows["seconds"], rows["customer"] = seconds, customer
    rows["source"], rows["campaign"] = source, campaign
    return rows


def _draw_organic(rng: np.random.Generator, customers: Customers, calendar: Calendar) -> Rows:
    """First order on joining, then a Poisson number of orders spread evenly over the average days alive."""
    alive = customers.left - customers.joined
    counts = np.where(customers.prospect, 0, 1 + rng.poisson(customers.rate * alive))
    customer = np.repeat(np.arange(len(customers)), counts)
    moment = customers.joined[customer] + rng.random(len(customer)) * alive[customer]
    bought = np.flatnonzero(counts)
    moment[(np.cumsum(counts) - counts)[bought]] = customers.joined[bought]
    return _purchases(calendar.seconds(moment), customer, source=ORGANIC)


def _draw_extra(rng: np.random.Generator, campaigns: tuple[Campaign, ...], *, extra: Bools, calendar: Calendar) -> Rows:
    """Place the planted orders on one of the 27 whole days inside the campaign's 28-day window."""
    campaign, customer = np.nonzero(extra)
    sent_day = np.array([c.sent_day for c in campaigns])[campaign]
    day = sent_day + rng.integers(1, buyers.CAMPAIGN_DAYS, len(customer))
    seconds = calendar.seconds_at(day, rng.random(len(customer)))
    return _purchases(seconds, customer, source=EXTRA, campaign=campaign)


def _draw_samples(rng: np.random.Generator, organic: Rows, calendar: Calendar) -> Rows:
    """Send a free sample, an order of its own with amount zero, some days after an order."""
    chosen = organic[rng.random(len(organic)) < SAMPLE_SHARE]
    seconds = chosen["seconds"] + rng.integers(3600, 5 * 86_400, len(chosen))
    inside = seconds < calendar.days * 86_400
    return _purchases(seconds[inside], chosen["customer"][inside], source=SAMPLE)


def _draw_guests(rng: np.random.Generator, organic: Rows, calendar: Calendar) -> Rows:
    chosen = organic[rng.random(len(organic)) < GUEST_SHARE]
    moment = rng.random(len(chosen)) * calendar.season[-1]
    return _purchases(calendar.seconds(moment), chosen["customer"], source=GUEST)


def _draw_order_lines(rng: np.random.Generator, purchases: Rows, customers: Customers) -> Rows:
    n = len(purchases)
    sample = purchases["source"] == SAMPLE
    counts = np.where(sample, 1, np.minimum(1 + rng.poisson(1.3, n), MAX_LINES))
    order = np.repeat(np.arange(n, dtype=np.uint32), counts)
    first = np.cumsum(counts) - counts
    lines = np.empty(len(order), LINE)
    lines["order"], lines["line"] = order, np.arange(len(order)) - first[order]
    for name in ("seconds", "customer", "source", "campaign"):
        lines[name] = purchases[name][order]
    lines["copy"] = False
    lines["cents"] = _draw_cents(rng, purchases, customers, order=order, first=first)
    lines["cents"][first[sample]] = 0
    lines["product"] = _draw_products(rng, purchases, customers, order=order, line=lines["line"])
    lines["quantity"] = 1 + np.minimum(rng.poisson(0.25, len(order)), 4)
    own = customers.channel[purchases["customer"]]
    other = rng.choice(len(buyers.CHANNELS), n, p=buyers.CHANNEL_SHARES)
    lines["channel"] = np.where(rng.random(n) < 0.8, own, other)[order]
    off = rng.choice(DISCOUNTS, n, p=DISCOUNT_SHARES)[order]
    lines["discount"] = np.rint(lines["cents"] * off / (1 - off))
    return lines


def _draw_cents(rng: np.random.Generator, purchases: Rows, customers: Customers, *, order: Ints, first: Ints) -> Floats:
    """Draw each order's value and share it among its lines, in cents, at least one cent a line."""
    value = 100 * rng.gamma(buyers.VALUE_SHAPE, size=len(purchases)) / customers.value_rate[purchases["customer"]]
    weight = 0.3 + rng.random(len(order))
    total = np.add.reduceat(weight, first) if len(first) else weight
    return np.maximum(np.rint(weight * (value / total)[order]), 1)


def _draw_products(rng: np.random.Generator, purchases: Rows, customers: Customers, *, order: Ints, line: Ints) -> Ints:
    """Choose products by category affinity; popular ones more often.

    Lines of one order take neighbouring products, so products are bought together and no order holds the
    same product twice: an exact duplicate line is always a planted one.
    """
    n, kinds = len(purchases), len(buyers.CATEGORIES)
    own = customers.category[purchases["customer"]]
    wanted = np.where(rng.random(n) < 0.6, own, rng.integers(kinds, size=n))
    category = np.where(rng.random(len(order)) < 0.75, wanted[order], rng.integers(kinds, size=len(order)))
    popular = (buyers.PRODUCTS_PER_CATEGORY * rng.random(n) ** 2).astype(np.int16)
    return np.asarray(category * buyers.PRODUCTS_PER_CATEGORY + (popular[order] + line) % buyers.PRODUCTS_PER_CATEGORY)


def _draw_returns(rng: np.random.Generator, lines: Rows, calendar: Calendar) -> Rows:
    """Give back one unit of an order's first line, 3 to 30 days later, as an order of its own."""
    first = lines[(lines["line"] == 0) & (lines["source"] != SAMPLE)]
    back = first[rng.random(len(first)) < RETURN_SHARE]
    seconds = back["seconds"] + rng.integers(3 * 86_400, 30 * 86_400, len(back))
    inside = (seconds < calendar.days * 86_400) & (back["source"] != GUEST)
    back = back[inside]
    back["seconds"] = seconds[inside]
    back["cents"] = -np.maximum(back["cents"] // back["quantity"], 1)
    back["quantity"], back["discount"] = -1, 0
    back["source"] = RETURN
    return back


def count_lines(lines: Rows, level: Ints) -> Counter[str]:
    """Count what the log holds, dirt and planted orders included; `level` is the value level of the line's customer.

    `extra_orders/<campaign>/<level>` and `extra_cents/<campaign>/<level>` are the planted orders and their value.
    """
    source, once = lines["source"], ~lines["copy"]
    head = once & (lines["line"] == 0)
    bought = head & (source != RETURN)
    counts: Counter[str] = Counter(
        lines=len(lines),
        orders=int(bought.sum()),
        returns=int((head & (source == RETURN)).sum()),
        duplicate_lines=int(lines["copy"].sum()),
        guest_orders=int((head & (source == GUEST)).sum()),
        guest_lines=int((source == GUEST).sum()),
        sample_orders=int((head & (source == SAMPLE)).sum()),
        extra_orders=int((head & (source == EXTRA)).sum()),
    )
    planted = once & (source == EXTRA)
    cell = lines["campaign"][planted].astype(int) * len(buyers.VALUE_LEVELS) + level[planted]
    orders = np.bincount(cell, lines["line"][planted] == 0)
    cents = np.bincount(cell, lines["cents"][planted])
    for k in np.flatnonzero(orders):
        where: Any = "/".join(map(str, divmod(int(k), len(buyers.VALUE_LEVELS))))
        counts[f"extra_orders/{where}"], counts[f"extra_cents/{where}"] = int(orders[k]), int(cents[k])
    return counts
