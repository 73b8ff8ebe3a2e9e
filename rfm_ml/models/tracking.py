"""Predictions as tables: totals over time beside what happened, and by history."""

from datetime import date

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.customers.days import as_day
from rfm_ml.models.arrays import FloatArray
from rfm_ml.models.repeat_buying import RepeatBuyingModel

KNOTS = 60
"""E[X(t)] is computed at so many ages and interpolated in log(1 + t); it bends too little to tell the difference."""


def orders_by_age(model: RepeatBuyingModel, days: int) -> FloatArray:
    """Return E[X(t)], the repeat orders expected of a new customer up to age t, for t = 0, 1, ..., days."""
    require_between(days, 0, 36_500, name="days")
    ages = np.unique(np.geomspace(1, days + 1, KNOTS).round()) - 1
    if days < KNOTS:
        ages = np.arange(days + 1.0)
    new = pd.DataFrame({"repeat_orders": [0.0], "active_days": [0.0], "age_days": [0.0]})
    at = [0.0] + [float(model.expected_orders(new, horizon_days=t)[0]) for t in ages[1:]]
    if len(ages) == days + 1:
        return np.array(at)
    return np.asarray(CubicSpline(np.log1p(ages), at)(np.log1p(np.arange(days + 1))))


def track_orders(
    model: RepeatBuyingModel,
    calendar: pd.DataFrame,
    *,
    until: date | str,
    fitted_on: date | str | None = None,
    step_days: int = 7,
) -> pd.DataFrame:
    """Compare repeat orders over time with what the model expects, of all customers from their first order on.

    E[X(until) - X(before)] is summed over the customers there were, those who came after the fit included: the model
    is told when customers arrive, and nothing else. Section 5 of Fader, Hardie & Lee (2005).

    Parameters
    ----------
    model
        Fitted.
    calendar
        `ordered_on, new_customers, repeat_orders` by day, as `customers.calendar.first_and_repeat_days` gives.
    until
        The last day to compare.
    fitted_on
        The last day the model has seen; None says it has seen all.
    step_days
        Length of a period in days. A rest at the end that fills no period is left out.

    Returns
    -------
        One row per period: from_day, to_day, new_customers, actual_orders, expected_orders, actual_total,
        expected_total (both cumulative) and seen (the model has seen all of it).

    Raises
    ------
    DataError
        If there is no order up to `until`.
    """
    require_between(step_days, 1, 366, name="step_days")
    require_columns(list(calendar.columns), ["ordered_on", "new_customers", "repeat_orders"], what="The calendar")
    day, end = pd.to_datetime(calendar["ordered_on"]), pd.Timestamp(as_day(until))
    if not (day <= end).any():
        raise DataError(f"There must be an order on or before {end.date()}. Got none. Choose a later day.")
    known, start = day <= end, day.min()
    place, length = (day[known] - start).dt.days.to_numpy(), (end - start).days + 1
    new = np.bincount(place, weights=calendar.loc[known, "new_customers"], minlength=length)
    again = np.bincount(place, weights=calendar.loc[known, "repeat_orders"], minlength=length)
    expected = _expected_totals(new, orders_by_age(model, length - 1))
    ends = np.arange(step_days, length + 1, step_days)
    totals = {"actual": np.cumsum(again)[ends - 1], "expected": expected[ends - 1]}
    to_day = start + pd.to_timedelta(ends - 1, unit="D")
    seen_until = end if fitted_on is None else pd.Timestamp(as_day(fitted_on))
    return pd.DataFrame({
        "from_day": to_day - pd.Timedelta(days=step_days - 1),
        "to_day": to_day,
        "new_customers": np.diff(np.cumsum(new)[ends - 1], prepend=0).astype(np.int64),
        "actual_orders": np.diff(totals["actual"], prepend=0).astype(np.int64),
        "expected_orders": np.diff(totals["expected"], prepend=0),
        "actual_total": totals["actual"].astype(np.int64),
        "expected_total": totals["expected"],
        "seen": to_day <= seen_until,
    })  # fmt: skip


