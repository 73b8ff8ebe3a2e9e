"""Criteria as a tree: what a customer must be or have done."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from rfm_ml.criteria.values import Comparison


@dataclass(frozen=True)
class Period:
    """Days that count: the last so many up to the as-of day, or those from one day to another, both included."""

    within_days: int | None = None
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True)
class Filter:
    """A test of one column of a row; `key` is what the criteria call it."""

    key: str
    column: str
    test: Comparison
    path: str


@dataclass(frozen=True)
class Facts:
    """How many rows a customer has in a table (orders, events, campaigns), and what they sum to.

    With an `edge`, first or last, only the orders of the first or last order day count; `measures` is days_ago or none.
    """

    table: str
    filters: tuple[Filter, ...]
    period: Period
    measures: tuple[tuple[str, Comparison], ...]
    path: str
    edge: str | None = None


@dataclass(frozen=True)
class Column:
    """A test of a column of a table with one row per customer (and channel).

    `source` is measure, contact, or the strategy whose segments and scores are meant, as `labels:<strategy>`
    (`labels:` for the leading one).
    """

    source: str
    filters: tuple[Filter, ...]
    path: str


@dataclass(frozen=True)
class Tags:
    """One of these tags is on the contact."""

    names: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class Every:
    """All of the parts hold."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Some:
    """At least one of the parts holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Condition"


Predicate = Facts | Column | Tags
Condition = Predicate | Every | Some | Not


def predicates(condition: Condition) -> Iterator[Predicate]:
    """Yield the conditions that are no all, any or not, in their order."""
    if isinstance(condition, Not):
        yield from predicates(condition.part)
    elif isinstance(condition, Every | Some):
        for part in condition.parts:
            yield from predicates(part)
    else:
        yield condition
