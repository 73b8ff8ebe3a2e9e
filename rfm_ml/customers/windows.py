"""What customers did in windows of days around a day of their own, as before and after a campaign."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.days import MONEY, as_table, customer_days, is_order, with_days

Window = tuple[int, int]
"""First day and the day after the last, counted from the customer's day: (0, 28) is that day and the 27 after it."""


def window_sums(days: ir.Table | pd.DataFrame, targets: pd.DataFrame, *, windows: Mapping[str, Window]) -> pd.DataFrame:
    """Sum what each customer ordered in windows around their day, in one query.

    Parameters
    ----------
    days
        Orders or customer-days, see `customer_days`; with a column `margin` its sums come along.
    targets
        `customer_id` and `day`, each customer once.
    windows
        Name: first day and the day after the last, from the customer's day.

    Returns
    -------
        `customer_id` and per window `<name>_orders`, `<name>_spend` (orders less returns, in currency) and, where days
        have it, `<name>_margin`; the rows of `targets` in their order, 0 for who did nothing.

    Raises
    ------
    ParamsError
        If a window is empty.
    DataError
        If a needed column is missing, or a customer is there twice.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 2],
    ...     "ordered_on": pd.to_datetime(["2024-05-31", "2024-06-01", "2024-06-29"]),
    ...     "amount": [5.0, 7.0, 9.0],
    ... })
    >>> targets = pd.DataFrame({"customer_id": [2, 1], "day": pd.to_datetime(["2024-06-01"] * 2)})
    >>> window_sums(orders, targets, windows={"after": (0, 28), "before": (-28, 0)})
       customer_id  after_orders  after_spend  before_orders  before_spend
    0            2             0          0.0              0           0.0
    1            1             1          7.0              1           5.0
    """
    require_columns(list(targets.columns), ["customer_id", "day"], what="The targets")
    if targets["customer_id"].duplicated().any():
        raise DataError("Each customer must be among the targets once. Got some twice. Keep the first day.")
    for name, (first, end) in windows.items():
        if first >= end:
            raise ParamsError(f"The window {name} must have at least one day. Got {first} to {end}.")
    table = as_table(days, what="days")
    merged = table if "margin" in table.columns else customer_days(table)
    given = targets[["customer_id", "day"]].assign(day=pd.to_datetime(targets["day"]).astype("datetime64[us]"))
    asked = as_table(given, what="targets")
    asked = asked.mutate(day=asked.day.date())
    low, high = min(w[0] for w in windows.values()), max(w[1] for w in windows.values())
    joined = merged.inner_join(asked, "customer_id")
    near = joined.filter(
        (joined.ordered_on >= joined.day + ibis.interval(days=low))
        & (joined.ordered_on < joined.day + ibis.interval(days=high))
    )
    wanted = {"orders": "orders", "spend": "amount"} | ({"margin": "margin"} if "margin" in merged.columns else {})
    sums: dict[str, ir.Value] = {}
    for name, (first, end) in windows.items():
        inside = (near.ordered_on >= near.day + ibis.interval(days=first)) & (
            near.ordered_on < near.day + ibis.interval(days=end)
        )
        for ours, theirs in wanted.items():
            sums[f"{name}_{ours}"] = near[theirs].sum(where=inside)
    found = near.group_by("customer_id").aggregate(**sums).to_pyarrow().to_pandas().set_index("customer_id")
    found = found.reindex(targets["customer_id"]).reset_index()
    return found.assign(
        **{c: found[c].astype("float64").fillna(0.0).astype(np.int64 if c.endswith("_orders") else float) for c in sums}
    )


def days_with_margin(lines: ir.Table, products: ir.Table, *, otherwise: float) -> ir.Table:
    """Return customer-days with the margin earned on each, from the margin of each product.

    Parameters
    ----------
    lines
        Order lines: `customer_id, ordered_on, product_id, amount`, and `order_id` and `order_kind` where they exist.
    products
        `product_id` and `margin`, the share of its price that is earned.
    otherwise
        Margin of products without one.

    Returns
    -------
        `customer_id, ordered_on, orders, amount, margin`, money as exact decimals.

    Raises
    ------
    DataError
        If a needed column is missing.
    """
    require_columns(lines.columns, ["customer_id", "order_id", "product_id", "amount"], what="The lines")
    require_columns(products.columns, ["product_id", "margin"], what="The products")
    table = with_days(lines).left_join(products.select("product_id", "margin"), "product_id")
    share = table.margin.cast("float64").fill_null(otherwise)
    table = table.mutate(earned=(table.amount.cast("float64") * share).round(4).cast(MONEY))
    counted = (
        table.order_id.nunique(where=is_order(table)) if "order_kind" in table.columns else table.order_id.nunique()
    )
    return table.group_by(["customer_id", "ordered_on"]).aggregate(
        orders=counted.cast("int64"), amount=table.amount.cast(MONEY).sum(), margin=table.earned.sum()
    )
