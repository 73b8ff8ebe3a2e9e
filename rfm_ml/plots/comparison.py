"""Strategies beside each other: what they find, how steady they are, and where they differ."""

from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rfm_ml.core.text import with_unit
from rfm_ml.plots.canvas import (
    heat_map,
    named_rows,
    new_axes,
    nothing_to_draw,
    put_title,
    row_height,
    share_axes,
    short_numbers,
)
from rfm_ml.plots.style import BLUE, INK, ORANGE, PALE, QUIET, SHADES

NOTHING: Final = "Nothing could be compared; the reason is given above."
VERDICTS: Final = {"better": BLUE, "no difference": QUIET, "worse": ORANGE}
LINES: Final = (BLUE, ORANGE, "#2f8f6b", "#8a5fa8", "#b58a00", QUIET)
STYLES: Final = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


def plot_pareto(points: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw value found against stability, with intervals; the darker, the easier to say in words.

    Nothing beats a point that has none above and to the right of it that is as dark.

    `points` has one row per segmentation: name, value, value_low, value_high (normalised Gini), rand, rand_low,
    rand_high (adjusted Rand index over refits), words (accuracy of a small tree), chosen (bool).
    """
    ax = new_axes(ax, height=max(5.0, 1.4 + 0.3 * len(points)))
    if points.empty:
        return nothing_to_draw(ax, NOTHING)
    x, y = points["value"].to_numpy(), points["rand"].to_numpy()
    across = [np.clip(x - points["value_low"], 0, None), np.clip(points["value_high"] - x, 0, None)]
    up = [np.clip(y - points["rand_low"], 0, None), np.clip(points["rand_high"] - y, 0, None)]
    ax.errorbar(x, y, xerr=across, yerr=up, fmt="none", ecolor=PALE, elinewidth=1.2, zorder=1)
    edges = [ORANGE if chosen else INK for chosen in points["chosen"]]
    widths = [3.0 if chosen else 0.8 for chosen in points["chosen"]]
    shades = points["words"].to_numpy()
    dots = ax.scatter(x, y, c=shades, cmap=SHADES, vmin=0, vmax=1, s=330, edgecolors=edges, linewidths=widths, zorder=2)
    for i, (at, height, dark) in enumerate(zip(x, y, shades, strict=True), start=1):
        ax.annotate(
            str(i), (at, height), ha="center", va="center", fontsize=10, color="white" if dark > 0.55 else INK, zorder=3
        )
    ax.set_xlabel("value found (normalised Gini)")
    ax.set_ylabel("stability (Rand index over refits)")
    ax.grid(visible=True)
    figure = ax.get_figure(root=True)
    if figure is not None:
        bar = figure.colorbar(dots, ax=ax, location="bottom", shrink=0.6, aspect=40, pad=0.02)
        bar.set_label("can be said in words (accuracy of a tree with 12 leaves)", fontsize=11)
        share_axes(bar.ax.xaxis)
    rows = [Line2D([], [], linestyle="", label=f"{i}  {fill(n, 30)}") for i, n in enumerate(points["name"], start=1)]
    ax.legend(handles=rows, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=10.5, handlelength=0)
    return put_title(ax, title or "Value found and stability, segmentation by segmentation")


def plot_differences(pairs: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the paired difference of every strategy to a baseline, one line per origin.

    `pairs` has name, origin, difference, low, high, verdict ("better", "no difference" or "worse").
    """
    names = list(dict.fromkeys(pairs["name"]))
    ax = new_axes(ax, height=row_height(len(names)) + 0.6)
    if pairs.empty:
        return nothing_to_draw(ax, NOTHING)
    origins = sorted(pairs["origin"].unique())
    offsets = dict(zip(origins, np.linspace(-0.28, 0.28, len(origins)) if len(origins) > 1 else [0.0], strict=True))
    rows = pairs["name"].map({n: i for i, n in enumerate(names)}) + pairs["origin"].map(offsets)
    for verdict, colour in VERDICTS.items():
        some = (pairs["verdict"] == verdict).to_numpy()
        ax.hlines(rows[some], pairs["low"][some], pairs["high"][some], color=colour, linewidth=1.6)
        ax.plot(pairs["difference"][some], rows[some], "o", color=colour, markersize=4.5)
    named_rows(ax, names)
    ax.axvline(0, color=INK, linewidth=1)
    ax.grid(visible=True, axis="x")
    ax.set_xlabel("difference in normalised Gini, with 95 % interval; one line a day")
    marks = [Line2D([], [], color=c, marker="o", markersize=5, label=v) for v, c in VERDICTS.items()]
    ax.legend(handles=marks, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=11)
    return put_title(ax, title or "Difference to past spend rate, day by day")


def plot_gains(curves: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of spend that the best customers by each strategy hold.

    `curves` has name, customer_share, spend_share. The name "perfect" is the order of the spend itself.
    """
    ax = new_axes(ax, height=4.6)
    if curves.empty:
        return nothing_to_draw(ax, NOTHING)
    ax.plot([0, 1], [0, 1], color=PALE, linewidth=1.5, label="by chance")
    others = iter(zip(LINES, STYLES, strict=True))
    for name, curve in curves.groupby("name", sort=False):
        colour, style = (PALE, ":") if name == "perfect" else next(others)
        ax.plot(curve["customer_share"], curve["spend_share"], color=colour, linestyle=style, label=fill(str(name), 28))
    share_axes(ax.xaxis, ax.yaxis)
    ax.grid(visible=True)
    ax.set_xlabel("share of customers, the most promising first")
    ax.set_ylabel("share of their spend")
    ax.legend(loc="lower right", frameon=False, fontsize=11)
    return put_title(ax, title or "Share of later spend held by the best customers")


def plot_profit(
    curves: pd.DataFrame, best: pd.DataFrame, *, currency: str = "", title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the profit of contacting the best customers by depth, one line per assumed response, with the best depth.

    Parameters
    ----------
    curves
        response, depth (share of customers contacted), profit in currency.
    best
        response, depth, low, high: the best depth with its interval.
    """
    ax = new_axes(ax, height=4.6)
    if curves.empty:
        return nothing_to_draw(ax, NOTHING)
    ax.axhline(0, color=INK, linewidth=1)
    deepest = best.set_index("response")
    for (response, curve), colour, style in zip(curves.groupby("response"), LINES, STYLES, strict=False):
        at = deepest.loc[response]
        height = float(np.interp(at["depth"], curve["depth"], curve["profit"]))
        label = f"response {response:.0%}: best depth {at['depth']:.0%} ({at['low']:.0%} to {at['high']:.0%})"
        ax.plot(curve["depth"], curve["profit"], color=colour, linestyle=style, label=label)
        ax.hlines(height, at["low"], at["high"], color=colour, linewidth=1.2)
        ax.plot(at["depth"], height, "o", color=colour, markersize=8)
    share_axes(ax.xaxis)
    short_numbers(ax.yaxis)
    ax.grid(visible=True)
    ax.set_xlabel("share of customers contacted, the most promising first")
    ax.set_ylabel(with_unit("profit", currency))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=11)
    return put_title(ax, title or "Profit by depth of a campaign")


def plot_agreement(pairs: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how far strategies put the same customers together, as a heat map.

    `pairs` has name, other, rand_index: every pair in both orders.
    """
    names = list(dict.fromkeys(pairs["name"]))
    ax = new_axes(ax, height=2.4 + 0.36 * max(len(names), 3))
    if pairs.empty:
        return nothing_to_draw(ax, NOTHING)
    grid = pairs.pivot(index="name", columns="other", values="rand_index").loc[names, names].to_numpy()
    texts = [[f"{v + 0.0:.2f}".replace("-0.00", "0.00") for v in row] for row in grid]
    rows = [f"{fill(n, 26)}  {i}" for i, n in enumerate(names, start=1)]
    columns = [str(i) for i in range(1, len(names) + 1)]
    heat_map(ax, grid.clip(0, 1), texts, rows=rows, columns=columns, fontsize=9)
    ax.tick_params(axis="y", labelsize=10.5)
    return put_title(ax, title or "How alike strategies divide the customers (1: the same)")


def plot_apart(groups: pd.DataFrame, *, currency: str = "", title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what customers spent later whom two strategies rank differently.

    `groups` has group, customers, mean_spend, low, high, without the row of the difference.
    """
    present = groups[groups["customers"] > 0].reset_index(drop=True)
    ax = new_axes(ax, height=row_height(len(present)) + 0.6)
    if present.empty:
        return nothing_to_draw(ax, NOTHING)
    rows, mean = np.arange(len(present)), present["mean_spend"].to_numpy()
    ax.barh(rows, mean, height=0.6, color=PALE)
    ends = [np.clip(mean - present["low"], 0, None), np.clip(present["high"] - mean, 0, None)]
    ax.errorbar(mean, rows, xerr=ends, fmt="none", ecolor=QUIET, elinewidth=1.5)
    named_rows(ax, [f"{g} ({n:,} customers)" for g, n in zip(present["group"], present["customers"], strict=True)])
    short_numbers(ax.xaxis)
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(with_unit("mean later spend, with interval", currency))
    return put_title(ax, title or "Whom they rank differently, and what these spent")
