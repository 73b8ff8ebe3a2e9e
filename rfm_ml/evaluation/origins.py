"""Rolling origins: on which days of the past strategies are put to the test, and what was known on each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError
from rfm_ml.customers.holdout import Log, actuals, earlier, until_day

HORIZONS: Final = (91, 28)
"""Days to judge by: the first that allows as many origins as are wanted."""

SHORTEST_STEP: Final = 28
"""Days between two origins, at least; nearer ones see almost the same customers and the same orders."""

LATER_DAYS: Final = 30
"""After so many days (or the horizon, where it is shorter) we look who is still in the same segment."""

Build = Callable[[Log, date], pd.DataFrame]
"""Makes the customers' table as of a day from orders; it is only ever handed orders up to that day."""


@dataclass(frozen=True)
class Plan:
    """Which days to test on: `days`, earliest first, each followed by `horizon_days` to judge by; `words` say why."""

    days: tuple[date, ...]
    horizon_days: int
    words: str


@dataclass(frozen=True)
class Past:
    """The customers as of a day, with nothing of what came later.

    `customers` is the table that strategies see; `base` the same customers by position, over their whole history and
    with all features, for models and baselines; `recent_spend` (n,) their net spend in the `horizon_days` up to the
    day, in currency.
    """

    day: date
    horizon_days: int
    customers: pd.DataFrame
    base: pd.DataFrame
    recent_spend: np.ndarray


@dataclass(frozen=True)
class History:
    """All that a candidate may learn from at an origin T: the customers as of T (`now`) and as of T - H (`before`).

    `between` is what the customers of `before` spent in (T - H, T], in currency, shape (customers of before,).
    """

    now: Past
    before: Past
    between: np.ndarray


def rows_of(past: Past, rows: np.ndarray) -> Past:
    """Return some of the customers of a day, by their places."""
    customers = past.customers.iloc[rows].reset_index(drop=True)
    base = customers if past.base is past.customers else past.base.iloc[rows].reset_index(drop=True)
    return replace(past, customers=customers, base=base, recent_spend=past.recent_spend[rows])


def first_customers(history: History, number: int) -> History:
    """Return a history of the first customers only, to try something out on."""
    now, before = (np.arange(min(number, len(p.customers))) for p in (history.now, history.before))
    return History(rows_of(history.now, now), rows_of(history.before, before), history.between[before])


@dataclass(frozen=True)
class Origin:
    """One test: what was known on the day, what the same rules see some days later, and the truth.

    Candidates learn from `history` and are asked about it. `later` is the same some days after T; it tells who would
    have changed segment, and no candidate is judged by it. `spend` is what the customers of `history.now` spent in (T,
    T + H], net of returns, 0 for who did not come back.
    """

    history: History
    later: History
    spend: np.ndarray

    @property
    def day(self) -> date:
        """T, the last day that candidates know."""
        return self.history.now.day

    @property
    def later_days(self) -> int:
        """Days from T until we look again."""
        return (self.later.now.day - self.day).days


def choose_origins(first: date, last: date, *, horizon_days: int | None = None, origins: int = 4) -> Plan:
    """Choose the days to test on, the latest as late as the log allows.

    Every origin T needs H days after it to be judged by, H days before it to learn the value of segments in, and
    half of H before those, so that there are customers to segment. Origins lie H days apart, so that no order is
    judged twice; where the log is too short for that, nearer, but never nearer than `SHORTEST_STEP` days (or H).
    `horizon_days` is H; None takes the first of `HORIZONS` that allows all origins, or else most.

    Raises
    ------
    DataError
        If not a single origin is possible.

    Examples
    --------
    >>> plan = choose_origins(date(1997, 1, 1), date(1998, 6, 30))
    >>> plan.horizon_days, [str(day) for day in plan.days]
    (91, ['1997-07-01', '1997-09-30', '1997-12-30', '1998-03-31'])
    """
    require_between(origins, 1, 100, name="origins")
    longest: tuple[int, list[date]] = (0, [])
    for horizon in HORIZONS if horizon_days is None else (horizon_days,):
        require_between(horizon, 1, 3660, name="horizon_days")
        days = _spaced(first, last, horizon=horizon, wanted=origins)
        if len(days) > len(longest[1]):
            longest = (horizon, days)
    horizon, days = longest
    if not days:
        shortest = horizon_days or HORIZONS[-1]
        raise DataError(
            f"The log must span at least {2 * shortest + shortest // 2} days to compare strategies over {shortest} "
            f"days. Got {(last - first).days}, from {first} to {last}. Wait for more orders, or shorten horizon_days."
        )
    return Plan(tuple(days), horizon, _words(days, horizon, wanted=origins))


