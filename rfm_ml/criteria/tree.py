"""And, or and not of any depth as columns: no expression is nested deeper than engines and Python bear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir

from rfm_ml.criteria.columns import all_of, any_of
from rfm_ml.criteria.conditions import Condition, Every, Not, Some
from rfm_ml.criteria.leaf import Answer, Measures

EVERYBODY: Final = 2**31 - 1
"""No limit, but the largest that engines take."""
LAYER: Final = 20
"""As many levels become one expression; what is below them is a column by then."""


@dataclass(frozen=True, eq=False)
class Node:
    """A condition without nots above others: parts that must all or partly hold, or an answer that may be negated."""

    every: bool = False
    parts: "tuple[Node, ...]" = ()
    answer: Answer | None = None
    negated: bool = False
    height: int = 0


@dataclass(frozen=True)
class _Join:
    every: bool
    parts: int


def simplified(condition: Condition, measures: Measures) -> Node:
    """Return a condition with its nots moved to the leaves and groups of one kind within each other made one.

    Parameters
    ----------
    condition
        Of any depth. No test is ever NULL, so not (a and b) is (not a) or (not b).
    measures
        To which its leaves are added.

    Raises
    ------
    ParamsError
        As `Measures.add`.
    """
    left: list[tuple[Condition, bool] | _Join] = [(condition, False)]
    done: list[Node] = []
    while left:
        task = left.pop()
        if isinstance(task, _Join):
            parts = done[-task.parts :]
            del done[-task.parts :]
            done.append(_grouped(parts, every=task.every))
            continue
        one, negated = task
        if isinstance(one, Not):
            left.append((one.part, not negated))
        elif isinstance(one, Every | Some):
            left.append(_Join(isinstance(one, Every) != negated, len(one.parts)))
            left.extend((part, negated) for part in reversed(one.parts))
        else:
            done.append(Node(answer=measures.add(one), negated=negated))
    return done[0]


def _grouped(parts: list[Node], *, every: bool) -> Node:
    if len(parts) == 1:
        return parts[0]
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if part.parts and part.every == every else (part,))
    return Node(every=every, parts=tuple(flat), height=1 + max(part.height for part in flat))


def with_answers(joined: ir.Table, trees: Mapping[str, Node]) -> ir.Table:
    """Return `customer_id` and what each tree answers.

    Parameters
    ----------
    joined
        One row per customer, with the columns that the answers read.
    trees
        From `simplified`.
    """
    columns: dict[Node, str] = {}
    every = [node for tree in trees.values() for node in _nodes(tree)]
    tallest = max((node.height for node in every), default=0)
    for height in range(0, tallest if tallest > LAYER else 0, LAYER):
        of_layer = [node for node in every if node.height == height]
        joined = _apart(joined, name=f"_below_{height}")
        found = {f"_node_{len(columns) + i}": _expression(node, joined, columns) for i, node in enumerate(of_layer)}
        joined = joined.mutate(**found)
        columns |= dict(zip(of_layer, found, strict=True))
    if columns:
        joined = _apart(joined, name="_below")
    return joined.select("customer_id", **{name: _expression(tree, joined, columns) for name, tree in trees.items()})


def _apart(table: ir.Table, *, name: str) -> ir.Table:
    """Return a table whose columns stay columns.

    Ibis puts one selection into the next unless the one has a name, DuckDB unless it is limited; its search for common
    subexpressions then takes minutes.
    """
    return table.limit(EVERYBODY).alias(name)


def _nodes(tree: Node) -> list[Node]:
    found = [tree]
    for node in found:
        found.extend(node.parts)
    return found


def _expression(node: Node, joined: ir.Table, columns: Mapping[Node, str]) -> ir.BooleanValue:
    if node in columns:
        return joined[columns[node]]
    if node.answer is not None:
        answer = node.answer(joined)
        return ~answer if node.negated else answer
    parts = [_expression(part, joined, columns) for part in node.parts]
    return all_of(parts) if node.every else any_of(parts)
