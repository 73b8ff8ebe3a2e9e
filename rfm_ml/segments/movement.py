"""Movement between segments from one day of the ledger to another: who moved, what it is worth, and why."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.columns import row_keys
from rfm_ml.core.text import plural

NEW: Final = "new"
"""Where customers come from who were none on the first day."""

GONE: Final = "gone"
"""Where customers go who are none on the second day (an order was deleted or moved to another id)."""

CAUSES: Final = ("customers", "refit")

UP: Final = "up"
DOWN: Final = "down"


def moves(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return one row per customer of either day with both segments.

    Parameters
    ----------
    before, after
        Two days of a ledger: `customer_id`, (`channel`,) `segment`, `value`.

    Returns
    -------
        `customer_id`, (`channel`,) `from_segment` ("new" if they were none), `to_segment` ("gone" if they are none),
        `value_before`, `value_after` (0 where they were or are none), sorted by customer.

    Examples
    --------
    >>> july = pd.DataFrame({"customer_id": [1, 2], "segment": ["Loyal", "New"], "value": [90.0, 10.0]})
    >>> august = pd.DataFrame({"customer_id": [2, 3], "segment": ["Loyal", "New"], "value": [60.0, 5.0]})
    >>> moves(july, august)[["customer_id", "from_segment", "to_segment"]].to_numpy().tolist()
    [[1, 'Loyal', 'gone'], [2, 'New', 'Loyal'], [3, 'new', 'New']]
    """
    keys = _keys(before, after)
    first = before[[*keys, "segment", "value"]].rename(columns={"segment": "from_segment", "value": "value_before"})
    second = after[[*keys, "segment", "value"]].rename(columns={"segment": "to_segment", "value": "value_after"})
    both = first.merge(second, on=keys, how="outer", validate="one_to_one")
    both = both.fillna({"from_segment": NEW, "to_segment": GONE, "value_before": 0.0, "value_after": 0.0})
    both = both.sort_values(keys, ignore_index=True)
    return both[[*keys, "from_segment", "to_segment", "value_before", "value_after"]]


def movement_matrix(before: pd.DataFrame, after: pd.DataFrame, *, order: Sequence[str]) -> pd.DataFrame:
    """Count customers and money by the segment they were in and the one they are in.

    Parameters
    ----------
    before, after
        Two days of a ledger, see `moves`.
    order
        The segments, best first; segments of the data that are not in it follow by name.

    Returns
    -------
        One row per pair that occurs: `from_segment, to_segment, direction, customers, value_before, value_after` (their
        spend on the two days, in currency) and `value_change`: customers times the difference of the mean spend that
        the two segments had on the first day (on the second, for a segment that was empty); 0 for "new" and "gone".
        `direction` goes by `order`, not by money: "up" to a better segment, "down" to a worse one, else "stayed",
        "new", "gone", or "other" where a segment is not in `order`.
    """
    both = moves(before, after)
    sums = both.groupby(["from_segment", "to_segment"], as_index=False).agg(
        customers=("to_segment", "size"), value_before=("value_before", "sum"), value_after=("value_after", "sum")
    )
    means = after.groupby("segment")["value"].mean().to_dict() | before.groupby("segment")["value"].mean().to_dict()
    step = sums["to_segment"].map(means) - sums["from_segment"].map(means)
    stayed = sums["from_segment"].eq(NEW) | sums["to_segment"].eq(GONE)
    sums["value_change"] = (sums["customers"] * step).where(~stayed, 0.0).astype("float64")
    sums.insert(2, "direction", _direction(sums, order))
    rank = {name: i for i, name in enumerate(full_order(order, before, after))} | {NEW: -1, GONE: 1_000_000}
    return sums.sort_values(["from_segment", "to_segment"], key=lambda s: s.map(rank), ignore_index=True)


def _direction(pairs: pd.DataFrame, order: Sequence[str]) -> pd.Series:
    rank = {name: i for i, name in enumerate(order)}
    places = pairs["to_segment"].map(rank) - pairs["from_segment"].map(rank)
    told = pd.Series("other", index=pairs.index, dtype="str").mask(places < 0, UP).mask(places > 0, DOWN)
    told = told.mask(pairs["from_segment"] == pairs["to_segment"], "stayed")
    return told.mask(pairs["to_segment"] == GONE, GONE).mask(pairs["from_segment"] == NEW, NEW)


