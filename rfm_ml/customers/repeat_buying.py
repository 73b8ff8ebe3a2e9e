"""What buy-till-you-die models need of each customer: x, t_x and m (their T is `age_days`)."""

from datetime import date

import ibis.expr.types as ir
import pandas as pd

from rfm_ml.customers.days import as_day, customer_days, group_keys, summarise
from rfm_ml.customers.rfm import money


def repeat_buying(orders: ir.Table | pd.DataFrame, *, as_of: date | str, by: str | None = None) -> ir.Table:
    """Compute the repeat-buying columns: one row per customer who has ordered up to `as_of`.

    Orders of one day are merged to one purchase, over the whole history up to `as_of`. Returns
    are netted with the customer's orders of the same day. A return on a day without an order
    makes no purchase, so it reduces `spend` (see `rfm`) but not `mean_repeat_value`.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The day the table is seen from, included.
    by
        "channel" for one row per customer and channel.

    Returns
    -------
        `customer_id`, (`channel`,) `repeat_orders` (x: days with an order after the first one),
        `active_days` (t_x: days from the first to the last order), `mean_repeat_value` (m: net
        amount of the repeat days / x, in currency; 0.0 if x = 0); in no particular order.

    Raises
    ------
    ParamsError, DataError
        As `customer_days`.

    Notes
    -----
    Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2),
    and Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value, for m. The same numbers
    as `lifetimes.utils.summary_data_from_transaction_data(freq="D")`.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "a", "a"],
    ...     "ordered_on": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-31"]),
    ...     "amount": [99.0, 10.0, 20.0],
    ... })
    >>> row = repeat_buying(orders, as_of="2024-12-31").to_pyarrow().to_pylist()[0]
    >>> row["repeat_orders"], row["active_days"], row["mean_repeat_value"]
    (2, 30, 15.0)
    """
    days = customer_days(orders, by=by, as_of=as_day(as_of))
    sums = summarise(days, by=by, measures=repeat_buying_measures(days))
    return sums.select(*group_keys(by), **repeat_buying_columns(sums))


def repeat_buying_measures(days: ir.Table) -> dict[str, ir.Value]:
    """Name the sums over customer-days that `repeat_buying_columns` needs."""
    has_order = days.orders > 0
    return {
        "first_order_on": days.ordered_on.min(where=has_order),
        "last_order_on": days.ordered_on.max(where=has_order),
        "order_days": days.count(where=has_order),
        "order_day_amount": days.amount.sum(where=has_order),
        # A customer has one row per day, so the amount of their first day is unambiguous.
        "first_day_amount": days.amount.argmin(days.ordered_on, where=has_order),
    }


def repeat_buying_columns(sums: ir.Table) -> dict[str, ir.Value]:
    """Turn the sums of `repeat_buying_measures` into x, t_x and m, in this order."""
    repeats = sums.order_days.cast("int64") - 1
    value = money(sums.order_day_amount - sums.first_day_amount)
    return {
        "repeat_orders": repeats,
        "active_days": sums.last_order_on.delta(sums.first_order_on, unit="day").cast("int64"),
        # nullif keeps engines that fail on x / 0 from seeing one.
        "mean_repeat_value": (value / repeats.nullif(0)).fill_null(0),
    }
