"""Sizes of segments over time."""

from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import short, with_unit
from rfm_ml.plots.canvas import new_axes, nothing_to_draw, number_axis, put_title
from rfm_ml.plots.migration import MOST_SEGMENTS, OTHERS, flow_colour
from rfm_ml.plots.months import month_ticks
from rfm_ml.plots.style import ordered_colours

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
    unit
        Currency of revenue.
    title
        None states the growth of the whole.
    ax
        To draw on; None makes a new figure.
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
    ax.legend(
        handles[::-1],
        [fill(n, 24) for n in names[::-1]],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=10,
    )
    first, last = (short(float(shown.iloc[i].sum())) for i in (0, -1))
    words = "spend" if value == "revenue" else value
    put_title(ax, title or f"{words} by segment: {first} on the first day, {last} on the last")
    return ax


def _day(day: pd.Timestamp, *, weeks: bool) -> str:
    return f"{day.day} {day:%b}\n{day:%Y}" if weeks else f"{day:%b}\n{day:%Y}"


def plot_dynamic_sizes(sizes: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one line per dynamic segment over the days, its size today beside the end.

    Parameters
    ----------
    sizes
        `as_of, name, customers`, as `DynamicSegments.history` gives.
    title
        None names the segment that has grown most, in people.
    ax
        To draw on; None makes a new figure.
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
    ax.yaxis.set_major_formatter(lambda value, _: short(value))
    month_ticks(ax, list(table.index))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=10.5)
    grown = (table.iloc[-1] - table.iloc[0]).to_dict()
    most = max(names, key=lambda name: abs(grown[name]))
    first, last = (int(table[most].iloc[i]) for i in (0, -1))
    told = f"Changed most: {most}, {first:,} on the first day, {last:,} on the last"
    put_title(ax, title or told)
    return ax
