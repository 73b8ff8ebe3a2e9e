"""What customers did next, for strategies that learn from it."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.customers.holdout import order_span, split_holdout
from rfm_ml.strategies import Strategy

if TYPE_CHECKING:
    from rfm_ml.study.segments import StudySegments


def past_with_outcomes(study: "StudySegments", strategy: Strategy, *, as_of: date) -> pd.DataFrame | None:
    """Return the customers of an earlier day with what they did until `as_of`; None if the strategy needs no outcome.

    The day lies the strategy's `horizon_days` before `as_of`, or before the last order where the log ends earlier.
    Nothing after it reaches the customers' columns: see `split_holdout`.

    Raises
    ------
    DataError
        If the log does not go back so far.
    """
    if not strategy.needs_outcome:
        return None
    days = strategy.horizon_days
    first, last = order_span(study.orders)
    until = min(as_of, last)
    start = until - timedelta(days=days)
    if start < first:
        raise DataError(
            f"{strategy.kind.__name__} learns from what customers did in {days} days: the log must begin before "
            f"{start}. The first order is on {first}. Set a smaller horizon_days in its options, or leave it out."
        )
    options = study.params.customers.model_dump()
    return split_holdout(
        study.orders, as_of=start, until=until, lines=study.lines, events=study.scored_events, **options
    )
