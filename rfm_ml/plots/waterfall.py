"""The waterfall: from every row of the source to those that count."""

import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import amount, percent, with_unit
from rfm_ml.plots.canvas import label_bars, named_rows, new_axes, put_title, row_height
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
    currency
        Unit of the amount.
    title
        None states which share is left.
    ax
        To draw on; None makes a new figure.
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
    label_bars(
        ax,
        ends=ends,
        texts=[_text(v, measure, first=r in (0, last)) for r, v in enumerate(values)],
        rows=range(len(steps)),
    )
    ax.set_xlabel(with_unit(measure, unit))
    share = values[-1] / values[0] if values[0] else float("nan")
    put_title(ax, title or f"{percent(share)} of {'the amount counts' if measure == 'amount' else f'{measure} count'}")
    return ax


def _told(step: str) -> str:
    return {"gross": "Everything in the source", "net": "What counts"}.get(step, step[:1].upper() + step[1:])


def _text(value: float, measure: str, *, first: bool) -> str:
    text = amount(abs(value)) if measure == "amount" else f"{abs(value):,.0f}"
    if first or value == 0:
        return f"\N{MINUS SIGN}{text}" if value < 0 else text
    return f"{'+' if value > 0 else chr(0x2212)}{text}"
