"""Movement between segments: the flow from one day to another, the matrix, and who won and lost."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from rfm_ml.core.text import short
from rfm_ml.plots.canvas import bare_cells, named_rows, new_axes, nothing_to_draw, put_title
from rfm_ml.plots.style import BLUE, INK, ORANGE, PALE, QUIET, SHADES, segment_colour
from rfm_ml.segments.movement import move_in_words

MOST_SEGMENTS: Final = 14
"""Segments that a figure tells apart; the smallest beyond are drawn together."""

OTHERS: Final = "all others"

_OUTSIDE: Final = ("new", "gone")
_GAP: Final = 0.012  # between two blocks, of the whole height
_LABEL: Final = 0.034  # height of a label, of the whole height
_BLOCK: Final = 0.035  # width of a block


def plot_flow(
    matrix: pd.DataFrame, *, order: Sequence[str] = (), title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw where customers went: segments on the first day to the left, on the second to the right.

    Parameters
    ----------
    matrix
        `from_segment, to_segment, customers`, as `movement_matrix` gives.
    order
        The segments, best first; those that are not in it follow in the order of the matrix.
    """
    ax = new_axes(ax, height=6.2)
    if matrix.empty:
        return nothing_to_draw(ax, "There are no customers.")
    flow, orders = _ordered(matrix, order)
    total = float(flow["customers"].sum())
    places = {side: _blocks(flow, f"{side}_segment", names=names, total=total) for side, names in orders.items()}
    _draw_bands(ax, flow, places, total=total)
    for side, left in (("from", 0.0), ("to", 1.0 - _BLOCK)):
        _draw_blocks(ax, places[side], left=left, right_aligned=side == "from")
    ax.set_xlim(-0.42, 1.42)
    ax.set_ylim(1.02, -0.02)
    ax.set_axis_off()
    moved = flow.loc[flow["from_segment"] != flow["to_segment"], "customers"].sum()
    return put_title(ax, title or f"{moved:,} of {int(total):,} customers moved, came or went")


def _grouped(matrix: pd.DataFrame) -> pd.DataFrame:
    """Join the smallest segments where there are too many to be told apart."""
    before, after = (matrix.groupby(f"{side}_segment")["customers"].sum() for side in ("from", "to"))
    sizes = before.add(after, fill_value=0)
    sizes = sizes.drop(list(_OUTSIDE), errors="ignore").sort_values(ascending=False, kind="stable")
    small = set(sizes.index[MOST_SEGMENTS - 1 :]) if len(sizes) > MOST_SEGMENTS else set()
    names = {c: matrix[c].where(~matrix[c].isin(small), OTHERS) for c in ("from_segment", "to_segment")}
    named = matrix.assign(**names)
    sums = named.groupby(["from_segment", "to_segment"], sort=False)["customers"].sum()
    return sums.reset_index()


