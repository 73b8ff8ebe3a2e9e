"""The levels of each measure over time: who was on them at each month's end, and what today's customers bought when."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.customers.days import as_table, customer_days, group_keys
from rfm_ml.segments.model import SegmentModel
from rfm_ml.segments.profile import single_panel

MEASURES: Final = ("R", "F", "M")


def levels_over_time(model: SegmentModel, snapshots: Iterable[tuple[date, pd.DataFrame]]) -> pd.DataFrame:
    """Return the single panels of many days, all scored by the same rules.

    Parameters
    ----------
    model
        Fitted, with scores, on columns of RFM.
    snapshots
        Days and the customers' table of each, as `customers.snapshots.each_snapshot` gives; one is held at a time.

    Returns
    -------
        `as_of, measure` ("R", "F", "M"), and `score, level, customers, customer_share, orders, orders_share, revenue,
        revenue_share` of `single_panel`, and `orders_each`, orders per customer (NaN without any), for every day with
        a customer.

    Raises
    ------
    DataError
        If the strategy needs columns that a snapshot does not have, or gives no scores.
    """
    panels = []
    for day, customers in snapshots:
        if customers.empty:
            continue
        assigned = model.assign(customers)
        require_columns(list(assigned.columns), MEASURES, what="What the strategy gives per customer")
        for measure in MEASURES:
            panel = single_panel(assigned, customers, measure=measure, levels=model.levels)
            panel.insert(0, "measure", measure)
            panel.insert(0, "as_of", pd.Timestamp(day))
            panels.append(panel)
    table = pd.concat(panels, ignore_index=True)
    return table.assign(orders_each=table["orders"] / table["customers"].where(table["customers"] > 0))


def level_purchases(orders: Any, assigned: pd.DataFrame, *, as_of: date, by: str | None = None) -> pd.DataFrame:
    """Return what the customers who are on each level today bought in each month.

    Parameters
    ----------
    orders
        Clean orders as an Ibis table, or customer-days.
    assigned
        `customer_id` (and channel) and the scores, as `SegmentModel.assign` gives.
    as_of
        The last day that counts.
    by
        "channel" if `assigned` has a row per customer and channel.

    Returns
    -------
        `measure, score, month` (its first day), `complete` (False where `as_of` cuts it short), `orders, revenue`
        (currency, after returns), for every score that occurs and every month from the first order on.
    """
    keys = group_keys(by)
    days = customer_days(orders, by=by, as_of=as_of)
    scored = assigned.loc[assigned["R"] > 0, [*keys, *MEASURES]]
    joined = days.join(as_table(scored, what="scores"), keys)
    month = joined.ordered_on.truncate("M")
    sums = joined.group_by([*MEASURES, month.name("month")]).aggregate(
        orders=joined.orders.sum(), revenue=joined.amount.sum()
    )
    cells = sums.mutate(revenue=sums.revenue.cast("float64")).order_by([*MEASURES, "month"]).to_pyarrow().to_pandas()
    period = pd.PeriodIndex(pd.to_datetime(cells["month"]), freq="M")
    every = pd.period_range(period.min(), pd.Timestamp(as_of).to_period("M"), name="month")
    tables = []
    for measure in MEASURES:
        table = cells.groupby([cells[measure].rename("score"), period.rename("month")])[["orders", "revenue"]].sum()
        index = pd.MultiIndex.from_product([sorted(cells[measure].unique()), every], names=["score", "month"])
        table = table.reindex(index, fill_value=0).reset_index()
        months = pd.PeriodIndex(table["month"])
        table["month"] = months.to_timestamp()
        table.insert(2, "complete", months.end_time.normalize() <= pd.Timestamp(as_of))
        table.insert(0, "measure", measure)
        tables.append(table.astype({"score": "int64", "orders": "int64"}))
    return pd.concat(tables, ignore_index=True)


def best_months(purchases: pd.DataFrame) -> pd.DataFrame:
    """Return for each level the month in which its customers of today brought most, of equals the earliest.

    A month that is not over counts only where no other is there.

    Parameters
    ----------
    purchases
        As `level_purchases` gives.

    Returns
    -------
        `measure, score, month, orders, revenue`; levels that never brought anything are left out.
    """
    whole = purchases[purchases["complete"]] if purchases["complete"].any() else purchases
    ranked = whole[whole["revenue"] > 0].sort_values(["revenue", "month"], ascending=[False, True])
    best = ranked.drop_duplicates(["measure", "score"]).sort_values(["measure", "score"])
    return best[["measure", "score", "month", "orders", "revenue"]].reset_index(drop=True)
