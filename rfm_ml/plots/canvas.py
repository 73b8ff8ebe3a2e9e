"""Axes to draw on, and the parts that figures share: titles, bars with their numbers, names that fit."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rfm_ml.core.text import short
from rfm_ml.plots.style import PALE, QUIET, WIDTH

TITLE_LETTERS = 64
"""Letters of a title that fit across a figure."""

NAME_LETTERS = 32
"""Letters of a name beside a bar, beyond which it is broken into lines."""


def new_axes(ax: Axes | None, *, height: float = 4.0) -> Axes:
    """Return `ax`, or the axes of a new figure of the report's width and so many inches of height."""
    if ax is not None:
        return ax
    _, made = plt.subplots(figsize=(WIDTH, height))
    return made


def row_height(rows: int) -> float:
    """Return the height in inches of a figure with so many rows of bars."""
    return 1.5 + 0.42 * max(rows, 1)


def put_title(ax: Axes, text: str) -> None:
    """Write the title from the left edge of the figure, or above the axes where there are others beside it."""
    text = text[:1].upper() + text[1:]
    figure = ax.get_figure(root=True)
    if figure is not None and len(figure.axes) == 1:
        figure.suptitle(fill(text, TITLE_LETTERS), x=0.012, ha="left")
    else:
        ax.set_title(fill(text, TITLE_LETTERS // 2))


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
        ax.annotate(
            text,
            (max(end, 0.0), row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=11,
        )
    ax.set_xlim(low, low + room / (1 - _label_share(ax, texts)))
    ax.set_xticks([])
    if low < 0:
        ax.axvline(0, color=QUIET, linewidth=0.8)


def _label_share(ax: Axes, texts: Sequence[str]) -> float:
    """Return the share of the axes' width that the longest label needs, at a tenth of an inch a letter."""
    figure, place = ax.get_figure(root=True), ax.get_subplotspec()
    columns = 1 if place is None else place.get_gridspec().ncols
    width = (WIDTH if figure is None else figure.get_figwidth()) / columns
    lines = [line for tick in ax.get_yticklabels() for line in tick.get_text().split("\n")]
    names = 0.1 * max([len(line) for line in lines], default=0)
    needed = 0.2 + 0.09 * max([len(t) for t in texts], default=0)
    return min(0.65, needed / max(width - names - 0.2, 1.0))


def number_axis(ax: Axes, *, which: str = "y") -> None:
    """Write the numbers of an axis with thousands separators, and draw a light grid across it."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(visible=True, axis="y" if which == "y" else "x")


def nothing_to_draw(ax: Axes, why: str) -> Axes:
    """Say in place of a figure why there is none."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, fill(why, 48), ha="center", va="center", transform=ax.transAxes, color=QUIET)
    return ax


def quiet_bars(ax: Axes, *, rows: Sequence[float], ends: Sequence[float], height: float) -> None:
    """Draw the bars that others are compared with."""
    ax.barh(rows, ends, height=height, color=PALE)
