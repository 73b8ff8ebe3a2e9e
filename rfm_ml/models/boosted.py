"""A supervised model of the next period's spend: gradient boosting in two parts, trained on an earlier day."""

from datetime import date
from typing import Any, Self

import pandas as pd
from sklearn.base import BaseEstimator

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError, NotFittedError
from rfm_ml.customers.days import as_day
from rfm_ml.customers.holdout import Log, actuals, earlier, order_span, require_history, until_day
from rfm_ml.customers.table import customer_table
from rfm_ml.models.two_part import FEWEST, TwoPart

FEATURES = (
    "recency_days",
    "orders",
    "spend",
    "orders_30d",
    "orders_90d",
    "orders_365d",
    "spend_30d",
    "spend_90d",
    "spend_365d",
    "orders_trend",
    "mean_order_value",
    "gap_mean_days",
    "gap_cv",
    "coupon_share",
    "clicks_180d",
    "visits_90d",
    "engagement_score",
)
"""What is learned from: windows of fixed length, means and rhythm. Not age or lifetime totals, which grow from one day
of learning to the next without the customer having changed."""


class Boosted(BaseEstimator):
    """P(order) and expected spend over the next `horizon_days`, by histogram gradient boosting.

    Part one learns who orders at all, part two (gamma loss, on those who did) how much they spend; the expected spend
    is the product. For origins `horizon_days` apart, the last one `horizon_days` before `as_of`, features are
    computed from the log up to the origin and outcomes from the days after it up to `as_of`. Both are made here, from
    the log: there is no way to hand in a feature that has seen the outcome.

    Parameters
    ----------
    horizon_days
        Length of the period to predict.
    window_days
        Window of the features orders and spend.
    origins
        Number of earlier days to learn from.
    learning_rate, max_iter, min_samples_leaf
        As for scikit-learn's HistGradientBoosting estimators; the defaults suit a few thousand customers.
    random_state
        Seed; results are the same for the same seed.

    Attributes
    ----------
    features_
        Names of the features, in order.
    left_out_
        Those of them from which nothing could be learned, with the reason.
    origins_
        Days learned from, latest first.
    """

    features_: list[str]
    left_out_: dict[str, str]
    origins_: list[date]

    def __init__(
        self,
        *,
        horizon_days: int = 90,
        window_days: int = 365,
        origins: int = 1,
        learning_rate: float = 0.05,
        max_iter: int = 150,
        min_samples_leaf: int = 40,
        random_state: int = 0,
    ) -> None:
        self.horizon_days = horizon_days
        self.window_days = window_days
        self.origins = origins
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def build(
        self, orders: Log, as_of: date | str, *, lines: Log | None = None, events: Log | None = None
    ) -> pd.DataFrame:
        """Return customer_id and the features as of a day, from rows up to that day alone."""
        past: dict[str, Any] = {
            name: None if log is None else until_day(log, as_of, what=name)
            for name, log in (("lines", lines), ("events", events))
        }
        table = customer_table(until_day(orders, as_of), as_of=as_of, window_days=self.window_days, **past)
        shares = [c for c in table.columns if c.startswith("channel_share_")]
        names = [c for c in FEATURES if c in table.columns] + shares
        numbers = table[names].astype("float64")
        return pd.concat([table[["customer_id"]], numbers], axis=1)

    def _outcomes(self, features: pd.DataFrame, orders: Log, origin: date) -> pd.DataFrame:
        """Return actual_orders and actual_spend of these customers in the horizon after the origin."""
        later = actuals(orders, as_of=origin, until=earlier(origin, -self.horizon_days)).set_index("customer_id")
        found = later.reindex(features["customer_id"]).fillna(0.0)
        return found.reset_index(drop=True)

    def fit(
        self, orders: Log, *, as_of: date | str | None = None, lines: Log | None = None, events: Log | None = None
    ) -> Self:
        """Learn from what customers did up to `as_of` (by default the last day of the log).

        Raises
        ------
        ParamsError
            If an argument is not usable.
        DataError
            If the log is too short for the origins, or too few customers ordered, or all did.
        """
        require_between(self.horizon_days, 1, 3660, name="horizon_days")
        require_between(self.origins, 1, 24, name="origins")
        first, last = order_span(orders)
        day = last if as_of is None else as_day(as_of)
        self.origins_ = [earlier(day, self.horizon_days * k) for k in range(1, self.origins + 1)]
        require_history(first, self.origins_[-1])
        pieces = []
        for origin in self.origins_:
            features = self.build(orders, origin, lines=lines, events=events)
            pieces.append((features, self._outcomes(features, orders, origin)))
        features = pd.concat([f for f, _ in pieces], ignore_index=True)
        outcomes = pd.concat([o for _, o in pieces], ignore_index=True)
        self.features_ = [c for c in features.columns if c != "customer_id"]
        bought = (outcomes["actual_orders"] > 0).to_numpy()
        if not FEWEST <= bought.sum() <= len(bought) - FEWEST:
            raise DataError(
                f"At least {FEWEST} customers must have ordered in the {self.horizon_days} days before {day}, and "
                f"{FEWEST} not. Got {bought.sum():,} of {len(bought):,}. Choose another horizon or a longer history."
            )
        learner = TwoPart(
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.random_state,
        )
        self.parts_ = learner.fit(features[self.features_], outcomes["actual_spend"].to_numpy(), bought=bought)
        self.left_out_ = self.parts_.left_out_
        return self

    def predict(
        self, orders: Log, *, as_of: date | str | None = None, lines: Log | None = None, events: Log | None = None
    ) -> pd.DataFrame:
        """Predict from the log as it was on a day.

        Returns
        -------
            customer_id, p_order (some order in the horizon), expected_spend_if_ordering and expected_spend, one row
            per customer who had ordered up to `as_of`.
        """
        if not hasattr(self, "parts_"):
            raise NotFittedError("Boosted must be fitted before it is used. Got one without trees. Call fit(orders).")
        day = order_span(orders)[1] if as_of is None else as_day(as_of)
        features = self.build(orders, day, lines=lines, events=events)
        X = features.reindex(columns=self.features_)
        p_order, spend = self.parts_.predict_parts(X)
        return pd.DataFrame({
            "customer_id": features["customer_id"],
            "p_order": p_order,
            "expected_spend_if_ordering": spend,
            "expected_spend": p_order * spend,
        })  # fmt: skip
