"""One customer over time: the segments he was in."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import count
from rfm_ml.plots.canvas import named_rows, new_axes, nothing_to_draw, put_title, row_height
from rfm_ml.plots.months import month_ticks
from rfm_ml.plots.style import PALE, segment_colour


def plot_segment_history(
    history: pd.DataFrame | None,
    *,
    order: Sequence[str] = (),
    why_not: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the segment of one customer on each day that is known, the best segment on top.

    Parameters
    ----------
    history
        `as_of, segment`, one row per day, or per channel and day; None draws `why_not` instead.
    order
        The segments from best to worst; those he was never in are left out.
    why_not
        Said where there is no history.
    title
        None states how many segments he was in.
    ax
        To draw on; None makes a new figure.
    """
    seen = [] if history is None else list(dict.fromkeys(history["segment"]))
    ax = new_axes(ax, height=row_height(len(seen)) + 0.4)
    if history is None or not seen:
        return nothing_to_draw(ax, why_not or "There is no history.")
    names = [s for s in order if s in seen] + sorted(s for s in seen if s not in order)
    days = sorted(history["as_of"].unique())
    at = {day: n for n, day in enumerate(days)}
    rows = {name: n for n, name in enumerate(names)}
    x, y = [at[d] for d in history["as_of"]], [rows[s] for s in history["segment"]]
    if not history["as_of"].duplicated().any():
        ax.plot(x, y, color=PALE, linewidth=2, drawstyle="steps-mid", zorder=1)
    ax.scatter(x, y, c=[segment_colour(s) for s in history["segment"]], marker="s", s=90, zorder=2)
    named_rows(ax, names)
    seen_on = [pd.Timestamp(d) for d in days]
    monthly = len({(d.year, d.month) for d in seen_on}) == len(days)
    month_ticks(ax, seen_on, days=not monthly)
    ax.set_xlim(-0.8, max(len(days) - 0.2, 6))
    span = f"in {count(len(days), 'month')}" if monthly else f"on {count(len(days), 'day')}"
    put_title(ax, title or f"{count(len(names), 'segment')} {span}")
    return ax
