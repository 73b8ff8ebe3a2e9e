"""The order log along the calendar: days, months, silences, and days with several orders of one customer."""

from datetime import date
from typing import Any

import pandas as pd

from rfm_ml.core.checks import require_between


def orders_by_day(orders: Any, *, as_of: date) -> pd.DataFrame:
    """Return `day, orders, revenue`, one row per day with an order or a return up to `as_of`, in order of time.

    Parameters
    ----------
    orders
        Clean orders as an Ibis table: `ordered_on`, `amount` and `order_kind`.
    as_of
        The last day that counts.

    Returns
    -------
    pd.DataFrame
        `orders` without returns; `revenue` in currency, with what returns give back taken off.
    """
    past = orders.filter(orders.ordered_on <= as_of)
    days = past.group_by(day=past.ordered_on).aggregate(
        orders=past.count(where=past.order_kind == "order"), revenue=past.amount.sum().cast("float64")
    )
    frame = days.order_by("day").to_pyarrow().to_pandas()
    return frame.assign(day=pd.to_datetime(frame["day"]), orders=frame["orders"].astype("int64"))


def by_month(days: pd.DataFrame, *, as_of: date) -> pd.DataFrame:
    """Return one row per calendar month from the first order to `as_of`, also for months without orders.

    Parameters
    ----------
    days
        As `orders_by_day` gives, or any frame with `day` and columns of sums.
    as_of
        The last day that counts.

    Returns
    -------
    pd.DataFrame
        `month` (its first day), `complete` (False where `as_of` cuts the month short), and the sums.

    Examples
    --------
    >>> days = pd.DataFrame({"day": pd.to_datetime(["2025-01-31", "2025-03-01"]), "orders": [2, 1]})
    >>> by_month(days, as_of=date(2025, 3, 15))
           month  complete  orders
    0 2025-01-01      True       2
    1 2025-02-01      True       0
    2 2025-03-01     False       1
    """
    months = days["day"].dt.to_period("M")
    last = pd.Timestamp(as_of)
    every = pd.period_range(months.min() if len(days) else last.to_period("M"), last.to_period("M"), name="month")
    table = days.drop(columns="day").groupby(months).sum().reindex(every, fill_value=0)
    table.index = every.to_timestamp()
    table.insert(0, "complete", every.end_time.normalize() <= last)
    return table.rename_axis("month").reset_index()


def silences(days: pd.DataFrame, *, as_of: date, longest: int = 5) -> pd.DataFrame:
    """Return the longest runs of days without any order, the longest first.

    Parameters
    ----------
    days
        As `orders_by_day` gives.
    as_of
        The last day that counts: the days from the last order to it are a silence too.
    longest
        How many to return at most.

    Returns
    -------
    pd.DataFrame
        `first_day, last_day, days`, both days included.
    """
    require_between(longest, 1, 1000, name="longest")
    with_order = days.loc[days["orders"] > 0, "day"]
    ends = pd.concat([with_order, pd.Series([pd.Timestamp(as_of) + pd.Timedelta(days=1)])], ignore_index=True)
    gap = ends.diff().dt.days.fillna(1).astype("int64") - 1
    table = pd.DataFrame(
        {"first_day": ends - pd.to_timedelta(gap, unit="D"), "last_day": ends - pd.Timedelta(days=1), "days": gap}
    )
    return table[gap > 0].sort_values("days", ascending=False, kind="stable").head(longest).reset_index(drop=True)


def same_day_orders(orders: Any, *, as_of: date) -> dict[str, int]:
    """Return how many orders share a day with another one of the same customer.

    Returns
    -------
    dict
        `days`: customer-days with more than one order; `orders`: the orders on them; `customers`: who had any.
    """
    past = orders.filter((orders.ordered_on <= as_of) & (orders.order_kind == "order"))
    days = past.group_by(["customer_id", "ordered_on"]).aggregate(orders=past.count())
    several = days.filter(days.orders > 1)
    row = several.aggregate(
        days=several.count(), orders=several.orders.sum().fill_null(0), customers=several.customer_id.nunique()
    ).to_pyarrow()
    return {name: int(row[name][0].as_py()) for name in ("days", "orders", "customers")}
