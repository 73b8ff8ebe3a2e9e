"""The segments that one customer was in: as published, and before that by the rules of today."""

from datetime import date
from typing import Any

import pandas as pd

from rfm_ml.core.columns import row_keys
from rfm_ml.customers.snapshots import snapshots
from rfm_ml.features.panels.panels import MOST_MONTHS, month_ends
from rfm_ml.study.ledgers import read_ledger
from rfm_ml.study.study import Study


def segment_history(study: Study, rows: pd.DataFrame, *, orders: Any, events: pd.DataFrame | None) -> pd.DataFrame:
    """Return the segments of one customer by the leading strategy, the last `MOST_MONTHS` days and the study's own.

    Days that a run or a backfill has published are as published. The ends of the months before them are seen with the
    model of today, as if a run had been made on each, hysteresis included.

    Parameters
    ----------
    study
        Any study.
    rows
        The customer's rows of the customers' table.
    orders, events
        Of this customer alone; None without events.

    Returns
    -------
    DataFrame
        `as_of`, (`channel`,) `segment`, scores where the strategy has them, `orders`, `spend` and `published`.

    Raises
    ------
    DataError
        If the strategy needs more of earlier months than recency, frequency and spend.
    """
    today, published = study.as_of, _published(study, rows)
    ends = month_ends(rows["first_order_on"].min().date(), today, most=MOST_MONTHS)[:-1]
    computed = [d for d in ends if d < min(published, default=today)]
    days = [*computed, *sorted(published)][-MOST_MONTHS:]
    measured = snapshots(orders, as_of=[*days, today], **study.params.customers.model_dump())
    keys = row_keys(rows)
    own = study.ledger()
    known = published | {today: own[own["customer_id"] == rows["customer_id"].iloc[0]]}
    last, found = None, []
    for day in [*days, today]:
        seen = measured[measured["as_of"] == pd.Timestamp(day)].reset_index(drop=True)
        ledger = known[day] if day in known else _labelled(study, seen, day=day, events=events, last=last)
        if len(ledger):
            shown = [c for c in (*keys, "segment", "R", "F", "M") if c in ledger]
            joined = ledger[shown].merge(seen[[*keys, "orders", "spend"]], on=keys, how="left")
            joined.insert(0, "as_of", pd.Timestamp(day))
            found.append(joined.assign(published=day in published))
            last = ledger
    return pd.concat(found, ignore_index=True).drop(columns="customer_id")


def _published(study: Study, rows: pd.DataFrame) -> dict[date, pd.DataFrame]:
    """Return the customer's rows of each published ledger with the same kind of rows."""
    files = list(study.earlier.files(study.strategies[0]).items())[:MOST_MONTHS]
    found = {day: read_ledger(file, customer_id=rows["customer_id"].iloc[0]) for day, file in files}
    return {day: ledger for day, ledger in found.items() if ("channel" in ledger) == ("channel" in rows)}


def _labelled(
    study: Study, seen: pd.DataFrame, *, day: date, events: pd.DataFrame | None, last: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the customer's ledger of a day that nobody has published."""
    if seen.empty:
        return seen
    model = study.model()
    assigned = study.label(model, seen, as_of=day, earlier=last, events=events)
    return study.follow(assigned, seen, model=model, strategy=study.strategies[0], as_of=day, earlier=last)
