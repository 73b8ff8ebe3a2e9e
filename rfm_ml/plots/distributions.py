"""Distributions of one measure over the customers, with the limits between levels."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.plots.canvas import new_axes, nothing_to_draw, number_axis, put_title
from rfm_ml.plots.style import BLUE, ORANGE, short

MOST_TICKS = 8


def plot_distribution(
    table: pd.DataFrame,
    *,
    label: str,
    limits: Iterable[float] = (),
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many customers have which values, one bar per range, and the limits between levels.

    Parameters
    ----------
    table
        `low, high, customers, log`, as `customers.panels.distribution` gives. Ranges get bars of one width.
    label
        The measure with its unit, for the axis.
    limits
        Values at which a line is drawn and labelled.
    title
        None names the measure.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=3.9)
    if table.empty:
        return nothing_to_draw(ax, "There are no values.")
    edges = np.append(table["low"].to_numpy(), float(table["high"].iloc[-1]))
    ax.bar(np.arange(len(table)) + 0.5, table["customers"], width=0.92, color=BLUE)
    at, texts = _ticks(edges)
    ax.set_xticks(at, texts)
    tops = float(table["customers"].max())
    lines = sorted(set(map(float, limits)))
    ax.set_ylim(0, tops * (1.22 if lines else 1.05))
    _draw_limits(ax, lines, edges=edges, top=tops * 1.02)
    number_axis(ax)
    ax.set_xlim(min(0.0, len(table) / 2 - 4), max(float(len(table)), len(table) / 2 + 4))
    ax.set_xlabel(f"{label}; each range wider than the one before" if table["log"].iloc[0] else label)
    ax.set_ylabel("customers")
    put_title(ax, title or f"Customers by {label}")
    return ax


def _ticks(edges: np.ndarray) -> tuple[list[float], list[str]]:
    """Return positions and texts: whole numbers in the middle of their bar, limits of ranges between bars."""
    bars = len(edges) - 1
    widths = np.diff(edges)
    units = np.isclose(widths, 1) & np.isclose(edges[:-1] % 1, 0.5)
    if units[:-1].all() and bars <= 26:
        step = int(np.ceil(bars / 14))
        at = list(range(0, bars, step))
        texts = [f"{edges[i] + 0.5:,.0f}" for i in at]
        if not units[-1]:
            if at[-1] != bars - 1:
                at, texts = [*at[: -1 if bars - 1 - at[-1] < step else None], bars - 1], [*texts, ""]
                texts = [f"{edges[i] + 0.5:,.0f}" for i in at]
            texts[-1] = f"{edges[-2] + 0.5:,.0f}+"
        return [i + 0.5 for i in at], texts
    step = int(np.ceil(bars / MOST_TICKS))
    picked = [i for i in range(0, bars + 1, step) if i == 0 or i < bars or bars % step == 0]
    return [float(i) for i in picked], [_rounded(edges[i], edges) for i in picked]


def _rounded(value: float, edges: np.ndarray) -> str:
    spread = float(edges[-1] - edges[0])
    if np.isclose(edges % 1, 0.5).all():
        return f"{np.ceil(value) + 0.0:,.0f}"
    return short(round(value)) if abs(value) >= 10 or spread > 200 else f"{value:.3g}"


def _draw_limits(ax: Axes, limits: Sequence[float], *, edges: np.ndarray, top: float) -> None:
    """Draw each limit; its number is written in one of two rows, so that near ones do not overlap."""
    places = np.interp(limits, edges, np.arange(len(edges))) if limits else []
    before, row = -np.inf, 0
    for limit, place in zip(limits, places, strict=True):
        row = 1 - row if place - before < 0.09 * len(edges) else 0
        before = place
        height = top * (1.0 + 0.09 * row)
        ax.plot([place, place], [0, height], color=ORANGE, linewidth=1.6)
        ax.annotate(
            f"{limit:,.2f}".rstrip("0").rstrip("."),
            (place, height),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=11,
            color=ORANGE,
        )
