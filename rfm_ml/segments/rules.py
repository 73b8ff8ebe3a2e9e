"""The rules of a segment model, in words and as SQL: its own where it has them, else those of a tree that stands in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError, NotFittedError
from rfm_ml.segments.maps import PROSPECT
from rfm_ml.segments.model import SegmentModel
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.rules import Condition, Rule, RuleSet, rules_query
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


@dataclass(frozen=True)
class SegmentRules:
    """Rules that say, fully or nearly, in which segment a customer is.

    Attributes
    ----------
    rules
        In the order of the segments.
    exact
        Whether they are the strategy's own rules.
    fidelity
        Share of the customers of whom the rules say what the model says.
    cross_validated
        The same among customers the rules were not learned from; 1 for own rules, NaN with too few customers.
    table
        `segment, rule, customers, share, right`: who meets the rule, and the share of them in this segment. A segment
        that no rule leads to has a row too, with no customers.
    segments
        `segment, customers, found`: the share of each segment's customers whom the rules put there.
    """

    rules: RuleSet
    exact: bool
    fidelity: float
    cross_validated: float
    table: pd.DataFrame
    segments: pd.DataFrame

    @property
    def told(self) -> str:
        """How far the rules can be trusted, in a sentence."""
        if self.exact:
            return "These are the strategy's own rules: they say of every customer what it says."
        unseen = f" ({self.cross_validated:.1%} of customers it was not learned from)"
        return (
            f"A tree that stands in for the strategy: it says the same of {self.fidelity:.1%} of the customers"
            f"{unseen if self.cross_validated == self.cross_validated else ''}."
        )

    def statement(self, *, about: Sequence[str], keys: Sequence[str] = ("customer_id",)) -> str:
        """Return a SELECT over a table `customers`, headed by comments.

        Parameters
        ----------
        about
            Comment lines to begin with.
        keys
            Columns to select beside the segment.
        """
        lines = [*about, self.told]
        if not self.exact:
            lines += [
                f"Second figure by {FOLDS}-fold cross-validation. Found of each segment:",
                *(f"  {s}: {f:.0%} of {n}" for s, n, f in self.segments.itertuples(index=False)),
            ]
        lines += [
            "Columns are those of tables/customers.parquet; recency_days is NULL for who never ordered.",
            "Put your own table in place of customers.",
        ]
        return rules_query(self.rules, keys=keys, comment=lines, without_order=PROSPECT)


def rules_of(model: SegmentModel, customers: pd.DataFrame, *, max_leaves: int = 12) -> SegmentRules:
    """Put a fitted segment model into rules.

    A strategy whose `rules_` are a `RuleSet`, and which needs no map, is told by these, if they do agree with it; any
    other by a `Surrogate` on recency_days, orders and spend.

    Parameters
    ----------
    model
        Fitted.
    customers
        To learn the surrogate from and to count on.
    max_leaves
        Largest number of leaves of the surrogate.

    Examples
    --------
    >>> from rfm_ml.strategies import RuleTree
    >>> customers = pd.DataFrame(
    ...     {"customer_id": range(4), "recency_days": [5, 8, 300, 400], "orders": [2] * 4, "spend": [90.0] * 4}
    ... )
    >>> rules = rules_of(SegmentModel(RuleTree()).fit(customers, [50, 50, 0, 0]), customers)
    >>> rules.table["rule"].tolist()
    ['last order at most 200 days ago', 'last order more than 200 days ago']
    >>> rules.told
    "These are the strategy's own rules: they say of every customer what it says."
    """
    segments = model.predict(customers)
    own = model.strategy_.exact_rules
    if own is not None and model.segment_map is None:
        rules, cross_validated = own, 1.0
        exact = bool((own.predict(customers, without_order=PROSPECT) == segments).all())
    else:
        exact = False
    if not exact:
        surrogate = Surrogate(max_leaves=max_leaves).fit(customers, segments, order=model.segments)
        rules, cross_validated = surrogate.rules_, surrogate.cross_validated_
    known = segments != PROSPECT
    customers, segments = customers[known], segments[known]
    agree = rules.predict(customers, without_order=PROSPECT) == segments
    return SegmentRules(
        rules=rules,
        exact=exact,
        fidelity=float(agree.mean()),
        cross_validated=cross_validated,
        table=_table(rules, customers, agree=agree, segments=segments),
        segments=_found(segments, agree, order=model.segments),
    )


def _table(rules: RuleSet, customers: pd.DataFrame, *, agree: pd.Series, segments: pd.Series) -> pd.DataFrame:
    counted = agree.groupby(rules.match(customers)).agg(["size", "mean"]).reindex(range(len(rules.rules)))
    table = pd.DataFrame(
        {
            "segment": [r.label for r in rules.rules],
            "rule": [r.words() for r in rules.rules],
            "customers": counted["size"].fillna(0).astype("int64"),
            "share": (counted["size"] / len(customers)).fillna(0.0),
            "right": counted["mean"],
        }
    )
    untold = [s for s in sorted(set(segments)) if s not in set(table["segment"])]
    if not untold:
        return table
    more = pd.DataFrame(
        {"segment": untold, "rule": "no rule leads here", "customers": 0, "share": 0.0, "right": float("nan")}
    )
    return pd.concat([table, more], ignore_index=True)


def _found(segments: pd.Series, agree: pd.Series, *, order: Sequence[str]) -> pd.DataFrame:
    counted = agree.groupby(segments.to_numpy()).agg(["size", "mean"])
    names = [*(s for s in order if s in counted.index), *sorted(set(counted.index) - set(order))]
    counted = counted.loc[names]
    return pd.DataFrame(
        {"segment": names, "customers": counted["size"].to_numpy(), "found": counted["mean"].to_numpy()}
    )
