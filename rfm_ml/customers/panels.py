"""Tables about the customers for figures: distributions, arrivals, buying rhythm, recent against earlier buying."""

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.columns import row_keys
from rfm_ml.customers.days import customer_days, group_keys, with_days
from rfm_ml.customers.regularity import RHYTHMS
from rfm_ml.customers.rfm import within

SKEWED: Final = 20.0
"""A distribution whose largest value is this many times its median is cut into ranges that grow."""

FEW: Final = 25
"""Whole numbers with at most so many different values get a bar each."""


def distribution(values: pd.Series, *, bars: int = 30) -> pd.DataFrame:
    """Return how many customers have which values, in at most about `bars` ranges.

    Parameters
    ----------
    values
        Numbers, shape (n,); missing ones are left out.
    bars
        The number of ranges, between 2 and 200. Whole numbers keep whole limits.

    Returns
    -------
        `low, high, customers, log`: values in [low, high), the last range with its end. Where values are skewed
        the last range takes the highest hundredth. `log` says, in every row alike, whether the ranges grow by a
        factor.

    Examples
    --------
    >>> distribution(pd.Series([1, 1, 2, 4]))[["low", "high", "customers"]].to_numpy().tolist()
    [[0.5, 1.5, 2.0], [1.5, 2.5, 1.0], [2.5, 3.5, 0.0], [3.5, 4.5, 1.0]]
    """
    require_between(bars, 2, 200, name="bars")
    # Money has four decimals at most; what is finer is rounding.
    known = values.dropna().to_numpy(dtype=np.float64).round(6)
    if len(known) == 0:
        return pd.DataFrame({"low": [], "high": [], "customers": [], "log": []}).astype({"customers": "int64"})
    whole = bool((known == np.round(known)).all())
    low, high = float(known.min()), float(known.max())
    skewed = low >= 0 and high > SKEWED * max(float(np.median(known)), 1e-9)
    tail = float(np.quantile(known, 0.99)) if skewed else high
    if whole and tail - low < FEW:
        edges = np.arange(low, np.floor(tail) + 2) - 0.5
        edges, skewed = np.append(edges, [high + 0.5] if high > edges[-1] else []), False
    elif skewed:
        start = float(np.quantile(known[known > 0], 0.005))
        edges = np.unique(np.concatenate([[low], _growing(start, tail, bars=bars, whole=whole), [high]]))
    else:
        edges = _even(low, high, bars=bars, whole=whole)
    counts, edges = np.histogram(known, bins=edges)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "customers": counts, "log": bool(skewed)})


def _even(low: float, high: float, *, bars: int, whole: bool) -> np.ndarray:
    """Return limits at multiples of 1, 2 or 5 times a power of ten, so that an axis can name them."""
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    raw = (high - low) / bars
    size = 10.0 ** np.floor(np.log10(raw))
    width = size * next(m for m in (1, 2, 5, 10) if m * size >= raw * (1 - 1e-9))
    width = max(width, 1.0) if whole else width
    first, last = np.floor(low / width), np.floor(high / width) + 1
    limits = np.arange(first, last + 1) * width
    return np.asarray(np.concatenate([[min(limits[0], low)], limits[1:]]))


def _growing(low: float, high: float, *, bars: int, whole: bool) -> np.ndarray:
    """Return limits of the preferred-number series (ten a decade, or 1, 2, 5) strictly between low and high."""
    decades = np.log10(high / low) if high > low else 0.0
    series = (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8) if 10 * decades <= bars else (1, 2, 5)
    powers = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(max(high, low))) + 1)
    every = np.sort(np.multiply.outer(10.0**powers, series).ravel())
    every = np.unique(np.round(every)) if whole else every
    return np.asarray(every[(every > low) & (every <= high)])


def arrivals(customers: pd.DataFrame) -> pd.DataFrame:
    """Return `day, new_customers`: how many had their first order on which day (per channel if split by it)."""
    require_columns(list(customers.columns), ["first_order_on"], what="The customers' table")
    counts = customers["first_order_on"].dropna().value_counts().sort_index()
    return pd.DataFrame({"day": pd.to_datetime(counts.index), "new_customers": counts.to_numpy(dtype=np.int64)})


def rhythm_table(customers: pd.DataFrame) -> pd.DataFrame:
    """Return one row per buying rhythm, the most predictable first.

    Returns
    -------
        `rhythm, customers, customer_share, revenue, revenue_share, median_gap_days`. The gap is NaN for
        one-time buyers; the share of revenue is NaN where the total is not above 0.
    """
    require_columns(list(customers.columns), ["buying_rhythm", "spend", "gap_mean_days"], what="The customers' table")
    grouped = customers.groupby("buying_rhythm")
    table = pd.DataFrame(
        {
            "customers": grouped.size(),
            "revenue": grouped["spend"].sum(),
            "median_gap_days": grouped["gap_mean_days"].median(),
        }
    ).reindex(list(RHYTHMS))
    table[["customers", "revenue"]] = table[["customers", "revenue"]].fillna(0)
    table["customers"] = table["customers"].astype("int64")
    total = table["revenue"].sum()
    table.insert(1, "customer_share", table["customers"] / max(len(customers), 1))
    table.insert(3, "revenue_share", table["revenue"] / total if total > 0 else np.nan)
    return table.rename_axis("rhythm").reset_index()


def top_customers(customers: pd.DataFrame, *, count: int = 10) -> pd.DataFrame:
    """Return the customers with the highest spend, the highest first, ids breaking ties.

    Returns
    -------
        `customer_id` (and `channel`, if the table is split by it), `orders, spend, spend_share, running_share,
        recency_days`; shares are NaN where the total spend is not above 0.
    """
    require_between(count, 1, 1000, name="count")
    keys = row_keys(customers)
    # nlargest keeps the first of equals, and the table is sorted by id.
    table = customers.nlargest(count, "spend").reset_index(drop=True)
    total = float(customers["spend"].sum())
    share = table["spend"] / total if total > 0 else table["spend"] * np.nan
    table = table.assign(spend_share=share, running_share=share.cumsum())
    return table[[*keys, "orders", "spend", "spend_share", "running_share", "recency_days"]]


def recent_and_before(orders: Any, *, as_of: date, days: int = 90, by: str | None = None) -> pd.DataFrame:
    """Return what each customer bought in the last `days` days and in as many days before.

    Parameters
    ----------
    orders
        Clean orders as an Ibis table, or customer-days.
    as_of
        The last day that counts.
    days
        Length of both periods, in days.
    by
        "channel" for one row per customer and channel.

    Returns
    -------
        `customer_id` (and channel), `orders_recent, orders_before, revenue_recent, revenue_before`, for customers
        with an order or a return in either period; revenue in currency, after returns.
    """
    require_between(days, 1, 10_000, name="days")
    table = with_days(customer_days(orders, by=by, as_of=as_of))
    table = table.filter(within(table.ordered_on, as_of=as_of, days=2 * days))
    recent = within(table.ordered_on, as_of=as_of, days=days)
    sums = table.group_by(group_keys(by)).aggregate(
        orders_recent=table.orders.sum(where=recent).fill_null(0).cast("int64"),
        orders_before=table.orders.sum(where=~recent).fill_null(0).cast("int64"),
        revenue_recent=table.amount.sum(where=recent).fill_null(0).cast("float64"),
        revenue_before=table.amount.sum(where=~recent).fill_null(0).cast("float64"),
    )
    frame: pd.DataFrame = sums.order_by(group_keys(by)).to_pyarrow().to_pandas()
    return frame
