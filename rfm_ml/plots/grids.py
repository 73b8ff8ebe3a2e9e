"""Heat maps of two measures: the pair panels and the grid of scores."""

from textwrap import fill
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import percent, short
from rfm_ml.plots.canvas import new_axes, nothing_to_draw, put_title
from rfm_ml.plots.style import INK, SHADES

VALUES: Final = {
    "customer_share": "share of customers",
    "revenue_share": "share of revenue",
    "orders_share": "share of orders",
    "customers": "customers",
    "revenue": "revenue",
    "mean_spend": "mean spend per customer",
}
"""What a grid can show, and how it is called."""

MEASURES: Final = {"R": "recency", "F": "frequency", "M": "spend"}


def plot_pair_panel(
    pair: pd.DataFrame,
    *,
    rows: str = "R",
    columns: str = "F",
    value: str = "customer_share",
    currency: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one cell per pair of levels, the best of both at the top right.

    Parameters
    ----------
    pair
        `row_score, row_level, column_score, column_level, customers, revenue` and shares, as `pair_panel` gives.
    rows, columns
        The measures' letters.
    value
        One of `VALUES`; `mean_spend` is revenue by customers.
    currency
        Unit of revenue and mean spend.
    title
        None states the highest cell.
    ax
        To draw on; None makes a new figure.
    """
    table = pair.assign(mean_spend=pair["revenue"] / pair["customers"].where(pair["customers"] > 0))
    grid = table.pivot(index="row_score", columns="column_score", values=value).sort_index(ascending=False)
    ax = new_axes(ax, height=1.7 + 0.62 * max(len(grid), 2))
    if grid.empty or grid.isna().to_numpy().all():
        return nothing_to_draw(ax, "There is nothing to share out: the total is not above 0.")
    people = table.pivot(index="row_score", columns="column_score", values="customers").loc[grid.index]
    # A cell without anybody is left blank: it has no share worth reading.
    values = grid.where(people > 0).to_numpy(dtype=np.float64)
    top = float(np.nanmax(values))
    shades = np.nan_to_num(values, nan=0.0).clip(min=0)
    ax.pcolormesh(shades, cmap=SHADES, vmin=0, vmax=top if top > 0 else 1, edgecolors="white", linewidth=2)
    _write_cells(ax, values, value=value, top=top)
    names = [dict(zip(table[f"{a}_score"], table[f"{a}_level"], strict=True)) for a in ("row", "column")]
    room = max(8, 56 // max(values.shape[1], 1))
    ax.set_yticks(np.arange(len(grid)) + 0.5, [fill(str(names[0][s]), 22) for s in grid.index])
    ax.set_xticks(np.arange(grid.shape[1]) + 0.5, [fill(str(names[1][s]), room) for s in grid.columns])
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    names_of = [MEASURES[rows], MEASURES[columns]]
    ax.set_ylabel(names_of[0])
    ax.set_xlabel(names_of[1])
    put_title(ax, title or _highest(table, value=value, rows=names_of[0], columns=names_of[1], currency=currency))
    return ax


def _write_cells(ax: Axes, values: np.ndarray, *, value: str, top: float) -> None:
    size = 12 if values.shape[1] <= 7 else 9
    for (row, column), number in np.ndenumerate(values):
        if np.isnan(number):
            continue
        text = _written(number, value)
        colour = "white" if top > 0 and number > 0.58 * top else INK
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=size)


def _highest(table: pd.DataFrame, *, value: str, rows: str, columns: str, currency: str) -> str:
    best = table.iloc[int(table[value].fillna(-np.inf).to_numpy().argmax())]
    unit = f" {currency}".rstrip() if value in ("revenue", "mean_spend") else ""
    where = f"{rows} {best['row_level']}, {columns} {best['column_level']}"
    return f"{VALUES[value]}: highest at {where} ({_written(best[value], value)}{unit})"


def _written(number: float, value: str) -> str:
    if value.endswith("share"):
        return percent(number)
    money = value in ("revenue", "mean_spend") and abs(number) < 100
    return f"{number:,.2f}" if money else short(round(number))
