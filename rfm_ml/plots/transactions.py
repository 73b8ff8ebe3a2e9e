"""The source and its months: from every row to those that count, and sums per month."""

import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import amount, percent, with_unit
from rfm_ml.plots.canvas import (
    column_limits,
    label_bars,
    month_ticks,
    named_rows,
    new_axes,
    note,
    nothing_to_draw,
    number_axis,
    put_title,
    row_height,
)
from rfm_ml.plots.style import BLUE, ORANGE, PALE, QUIET


def plot_waterfall(
    waterfall: pd.DataFrame,
    *,
    measure: str = "rows",
    currency: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each step takes from the source until what counts is left.

    Parameters
    ----------
    waterfall
        `step` and `measure`, from `gross` to `net`, as `transactions.waterfall` gives.
    measure
        "rows", "orders", "customers" or "amount".
    """
    steps, values = waterfall["step"].tolist(), [float(v) for v in waterfall[measure]]
    ax = new_axes(ax, height=row_height(len(steps)))
    last, left = len(steps) - 1, 0.0
    ends = []
    for row, value in enumerate(values):
        if row in (0, last):
            ax.barh(row, value, height=0.66, color=PALE if row == 0 else BLUE)
            ends.append(value)
            left = value
            continue
        ax.barh(row, value, left=left, height=0.66, color=ORANGE)
        ax.plot([left, left], [row - 0.67, row + 0.33], color=QUIET, linewidth=0.8)
        ends.append(max(left, left + value))
        left += value
    named_rows(ax, [_told(s) for s in steps])
    unit = currency if measure == "amount" else ""
    texts = [_text(v, measure, first=r in (0, last)) for r, v in enumerate(values)]
    label_bars(ax, ends=ends, texts=texts, rows=range(len(steps)))
    ax.set_xlabel(with_unit(measure, unit))
    share = values[-1] / values[0] if values[0] else float("nan")
    return put_title(
        ax, title or f"{percent(share)} of {'the amount counts' if measure == 'amount' else f'{measure} count'}"
    )


def _told(step: str) -> str:
    return {"gross": "Everything in the source", "net": "What counts"}.get(step, step[:1].upper() + step[1:])


def _text(value: float, measure: str, *, first: bool) -> str:
    text = amount(abs(value)) if measure == "amount" else f"{abs(value):,.0f}"
    if first or value == 0:
        return f"\N{MINUS SIGN}{text}" if value < 0 else text
    return f"{'+' if value > 0 else chr(0x2212)}{text}"


MOST_TICKS = 9


def plot_months(
    months: pd.DataFrame, *, value: str = "orders", unit: str = "", title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one bar per month; a month cut short by the as-of day is pale and says so.

    Parameters
    ----------
    months
        `month`, `complete` and `value`, as `transactions.calendar.by_month` gives.
    value
        The column to draw.
    """
    ax = new_axes(ax, height=3.5)
    if months.empty:
        return nothing_to_draw(ax, "There are no months.")
    heights = months[value].to_numpy(dtype=float)
    colours = [BLUE if c else PALE for c in months["complete"]]
    ax.bar(range(len(months)), heights, width=0.82, color=colours)
    if not months["complete"].iloc[-1]:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
        place, side = (len(months) - 1, max(heights[-1], 0)), "right" if len(months) > 2 else "center"
        note(ax, "month not over", place, offset=(0, 3), ha=side, color=QUIET, bbox=box)
    month_ticks(ax, months["month"].tolist())
    column_limits(ax, len(months))
    number_axis(ax)
    words = value.replace("_", " ")
    ax.set_ylabel(with_unit(words, unit))
    best = months["month"].iloc[int(heights.argmax())]
    return put_title(ax, title or f"{words.capitalize()} per month: highest in {best:%B %Y}")