def _spaced(first: date, last: date, *, horizon: int, wanted: int) -> list[date]:
    start, end = first + timedelta(days=horizon // 2 + horizon), last - timedelta(days=horizon)
    room = (end - start).days
    if room < 0:
        return []
    shortest = min(SHORTEST_STEP, horizon)
    step = horizon if wanted == 1 else min(horizon, max(shortest, room // (wanted - 1)))
    return [end - timedelta(days=step * k) for k in reversed(range(min(wanted, 1 + room // step)))]


def _words(days: Sequence[date], horizon: int, *, wanted: int) -> str:
    many = f"{len(days)} days from {days[0]} to {days[-1]}" if len(days) > 1 else f"One day, {days[0]}"
    sentences = [f"{many}, each judged by the {horizon} days after it."]
    if len(days) < wanted:
        sentences.append(f"The log is too short for {wanted}.")
    step = (days[1] - days[0]).days if len(days) > 1 else horizon
    if step < horizon:
        sentences.append(
            f"The periods overlap: they begin {step} days apart, so they are not independent of each other."
        )
    return " ".join(sentences)


def make_origins(
    orders: Log,
    plan: Plan,
    *,
    build: Build,
    base: Build | None = None,
    most_customers: int | None = None,
    cut: bool = True,
) -> list[Origin]:
    """Compute what was known on each day of the plan and what followed.

    `build` and `base` make the tables `Past.customers` and `Past.base`, of the same customers; `base` is by default the
    same. Beyond `most_customers` on a day a sample of them is drawn. Builders are only handed orders up to the day;
    `cut=False` is there to find out who looks at later ones.
    """
    pasts: dict[date, Past] = {}

    def past(day: date) -> Past:
        if day not in pasts:
            seen = until_day(orders, day) if cut else orders
            customers = build(seen, day).sort_values("customer_id", ignore_index=True)
            chosen = _sample(customers["customer_id"], most_customers)
            whole = customers = customers[chosen].reset_index(drop=True)
            if base is not None:
                whole = base(seen, day).sort_values("customer_id", ignore_index=True)[chosen].reset_index(drop=True)
            spent = _spend(orders, customers["customer_id"], until=day, days=plan.horizon_days)
            pasts[day] = Past(day, plan.horizon_days, customers, whole, spent)
        return pasts[day]

    def history(day: date) -> History:
        before = past(earlier(day, plan.horizon_days))
        between = _spend(orders, before.customers["customer_id"], until=day, days=plan.horizon_days)
        return History(past(day), before, between)

    origins = []
    for day in plan.days:
        after, ids = earlier(day, -plan.horizon_days), past(day).customers["customer_id"]
        spend = _spend(orders, ids, until=after, days=plan.horizon_days)
        later = history(earlier(day, -min(LATER_DAYS, plan.horizon_days)))
        origins.append(Origin(history(day), later, spend))
    return origins


def _spend(orders: Log, ids: pd.Series, *, until: date, days: int) -> np.ndarray:
    """Return the net spend of customers in the days up to a day, 0 for who did not order."""
    spend = actuals(orders, as_of=earlier(until, days), until=until).set_index("customer_id")["actual_spend"]
    return spend.reindex(ids).fillna(0.0).to_numpy(dtype=np.float64)


def _sample(ids: pd.Series, most: int | None) -> np.ndarray:
    """Choose at most so many customers by a hash of their id, whatever the order of the rows."""
    if most is None or len(ids) <= most:
        return np.ones(len(ids), dtype=bool)
    hashed = pd.util.hash_array(ids.astype("str").to_numpy(dtype=object))
    return hashed <= np.partition(hashed, most - 1)[most - 1]
