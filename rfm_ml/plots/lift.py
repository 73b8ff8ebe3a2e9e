"""Campaigns: lifts with their intervals, groups before and after weighting, and who was moved."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from rfm_ml.core.text import percent, short
from rfm_ml.plots.calibration import legend_above
from rfm_ml.plots.canvas import label_bars, named_rows, new_axes, nothing_to_draw, put_title, row_height
from rfm_ml.plots.style import BLUE, GRID, INK, ORANGE, PALE, QUIET

NO_CAMPAIGN: Final = "There is no campaign that can be judged."
MOST_LIFTS: Final = 40
ALIKE: Final = 0.1
"""Standardised difference up to which groups are called alike."""


def plot_lift(table: pd.DataFrame, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a forest of lifts: one row per campaign or segment, its lift as a dot, its interval as a line.

    Parameters
    ----------
    table
        `name, lift, low, high, observational`; rows without an interval are left out. A lift whose interval is above 0
        is blue, below 0 orange, else grey; dots are filled against a hold-out and hollow where it is observational.
    unit
        Of the lift per customer, for the axis.
    title
        None states how many intervals lie beside 0.
    ax
        To draw on; None makes a new figure.
    """
    rows = table.dropna(subset=["lift", "low", "high"]).head(MOST_LIFTS).reset_index(drop=True)
    ax = new_axes(ax, height=row_height(len(rows)) * 0.8 + 0.6)
    if rows.empty:
        return nothing_to_draw(ax, NO_CAMPAIGN)
    ax.axvline(0, color=QUIET, linewidth=1)
    numbers = rows[["lift", "low", "high"]].to_numpy(dtype=float)
    for at, ((lift, low, high), hollow) in enumerate(zip(numbers, rows["observational"], strict=True)):
        colour = BLUE if low > 0 else ORANGE if high < 0 else QUIET
        ax.plot([low, high], [at, at], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(lift, at, "o", color=colour, markersize=8, markerfacecolor="white" if hollow else colour)
    named_rows(ax, rows["name"].astype(str).tolist())
    ax.spines["bottom"].set_visible(True)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(f"lift in {unit} per customer")
    _lift_legend(ax, rows)
    beside = int(((rows["low"] > 0) | (rows["high"] < 0)).sum())
    put_title(ax, title or f"{beside} of {len(rows)} intervals lie beside 0")
    return ax


def _lift_legend(ax: Axes, rows: pd.DataFrame) -> None:
    kinds = {False: "against a hold-out", True: "observational: no proof"}
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=8, markerfacecolor="white" if k else INK, label=label)
        for k, label in kinds.items()
        if (rows["observational"] == k).any()
    ]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, frameon=False, fontsize=11)


def plot_balance(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how unlike the groups of a campaign were before it, and are after weighting.

    Parameters
    ----------
    table
        `covariate, before, after`: standardised differences; `after` is missing where nothing was weighted.
    title
        None states the largest difference that is left.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=row_height(len(table)) * 0.8 + 0.5)
    if table.empty:
        return nothing_to_draw(ax, NO_CAMPAIGN)
    at = np.arange(len(table))
    weighted = bool(table["after"].notna().any())
    ax.axvspan(-ALIKE, ALIKE, color=GRID, zorder=0)
    ax.axvline(0, color=QUIET, linewidth=1)
    label, colour = ("as they were", ORANGE) if weighted else ("treated less held out", BLUE)
    face = "white" if weighted else colour
    ax.plot(table["before"], at, "o", markersize=8, label=label, color=colour, markerfacecolor=face)
    if weighted:
        ax.plot(table["after"], at, "o", color=BLUE, markersize=8, label="weighted")
    named_rows(ax, [str(c).replace("_", " ") for c in table["covariate"]])
    ax.spines["bottom"].set_visible(True)
    reach = max(2.5 * ALIKE, 1.1 * float(table[["before", "after"]].abs().max().max()))
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("difference in standard deviations (grey: alike)")
    legend_above(ax)
    left = float(table["after" if weighted else "before"].abs().max())
    put_title(ax, title or f"Groups before the campaign: up to {left:.2f} standard deviations apart")
    return ax


def plot_reductions(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw which share of an outcome's variance past behaviour explains, campaign by campaign.

    Parameters
    ----------
    table
        `campaign, reduction` of one outcome.
    title
        None states the mean.
    ax
        To draw on; None makes a new figure.
    """
    rows = table.head(MOST_LIFTS)
    ax = new_axes(ax, height=row_height(len(rows)) * 0.8 + 0.3)
    if rows.empty:
        return nothing_to_draw(ax, "No campaign has a hold-out.")
    ends = rows["reduction"].tolist()
    ax.barh(range(len(rows)), ends, height=0.66, color=PALE)
    named_rows(ax, rows["campaign"].astype(str).tolist())
    label_bars(ax, ends=ends, texts=[percent(v) for v in ends], rows=range(len(rows)))
    ax.set_xlabel("share of the variance that past behaviour explains")
    put_title(ax, title or f"Past behaviour takes out {percent(float(np.mean(ends)), digits=0)} of the variance")
    return ax


def plot_qini(curve: pd.DataFrame, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what a campaign would have brought, had only the best customers by a score been contacted.

    Parameters
    ----------
    curve
        `share, gain, by_chance`, as `qini_curve` gives.
    unit
        Of the gain.
    title
        None states the gain of the best half.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=4.2)
    if curve.empty:
        return nothing_to_draw(ax, "Only a campaign with a hold-out shows who was moved.")
    ax.plot(curve["share"], curve["by_chance"], color=QUIET, linestyle="--", label="drawn by lot")
    ax.plot(curve["share"], curve["gain"], color=BLUE, linewidth=2, label="best by the score first")
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(visible=True, axis="y")
    ax.set_xlabel("share of customers contacted")
    ax.set_ylabel(f"incremental {unit}")
    legend_above(ax)
    half = float(np.interp(0.5, curve["share"], curve["gain"]))
    put_title(
        ax, title or f"The best half brings {short(round(half))} of {short(round(curve['gain'].iloc[-1]))} {unit}"
    )
    return ax