def _ordered(matrix: pd.DataFrame, order: Sequence[str]) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return the grouped flow and the names of both sides: best first, the joined ones and those outside last."""
    flow = _grouped(matrix)
    names = dict.fromkeys([*order, *matrix["from_segment"], *matrix["to_segment"]])
    rank = {name: i for i, name in enumerate(n for n in names if n not in _OUTSIDE)}
    rank |= {OTHERS: len(rank), "new": len(rank) + 1, "gone": len(rank) + 2}
    return flow, {side: sorted(flow[f"{side}_segment"].unique(), key=rank.__getitem__) for side in ("from", "to")}


def _blocks(flow: pd.DataFrame, column: str, *, names: list[str], total: float) -> dict[str, tuple[float, float, int]]:
    """Return top, height and customers of each block of one side, from 0 at the top to 1."""
    counts = flow.groupby(column)["customers"].sum()
    room = 1 - _GAP * (len(names) - 1)
    places, top = {}, 0.0
    for name in names:
        height = room * counts[name] / total
        places[name] = (top, height, int(counts[name]))
        top += height + _GAP
    return places


def _draw_bands(ax: Axes, flow: pd.DataFrame, places: dict[str, Any], *, total: float) -> None:
    used = {side: dict.fromkeys(places[side], 0.0) for side in places}
    rank = {side: {name: i for i, name in enumerate(places[side])} for side in places}
    rows = flow.assign(a=flow["from_segment"].map(rank["from"]), b=flow["to_segment"].map(rank["to"]))
    for row in rows.sort_values(["a", "b"]).to_dict("records"):
        edges = []
        for side in ("from", "to"):
            name = row[f"{side}_segment"]
            top, height, customers = places[side][name]
            part = height * row["customers"] / customers
            edges.append((top + used[side][name], part))
            used[side][name] += part
        stays = row["from_segment"] == row["to_segment"]
        ax.add_patch(_band(*edges, colour=flow_colour(row["from_segment"]), alpha=0.25 if stays else 0.6))


def _band(start: tuple[float, float], end: tuple[float, float], *, colour: str, alpha: float) -> PathPatch:
    (y0, h0), (y1, h1) = start, end
    a, b = _BLOCK, 1 - _BLOCK
    upper, lower = (
        [(a, y0), (0.5, y0), (0.5, y1), (b, y1)],
        [(b, y1 + h1), (0.5, y1 + h1), (0.5, y0 + h0), (a, y0 + h0)],
    )
    points = [*upper, *lower, (a, y0)]
    curve, line = Path.CURVE4, Path.LINETO
    codes = [Path.MOVETO, curve, curve, curve, line, curve, curve, curve, line]
    return PathPatch(Path(points, codes), facecolor=colour, edgecolor="none", alpha=alpha)


def _draw_blocks(ax: Axes, places: dict[str, tuple[float, float, int]], *, left: float, right_aligned: bool) -> None:
    names = list(places)
    middles = np.array([top + height / 2 for top, height, _ in places.values()])
    for name, wanted, at in zip(names, middles, _apart(middles), strict=True):
        top, height, customers = places[name]
        ax.add_patch(_box(left, top, height, colour=flow_colour(name)))
        x = left - 0.05 if right_aligned else left + _BLOCK + 0.05
        edge = left - 0.005 if right_aligned else left + _BLOCK + 0.005
        ax.plot([edge, x + (0.012 if right_aligned else -0.012)], [wanted, at], color=PALE, linewidth=0.8)
        ax.text(x, at, f"{name}  {customers:,}", ha="right" if right_aligned else "left", va="center", fontsize=10.5)


def _box(left: float, top: float, height: float, *, colour: str) -> PathPatch:
    right, low = left + _BLOCK, top + height
    return PathPatch(
        Path([(left, top), (right, top), (right, low), (left, low), (left, top)]), facecolor=colour, edgecolor="none"
    )


def _apart(wanted: np.ndarray) -> np.ndarray:
    """Move labels apart that would lie on each other, and keep all of them inside."""
    at = wanted.copy()
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1] + _LABEL)
    limit = 1.0
    for i in range(len(at) - 1, -1, -1):
        at[i] = min(at[i], limit)
        limit = at[i] - _LABEL
    return at


def flow_colour(name: str) -> str:
    """Return the colour of a segment, grey for what is outside and for those drawn together."""
    return {"new": QUIET, "gone": QUIET, OTHERS: PALE}.get(name) or segment_colour(name)


def plot_movement_matrix(
    matrix: pd.DataFrame, *, order: Sequence[str] = (), title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw customers by the segment they were in (rows) and are in (columns); who stayed is framed.

    Parameters
    ----------
    matrix
        `from_segment, to_segment, customers`, as `movement_matrix` gives.
    order
        The segments, best first; those that are not in it follow in the order of the matrix.
    """
    flow, orders = _ordered(matrix, order)
    rows, columns = orders["from"], orders["to"]
    ax = new_axes(ax, height=2.4 + 0.4 * max(len(rows), 2))
    if flow.empty:
        return nothing_to_draw(ax, "There are no customers.")
    grid = flow.pivot(index="from_segment", columns="to_segment", values="customers").reindex(rows)[columns]
    shares = grid.div(grid.sum(axis=1), axis=0).to_numpy(dtype=np.float64)
    ax.pcolormesh(np.nan_to_num(shares), cmap=SHADES, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for (i, j), number in np.ndenumerate(grid.to_numpy(dtype=np.float64)):
        if np.isnan(number):
            continue
        colour = "white" if shares[i, j] > 0.58 else INK
        bold = "bold" if rows[i] == columns[j] else "normal"
        size = 9 if len(columns) <= 11 or number < 1000 else 7
        ax.text(j + 0.5, i + 0.5, short(number), ha="center", va="center", color=colour, fontsize=size, fontweight=bold)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=10.5)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=10.5, rotation=40, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    bare_cells(ax)
    ax.set_ylabel("before")
    moved = flow[flow["from_segment"] != flow["to_segment"]]
    if moved.empty:
        return put_title(ax, title or "nobody moved")
    top = moved.iloc[int(moved["customers"].argmax())]
    words = move_in_words(top["from_segment"], top["to_segment"], customers=int(top["customers"]))
    return put_title(ax, title or f"most common: {words}")


def plot_net(net: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what each segment won and lost, by customers and by a new model.

    `net` has `segment, by_customers, by_refit`, best first, as `net_by_cause` gives.
    """
    used = net[(net["by_customers"] != 0) | (net["by_refit"] != 0)]
    if len(used) > MOST_SEGMENTS:
        size = used[["by_customers", "by_refit"]].abs().sum(axis=1)
        used = used.loc[size.sort_values(ascending=False, kind="stable").index[:MOST_SEGMENTS].sort_values()]
    ax = new_axes(ax, height=1.6 + 0.42 * max(len(used), 2))
    if used.empty:
        return nothing_to_draw(ax, "No segment has more or fewer customers than before.")
    at = np.arange(len(used))
    refit = bool((used["by_refit"] != 0).any())
    height = 0.36 if refit else 0.62
    parts = [("by_customers", BLUE, "customers changed", -0.5 if refit else 0.0)]
    parts += [("by_refit", ORANGE, "the model was fitted anew", 0.5)] if refit else []
    for column, colour, label, shift in parts:
        bars = ax.barh(at + shift * height, used[column], height=height, color=colour, label=label)
        ax.bar_label(bars, [f"{v:+,}" if v else "" for v in used[column]], padding=4, fontsize=10)
    named_rows(ax, list(used["segment"]))
    ax.axvline(0, color=QUIET, linewidth=0.8)
    ax.margins(x=0.15)
    ax.set_xticks([])
    if refit:
        ax.legend(frameon=False, fontsize=10.5, loc="best")
    words = "won and lost by customers, and by the new model" if refit else "customers won and lost by segment"
    return put_title(ax, title or words)
