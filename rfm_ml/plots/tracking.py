"""Orders over time: expected beside actual, and the weeks to come."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from rfm_ml.plots.calibration import NOTHING, legend_above
from rfm_ml.plots.canvas import new_axes, nothing_to_draw, number_axis, put_title
from rfm_ml.plots.style import BLUE, ORANGE, QUIET

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
    title
        None states how far the last total, or the mean of the unseen periods, is off.
    ax
        To draw on; None makes a new figure.
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
    put_title(ax, title or _told(table, cumulative=cumulative))
    return ax


def plot_next_orders(calendar: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the orders that today's customers should place in each of the next weeks.

    Parameters
    ----------
    calendar
        `week, from_day, expected_orders`, as `models.tracking.next_order_calendar` gives.
    title
        None states the sum.
    ax
        To draw on; None makes a new figure.
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
            ax.annotate(text, (place, number), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=11)
    step = max(1, -(-len(calendar) // 6))
    ax.set_xticks(at[::step], [f"{d:%b} {d.day}" for d in calendar["from_day"].iloc[::step]])
    ax.set_xlim(min(-0.6, len(at) / 2 - 3.5), max(len(at) - 0.4, len(at) / 2 + 2.5))
    ax.set_ylim(0, max(float(orders.max()), 1e-9) * 1.15)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"week beginning on ({calendar['from_day'].iloc[0]:%Y})")
    ax.set_ylabel("expected orders")
    total = f"{orders.sum():,.0f}" if orders.sum() >= 10 else f"{orders.sum():.2g}"
    put_title(ax, title or f"Today's customers should place {total} orders in the next {len(at)} weeks")
    return ax


def _mark_seen(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a line where the model was fitted, if it goes on from there."""
    if table["seen"].all() or not table["seen"].any():
        return
    last = table.loc[table["seen"], "to_day"].max()
    ax.axvline(last, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    top = ax.get_ylim()[1]
    early = (last - table["to_day"].min()) < 0.5 * (table["to_day"].max() - table["to_day"].min())
    ax.annotate(
        "fitted up to here, predicted from here on" if early else "fitted up to here",
        (last, top),
        xytext=(5 if early else -5, -2),
        textcoords="offset points",
        ha="left" if early else "right",
        va="top",
        fontsize=11,
        color=QUIET,
    )


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
