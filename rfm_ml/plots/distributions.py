"""How measures lie over the customers: ranges with the limits between levels, and the 80/20 curve."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import short, with_unit
from rfm_ml.plots.canvas import new_axes, note, nothing_to_draw, number_axis, put_title, share_axes
from rfm_ml.plots.style import BLUE, GRID, ORANGE, QUIET

MOST_TICKS: Final = 8

LABELS: Final = {
    "recency_days": "days since the last order",
    "orders": "orders per customer",
    "orders_per_year": "orders a year",
    "spend": "spend per customer",
    "spend_per_year": "spend a year",
}
"""What an axis calls the columns that are scored by default."""


def plot_distribution(
    table: pd.DataFrame,
    *,
    label: str,
    limits: Iterable[float] = (),
    at_least: bool = False,
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
    at_least
        Whether a value equal to a limit belongs above it; where whole numbers have a bar each, the line is drawn
        on that side of the number's bar.
    """
    ax = new_axes(ax, height=3.9)
    if table.empty:
        return nothing_to_draw(ax, "There are no values.")
    edges = np.append(table["low"].to_numpy(), float(table["high"].iloc[-1]))
    ax.bar(np.arange(len(table)) + 0.5, table["customers"], width=0.92, color=BLUE)
    at, texts = _ticks(edges)
    ax.set_xticks(at, texts)
    tops = float(table["customers"].max())
    ax.set_xlim(min(0.0, len(table) / 2 - 4), max(float(len(table)), len(table) / 2 + 4))
    lines = sorted(set(map(float, limits)))
    ax.set_ylim(0, tops * (1.3 if lines else 1.05))
    shift = (-0.5 if at_least else 0.5) if _bar_each(edges) else 0.0
    _draw_limits(ax, lines, places=_places(lines, edges, shift=shift), top=tops * 1.02)
    number_axis(ax)
    ax.set_xlabel(f"{label}; each range wider than the one before" if table["log"].iloc[0] else label)
    ax.set_ylabel("customers")
    return put_title(ax, title or f"Customers by {label}")


def measure_label(column: str, currency: str = "") -> str:
    """Return what an axis calls a column of the customers' table, with its unit.

    Examples
    --------
    >>> measure_label("recency_days"), measure_label("spend", "USD")
    ('days since the last order', 'spend per customer (USD)')
    """
    return with_unit(LABELS.get(column, column.replace("_", " ")), currency if "spend" in column else "")


def _units(edges: np.ndarray) -> np.ndarray:
    """Say which ranges hold one whole number each."""
    return np.asarray(np.isclose(np.diff(edges), 1) & np.isclose(edges[:-1] % 1, 0.5))


def _bar_each(edges: np.ndarray) -> bool:
    """Say whether every range, except perhaps the last, holds one whole number."""
    units = _units(edges)
    return bool(units.all() or (len(units) > 1 and units[:-1].all()))


def _ticks(edges: np.ndarray) -> tuple[list[float], list[str]]:
    """Return positions and texts: whole numbers in the middle of their bar, limits of ranges between bars."""
    bars, units = len(edges) - 1, _units(edges)
    if _bar_each(edges):
        step = int(np.ceil(bars / 14))
        at = [i for i in range(0, bars, step) if units[i] and (units[-1] or bars - 1 - i >= step)]
        texts = [f"{edges[i] + 0.5:,.0f}" for i in at]
        more = [] if units[-1] else [bars - 1]
        return [i + 0.5 for i in (*at, *more)], texts + [f"{edges[i] + 0.5:,.0f}+" for i in more]
    even = np.allclose(np.diff(edges), edges[1] - edges[0])
    picked = _even_ticks(edges) if even else _growing_ticks(edges)
    return [float(i) for i in picked], [short(float(f"{edges[i]:.6g}")) for i in picked]


def _even_ticks(edges: np.ndarray) -> list[int]:
    """Return the limits that are multiples of as many ranges as leave room for their texts."""
    numbers = np.round(edges / (edges[1] - edges[0]), 6)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if len(edges) / s <= MOST_TICKS + 1)
    return [int(i) for i in np.flatnonzero(numbers % step == 0)]


