"""Levels over time: how many customers each has, and how its figures move."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from rfm_ml.core.text import percent, with_unit
from rfm_ml.plots.calibration import means_axis
from rfm_ml.plots.canvas import new_axes, nothing_to_draw, number_axis, put_title
from rfm_ml.plots.months import month_ticks
from rfm_ml.plots.style import level_colours

NOTHING: Final = "There are no earlier days to look back on."
WORDS: Final = {
    "customers": "customers",
    "orders": "orders",
    "revenue": "revenue",
    "orders_each": "orders per customer",
    "orders_share": "share of orders",
}


def plot_levels_over_time(
    table: pd.DataFrame,
    *,
    measure: str = "",
    labels: Mapping[int, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a pile of customers per day, the best level at the bottom.

    Parameters
    ----------
    table
        `as_of, score, level, customers` of one measure, as `segments.over_time.levels_over_time` gives.
    measure
        What the levels measure, for the title.
    labels
        By score, what to call a level; levels without a label are left out. None: by its name.
    title
        None states how the share of the best level has changed.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=4.4)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    piles = table.pivot_table(index="as_of", columns="score", values="customers", sort=True)
    names = _names(table, labels)
    at, below = np.arange(len(piles)), np.zeros(len(piles))
    for score, colour in zip(names, level_colours(len(names)), strict=True):
        heights = piles[score].to_numpy(dtype=np.float64)
        ax.bar(at, heights, bottom=below, width=0.85, color=colour, label=names[score])
        below += heights
    month_ticks(ax, list(piles.index))
    number_axis(ax)
    ax.set_ylabel("customers")
    _legend_below(ax)
    put_title(ax, title or _best_share(table, next(iter(names)), names, measure=measure))
    return ax


def plot_level_lines(
    table: pd.DataFrame,
    *,
    value: str = "orders_each",
    labels: Mapping[int, str] | None = None,
    currency: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one line per level over time.

    Parameters
    ----------
    table
        `score`, `as_of` or `month`, and the column to draw, as `levels_over_time` or `level_purchases` gives.
    value
        "orders", "revenue", "customers", "orders_each" or "orders_share".
    labels
        By score, what to call a level; levels without a label are left out.
    currency
        Unit of revenue.
    title
        None names what is drawn.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=4.2)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    when = "month" if "month" in table else "as_of"
    lines = table.pivot_table(index=when, columns="score", values=value, sort=True)
    names = {s: n for s, n in _names(table, labels).items() if s in lines and lines[s].notna().any()}
    at = np.arange(len(lines))
    for number, (score, colour) in enumerate(zip(names, level_colours(len(names)), strict=True)):
        style = ("-", "--", ":", "-.")[number % 4]
        marker = "o" if len(at) < 3 else None
        ax.plot(at, lines[score], color=colour, linewidth=2.4, linestyle=style, marker=marker, label=names[score])
    month_ticks(ax, list(lines.index))
    if value.endswith("share"):
        means_axis(ax)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: percent(v, digits=0)))
    elif value == "orders_each":
        means_axis(ax)
    else:
        number_axis(ax)
    low = float(np.nanmin(lines[list(names)].to_numpy())) if names else 0.0
    ax.set_ylim(bottom=min(0.0, low * 1.05))
    ax.set_ylabel(with_unit(WORDS[value], currency if value == "revenue" else ""))
    _legend_below(ax)
    put_title(ax, title or f"{WORDS[value].capitalize()} by level")
    return ax


def _names(table: pd.DataFrame, labels: Mapping[int, str] | None) -> dict[int, str]:
    """Return the scores to draw, the best first, and what to call them."""
    scores = sorted(table["score"].unique(), reverse=True)
    if labels is not None:
        return {s: labels[s] for s in scores if s in labels}
    levels = dict(zip(table["score"], table["level"], strict=True)) if "level" in table else {}
    return {s: str(levels.get(s, s)) for s in scores}


def _legend_below(ax: Axes) -> None:
    figure = ax.get_figure(root=True)
    if figure is not None and len(figure.axes) == 1:
        handles, names = ax.get_legend_handles_labels()
        columns = 1 if max(map(len, names), default=0) > 34 else 2
        figure.legend(handles, names, loc="outside lower left", frameon=False, fontsize=11, ncols=columns)
    else:
        ax.legend(frameon=False, fontsize=11)


def _best_share(table: pd.DataFrame, best: int, names: Mapping[int, str], *, measure: str) -> str:
    shares = table[table["score"] == best].set_index("as_of")["customer_share"].sort_index()
    told = f"{measure}, level {names[best]}: " if measure else f"{names[best]}: "
    if len(shares) == 1:
        return told + f"{percent(shares.iloc[0])} of customers"
    return told + f"{percent(shares.iloc[-1])} of customers, {percent(shares.iloc[0])} in {shares.index[0]:%B %Y}"
