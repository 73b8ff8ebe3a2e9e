"""Any strategy in words: a small tree of rules that stands in for it, and how far it can be trusted."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError, NotFittedError
from rfm_ml.segments.maps import PROSPECT
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.rules import Condition, Rule, RuleSet
from rfm_ml.strategies.scale import Floats, Ints
from rfm_ml.strategies.trees import grow, merged

COLUMNS: Final = ("recency_days", "orders", "spend")
FOLDS: Final = 5
SMALLEST_SHARE: Final = 0.002
"""Smallest share of the customers in a leaf: a rule about three people explains nothing."""


class Surrogate:
    """A tree on raw recency, frequency and monetary that repeats the segments of another strategy.

    Parameters
    ----------
    max_leaves
        Largest number of leaves, from 2 to 50.
    sample
        The tree is learned from at most so many customers, drawn at random.
    seed
        Of the draw and of the folds.

    Attributes
    ----------
    rules_
        The rules, in the order of the segments, then by customers.
    cross_validated_
        Share of customers of whom rules learned without them say what the strategy says; NaN below 10 customers.

    Notes
    -----
    Craven and Shavlik, "Extracting tree-structured representations of trained networks", NIPS 8 (1996): fidelity is the
    share of cases in which the tree says what the model says. Leaves of one segment side by side are joined.
    """

    def __init__(self, *, max_leaves: int = 12, sample: int = 100_000, seed: int = 0) -> None:
        self.max_leaves = max_leaves
        self.sample = sample
        self.seed = seed

    def fit(self, customers: pd.DataFrame, segments: pd.Series, *, order: Sequence[str] = ()) -> Self:
        """Learn the rules from customers and their segments, whatever the order of the rows."""
        require_between(self.max_leaves, 2, 50, name="max_leaves")
        require_columns(list(customers.columns), COLUMNS, what="The customers' table")
        if len(segments) != len(customers):
            raise DataError(f"There must be one segment per customer ({len(customers)}). Got {len(segments)}.")
        values = {c: number_column(customers, c) for c in COLUMNS}
        known = ~np.isnan(values["recency_days"])
        if not known.any():
            raise DataError(
                f"A surrogate must see a customer with an order. Got {len(customers)} without recency_days."
            )
        labels = np.asarray(segments, dtype=object)[known].astype(str)
        names = [*dict.fromkeys(order), *sorted(set(labels) - set(order))]
        codes = pd.Categorical(labels, categories=names).codes.astype(np.int64)
        values, codes = self._drawn({c: v[known] for c, v in values.items()}, codes)
        learned = self._learn(values, codes)
        self.rules_ = RuleSet(tuple(Rule(names[code], conditions) for conditions, code in _sorted(learned, values)))
        self.cross_validated_ = self._cross_validate(values, codes)
        return self

    def _drawn(self, values: dict[str, Floats], codes: Ints) -> tuple[dict[str, Floats], Ints]:
        """Return the customers sorted, and of many only a sample: both the same for any order of the rows."""
        order = np.lexsort((codes, *values.values()))
        if len(order) > self.sample:
            drawn = np.random.default_rng(self.seed).choice(len(order), self.sample, replace=False)
            order = order[np.sort(drawn)]
        return {c: v[order] for c, v in values.items()}, codes[order]

    def _learn(self, values: dict[str, Floats], codes: Ints) -> list[tuple[tuple[Condition, ...], int]]:
        least = max(1, round(SMALLEST_SHARE * len(codes)))
        tree = DecisionTreeClassifier(max_leaf_nodes=self.max_leaves, min_samples_leaf=least, random_state=0)
        leaves = grow(tree, values, target=codes)
        return merged([(leaf.conditions, int(np.bincount(codes[leaf.rows]).argmax())) for leaf in leaves])

    def _cross_validate(self, values: dict[str, Floats], codes: Ints) -> float:
        if len(codes) < 2 * FOLDS:
            return float("nan")
        frame = pd.DataFrame(values)
        agreed = 0
        for seen, unseen in KFold(FOLDS, shuffle=True, random_state=self.seed).split(frame):
            learned = self._learn({c: v[seen] for c, v in values.items()}, codes[seen])
            rules = RuleSet(tuple(Rule(str(code), conditions) for conditions, code in learned))
            told = np.array([code for _, code in learned])[rules.match(frame.iloc[unseen])]
            agreed += int((told == codes[unseen]).sum())
        return agreed / len(codes)

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the segment the rules give each customer; Prospect without an order."""
        if not hasattr(self, "rules_"):
            raise NotFittedError("Surrogate must be fitted before it can answer. Call fit(customers, segments) first.")
        return self.rules_.predict(customers, without_order=PROSPECT)


def _sorted(
    learned: list[tuple[tuple[Condition, ...], int]], values: dict[str, Floats]
) -> list[tuple[tuple[Condition, ...], int]]:
    """Sort rules by segment, then by the customers who meet them, most first."""

    def met(conditions: tuple[Condition, ...]) -> int:
        return int(
            np.logical_and.reduce(
                [np.ones(len(values["spend"]), bool), *(c.holds(values[c.column]) for c in conditions)]
            ).sum()
        )

    return sorted(learned, key=lambda leaf: (leaf[1], -met(leaf[0]), str(leaf[0])))