def _growing_ticks(edges: np.ndarray) -> list[int]:
    """Return the limits that begin with 1, 2 or 5, or fewer of them; the ends are no round numbers."""
    inner = range(1, len(edges) - 1)
    for digits in ("125", "15", "1"):
        picked = [i for i in inner if f"{edges[i]:e}".split("e")[0].rstrip("0.") in digits]
        if len(picked) <= MOST_TICKS:
            break
    first = [0] if edges[0] == 0 and (not picked or picked[0] > 1) else []
    return first + (picked or [0, len(edges) - 1])


def _places(limits: Sequence[float], edges: np.ndarray, *, shift: float) -> list[float]:
    return [float(np.interp(limit + shift, edges, np.arange(len(edges)))) for limit in limits]


def _draw_limits(ax: Axes, limits: Sequence[float], *, places: Sequence[float], top: float) -> None:
    """Draw each limit; its number is written in the lowest of three rows where it overlaps no other."""
    letter = 0.0145 * (ax.get_xlim()[1] - ax.get_xlim()[0])
    ends = [-np.inf, -np.inf, -np.inf]
    for limit, place in zip(limits, places, strict=True):
        text = f"{limit:,.0f}" if abs(limit) >= 1000 else f"{limit:,.2f}".rstrip("0").rstrip(".")
        half = letter * (len(text) + 1) / 2
        row = next((r for r, end in enumerate(ends) if place - half > end), 2)
        ends[row] = place + half
        height = top * (1.0 + 0.085 * row)
        ax.plot([place, place], [0, height], color=ORANGE, linewidth=1.6)
        note(ax, text, (place, height), offset=(0, 2), ha="center", va="bottom", color=ORANGE)


def plot_concentration(
    curve: pd.DataFrame,
    *,
    goal: float = 0.8,
    measure: str = "revenue",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which share of revenue comes from which share of customers, the best first.

    Parameters
    ----------
    curve
        `customer_share, revenue_share`, cumulative from 0, as `concentration` gives.
    goal
        The share of revenue that is marked.
    measure
        What is shared, if not revenue, as in "predicted value".
    """
    ax = new_axes(ax, height=4.6)
    if curve["revenue_share"].isna().any() or len(curve) < 2:
        return nothing_to_draw(ax, f"The {measure} is not above 0, so nobody has a share of it.")
    x, y = curve["customer_share"].to_numpy(), curve["revenue_share"].to_numpy()
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    note(ax, "everybody alike", (0.5, 0.5), offset=(12, -14), color=QUIET)
    ax.plot(x, y, color=BLUE, linewidth=2.5)
    ax.fill_between(x, y, x, color=GRID, alpha=0.5, linewidth=0)
    at = int(np.argmax(y >= goal * (1 - 1e-12)))
    for share, revenue, colour in _marks(x, y, goal=goal, at=at):
        ax.plot([share, share, 0], [0, revenue, revenue], color=colour, linewidth=1, linestyle=":")
        ax.plot([share], [revenue], "o", color=colour, markersize=8, clip_on=False)
        text = f"{share:.0%} of customers\nbring {revenue:.0%} of {measure}"
        box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}
        note(ax, text, (share, revenue), offset=(12, -10), va="top", bbox=box)
    share_axes(ax.xaxis, ax.yaxis)
    ax.set_xlim(0, 1)
    ax.set_ylim(min(0.0, float(y.min())), max(1.0, float(y.max())) * 1.03)
    ax.grid(visible=True)
    ranked = "spend" if measure == "revenue" else measure
    ax.set_xlabel(f"share of customers, highest {ranked} first")
    ax.set_ylabel(f"share of {measure}")
    return put_title(ax, title or f"{goal:.0%} of {measure} comes from {x[at]:.0%} of customers")


def _marks(x: np.ndarray, y: np.ndarray, *, goal: float, at: int) -> list[tuple[float, float, str]]:
    """Return the fifth of customers, and the customers who bring the goal unless both would overlap."""
    fifth = float(np.interp(0.2, x, y))
    marks = [(0.2, fifth, ORANGE)]
    if abs(fifth - goal) > 0.12 and abs(float(x[at]) - 0.2) > 0.05:
        marks.append((float(x[at]), float(y[at]), BLUE))
    return marks
