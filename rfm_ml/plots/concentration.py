"""The 80/20 curve."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from rfm_ml.plots.canvas import new_axes, nothing_to_draw, put_title
from rfm_ml.plots.style import BLUE, GRID, ORANGE, QUIET


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
    title
        None states how many customers bring the goal.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=4.6)
    if curve["revenue_share"].isna().any() or len(curve) < 2:
        return nothing_to_draw(ax, f"The {measure} is not above 0, so nobody has a share of it.")
    x, y = curve["customer_share"].to_numpy(), curve["revenue_share"].to_numpy()
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    ax.annotate("everybody alike", (0.5, 0.5), xytext=(12, -14), textcoords="offset points", color=QUIET, fontsize=11)
    ax.plot(x, y, color=BLUE, linewidth=2.5)
    ax.fill_between(x, y, x, color=GRID, alpha=0.5, linewidth=0)
    at = int(np.argmax(y >= goal * (1 - 1e-12)))
    for share, revenue, colour in _marks(x, y, goal=goal, at=at):
        ax.plot([share, share, 0], [0, revenue, revenue], color=colour, linewidth=1, linestyle=":")
        ax.plot([share], [revenue], "o", color=colour, markersize=8, clip_on=False)
        text = f"{share:.0%} of customers\nbring {revenue:.0%} of {measure}"
        box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}
        ax.annotate(
            text, (share, revenue), xytext=(12, -10), textcoords="offset points", va="top", fontsize=11, bbox=box
        )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlim(0, 1)
    ax.set_ylim(min(0.0, float(y.min())), max(1.0, float(y.max())) * 1.03)
    ax.grid(visible=True)
    ranked = "spend" if measure == "revenue" else measure
    ax.set_xlabel(f"share of customers, highest {ranked} first")
    ax.set_ylabel(f"share of {measure}")
    put_title(ax, title or f"{goal:.0%} of {measure} comes from {x[at]:.0%} of customers")
    return ax


def _marks(x: np.ndarray, y: np.ndarray, *, goal: float, at: int) -> list[tuple[float, float, str]]:
    """Return the fifth of customers, and the customers who bring the goal unless both would overlap."""
    fifth = float(np.interp(0.2, x, y))
    marks = [(0.2, fifth, ORANGE)]
    if abs(fifth - goal) > 0.12 and abs(float(x[at]) - 0.2) > 0.05:
        marks.append((float(x[at]), float(y[at]), BLUE))
    return marks
