"""The single panels: customers, orders and revenue per level, and recent against earlier buying."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import amount, percent, with_unit
from rfm_ml.plots.canvas import label_bars, named_rows, new_axes, nothing_to_draw, put_title, row_height
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
    title
        None states the level that brings most.
    ax
        To draw on; None makes a new figure.
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
    told = f"{measure}, level {best['name']}: " if measure else f"{best['name']}: "
    told += f"{percent(best['customer_share'])} of customers, {percent(best['revenue_share'])} of revenue"
    put_title(ax, title or told)
    return ax


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
    currency
        Unit of the revenue.
    title
        None states the change over all levels.
    ax
        To draw on; None makes a new figure.
    """
    bought = (table[f"{value}_before"] != 0) | (table[f"{value}_recent"] != 0)
    named = _named(table[bought] if bought.any() else table, labels)
    ax = new_axes(ax, height=row_height(len(named)) + 0.3 * len(named))
    if named.empty:
        return nothing_to_draw(ax, "There are no customers.")
    at = np.arange(len(named))
    before, recent = (named[f"{value}_{when}"].to_numpy(dtype=np.float64) for when in ("before", "recent"))
    ax.barh(at - 0.2, before, height=0.36, color=PALE)
    ax.barh(at + 0.2, recent, height=0.36, color=BLUE)
    named_rows(ax, named["name"].tolist())
    texts = [_written(v, value) for v in (*before, *recent)]
    texts[0] += f" in the {days} days before"
    texts[len(named)] += f" in the last {days} days"
    label_bars(ax, ends=[*before, *recent], texts=texts, rows=[*(at - 0.2), *(at + 0.2)])
    ax.set_xlabel(with_unit(value, currency if value == "revenue" else ""))
    put_title(ax, title or _change(float(before.sum()), float(recent.sum()), value=value, days=days))
    return ax


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
