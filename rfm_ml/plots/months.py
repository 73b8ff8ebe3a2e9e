"""Sums per month: orders, revenue, new customers."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import with_unit
from rfm_ml.plots.canvas import new_axes, nothing_to_draw, number_axis, put_title
from rfm_ml.plots.style import BLUE, PALE, QUIET

MOST_TICKS = 9


def plot_months(
    months: pd.DataFrame,
    *,
    value: str = "orders",
    unit: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar per month; a month cut short by the as-of day is pale and says so.

    Parameters
    ----------
    months
        `month`, `complete` and `value`, as `transactions.calendar.by_month` gives.
    value
        The column to draw.
    unit
        Unit of the column, as in the currency.
    title
        None states the highest month.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=3.5)
    if months.empty:
        return nothing_to_draw(ax, "There are no months.")
    heights = months[value].to_numpy(dtype=float)
    colours = [BLUE if c else PALE for c in months["complete"]]
    ax.bar(range(len(months)), heights, width=0.82, color=colours)
    if not months["complete"].iloc[-1]:
        ax.annotate(
            "month not over",
            (len(months) - 1, max(heights[-1], 0)),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right" if len(months) > 2 else "center",
            fontsize=11,
            color=QUIET,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85},
        )
    month_ticks(ax, months["month"].tolist())
    ax.set_xlim(min(-0.6, len(months) / 2 - 3.5), max(len(months) - 0.4, len(months) / 2 + 2.5))
    number_axis(ax)
    words = value.replace("_", " ")
    ax.set_ylabel(with_unit(words, unit))
    best = months["month"].iloc[int(heights.argmax())]
    put_title(ax, title or f"{words.capitalize()} per month: highest in {best:%B %Y}")
    return ax


def month_ticks(ax: Axes, months: Sequence[pd.Timestamp], *, days: bool = False) -> None:
    """Name the positions 0, 1, ... of an axis by their months, the year where it begins; not all if there are many.

    With `days` the day of the month comes first, as where there are several of one month.
    """
    step = max(1, -(-len(months) // MOST_TICKS))
    at = list(range(0, len(months), step))
    new = [n == 0 or months[i].year != months[at[n - 1]].year for n, i in enumerate(at)]
    names = [f"{months[i].day} {months[i]:%b}" if days else f"{months[i]:%b}" for i in at]
    ax.set_xticks(at, [f"{n}\n{months[i]:%Y}" if y else n for n, i, y in zip(names, at, new, strict=True)])
