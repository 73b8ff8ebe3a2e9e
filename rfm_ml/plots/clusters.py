"""Clusters: how many, where they lie, and whether they come back."""

from collections.abc import Sequence
from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from rfm_ml.core.text import percent, short, with_unit
from rfm_ml.plots.canvas import label_bars, named_rows, new_axes, nothing_to_draw, put_title, quiet_bars, row_height
from rfm_ml.plots.style import BLUE, INK, ORANGE, SHADES, ordered_colours

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

    Parameters
    ----------
    table
        `k, silhouette, gap, bic, stability, chosen`, as `Clusters.compare_numbers` gives.
    title
        None states the chosen number.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=4.0)
    if table.empty:
        return nothing_to_draw(ax, "No numbers of groups were compared.")
    values = table[list(MEASURES)].to_numpy(dtype=np.float64).T
    better = values * np.array([[-1.0 if m == "bic" else 1.0] for m in MEASURES])
    ranks = pd.DataFrame(better).rank(axis=1, ascending=True).to_numpy()
    shades = (np.nan_to_num(ranks, nan=1.0) - 1) / max(values.shape[1] - 1, 1)
    ax.pcolormesh(shades, cmap=SHADES, vmin=0, vmax=1, edgecolors="white", linewidth=2)
    for (row, column), value in np.ndenumerate(values):
        text = short(round(value)) if abs(value) >= 100 else f"{value:.2f}"
        colour = "white" if shades[row, column] > 0.52 else INK
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=11)
    for column in np.flatnonzero(table["chosen"].to_numpy(dtype=bool)).tolist():
        frame = Rectangle((column, 0), 1, len(MEASURES), fill=False, edgecolor=ORANGE, linewidth=3, clip_on=False)
        ax.add_patch(frame)
    _cells_axes(ax, rows=list(MEASURES.values()), columns=[str(k) for k in table["k"]])
    ax.set_xlabel("number of groups")
    chosen = table.loc[table["chosen"].astype(bool), "k"].tolist()
    told = f"{chosen[0]} groups were taken" if chosen else "The number of groups was not among those compared"
    put_title(ax, title or f"{told}; the darker, the better by that measure")
    return ax


def plot_centres(table: pd.DataFrame, *, currency: str = "", title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the medians of each group, coloured by how many customers have less (of recency: more days).

    Parameters
    ----------
    table
        `group, measure, value, position`, as `study.grouping.Grouping.centres` gives.
    currency
        Unit of spend.
    title
        None asks what the figure answers.
    ax
        To draw on; None makes a new figure.
    """
    groups, measures = list(dict.fromkeys(table["group"])), list(dict.fromkeys(table["measure"]))
    ax = new_axes(ax, height=1.9 + 0.5 * max(len(groups), 2))
    if table.empty:
        return nothing_to_draw(ax, "There are no groups.")
    shape = (len(groups), len(measures))
    by_group = table.set_index(["measure", "group"])
    shades, values = (np.array([by_group[c].loc[m].loc[groups] for m in measures]).T for c in ("position", "value"))
    ax.pcolormesh(shades, cmap=SHADES, vmin=0, vmax=1, edgecolors="white", linewidth=2)
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if shades[row, column] > 0.52 else INK
        ax.text(column + 0.5, row + 0.5, short(float(f"{value:.4g}")), ha="center", va="center", color=colour)
    units = {m: currency if m in MONEY else "" for m in measures}
    room = max(8, 48 // shape[1])
    columns = [fill(with_unit(WORDS.get(m, m.replace("_", " ")), units[m]), room) for m in measures]
    _cells_axes(ax, rows=[fill(g, 24) for g in groups], columns=columns)
    put_title(ax, title or "Medians of the groups; dark: ahead of most customers")
    return ax


def _cells_axes(ax: Axes, *, rows: Sequence[str], columns: Sequence[str]) -> None:
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


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
    currency
        Unit of spend.
    title
        None states how many customers are drawn.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=5.0 + 0.12 * len(groups))
    if points.empty:
        return nothing_to_draw(ax, "There are no customers.")
    for group, colour in zip(groups, ordered_colours(len(groups)), strict=True):
        own = points[points["group"] == group]
        ax.scatter(own["recency_days"], own["spend"], s=16, color=colour, alpha=0.55, linewidths=0, label=group)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_yscale("symlog", linthresh=1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.minorticks_off()
    ax.set_xlim(left=-0.2)
    ax.grid(visible=True)
    ax.set_xlabel("days since the last order")
    ax.set_ylabel(with_unit("spend", currency))
    ax.legend(loc="upper left", bbox_to_anchor=(-0.01, -0.16), ncols=2, frameon=False, fontsize=11, markerscale=2)
    put_title(ax, title or f"{len(points):,} customers by silence and spend")
    return ax


def plot_refits(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw per group the share of customers who keep its name in refits: the mean, and the worst refit (pale).

    Parameters
    ----------
    table
        `group, kept_share, lowest_share`, as `refit_stability` gives.
    title
        None states the least stable group.
    ax
        To draw on; None makes a new figure.
    """
    table = table.dropna(subset=["kept_share"])
    ax = new_axes(ax, height=row_height(len(table)) + 0.16 * len(table))
    if table.empty:
        return nothing_to_draw(ax, "There are no groups.")
    at = np.arange(len(table))
    mean, worst = table["kept_share"].to_numpy(), table["lowest_share"].to_numpy()
    ax.barh(at - 0.2, mean, height=0.34, color=BLUE)
    quiet_bars(ax, rows=(at + 0.2).tolist(), ends=worst.tolist(), height=0.34)
    named_rows(ax, table["group"].tolist())
    texts = [percent(s, digits=0) for s in (*mean, *worst)]
    texts[0] += " on average"
    texts[len(table)] += " in the worst refit"
    label_bars(ax, ends=[*mean, *worst], texts=texts, rows=[*(at - 0.2), *(at + 0.2)])
    ax.set_xlabel("share of the group's customers who keep its name")
    least = table.iloc[int(mean.argmin())]
    put_title(ax, title or f"Least stable: {least['group']}, {percent(least['kept_share'], digits=0)} keep the name")
    return ax
