"""The way from prospect to loyal customer: how many take each step, and how long it takes them."""

import itertools
from datetime import date
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.customers.days import as_day, as_table, customer_days, with_days

STAGES: Final = ("prospect", "first order", "second order", "loyal")
"""Stages of the funnel in order; customers are in the last one they have reached."""

LOYAL_ORDER_DAYS: Final = 4
"""Who has ordered on as many days is loyal: four order days are also the fewest that show a rhythm."""

HORIZONS_DAYS: Final = (90, 180, 365)
"""For each a column says how many take a step within so many days."""


def funnel_stage(customers: pd.DataFrame) -> pd.Series:
    """Return the stage of each customer by the days they have ordered on, over their whole history.

    Parameters
    ----------
    customers
        `repeat_orders`: days with an order after the first such day; missing for contacts without an order.

    Returns
    -------
        One of `STAGES` per row.

    Examples
    --------
    >>> funnel_stage(pd.DataFrame({"repeat_orders": [0, 2, 3, None]})).tolist()
    ['first order', 'second order', 'loyal', 'prospect']
    """
    require_columns(list(customers.columns), ["repeat_orders"], what="The customers' table")
    order_days = customers["repeat_orders"].astype("float64").fillna(-1).to_numpy() + 1
    at = np.searchsorted([1, 2, LOYAL_ORDER_DAYS], order_days, side="right")
    return pd.Series(np.array(STAGES)[at], index=customers.index, name="funnel_stage", dtype="str")


def funnel(orders: Any, *, as_of: date | str, contacts: Any | None = None, events: Any | None = None) -> pd.DataFrame:
    """Count who takes each step of the funnel, and how long it takes, fair to those who had little time for it.

    A prospect is a contact, or somebody with an event, before their first order. Their time begins on the day they were
    created as a contact or with their first event. Without such a day nobody knows whether they were there before
    they ordered: the first step counts those with a day alone. If no customer was seen before their first order, the
    inputs know only prospects who never ordered: then their number is told, and no conversion.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The last day that counts.
    contacts
        `customer_id`, and `created_at` if known; those who never ordered are prospects. A frame or an Ibis table.
    events
        `customer_id`, `event_at`. Without contacts and events the funnel begins with the first order.

    Returns
    -------
        One row per step: `step, entered, reached, conversion, median_days, share_90d, share_180d, share_365d`.
        `entered` have reached the stage before, `reached` this one, `conversion` is their ratio so far.
        The conversion of the first step is NaN where it cannot be known, and so are its times.
        `median_days` and the shares are Kaplan-Meier estimates: customers who have not taken the step (yet) count for
        the days they were seen. The median is NaN where less than half take the step, a share where nobody was seen
        that long.

    Notes
    -----
    Kaplan and Meier (1958), Nonparametric Estimation from Incomplete Observations, JASA 53(282). "Loyal" counts from
    the second order on: the days until order day `LOYAL_ORDER_DAYS`.
    """
    day = as_day(as_of)
    people = _with_arrival(_order_days(orders, day=day), contacts, events, day=day)
    frame = people.to_pyarrow().to_pandas()
    dates = ["seen_on", "first_on", "second_on", "loyal_on"]
    at = {c: pd.to_datetime(frame[c]) for c in dates}
    known = frame["prospect"].to_numpy(dtype=bool)
    dated = known & at["seen_on"].notna().to_numpy()
    told = bool((dated & at["first_on"].notna().to_numpy()).any())
    known = dated if told else known
    rows = []
    for number, (start, end) in enumerate(itertools.pairwise(dates)):
        entered = known if number == 0 else at[start].notna().to_numpy()
        if entered.any() or number:
            rows.append(
                {"step": f"{STAGES[number]} to {STAGES[number + 1]}", **_step(at[start], at[end], entered, day)}
            )
    table = pd.DataFrame(rows)
    if not told and table["step"].iloc[0].startswith(STAGES[0]):
        table.loc[0, ["conversion", "median_days", *(f"share_{h}d" for h in HORIZONS_DAYS)]] = float("nan")
    return table


def first_month_cohorts(orders: Any, *, as_of: date | str, days: int = 90) -> pd.DataFrame:
    """Return how many of each month's new customers ordered again within `days` days.

    Returns
    -------
        `month` (of the first order), `new_customers`, `second_orders` (within `days` days of the first),
        `second_order_share`; only months all of whose customers have been seen for `days` days.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 2],
    ...     "ordered_on": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-15"]),
    ...     "amount": [10.0, 20.0, 5.0],
    ... })
    >>> first_month_cohorts(orders, as_of="2024-06-30")["second_order_share"].tolist()
    [0.5]
    """
    day = as_day(as_of)
    frame = _order_days(orders, day=day).select("first_on", "second_on").to_pyarrow().to_pandas()
    first, second = pd.to_datetime(frame["first_on"]), pd.to_datetime(frame["second_on"])
    month = first.dt.to_period("M")
    grouped = ((second - first).dt.days <= days).groupby(month)
    table = pd.DataFrame({"new_customers": grouped.size(), "second_orders": grouped.sum()}).sort_index()
    months = pd.PeriodIndex(table.index)
    table.insert(0, "month", months.to_timestamp())
    table = table[months.end_time.normalize() + pd.Timedelta(days=days) <= pd.Timestamp(day)]
    return table.assign(second_order_share=table["second_orders"] / table["new_customers"]).reset_index(drop=True)


