"""Split an order log by date: customers as they were on a day, and what they did afterwards."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeAlias

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.days import as_day, as_table, customer_days, group_keys, with_days
from rfm_ml.customers.table import customer_table

Log: TypeAlias = ir.Table | pd.DataFrame


def until_day(log: Log, as_of: date | str, *, what: str = "orders") -> ir.Table:
    """Return the rows of a log up to a day, included; the later ones are gone, not just ignored.

    Parameters
    ----------
    log
        Orders, order lines or customer-days (by `ordered_on` or `ordered_at`), or events (by `event_at`).
    as_of
        The last day to keep.
    """
    table = as_table(log, what=what)
    if "event_at" in table.columns:
        return table.filter(table.event_at.date() <= ibis.literal(as_day(as_of)))
    table = with_days(table)
    return table.filter(table.ordered_on <= ibis.literal(as_day(as_of)))


def actuals(orders: Log, *, as_of: date | str, until: date | str, by: str | None = None) -> pd.DataFrame:
    """Count what customers did in (as_of, until].

    Parameters
    ----------
    orders
        Orders or customer-days.
    as_of, until
        The day before the first, and the last one that counts.
    by
        "channel" to count per customer and channel.

    Returns
    -------
        One row per customer (and channel) with an order or return then: customer_id, actual_order_days (days with an
        order, what repeat-buying models predict), actual_orders and actual_spend (net of returns, in currency).
    """
    days = customer_days(orders, by=by, as_of=until)
    days = days.filter(days.ordered_on > ibis.literal(as_day(as_of)))
    sums = days.group_by(group_keys(by)).aggregate(
        actual_order_days=days.count(where=days.orders > 0).cast("int64"),
        actual_orders=days.orders.sum().cast("int64"),
        actual_spend=days.amount.sum().cast("float64"),
    )
    return sums.order_by(group_keys(by)).to_pyarrow().to_pandas()


def split_holdout(
    orders: Log,
    *,
    as_of: date | str,
    until: date | str | None = None,
    by: str | None = None,
    lines: Log | None = None,
    events: Log | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Return the customers as of a day, with what each of them did from then until a later day.

    The customers' columns are computed from rows up to `as_of` alone: later rows are removed first, so nothing of the
    holdout can reach them.

    Parameters
    ----------
    orders
        Orders or customer-days over both periods.
    as_of
        Last day of the calibration period.
    until
        Last day of the holdout; by default the last day of the log.
    by, lines, events, options
        As for `customer_table`; the options are its window_days, annualise and with_features.

    Returns
    -------
        The customers table, then actual_order_days, actual_orders and actual_spend in (as_of, until], 0 for who did not
        come back. `attrs` hold as_of, until, holdout_days, and new_customers: those who first ordered in the holdout,
        whom no model could have known.

    Raises
    ------
    ParamsError
        If `until` is not after `as_of`.
    DataError
        If the log ends before `until`: the rest of the holdout would look like customers who left.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 2, 1, 3],
    ...     "ordered_on": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-05", "2024-02-10", "2024-02-29"]),
    ...     "amount": [10.0, 20.0, 5.0, 30.0, 9.0],
    ... })
    >>> frame = split_holdout(orders, as_of="2024-01-31", with_features=False)
    >>> frame[["customer_id", "repeat_orders", "actual_orders", "actual_spend"]]
       customer_id  repeat_orders  actual_orders  actual_spend
    0            1              1              1          30.0
    1            2              0              0           0.0
    >>> frame.attrs["holdout_days"], frame.attrs["new_customers"]
    (29, 1)
    """
    start, (first, last) = as_day(as_of), order_span(orders)
    end = last if until is None else as_day(until)
    if end <= start:
        raise ParamsError(f"until must be after as_of. Got until {end} and as_of {start}. Choose an earlier as_of.")
    if end > last:
        raise DataError(
            f"The log must reach until. Got until {end}, and the last order is on {last}. "
            "Choose an earlier until, or leave it out to use the whole log."
        )
    require_history(first, start)
    past: dict[str, Any] = {
        name: None if log is None else until_day(log, start, what=name)
        for name, log in (("lines", lines), ("events", events))
    }
    customers = customer_table(until_day(orders, start), as_of=start, by=by, **past, **options)
    keys = group_keys(by)
    later = actuals(orders, as_of=start, until=end, by=by).set_index(keys)
    rows = pd.MultiIndex.from_frame(customers[keys]) if by else pd.Index(customers["customer_id"])
    joined = later.reindex(rows).fillna(0).astype(later.dtypes.to_dict())
    result = customers.assign(**{name: joined[name].to_numpy() for name in joined.columns})
    came = later.index[later["actual_orders"] > 0].get_level_values("customer_id")
    new = came.unique().difference(pd.Index(customers["customer_id"]))
    result.attrs = {
        "as_of": start.isoformat(),
        "until": end.isoformat(),
        "holdout_days": (end - start).days,
        "new_customers": len(new),
    }
    return result


def order_span(orders: Log) -> tuple[date, date]:
    """Return the days of the first and of the last order in the log.

    Raises
    ------
    DataError
        If there is no order.
    """
    days = customer_days(orders)
    ordered = days.filter(days.orders > 0)
    ends = ordered.aggregate(first=ordered.ordered_on.min(), last=ordered.ordered_on.max()).to_pyarrow().to_pylist()[0]
    if ends["first"] is None:
        raise DataError("There must be at least one order. Got none. Check order_kind.")
    return ends["first"], ends["last"]


def require_history(first: date, day: date) -> None:
    """Refuse a day before the first order.

    Raises
    ------
    DataError
        With the day of the first order.
    """
    if first > day:
        raise DataError(
            f"There must be an order on or before {day}. Got a log that begins on {first}. "
            "Choose a later day or a longer history."
        )


def leaking_columns(build: Callable[[Log, date], pd.DataFrame], orders: Log, *, as_of: date | str) -> list[str]:
    """Return the columns of a customers frame that change when the future is removed: those that leak it."""
    day = as_day(as_of)
    seen, honest = build(orders, day), build(until_day(orders, day), day)
    seen, honest = (f.sort_values("customer_id", ignore_index=True) for f in (seen, honest))
    if not seen["customer_id"].equals(honest["customer_id"]):
        return ["customer_id"]
    names = sorted(set(seen.columns) | set(honest.columns))
    return [name for name in names if name not in seen or name not in honest or not _equal(seen[name], honest[name])]


def _equal(left: pd.Series, right: pd.Series) -> bool:
    if pd.api.types.is_float_dtype(left):
        return bool(np.allclose(left, right, rtol=1e-9, atol=0, equal_nan=True))
    return left.equals(right)


def earlier(as_of: date | str, days: int) -> date:
    """Return the day so many days before."""
    return as_day(as_of) - timedelta(days=days)
