"""A small tree of readable rules, learned from what customers did next."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.text import plural
from rfm_ml.strategies.base import Strategy, require_order, shares_drift
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.rules import NO_ORDER, Rule, RuleSet, conditions_words
from rfm_ml.strategies.scale import Floats, value_phrase
from rfm_ml.strategies.trees import grow

FEATURES: Final = ("recency_days", "orders", "spend")
KEYS: Final = ("strategy", "params", "rules", "means", "counts")
MOST_ORDERS: Final = 5
"""How many more orders `move_up` tries."""


class RuleTree(Strategy):
    """Segments that are rules, such as "last order at most 45 days ago and 5 or more orders".

    A regression tree splits customers so that what they spent afterwards differs most between its leaves. Each leaf is
    a segment, named by its rule, best first. Split points are rounded as far as the same customers stay on either side.

    Parameters
    ----------
    max_leaves
        Largest number of rules, from 2 to 50.
    min_share
        Smallest share of the fitted customers in a rule.
    features
        Columns of numbers that rules may look at.
    target
        What customers did next, where `fit` gets no `y`: a column of the customers as `split_holdout` gives them.
    horizon_days
        How long "next" is: who fits the strategy measures `y` over so many days after the customers' day.

    Attributes
    ----------
    rules_
        The rules, best first.
    means_
        Mean outcome of the fitted customers per rule, in the unit of the target.
    counts_
        Fitted customers per rule.

    Notes
    -----
    Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees" (1984), chapter 8: least squares; grown
    best first. The means are those of the fitted customers, so they flatter the best rule a little.
    """

    name: ClassVar[str] = "rule_tree"
    needs_outcome: ClassVar[bool] = True

    def __init__(
        self,
        max_leaves: int = 8,
        *,
        min_share: float = 0.05,
        features: Sequence[str] = FEATURES,
        target: str = "actual_spend",
        horizon_days: int = 91,
    ) -> None:
        self.max_leaves = max_leaves
        self.min_share = min_share
        self.features = features
        self.target = target
        self.horizon_days = horizon_days

    def fit(self, customers: pd.DataFrame, y: Any = None) -> Self:
        """Learn the rules."""
        self._check_params()
        values = self._values(customers)
        outcome = self._outcome(customers, y)
        known = ~np.isnan(number_column(customers, NO_ORDER))
        require_order(known)
        outcome = outcome[known]
        if not np.isfinite(outcome).all():
            raise DataError(f"The outcome must be a number for each customer. Got {(~np.isfinite(outcome)).sum()} not.")
        least = max(1, math.ceil(self.min_share * len(outcome)))
        tree = DecisionTreeRegressor(max_leaf_nodes=self.max_leaves, min_samples_leaf=least, random_state=0)
        leaves = grow(tree, {n: v[known] for n, v in values.items()}, target=outcome)
        # The exact sum: rounding must not depend on the order of the customers.
        found = [(math.fsum(outcome[leaf.rows]) / len(leaf.rows), leaf) for leaf in leaves]
        found.sort(key=lambda pair: (-pair[0], conditions_words(pair[1].conditions)))
        self.rules_ = RuleSet(tuple(Rule(conditions_words(leaf.conditions), leaf.conditions) for _, leaf in found))
        self.means_ = np.array([mean for mean, _ in found])
        self.counts_ = np.array([len(leaf.rows) for _, leaf in found], dtype=np.int64)
        if len(found) == 1:
            warnings.warn(
                f"No rule tells the {len(outcome)} fitted customers apart by {self.target}: all are in one segment. "
                "A longer horizon, other features or a smaller min_share may.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def _check_params(self) -> None:
        require_between(self.max_leaves, 2, 50, name="max_leaves")
        require_between(self.min_share, 0, 0.5, name="min_share")
        require_between(self.horizon_days, 1, 36_500, name="horizon_days")
        names = [] if isinstance(self.features, str) else list(self.features)
        if not names or len(set(names)) != len(names) or not all(isinstance(n, str) for n in names):
            raise ParamsError(f"features must be a list of different columns. Got {self.features!r}.")
        if self.target in names:
            raise ParamsError(f"target must not be one of the features. Got {self.target!r} in both. Remove it there.")

    def _values(self, customers: pd.DataFrame) -> dict[str, Floats]:
        require_columns(list(customers.columns), [NO_ORDER, *self.features], what="The customers' table")
        return {n: number_column(customers, n) for n in self.features}

    def _outcome(self, customers: pd.DataFrame, y: Any) -> Floats:
        if y is not None:
            outcome = np.asarray(y, dtype=np.float64)
            if outcome.shape != (len(customers),):
                raise DataError(f"y must be one number per customer ({len(customers)}). Got shape {outcome.shape}.")
            return outcome
        if self.target not in customers:
            raise DataError(
                f"rule_tree must see what customers did next: y, or the column {self.target!r} as split_holdout gives "
                "it. Got neither."
            )
        return number_column(customers, self.target)

    def _fitted(self) -> RuleSet:
        rules: RuleSet = self._learned("rules_", call="fit(customers, y)")
        return rules

    @property
    def labels(self) -> list[str]:
        """The rules in words, best first."""
        return self._fitted().labels

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the rule each customer meets; empty without an order, the last one where a value is missing."""
        return self._fitted().predict(customers).rename("cell")

    def details(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `expected_spend` (or of what the target counts): the mean of such customers; NaN without an order."""
        rule = self._fitted().match(customers)
        name = f"expected_{self.target.removeprefix('actual_')}"
        return pd.DataFrame({name: np.append(self.means_, np.nan)[rule]}, index=customers.index)

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the values that decided and what such customers did next, one sentence per customer."""
        rules = self._fitted()
        met = rules.match(customers).tolist()
        phrases = {}
        for column in rules.columns:
            write, missing = value_phrase(column), f"{column} missing"
            phrases[column] = [write(v) if v == v else missing for v in number_column(customers, column).tolist()]
        looked_at = [list(dict.fromkeys(c.column for c in r.conditions)) for r in rules.rules]
        endings = [f"such customers {self._did(mean)}." for mean in self.means_]
        told = []
        for row, rule in enumerate(met):
            if rule == len(endings):
                told.append("No order yet.")
                continue
            said = ", ".join(phrases[c][row] for c in looked_at[rule])
            sentence = f"{said}; {endings[rule]}" if said else endings[rule]
            told.append(sentence[:1].upper() + sentence[1:])
        return pd.Series(told, index=customers.index, name="reason", dtype="str")

    def _did(self, mean: float) -> str:
        ahead = f"on average in {self.horizon_days} days"
        if self.target == "actual_spend":
            return f"spent {mean:.2f} {ahead}"
        if self.target == "actual_orders":
            return f"placed {mean:.2f} orders {ahead}"
        return f"had {self.target} {mean:.2f} {ahead}"

    def move_up(self, customers: pd.DataFrame) -> pd.Series:
        """Return how many more orders now, each worth the customer's own mean, would lead to a better rule.

        Columns other than `recency_days`, `orders` and `spend` are taken to stay as they are.
        """
        rules = self._fitted()
        now = rules.match(customers)
        told = np.full(len(customers), f"Up to {MOST_ORDERS} usual orders now would not lead higher.", dtype=object)
        open_ = (now > 0) & (now < len(rules.rules))
        told[now == 0], told[now == len(rules.rules)] = "Already in the top segment.", "A first order."
        for more in range(1, MOST_ORDERS + 1):
            if not open_.any():
                break
            then = rules.match(_after_orders(customers, more))
            better = open_ & (then < now)
            count = f"{more} more {plural('order', more)} now, of {'his' if more == 1 else 'their'} usual value,"
            for rule in np.unique(then[better]):
                told[better & (then == rule)] = f"{count} would lead to: {rules.rules[rule].label}."
            open_ &= ~better
        return pd.Series(told, index=customers.index, name="move_up", dtype="str")

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: the shares of the rules against those of the fit."""
        rules = self._fitted()
        counted = np.bincount(rules.match(customers), minlength=len(rules.rules) + 1)[: len(rules.rules)]
        return shares_drift({"rule": (self.counts_, counted)})

    def summary(self) -> pd.DataFrame:
        """Return `rule, customers, share` and the mean outcome as of the fit, best first."""
        table = pd.DataFrame(
            {"rule": self.labels, "customers": self.counts_, "share": self.counts_ / sum(self.counts_)}
        )
        return table.assign(**{f"mean_{self.target}": self.means_})

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""
        rules = self._fitted().to_dict()
        return {
            "strategy": self.name,
            "params": {**self.get_params(), "features": list(self.features)},
            "rules": rules,
            "means": self.means_.tolist(),
            "counts": self.counts_.tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote."""
        what = f"A frozen {cls.name}"
        cls._require_state(state, KEYS)
        made = cls(**{**state["params"], "features": tuple(state["params"]["features"])})
        made._check_params()
        made.rules_ = rules = RuleSet.from_dict(state["rules"], what=what)
        made.means_ = np.array(state["means"], dtype=np.float64)
        made.counts_ = np.array(state["counts"], dtype=np.int64)
        if not len(rules.rules) == len(made.means_) == len(made.counts_):
            raise ParamsError(f"{what} must have one mean and one count per rule. Fit it again.")
        return made


def _after_orders(customers: pd.DataFrame, more: int) -> pd.DataFrame:
    """Return the customers as they would be tonight had each placed so many orders today."""
    changed: dict[str, Any] = {NO_ORDER: np.where(np.isnan(number_column(customers, NO_ORDER)), np.nan, 0.0)}
    if {"orders", "spend"} <= set(customers.columns):
        orders, spend = number_column(customers, "orders"), number_column(customers, "spend")
        mean = np.divide(spend, orders, out=np.zeros(len(orders)), where=orders > 0)
        changed |= {"orders": orders + more, "spend": spend + more * np.maximum(mean, 0.0)}
    return customers.assign(**changed)
