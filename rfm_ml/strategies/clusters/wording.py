"""Groups in sentences: why a customer is in his, and what would move him to a higher one."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.text import plural
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints
from rfm_ml.strategies.words import plain, value_phrase

MOST_ORDERS: Final = 5
"""Further orders that are tried for the next step."""


def reasons(
    customers: pd.DataFrame, *, fits: Floats, centres: pd.DataFrame, names: Sequence[str], features: Sequence[str]
) -> list[str]:
    """Return one sentence per customer: his values beside the medians of his group, and the next group.

    Parameters
    ----------
    customers
        Shape (n, ...).
    fits
        How well each fits each group, shape (n, k); NaN without an order.
    centres
        The medians, one row per group.
    names
        Of the groups.
    features
        The columns to write about.
    """
    none = np.isnan(fits[:, 0])
    ranked = np.argsort(-np.where(np.isnan(fits), 0.0, fits), axis=1, kind="stable")
    own = ranked[:, 0].tolist()
    parts = []
    for feature in features:
        phrase = value_phrase(feature)
        beside = [f" (group: {plain(float(v), feature)})" for v in centres[feature]]
        missing = f"{feature} missing"
        values = number_column(customers, feature).tolist()
        parts.append([(phrase(v) if v == v else missing) + beside[g] for v, g in zip(values, own, strict=True)])
    ends = [""] * len(customers)
    if len(names) > 1:
        tails = [f"; nearest of {len(names)} groups, then {name}" for name in names]
        ends = [tails[g] for g in ranked[:, 1].tolist()]
    told = (", ".join(some) for some in zip(*parts, strict=True))
    return [
        "No order yet." if skip else f"{text[:1].upper()}{text[1:]}{end}."
        for text, end, skip in zip(told, ends, none.tolist(), strict=True)
    ]


def move_up_sentences(
    customers: pd.DataFrame, *, codes: Callable[[pd.DataFrame], Ints], names: Sequence[str], features: Sequence[str]
) -> list[str]:
    """Return one sentence per customer: the fewest orders now that lead to a group further up.

    Parameters
    ----------
    customers
        Shape (n, ...).
    codes
        Gives the group of each customer by number, 0 is the best; k without an order.
    names
        Of the groups, best first.
    features
        What the groups were found in; those other than recency, orders and spend are taken to stay as they are.
    """
    now = codes(customers)
    if not {"recency_days", "orders", "spend"} & set(features):
        return ["These groups do not depend on orders or spend, so no order moves anybody."] * len(customers)
    if names[0].startswith("Group "):
        return ["These segments have no order, so none is higher."] * len(customers)
    open_, reached = (now > 0) & (now < len(names)), now.copy()
    needed = np.zeros(len(customers), dtype=np.int64)
    for more in range(1, MOST_ORDERS + 1):
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        then = codes(_after_orders(customers.iloc[rows], more))
        up = then < now[rows]
        reached[rows[up]], needed[rows[up]] = then[up], more
        open_[rows[up]] = False
    value = _order_value(customers) if {"orders", "spend"} <= set(customers.columns) else np.zeros(len(customers))
    return [
        _sentence(code, more=more, worth=worth, to=names[min(then, len(names) - 1)], k=len(names))
        for code, more, worth, then in zip(now.tolist(), needed.tolist(), value.tolist(), reached.tolist(), strict=True)
    ]


def _sentence(code: int, *, more: int, worth: float, to: str, k: int) -> str:
    if code == k:
        return "A first order."
    if code == 0:
        return "Already in the top segment."
    if not more:
        return f"Up to {MOST_ORDERS} more orders now are not enough for a higher group."
    each = f" worth {worth:.2f}{' each' if more > 1 else ''}" if worth > 0 else ""
    return f"{more} more {plural('order', more)}{each} now would lead to {to}."


def _after_orders(customers: pd.DataFrame, more: int) -> pd.DataFrame:
    """Return the customers as they would be tonight after so many orders today, each of their usual value."""
    changed = {"recency_days": np.zeros(len(customers))}
    if "orders" in customers:
        changed["orders"] = number_column(customers, "orders") + more
    if {"orders", "spend"} <= set(customers.columns):
        changed["spend"] = number_column(customers, "spend") + more * _order_value(customers)
    return customers.assign(**changed)


def _order_value(customers: pd.DataFrame) -> Floats:
    """Return spend per order, 0 where there is none or money was given back."""
    orders, spend = number_column(customers, "orders"), number_column(customers, "spend")
    value = np.divide(spend, orders, out=np.zeros(len(orders)), where=np.isfinite(spend) & (orders > 0))
    return np.maximum(value, 0)