def up_and_down(matrix: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return for "up" and "down" who moved that way and the net value of it, from `movement_matrix`.

    Returns
    -------
        `customers`, and `value`: the sum of `value_change`. It may be negative for "up" and positive for "down", as a
        better segment may have spent less so far.

    Examples
    --------
    >>> rows = [("up", 3, 60.0), ("up", 1, -10.0), ("down", 2, -72.0), ("stayed", 9, 0.0)]
    >>> up_and_down(pd.DataFrame(rows, columns=["direction", "customers", "value_change"]))["up"]
    {'customers': 4, 'value': 50.0}
    """
    ways = {way: matrix[matrix["direction"] == way] for way in (UP, DOWN)}
    return {
        way: {"customers": int(rows["customers"].sum()), "value": float(rows["value_change"].sum())}
        for way, rows in ways.items()
    }


def move_in_words(from_segment: str, to_segment: str, *, customers: int) -> str:
    """Return one movement in words, as on the front page and above the figures.

    Examples
    --------
    >>> move_in_words("Loyal", "Lost", customers=1200), move_in_words("new", "New", customers=128)
    ('1,200 from Loyal to Lost', '128 new customers in New')
    >>> move_in_words("Lost", "gone", customers=3)
    '3 of Lost gone from the log'
    """
    if from_segment == NEW:
        return f"{customers:,} new {plural('customer', customers)} in {to_segment}"
    if to_segment == GONE:
        return f"{customers:,} of {from_segment} gone from the log"
    return f"{customers:,} from {from_segment} to {to_segment}"


def movement_by_segment(before: pd.DataFrame, after: pd.DataFrame, *, order: Sequence[str]) -> pd.DataFrame:
    """Return what each segment gained and lost between two days.

    Returns
    -------
        One row per segment, best first: `segment, before, added, dropped, kept, after, net` (customers; before +
        added - dropped = after), `revenue_in` (spend on the second day of who came), `revenue_out` (spend on the first
        day of who left), `value_up` and `value_down` (the value change of who came into it from a worse and from a
        better segment, whichever its sign; see `movement_matrix`).
    """
    matrix = movement_matrix(before, after, order=order)
    names = full_order(order, before, after)
    kept = matrix["from_segment"] == matrix["to_segment"]
    came, left = (matrix[~kept].groupby(f"{side}_segment") for side in ("to", "from"))
    ways = {way: matrix[matrix["direction"] == way].groupby("to_segment")["value_change"].sum() for way in (UP, DOWN)}
    table = pd.DataFrame(
        {
            "before": matrix.groupby("from_segment")["customers"].sum(),
            "added": came["customers"].sum(),
            "dropped": left["customers"].sum(),
            "kept": matrix[kept].set_index("from_segment")["customers"],
            "after": matrix.groupby("to_segment")["customers"].sum(),
            "revenue_in": came["value_after"].sum(),
            "revenue_out": left["value_before"].sum(),
            "value_up": ways[UP],
            "value_down": ways[DOWN],
        }
    ).reindex(names)
    counts = ["before", "added", "dropped", "kept", "after"]
    table = table.fillna(0.0).astype(dict.fromkeys(counts, "int64"))
    table.insert(5, "net", table["after"] - table["before"])
    return table.rename_axis("segment").reset_index()


def movement_causes(
    before: pd.DataFrame, after: pd.DataFrame, counterfactual: pd.DataFrame, *, order: Sequence[str]
) -> pd.DataFrame:
    """Tell movement caused by customers from movement caused by another model.

    Parameters
    ----------
    before, after
        Two days of a ledger, the second labelled by another model than the first.
    counterfactual
        The ledger of the second day if the first day's model had labelled it: the same customers as `after`.
    order
        The segments, best first.

    Returns
    -------
        `cause, from_segment, to_segment, customers`. Cause "customers": from the segment of the first day to the
        counterfactual one, same model, so only customers have changed; "new" and "gone" belong here. Cause "refit":
        from the counterfactual segment to that of the second day, same customers, so only the model has changed. Rows
        are changes alone. Both add up: per segment, the count of the first day plus what came less what left by both
        causes is the count of the second day. Segments are those of the ledgers, so with hysteresis the held ones.
    """
    steps = {}
    for cause, (one, other) in zip(CAUSES, ((before, counterfactual), (counterfactual, after)), strict=True):
        matrix = movement_matrix(one, other, order=order)
        steps[cause] = matrix[matrix["from_segment"] != matrix["to_segment"]]
    causes = pd.concat([frame.assign(cause=cause) for cause, frame in steps.items()], ignore_index=True)
    return causes[["cause", "from_segment", "to_segment", "customers"]]


def net_by_cause(causes: pd.DataFrame, *, order: Sequence[str]) -> pd.DataFrame:
    """Return `segment, by_customers, by_refit`: customers gained less lost per segment, from `movement_causes`."""
    names = full_order(order, *(causes.rename(columns={f"{s}_segment": "segment"}) for s in ("from", "to")))
    table = pd.DataFrame({"segment": [n for n in names if n not in (NEW, GONE)]})
    for cause in CAUSES:
        mine = causes[causes["cause"] == cause]
        came, left = (mine.groupby(f"{side}_segment")["customers"].sum() for side in ("to", "from"))
        net = came.sub(left, fill_value=0)
        table[f"by_{cause}"] = table["segment"].map(net).fillna(0).astype("int64")
    return table


def fallen(before: pd.DataFrame, after: pd.DataFrame, *, order: Sequence[str], count: int = 20) -> pd.DataFrame:
    """Return the customers who fell to a worse segment, those with the highest spend first.

    Returns
    -------
        `customer_id`, (`channel`,) `from_segment, to_segment, places` (segments further down), `value_after`; at most
        `count` rows, ids breaking ties. Segments outside `order` have no rank and are left out.
    """
    require_between(count, 1, 10_000, name="count")
    both = moves(before, after)
    rank = {name: i for i, name in enumerate(order)}
    both["places"] = both["to_segment"].map(rank) - both["from_segment"].map(rank)
    down = both[both["places"] > 0].nlargest(count, "value_after")
    keys = _keys(before, after)
    return down.astype({"places": "int64"})[[*keys, "from_segment", "to_segment", "places", "value_after"]].reset_index(
        drop=True
    )


def segment_sizes(ledger: pd.DataFrame, *, order: Sequence[str]) -> pd.DataFrame:
    """Return `as_of, segment, customers, revenue` (their spend, in currency) for every day and segment, 0 included."""
    require_columns(list(ledger.columns), ["as_of", "segment", "value"], what="The ledger")
    names = full_order(order, ledger)
    grouped = ledger.groupby(["as_of", "segment"], observed=True)["value"]
    sums = pd.DataFrame({"customers": grouped.size(), "revenue": grouped.sum()})
    grid = pd.MultiIndex.from_product([sorted(ledger["as_of"].unique()), names], names=["as_of", "segment"])
    return sums.reindex(grid, fill_value=0).astype({"customers": "int64", "revenue": "float64"}).reset_index()


def full_order(order: Sequence[str], *frames: pd.DataFrame) -> list[str]:
    """Return the segments in order, those of the frames that are not in it at the end, by name."""
    found: set[str] = set()
    for frame in frames:
        found.update(map(str, frame["segment"].unique()))
    return [*order, *sorted(found - set(order))]


def share_moved(matrix: pd.DataFrame) -> float:
    """Return the share of the customers of both days who are in another segment, NaN without any."""
    both = matrix[(matrix["from_segment"] != NEW) & (matrix["to_segment"] != GONE)]
    moved = both.loc[both["from_segment"] != both["to_segment"], "customers"].sum()
    return float(moved / both["customers"].sum()) if len(both) else float(np.nan)


def _keys(*frames: pd.DataFrame) -> list[str]:
    """Return what identifies a customer: also the channel, if every day knows it."""
    for frame in frames:
        require_columns(list(frame.columns), ["customer_id", "segment", "value"], what="The ledger")
    return row_keys(*frames)
