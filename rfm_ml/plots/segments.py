"""Segments: how many customers each has, and what it brings."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import percent
from rfm_ml.plots.canvas import (
    label_bars,
    named_rows,
    new_axes,
    nothing_to_draw,
    put_title,
    quiet_bars,
    row_height,
)
from rfm_ml.plots.style import BLUE, QUIET, segment_colour

MOST_ROWS: Final = 30
"""Segments drawn at most: the largest; further ones are summed up in one last row."""

REST: Final = "All others"


def plot_segment_sizes(profile: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one bar per segment: its customers, and their share.

    Parameters
    ----------
    profile
        `segment, customers, customer_share`, as `segment_profile` gives; empty segments are left out.
    title
        None states the largest segment.
    ax
        To draw on; None makes a new figure.
    """
    table = _drawn(profile)
    ax = new_axes(ax, height=row_height(len(table)))
    if table.empty:
        return nothing_to_draw(ax, "There are no customers.")
    sizes = table["customers"].tolist()
    ax.barh(range(len(table)), sizes, height=0.72, color=[_colour(s) for s in table["segment"]])
    named_rows(ax, table["segment"].tolist())
    shares = [f" ({percent(s)})" if s == s else ", no customers yet" for s in table["customer_share"]]
    texts = [f"{n:,}{share}" for n, share in zip(sizes, shares, strict=True)]
    label_bars(ax, ends=sizes, texts=texts, rows=range(len(table)))
    ax.set_xlabel("customers (share of all customers)")
    of_customers = profile[profile["customer_share"].notna()] if profile["customer_share"].notna().any() else profile
    largest = of_customers.iloc[int(of_customers["customers"].to_numpy().argmax())]
    told = f"The largest segment: {largest['segment']}, {percent(largest['customer_share'])} of customers"
    put_title(ax, title or told)
    return ax


def plot_segment_shares(profile: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw two bars per segment: its share of customers (pale) and of revenue (in its colour).

    Parameters
    ----------
    profile
        `segment, customers, customer_share, revenue_share`, as `segment_profile` gives; empty segments are
        left out, and prospects, who have no share of customers.
    title
        None states the segment that brings most.
    ax
        To draw on; None makes a new figure.
    """
    table = _drawn(profile[profile["customer_share"].notna()])
    ax = new_axes(ax, height=row_height(len(table)) + 0.16 * len(table))
    if table.empty:
        return nothing_to_draw(ax, "There are no customers.")
    at = np.arange(len(table))
    customers, revenue = table["customer_share"].to_numpy(), table["revenue_share"].fillna(0).to_numpy()
    quiet_bars(ax, rows=(at - 0.2).tolist(), ends=customers.tolist(), height=0.34)
    ax.barh(at + 0.2, revenue, height=0.34, color=[_colour(s) for s in table["segment"]])
    named_rows(ax, table["segment"].tolist())
    texts = [*map(percent, customers), *map(percent, table["revenue_share"])]
    first = int(np.argmax(customers))
    texts[first] += " of customers"
    texts[len(table) + first] += " of revenue"
    label_bars(ax, ends=[*customers, *revenue], texts=texts, rows=[*(at - 0.2), *(at + 0.2)])
    ax.set_xlabel("share of customers (grey) and of revenue (colour)")
    put_title(ax, title or _richest(profile))
    return ax


def _richest(profile: pd.DataFrame) -> str:
    if profile["revenue_share"].isna().all():
        return "Share of customers and share of revenue"
    top = profile.iloc[int(profile["revenue_share"].fillna(-1).to_numpy().argmax())]
    return (
        f"{top['segment']}: {percent(top['customer_share'])} of customers, {percent(top['revenue_share'])} of revenue"
    )


def plot_rhythm(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw two bars per buying rhythm: share of customers (pale) and of revenue.

    Parameters
    ----------
    table
        `rhythm, customers, customer_share, revenue_share`, as `customers.panels.rhythm_table` gives.
    title
        None asks the question.
    ax
        To draw on; None makes a new figure.
    """
    ax = new_axes(ax, height=row_height(len(table)) + 0.8)
    at = np.arange(len(table))
    customers, revenue = table["customer_share"].to_numpy(), table["revenue_share"].fillna(0).to_numpy()
    quiet_bars(ax, rows=(at - 0.2).tolist(), ends=customers.tolist(), height=0.34)
    ax.barh(at + 0.2, revenue, height=0.34, color=BLUE)
    named_rows(ax, table["rhythm"].tolist())
    texts = [f"{percent(s)} of customers" for s in customers]
    texts += [f"{percent(s)} of revenue" for s in table["revenue_share"]]
    label_bars(ax, ends=[*customers, *revenue], texts=texts, rows=[*(at - 0.2), *(at + 0.2)])
    put_title(ax, title or "How predictable are the customers?")
    return ax


def _drawn(profile: pd.DataFrame) -> pd.DataFrame:
    """Leave empty segments out, and sum the smallest to one row where there are too many to read."""
    table = profile[profile["customers"] > 0].reset_index(drop=True)
    if len(table) <= MOST_ROWS:
        return table
    kept = table["customers"].rank(method="first", ascending=False) < MOST_ROWS
    rest = table[~kept].sum(numeric_only=True).to_frame().T.assign(segment=f"{REST} ({(~kept).sum()})")
    whole = {"customers": "int64"}
    return pd.concat([table[kept], rest], ignore_index=True)[table.columns].astype(whole)


def _colour(segment: str) -> str:
    return QUIET if segment.startswith(f"{REST} (") else segment_colour(segment)
