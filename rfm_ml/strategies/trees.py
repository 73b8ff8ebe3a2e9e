"""Small decision trees on raw measures, read off as rules whose limits are round numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np

from rfm_ml.strategies.rules import Condition
from rfm_ml.strategies.scale import Floats, Ints


@dataclass(frozen=True)
class Leaf:
    """A leaf: the conditions that lead to it and the rows of the fit, by position, that lie in it."""

    conditions: tuple[Condition, ...]
    rows: Ints


def grow(tree: Any, values: Mapping[str, Floats], *, target: Floats | Ints) -> list[Leaf]:
    """Fit a tree and return its leaves, whatever the order of the rows.

    Parameters
    ----------
    tree
        A `DecisionTreeRegressor` or `DecisionTreeClassifier` of scikit-learn, not fitted.
    values
        Columns by name, each of shape (n,). A missing value counts as the lowest.
    target
        What is to be told apart, shape (n,).

    Notes
    -----
    The tree sees the ranks of the values, which splits the rows just as the values would (Breiman et al.,
    "Classification and Regression Trees", 1984, section 2.7), at any size: scikit-learn keeps 24 bits.
    """
    levels, ranks = {}, np.empty((len(target), len(values)))
    for at, (name, column) in enumerate(values.items()):
        levels[name], ranks[:, at] = np.unique(np.where(np.isnan(column), -np.inf, column), return_inverse=True)
    # Sums of floats depend on their order; the same customers must give the same tree.
    order = np.lexsort((target, *ranks.T[::-1]))
    fitted = tree.fit(ranks[order].astype(np.float32), target[order]).tree_
    return _Reader(
        fitted, levels=levels, ranks=ranks, missing={n: bool(np.isnan(v).any()) for n, v in values.items()}
    ).leaves


class _Reader:
    """Walks down a fitted tree; `leaves` from left to right."""

    def __init__(self, tree: Any, *, levels: dict[str, Floats], ranks: Floats, missing: Mapping[str, bool]) -> None:
        self.tree, self.levels, self.ranks, self.missing = tree, levels, ranks, missing
        self.names = list(levels)
        self.leaves: list[Leaf] = []
        self._walk(0, np.arange(len(ranks)), {})

    def _walk(self, node: int, rows: Ints, bounds: dict[str, Condition]) -> None:
        at = self.tree.feature[node]
        if at < 0:
            conditions = tuple(bounds[n] for n in self.names if n in bounds)
            self.leaves.append(Leaf(conditions, rows))
            return
        name, ranks = self.names[at], self.ranks[rows, at]
        left = ranks <= self.tree.threshold[node]
        low, high = self.levels[name][[int(ranks[left].max()), int(ranks[~left].min())]]
        limit = round_limit(float(low), float(high))
        before = bounds.get(name, Condition(name))
        missing = self.missing[name] and before.above is None
        below = replace(before, at_most=limit, or_missing=missing)
        above = replace(before, above=limit, or_missing=False)
        self._walk(self.tree.children_left[node], rows[left], bounds | {name: below})
        self._walk(self.tree.children_right[node], rows[~left], bounds | {name: above})


def round_limit(low: float, high: float) -> float:
    """Return the roundest number from `low` up to, but not, `high`: both sides stay on their side of it.

    Multiples of 1,000, 500, 100, 50, 10, 5, 1, 0.5, 0.1 ... are tried in this order; of several, the one nearest to
    the middle is taken.

    Examples
    --------
    >>> round_limit(99, 198), round_limit(45, 46), round_limit(14.96, 27.99), round_limit(3.14159, 3.1416)
    (100.0, 45.0, 20.0, 3.14159)
    """
    if np.isneginf(low):
        low = 0.0 if np.isposinf(high) or high > 0 else 2 * high - 1
    if np.isposinf(high):
        high = 2 * max(low, 0.0) + 1
    a, b = Decimal(repr(float(low))), Decimal(repr(float(high)))
    exponent = max(abs(a), abs(b)).adjusted() + 1
    last = min(int(a.normalize().as_tuple().exponent), exponent)
    while exponent >= last:
        for step in (Decimal(1).scaleb(exponent), Decimal(5).scaleb(exponent - 1)):
            first, beyond = _multiple(a, step), _multiple(b, step)
            if first < beyond:
                nearest = ((a + b) / 2 / step).to_integral_value()
                found = float(min(max(nearest, first), beyond - 1) * step)
                return found if low <= found < high else low
        exponent -= 1
    return low


def _multiple(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest k with k * step >= value."""
    return (value / step).to_integral_value(rounding=ROUND_CEILING)


def merged(leaves: list[tuple[tuple[Condition, ...], int]]) -> list[tuple[tuple[Condition, ...], int]]:
    """Join leaves of one class that lie side by side, until none do: fewer rules that say the same.

    Parameters
    ----------
    leaves
        Conditions and class of each leaf, as a tree gives them.
    """
    done = list(leaves)
    at = 0
    while at < len(done):
        conditions, kind = done[at]
        joint = (
            (n, j) for n in range(at + 1, len(done)) if done[n][1] == kind and (j := _joined(conditions, done[n][0]))
        )
        found = next(joint, None)
        if found is None:
            at += 1
            continue
        del done[found[0]]
        done[at] = found[1][0], kind
        at = 0
    return done


def _joined(one: tuple[Condition, ...], other: tuple[Condition, ...]) -> tuple[tuple[Condition, ...]] | None:
    """Return the conditions that hold where either does, if ranges of just one column meet end to end."""
    a, b = ({c.column: c for c in some} for some in (one, other))
    if a.keys() != b.keys():
        return None
    differ = [n for n in a if a[n] != b[n]]
    if len(differ) != 1:
        return None
    low, high = sorted((a[differ[0]], b[differ[0]]), key=lambda c: -np.inf if c.above is None else c.above)
    if low.at_most is None or low.at_most != high.above:
        return None
    both = replace(low, at_most=high.at_most)
    open_ = both.above is None and both.at_most is None
    return (tuple(both if n == differ[0] else c for n, c in a.items() if n != differ[0] or not open_),)
