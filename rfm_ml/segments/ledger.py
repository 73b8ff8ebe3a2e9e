"""The segment ledger: who is in which segment on a day, since when, and where they came from."""

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.columns import row_keys
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.segments.maps import PROSPECT
from rfm_ml.segments.model import SegmentModel

STATE: Final = ["segment", "since", "previous", "label", "label_periods"]
"""What the ledger of a day hands on to that of the next."""

COLUMNS: Final = ["customer_id", "strategy", "as_of", *STATE, "value", "model"]
"""Columns of every ledger; `channel`, scores and other details come between them where a strategy has them."""


def ledger_rows(
    assigned: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    model: SegmentModel,
    strategy: str,
    as_of: date,
    earlier: pd.DataFrame | None = None,
    periods: int = 1,
) -> pd.DataFrame:
    """Write down the segments of a day, following the ledger of an earlier day.

    Parameters
    ----------
    assigned
        As `SegmentModel.assign` and the overlays give it. Prospects are left out: they are no customers yet.
    customers
        The customers' table of the day, one row per customer (and channel).
    model
        The model that gave the labels.
    strategy
        The name of the strategy in the study.
    as_of
        The day.
    earlier
        The ledger of the last day before, None if there is none.
    periods
        Customers move only when they have had the same other label on so many days of the ledger in a row; 1 moves
        them at once, as are moved those without a row in `earlier` or in a segment that the model does not know.

    Returns
    -------
        One row per customer (and channel), sorted as `customers`: `customer_id`, (`channel`,) `strategy`, `as_of`,
        `segment`, `since` (the first day of the ledger on which they were in it), `previous` (the segment before, empty
        if none is known), `label` (what the model says today; differs from `segment` only while they wait),
        `label_periods` (days of the ledger in a row with this label), the columns of `assigned` such as `R, F, M,
        cell`, `value` (their spend in the customers' table, in currency) and `model` (its fingerprint).

    Raises
    ------
    ParamsError
        If `periods` is not a whole number from 1 to 100, or `earlier` is not of an earlier day.
    DataError
        If customers have no label, or ids are of another kind than in `earlier`.
    """
    require_between(periods, 1, 100, name="periods")
    keys = row_keys(assigned)
    now = assigned[assigned["segment"] != PROSPECT].reset_index(drop=True)
    require_columns(list(customers.columns), [*keys, "spend"], what="The customers' table")
    if not now[keys].equals(customers[keys].reset_index(drop=True)):
        raise DataError("Every customer must have one label. Got labels of other customers. Assign these customers.")
    rows = now[keys].assign(strategy=strategy, as_of=pd.Series(pd.Timestamp(as_of), now.index, dtype="datetime64[us]"))
    rows = rows.assign(**_followed(now, earlier, keys=keys, model=model, as_of=as_of, periods=periods))
    details = now.drop(columns=[*keys, "segment"])
    rows = pd.concat([rows, details], axis=1)
    return rows.assign(value=customers["spend"].to_numpy(dtype=np.float64), model=model.fingerprint)


