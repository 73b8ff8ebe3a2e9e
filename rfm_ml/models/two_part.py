"""Gradient boosting in two parts on a table of features: who orders at all, and how much those spend who do."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from rfm_ml.core.errors import DataError, NotFittedError

FEWEST = 20
"""Customers with an order, and without one, below which there is nothing to learn."""


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
    """

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
            If fewer than `FEWEST` customers ordered, or fewer did not, or nobody who ordered paid.
        """
        bought = spend > 0 if bought is None else bought
        if not FEWEST <= bought.sum() <= len(bought) - FEWEST:
            raise DataError(
                f"At least {FEWEST} customers must have ordered, and {FEWEST} not. Got {bought.sum():,} of "
                f"{len(bought):,}. Choose another horizon or a longer history."
            )
        shared: dict[str, Any] = {**self.get_params(), "max_leaf_nodes": 15}
        self.buys_ = HistGradientBoostingClassifier(**shared).fit(features, bought)
        paid = bought & (spend > 0)  # who gave back more than he took has no spend to learn
        if not paid.any():
            raise DataError(f"Somebody who ordered must have paid. Got {bought.sum():,} orders of nothing.")
        self.spends_ = HistGradientBoostingRegressor(loss="gamma", **shared).fit(features[paid], spend[paid])
        return self

    def predict_parts(self, features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return P(order) and the expected spend if ordering, each of shape (customers,)."""
        if not hasattr(self, "buys_"):
            raise NotFittedError("TwoPart must be fitted before it is used. Got one without trees. Call fit.")
        return self.buys_.predict_proba(features)[:, 1], self.spends_.predict(features)

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Return the expected spend of each row, in currency over the period learned from."""
        buys, spends = self.predict_parts(features)
        return np.asarray(buys * spends)
