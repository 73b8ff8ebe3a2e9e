"""Sizes and figures of levels and segments over time."""

from collections.abc import Mapping
from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from rfm_ml.core.text import percent, short, with_unit
from rfm_ml.plots.canvas import (
    means_axis,
    month_ticks,
    new_axes,
    nothing_to_draw,
    number_axis,
    put_title,
    short_numbers,
)
from rfm_ml.plots.migration import MOST_SEGMENTS, OTHERS, flow_colour
from rfm_ml.plots.style import ordered_colours

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
    """
    ax = new_axes(ax, height=4.4)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    piles = table.pivot_table(index="as_of", columns="score", values="customers", sort=True)
    names = _names(table, labels)
    at, below = np.arange(len(piles)), np.zeros(len(piles))
    for score, colour in zip(names, ordered_colours(len(names)), strict=True):
        heights = piles[score].to_numpy(dtype=np.float64)
        ax.bar(at, heights, bottom=below, width=0.85, color=colour, label=names[score])
        below += heights
    month_ticks(ax, list(piles.index))
    number_axis(ax)
    ax.set_ylabel("customers")
    _legend_below(ax)
    return put_title(ax, title or _best_share(table, next(iter(names)), names, measure=measure))


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
    """
    ax = new_axes(ax, height=4.2)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    when = "month" if "month" in table else "as_of"
    lines = table.pivot_table(index=when, columns="score", values=value, sort=True)
    names = {s: n for s, n in _names(table, labels).items() if s in lines and lines[s].notna().any()}
    at = np.arange(len(lines))
    for number, (score, colour) in enumerate(zip(names, ordered_colours(len(names)), strict=True)):
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
    return put_title(ax, title or f"{WORDS[value].capitalize()} by level")


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
    headline = f"{measure}, level {names[best]}: " if measure else f"{names[best]}: "
    if len(shares) == 1:
        return headline + f"{percent(shares.iloc[0])} of customers"
    return headline + f"{percent(shares.iloc[-1])} of customers, {percent(shares.iloc[0])} in {shares.index[0]:%B %Y}"


FAR_APART: Final = 30
"""Sizes that differ by so many times are drawn on a scale that grows by a factor."""


def plot_sizes_over_time(
    sizes: pd.DataFrame, *, value: str = "customers", unit: str = "", title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the segments on top of each other over the days, the best at the bottom.

    Parameters
    ----------
    sizes
        `as_of, segment` and `value`, as `segment_sizes` gives.
    value
        "customers" or "revenue".
    """
    ax = new_axes(ax, height=5.0)
    table = sizes.pivot(index="as_of", columns="segment", values=value)[list(dict.fromkeys(sizes["segment"]))]
    if len(table) < 2:
        return nothing_to_draw(ax, "There is only one day, so nothing can be drawn over time.")
    totals = table.sum().sort_values(ascending=False, kind="stable")
    small = list(totals.index[MOST_SEGMENTS - 1 :]) if len(totals) > MOST_SEGMENTS else []
    small += [n for n in totals.index if totals[n] == 0 and n not in small]
    shown = table.drop(columns=small)
    if table[small].to_numpy().any():
        shown = shown.assign(**{OTHERS: table[small].sum(axis=1)})
    heights = shown.clip(lower=0).to_numpy(dtype=np.float64).T  # a segment of returns has no height
    colours = [flow_colour(n) for n in shown.columns]
    ax.stackplot(shown.index, heights, colors=colours, labels=list(shown.columns), edgecolor="white", linewidth=0.6)
    number_axis(ax)
    ax.set_xlim(shown.index[0], shown.index[-1])
    ax.set_ylabel(with_unit("spend" if value == "revenue" else value, unit))
    days = shown.index[:: -max(1, -(-len(shown) // 7))][::-1]  # evenly, the last day among them
    weeks = (shown.index[-1] - shown.index[0]).days < 7 * len(shown) + 7
    ax.set_xticks(list(days), [_day(d, weeks=weeks) for d in days])
    handles, names = ax.get_legend_handles_labels()
    names = [fill(n, 24) for n in names[::-1]]
    ax.legend(handles[::-1], names, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=10)
    first, last = (short(float(shown.iloc[i].sum())) for i in (0, -1))
    words = "spend" if value == "revenue" else value
    return put_title(ax, title or f"{words} by segment: {first} on the first day, {last} on the last")


def _day(day: pd.Timestamp, *, weeks: bool) -> str:
    return f"{day.day} {day:%b}\n{day:%Y}" if weeks else f"{day:%b}\n{day:%Y}"


def plot_dynamic_sizes(sizes: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one line per dynamic segment over the days, its size today beside the end.

    `sizes` has `as_of, name, customers`, as `DynamicSegments.history` gives.
    """
    names = list(dict.fromkeys(sizes["name"]))
    ax = new_axes(ax, height=3.2 + 0.25 * len(names))
    table = sizes.pivot(index="as_of", columns="name", values="customers")[names]
    if len(table) < 2:
        return nothing_to_draw(ax, "There is only one day, so nothing can be drawn over time.")
    styles = ("-", "--", ":", "-.")
    for number, (name, colour) in enumerate(zip(names, ordered_colours(len(names)), strict=True)):
        label = f"{name}  {int(table[name].iloc[-1]):,}"
        ax.plot(range(len(table)), table[name], color=colour, linestyle=styles[number % 4], linewidth=2.2, label=label)
    highest = table.max()
    if highest.max() > FAR_APART * max(float(highest.min()), 1.0):
        ax.set_yscale("symlog", linthresh=10)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("people (scale grows by a factor)")
    else:
        ax.set_ylabel("people")
    short_numbers(ax.yaxis)
    month_ticks(ax, list(table.index))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=10.5)
    grown = (table.iloc[-1] - table.iloc[0]).to_dict()
    most = max(names, key=lambda name: abs(grown[name]))
    first, last = (int(table[most].iloc[i]) for i in (0, -1))
    headline = f"Changed most: {most}, {first:,} on the first day, {last:,} on the last"
    return put_title(ax, title or headline)
