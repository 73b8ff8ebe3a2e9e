"""Predictions: beside what happened, over time and group by group, and what a model says of every history."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from rfm_ml.core.text import short
from rfm_ml.plots.canvas import (
    column_limits,
    heat_map,
    legend_above,
    means_axis,
    new_axes,
    note,
    nothing_to_draw,
    number_axis,
    put_title,
)
from rfm_ml.plots.style import BLUE, ORANGE, PALE, QUIET

NOTHING = "There is no holdout to judge predictions by."


def plot_calibration(table: pd.DataFrame, *, label: str, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the mean of actual orders per group as a bar with its error, and of expected orders as a dot.

    Parameters
    ----------
    table
        `group, customers, actual_mean, expected_mean, actual_error`, as `models.calibration` gives.
    label
        What the groups are, for the axis; the number of customers stands below each.
    """
    ax = new_axes(ax, height=4.2)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    at = np.arange(len(table))
    actual, expected = table["actual_mean"].to_numpy(), table["expected_mean"].to_numpy()
    error = 2 * table["actual_error"].fillna(0).to_numpy()
    below = np.minimum(error, actual)  # nobody orders less than nothing
    ax.bar(at, actual, width=0.72, color=PALE, label="what customers did (line: twice the standard error)")
    ax.errorbar(at, actual, yerr=[below, error], fmt="none", ecolor=QUIET, elinewidth=1.5)
    ax.plot(at, expected, "o", color=BLUE, markersize=9, label="expected")
    ax.set_xticks(at, [f"{g}\n({short(round(n))})" for g, n in zip(table["group"], table["customers"], strict=True)])
    ax.tick_params(axis="x", length=0)
    column_limits(ax, len(table))
    ax.set_ylim(0)
    means_axis(ax)
    ax.set_xlabel(f"{label} (customers)")
    ax.set_ylabel("orders per customer")
    legend_above(ax)
    return put_title(ax, title or _sums(table))


def _sums(table: pd.DataFrame) -> str:
    actual = float((table["actual_mean"] * table["customers"]).sum())
    expected = float((table["expected_mean"] * table["customers"]).sum())
    off = f" ({expected / actual - 1:+.1%})" if actual > 0 else ""
    return f"Repeat orders: {expected:,.0f} expected, {actual:,.0f} came{off}"


MOST_LABELS = 16


