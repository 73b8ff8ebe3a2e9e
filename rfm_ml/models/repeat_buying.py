"""The base of the repeat-buying models: fitting by one of the engines, and predictions in days."""

from typing import ClassVar, Self

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_known
from rfm_ml.models.arrays import Derivatives, FloatArray, in_logs
from rfm_ml.models.counts import RepeatCounts, repeat_columns
from rfm_ml.models.gamma_gamma import GammaGamma
from rfm_ml.models.newton import LOWER, UPPER, Maximum, maximise
from rfm_ml.models.parametric import ENGINES, ParametricModel
from rfm_ml.models.prediction import (
    MAX_WAIT_DAYS,
    by_distinct,
    check_horizon,
    distinct_rows,
    next_order_dates,
    order_interval,
)

PILOT = 20_000
"""Customers in the sample on which the starts are tried; the rest only see the last Newton steps."""


class RepeatBuyingModel(ParametricModel):
    """A model of who will order again, and how often, from x, t_x and T.

    Parameters
    ----------
    engine
        "native" (exact likelihood on distinct rows, Newton's method), "lifetimes" (the fitters of that package, the
        reference) or "bayes" (full posteriors by pymc-marketing, an optional extra for Python 3.12 and newer).
    overdue_below
        A customer is overdue when less than this share of their gaps would be as long as their silence so far.
    random_state
        Seed of the sample on which starting points are tried, and of the Bayesian engine.
    """

    title: ClassVar[str]
    lifetimes_class: ClassVar[str | None]

    counts_: RepeatCounts

    def __init__(self, *, engine: str = "native", overdue_below: float = 0.1, random_state: int = 0) -> None:
        self.engine = engine
        self.overdue_below = overdue_below
        self.random_state = random_state

    # --- what each model supplies -------------------------------------------------------------------------
    def _derivatives(self, params: FloatArray, counts: RepeatCounts) -> Derivatives:
        """Return log-likelihood, gradient and Hessian in the natural parameters."""
        raise NotImplementedError

    def _starts(self, counts: RepeatCounts) -> list[FloatArray]:
        """Return starting points (natural parameters) in the unit of `counts`."""
        raise NotImplementedError

    def _alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return P(still a customer | x, t_x, T)."""
        raise NotImplementedError

    def _orders_if_alive(self, x: FloatArray, T: FloatArray, horizon: float, rates: tuple[float, ...]) -> FloatArray:
        """Return expected orders in the horizon of a customer who is active at T, each discounted.

        `rates` are continuous daily discount rates; the result has the shape (rates, rows).
        """
        raise NotImplementedError

    def _at_least(self, n: FloatArray, x: FloatArray, T: FloatArray, horizon: float) -> FloatArray:
        """Return P(at least n >= 1 orders within the horizon | x, T, active at T)."""
        raise NotImplementedError

    def _wait(self, x: FloatArray, T: FloatArray) -> FloatArray:
        """Return the median days to the next order of a customer who is active and stays so."""
        raise NotImplementedError

    def _silence(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return P(a gap is longer than the silence since t_x | active all along)."""
        raise NotImplementedError

    def simulate(self, age_days: FloatArray, *, rng: np.random.Generator) -> pd.DataFrame:
        """Draw customers of given ages from the fitted population; columns as `fit` wants them."""
        raise NotImplementedError

    def _draw_future(self, x: FloatArray, T: FloatArray, horizon: float, rng: np.random.Generator) -> FloatArray:
        """Draw the orders in the horizon of customers who are active at T."""
        raise NotImplementedError

    # --- fitting --------------------------------------------------------------------------------------------
    def _counts(self, customers: pd.DataFrame) -> RepeatCounts:
        """Compress the customers to what the likelihood needs."""
        return RepeatCounts.from_customers(customers)

    def fit(self, customers: pd.DataFrame, y: None = None) -> Self:
        """Learn the parameters from repeat_orders (x), active_days (t_x) and age_days (T).

        Parameters
        ----------
        customers
            One row per customer with at least one order.
        y
            Ignored; there for scikit-learn's tools.

        Raises
        ------
        DataError
            If the columns are not usable or nobody ever ordered twice.

        Warns
        -----
        FitWarning
            If the search did not converge or the data leave a parameter open; `status_` says which.
        """
        require_known(self.engine, ENGINES, what="engine")
        self.counts_ = self._counts(customers)
        if self.engine == "lifetimes":
            from rfm_ml.models.engines import fitted_params

            return self._adopt(fitted_params(self))
        if self.engine == "bayes":
            from rfm_ml.models.engines import posterior_draws

            self.draws_ = posterior_draws(self)
            return self._adopt(self.draws_.mean().to_numpy(), covariance=np.cov(np.log(self.draws_.T)))
        return self._fit_native()

    def _unit(self) -> float:
        """Return the days in which the search measures time: the oldest age."""
        return float(self.counts_.T.max()) if self.times else 1.0

    def _scale(self, days: float) -> FloatArray:
        return np.where(np.isin(self.names, self.times), days, 1.0)

    def _fit_native(self, starts: list[FloatArray] | None = None) -> Self:
        """Maximise the likelihood with time scaled to the oldest age; `starts` are in days."""
        unit = self._unit()
        counts = self.counts_.scaled(1 / unit)
        first = self._starts(counts) if starts is None else [s / self._scale(unit) for s in starts]
        pilot = counts if starts is not None else counts.sample(PILOT, seed=self.random_state)

        def objective(logs: FloatArray) -> Derivatives:
            params = np.exp(logs)
            return in_logs(self._derivatives(params, counts), params)

        def on_pilot(logs: FloatArray) -> Derivatives:
            params = np.exp(logs)
            return in_logs(self._derivatives(params, pilot), params)

        size = len(self.names)
        found = maximise(
            objective,
            [np.log(s) for s in first],
            pilot=objective if pilot is counts else on_pilot,
            lower=np.full(size, LOWER),
            upper=np.full(size, UPPER),
        )
        self._store(found, unit)
        return self

    def _store(self, found: Maximum, unit: float) -> None:
        counts = self.counts_
        offset = -counts.repeat_orders * float(np.log(unit)) if self.times else 0.0
        self._learn(
            found,
            scale=self._scale(unit),
            offset=offset,
            counts=(counts.customers, counts.repeat_orders),
        )

    def _adopt(self, params: FloatArray, *, covariance: FloatArray | None = None) -> Self:
        """Take over another engine's parameters (days); likelihood and standard errors by our own formulas."""
        here = in_logs(self._derivatives(params, self.counts_), params)
        self._store(Maximum(np.log(params), here, True, (), 0), 1.0)
        if covariance is not None:
            self.log_covariance_ = covariance
        return self

    def log_likelihood(self, customers: pd.DataFrame, params: FloatArray | None = None) -> float:
        """Return the log-likelihood of customers (time in days) at `params`, by default the fitted ones."""
        at = self._values() if params is None else np.asarray(params, dtype=np.float64)
        return self._derivatives(at, self._counts(customers)).value

    def to_lifetimes(self) -> object:
        """Return a fitted object of the lifetimes package with these parameters (times in days)."""
        from rfm_ml.models.engines import as_lifetimes

        return as_lifetimes(self)

    # --- predicting -----------------------------------------------------------------------------------------
    def p_alive(self, customers: pd.DataFrame) -> FloatArray:
        """Return P(still a customer) for each row."""
        self._values()
        return self._alive(*repeat_columns(customers))

    def expected_orders(
        self, customers: pd.DataFrame, *, horizon_days: float, daily_discount: float = 0.0
    ) -> FloatArray:
        """Return expected repeat orders within the horizon for each row, each discounted to today.

        `horizon_days` may be infinite when there is a discount.
        """
        self._values()
        check_horizon(horizon_days, daily_discount)
        x, t_x, T = repeat_columns(customers)
        rates = (float(np.log1p(daily_discount)),)
        return self._alive(x, t_x, T) * self._if_alive(x, T, horizon_days, rates)[0]

    def _if_alive(self, x: FloatArray, T: FloatArray, horizon: float, rates: tuple[float, ...]) -> FloatArray:
        return by_distinct(x, T, lambda ux, uT: self._orders_if_alive(ux, uT, horizon, rates))

    def predict(
        self,
        customers: pd.DataFrame,
        *,
        horizon_days: float,
        spend_model: GammaGamma | None = None,
        daily_discount: float = 0.0,
        margin: float = 1.0,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Predict each customer's orders and, with a spend model, what they are worth.

        Parameters
        ----------
        customers
            One row per customer with at least one order; first_order_on is needed for dates.
        horizon_days
            How far to look ahead.
        spend_model
            A fitted `GammaGamma`; adds expected_order_value, expected_spend and clv.
        daily_discount
            What money loses in a day, as a share: 0.0003 is about 11 % a year.
        margin
            Share of an order's value that is earned; multiplies clv only.
        level
            If given, adds orders_low and orders_high, which hold the orders with at least this probability.

        Returns
        -------
            One row per customer in the given order: customer_id, expected_orders, p_alive, [orders_low,
            orders_high], [expected_order_value, expected_spend, clv], expected_next_order_on (median day of the next
            order if still a customer; missing beyond 100 years) and overdue.
        """
        self._values()
        check_horizon(horizon_days, daily_discount, finite=True)
        x, t_x, T = repeat_columns(customers)
        alive = self._alive(x, t_x, T)
        rates = (0.0, float(np.log1p(daily_discount))) if daily_discount and spend_model is not None else (0.0,)
        expected = alive * self._if_alive(x, T, horizon_days, rates)
        orders, worth = expected[0], expected[-1]
        result = {"customer_id": customers["customer_id"].to_numpy(), "expected_orders": orders, "p_alive": alive}
        if level is not None:
            once, back = distinct_rows(x, t_x, T)
            rows = (x[once], T[once], alive[once])
            ends = order_interval(self._at_least, rows, horizon=horizon_days, level=level)
            result |= {name: end[back] for name, end in ends.items()}
        if spend_model is not None:
            value = spend_model.expected_order_value(customers)
            result |= {
                "expected_order_value": value,
                "expected_spend": orders * value,
                "clv": margin * worth * value,
            }
        wait = np.minimum(by_distinct(x, T, self._wait), MAX_WAIT_DAYS + 1)
        if "first_order_on" in customers.columns:
            result["expected_next_order_on"] = next_order_dates(customers, T, wait)
        result["overdue"] = self._silence(x, t_x, T) < self.overdue_below
        return pd.DataFrame(result)
