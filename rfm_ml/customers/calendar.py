"""Orders by day, split by whether they are a customer's first."""

from datetime import date
from typing import Any

import pandas as pd

from rfm_ml.customers.days import customer_days, group_keys


def first_and_repeat_days(orders: Any, *, as_of: date | str | None = None, by: str | None = None) -> pd.DataFrame:
    """Count on each day the customers who order for the first time, and those who order again.

    Orders of one customer on one day are one, as repeat-buying models count them.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The last day that counts; None keeps all.
    by
        "channel" to take a customer in another channel for another customer.

    Returns
    -------
        `ordered_on, new_customers, repeat_orders`, one row per day with an order, by day.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 2, 1],
    ...     "ordered_on": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-03", "2024-01-03"]),
    ...     "amount": [10.0, 20.0, 5.0, 30.0],
    ... })
    >>> first_and_repeat_days(orders)[["new_customers", "repeat_orders"]].to_numpy().tolist()
    [[1, 0], [1, 1]]
    """
    days = customer_days(orders, by=by, as_of=as_of)
    days = days.filter(days.orders > 0)
    first = days.group_by(group_keys(by)).aggregate(first_order_on=days.ordered_on.min())
    counted = days.group_by("ordered_on").aggregate(customers=days.count())
    arrived = first.group_by("first_order_on").aggregate(new_customers=first.count())
    table = counted.order_by("ordered_on").to_pyarrow().to_pandas()
    new = arrived.order_by("first_order_on").to_pyarrow().to_pandas().set_index("first_order_on")["new_customers"]
    new_customers = new.reindex(table["ordered_on"]).fillna(0).to_numpy(dtype="int64")
    return pd.DataFrame({
        "ordered_on": pd.to_datetime(table["ordered_on"]),
        "new_customers": new_customers,
        "repeat_orders": table["customers"].to_numpy(dtype="int64") - new_customers,
    })  # fmt: skip
