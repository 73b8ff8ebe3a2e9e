"""Gradient boosting in two parts on a table of features: who orders at all, and how much those spend who do."""

import warnings
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from rfm_ml.core.errors import DataError, NotFittedError
from rfm_ml.models.parametric import FitWarning

FEWEST = 20
"""Customers with an order, and without one, below which there is nothing to learn."""

STOPS_EARLY: Final = 10_000
"""Of more rows scikit-learn holds a tenth back to know when to stop; limits it looks for in 200,000 of them."""
ONE_IN: Final = 5_000
"""So of more rows a feature must be known of one in so many, and at least of `min_samples_leaf` (fewer are never split
off): else none of them may be in the part that is looked at, and a feature without a value there ends the fit."""

UNKNOWN: Final = "known of nobody"
HARDLY_KNOWN: Final = "known of too few"
CONSTANT: Final = "the same for everybody"


def unusable_features(features: pd.DataFrame, *, min_samples_leaf: int = 40) -> dict[str, str]:
    """Return the features from which trees cannot learn, each with the reason.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, np.nan], "c": [3.0, 3.0], "d": [np.nan, 4.0]})
    >>> unusable_features(table)
    {'b': 'known of nobody', 'c': 'the same for everybody'}
    """
    size, known = len(features), features.notna().sum()
    fewest = 1 if size <= STOPS_EARLY else max(min_samples_leaf, -(-size // ONE_IN))
    found = {}
    for name in features.columns:
        if known[name] == 0:
            found[str(name)] = UNKNOWN
        elif known[name] < fewest:
            found[str(name)] = HARDLY_KNOWN
        elif known[name] == size and features[name].nunique() == 1:
            found[str(name)] = CONSTANT
    return found


class TwoPart(BaseEstimator):
    """Expected spend = P(order) x spend of those who order (gamma loss), by histogram gradient boosting.

    The hurdle model of Cragg (1971), "Some statistical models for limited dependent variables", with trees in place
    of linear predictors: most customers spend nothing in a short period, which one loss for all would blur.

    Parameters
    ----------
    learning_rate, max_iter, min_samples_leaf
        As for scikit-learn's HistGradientBoosting estimators; the defaults suit a few thousand customers.
    random_state
        Seed; results are the same for the same seed.

    Attributes
    ----------
    left_out_
        Features from which nothing can be learned, with the reason; they are not asked for when predicting.
    buys_from_, spends_from_
        Names of the features that each part learned from.
    """

    left_out_: dict[str, str]
    buys_from_: list[str]
    spends_from_: list[str]

    def __init__(
        self, *, learning_rate: float = 0.05, max_iter: int = 150, min_samples_leaf: int = 40, random_state: int = 0
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def fit(self, features: pd.DataFrame, spend: np.ndarray, *, bought: np.ndarray | None = None) -> Self:
        """Learn from features as of a day and what followed it.

        Parameters
        ----------
        features
            Numbers only, shape (customers, features); missing values are a value of their own.
        spend
            In the period after the day, in currency, shape (customers,).
        bought
            Who ordered in it; by default who spent something.

        Raises
        ------
        DataError
            If fewer than `FEWEST` customers ordered, or fewer did not, or nobody who ordered paid, or no feature tells
            customers apart.

        Warns
        -----
        FitWarning
            If features are known of nobody, or of too few: nothing is learned from them.
        """
        bought = spend > 0 if bought is None else bought
        if not FEWEST <= bought.sum() <= len(bought) - FEWEST:
            raise DataError(
                f"At least {FEWEST} customers must have ordered, and {FEWEST} not. Got {bought.sum():,} of "
                f"{len(bought):,}. Choose another horizon or a longer history."
            )
        shared: dict[str, Any] = {**self.get_params(), "max_leaf_nodes": 15}
        self.buys_from_ = self._usable(features)
        self.buys_ = HistGradientBoostingClassifier(**shared).fit(features[self.buys_from_], bought)
        paid = bought & (spend > 0)  # those who gave back more than they took have no spend to learn
        if not paid.any():
            raise DataError(f"Somebody who ordered must have paid. Got {bought.sum():,} orders of nothing.")
        payers = features.loc[paid, self.buys_from_]
        unknown = unusable_features(payers, min_samples_leaf=self.min_samples_leaf)
        # What is the same for all who paid does no harm, and may be all there is.
        self.spends_from_ = [name for name in self.buys_from_ if unknown.get(name, CONSTANT) == CONSTANT]
        if not self.spends_from_:
            raise DataError("At least one feature must be known of those who paid. Got none.")
        learner = HistGradientBoostingRegressor(loss="gamma", **shared)
        self.spends_ = learner.fit(payers[self.spends_from_], spend[paid])
        return self

    def _usable(self, features: pd.DataFrame) -> list[str]:
        """Return what can be learned from, and remember and tell what cannot."""
        self.left_out_ = unusable_features(features, min_samples_leaf=self.min_samples_leaf)
        usable = [name for name in features.columns if name not in self.left_out_]
        if not usable:
            raise DataError(
                f"At least one feature must tell customers apart. Got {len(self.left_out_)}, each the same for all."
            )
        unknown = [name for name, why in self.left_out_.items() if why != CONSTANT]
        if unknown:
            why = "known of nobody, or of too few, on the day of learning"
            warnings.warn(f"Nothing is learned from {', '.join(unknown)}: {why}.", FitWarning, stacklevel=3)
        return usable

    def predict_parts(self, features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return P(order) and the expected spend if ordering, each of shape (customers,)."""
        if not hasattr(self, "buys_"):
            raise NotFittedError("TwoPart must be fitted before it is used. Got one without trees. Call fit.")
        orders = self.buys_.predict_proba(features[self.buys_from_])[:, 1]
        return orders, self.spends_.predict(features[self.spends_from_])

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Return the expected spend of each row, in currency over the period learned from."""
        buys, spends = self.predict_parts(features)
        return np.asarray(buys * spends)
