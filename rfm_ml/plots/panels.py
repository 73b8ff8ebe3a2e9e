"""The panels: customers, orders and revenue per level, recent against earlier buying, and pairs of levels."""

from collections.abc import Mapping
from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import amount, percent, short, with_unit
from rfm_ml.plots.canvas import (
    heat_map,
    label_bars,
    named_rows,
    new_axes,
    nothing_to_draw,
    paired_bars,
    put_title,
    row_height,
)
from rfm_ml.plots.style import BLUE, ORANGE, PALE

SHARES: Final = {"customer_share": PALE, "orders_share": ORANGE, "revenue_share": BLUE}
WORDS: Final = {"customer_share": "customers", "orders_share": "orders", "revenue_share": "revenue"}


def plot_levels(
    panel: pd.DataFrame,
    *,
    measure: str = "",
    labels: Mapping[int, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw three bars per level, the best level on top: share of customers, of orders and of revenue.

    Parameters
    ----------
    panel
        `score, level` and the three shares, as `single_panel` gives.
    measure
        What the levels measure, for the title.
    labels
        By score, what to call the level in place of its name; levels without a label are left out.
    """
    table = _named(panel, labels)
    ax = new_axes(ax, height=1.3 + 0.92 * max(len(table), 1))
    if table.empty:
        return nothing_to_draw(ax, "There are no customers.")
    at = np.arange(len(table))
    ends, texts, rows = [], [], []
    for offset, (column, colour) in zip((-0.27, 0.0, 0.27), SHARES.items(), strict=True):
        shares = table[column].fillna(0).to_numpy()
        ax.barh(at + offset, shares, height=0.25, color=colour)
        ends += shares.tolist()
        texts += [f"{percent(s)} of {WORDS[column]}" for s in table[column]]
        rows += (at + offset).tolist()
    named_rows(ax, table["name"].tolist())
    label_bars(ax, ends=ends, texts=texts, rows=rows)
    best = table.iloc[int(table["revenue_share"].fillna(table["customer_share"]).to_numpy().argmax())]
    headline = f"{measure}, level {best['name']}: " if measure else f"{best['name']}: "
    headline += f"{percent(best['customer_share'])} of customers, {percent(best['revenue_share'])} of revenue"
    return put_title(ax, title or headline)


def plot_recent(
    table: pd.DataFrame,
    *,
    value: str = "revenue",
    days: int = 90,
    labels: Mapping[int, str] | None = None,
    currency: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw two bars per level, the best level on top: what came in lately, and in the period before (pale).

    Levels that bought nothing in either period are left out.

    Parameters
    ----------
    table
        `score`, `<value>_before`, `<value>_recent`, as `recent_by_level` gives.
    value
        "revenue" or "orders".
    days
        Length of both periods.
    labels
        By score, what to call the level; levels without a label are left out. None calls it by its score.
    """
    bought = (table[f"{value}_before"] != 0) | (table[f"{value}_recent"] != 0)
    named = _named(table[bought] if bought.any() else table, labels)
    ax = new_axes(ax, height=row_height(len(named)) + 0.3 * len(named))
    if named.empty:
        return nothing_to_draw(ax, "There are no customers.")
    before, recent = (named[f"{value}_{when}"].to_numpy(dtype=np.float64) for when in ("before", "recent"))
    texts = [_written(v, value) for v in (*before, *recent)]
    texts[0] += f" in the {days} days before"
    texts[len(named)] += f" in the last {days} days"
    paired_bars(ax, named["name"].tolist(), (before, recent), texts=texts)
    ax.set_xlabel(with_unit(value, currency if value == "revenue" else ""))
    return put_title(ax, title or _change(float(before.sum()), float(recent.sum()), value=value, days=days))


def _change(before: float, recent: float, *, value: str, days: int) -> str:
    if before <= 0:
        return f"{value.capitalize()} of the last {days} days"
    change = recent / before - 1
    way = "more" if change >= 0 else "less" if value == "revenue" else "fewer"
    return f"{abs(change):.1%} {way} {value} in the last {days} days than in the {days} before"


def _written(number: float, value: str) -> str:
    return amount(number) if value == "revenue" else f"{number:,.0f}"


def _named(table: pd.DataFrame, labels: Mapping[int, str] | None) -> pd.DataFrame:
    """Return the levels with a `name`, the best first."""
    ordered = table.sort_values("score", ascending=False).reset_index(drop=True)
    if labels is None:
        return ordered.assign(name=ordered["level" if "level" in ordered else "score"].astype(str))
    kept = ordered[ordered["score"].isin(list(labels))].reset_index(drop=True)
    return kept.assign(name=[labels[s] for s in kept["score"]])


VALUES: Final = {
    "customer_share": "share of customers",
    "revenue_share": "share of revenue",
    "orders_share": "share of orders",
    "customers": "customers",
    "revenue": "revenue",
    "mean_spend": "mean spend per customer",
}
"""What a grid can show, and how it is called."""

MEASURES: Final = {"R": "recency", "F": "frequency", "M": "spend"}


def plot_pair_panel(
    pair: pd.DataFrame,
    *,
    rows: str = "R",
    columns: str = "F",
    value: str = "customer_share",
    currency: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one cell per pair of levels, the best of both at the top right.

    Parameters
    ----------
    pair
        `row_score, row_level, column_score, column_level, customers, revenue` and shares, as `pair_panel` gives.
    rows, columns
        The measures' letters.
    value
        One of `VALUES`; `mean_spend` is revenue by customers.
    """
    table = pair.assign(mean_spend=pair["revenue"] / pair["customers"].where(pair["customers"] > 0))
    grid = table.pivot(index="row_score", columns="column_score", values=value).sort_index(ascending=False)
    ax = new_axes(ax, height=1.7 + 0.62 * max(len(grid), 2))
    if grid.empty or grid.isna().to_numpy().all():
        return nothing_to_draw(ax, "There is nothing to share out: the total is not above 0.")
    people = table.pivot(index="row_score", columns="column_score", values="customers").loc[grid.index]
    # A cell without anybody is left blank: it has no share worth reading.
    values = grid.where(people > 0).to_numpy(dtype=np.float64)
    top = float(np.nanmax(values))
    shades = np.nan_to_num(values, nan=0.0).clip(min=0)
    texts = [["" if np.isnan(v) else _cell_text(v, value) for v in row] for row in values]
    names = [dict(zip(table[f"{a}_score"], table[f"{a}_level"], strict=True)) for a in ("row", "column")]
    room = max(8, 56 // max(values.shape[1], 1))
    heat_map(
        ax,
        shades,
        texts,
        rows=[fill(str(names[0][s]), 22) for s in grid.index],
        columns=[fill(str(names[1][s]), room) for s in grid.columns],
        top=top if top > 0 else 1.0,
        dark=0.58,
        fontsize=12 if values.shape[1] <= 7 else 9,
    )
    names_of = [MEASURES[rows], MEASURES[columns]]
    ax.set_ylabel(names_of[0])
    ax.set_xlabel(names_of[1])
    return put_title(
        ax, title or _highest(table, value=value, rows=names_of[0], columns=names_of[1], currency=currency)
    )


def _highest(table: pd.DataFrame, *, value: str, rows: str, columns: str, currency: str) -> str:
    best = table.iloc[int(table[value].fillna(-np.inf).to_numpy().argmax())]
    unit = f" {currency}".rstrip() if value in ("revenue", "mean_spend") else ""
    where = f"{rows} {best['row_level']}, {columns} {best['column_level']}"
    return f"{VALUES[value]}: highest at {where} ({_cell_text(best[value], value)}{unit})"


def _cell_text(number: float, value: str) -> str:
    if value.endswith("share"):
        return percent(number)
    money = value in ("revenue", "mean_spend") and abs(number) < 100
    return f"{number:,.2f}" if money else short(round(number))
