"""Clusters: how many, where they lie, and whether they come back."""

from collections.abc import Sequence
from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rfm_ml.core.text import percent, short, with_unit
from rfm_ml.plots.canvas import heat_map, new_axes, nothing_to_draw, paired_bars, put_title, row_height, short_numbers
from rfm_ml.plots.style import BLUE, ORANGE, PALE, ordered_colours

MEASURES: Final = {
    "silhouette": "silhouette\n(1: far apart)",
    "gap": "gap\n(high: more than chance)",
    "bic": "BIC\n(low is good)",
    "stability": "stability\n(1: come back)",
}
WORDS: Final = {"recency_days": "days since last order", "orders": "orders", "spend": "spend"}
MONEY: Final = ("spend", "spend_per_year", "mean_repeat_value")


def plot_numbers(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what speaks for each number of groups: one row per measure, the darker the better, the chosen one framed.

    `table` has `k, silhouette, gap, bic, stability, chosen`, as `Clusters.compare_numbers` gives.
    """
    ax = new_axes(ax, height=4.0)
    if table.empty:
        return nothing_to_draw(ax, "No numbers of groups were compared.")
    values = table[list(MEASURES)].to_numpy(dtype=np.float64).T
    better = values * np.array([[-1.0 if m == "bic" else 1.0] for m in MEASURES])
    ranks = pd.DataFrame(better).rank(axis=1, ascending=True).to_numpy()
    shades = (np.nan_to_num(ranks, nan=1.0) - 1) / max(values.shape[1] - 1, 1)
    texts = [[short(round(v)) if abs(v) >= 100 else f"{v:.2f}" for v in row] for row in values]
    heat_map(ax, shades, texts, rows=list(MEASURES.values()), columns=[str(k) for k in table["k"]], fontsize=11)
    for column in np.flatnonzero(table["chosen"].to_numpy(dtype=bool)).tolist():
        frame = Rectangle((column, 0), 1, len(MEASURES), fill=False, edgecolor=ORANGE, linewidth=3, clip_on=False)
        ax.add_patch(frame)
    ax.set_xlabel("number of groups")
    chosen = table.loc[table["chosen"].astype(bool), "k"].tolist()
    headline = f"{chosen[0]} groups were taken" if chosen else "The number of groups was not among those compared"
    return put_title(ax, title or f"{headline}; the darker, the better by that measure")


def plot_centres(table: pd.DataFrame, *, currency: str = "", title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the medians of each group, coloured by how many customers have less (of recency: more days).

    `table` has `group, measure, value, position`, as `Grouping.centres` gives.
    """
    groups, measures = list(dict.fromkeys(table["group"])), list(dict.fromkeys(table["measure"]))
    ax = new_axes(ax, height=1.9 + 0.5 * max(len(groups), 2))
    if table.empty:
        return nothing_to_draw(ax, "There are no groups.")
    by_group = table.set_index(["measure", "group"])
    shades, values = (np.array([by_group[c].loc[m].loc[groups] for m in measures]).T for c in ("position", "value"))
    units = {m: currency if m in MONEY else "" for m in measures}
    room = max(8, 48 // len(measures))
    columns = [fill(with_unit(WORDS.get(m, m.replace("_", " ")), units[m]), room) for m in measures]
    texts = [[short(float(f"{v:.4g}")) for v in row] for row in values]
    heat_map(ax, shades, texts, rows=[fill(g, 24) for g in groups], columns=columns)
    return put_title(ax, title or "Medians of the groups; dark: ahead of most customers")


def plot_points(
    points: pd.DataFrame, *, groups: Sequence[str], currency: str = "", title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw customers by recency and spend, both on logarithmic axes, in the colours of their groups.

    Parameters
    ----------
    points
        `group, recency_days, spend`.
    groups
        The groups in order, the best first.
    """
    ax = new_axes(ax, height=5.0 + 0.12 * len(groups))
    if points.empty:
        return nothing_to_draw(ax, "There are no customers.")
    for group, colour in zip(groups, ordered_colours(len(groups)), strict=True):
        own = points[points["group"] == group]
        ax.scatter(own["recency_days"], own["spend"], s=16, color=colour, alpha=0.55, linewidths=0, label=group)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_yscale("symlog", linthresh=1)
    short_numbers(ax.xaxis, ax.yaxis)
    ax.minorticks_off()
    ax.set_xlim(left=-0.2)
    ax.grid(visible=True)
    ax.set_xlabel("days since the last order")
    ax.set_ylabel(with_unit("spend", currency))
    ax.legend(loc="upper left", bbox_to_anchor=(-0.01, -0.16), ncols=2, frameon=False, fontsize=11, markerscale=2)
    return put_title(ax, title or f"{len(points):,} customers by silence and spend")


def plot_refits(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw per group the share of customers who keep its name in refits: the mean, and the worst refit (pale).

    `table` has `group, kept_share, lowest_share`, as `refit_stability` gives.
    """
    table = table.dropna(subset=["kept_share"])
    ax = new_axes(ax, height=row_height(len(table)) + 0.16 * len(table))
    if table.empty:
        return nothing_to_draw(ax, "There are no groups.")
    mean, worst = table["kept_share"].to_numpy(), table["lowest_share"].to_numpy()
    texts = [percent(s, digits=0) for s in (*mean, *worst)]
    texts[0] += " on average"
    texts[len(table)] += " in the worst refit"
    paired_bars(ax, table["group"].tolist(), (mean, worst), texts=texts, colours=(BLUE, PALE), height=0.34)
    ax.set_xlabel("share of the group's customers who keep its name")
    least = table.iloc[int(mean.argmin())]
    return put_title(
        ax, title or f"Least stable: {least['group']}, {percent(least['kept_share'], digits=0)} keep the name"
    )
