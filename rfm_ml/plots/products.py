"""Products: what each segment buys more than others."""

from typing import Final

import pandas as pd
from matplotlib.axes import Axes

from rfm_ml.core.text import percent
from rfm_ml.plots.canvas import label_bars, named_rows, new_axes, nothing_to_draw, put_title, row_height
from rfm_ml.plots.style import INK, segment_colour

MOST_EACH: Final = 3
"""Products drawn per segment."""

LONGEST: Final = 22
"""Characters of a product's name that are drawn."""


def plot_product_lift(products: pd.DataFrame, *, why_not: str = "", ax: Axes | None = None) -> Axes:
    """Draw the lift of the first products of each segment, with the share of its buyers who bought them.

    Parameters
    ----------
    products
        `segment, rank, label, share, lift, by_lift`; products that their lift does not rank are left out.
    why_not
        Written where there is nothing to draw.
    ax
        To draw on; None makes a new figure.
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
    told = [f"{v:.1f} ({percent(s)})" for v, s in zip(lifts, drawn["share"], strict=True)]
    label_bars(ax, ends=lifts, texts=told, rows=rows)
    ax.axvline(1, color=INK, linewidth=2)
    ax.set_xlim(left=1)
    ax.set_xlabel("lift (share of the segment's buyers)")
    best = drawn.iloc[int(drawn["lift"].to_numpy().argmax())]
    put_title(ax, f"{best['segment']} stand out most: {_cut(best['label'])}, lift {best['lift']:.1f}")
    return ax


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 3].rstrip()}..."
