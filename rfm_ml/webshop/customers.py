"""Who the synthetic webshop's customers are: joining, buying rate, dropout, order value, campaigns.

The process is Pareto/NBD with Gamma-Gamma spend (Schmittlein, Morrison and Colombo 1987; Fader and Hardie
2013): while a customer is alive, orders are Poisson with a rate of their own; the rates are gamma over
customers, lifetimes exponential with gamma dropout rates, order values gamma with a gamma scale.
A season stretches and shrinks time, so rates hold on an average day of the year.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

RATE_SHAPE, RATE_SCALE_DAYS = 0.8, 54.0
"""Purchase rates: gamma(r, alpha), per average day (Pareto/NBD's r and alpha)."""
DROPOUT_SHAPE, DROPOUT_SCALE_DAYS = 0.9, 300.0
"""Dropout rates: gamma(s, beta), per day (Pareto/NBD's s and beta)."""
VALUE_SHAPE, VALUE_RATE_SHAPE, VALUE_SCALE = 6.0, 4.0, 30.0
"""Order values: Gamma-Gamma's p, q and v (v in EUR); the mean over customers is p v / (q - 1) = 60 EUR."""
PROSPECT_SHARE: Final = 0.12
CHANNELS: Final = ("web", "app", "shop")
CHANNEL_SHARES: Final = (0.55, 0.25, 0.20)
CATEGORIES: Final = ("books", "electronics", "fashion", "garden", "grocery", "home", "sports", "toys")
PRODUCTS_PER_CATEGORY: Final = 60
VALUE_LEVELS: Final = ("saver", "average", "spender")

CAMPAIGN_DAYS: Final = 28
CAMPAIGN_STRENGTHS: Final = (0.6, 1.0, 1.4, 0.8, 1.2, 1.0)
EXTRA_ORDER_PROBABILITY: Final = (0.04, 0.10, 0.18)
"""Probability of one extra order per treated customer of each value level, before the campaign's strength."""
TARGETED_SHARE, CONTROL_SHARE = 0.7, 0.2
CONTACT_COST_CENTS: Final = (5, 65)
"""Cost per treated customer, in cents: e-mail alone, and with a printed mailing; campaigns alternate."""

MIN_DAYS: Final = (len(CAMPAIGN_STRENGTHS) + 1) * CAMPAIGN_DAYS + CAMPAIGN_DAYS
"""Shortest span in which every campaign has its window to itself and some weeks before it."""

_HOURS: Final = ((0.0, 0.05, 0.35, 0.55, 0.95, 1.0), (0.0, 7.0, 12.0, 15.0, 22.5, 24.0))


@dataclass(frozen=True)
class Calendar:
    """The shop's span of days and its season: average days pass fast in December, slowly in summer."""

    start: date
    days: int

    @cached_property
    def season(self) -> Floats:
        """Average days passed at the start of each day and at the end, shape (days + 1,)."""
        every_day = [self.start + timedelta(days=d) for d in range(self.days)]
        day_of_year = np.array([d.timetuple().tm_yday for d in every_day])
        weight = _season_weight(day_of_year) / _season_weight(np.arange(1, 366)).mean()
        return np.concatenate([[0.0], np.cumsum(weight)])

    def average_days(self, day: Floats) -> Floats:
        """Turn days since the start into average days since the start."""
        return np.interp(day, np.arange(self.days + 1), self.season)

    def seconds(self, average_days: Floats) -> Ints:
        """Turn average days since the start into seconds since the start, never past the end."""
        day = np.interp(average_days, self.season, np.arange(self.days + 1))
        whole = np.minimum(np.floor(day), self.days - 1)
        return self.seconds_at(whole, day - whole)

    def seconds_at(self, day: Floats | Ints, share: Floats) -> Ints:
        """Seconds since the start for a share of the orders of a day: few come at night."""
        within = np.interp(share, *_HOURS) * 3600
        return (day * 86_400 + np.minimum(within, 86_399)).astype(np.int32)

    def instants(self, seconds: Ints) -> NDArray[np.datetime64]:
        """Naive local instants, in microseconds, of seconds since the start."""
        return np.datetime64(self.start, "us") + seconds.astype("timedelta64[s]")


def _season_weight(day_of_year: Ints) -> Floats:
    yearly = 0.12 * np.cos(2 * np.pi * (day_of_year - 345) / 365.25)
    return 1 + yearly + 1.1 * np.exp(-(((day_of_year - 346) / 11) ** 2))


@dataclass(frozen=True)
class Campaign:
    """One campaign: the day it was sent (since the start), its strength and its cost per contact."""

    campaign_id: str
    sent_day: int
    strength: float
    cost_cents: int

    @property
    def sent_seconds(self) -> int:
        """Instant of sending, in seconds since the start: 09:00 on the day."""
        return self.sent_day * 86_400 + 9 * 3600

    def probability(self, level: int) -> float:
        """Planted probability that a treated customer of a value level places one extra order."""
        return round(EXTRA_ORDER_PROBABILITY[level] * self.strength, 6)


def plan_campaigns(calendar: Calendar) -> tuple[Campaign, ...]:
    """Spread the campaigns evenly, so that no two 28-day windows overlap and the last one is complete."""
    n = len(CAMPAIGN_STRENGTHS)
    step = (calendar.days - CAMPAIGN_DAYS) / (n + 1)
    return tuple(
        Campaign(f"campaign-{k + 1}", int(step * (k + 1)), strength, CONTACT_COST_CENTS[k % 2])
        for k, strength in enumerate(CAMPAIGN_STRENGTHS)
    )


@dataclass(frozen=True)
class Customers:
    """The planted truth of a chunk of customers, one element per customer in every array."""

    prospect: Bools
    joined: Floats
    left: Floats
    joined_seconds: Ints
    left_seconds: Ints
    rate: Floats
    dropout_rate: Floats
    value_rate: Floats
    level: Ints
    channel: Ints
    category: Ints

    def __len__(self) -> int:
        return len(self.prospect)

    @property
    def mean_order_value(self) -> Floats:
        """Expected value of an order, in EUR."""
        return VALUE_SHAPE / self.value_rate


def draw_customers(rng: np.random.Generator, calendar: Calendar, *, size: int, first: bool) -> Customers:
    """Draw a chunk of customers.

    In the shop's `first` chunk the first customer joins on the first day, the second on the last, so that the log
    covers the whole span.
    """
    season = calendar.season
    joined = season[-1] * rng.random(size) ** 1.25
    prospect = rng.random(size) < PROSPECT_SHARE
    if first:
        _cover_the_span(joined, prospect, season)
    dropout_rate = rng.gamma(DROPOUT_SHAPE, 1 / DROPOUT_SCALE_DAYS, size)
    joined_day = np.interp(joined, season, np.arange(calendar.days + 1))
    with np.errstate(divide="ignore"):
        left_day = joined_day + rng.exponential(size=size) / dropout_rate
    left = calendar.average_days(np.minimum(left_day, calendar.days))
    value_rate = rng.gamma(VALUE_RATE_SHAPE, 1 / VALUE_SCALE, size)
    return Customers(
        prospect=prospect,
        joined=joined,
        left=left,
        joined_seconds=calendar.seconds(joined),
        left_seconds=np.where(left_day < calendar.days, calendar.seconds(left), calendar.days * 86_400),
        rate=rng.gamma(RATE_SHAPE, 1 / RATE_SCALE_DAYS, size),
        dropout_rate=dropout_rate,
        value_rate=value_rate,
        level=2 - np.searchsorted(_level_edges(), value_rate).astype(np.int8),
        channel=rng.choice(len(CHANNELS), size, p=CHANNEL_SHARES).astype(np.int8),
        category=rng.integers(len(CATEGORIES), size=size, dtype=np.int8),
    )


def _cover_the_span(joined: Floats, prospect: Bools, season: Floats) -> None:
    """Move the first customer's joining into the first day and the second's into the last."""
    opening, closing = season[1] - season[0], season[-1] - season[-2]
    joined[:2] = opening * joined[0] / season[-1], season[-2] + closing * joined[1] / season[-1]
    prospect[:2] = False


def _level_edges() -> Floats:
    """Terciles of the value rate: a low rate means high order values."""
    return gammaincinv(VALUE_RATE_SHAPE, [1 / 3, 2 / 3]) / VALUE_SCALE


def expected_order_value(level: int) -> float:
    """Planted mean order value of a value level, in EUR: p E[1 / rate | level].

    With rate ~ gamma(q, v), E[1 / rate; a < rate < b] = v / (q - 1) P(a < gamma(q - 1, v) < b).
    """
    edges = np.concatenate([[0.0], _level_edges() * VALUE_SCALE, [np.inf]])
    low, high = edges[2 - level], edges[3 - level]
    share = gammainc(VALUE_RATE_SHAPE - 1, high) - gammainc(VALUE_RATE_SHAPE - 1, low)
    return float(VALUE_SHAPE * VALUE_SCALE / (VALUE_RATE_SHAPE - 1) * share * 3)


def draw_campaign_groups(
    rng: np.random.Generator, customers: Customers, *, campaigns: tuple[Campaign, ...], reachable: Bools
) -> tuple[Ints, Bools]:
    """Target reachable customers, keep a random control group, and decide who places an extra order.

    Returns groups of shape (campaigns, customers): -1 not targeted, 0 control, 1 treated; and whether a customer places
    an extra order, same shape, only ever true where treated.
    """
    shape = (len(campaigns), len(customers))
    sent = np.array([c.sent_seconds for c in campaigns])[:, None]
    eligible = reachable & ~customers.prospect & (customers.joined_seconds < sent)
    targeted = eligible & (rng.random(shape) < TARGETED_SHARE)
    treated = rng.random(shape) >= CONTROL_SHARE
    groups = np.where(targeted, treated, -1).astype(np.int8)
    probability = np.array([[c.probability(k) for k in range(len(VALUE_LEVELS))] for c in campaigns])
    return groups, (groups == 1) & (rng.random(shape) < probability[:, customers.level])
