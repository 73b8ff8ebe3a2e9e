"""Triggers: which customers a rule finds between two days, and the list of actions that follows."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.columns import row_keys
from rfm_ml.segments.movement import GONE, NEW, moves

MEASURES: Final = {
    "p_alive": "P(alive)",
    "expected_orders": "The number of expected orders",
    "expected_spend": "The expected spend",
    "clv": "The customer lifetime value",
}
"""Predictions in words."""

FOUND: Final = ["from_segment", "to_segment", "happened"]
"""What a rule tells of each customer it finds, beside `customer_id` (and `channel`)."""

ACTIONS: Final = ["customer_id", "rule", "channel", "reason", "due_on", "from_segment", "to_segment"]
"""Columns of every action list. Channel is the way to reach the customer."""


def entered(before: pd.DataFrame, after: pd.DataFrame, *, segments: Sequence[str]) -> pd.DataFrame:
    """Return who is in one of the segments and was in none of them, or was no customer.

    Parameters
    ----------
    before, after
        Two days of a ledger, see `movement.moves`.
    segments
        The segments.

    Returns
    -------
    DataFrame
        `customer_id`, (`channel`,) `from_segment`, `to_segment`, `happened` (in words), sorted by customer.

    Examples
    --------
    >>> july = pd.DataFrame({"customer_id": [1, 2], "segment": ["Loyal", "New"], "value": [90.0, 10.0]})
    >>> august = pd.DataFrame({"customer_id": [1, 2], "segment": ["At Risk", "Loyal"], "value": [90.0, 60.0]})
    >>> entered(july, august, segments=["Loyal"])["happened"].tolist()
    ['Moved from New to Loyal']
    """
    both = moves(before, after)
    return _told(both[both["to_segment"].isin(segments) & ~both["from_segment"].isin(segments)])


def left(before: pd.DataFrame, after: pd.DataFrame, *, segments: Sequence[str]) -> pd.DataFrame:
    """Return who was in one of the segments and is in none of them, as `entered`; who is no customer is left out."""
    both = moves(before, after)
    gone = both["to_segment"].isin([*segments, GONE])
    return _told(both[both["from_segment"].isin(segments) & ~gone])


def moved(
    before: pd.DataFrame, after: pd.DataFrame, *, from_segments: Sequence[str], to_segments: Sequence[str]
) -> pd.DataFrame:
    """Return who was in one of some segments ("new": was no customer) and is in another of others, as `entered`."""
    both = moves(before, after)
    pairs = both["from_segment"].isin(from_segments) & both["to_segment"].isin(to_segments)
    return _told(both[pairs & (both["from_segment"] != both["to_segment"])])


def score_dropped(before: pd.DataFrame, after: pd.DataFrame, *, score: str, by: int) -> pd.DataFrame:
    """Return whose score fell, as `entered`.

    Parameters
    ----------
    before, after
        Two days of a ledger with the score; 0 or missing is no score.
    score
        Column of the score: R, F or M.
    by
        By how much at least.

    Raises
    ------
    DataError
        If a ledger has no such score.
    """
    both = _both(before, after, column=score)
    was, now = both["was"].fillna(0), both["now"].fillna(0)
    fell = (was > 0) & (now > 0) & (was - now >= by)
    words = [f"{score} fell from {int(a)} to {int(b)}" for a, b in zip(was[fell], now[fell], strict=True)]
    return both[fell].assign(happened=words)[[*row_keys(both), *FOUND]].reset_index(drop=True)


def fell_below(before: pd.DataFrame, after: pd.DataFrame, *, measure: str, below: float) -> pd.DataFrame:
    """Return whose measure is below a limit that it was not below, as `entered`; both days must know the customer.

    Parameters
    ----------
    before, after
        `customer_id`, (`channel`,) `segment`, `value` and the measure on two days.
    measure
        Column of the measure.
    below
        The limit, in the unit of the measure.
    """
    both = _both(before, after, column=measure)
    fell = (both["was"] >= below) & (both["now"] < below)
    name = MEASURES.get(measure, measure)
    words = [f"{name} fell from {_figure(a)} to {_figure(b)}" for a, b in both.loc[fell, ["was", "now"]].to_numpy()]
    return both[fell].assign(happened=words)[[*row_keys(both), *FOUND]].reset_index(drop=True)


def became_overdue(customers: pd.DataFrame, *, elapsed_days: int, days_late: int = 0) -> pd.DataFrame:
    """Return the customers who passed the day by which they usually order, since the day before.

    Parameters
    ----------
    customers
        `customer_id`, (`channel`,) `segment`, `recency_days`, `overdue_days` (see `regularity.rhythm_columns`).
    elapsed_days
        Days between the two days. Without a new order the usual gap is the same on both, so that a customer was late
        by as many days less.
    days_late
        More days late than this.
    """
    late = customers["overdue_days"]
    found = customers[(late > days_late) & ~(late - elapsed_days > days_late)]
    words = [
        f"No order for {r:.0f} days, {n:.0f} more than usual"
        for r, n in found[["recency_days", "overdue_days"]].to_numpy(dtype=np.float64)
    ]
    found = found.assign(from_segment=found["segment"], to_segment=found["segment"], happened=words)
    return found[[*row_keys(found), *FOUND]].reset_index(drop=True)


def found_overdue(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return who is overdue by a model on the second day and was not on the first, as `entered`.

    Parameters
    ----------
    before, after
        `customer_id`, (`channel`,) `segment` and `overdue` (see `RepeatBuyingModel.predict`) on two days; both must
        know the customer.
    """
    both = _both(before, after, column="overdue")
    found = both[both["now"].astype("bool") & ~both["was"].astype("bool")]
    return found.assign(happened="Silent for longer than the model expects")[[*row_keys(both), *FOUND]].reset_index(
        drop=True
    )


