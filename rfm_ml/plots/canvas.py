"""Axes to draw on, and the parts that figures share: titles, bars with their numbers, names that fit."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from rfm_ml.core.text import short
from rfm_ml.plots.style import BLUE, INK, PALE, QUIET, SHADES, WIDTH

Values = Sequence[float] | np.ndarray

TITLE_LETTERS = 64
"""Letters of a title that fit across a figure."""

NAME_LETTERS = 32
"""Letters of a name beside a bar, beyond which it is broken into lines."""

MOST_MONTHS = 9
"""Months that an axis names."""


def new_axes(ax: Axes | None, *, height: float = 4.0) -> Axes:
    """Return `ax`, or the axes of a new figure of the report's width and so many inches of height."""
    if ax is not None:
        return ax
    _, made = plt.subplots(figsize=(WIDTH, height))
    return made


def row_height(rows: int) -> float:
    """Return the height in inches of a figure with so many rows of bars."""
    return 1.5 + 0.42 * max(rows, 1)


def put_title(ax: Axes, text: str) -> Axes:
    """Write the title from the left edge of the figure, or above the axes where there are others beside it."""
    text = text[:1].upper() + text[1:]
    figure = ax.get_figure(root=True)
    if figure is not None and len(figure.axes) == 1:
        figure.suptitle(fill(text, TITLE_LETTERS), x=0.012, ha="left")
    else:
        ax.set_title(fill(text, TITLE_LETTERS // 2))
    return ax


def named_rows(ax: Axes, names: Sequence[str]) -> None:
    """Give row 0, 1, ... of horizontal bars their names, row 0 on top."""
    long = any(len(n) > NAME_LETTERS for n in names)
    ax.set_yticks(range(len(names)), [_broken(n) if long else n for n in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_visible(False)


def _broken(name: str) -> str:
    """Break a name into lines: before what stands in brackets, so that all names of a chart look alike."""
    return "\n".join(fill(part, NAME_LETTERS) for part in name.replace(" (", "\n(").split("\n"))


def label_bars(ax: Axes, *, ends: Sequence[float], texts: Sequence[str], rows: Sequence[float]) -> None:
    """Write a text beside the end of each horizontal bar, and make room for the longest."""
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = (high - low) or 1.0
    for end, text, row in zip(ends, texts, rows, strict=True):
        note(ax, text, (max(end, 0.0), row), offset=(5, 0), va="center")
    ax.set_xlim(low, low + room / (1 - _label_share(ax, texts)))
    ax.set_xticks([])
    if low < 0:
        ax.axvline(0, color=QUIET, linewidth=0.8)


def note(ax: Axes, text: str, at: tuple[float, float], *, offset: tuple[float, float], **how: Any) -> None:
    """Write a text beside a place of the axes, so many points to the right of it and above."""
    ax.annotate(text, at, xytext=offset, textcoords="offset points", fontsize=11, **how)


def _label_share(ax: Axes, texts: Sequence[str]) -> float:
    """Return the share of the axes' width that the longest label needs, at a tenth of an inch a letter."""
    figure, place = ax.get_figure(root=True), ax.get_subplotspec()
    columns = 1 if place is None else place.get_gridspec().ncols
    width = (WIDTH if figure is None else figure.get_figwidth()) / columns
    lines = [line for tick in ax.get_yticklabels() for line in tick.get_text().split("\n")]
    names = 0.1 * max([len(line) for line in lines], default=0)
    needed = 0.2 + 0.09 * max([len(t) for t in texts], default=0)
    return min(0.65, needed / max(width - names - 0.2, 1.0))


def number_axis(ax: Axes, *, which: Literal["x", "y"] = "y", whole: bool = True) -> None:
    """Write the numbers of an axis with thousands separators, and draw a light grid across it."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_locator(MaxNLocator(nbins=6, integer=whole))
    short_numbers(axis)
    ax.grid(visible=True, axis=which)


def means_axis(ax: Axes) -> None:
    """Write the numbers of the vertical axis, which may be fractions, over a light grid."""
    number_axis(ax)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))


def short_numbers(*axes: Axis) -> None:
    """Write the numbers of some axes with thousands separators."""
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def share_axes(*axes: Axis) -> None:
    """Write shares from 0 to 1 as per cent."""
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def column_limits(ax: Axes, number: int) -> None:
    """Leave room beside few columns, so that they are no wider than those of many."""
    ax.set_xlim(min(-0.6, number / 2 - 3.5), max(number - 0.4, number / 2 + 2.5))


def month_ticks(ax: Axes, months: Sequence[pd.Timestamp], *, days: bool = False) -> None:
    """Name the positions 0, 1, ... of an axis by their months, the year where it begins; not all if there are many.

    With `days` the day of the month comes first, as where there are several of one month.
    """
    step = max(1, -(-len(months) // MOST_MONTHS))
    at = list(range(0, len(months), step))
    new = [n == 0 or months[i].year != months[at[n - 1]].year for n, i in enumerate(at)]
    names = [f"{months[i].day} {months[i]:%b}" if days else f"{months[i]:%b}" for i in at]
    ax.set_xticks(at, [f"{n}\n{months[i]:%Y}" if y else n for n, i, y in zip(names, at, new, strict=True)])


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


def named_bars(
    ax: Axes, names: Sequence[str], ends: Sequence[float], *, texts: Sequence[str], colour: Any, height: float = 0.72
) -> None:
    """Draw one horizontal bar per name, row 0 on top, with a text beside its end."""
    ax.barh(range(len(ends)), ends, height=height, color=colour)
    named_rows(ax, names)
    label_bars(ax, ends=ends, texts=texts, rows=range(len(ends)))


def paired_bars(
    ax: Axes,
    names: Sequence[str],
    pairs: tuple[Values, Values],
    *,
    texts: Sequence[str],
    colours: tuple[Any, Any] = (PALE, BLUE),
    height: float = 0.36,
) -> None:
    """Draw two horizontal bars per name, one below the other; first the texts of the upper ones."""
    at = np.arange(len(names))
    for ends, shift, colour in zip(pairs, (-0.2, 0.2), colours, strict=True):
        ax.barh(at + shift, ends, height=height, color=colour)
    named_rows(ax, names)
    label_bars(ax, ends=[*pairs[0], *pairs[1]], texts=texts, rows=[*(at - 0.2), *(at + 0.2)])


def heat_map(
    ax: Axes,
    shades: np.ndarray,
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    top: float = 1.0,
    dark: float = 0.52,
    fontsize: float | None = None,
) -> None:
    """Draw cells from pale (0) to dark (`top`) with a text in each, white beyond the share `dark` of the top."""
    ax.pcolormesh(shades, cmap=SHADES, vmin=0, vmax=top, edgecolors="white", linewidth=2)
    for (row, column), shade in np.ndenumerate(shades):
        if text := texts[row][column]:
            colour = "white" if shade > dark * top else INK
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=fontsize)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    bare_cells(ax)


def bare_cells(ax: Axes) -> None:
    """Put the first row of cells on top, and take away ticks and frame."""
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def nothing_to_draw(ax: Axes, why: str) -> Axes:
    """Say in place of a figure why there is none."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, fill(why, 48), ha="center", va="center", transform=ax.transAxes, color=QUIET)
    return ax
