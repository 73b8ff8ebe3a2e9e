"""Audiences before they are sent: who is left of them, whom they share, what it pays to write to how many."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from rfm_ml.core.text import percent, short
from rfm_ml.plots.canvas import label_bars, named_rows, new_axes, nothing_to_draw, put_title, row_height
from rfm_ml.plots.style import BLUE, ORANGE, PALE, QUIET, level_colours


def plot_filters(counts: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what each filter takes from an audience until the list is left.

    Parameters
    ----------
    counts
        `step, left_out, remaining`, from those selected to those on the list. Steps that take nobody are left out.
    title
        None states which share is on the list.
    ax
        To draw on; None makes a new figure.
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
    put_title(ax, title or f"{percent(last / first)} of those selected are on the list")
    return ax


def plot_overlap(overlap: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw which share of each audience is in each other one.

    Parameters
    ----------
    overlap
        `audience, other, share` (of the audience), every pair.
    title
        None names the pair that shares most.
    ax
        To draw on; None makes a new figure.
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
    put_title(ax, title or f"{percent(most['share'], digits=0)} of {most['audience']} are in {most['other']} as well")
    return ax


def plot_expected_profit(curve: pd.DataFrame, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the expected profit of writing to the best customers, by how many of them and for several responses.

    Parameters
    ----------
    curve
        `response, depth, profit`, as `profit_curve` gives.
    unit
        Of the profit.
    title
        None states the best depth of the middle response.
    ax
        To draw on; None makes a new figure.
    """
    if curve.empty:
        return nothing_to_draw(new_axes(ax, height=2), "There are no predictions to rank customers by.")
    ax = new_axes(ax, height=4.2)
    responses = sorted(curve["response"].unique())
    for response, colour in zip(responses[::-1], level_colours(len(responses)), strict=True):
        one = curve[curve["response"] == response]
        ax.plot(one["depth"], one["profit"], color=colour, linewidth=2, label=f"response {percent(response)}")
        best = one.iloc[int(one["profit"].argmax())]
        ax.plot(best["depth"], best["profit"], "o", color=colour)
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.set_xlim(-0.01, 1.01)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(visible=True, axis="y")
    ax.set_xlabel("share of the customers who are written to, the best first")
    ax.set_ylabel(f"expected profit ({unit})")
    ax.legend(loc="best", frameon=False)
    middle = curve[curve["response"] == responses[len(responses) // 2]]
    depth = float(middle["depth"].iloc[int(middle["profit"].argmax())])
    put_title(ax, title or f"At a response of {percent(middle['response'].iloc[0])} it pays to write to {depth:.0%}")
    return ax
