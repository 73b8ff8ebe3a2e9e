"""How engaged a customer is by their clicks, visits and carts."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.customers.days import as_day, as_table, with_days
from rfm_ml.customers.rfm import count, money, within

HALF_LIFE_DAYS = 30
"""An event counts half after as many days, if nothing else is asked for."""

FORGOTTEN_DAYS = 365
"""Older events do not count in the score: they would weigh less than 1/4000. With another half-life the limit moves
in proportion."""

EVENT_WEIGHTS: Final[dict[str, float]] = {
    "email_open": 1,
    "email_click": 3,
    "visit": 3,
    "cart_add": 5,
    "cart_abandon": 5,
}
"""Points of an event of today, if nothing else is asked for; other kinds give none."""

ENGAGED: Final = ("clicks_180d", "visits_90d", "engagement_score")
"""Columns of `engagement`, of customers and of those who never ordered alike."""

CLICK_DAYS = 180
VISIT_DAYS = 90

ACTIVITIES: Final = {
    "email_open": "opens",
    "email_click": "clicks",
    "visit": "visits",
    "cart_add": "carts",
    "cart_abandon": "abandoned_carts",
}
"""Kind of event, and the column of `activity` that counts it."""


def with_points(
    events: ir.Table | pd.DataFrame,
    *,
    half_life_days: float = HALF_LIFE_DAYS,
    weights: Mapping[str, float] | None = None,
) -> ir.Table:
    """Add what each event counts in `engagement_score`, and how fast that fades.

    Parameters
    ----------
    events
        `customer_id`, `event_at`, `kind`.
    half_life_days
        An event counts half after as many days.
    weights
        Points of an event of today by its kind; other kinds give none. None: `EVENT_WEIGHTS`.

    Returns
    -------
        The events with `engagement_points` and `engagement_half_life_days`, which `engagement` goes by.

    Raises
    ------
    ParamsError
        If the half-life is not between 1 and 3650 days.
    """
    require_between(half_life_days, 1, 3650, name="half_life_days")
    table = as_table(events, what="events")
    require_columns(table.columns, ["kind"], what="The events table")
    given = {k: float(v) for k, v in (EVENT_WEIGHTS if weights is None else weights).items()}
    zero = ibis.literal(0.0, type="float64")
    points = table.kind.cases(*given.items(), else_=0.0).cast("float64") if given else zero
    return table.mutate(
        engagement_points=points, engagement_half_life_days=ibis.literal(float(half_life_days), type="float64")
    )


def engagement(events: ir.Table | pd.DataFrame, *, as_of: date | str) -> ir.Table:
    """Compute engagement: one row per customer with an event up to `as_of`.

    Parameters
    ----------
    events
        `customer_id`, `event_at`, `kind`; from `with_points`, if not the default points and half-life are meant.
    as_of
        The day the table is seen from, included; later events are ignored.

    Returns
    -------
        `customer_id`, `clicks_180d` (e-mail clicks in the last 180 days), `visits_90d` (shop
        visits in the last 90 days), `engagement_score`: the sum over the events of the last
        `FORGOTTEN_DAYS` days of points x 2^(-age / half-life), age in days. Each term is
        rounded to nine decimals, so that the sum does not depend on the order of the rows.

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({
    ...     "customer_id": [1, 1],
    ...     "event_at": pd.to_datetime(["2024-03-31 09:00", "2024-03-01 18:00"]),
    ...     "kind": ["email_click", "email_click"],
    ... })
    >>> row = engagement(events, as_of="2024-03-31").to_pyarrow().to_pylist()[0]
    >>> row["clicks_180d"], row["engagement_score"]
    (2, 4.5)
    """
    day = as_day(as_of)
    table = as_table(events, what="events")
    require_columns(table.columns, ["customer_id", "event_at", "kind"], what="The events table")
    table = table if "engagement_points" in table.columns else with_points(table)
    past = _up_to(table, day)
    half_life = past.engagement_half_life_days
    age = ibis.literal(day).delta(past.event_on, unit="day")
    decayed = (past.engagement_points / ibis.literal(2) ** (age / half_life)).cast("decimal(18, 9)")
    clicked = (past.kind == "email_click") & within(past.event_on, as_of=day, days=CLICK_DAYS)
    visited = (past.kind == "visit") & within(past.event_on, as_of=day, days=VISIT_DAYS)
    remembered = age < FORGOTTEN_DAYS * half_life / HALF_LIFE_DAYS
    return past.group_by("customer_id").aggregate(
        clicks_180d=count(past.count(where=clicked)),
        visits_90d=count(past.count(where=visited)),
        engagement_score=money(ibis.ifelse(remembered, decayed, 0).sum()),
    )


def activity(events: ir.Table | pd.DataFrame, *, as_of: date | str, days: int = 90) -> pd.DataFrame:
    """Count what everybody with an event did lately, customers and prospects alike.

    Parameters
    ----------
    events
        As for `engagement`.
    as_of
        The last day that counts.
    days
        Only events in (as_of - days, as_of] are counted.

    Returns
    -------
        `customer_id, opens, clicks, visits, carts, abandoned_carts, engagement_score`, one row per customer with an
        event up to `as_of`, by customer.

    Examples
    --------
    >>> events = pd.DataFrame({
    ...     "customer_id": [1, 1], "event_at": pd.to_datetime(["2024-03-31", "2023-12-31"]), "kind": "visit"
    ... })
    >>> activity(events, as_of="2024-03-31", days=90)[["visits", "clicks"]].to_numpy().tolist()
    [[1, 0]]
    """
    day = as_day(as_of)
    require_between(days, 1, 10_000, name="days")
    table = as_table(events, what="events")
    scores = engagement(table, as_of=day)
    past = _up_to(table, day)
    lately = within(past.event_on, as_of=day, days=days)
    counted = past.group_by("customer_id").aggregate(
        **{column: count(past.count(where=lately & (past.kind == kind))) for kind, column in ACTIVITIES.items()}
    )
    joined = counted.join(scores, "customer_id").select("customer_id", *ACTIVITIES.values(), "engagement_score")
    frame: pd.DataFrame = joined.order_by("customer_id").to_pyarrow().to_pandas()
    return frame


def _up_to(events: ir.Table, day: date) -> ir.Table:
    table = with_days(events, day="event_on", instant="event_at")
    return table.filter(table.event_on <= ibis.literal(day))
