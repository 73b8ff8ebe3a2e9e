"""A study's customers on earlier days, from the log itself."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TypeVar

import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers import customer_table, each_snapshot
from rfm_ml.study.segments import StudySegments

Made = TypeVar("Made")


class PastDay:
    """The customers' table of one day.

    Parameters
    ----------
    study
        Whose log it is.
    as_of
        The day.
    customers
        The table without features.
    """

    def __init__(self, study: StudySegments, as_of: date, customers: pd.DataFrame) -> None:
        self.study = study
        self.as_of = as_of
        self.customers = customers
        self.needed_features = False

    @cached_property
    def with_features(self) -> pd.DataFrame:
        """The table with all features: a query over the log for this day alone."""
        study, options = self.study, self.study.params.customers.model_dump()
        return customer_table(study.orders, as_of=self.as_of, lines=study.lines, events=study.scored_events, **options)

    def use(self, make: Callable[[pd.DataFrame], Made]) -> Made:
        """Return what is made of the table, with features only if it cannot be made without."""
        try:
            return make(self.customers)
        except (DataError, KeyError):  # our own strategies, and a user's
            self.needed_features = True
            return make(self.with_features)


def past_days(study: StudySegments, days: Sequence[date]) -> Iterator[PastDay]:
    """Give each day's customers, the earliest day first, reading the log once.

    Days before the first order are left out.

    Parameters
    ----------
    study
        Its window and split by channel hold for every day.
    days
        The days, in any order.
    """
    for day, customers in each_snapshot(study.orders, as_of=days, **study.params.customers.model_dump()):
        if not customers.empty:
            yield PastDay(study, day, customers)


def as_of_days(start: date, end: date, *, every: str) -> list[date]:
    """Return the as-of days of a period.

    Parameters
    ----------
    start, end
        First and last day that may be among them.
    every
        "month" for the month-ends, "week" for the last day and every seventh before it, or a number of days as in
        "30 days".

    Raises
    ------
    ParamsError
        If `every` is something else, the period is turned around, or no day, or more than 1,000, lie in it.

    Examples
    --------
    >>> [str(d) for d in as_of_days(date(2024, 1, 15), date(2024, 3, 31), every="month")]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    """
    if start > end:
        raise ParamsError(f"The first day must not be after the last. Got {start} and {end}. Turn them around.")
    step = _step(every)
    if step is None:
        days = [d.date() for d in pd.date_range(start, end, freq="ME")]
    else:
        days = [date.fromordinal(n) for n in range(end.toordinal(), start.toordinal() - 1, -step)][::-1]
    if not days:
        raise ParamsError(f"A month-end must lie between {start} and {end}. None does. Take every week, or other days.")
    if len(days) > 1000:
        raise ParamsError(f"At most 1,000 days can be asked for. Got {len(days):,}. Choose a longer step.")
    return days


def _step(every: str) -> int | None:
    """Return the days of a step, None for months."""
    words = every.strip().lower().removesuffix("s").removesuffix("day").strip()
    if words in ("month", "week"):
        return 7 if words == "week" else None
    if words.isdigit() and 1 <= int(words) <= 3660:
        return int(words)
    raise ParamsError(f"every must be month, week, or a number of days such as '30 days'. Got {every!r}.")
