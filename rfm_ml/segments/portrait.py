"""A segment's orders, carts and interests side by side."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.segments.activity import in_order

MOST_INTERESTS: Final = 3


def segment_portrait(
    assigned: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    carts: pd.DataFrame | None = None,
    bought: pd.DataFrame | None = None,
    order: Sequence[str] = (),
) -> pd.DataFrame:
    """Return what an order and a cart of each segment are worth, and what most of its customers buy.

    Parameters
    ----------
    assigned
        `customer_id`, `segment`.
    customers
        `customer_id`, `orders`, `spend` (currency).
    carts
        `customer_id`, `value` (currency), one row per cart; None if nobody knows.
    bought
        `customer_id`, `category`; None if nobody knows.
    order
        The segments in the order of the rows; others follow by name, those with nobody are left out.

    Returns
    -------
        `segment, mean_order_value` (spend by orders), `mean_cart_value`, `interests`: the categories that most of its
        customers have bought, with the share who have; at most `MOST_INTERESTS`. Missing where there is none.

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> assigned = pd.DataFrame({"customer_id": [1, 2], "segment": "Loyal"})
    >>> customers = pd.DataFrame({"customer_id": [1, 2], "orders": [1, 3], "spend": [10.0, 30.0]})
    >>> bought = pd.DataFrame({"customer_id": [1, 1, 2], "category": ["shoes", "hats", "shoes"]})
    >>> segment_portrait(assigned, customers, bought=bought)[["mean_order_value", "interests"]].to_numpy().tolist()
    [[10.0, 'shoes 100%, hats 50%']]
    """
    require_columns(list(assigned.columns), ["customer_id", "segment"], what="The table of segments")
    require_columns(list(customers.columns), ["customer_id", "orders", "spend"], what="The customers' table")
    segment = assigned.drop_duplicates("customer_id").set_index("customer_id")["segment"]
    sums = customers.groupby(customers["customer_id"].map(segment))[["orders", "spend"]].sum()
    sums = sums.reindex(segment.unique())
    table = pd.DataFrame({"mean_order_value": sums["spend"] / sums["orders"].where(sums["orders"] > 0)})
    if carts is not None:
        table["mean_cart_value"] = carts["value"].groupby(carts["customer_id"].map(segment)).mean()
    if bought is not None:
        table["interests"] = _interests(bought, segment)
    return in_order(table, order)


def _interests(bought: pd.DataFrame, segment: pd.Series) -> pd.Series:
    pairs = bought[["customer_id", "category"]].dropna().drop_duplicates()
    pairs = pairs.assign(segment=pairs["customer_id"].map(segment)).dropna(subset="segment")
    people = pairs.groupby("segment")["customer_id"].nunique()
    sizes = pairs.groupby(["segment", "category"]).size().rename("buyers").reset_index()
    sizes = sizes.sort_values(["segment", "buyers", "category"], ascending=[True, False, True])
    top = sizes.groupby("segment").head(MOST_INTERESTS)
    shares = top["buyers"] / top["segment"].map(people)
    words = top["category"].astype("str") + " " + shares.map("{:.0%}".format)
    return words.groupby(top["segment"]).agg(", ".join)
