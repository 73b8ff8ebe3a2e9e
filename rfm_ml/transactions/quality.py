"""What a reader must know about an order log before they rely on anything computed from it."""

from datetime import date

import pandas as pd

from rfm_ml.core.text import count
from rfm_ml.transactions.waterfall import QUARANTINED

NOTABLE_SHARE = 0.01
"""A step of the waterfall that takes more than this share of rows, or of money, is worth a sentence."""
STALE_DAYS = 45
"""So many days without any order before the as-of day make recency doubtful."""


def quality_warnings(waterfall: pd.DataFrame, *, last_order_on: date, as_of: date) -> list[str]:
    """Return sentences on what was left out or looks wrong, the weightiest first.

    Parameters
    ----------
    waterfall
        From `transactions.waterfall`.
    last_order_on
        Day of the last order on or before `as_of`.
    as_of
        The day of the picture.
    """
    steps = {row["step"]: row for row in waterfall.to_dict("records")}
    gross = steps["gross"]
    sentences = []
    bad = sum(-row["rows"] for step, row in steps.items() if step in QUARANTINED)
    if bad:
        sentences.append(
            f"{count(bad, 'row')} of {gross['rows']:,} could not be read; "
            "a run lists them in tables/quarantine.csv with the reason and the row of the source."
        )
    for step in (
        "customer missing",
        "exact duplicate lines",
        "zero orders",
        "return lines",
        "returns without an order",
    ):
        if step not in steps:
            continue
        rows, amount = -steps[step]["rows"], abs(steps[step]["amount"])
        money = amount / abs(gross["amount"]) if gross["amount"] else 0
        if max(rows / gross["rows"], money) > NOTABLE_SHARE:
            sentences.append(
                f"{step[:1].upper()}{step[1:]}: {count(rows, 'row')} ({rows / gross['rows']:.1%}) do not count."
            )
    silent = (as_of - last_order_on).days
    if silent > STALE_DAYS:
        sentences.append(
            f"The last order is {silent:,} days before the as-of day ({last_order_on}): is the log complete, "
            "and is the as-of day the right one?"
        )
    later = -steps["after the as-of day"]["rows"]
    if later > gross["rows"] / 2:
        sentences.append(f"{later / gross['rows']:.0%} of the rows are after the as-of day and do not count.")
    return sentences