def relinked(rows: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """Return the ledger of a day as it would be had the day known the ledger before it, its segments untouched.

    Parameters
    ----------
    rows
        The ledger of a day, as `ledger_rows`.
    earlier
        That of the last day before, of the same kind of rows; None or empty leaves `rows` as they are.

    Returns
    -------
        As `rows`: `segment` and `label` as they were given out; `since`, `previous` and `label_periods` go on from
        `earlier`.

    Raises
    ------
    DataError
        If ids are of another kind than in `earlier`.
    """
    if earlier is None or earlier.empty:
        return rows
    keys = row_keys(rows)
    now = rows.reset_index(drop=True)
    before = _joined(now[keys], earlier[[*keys, *STATE]], keys=keys)
    return now.assign(**_state(before, segment=now["segment"], label=now["label"], day=now["as_of"]))


def hold_scores(
    assigned: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    model: SegmentModel,
    earlier: pd.DataFrame | None,
    margin: float,
) -> pd.DataFrame:
    """Keep a customer's scores of an earlier day while they are within a margin of the limit they crossed.

    Parameters
    ----------
    assigned
        What `model.assign(customers)` returned, before overlays.
    customers
        The customers' table of the day.
    model
        The model; one without scores of R, F and M has no limits, so `assigned` comes back as it is.
    earlier
        The ledger of an earlier day; who is not in it keeps the scores of `assigned`.
    margin
        Share of the limit, 0 to below 1: with 0.1 a limit of 100 is crossed upwards beyond 110 and downwards below 90.

    Returns
    -------
        As `assigned`, with the held `segment`, `R`, `F`, `M` and `cell`.

    Notes
    -----
    A Schmitt trigger per measure: the score is the earlier one, clipped to what it would be with every limit moved
    up, and with every limit moved down, by the margin.
    """
    require_between(margin, 0, 0.99, name="margin")
    strategy = model.strategy_
    if earlier is None or not strategy.n_scores or not set("RFM") <= set(earlier.columns):
        return assigned
    keys, scores = row_keys(assigned, earlier), list("RFM")
    before = _joined(assigned[keys], earlier[[*keys, *scores]], keys=keys)
    held = strategy.hold(customers, today=assigned[scores], before=before, margin=margin).set_axis(assigned.index)
    frame = assigned.assign(**{name: held[name] for name in (*scores, "cell")})
    frame["segment"] = frame["cell"] if model.segment_map is None else model.segment_map.segment_of(frame)
    return frame


def _followed(
    now: pd.DataFrame,
    earlier: pd.DataFrame | None,
    *,
    keys: list[str],
    model: SegmentModel,
    as_of: date,
    periods: int,
) -> dict[str, pd.Series]:
    """Return the columns of `STATE` for the rows of `now`."""
    label, day = now["segment"], pd.Series(pd.Timestamp(as_of), now.index, dtype="datetime64[us]")
    if earlier is None or earlier.empty:
        nobody = pd.Series("", now.index, dtype=label.dtype)
        once = pd.Series(1, now.index, dtype="int64")
        return dict(zip(STATE, (label, day, nobody, label, once), strict=True))
    if earlier["as_of"].max() >= pd.Timestamp(as_of):
        raise ParamsError(
            f"The earlier ledger must be of a day before {as_of}. Got {earlier['as_of'].max().date()}. "
            "Give an older one."
        )
    before = _joined(now[keys], earlier[[*keys, *STATE]], keys=keys)
    may_wait = (_in_a_row(before, label) < periods) & before["segment"].isin(_names(model))
    stays = before["segment"].notna() & ((before["segment"] == label) | may_wait)
    return _state(before, segment=before["segment"].where(stays, label).astype(label.dtype), label=label, day=day)


def _state(before: pd.DataFrame, *, segment: pd.Series, label: pd.Series, day: pd.Series) -> dict[str, pd.Series]:
    """Return the columns of `STATE` where segment and label of the day are given; `before` is the state before it."""
    known = before["segment"].notna()
    stays = known & (before["segment"] == segment)
    since = before["since"].where(stays, day).astype("datetime64[us]")
    previous = before["previous"].where(stays, before["segment"].where(known, "")).astype(label.dtype)
    return dict(zip(STATE, (segment, since, previous, label, _in_a_row(before, label)), strict=True))


def _in_a_row(before: pd.DataFrame, label: pd.Series) -> pd.Series:
    """Return for how many days of the ledger each has had their label."""
    again = before["segment"].notna() & (before["label"] == label)
    return before["label_periods"].where(again, 0).astype("int64") + 1


def _names(model: SegmentModel) -> list[str]:
    return model.segments if model.segment_map is None else model.segment_map.all_names()


def _joined(ids: pd.DataFrame, earlier: pd.DataFrame, *, keys: list[str]) -> pd.DataFrame:
    """Return the earlier row of each id, missing where there is none."""
    for key in keys:
        if pd.api.types.is_numeric_dtype(ids[key]) != pd.api.types.is_numeric_dtype(earlier[key]):
            raise DataError(
                f"{key} must be of one kind in every ledger. Got {earlier[key].dtype} before and {ids[key].dtype} now. "
                "Remove the earlier reports, or keep the kind of the ids."
            )
    return ids.merge(earlier, on=keys, how="left", validate="one_to_one")
