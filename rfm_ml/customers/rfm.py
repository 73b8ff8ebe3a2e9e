"""Recency, orders and spend of each customer as of a day."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import ParamsError
from rfm_ml.customers.days import as_day, customer_days, group_keys, summarise

DAYS_PER_YEAR = 365
"""Period of the yearly columns when no window is set."""

ANNUALISE_FLOOR_DAYS = 30
"""With `annualise` nobody counts as observed for less, so that a first order yesterday is
12 orders a year and not 365."""

_LONGEST_WINDOW = 36_500


def rfm(
    orders: ir.Table | pd.DataFrame,
    *,
    as_of: date | str,
    window_days: int | None = None,
    annualise: bool = False,
    by: str | None = None,
) -> ir.Table:
    """Compute the RFM columns: one row per customer who has ordered up to `as_of`.

    Rows after `as_of` are ignored. A return reduces spend on the day it happens; it is never an
    order and moves neither recency nor the first order. Customers with returns only are left out.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The day the table is seen from, included.
    window_days
        If set, `orders` and `spend` count the days in (as_of - window_days, as_of] only. Recency,
        first and last order are always over the whole history.
    annualise
        Scale the yearly columns of a customer younger than the period by the days they have been
        seen: `age_days + 1`, at least `ANNUALISE_FLOOR_DAYS`.
    by
        "channel" for one row per customer and channel.

    Returns
    -------
        `customer_id`, (`channel`,) `recency_days`, `orders`, `spend`, `orders_per_year`,
        `spend_per_year`, `first_order_on`, `last_order_on`, `age_days`; in no particular order.
        The yearly columns are over `window_days`, or over the last 365 days without a window:
        orders x 365 / days of the period.

    Raises
    ------
    ParamsError
        If an argument is not usable.
    DataError
        If a needed column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "a"],
    ...     "ordered_on": pd.to_datetime(["2024-01-01", "2024-12-01"]),
    ...     "amount": [10.0, 20.0],
    ... })
    >>> row = rfm(orders, as_of="2024-12-31", window_days=73).to_pyarrow().to_pylist()[0]
    >>> row["recency_days"], row["orders"], row["orders_per_year"], row["spend_per_year"]
    (30, 1, 5.0, 100.0)
    """
    day = as_day(as_of)
    require_window(window_days, annualise=annualise)
    days = customer_days(orders, by=by, as_of=day)
    sums = summarise(days, by=by, measures=rfm_measures(days, as_of=day, window_days=window_days))
    columns = rfm_columns(sums, as_of=day, window_days=window_days, annualise=annualise)
    return sums.select(*group_keys(by), **columns)


def rfm_measures(days: ir.Table, *, as_of: date, window_days: int | None) -> dict[str, ir.Value]:
    """Name the sums over customer-days that `rfm_columns` needs."""
    has_order = days.orders > 0
    period = window_days or DAYS_PER_YEAR
    recent = within(days.ordered_on, as_of=as_of, days=period)
    measures = {
        "first_order_on": days.ordered_on.min(where=has_order),
        "last_order_on": days.ordered_on.max(where=has_order),
        "period_orders": days.orders.sum(where=recent),
        "period_spend": days.amount.sum(where=recent),
    }
    if window_days is None:
        measures |= {"all_orders": days.orders.sum(), "all_spend": days.amount.sum()}
    return measures


def rfm_columns(sums: ir.Table, *, as_of: date, window_days: int | None, annualise: bool) -> dict[str, ir.Value]:
    """Turn the sums of `rfm_measures` into the RFM columns, in their order."""
    today = ibis.literal(as_of)
    age = today.delta(sums.first_order_on, unit="day").cast("int64")
    observed: ir.IntegerValue | int = window_days or DAYS_PER_YEAR
    if annualise:
        observed = ibis.least(observed, ibis.greatest(age + 1, ANNUALISE_FLOOR_DAYS))
    scope = "all" if window_days is None else "period"
    period_orders = count(sums.period_orders)
    return {
        "recency_days": today.delta(sums.last_order_on, unit="day").cast("int64"),
        "orders": count(sums[f"{scope}_orders"]),
        "spend": money(sums[f"{scope}_spend"]),
        "orders_per_year": period_orders.cast("float64") * DAYS_PER_YEAR / observed,
        "spend_per_year": money(sums.period_spend) * DAYS_PER_YEAR / observed,
        "first_order_on": sums.first_order_on,
        "last_order_on": sums.last_order_on,
        "age_days": age,
    }


def within(on: ir.DateValue, *, as_of: date, days: int) -> ir.BooleanValue:
    """Say which days lie in (as_of - days, as_of]; later days are assumed to be gone."""
    return on > ibis.literal(date.fromordinal(max(1, as_of.toordinal() - days)))


def count(total: ir.Value) -> ir.IntegerValue:
    """Make a sum of counts a whole number, 0 where there was nothing to add."""
    return total.fill_null(0).cast("int64")


def money(total: ir.Value) -> ir.FloatingValue:
    """Make an exact sum of money a float, 0.0 where there was nothing to add."""
    return total.fill_null(0).cast("float64")


def require_window(window_days: int | None, *, annualise: bool) -> None:
    """Refuse a window that is not a whole number of days from 1 on, and an `annualise` that is not a truth value."""
    if window_days is not None:
        require_between(window_days, 1, _LONGEST_WINDOW, name="window_days")
        if int(window_days) != window_days:
            raise ParamsError(f"window_days must be a whole number of days. Got {window_days!r}.")
    if not isinstance(annualise, bool):
        raise ParamsError(f"annualise must be true or false. Got {annualise!r}.")