def size_changed(
    before: pd.DataFrame, after: pd.DataFrame, *, segments: Sequence[str], share: float = 0.2, at_least: int = 20
) -> pd.DataFrame:
    """Return the segments whose number of customers changed by more than a share, one row each, without customers.

    Parameters
    ----------
    before, after
        Two days of a ledger.
    segments
        The segments to watch.
    share
        Of the size on the first day.
    at_least
        Smaller segments, on both days, are left out.
    """
    was, now = (frame["segment"].value_counts() for frame in (before, after))
    rows = []
    for name in segments:
        one, other = int(was.get(name, 0)), int(now.get(name, 0))
        if max(one, other) >= at_least and abs(other - one) > share * one:
            told = f"{name} went from {one:,} to {other:,} customers"
            rows.append({"from_segment": name, "to_segment": name, "happened": told})
    return pd.DataFrame(rows, columns=FOUND)


def action_list(
    found: pd.DataFrame, *, rule: str, channel: str, reason: str = "", as_of: date, due_days: int = 0
) -> pd.DataFrame:
    """Return the actions that follow from what a rule found.

    Parameters
    ----------
    found
        As the rules of this module give it. A customer found in several sales channels is on the list once, with
        what happened in the first by name.
    rule
        The name of the trigger.
    channel
        How to reach the customer.
    reason
        Words to begin the reason with.
    as_of
        The day of the picture.
    due_days
        Days after it by which to act.

    Returns
    -------
    DataFrame
        `ACTIONS`, sorted by customer; `customer_id` is missing where a rule is about a segment.
    """
    keys = row_keys(found)
    found = found.sort_values(keys, ignore_index=True) if keys else found
    told = found["happened"].astype("str")
    told = reason + ": " + told if reason else told
    if "channel" in found.columns:
        told = told + " (" + found["channel"].astype("str") + ")"
    frame = found.drop(columns="channel", errors="ignore").assign(rule=rule, channel=channel, reason=told)
    frame["due_on"] = (as_of + timedelta(days=due_days)).isoformat()
    if not keys:
        return frame.assign(customer_id=pd.Series(None, frame.index, dtype="object"))[ACTIONS]
    return frame.drop_duplicates("customer_id", ignore_index=True)[ACTIONS]


def _told(found: pd.DataFrame) -> pd.DataFrame:
    pairs = zip(found["from_segment"], found["to_segment"], strict=True)
    words = [f"New, in {to}" if was == NEW else f"Moved from {was} to {to}" for was, to in pairs]
    return found.assign(happened=words)[[*row_keys(found), *FOUND]].reset_index(drop=True)


def _both(before: pd.DataFrame, after: pd.DataFrame, *, column: str) -> pd.DataFrame:
    """Return the customers of both days with both segments and a column on both days, `was` and `now`."""
    keys = [k for k in row_keys(after) if k in before.columns]
    for frame in (before, after):
        require_columns(list(frame.columns), [*keys, "segment", column], what="A day of the ledger")
    first = before[[*keys, "segment", column]].rename(columns={"segment": "from_segment", column: "was"})
    second = after[[*keys, "segment", column]].rename(columns={"segment": "to_segment", column: "now"})
    return first.merge(second, on=keys, validate="one_to_one").sort_values(keys, ignore_index=True)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
