"""How engaged a customer is by his clicks, visits and carts."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.customers.days import as_day, as_table, with_days
from rfm_ml.customers.rfm import count, money, within

HALF_LIFE_DAYS = 30
"""An event counts half after as many days."""

FORGOTTEN_DAYS = 365
"""Older events do not count in the score: they would weigh less than 1/4000."""

EVENT_WEIGHTS = {"email_open": 1, "email_click": 3, "visit": 3, "cart_add": 5, "cart_abandon": 5}
"""Points of an event of today; other kinds give none."""

CLICK_DAYS = 180
VISIT_DAYS = 90


def engagement(events: ir.Table | pd.DataFrame, *, as_of: date | str) -> ir.Table:
    """Compute engagement: one row per customer with an event up to `as_of`.

    Parameters
    ----------
    events
        `customer_id`, `event_at`, `kind`.
    as_of
        The day the table is seen from, included.

    Returns
    -------
    Table
        `customer_id`, `clicks_180d` (e-mail clicks in the last 180 days), `visits_90d` (shop
        visits in the last 90 days), `engagement_score`: the sum over the events of the last
        `FORGOTTEN_DAYS` days of weight x 2^(-age / `HALF_LIFE_DAYS`), age in days. Each term is
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
    table = with_days(table, day="event_on", instant="event_at")
    past = table.filter(table.event_on <= ibis.literal(day))
    points = past.kind.cases(*EVENT_WEIGHTS.items(), else_=0)
    age = ibis.literal(day).delta(past.event_on, unit="day")
    decayed = (points / ibis.literal(2) ** (age / HALF_LIFE_DAYS)).cast("decimal(18, 9)")
    clicked = (past.kind == "email_click") & within(past.event_on, as_of=day, days=CLICK_DAYS)
    visited = (past.kind == "visit") & within(past.event_on, as_of=day, days=VISIT_DAYS)
    remembered = within(past.event_on, as_of=day, days=FORGOTTEN_DAYS)
    return past.group_by("customer_id").aggregate(
        clicks_180d=count(past.count(where=clicked)),
        visits_90d=count(past.count(where=visited)),
        engagement_score=money(ibis.ifelse(remembered, decayed, 0).sum()),
    )
