"""What a model says of every history, as a heat map."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.plots.canvas import new_axes, nothing_to_draw, put_title
from rfm_ml.plots.style import INK, SHADES

TITLES: Final = {
    "p_alive": "Is he still a customer? Probability by orders and silence",
    "expected_orders": "How many orders will follow? By orders so far and silence",
}


def plot_surface(
    surface: pd.DataFrame, *, value: str = "p_alive", title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one cell per number of repeat orders and length of silence.

    Parameters
    ----------
    surface
        `repeat_orders, recency_days` and the value, as `models.tracking.prediction_surface` gives.
    value
        "p_alive" or "expected_orders".
    title
        None asks what the figure answers.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=1.6 + 0.42 * max(surface["repeat_orders"].nunique(), 2))
    if surface.empty:
        return nothing_to_draw(ax, "There is no model to draw.")
    grid = surface.pivot(index="repeat_orders", columns="recency_days", values=value).sort_index(ascending=False)
    cells = grid.to_numpy(dtype=np.float64)
    top = 1.0 if value == "p_alive" else max(float(np.nanmax(cells)), 1e-9)
    ax.pcolormesh(cells, cmap=SHADES, vmin=0, vmax=top, edgecolors="white", linewidth=2)
    for (row, column), number in np.ndenumerate(cells):
        text = _share(number) if value == "p_alive" else f"{number:.1f}" if number >= 0.05 else f"{number:.2f}"
        colour = "white" if number > 0.52 * top else INK
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=11)
    ax.set_yticks(np.arange(len(grid)) + 0.5, [f"{n:,}" for n in grid.index])
    ax.set_xticks(np.arange(grid.shape[1]) + 0.5, [f"{d:,}" for d in grid.columns])
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_ylabel("repeat orders so far")
    ax.set_xlabel("days since the last order")
    put_title(ax, title or TITLES[value])
    return ax


def _share(number: float) -> str:
    return "<1%" if 0 < number < 0.005 else f"{number:.0%}"
