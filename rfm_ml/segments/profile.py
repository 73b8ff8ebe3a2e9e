"""Segments in figures: who they are, what they bring, and how the money is concentrated."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.segments.grid import AXES
from rfm_ml.segments.maps import PROSPECT, SegmentMap

SUMS: Final = {"customers": "customer_share", "orders": "orders_share", "revenue": "revenue_share"}
"""What is summed, and the column of its share of the total."""

Levels = Mapping[str, Sequence[str]]


def segment_profile(
    assigned: pd.DataFrame, customers: pd.DataFrame, *, order: SegmentMap | Sequence[str] | None = None
) -> pd.DataFrame:
    """Return one row per segment: size, orders, revenue, their shares, and medians.

    Parameters
    ----------
    assigned
        `customer_id`, `segment` (and the channel, if there is one per channel), as `SegmentModel.assign` gives.
    customers
        `customer_id`, `recency_days` (days), `orders`, `spend` (currency).
    order
        The map, or the names of all segments: each gets its row, in this order, also with nobody in it.
        Overlays stand above their segment, Prospect comes last. None: by revenue, the largest first.

    Returns
    -------
        `segment, customers, customer_share, orders, orders_share, revenue, revenue_share,
        mean_order_value, median_recency_days, median_orders, median_spend`. Shares are of all customers; they sum
        to 1 and are NaN where the total is 0, and for Prospect, who is no customer yet. Medians are NaN where nobody
        has a value.

    Raises
    ------
    DataError
        If a column is missing, or the two tables are not about the same customers.
    """
    joined = _joined(assigned, customers, columns=["segment"])
    grouped = joined.groupby("segment", observed=True)
    table = _sums(grouped)
    medians = grouped[["recency_days", "orders", "spend"]].median()
    table[["median_recency_days", "median_orders", "median_spend"]] = medians
    table = table.reindex(_order(order, table)).fillna(dict.fromkeys(SUMS, 0))
    prospects = table.index == PROSPECT
    table = _with_shares(table, counted=~prospects)
    table.insert(6, "mean_order_value", table["revenue"] / table["orders"].where(table["orders"] > 0))
    return table.rename_axis("segment").reset_index()


def single_panel(
    assigned: pd.DataFrame, customers: pd.DataFrame, *, measure: str = "R", levels: Levels | None = None
) -> pd.DataFrame:
    """Return customers, orders and revenue per level of one measure.

    Parameters
    ----------
    assigned
        `customer_id` and the scores, as `SegmentModel.assign` gives.
    customers
        `customer_id`, `recency_days` (days), `orders`, `spend` (currency).
    measure
        "R", "F" or "M".
    levels
        The names of scores 1 to k by letter, as `SegmentModel.levels`; None numbers those that occur.

    Returns
    -------
        `score, level, customers, customer_share, orders, orders_share, revenue, revenue_share`, one row per
        level, the worst first; customers without an order are left out.
    """
    table, names = _panel(assigned, customers, axes=[measure], levels=levels)
    table = table.rename_axis("score").reset_index()
    table.insert(1, "level", [names[0][s - 1] for s in table["score"]])
    return table


def pair_panel(
    assigned: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    rows: str = "R",
    columns: str = "F",
    levels: Levels | None = None,
) -> pd.DataFrame:
    """Return customers, orders and revenue per pair of levels of two measures.

    Parameters
    ----------
    assigned, customers, levels
        As for `single_panel`.
    rows, columns
        Two of "R", "F" and "M".

    Returns
    -------
        `row_score, row_level, column_score, column_level, customers, customer_share, orders, orders_share,
        revenue, revenue_share`, one row per pair, also with nobody in it.
    """
    if rows == columns:
        raise DataError(f"A pair panel must have two measures. Got {rows} twice. Choose two of R, F and M.")
    table, names = _panel(assigned, customers, axes=[rows, columns], levels=levels)
    table = table.rename_axis(["row_score", "column_score"]).reset_index()
    table.insert(1, "row_level", [names[0][s - 1] for s in table["row_score"]])
    table.insert(3, "column_level", [names[1][s - 1] for s in table["column_score"]])
    return table


def concentration(customers: pd.DataFrame, *, points: int = 200) -> pd.DataFrame:
    """Return the curve of 80/20: share of revenue by share of customers, best first.

    Parameters
    ----------
    customers
        `spend` in currency, shape (n, ...); customers without an order count as 0. Negative spend lets the
        curve rise above 1 and fall back to it.
    points
        Rows of the curve, spread evenly over the customers; all customers if there are fewer.

    Returns
    -------
        `customers, customer_share, revenue, revenue_share`, cumulative, from 0. The share is NaN where
        the total revenue is not above 0.
    """
    running = _running_revenue(customers)
    n = len(running) - 1
    at = np.unique(np.linspace(0, n, min(points, n) + 1).round().astype(np.int64))
    total = running[-1]
    return pd.DataFrame(
        {
            "customers": at,
            "customer_share": at / n if n else np.zeros(len(at)),
            "revenue": running[at],
            "revenue_share": running[at] / total if total > 0 else np.full(len(at), np.nan),
        }
    )


def share_of_customers_for(customers: pd.DataFrame, revenue_share: float = 0.8) -> float:
    """Return the smallest share of customers, best first, that brings `revenue_share` of the revenue.

    NaN where the total revenue is not above 0.

    Examples
    --------
    >>> share_of_customers_for(pd.DataFrame({"spend": [80.0, 5.0, 5.0, 5.0, 5.0]}))
    0.2
    """
    require_between(revenue_share, 0, 1, name="revenue_share")
    running = _running_revenue(customers)
    if len(running) == 1 or not running[-1] > 0:
        return float("nan")
    # The running sum carries rounding in its last digits; a goal met to 12 digits is met.
    enough = running >= revenue_share * running[-1] * (1 - 1e-12)
    return float(np.argmax(enough) / (len(running) - 1))


def _running_revenue(customers: pd.DataFrame) -> np.ndarray:
    require_columns(list(customers.columns), ["spend"], what="The customers' table")
    spend = np.nan_to_num(customers["spend"].to_numpy(dtype=np.float64), nan=0.0)
    return np.concatenate([[0.0], np.cumsum(np.sort(spend)[::-1])])


def _joined(assigned: pd.DataFrame, customers: pd.DataFrame, *, columns: list[str]) -> pd.DataFrame:
    require_columns(list(assigned.columns), ["customer_id", *columns], what="The table of segments")
    figures = ["recency_days", "orders", "spend"]
    require_columns(list(customers.columns), ["customer_id", *figures], what="The customers' table")
    keys = ["customer_id"]
    if assigned["customer_id"].duplicated().any():
        # One row per customer and channel in both tables: what they share beside figures is the key.
        other = {*keys, *columns, *figures, *AXES}
        keys += [c for c in assigned.columns if c in customers.columns and c not in other]
    left, right = assigned[[*keys, *columns]], customers[[*keys, *figures]]
    if len(left) == len(right) and all(np.array_equal(left[k], right[k]) for k in keys):
        joined = pd.concat([left.reset_index(drop=True), right[figures].reset_index(drop=True)], axis=1)
    else:
        joined = _merged(left, right, keys=keys)
    return joined.assign(orders=joined["orders"].fillna(0), revenue=joined["spend"].astype("float64").fillna(0.0))


def _merged(left: pd.DataFrame, right: pd.DataFrame, *, keys: list[str]) -> pd.DataFrame:
    for table, what in ((left, "segments"), (right, "customers")):
        if table.duplicated(keys).any():
            raise DataError(
                f"The table of {what} must have one row per {' and '.join(keys)}. Got "
                f"{int(table.duplicated(keys).sum())} repeated. Remove the repeats."
            )
    joined = left.merge(right, on=keys, how="outer", indicator=True)
    lost = int((joined["_merge"] == "right_only").sum())
    if lost:
        raise DataError(
            f"Every customer must have a segment. Got {lost} without one. Assign segments to the same customers."
        )
    return joined.drop(columns="_merge")


def _sums(grouped: "pd.api.typing.DataFrameGroupBy") -> pd.DataFrame:
    table = pd.DataFrame({"customers": grouped.size()})
    table[["orders", "revenue"]] = grouped[["orders", "revenue"]].sum()
    return table


def _with_shares(table: pd.DataFrame, *, counted: np.ndarray | None = None) -> pd.DataFrame:
    """Add the shares of the totals of the rows that are counted, None for all."""
    among = table.index if counted is None else table.index[counted]
    shared = pd.DataFrame(index=table.index)
    for column, share in SUMS.items():
        total = table.loc[among, column].sum()
        whole = column != "revenue"
        shared[column] = table[column].astype("int64") if whole else table[column]
        shared[share] = table.loc[among, column] / total if total else np.nan
    return shared.join(table.drop(columns=list(SUMS)))


def _order(order: SegmentMap | Sequence[str] | None, table: pd.DataFrame) -> list[str]:
    present = list(table.index)
    if order is None:
        known = list(table.sort_values("revenue", ascending=False, kind="stable").index)
    elif isinstance(order, SegmentMap):
        known = order.display_order(present)
    else:
        known = list(dict.fromkeys(order))
    rest = [*(s for s in known if s != PROSPECT), *sorted(s for s in present if s not in known and s != PROSPECT)]
    return [*rest, PROSPECT] if PROSPECT in present or PROSPECT in known else rest


def _panel(
    assigned: pd.DataFrame, customers: pd.DataFrame, *, axes: list[str], levels: Levels | None
) -> tuple[pd.DataFrame, list[Sequence[str]]]:
    joined = _joined(assigned, customers, columns=axes)
    joined = joined[(joined[axes] > 0).all(axis=1)]
    names = [_level_names(levels, axis, joined[axis]) for axis in axes]
    full: list[Iterable[int]] = [range(1, len(some) + 1) for some in names]
    index = pd.Index(full[0]) if len(axes) == 1 else pd.MultiIndex.from_product(full)
    table = _sums(joined.groupby(axes if len(axes) > 1 else axes[0], observed=True)).reindex(index, fill_value=0)
    return _with_shares(table), names


def _level_names(levels: Levels | None, axis: str, scores: pd.Series) -> Sequence[str]:
    highest = int(scores.max()) if len(scores) else 0
    if levels is None or axis not in levels:
        return [str(s) for s in range(1, highest + 1)]
    if len(levels[axis]) < highest:
        raise DataError(
            f"levels of {axis} must name every score. Got {len(levels[axis])} names and a score of {highest}. "
            "Use the levels of the model that gave the scores."
        )
    return levels[axis]
