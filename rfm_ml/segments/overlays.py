"""What lies over the grid: lost customers who still engage, and contacts who never ordered."""

import datetime as dt
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.segments.maps import PROSPECT, SegmentMap


def engaged(events: Any, *, as_of: str | dt.date, click_days: int = 180, visit_days: int = 90) -> pd.Index:
    """Return the customers who clicked an e-mail or visited the shop recently, sorted.

    Parameters
    ----------
    events
        A pandas frame or an Ibis table with `customer_id`, `event_at`, `kind`.
    as_of
        The last day that counts. Events of later days do not.
    click_days, visit_days
        An `email_click` counts if it is of the last so many days, `as_of` the last of them; a `visit` likewise.

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> clicks = pd.DataFrame({"customer_id": [1, 2], "kind": "email_click"}).assign(
    ...     event_at=pd.to_datetime(["2026-01-01", "2025-01-01"])
    ... )
    >>> engaged(clicks, as_of="2026-01-31").tolist()
    [1]
    """
    return touches(events, as_of=as_of, click_days=click_days, visit_days=visit_days).index


def touches(events: Any, *, as_of: str | dt.date, click_days: int = 180, visit_days: int = 90) -> pd.DataFrame:
    """Return `clicks` and `visits` of the customers who have any of them recently, by `customer_id`, sorted.

    Parameters and errors are those of `engaged`.

    Examples
    --------
    >>> seen = pd.DataFrame({"customer_id": [1, 1, 2], "kind": ["visit", "email_click", "email_open"]}).assign(
    ...     event_at=pd.to_datetime("2026-01-01")
    ... )
    >>> touches(seen, as_of="2026-01-31").reset_index().to_numpy().tolist()
    [[1, 1, 1]]
    """
    require_columns(list(events.columns), ["customer_id", "event_at", "kind"], what="The events table")
    day = pd.Timestamp(as_of).normalize()
    end = day + pd.Timedelta(days=1)
    click = (end - pd.Timedelta(days=click_days)).to_pydatetime()
    visit = (end - pd.Timedelta(days=visit_days)).to_pydatetime()
    kind, at = events["kind"], events["event_at"]
    touched = ((kind == "email_click") & (at >= click)) | ((kind == "visit") & (at >= visit))
    recent = (at < end.to_pydatetime()) & touched
    if isinstance(events, pd.DataFrame):
        found = events.loc[recent, ["customer_id", "kind"]]
        clicked = found["kind"] == "email_click"
        marked = found.assign(clicks=clicked, visits=~clicked)
        counted = marked.groupby("customer_id")[["clicks", "visits"]].sum()
    else:
        some = events.filter(recent, events["customer_id"].notnull())
        clicked = some["kind"] == "email_click"
        grouped = some.group_by("customer_id").aggregate(clicks=clicked.sum(), visits=(~clicked).sum())
        # Through Arrow: Ibis' own way to pandas reads an option that pandas 3 warns about.
        counted = grouped.to_pyarrow().to_pandas().set_index("customer_id")
    return counted.astype("int64").sort_index()


def with_overlays(
    assigned: pd.DataFrame, events: Any | None, *, segment_map: SegmentMap, as_of: str | dt.date
) -> pd.DataFrame:
    """Return `assigned` with the map's overlays applied, as in Lost becoming Lost but engaged.

    Without events (None) all customers stay where they are.

    Raises
    ------
    DataError
        If the ids of the two tables are not of one type, so that none could match.
    """
    if events is None:
        return assigned.copy()
    laid = assigned.copy()
    for overlay in segment_map.overlays:
        ids = engaged(events, as_of=as_of, click_days=overlay["click_days"], visit_days=overlay["visit_days"])
        _require_same_type(assigned["customer_id"], ids, what="events")
        applies = (assigned["segment"] == overlay["of"]) & assigned["customer_id"].isin(ids)
        laid["segment"] = laid["segment"].mask(applies, overlay["name"])
    return laid


def overlay_reasons(
    reasons: pd.Series, laid: pd.DataFrame, events: Any | None, *, segment_map: SegmentMap, as_of: str | dt.date
) -> pd.Series:
    """Return why each customer is where they are, overlays included.

    Parameters
    ----------
    reasons
        What the grid says, as `SegmentModel.explain`: "Lost: last order 812 days ago, ...".
    laid
        `customer_id` and `segment` of the same rows, as `with_overlays` gives.
    events
        As for `with_overlays`.

    Returns
    -------
        Sentences of an overlay have its name and end with what put the customer there: "Lost but engaged: last order
        812 days ago, ...; but clicked 3 times in the last 180 days." All others are as they were.
    """
    told = reasons.copy()
    for overlay in segment_map.overlays:
        inside = (laid["segment"] == overlay["name"]).to_numpy()
        if events is None or not inside.any():
            continue
        days = {key: overlay[key] for key in ("click_days", "visit_days")}
        counts = touches(events, as_of=as_of, **days).reindex(laid.loc[inside, "customer_id"], fill_value=0)
        why = [_touched(*row, **days) for row in zip(counts["clicks"], counts["visits"], strict=True)]
        before = told[inside].str.removeprefix(f"{overlay['of']}: ").str.removesuffix(".")
        told[inside] = [f"{overlay['name']}: {b}{w}." for b, w in zip(before, why, strict=True)]
    return told


