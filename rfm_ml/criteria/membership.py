"""Criteria compiled to one Ibis query: who is in which dynamic segment."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir
import pandas as pd

from rfm_ml.criteria.columns import all_of, any_of
from rfm_ml.criteria.conditions import Condition, Every, Not, Some
from rfm_ml.criteria.measures import Answer, Measures
from rfm_ml.criteria.sources import Sources
from rfm_ml.customers.days import as_day

NO_LIMIT: Final = 2**31 - 1
"""The largest number of rows that engines take as a limit."""
LAYER: Final = 20
"""As many levels become one expression; what is below them is a column by then."""


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
    trees = {name: _simplified(condition, measures) for name, condition in criteria.items()}
    joined = sources.everybody
    for view, columns in measures.by_table.items():
        per_customer = sources.get(view, path=view.name).group_by("customer_id").aggregate(**columns)
        both = joined.left_join(per_customer, "customer_id")
        joined = both.select(*(both[c] for c in joined.columns), *(both[c] for c in columns))
    return _with_answers(joined, trees)


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


@dataclass(frozen=True, eq=False)
class _Node:
    """Parts that must all (`every`) or partly hold, or an answer that may be negated."""

    every: bool = False
    parts: "tuple[_Node, ...]" = ()
    answer: Answer | None = None
    negated: bool = False
    height: int = 0


def _simplified(condition: Condition, measures: Measures, *, negated: bool = False) -> _Node:
    """Return a condition with its nots moved to the predicates and groups of one kind within each other made one."""
    if isinstance(condition, Not):
        return _simplified(condition.part, measures, negated=not negated)
    if not isinstance(condition, Every | Some):
        return _Node(answer=measures.add(condition), negated=negated)
    # No test is ever NULL, so not (a and b) is (not a) or (not b).
    every = isinstance(condition, Every) != negated
    parts = [_simplified(part, measures, negated=negated) for part in condition.parts]
    if len(parts) == 1:
        return parts[0]
    flat = [one for part in parts for one in (part.parts if part.parts and part.every == every else (part,))]
    return _Node(every=every, parts=tuple(flat), height=1 + max(part.height for part in flat))


def _with_answers(joined: ir.Table, trees: Mapping[str, _Node]) -> ir.Table:
    """Return `customer_id` and what each tree answers; no expression is deeper than engines and Python bear."""
    columns: dict[_Node, str] = {}
    nodes = [node for tree in trees.values() for node in _nodes(tree)]
    tallest = max((node.height for node in nodes), default=0)
    for height in range(0, tallest if tallest > LAYER else 0, LAYER):
        of_layer = [node for node in nodes if node.height == height]
        joined = _apart(joined, name=f"_below_{height}")
        answers = {f"_node_{len(columns) + i}": _expression(node, joined, columns) for i, node in enumerate(of_layer)}
        joined = joined.mutate(**answers)
        columns |= dict(zip(of_layer, answers, strict=True))
    if columns:
        joined = _apart(joined, name="_below")
    return joined.select("customer_id", **{name: _expression(tree, joined, columns) for name, tree in trees.items()})


def _apart(table: ir.Table, *, name: str) -> ir.Table:
    """Return a table whose columns stay columns.

    Ibis puts one selection into the next unless the one has a name, DuckDB unless it is limited; its search for common
    subexpressions then takes minutes.
    """
    return table.limit(NO_LIMIT).alias(name)


def _nodes(tree: _Node) -> list[_Node]:
    return [tree, *(node for part in tree.parts for node in _nodes(part))]


def _expression(node: _Node, joined: ir.Table, columns: Mapping[_Node, str]) -> ir.BooleanValue:
    if node in columns:
        return joined[columns[node]]
    if node.answer is not None:
        answer = node.answer(joined)
        return ~answer if node.negated else answer
    parts = [_expression(part, joined, columns) for part in node.parts]
    return all_of(parts) if node.every else any_of(parts)
