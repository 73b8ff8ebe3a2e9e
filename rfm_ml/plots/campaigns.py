"""Campaigns: whom they reach and what they should pay, what they brought, and who was moved."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from rfm_ml.core.text import percent, short
from rfm_ml.plots.canvas import (
    label_bars,
    legend_above,
    named_bars,
    named_rows,
    new_axes,
    nothing_to_draw,
    number_axis,
    put_title,
    row_height,
)
from rfm_ml.plots.style import BLUE, GRID, INK, ORANGE, PALE, QUIET, ordered_colours


def plot_filters(counts: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what each filter takes from an audience until the list is left.

    `counts` has `step, left_out, remaining`, from those selected to those on the list. Steps that take nobody are
    left out.
    """
    if counts.empty or counts["remaining"].iloc[0] == 0:
        return nothing_to_draw(new_axes(ax, height=2), "No audience selects anybody.")
    first, last = int(counts["remaining"].iloc[0]), int(counts["remaining"].iloc[-1])
    between = counts.iloc[1:][counts["left_out"].iloc[1:] > 0]
    names = ["Selected", *(s[:1].upper() + s[1:] for s in between["step"]), "On the list"]
    ax = new_axes(ax, height=row_height(len(names)))
    ax.barh(0, first, height=0.66, color=PALE)
    ends, texts = [float(first)], [f"{first:,}"]
    for row, (out, left) in enumerate(zip(between["left_out"], between["remaining"], strict=True), start=1):
        ax.barh(row, out, left=left, height=0.66, color=ORANGE)
        ax.plot([left + out] * 2, [row - 0.67, row + 0.33], color=QUIET, linewidth=0.8)
        ends.append(float(left + out))
        texts.append(f"\N{MINUS SIGN}{out:,}")
    ax.barh(len(names) - 1, last, height=0.66, color=BLUE)
    named_rows(ax, names)
    label_bars(ax, ends=[*ends, float(last)], texts=[*texts, f"{last:,}"], rows=range(len(names)))
    ax.set_xlabel("customers")
    return put_title(ax, title or f"{percent(last / first)} of those selected are on the list")


def plot_overlap(overlap: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw which share of each audience is in each other one.

    `overlap` has `audience, other, share` (of the audience), every pair.
    """
    names = list(dict.fromkeys(overlap["audience"]))
    if len(names) < 2:
        return nothing_to_draw(new_axes(ax, height=2), "There are no two audiences to compare.")
    table = overlap.pivot_table(index="audience", columns="other", values="share", sort=False).loc[names, names]
    shares = table.to_numpy(dtype=float)
    ax = new_axes(ax, height=2.2 + 0.42 * len(names))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_yticks(range(len(names)), names)
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.tick_params(length=0)
    for row, column in np.ndindex(*shares.shape):
        share = shares[row, column]
        if row != column and share >= 0.005:
            colour = "white" if share > 0.6 else "black"
            ax.text(column, row, percent(float(share), digits=0), ha="center", va="center", fontsize=9, color=colour)
    ax.set_xlabel("is in this one as well")
    others = overlap[overlap["audience"] != overlap["other"]]
    most = others.iloc[int(others["share"].argmax())]
    return put_title(
        ax, title or f"{percent(most['share'], digits=0)} of {most['audience']} are in {most['other']} as well"
    )


def plot_expected_profit(curve: pd.DataFrame, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the expected profit of writing to the best customers, by how many of them and for several responses.

    `curve` has `response, depth, profit`, as `profit_curve` gives.
    """
    if curve.empty:
        return nothing_to_draw(new_axes(ax, height=2), "There are no predictions to rank customers by.")
    ax = new_axes(ax, height=4.2)
    responses = sorted(curve["response"].unique())
    for response, colour in zip(responses[::-1], ordered_colours(len(responses)), strict=True):
        one = curve[curve["response"] == response]
        ax.plot(one["depth"], one["profit"], color=colour, linewidth=2, label=f"response {percent(response)}")
        best = one.iloc[int(one["profit"].argmax())]
        ax.plot(best["depth"], best["profit"], "o", color=colour)
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.set_xlim(-0.01, 1.01)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    number_axis(ax, whole=False)
    ax.set_xlabel("share of the customers who are written to, the best first")
    ax.set_ylabel(f"expected profit ({unit})")
    ax.legend(loc="best", frameon=False)
    middle = curve[curve["response"] == responses[len(responses) // 2]]
    depth = float(middle["depth"].iloc[int(middle["profit"].argmax())])
    return put_title(
        ax, title or f"At a response of {percent(middle['response'].iloc[0])} it pays to write to {depth:.0%}"
    )


NO_CAMPAIGN: Final = "There is no campaign that can be judged."
MOST_LIFTS: Final = 40
ALIKE: Final = 0.1
"""Standardised difference up to which groups are called alike."""


def plot_lift(table: pd.DataFrame, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a forest of lifts: one row per campaign or segment, its lift as a dot, its interval as a line.

    `table` has `name, lift, low, high, observational`; rows without an interval are left out. A lift whose interval
    is above 0 is blue, below 0 orange, else grey; dots are filled against a hold-out and hollow where it is
    observational.
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
    number_axis(ax, which="x", whole=False)
    ax.set_xlabel(f"lift in {unit} per customer")
    _lift_legend(ax, rows)
    beside = int(((rows["low"] > 0) | (rows["high"] < 0)).sum())
    return put_title(ax, title or f"{beside} of {len(rows)} intervals lie beside 0")


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

    `table` has `covariate, before, after`: standardised differences; `after` is missing where nothing was weighted.
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
    return put_title(ax, title or f"Groups before the campaign: up to {left:.2f} standard deviations apart")


def plot_reductions(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw which share of an outcome's variance past behaviour explains, campaign by campaign.

    `table` has `campaign, reduction` of one outcome.
    """
    rows = table.head(MOST_LIFTS)
    ax = new_axes(ax, height=row_height(len(rows)) * 0.8 + 0.3)
    if rows.empty:
        return nothing_to_draw(ax, "No campaign has a hold-out.")
    ends = rows["reduction"].tolist()
    names = rows["campaign"].astype(str).tolist()
    named_bars(ax, names, ends, texts=[percent(v) for v in ends], colour=PALE, height=0.66)
    ax.set_xlabel("share of the variance that past behaviour explains")
    return put_title(ax, title or f"Past behaviour takes out {percent(float(np.mean(ends)), digits=0)} of the variance")


def plot_qini(curve: pd.DataFrame, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what a campaign would have brought, had only the best customers by a score been contacted.

    `curve` has `share, gain, by_chance`, as `qini_curve` gives.
    """
    ax = new_axes(ax, height=4.2)
    if curve.empty:
        return nothing_to_draw(ax, "Only a campaign with a hold-out shows who was moved.")
    ax.plot(curve["share"], curve["by_chance"], color=QUIET, linestyle="--", label="drawn by lot")
    ax.plot(curve["share"], curve["gain"], color=BLUE, linewidth=2, label="best by the score first")
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    number_axis(ax, whole=False)
    ax.set_xlabel("share of customers contacted")
    ax.set_ylabel(f"incremental {unit}")
    legend_above(ax)
    half = float(np.interp(0.5, curve["share"], curve["gain"]))
    return put_title(
        ax, title or f"The best half brings {short(round(half))} of {short(round(curve['gain'].iloc[-1]))} {unit}"
    )
