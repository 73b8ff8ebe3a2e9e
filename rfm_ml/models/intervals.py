"""How sure the totals of segments are: a parametric bootstrap of parameters and of what customers do."""

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.base import clone

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import FloatArray
from rfm_ml.models.counts import repeat_columns
from rfm_ml.models.gamma_gamma import GammaGamma, value_columns
from rfm_ml.models.parametric import FitWarning
from rfm_ml.models.prediction import check_horizon
from rfm_ml.models.repeat_buying import RepeatBuyingModel


def bootstrap_models(
    model: RepeatBuyingModel, age_days: FloatArray, *, draws: int, rng: np.random.Generator
) -> Iterator[RepeatBuyingModel]:
    """Yield refits of the model to populations drawn from it, with customers of these ages.

    With the Bayesian engine, models at draws from the posterior instead. A draw in which nobody orders twice is
    skipped.
    """
    params = model._values()
    for _ in range(draws):
        again = clone(model)
        if hasattr(model, "draws_"):
            row = model.draws_.iloc[int(rng.integers(len(model.draws_)))]
            again.params_ = model.params_ * 0 + row.to_numpy()
            yield again
            continue
        drawn = model.simulate(age_days, rng=rng)
        if not (drawn["repeat_orders"] > 0).any():
            continue
        again.counts_ = again._counts(drawn)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitWarning)  # the spread of the draws says how open a parameter is
            yield again._fit_native([params])


def draw_orders(
    model: RepeatBuyingModel,
    rows: tuple[FloatArray, FloatArray, FloatArray],
    *,
    horizon: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw each customer's orders in the horizon from the posterior predictive; `rows` are x, t_x and T."""
    x, t_x, T = rows
    active = rng.random(len(x)) < model._alive(x, t_x, T)
    orders = np.zeros(len(x))
    orders[active] = model._draw_future(x[active], T[active], horizon, rng)
    return orders


def draw_spend(
    spend: GammaGamma, orders: FloatArray, rows: tuple[FloatArray, FloatArray], *, rng: np.random.Generator
) -> FloatArray:
    """Draw what so many orders are worth: gamma sums at rates drawn from each customer's posterior."""
    p, q, v = np.exp(rng.multivariate_normal(np.log(spend._values()), _finite(spend.log_covariance_)))
    q = max(q, 1.01)
    x, m = rows
    used = np.where(m > 0, x, 0.0)
    rate = rng.gamma(p * used + q, 1 / (v + used * m))
    return np.asarray(np.where(orders > 0, rng.gamma(np.maximum(p * orders, 1e-9)) / rate, 0.0))


def _finite(covariance: FloatArray) -> FloatArray:
    """Take parameters that the data leave open as fixed."""
    return np.asarray(np.where(np.isfinite(covariance), covariance, 0.0))


def segment_totals(
    model: RepeatBuyingModel,
    customers: pd.DataFrame,
    *,
    horizon_days: float,
    segments: pd.Series | None = None,
    spend_model: GammaGamma | None = None,
    level: float = 0.9,
    draws: int = 200,
    random_state: int = 0,
) -> pd.DataFrame:
    """Predict each segment's total orders (and spend) with intervals that hold the outcome.

    Each draw refits the model to customers simulated from it (what the data could have said) and then draws every
    customer's orders from the refitted model (what customers could do); the interval has both.

    Parameters
    ----------
    model
        A fitted repeat-buying model.
    customers
        One row per customer with at least one order.
    segments
        A label per row of `customers`; by default all are one segment, "All".
    spend_model
        Adds spend, in currency.
    level
        Coverage of the intervals.
    draws
        Number of refits; the ends of the interval are as sure as so many draws make them.

    Returns
    -------
        Indexed by segment: customers, expected_orders, orders_low, orders_high, and with a spend model
        expected_spend, spend_low, spend_high.
    """
    require_between(level, 0.01, 0.999, name="level")
    require_between(draws, 20, 100_000, name="draws")
    check_horizon(horizon_days, 0.0)
    label = np.full(len(customers), "All") if segments is None else np.asarray(segments)
    if len(label) != len(customers):
        raise DataError(f"segments must hold {len(customers):,} labels, one per customer. Got {len(label):,}.")
    group, names = pd.factorize(label, sort=True)
    rng = np.random.default_rng(random_state)
    rows = repeat_columns(customers)
    values = None if spend_model is None else value_columns(customers)
    expected = {"orders": model.expected_orders(customers, horizon_days=horizon_days)}
    if spend_model is not None:
        expected["spend"] = expected["orders"] * spend_model.expected_order_value(customers)
    totals: dict[str, list[np.ndarray]] = {name: [] for name in expected}
    for again in bootstrap_models(model, rows[2], draws=draws, rng=rng):
        orders = draw_orders(again, rows, horizon=horizon_days, rng=rng)
        totals["orders"].append(np.bincount(group, weights=orders))
        if spend_model is not None and values is not None:
            spend = draw_spend(spend_model, orders, values, rng=rng)
            totals["spend"].append(np.bincount(group, weights=spend))
    table = pd.DataFrame({"customers": np.bincount(group)}, index=pd.Index(names, name="segment"))
    for name, drawn in totals.items():
        table[f"expected_{name}"] = np.bincount(group, weights=expected[name])
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        table[f"{name}_low"], table[f"{name}_high"] = low, high
    return table
