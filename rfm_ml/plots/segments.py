"""Segments: their customers, what they bring and buy, and one customer's way through them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import count, percent
from rfm_ml.plots.canvas import (
    label_bars,
    month_ticks,
    named_bars,
    named_rows,
    new_axes,
    nothing_to_draw,
    paired_bars,
    put_title,
    row_height,
)
from rfm_ml.plots.style import INK, PALE, QUIET, segment_colour

MOST_ROWS: Final = 30
"""Segments drawn at most: the largest; further ones are summed up in one last row."""

REST: Final = "All others"


def plot_segment_sizes(profile: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one bar per segment: its customers, and their share.

    `profile` has `segment, customers, customer_share`, as `segment_profile` gives; empty segments are left out.
    """
    table = _drawn(profile)
    ax = new_axes(ax, height=row_height(len(table)))
    if table.empty:
        return nothing_to_draw(ax, "There are no customers.")
    sizes = table["customers"].tolist()
    shares = [f" ({percent(s)})" if s == s else ", no customers yet" for s in table["customer_share"]]
    texts = [f"{n:,}{share}" for n, share in zip(sizes, shares, strict=True)]
    named_bars(ax, table["segment"].tolist(), sizes, texts=texts, colour=[_colour(s) for s in table["segment"]])
    ax.set_xlabel("customers (share of all customers)")
    of_customers = profile[profile["customer_share"].notna()] if profile["customer_share"].notna().any() else profile
    largest = of_customers.iloc[int(of_customers["customers"].to_numpy().argmax())]
    headline = f"The largest segment: {largest['segment']}, {percent(largest['customer_share'])} of customers"
    return put_title(ax, title or headline)


def plot_segment_shares(profile: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw two bars per segment: its share of customers (pale) and of revenue (in its colour).

    `profile` has `segment, customers, customer_share, revenue_share`, as `segment_profile` gives; empty segments
    are left out, and prospects, who have no share of customers.
    """
    table = _drawn(profile[profile["customer_share"].notna()])
    ax = new_axes(ax, height=row_height(len(table)) + 0.16 * len(table))
    if table.empty:
        return nothing_to_draw(ax, "There are no customers.")
    customers, revenue = table["customer_share"].to_numpy(), table["revenue_share"].fillna(0).to_numpy()
    texts = [*map(percent, customers), *map(percent, table["revenue_share"])]
    first = int(np.argmax(customers))
    texts[first] += " of customers"
    texts[len(table) + first] += " of revenue"
    colours = (PALE, [_colour(s) for s in table["segment"]])
    paired_bars(ax, table["segment"].tolist(), (customers, revenue), texts=texts, colours=colours, height=0.34)
    ax.set_xlabel("share of customers (grey) and of revenue (colour)")
    return put_title(ax, title or _richest(profile))


def _richest(profile: pd.DataFrame) -> str:
    if profile["revenue_share"].isna().all():
        return "Share of customers and share of revenue"
    top = profile.iloc[int(profile["revenue_share"].fillna(-1).to_numpy().argmax())]
    return (
        f"{top['segment']}: {percent(top['customer_share'])} of customers, {percent(top['revenue_share'])} of revenue"
    )


def plot_rhythm(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw two bars per buying rhythm: share of customers (pale) and of revenue.

    `table` has `rhythm, customers, customer_share, revenue_share`, as `customers.panels.rhythm_table` gives.
    """
    ax = new_axes(ax, height=row_height(len(table)) + 0.8)
    customers, revenue = table["customer_share"].to_numpy(), table["revenue_share"].fillna(0).to_numpy()
    texts = [f"{percent(s)} of customers" for s in customers]
    texts += [f"{percent(s)} of revenue" for s in table["revenue_share"]]
    paired_bars(ax, table["rhythm"].tolist(), (customers, revenue), texts=texts, height=0.34)
    return put_title(ax, title or "How predictable are the customers?")


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


def plot_segment_history(
    history: pd.DataFrame | None,
    *,
    order: Sequence[str] = (),
    why_not: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the segment of one customer on each day that is known, the best segment on top.

    Parameters
    ----------
    history
        `as_of, segment`, one row per day, or per channel and day; None draws `why_not` instead.
    order
        The segments from best to worst; those they were never in are left out.
    """
    seen = [] if history is None else list(dict.fromkeys(history["segment"]))
    ax = new_axes(ax, height=row_height(len(seen)) + 0.4)
    if history is None or not seen:
        return nothing_to_draw(ax, why_not or "There is no history.")
    names = [s for s in order if s in seen] + sorted(s for s in seen if s not in order)
    days = sorted(history["as_of"].unique())
    at = {day: n for n, day in enumerate(days)}
    rows = {name: n for n, name in enumerate(names)}
    x, y = [at[d] for d in history["as_of"]], [rows[s] for s in history["segment"]]
    if not history["as_of"].duplicated().any():
        ax.plot(x, y, color=PALE, linewidth=2, drawstyle="steps-mid", zorder=1)
    ax.scatter(x, y, c=[segment_colour(s) for s in history["segment"]], marker="s", s=90, zorder=2)
    named_rows(ax, names)
    seen_on = [pd.Timestamp(d) for d in days]
    monthly = len({(d.year, d.month) for d in seen_on}) == len(days)
    month_ticks(ax, seen_on, days=not monthly)
    ax.set_xlim(-0.8, max(len(days) - 0.2, 6))
    span = f"in {count(len(days), 'month')}" if monthly else f"on {count(len(days), 'day')}"
    return put_title(ax, title or f"{count(len(names), 'segment')} {span}")


MOST_EACH: Final = 3
"""Products drawn per segment."""

LONGEST: Final = 22
"""Characters of a product's name that are drawn."""


def plot_product_lift(products: pd.DataFrame, *, why_not: str = "", ax: Axes | None = None) -> Axes:
    """Draw the lift of the first products of each segment, with the share of its buyers who bought them.

    `products` has `segment, rank, label, share, lift, by_lift`; products that their lift does not rank are left
    out.
    """
    drawn = products[products["by_lift"].astype(bool)]
    drawn = drawn.sort_values(["segment", "rank"]).groupby("segment").head(MOST_EACH)
    ax = new_axes(ax, height=row_height(len(drawn)))
    if drawn.empty:
        return nothing_to_draw(ax, why_not or "No segment buys a product more than others do.")
    lifts = drawn["lift"].tolist()
    rows = range(len(drawn))
    ax.barh(rows, [v - 1 for v in lifts], left=1, height=0.72, color=[segment_colour(s) for s in drawn["segment"]])
    names = [f"{s}: {_cut(p)}" for s, p in zip(drawn["segment"], drawn["label"], strict=True)]
    named_rows(ax, names)
    texts = [f"{v:.1f} ({percent(s)})" for v, s in zip(lifts, drawn["share"], strict=True)]
    label_bars(ax, ends=lifts, texts=texts, rows=rows)
    ax.axvline(1, color=INK, linewidth=2)
    ax.set_xlim(left=1)
    ax.set_xlabel("lift (share of the segment's buyers)")
    best = drawn.iloc[int(drawn["lift"].to_numpy().argmax())]
    return put_title(ax, f"{best['segment']} stand out most: {_cut(best['label'])}, lift {best['lift']:.1f}")


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 3].rstrip()}..."
