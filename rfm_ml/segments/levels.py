"""The levels of each measure: limits in words, what they bought lately and over time, and who is near a limit."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.customers.days import as_table, customer_days, group_keys
from rfm_ml.segments.model import SegmentModel
from rfm_ml.segments.profile import single_panel
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Ints
from rfm_ml.strategies.scores import LETTERS

CHANGES = ("orders_before", "orders_recent", "revenue_before", "revenue_recent")


def level_table(model: SegmentModel) -> pd.DataFrame:
    """Return the levels of a fitted model that a customer can have, the best of each measure first.

    Returns
    -------
        `measure, group, score, level, rule, customers, share`: counts are those of the fit; `group` is empty,
        unless limits differ by channel or are nested. Levels between two equal limits are left out: nobody
        can have them.
    """
    table = _summary(model)
    levels = {m: model.levels[letter] for m, letter in LETTERS.items()}
    table["level"] = [levels[m][s - 1] for m, s in zip(table["measure"], table["score"], strict=True)]
    table = table[~(table["from"] >= table["to"])]
    order = {m: i for i, m in enumerate(LETTERS)}
    rank = [table["measure"].map(order), table["group"], -table["score"]]
    ordered = table.iloc[np.lexsort([np.asarray(r) for r in reversed(rank)])]
    return ordered[["measure", "group", "score", "level", "rule", "customers", "share"]].reset_index(drop=True)


def level_labels(model: SegmentModel) -> dict[str, dict[int, str]]:
    """Return by letter and score what a reader needs to know a level by, as in "short (at most 90 days)".

    Where limits differ by group the label is the level's name alone. Levels nobody can have are left out.
    """
    table = level_table(model)
    labels: dict[str, dict[int, str]] = {}
    for measure, letter in LETTERS.items():
        rows = table[table["measure"] == measure]
        single = rows["group"].nunique() == 1
        texts = rows["level"] + " (" + rows["rule"] + ")" if single else rows["level"]
        labels[letter] = dict(zip(rows["score"].tolist(), texts.tolist(), strict=True))
    return labels


def level_figures(model: SegmentModel, assigned: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """Return every level a customer can have with what its customers bring today, the best of each measure first.

    Parameters
    ----------
    model
        Fitted, with scores.
    assigned, customers
        As for `single_panel`.

    Returns
    -------
        `measure, level, rule, customers, customer_share, orders_share, revenue_share`; the rule says so where
        limits differ by group.
    """
    rules = level_table(model)
    several = rules.groupby("measure")["group"].transform("nunique") > 1
    rules = rules.assign(rule=rules["rule"].mask(several, "differs by group"))
    rules = rules.drop_duplicates(["measure", "score"])[["measure", "score", "level", "rule"]]
    panels = [
        single_panel(assigned, customers, measure=letter, levels=model.levels).assign(measure=measure)
        for measure, letter in LETTERS.items()
    ]
    figures = pd.concat(panels).drop(columns=["level", "orders", "revenue"])
    return rules.merge(figures, on=["measure", "score"], how="left").drop(columns="score")


def recent_by_level(assigned: pd.DataFrame, recent: pd.DataFrame, *, measure: str = "R") -> pd.DataFrame:
    """Return what the customers of each level bought lately against the period before.

    Parameters
    ----------
    assigned
        `customer_id` and the scores, as `SegmentModel.assign` gives.
    recent
        As `customers.panels.recent_and_before` gives, split by channel if `assigned` is.
    measure
        "R", "F" or "M".

    Returns
    -------
        `score, orders_before, orders_recent, orders_change, revenue_before, revenue_recent, revenue_change`, one
        row per score that occurs, the worst first; changes are differences.
    """
    keys = [k for k in recent.columns if k not in CHANGES]
    missing = [k for k in keys if k not in assigned.columns]
    if missing:
        raise DataError(f"Both tables must have the same keys. The scores lack {missing[0]!r}. Split both alike.")
    scored = assigned.loc[assigned[measure] > 0, [*dict.fromkeys([*keys, measure])]]
    joined = scored.merge(recent, on=keys, how="left").fillna(dict.fromkeys(CHANGES, 0))
    table = joined.groupby(measure)[list(CHANGES)].sum().rename_axis("score").reset_index()
    table = table.astype({"score": "int64", "orders_before": "int64", "orders_recent": "int64"})
    table.insert(3, "orders_change", table["orders_recent"] - table["orders_before"])
    return table.assign(revenue_change=table["revenue_recent"] - table["revenue_before"])


def limit_steps(model: SegmentModel, customers: pd.DataFrame, *, step: float = 0.1) -> pd.DataFrame:
    """Return how many customers would change their score if one limit were moved by a step, all others kept.

    Parameters
    ----------
    model
        Fitted, with scores.
    customers
        Shape (n, ...), with the strategy's columns.
    step
        The share by which the limit is moved. It is never moved past its neighbour.

    Returns
    -------
        `measure, group, limit, rise, fall, share`: `rise` counts the customers who gain a score when the limit is
        eased (more days, fewer orders, less spend), `fall` those who lose one when it is tightened, `share`
        both together among all customers with an order.
    """
    require_between(step, 0, 1, name="step")
    strategy = model.strategy_
    groups = _summary(model).groupby("measure", sort=False)["group"].unique()
    known = customers[~np.isnan(number_column(customers, strategy.scales_["recency"].column))]
    scores: dict[str, Ints] = {}
    rows = []
    for measure, scale in strategy.scales_.items():
        values = number_column(known, scale.column)
        at = strategy.rows(measure, known, scores=scores)
        scores[measure] = scale.score(values, at)
        for row, position in np.ndindex(scale.edges.shape):
            limit = float(scale.edges[row, position])
            moved = {}
            for way, factor in (("eased", step), ("tightened", -step)):
                change = abs(limit) * factor * (1 if scale.less_is_better else -1)
                edges = scale.edges.copy()
                edges[row, position] = np.clip(limit + change, *_neighbours(edges[row], position))
                moved[way] = replace(scale, edges=edges).score(values, at) - scores[measure]
            rise, fall = int((moved["eased"] > 0).sum()), int((moved["tightened"] < 0).sum())
            rows.append((measure, groups[measure][row], limit, rise, fall, (rise + fall) / max(len(known), 1)))
    return pd.DataFrame(rows, columns=["measure", "group", "limit", "rise", "fall", "share"])


def _neighbours(edges: np.ndarray, position: int) -> tuple[float, float]:
    low = float(edges[position - 1]) if position > 0 else -np.inf
    high = float(edges[position + 1]) if position + 1 < len(edges) else np.inf
    return low, high


def _summary(model: SegmentModel) -> pd.DataFrame:
    """Return what was learned of each score; refuse a strategy without scores."""
    strategy = model.strategy_
    summary = strategy.summary()
    if not strategy.n_scores or summary is None:
        raise DataError(
            f"Levels must come from a strategy with scores. {strategy.kind.__name__} gives none. Choose another."
        )
    return summary


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
