"""How long customers stay in a segment, and by which ways they reach one: many days of the ledger at once."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from rfm_ml.core.checks import require_between, require_columns, require_known
from rfm_ml.core.columns import row_keys
from rfm_ml.customers.funnel import median_days
from rfm_ml.segments.movement import NEW, full_order

ALREADY: Final = "already there"
"""The way of customers who were in the segment on the first day of the ledger: how they came is not known."""


def spells(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return one row per stretch of days that a customer was in one segment.

    Parameters
    ----------
    ledger
        Rows of several days: `customer_id`, (`channel`,) `as_of`, `segment`.

    Returns
    -------
        Sorted by customer and time: `customer_id`, (`channel`,) `segment`, `since` (first day of the ledger in it),
        `until` (first day in the next segment; the last day of the ledger while it lasts), `days` between them,
        `ended`, `open_start` (they were in it on the ledger's first day, so that it began earlier).

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31"])
    >>> ledger = pd.DataFrame({"customer_id": 1, "as_of": days, "segment": ["New", "Loyal", "Loyal"]})
    >>> spells(ledger)[["segment", "days", "ended"]].to_numpy().tolist()
    [['New', 29, True], ['Loyal', 31, False]]
    """
    require_columns(list(ledger.columns), ["customer_id", "as_of", "segment"], what="The ledger")
    keys = row_keys(ledger)
    rows = ledger[[*keys, "as_of", "segment"]].sort_values([*keys, "as_of"], ignore_index=True)
    same_customer = pd.Series(True, rows.index)
    for key in keys:
        same_customer &= rows[key].eq(rows[key].shift())
    begins = ~(same_customer & rows["segment"].eq(rows["segment"].shift()))
    table = rows[begins].rename(columns={"as_of": "since"})
    follows = same_customer[begins].shift(-1, fill_value=False)
    last, first = rows["as_of"].max(), rows["as_of"].min()
    table["until"] = table["since"].shift(-1).where(follows, last)
    table["days"] = (table["until"] - table["since"]).dt.days.astype("int64")
    table["ended"], table["open_start"] = follows, table["since"] == first
    return table[[*keys, "segment", "since", "until", "days", "ended", "open_start"]].reset_index(drop=True)


def days_in_segment(table: pd.DataFrame, *, order: Sequence[str]) -> pd.DataFrame:
    """Return how long customers stayed, per segment.

    Parameters
    ----------
    table
        From `spells`.
    order
        The segments, best first.

    Returns
    -------
        `segment, stays, ended, median_days` (until half have left, of the spells whose beginning was seen, those that
        still last included; NaN where fewer than half have left), `median_days_so_far` (of those that still last).
        Days are counted from one day of the ledger to another.

    Notes
    -----
    Kaplan and Meier, "Nonparametric estimation from incomplete observations", J. Am. Stat. Assoc. 53 (1958). The
    median of the ended spells alone would be too short: long spells are those that still last.
    """
    seen = table[~table["open_start"]]
    medians = {
        segment: median_days(rows["days"].to_numpy(), rows["ended"].to_numpy())
        for segment, rows in seen.groupby("segment")
    }
    result = pd.DataFrame(
        {
            "stays": table.groupby("segment").size(),
            "ended": table.groupby("segment")["ended"].sum(),
            "median_days": pd.Series(medians, dtype="float64"),
            "median_days_so_far": table[~table["ended"]].groupby("segment")["days"].median(),
        }
    ).reindex(full_order(order, table))
    result[["stays", "ended"]] = result[["stays", "ended"]].fillna(0).astype("int64")
    return result.rename_axis("segment").reset_index()


def paths_to(table: pd.DataFrame, segment: str, *, steps: int = 3, count: int = 8) -> pd.DataFrame:
    """Return the most common ways into a segment.

    Parameters
    ----------
    table
        From `spells`.
    segment
        Where the ways lead to.
    steps
        Segments before it that are named, 1 to 6.
    count
        Ways in the answer.

    Returns
    -------
        `path` (as in "New > Loyal > Champions"; "new > ..." began with the first order), `entries` (one customer may
        have several), `share` of all entries, `median_days` from the first segment named to the entry. Most common
        first, then by name. "already there" counts customers who were in it on the first day of the ledger.

    Raises
    ------
    ParamsError
        If the segment never occurs, or `steps` or `count` is out of range.
    """
    require_between(steps, 1, 6, name="steps")
    require_between(count, 1, 1000, name="count")
    require_known(segment, sorted(table["segment"].unique()), what="The segment")
    keys = row_keys(table)
    grouped = table.groupby(keys, sort=False)
    entry = table["segment"] == segment
    path, start = table.loc[entry, "segment"].astype("str"), table.loc[entry, "since"]
    for step in range(1, steps + 1):
        earlier, since = (grouped[name].shift(step)[entry] for name in ("segment", "since"))
        path = (earlier.astype("str") + " > " + path).where(earlier.notna(), path)
        start = since.where(earlier.notna(), start)
    position, open_start = grouped.cumcount()[entry], grouped["open_start"].transform("first")[entry]
    path = (NEW + " > " + path).where((position <= steps) & ~open_start, path)
    path = path.where((position > 0) | ~open_start, ALREADY)
    entries = pd.DataFrame({"path": path, "days": (table.loc[entry, "since"] - start).dt.days})
    found = entries.groupby("path").agg(entries=("days", "size"), median_days=("days", "median")).reset_index()
    found.insert(2, "share", found["entries"] / max(len(entries), 1))
    return found.sort_values(["entries", "path"], ascending=[False, True], ignore_index=True).head(count)