def plot_tracking(
    table: pd.DataFrame, *, cumulative: bool = False, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw actual and expected repeat orders over time, and where the model has seen nothing more.

    Parameters
    ----------
    table
        As `models.tracking.track_orders` gives: `from_day, to_day, seen` and the orders, per period and cumulative.
    cumulative
        Draw the sums since the beginning, else those of each period.
    """
    ax = new_axes(ax, height=4.2)
    if table.empty:
        return nothing_to_draw(ax, NOTHING)
    which = "total" if cumulative else "orders"
    days = table["to_day"]
    marker = "o" if len(table) < 3 else None
    ax.plot(days, table[f"actual_{which}"], color=ORANGE, linewidth=2, marker=marker, label="what customers did")
    ax.plot(days, table[f"expected_{which}"], color=BLUE, linewidth=2.5, marker=marker, label="expected")
    top = float(table[[f"actual_{which}", f"expected_{which}"]].to_numpy().max())
    ax.set_ylim(0, max(top, 1.0) * 1.12)
    _mark_seen(ax, table)
    _date_axis(ax, days)
    number_axis(ax)
    length = (table["to_day"].iloc[0] - table["from_day"].iloc[0]).days + 1
    span = "a week" if length == 7 else f"in {length} days"
    ax.set_ylabel("repeat orders since the beginning" if cumulative else f"repeat orders {span}")
    legend_above(ax)
    return put_title(ax, title or _told(table, cumulative=cumulative))


def plot_next_orders(calendar: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the orders that today's customers should place in each of the next weeks.

    `calendar` has `week, from_day, expected_orders`, as `models.tracking.next_order_calendar` gives.
    """
    ax = new_axes(ax, height=3.6)
    if calendar.empty:
        return nothing_to_draw(ax, "There is no model to look ahead with.")
    orders = calendar["expected_orders"].to_numpy(dtype=np.float64)
    at = np.arange(len(calendar))
    ax.bar(at, orders, width=0.82, color=BLUE)
    if len(calendar) <= MOST_LABELS:
        for place, number in zip(at, orders, strict=True):
            text = f"{number:,.0f}" if orders.max() >= 10 else f"{number:.2g}"
            note(ax, text, (float(place), number), offset=(0, 2), ha="center")
    step = max(1, -(-len(calendar) // 6))
    ax.set_xticks(at[::step], [f"{d:%b} {d.day}" for d in calendar["from_day"].iloc[::step]])
    column_limits(ax, len(at))
    ax.set_ylim(0, max(float(orders.max()), 1e-9) * 1.15)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"week beginning on ({calendar['from_day'].iloc[0]:%Y})")
    ax.set_ylabel("expected orders")
    total = f"{orders.sum():,.0f}" if orders.sum() >= 10 else f"{orders.sum():.2g}"
    return put_title(ax, title or f"Today's customers should place {total} orders in the next {len(at)} weeks")


def _mark_seen(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a line where the model was fitted, if it goes on from there."""
    if table["seen"].all() or not table["seen"].any():
        return
    last = table.loc[table["seen"], "to_day"].max()
    ax.axvline(last, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    top = ax.get_ylim()[1]
    early = (last - table["to_day"].min()) < 0.5 * (table["to_day"].max() - table["to_day"].min())
    text, side = ("fitted up to here, predicted from here on", "left") if early else ("fitted up to here", "right")
    note(ax, text, (last, top), offset=(5 if early else -5, -2), ha=side, va="top", color=QUIET)


def _date_axis(ax: Axes, days: pd.Series) -> None:
    """Write some days, or the first of some months, below the axis: at most six."""
    first, last = days.min(), days.max()
    if (last - first).days < 90:
        ticks = pd.DatetimeIndex(days)[:: max(1, -(-len(days) // 5))]
        ax.set_xticks(date2num(ticks.to_pydatetime()), [f"{d.day} {d:%b}" for d in ticks])
        ax.set_xlabel(f"end of each period ({first:%Y})")
        return
    months = pd.date_range(first, last, freq="MS")
    step = next(s for s in (1, 2, 3, 4, 6, 12, 24, 60, 120) if len(months) / s <= 5.5)
    ticks = months[(months.month - 1 + 12 * months.year) % step == 0]
    ax.set_xticks(date2num(ticks.to_pydatetime()), [f"{d:%b %Y}" if step < 12 else f"{d:%Y}" for d in ticks])


def _told(table: pd.DataFrame, *, cumulative: bool) -> str:
    if cumulative:
        actual, expected = table["actual_total"].iloc[-1], table["expected_total"].iloc[-1]
        off = f" ({expected / actual - 1:+.1%})" if actual > 0 else ""
        return f"Repeat orders by the end: {expected:,.0f} expected, {actual:,.0f} came{off}"
    unseen = table[~table["seen"]]
    rows = unseen if len(unseen) else table
    what = "where the model is blind" if len(unseen) else "per period"
    return (
        f"Repeat orders {what}: {rows['expected_orders'].mean():,.1f} expected on average, "
        f"{rows['actual_orders'].mean():,.1f} came"
    )


TITLES: Final = {
    "p_alive": "Still a customer? Probability by orders and silence",
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
    """
    ax = new_axes(ax, height=1.6 + 0.42 * max(surface["repeat_orders"].nunique(), 2))
    if surface.empty:
        return nothing_to_draw(ax, "There is no model to draw.")
    grid = surface.pivot(index="repeat_orders", columns="recency_days", values=value).sort_index(ascending=False)
    cells = grid.to_numpy(dtype=np.float64)
    top = 1.0 if value == "p_alive" else max(float(np.nanmax(cells)), 1e-9)
    texts = [[_cell(number, value) for number in row] for row in cells]
    rows, columns = ([f"{n:,}" for n in axis] for axis in (grid.index, grid.columns))
    heat_map(ax, cells, texts, rows=rows, columns=columns, top=top, fontsize=11)
    ax.set_ylabel("repeat orders so far")
    ax.set_xlabel("days since the last order")
    return put_title(ax, title or TITLES[value])


def _cell(number: float, value: str) -> str:
    if value == "p_alive":
        return "<1%" if 0 < number < 0.005 else f"{number:.0%}"
    return f"{number:.1f}" if number >= 0.05 else f"{number:.2f}"
