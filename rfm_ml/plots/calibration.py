"""Predictions beside what happened, group by group."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rfm_ml.core.text import short
from rfm_ml.plots.canvas import new_axes, nothing_to_draw, put_title
from rfm_ml.plots.style import BLUE, PALE, QUIET

NOTHING = "There is no holdout to judge predictions by."


def plot_calibration(table: pd.DataFrame, *, label: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the mean of actual orders per group as a bar with its error, and of expected orders as a dot.

    Parameters
    ----------
    table
        `group, customers, actual_mean, expected_mean, actual_error`, as `models.calibration` gives.
    label
        What the groups are, for the axis; the number of customers stands below each.
    title
        None states the sums over all groups.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=4.2)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    at = np.arange(len(table))
    actual, expected = table["actual_mean"].to_numpy(), table["expected_mean"].to_numpy()
    error = 2 * table["actual_error"].fillna(0).to_numpy()
    below = np.minimum(error, actual)  # nobody orders less than nothing
    ax.bar(at, actual, width=0.72, color=PALE, label="what customers did (line: twice the standard error)")
    ax.errorbar(at, actual, yerr=[below, error], fmt="none", ecolor=QUIET, elinewidth=1.5)
    ax.plot(at, expected, "o", color=BLUE, markersize=9, label="expected")
    ax.set_xticks(at, [f"{g}\n({short(round(n))})" for g, n in zip(table["group"], table["customers"], strict=True)])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(min(-0.6, len(table) / 2 - 3.5), max(len(table) - 0.4, len(table) / 2 + 2.5))
    ax.set_ylim(0)
    means_axis(ax)
    ax.set_xlabel(f"{label} (customers)")
    ax.set_ylabel("orders per customer")
    legend_above(ax)
    put_title(ax, title or _sums(table))
    return ax


def means_axis(ax: Axes) -> None:
    """Write the numbers of the vertical axis, which may be fractions, over a light grid."""
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(visible=True, axis="y")


def legend_above(ax: Axes) -> None:
    """Say above the axes what is drawn how, where it hides nothing."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=2,
        frameon=False,
        fontsize=11,
        borderpad=0,
        handlelength=1.2,
    )


def _sums(table: pd.DataFrame) -> str:
    actual = float((table["actual_mean"] * table["customers"]).sum())
    expected = float((table["expected_mean"] * table["customers"]).sum())
    off = f" ({expected / actual - 1:+.1%})" if actual > 0 else ""
    return f"Repeat orders: {expected:,.0f} expected, {actual:,.0f} came{off}"
