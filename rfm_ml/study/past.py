"""A study's customers on earlier days, from the log itself."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TypeVar

import pandas as pd

from rfm_ml.core.errors import DataError
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
