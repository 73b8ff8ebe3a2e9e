"""Orders that are Poisson with gamma rates while a customer is active: what most models share, and NBD itself.

An active customer's rate has the posterior Gamma(r + x, alpha + T) at T, and Gamma(r + x, alpha + t_x) right after
their last order, so gaps are Lomax (Pareto II): P(gap > g) = (A / (A + g))^(r + x).
"""

import numpy as np
import pandas as pd
from scipy.special import betainc, digamma, gammaln, polygamma

from rfm_ml.models.arrays import Derivatives, FloatArray, symmetric
from rfm_ml.models.counts import RepeatCounts
from rfm_ml.models.repeat_buying import RepeatBuyingModel


class NBDModel(RepeatBuyingModel):
    """Base of the models with a gamma mixture of Poisson orders."""

    def _wait(self, x: FloatArray, T: FloatArray) -> FloatArray:
        r, alpha = self._values()[:2]
        with np.errstate(over="ignore"):
            return np.asarray((alpha + T) * np.expm1(np.log(2.0) / (r + x)))

    def _silence(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        r, alpha = self._values()[:2]
        return np.asarray(np.exp(-(r + x) * np.log1p((T - t_x) / (alpha + t_x))))


def rate_starts(counts: RepeatCounts, leaving: list[tuple[float, ...]]) -> list[FloatArray]:
    """Return starts (r, alpha, *leaving) with the observed mean rate, for flat and for peaked rates."""
    mean_rate = counts.repeat_orders / float((counts.weight * counts.T).sum())
    return [
        np.array([r, r / mean_rate * stretch, *more])
        for (r, stretch), more in zip(((0.5, 0.7), (2.0, 0.7), (0.3, 0.3)), leaving, strict=True)
    ]


class NBD(NBDModel):
    """NBD of Ehrenberg (1959): nobody ever leaves. A baseline, not a forecast: it shows what leaving explains."""

    names = ("r", "alpha")
    times = ("alpha",)
    title = "NBD (nobody leaves)"
    lifetimes_class = None

    def _derivatives(self, params: FloatArray, counts: RepeatCounts) -> Derivatives:
        r, alpha = params
        x, n = counts.by_x
        late = 1 / (alpha + counts.T)
        weight, k, total = counts.weight, r + counts.x, n.sum()
        log_late = weight @ np.log(alpha + counts.T)
        value = n @ (gammaln(r + x) - gammaln(r)) + total * r * np.log(alpha)
        value -= (weight * k) @ np.log(alpha + counts.T)
        gradient = np.array([
            n @ (digamma(r + x) - digamma(r)) + total * np.log(alpha) - log_late,
            total * r / alpha - (weight * k) @ late,
        ])  # fmt: skip
        hessian = symmetric(2, {
            (0, 0): n @ (polygamma(1, r + x) - polygamma(1, r)),
            (0, 1): total / alpha - weight @ late,
            (1, 1): (weight * k) @ late**2 - total * r / alpha**2,
        })  # fmt: skip
        return Derivatives(float(value), gradient, hessian)

    def _starts(self, counts: RepeatCounts) -> list[FloatArray]:
        return rate_starts(counts, [(), (), ()])

    def _alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        return np.ones(len(x))

    def _orders_if_alive(self, x: FloatArray, T: FloatArray, horizon: float, rates: tuple[float, ...]) -> FloatArray:
        r, alpha = self._values()
        days = [-np.expm1(-rate * horizon) / rate if rate else horizon for rate in rates]
        return np.multiply.outer(days, (r + x) / (alpha + T))

    def _at_least(self, n: FloatArray, x: FloatArray, T: FloatArray, horizon: float) -> FloatArray:
        r, alpha = self._values()
        return np.asarray(betainc(n, r + x, horizon / (alpha + T + horizon)))

    def simulate(self, age_days: FloatArray, *, rng: np.random.Generator) -> pd.DataFrame:
        """Draw customers of given ages from the fitted population; columns as `fit` wants them."""
        r, alpha = self._values()
        T = np.asarray(age_days, dtype=np.float64)
        x = rng.poisson(rng.gamma(r, 1 / alpha, len(T)) * T).astype(np.float64)
        last = T * rng.random(len(T)) ** (1 / np.maximum(x, 1))
        return pd.DataFrame({"repeat_orders": x, "active_days": np.where(x > 0, last, 0.0), "age_days": T})

    def _draw_future(self, x: FloatArray, T: FloatArray, horizon: float, rng: np.random.Generator) -> FloatArray:
        r, alpha = self._values()
        return rng.poisson(rng.gamma(r + x, 1 / (alpha + T)) * horizon).astype(np.float64)