def _touched(clicks: int, visits: int, *, click_days: int, visit_days: int) -> str:
    """Return "; but clicked ... and visited ...", empty for who did neither."""
    did = [("clicked", clicks, click_days), ("visited", visits, visit_days)]
    told = [f"{what} {_often(n)} in the last {'day' if days == 1 else f'{days} days'}" for what, n, days in did if n]
    return f"; but {' and '.join(told)}" if told else ""


def _often(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times:,} times")


def with_prospects(assigned: pd.DataFrame, contacts: pd.DataFrame | None) -> pd.DataFrame:
    """Return `assigned` followed by the contacts who are not in it, as Prospect with scores of 0.

    Parameters
    ----------
    assigned
        As `SegmentModel.assign` gives.
    contacts
        `customer_id` and anything else; None adds nobody. A contact listed twice is added once.

    Raises
    ------
    DataError
        If the ids of the two tables are not of one type, so that none could match.
    """
    if contacts is None:
        return assigned.copy()
    require_columns(list(contacts.columns), ["customer_id"], what="The contacts table")
    ids = contacts["customer_id"].dropna().drop_duplicates()
    _require_same_type(assigned["customer_id"], pd.Index(ids), what="contacts")
    new = pd.DataFrame({"customer_id": ids[~ids.isin(assigned["customer_id"])]}).assign(segment=PROSPECT)
    if new.empty:
        return assigned.copy()
    for column in assigned.columns.intersection(["R", "F", "M", "cell"]):
        new[column] = "" if column == "cell" else 0
    return pd.concat([assigned, new], ignore_index=True)


def _require_same_type(ids: pd.Series, other: pd.Index, *, what: str) -> None:
    if len(ids) == 0 or len(other) == 0:
        return
    numbers = pd.api.types.is_numeric_dtype(ids), pd.api.types.is_numeric_dtype(other)
    if numbers[0] != numbers[1]:
        kinds = ["whole numbers" if n else "text" for n in numbers]
        raise DataError(
            f"customer_id must be of one type in every table. Got {kinds[0]} in the orders and {kinds[1]} in the "
            f"{what}. Read both as text."
        )


NEXT_STEP: Final = "A first order makes him a customer."


def prospects_explained(contacts: Any | None, customer_ids: Iterable[Any], *, as_of: date) -> pd.DataFrame:
    """Return `reason, next_step` of people without an order, one row per id.

    Parameters
    ----------
    contacts
        An Ibis table with `customer_id`, and `created_at` where it is known; None without contacts.
    customer_ids
        Whom to speak of.
    as_of
        The day; a contact created later is not said to be known since then.
    """
    ids = list(customer_ids)
    since = {} if contacts is None or not ids else _known_since(contacts, ids)
    reasons = [f"{PROSPECT}: never ordered; {_known(since, who, as_of=as_of)}." for who in ids]
    return pd.DataFrame({"reason": reasons, "next_step": NEXT_STEP}, dtype="str")


def _known_since(contacts: Any, ids: list[Any]) -> dict[Any, date | None]:
    """Return the first day of each contact among `ids`, None where it is not known."""
    first = contacts.created_at.try_cast("timestamp").date() if "created_at" in contacts.columns else None
    dated = contacts.select("customer_id") if first is None else contacts.select("customer_id", first=first)
    if len(ids) == 1:  # one customer is asked for; no need to read all contacts
        dated = dated.filter(dated.customer_id == ids[0])
    if first is None:
        return dict.fromkeys(dated.distinct().to_pyarrow()["customer_id"].to_pylist())
    found = dated.group_by("customer_id").aggregate(first=dated["first"].min()).to_pyarrow()
    return dict(zip(found["customer_id"].to_pylist(), found["first"].to_pylist(), strict=True))


def _known(since: dict[Any, date | None], customer_id: Any, *, as_of: date) -> str:
    if customer_id not in since:
        return "not among the contacts"
    first = since[customer_id]
    return "known as a contact" if first is None or first > as_of else f"known as a contact since {first}"
