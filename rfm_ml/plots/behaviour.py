"""How segments behave: the funnel, months of new customers, and rates per segment."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from rfm_ml.core.text import count, percent
from rfm_ml.plots.canvas import (
    column_limits,
    means_axis,
    month_ticks,
    named_bars,
    new_axes,
    nothing_to_draw,
    paired_bars,
    put_title,
    row_height,
)
from rfm_ml.plots.style import BLUE, segment_colour

ENOUGH: Final = 30
"""People from which on a share makes a headline."""


def plot_funnel(steps: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw two bars per step: who could take it (pale), and who has.

    `steps` has `step, entered, reached, conversion, median_days`, as `customers.funnel.funnel` gives.
    """
    ax = new_axes(ax, height=row_height(len(steps)) + 0.5 * len(steps))
    if steps.empty:
        return nothing_to_draw(ax, "There are no customers.")
    entered, reached = steps["entered"].tolist(), steps["reached"].tolist()
    texts = [f"{n:,}" for n in entered]
    for could, number, share, median in zip(entered, reached, steps["conversion"], steps["median_days"], strict=True):
        took = f", half within {count(int(median), 'day')}" if median == median else ""
        texts.append(f"{number:,}: {percent(share)}{took}" if share == share else "not known" if could else "0")
    paired_bars(ax, [s.replace(" to ", "\nto ") for s in steps["step"]], (entered, reached), texts=texts)
    ax.set_xlabel("people who could take the step (grey) and who have (blue)")
    headline = "How far customers come"
    large = steps[steps["conversion"].notna() & (steps["entered"] >= ENOUGH)]
    if len(large):
        step = large.iloc[int((large["entered"] - large["reached"]).to_numpy().argmax())]
        headline = f"Where most stop: {step['step']}, taken by {percent(step['conversion'])}"
    return put_title(ax, title or headline)


def plot_cohorts(cohorts: pd.DataFrame, *, days: int = 90, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw for each month the share of its new customers who ordered again in time.

    Parameters
    ----------
    cohorts
        `month, new_customers, second_orders, second_order_share`, as `customers.funnel.first_month_cohorts` gives.
    days
        What in time means.
    """
    ax = new_axes(ax, height=3.6)
    if cohorts.empty:
        return nothing_to_draw(ax, f"No month of new customers has been seen for {days} days yet.")
    shares = cohorts["second_order_share"].to_numpy(dtype=np.float64)
    ax.bar(np.arange(len(shares)), shares, width=0.82, color=BLUE)
    month_ticks(ax, cohorts["month"].tolist())
    column_limits(ax, len(shares))
    means_axis(ax)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: percent(v, digits=0)))
    ax.set_ylim(0, max(0.05, shares.max() * 1.1))
    ax.set_ylabel("share of new customers")
    total = cohorts["second_orders"].sum() / cohorts["new_customers"].sum()
    return put_title(ax, title or f"{percent(total)} of new customers order again within {days} days")


def plot_rates(
    table: pd.DataFrame | None,
    *,
    value: str,
    days: int = 90,
    why_not: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar per segment: the share of its people who did something.

    Parameters
    ----------
    table
        `segment, customers` and the share, as `segments.activity.retention` or `responsiveness` gives; None draws
        `why_not` instead.
    value
        "ordered_share" or "active_share".
    days
        Length of the period.
    """
    rows = 0 if table is None else len(table)
    ax = new_axes(ax, height=row_height(rows))
    if table is None or table.empty:
        return nothing_to_draw(ax, why_not or "There are no customers.")
    names, shares = table["segment"].tolist(), table[value].tolist()
    texts = [f"{percent(s)} of {n:,}" for s, n in zip(shares, table["customers"], strict=True)]
    named_bars(ax, names, shares, texts=texts, colour=[segment_colour(s) for s in names])
    done = {"ordered_share": "ordered", "active_share": "opened, clicked, visited or filled a cart"}[value]
    ax.set_xlabel(f"share who {done} in the last {days} days")
    large = table[table["customers"] >= ENOUGH]
    headline = f"Who {done} in the last {days} days"
    if len(large):
        best = large.iloc[int(large[value].to_numpy().argmax())]
        headline = f"{best['segment']}: {percent(best[value])} {done} in the last {days} days"
    return put_title(ax, title or headline)
