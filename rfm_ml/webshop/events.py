"""What the synthetic webshop's contacts do besides ordering: visits, carts, opens and clicks."""

from typing import Final

import numpy as np

from rfm_ml.webshop import customers as buyers
from rfm_ml.webshop.customers import Bools, Campaign, Customers, Floats, Ints
from rfm_ml.webshop.orders import Rows

KINDS: Final = ("email_open", "email_click", "visit", "cart_add", "cart_abandon")
OPEN, CLICK, VISIT, CART, ABANDON = range(5)

SOURCES: Final[tuple[tuple[str | None, str | None, str | None, str | None], ...]] = (
    (None, None, None, None),
    ("google", "cpc", "brand-search", "search.example.com"),
    ("google", "organic", None, "search.example.com"),
    ("facebook", "paid-social", "new-arrivals", "social.example.net"),
    ("partner", "referral", None, "blog.example.org"),
    ("newsletter", "email", "weekly", None),
)
"""Where a visit came from: utm_source, utm_medium, utm_campaign, referrer; the first is a direct visit."""
VISIT_SHARES: Final = (0.38, 0.15, 0.22, 0.11, 0.06, 0.08)
NEWSLETTER: Final = 5

EVENT: Final = np.dtype(
    [("seconds", "i4"), ("customer", "i4"), ("kind", "i1"), ("source", "i1"), ("product", "i2"), ("cents", "i4")]
)
"""One event; the source counts through SOURCES and then through the campaigns; -1 where there is none."""

_LINGERING_SHARE, _LINGERING_DAYS = 0.4, 200.0
_VISITS_PER_DAY, _VISITS_PER_ORDER = 0.003, 0.25
_OPENS_PER_DAY, _CLICKS_PER_OPEN = 0.006, 0.3
_CARTS_PER_VISIT, _ABANDONS_PER_CART = 0.25, 0.4
_OPENS_PER_CAMPAIGN, _CLICKS_PER_CAMPAIGN_OPEN = 0.45, 0.35


def draw_events(
    rng: np.random.Generator,
    customers: Customers,
    *,
    campaigns: tuple[Campaign, ...],
    groups: Ints,
    mailable: Bools,
    end_seconds: int,
) -> Rows:
    """Draw the events of a chunk of customers, as records of type `EVENT`; nothing happens at `end_seconds` or after.

    Some customers who have dropped out go on visiting and clicking for months ("Lost but engaged").
    """
    n = len(customers)
    linger = np.where(rng.random(n) < _LINGERING_SHARE, rng.exponential(_LINGERING_DAYS * 86_400, n), 0.0)
    until = np.minimum(customers.left_seconds + linger, end_seconds)
    span = np.maximum(until - customers.joined_seconds, 0)
    buying = np.where(customers.prospect, 0.0, customers.rate * _VISITS_PER_ORDER)
    visits = _spread(rng, customers.joined_seconds, span, per_day=_VISITS_PER_DAY + buying, kind=VISIT)
    visits["source"] = rng.choice(len(VISIT_SHARES), len(visits), p=VISIT_SHARES)
    opens = _draw_opens(rng, customers.joined_seconds, span, campaigns=campaigns, groups=groups, mailable=mailable)
    chance = np.where(opens["source"] == NEWSLETTER, _CLICKS_PER_OPEN, _CLICKS_PER_CAMPAIGN_OPEN)
    clicks = _follow(rng, opens, chance=chance, kind=CLICK, seconds=(5, 300))
    carts = _draw_carts(rng, visits, customers)
    abandons = _follow(rng, carts, chance=_ABANDONS_PER_CART, kind=ABANDON, seconds=(1800, 7200))
    events = np.concatenate([visits, opens, clicks, carts, abandons])
    return events[events["seconds"] < end_seconds]


def _draw_carts(rng: np.random.Generator, visits: Rows, customers: Customers) -> Rows:
    """Draw which visits fill a cart, with one product of it and its value around the customer's usual order."""
    carts = _follow(rng, visits, chance=_CARTS_PER_VISIT, kind=CART, seconds=(60, 1200))
    kinds = rng.integers(len(buyers.CATEGORIES), size=len(carts))
    own = np.where(rng.random(len(carts)) < 0.6, customers.category[carts["customer"]], kinds)
    carts["product"] = own * buyers.PRODUCTS_PER_CATEGORY + rng.integers(buyers.PRODUCTS_PER_CATEGORY, size=len(carts))
    worth = 100 * customers.mean_order_value[carts["customer"]] * rng.gamma(3, 1 / 3, len(carts))
    carts["cents"] = np.maximum(np.rint(worth), 1)
    return carts


def _draw_opens(
    rng: np.random.Generator, start: Ints, span: Ints, *, campaigns: tuple[Campaign, ...], groups: Ints, mailable: Bools
) -> Rows:
    """Draw opens of the weekly newsletter and of campaigns; some people read most of it, many hardly any."""
    reading = _OPENS_PER_DAY * rng.gamma(0.8, 1 / 0.8, len(start)) * mailable
    weekly = _spread(rng, start, span, per_day=reading, kind=OPEN)
    weekly["source"] = NEWSLETTER
    return np.concatenate([weekly, _draw_campaign_opens(rng, campaigns, groups)])


def _spread(rng: np.random.Generator, start: Ints, span: Ints, *, per_day: Floats, kind: int) -> Rows:
    """Draw Poisson events evenly over each customer's own span of seconds."""
    counts = rng.poisson(per_day * span / 86_400)
    customer = np.repeat(np.arange(len(counts)), counts)
    rows = np.empty(len(customer), EVENT)
    rows["customer"], rows["kind"], rows["product"], rows["cents"] = customer, kind, -1, -1
    rows["seconds"] = start[customer] + rng.random(len(customer)) * span[customer]
    return rows


def _follow(
    rng: np.random.Generator, events: Rows, *, chance: Floats | float, kind: int, seconds: tuple[int, int]
) -> Rows:
    """Draw which events lead to a next one by the same customer, some seconds later."""
    rows = events[rng.random(len(events)) < chance]
    rows["kind"] = kind
    rows["seconds"] += rng.integers(*seconds, len(rows), dtype=np.int32)
    return rows


def _draw_campaign_opens(rng: np.random.Generator, campaigns: tuple[Campaign, ...], groups: Ints) -> Rows:
    opened = (groups == 1) & (rng.random(groups.shape) < _OPENS_PER_CAMPAIGN)
    campaign, customer = np.nonzero(opened)
    rows = np.empty(len(customer), EVENT)
    rows["customer"], rows["kind"], rows["product"], rows["cents"] = customer, OPEN, -1, -1
    rows["source"] = len(SOURCES) + campaign
    delay = np.minimum(rng.exponential(86_400, len(customer)), (buyers.CAMPAIGN_DAYS - 1) * 86_400)
    rows["seconds"] = np.array([c.sent_seconds for c in campaigns])[campaign] + delay
    return rows