def kaplan_meier(days: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct days on which something happened, and the share to whom it has happened by then.

    Examples
    --------
    >>> at, share = kaplan_meier(np.array([1, 2, 2, 3]), np.array([True, True, False, True]))
    >>> at.tolist(), share.tolist()
    ([1, 2, 3], [0.25, 0.5, 1.0])
    """
    times, place = np.unique(days, return_inverse=True)
    count = np.bincount(place, minlength=len(times))
    deaths = np.bincount(place, weights=happened, minlength=len(times))
    at_risk = len(days) - np.concatenate([[0], np.cumsum(count)[:-1]])
    share = 1 - np.cumprod(1 - deaths / at_risk)
    return times[deaths > 0], share[deaths > 0]


def median_days(days: np.ndarray, happened: np.ndarray) -> float:
    """Return after how many days it has happened to half, by `kaplan_meier`; NaN where it has not."""
    at, share = kaplan_meier(days, happened) if len(days) else (np.empty(0), np.empty(0))
    half = at[share >= 0.5 - 1e-12]
    return float(half[0]) if len(half) else float("nan")


def _order_days(orders: Any, *, day: date) -> ir.Table:
    """Return per customer the days of their first, second and `LOYAL_ORDER_DAYS`th order day."""
    days = customer_days(orders, as_of=day)
    days = days.filter(days.orders > 0)
    nth = ibis.row_number().over(ibis.window(group_by=days.customer_id, order_by=days.ordered_on))
    days = days.mutate(nth=nth + 1)
    days = days.filter(days.nth <= LOYAL_ORDER_DAYS)
    return days.group_by("customer_id").aggregate(
        first_on=days.ordered_on.min(where=days.nth == 1),
        second_on=days.ordered_on.min(where=days.nth == 2),
        loyal_on=days.ordered_on.min(where=days.nth == LOYAL_ORDER_DAYS),
    )


def _with_arrival(steps: ir.Table, contacts: Any | None, events: Any | None, *, day: date) -> ir.Table:
    """Add the day a prospect was first seen, and those who never ordered."""
    seen = None
    if events is not None:
        table = with_days(as_table(events, what="events"), day="event_on", instant="event_at")
        past = table.filter(table.event_on <= ibis.literal(day))
        seen = past.group_by("customer_id").aggregate(seen_on=past.event_on.min())
    if contacts is not None:
        table = as_table(contacts, what="contacts")
        dated = "created_at" in table.columns
        created = table.created_at.try_cast("timestamp").date() if dated else ibis.null("date")
        known = table.select("customer_id", seen_on=created)
        known = known.filter(known.customer_id.notnull())
        both = known if seen is None else ibis.union(known, seen)
        seen = both.group_by("customer_id").aggregate(seen_on=both.seen_on.min())
    if seen is None:
        return steps.mutate(seen_on=ibis.null("date"), prospect=ibis.literal(False))
    joined = steps.outer_join(seen, "customer_id")
    # Those first seen with or after their first order came as customers.
    prospect = joined.first_on.isnull() | (joined.seen_on < joined.first_on).fill_null(False)
    return joined.select("seen_on", "first_on", "second_on", "loyal_on", prospect=prospect)


def _step(start: pd.Series, end: pd.Series, entered: np.ndarray, day: date) -> dict[str, float]:
    reached = entered & end.notna().to_numpy()
    timed = entered & start.notna().to_numpy()
    took = (end.fillna(pd.Timestamp(day)) - start).dt.days.to_numpy(dtype=np.float64)[timed]
    happened = reached[timed]
    at, share = kaplan_meier(took, happened) if len(took) else (np.empty(0), np.empty(0))
    longest = took.max() if len(took) else -1.0
    n = int(entered.sum())
    found = {
        "entered": n,
        "reached": int(reached.sum()),
        "conversion": reached.sum() / n if n else float("nan"),
        "median_days": median_days(took, happened),
    }
    for horizon in HORIZONS_DAYS:
        by_then = share[at <= horizon]
        told = float(by_then[-1]) if len(by_then) else 0.0
        complete = len(share) and share[-1] >= 1 - 1e-12
        found[f"share_{horizon}d"] = told if longest >= horizon or complete else float("nan")
    return found