def _expected_totals(new: np.ndarray, by_age: FloatArray) -> FloatArray:
    """Return the expected repeat orders up to the end of each day: the arrivals of each day at their age."""
    total = np.zeros(len(new))
    for day in np.flatnonzero(new):
        total[day:] += new[day] * by_age[: len(new) - day]
    return total


def next_order_calendar(
    model: RepeatBuyingModel,
    customers: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    as_of: date | str,
    weeks: int = 12,
) -> pd.DataFrame:
    """Return what the next weeks should bring, from the customers of today.

    Parameters
    ----------
    model
        Fitted.
    customers, predictions
        One row per customer, in the same order; `predictions` as `model.predict` gives, with expected_next_order_on.
    as_of
        The day the customers are seen from.
    weeks
        How many weeks ahead.

    Returns
    -------
        week (1 is the seven days after `as_of`), from_day, to_day, expected_orders (of all customers, each by their
        P(alive)), customers_due (whose median next order falls into the week and who are not overdue) and
        running_share (of today's customers who are due by then).
    """
    require_between(weeks, 1, 520, name="weeks")
    require_columns(list(predictions.columns), ["expected_next_order_on", "overdue"], what="The predictions")
    start = pd.Timestamp(as_day(as_of))
    totals = [float(model.expected_orders(customers, horizon_days=7 * k).sum()) for k in range(1, weeks + 1)]
    wait = (pd.to_datetime(predictions["expected_next_order_on"]) - start).dt.days
    week = np.ceil(wait[~predictions["overdue"]].dropna().to_numpy(dtype=np.float64) / 7)
    due = np.bincount(week[week <= weeks].astype(np.int64), minlength=weeks + 1)[1:]
    from_day = start + pd.to_timedelta(np.arange(weeks) * 7 + 1, unit="D")
    return pd.DataFrame({
        "week": np.arange(1, weeks + 1),
        "from_day": from_day,
        "to_day": from_day + pd.Timedelta(days=6),
        "expected_orders": np.diff(totals, prepend=0),
        "customers_due": due,
        "running_share": np.cumsum(due) / max(len(predictions), 1),
    })  # fmt: skip


def prediction_surface(
    model: RepeatBuyingModel, *, age_days: float, horizon_days: float, most_orders: int = 7, steps: int = 7
) -> pd.DataFrame:
    """Return P(alive) and expected orders over repeat orders and days since the last order.

    Parameters
    ----------
    model
        Fitted.
    age_days
        Days since the first order of the customers with repeat orders; the longest silence. One-time buyers have no
        order but the first, so their age is their silence.
    horizon_days
        Orders are expected over so many days.
    most_orders
        The most repeat orders.
    steps
        About so many lengths of silence, at round numbers of days.

    Returns
    -------
        repeat_orders (0, 1, ...), recency_days, p_alive and expected_orders, one row per pair of orders and
        silence.
    """
    require_between(age_days, 1, 36_500, name="age_days")
    require_between(most_orders, 1, 1000, name="most_orders")
    require_between(steps, 2, 200, name="steps")
    silences = np.arange(0.0, age_days, _round_step(0.75 * age_days / steps))
    x, silence = (grid.ravel() for grid in np.meshgrid(np.arange(most_orders + 1.0), silences, indexing="ij"))
    histories = pd.DataFrame({
        "repeat_orders": x,
        "active_days": np.where(x > 0, age_days - silence, 0.0),
        "age_days": np.where(x > 0, age_days, silence),
    })  # fmt: skip
    return pd.DataFrame({
        "repeat_orders": x.astype(np.int64),
        "recency_days": silence.astype(np.int64),
        "p_alive": model.p_alive(histories),
        "expected_orders": model.expected_orders(histories, horizon_days=horizon_days),
    })  # fmt: skip


def _round_step(days: float) -> float:
    """Return the next of 1, 2, 3, 5, 10, 20, 30, 50, ... days."""
    size = 10.0 ** np.floor(np.log10(max(days, 1.0)))
    return float(next(m * size for m in (1, 2, 3, 5, 10) if m * size >= days * (1 - 1e-9)))
