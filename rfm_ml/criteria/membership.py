"""Criteria compiled to one Ibis query: who is in which dynamic segment."""

import datetime as dt
from collections.abc import Mapping, Sequence

import ibis.expr.types as ir
import pandas as pd

from rfm_ml.criteria.conditions import Condition, leaves
from rfm_ml.criteria.leaf import Measures
from rfm_ml.criteria.sources import Sources
from rfm_ml.criteria.tree import simplified, with_answers
from rfm_ml.criteria.unseen import unseen_values
from rfm_ml.customers.days import as_day


def membership(
    criteria: Mapping[str, Condition],
    tables: Mapping[str, ir.Table | pd.DataFrame | None],
    *,
    as_of: dt.date | str,
    customers: ir.Table | pd.DataFrame | None = None,
    labels: Mapping[str, ir.Table | pd.DataFrame] | None = None,
) -> ir.Table:
    """Return one row per known customer and one column of true or false per dynamic segment.

    Known is who ordered, had an event or was sent a campaign up to the as-of day, and every contact.

    Parameters
    ----------
    criteria
        Conditions by name of the segment.
    tables
        `orders`; optional `lines`, `events`, `campaigns`, `contacts`. Rows after the as-of day do not count.
    as_of
        The day that `within_days` and `days_ago` count from.
    customers
        The customers table as of that day, for measures.
    labels
        Segments and scores as of that day by strategy, the leading one first.

    Returns
    -------
    Table
        `customer_id` and the names of the criteria; in no particular order. One query, one pass over each table,
        however many segments there are.

    Raises
    ------
    ParamsError
        If criteria ask for what is not there, or compare what does not compare; with the path to the fault.
    DataError
        If a table lacks its needed columns.
    """
    measures = Measures(Sources(tables, as_of=as_day(as_of), customers=customers, labels=labels or {}))
    sources = measures.sources
    trees = {name: simplified(condition, measures) for name, condition in criteria.items()}
    joined = sources.everybody
    for asked, columns in measures.by_table.items():
        per_customer = sources.get(asked, path=asked.name).group_by("customer_id").aggregate(**columns)
        both = joined.left_join(per_customer, "customer_id")
        joined = both.select(*(both[c] for c in joined.columns), *(both[c] for c in columns))
    return with_answers(joined, trees)


def values_not_seen(
    criteria: Mapping[str, Condition],
    tables: Mapping[str, ir.Table | pd.DataFrame | None],
    *,
    as_of: dt.date | str,
    customers: ir.Table | pd.DataFrame | None = None,
    labels: Mapping[str, ir.Table | pd.DataFrame] | None = None,
) -> list[str]:
    """Say which values the criteria name that no row has up to the day; arguments and errors as of `membership`.

    Returns
    -------
    A sentence each, with the path and the nearest value there is. Segments are not among them.
    """
    measures = Measures(Sources(tables, as_of=as_day(as_of), customers=customers, labels=labels or {}))
    for condition in criteria.values():
        for leaf in leaves(condition):
            measures.add(leaf)
    return unseen_values(measures)


def count_members(members: ir.Table, names: Sequence[str]) -> dict[str, int]:
    """Count the members of each segment, all in one query.

    Parameters
    ----------
    members
        As `membership` returns it.
    names
        Segments to count.

    Returns
    -------
    Members by segment.
    """
    sums = {f"n{i}": members.count(where=members[name]) for i, name in enumerate(names)}
    (row,) = members.aggregate(**sums).to_pyarrow().to_pylist() if sums else [{}]
    return {name: int(row[f"n{i}"]) for i, name in enumerate(names)}
