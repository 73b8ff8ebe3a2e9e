"""Pareto/NBD: customers may leave at any moment."""

import numpy as np
import pandas as pd
from scipy.special import betainc

from rfm_ml.models import pareto_likelihood
from rfm_ml.models.arrays import Derivatives, FloatArray, legendre
from rfm_ml.models.counts import RepeatCounts
from rfm_ml.models.nbd import NBDModel, rate_starts
from rfm_ml.models.prediction import integrate_rate

LIFE_NODES = 32
ROWS = 1 << 13


class ParetoNBD(NBDModel):
    """Pareto/NBD of Schmittlein, Morrison & Colombo (1987), "Counting your customers", Management Science 33(1).

    Orders are Poisson with rates Gamma(r, alpha) while a customer is active; they stay for an exponential time whose
    rate is drawn from Gamma(s, beta).
    """

    names = ("r", "alpha", "s", "beta")
    times = ("alpha", "beta")
    title = "Pareto/NBD"
    lifetimes_class = "ParetoNBDFitter"

    def _derivatives(self, params: FloatArray, counts: RepeatCounts) -> Derivatives:
        return pareto_likelihood.log_likelihood(params, counts)

    def _starts(self, counts: RepeatCounts) -> list[FloatArray]:
        return rate_starts(counts, [(0.6, 0.3), (1.5, 1.0), (0.3, 0.1)])

    def _alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        return pareto_likelihood.alive(self._values(), x, t_x, T)

    def _orders_if_alive(self, x: FloatArray, T: FloatArray, horizon: float, rates: tuple[float, ...]) -> FloatArray:
        """Integrate E[lambda] E[exp(-mu t)]: eq. 41 of Fader & Hardie (2005), and with a discount their DERT."""
        r, alpha, s, beta = self._values()
        stay = beta + T

        def rate_at(t: FloatArray, at: np.ndarray) -> FloatArray:
            return np.asarray((stay[at] / (stay[at] + t)) ** s)

        total = integrate_rate(rate_at, stay, horizon=horizon, discounts=rates)
        return np.asarray((r + x) / (alpha + T) * total)

    def _at_least(self, n: FloatArray, x: FloatArray, T: FloatArray, horizon: float) -> FloatArray:
        """Return P(the n-th order comes within the horizon and before leaving).

        Within t days of activity P(N >= n) is the incomplete beta function at t / (A + t). We average it over the days
        of activity, by Gauss-Legendre over the quantiles of those who leave within the horizon: to about 1e-4.
        """
        r, alpha, s, beta = self._values()
        result = np.empty(len(x))
        at, log_weight = legendre(LIFE_NODES)
        for low in range(0, len(x), ROWS):
            part = slice(low, low + ROWS)
            m, k, A, stay = n[part], r + x[part], alpha + T[part], beta + T[part]
            log_left = -s * np.log1p(horizon / stay)
            leaving = -np.expm1(log_left)
            active = stay * np.expm1(-np.log1p(-np.multiply.outer(at, leaving)) / s)
            leavers = np.exp(log_weight) @ betainc(m, k, active / (A + active))
            result[part] = leaving * leavers + np.exp(log_left) * betainc(m, k, horizon / (A + horizon))
        return result

    def simulate(self, age_days: FloatArray, *, rng: np.random.Generator) -> pd.DataFrame:
        """Draw customers of given ages from the fitted population; columns as `fit` wants them."""
        r, alpha, s, beta = self._values()
        T = np.asarray(age_days, dtype=np.float64)
        stay = np.minimum(T, self._lifetimes(np.full(len(T), s), np.full(len(T), beta), rng))
        x = rng.poisson(rng.gamma(r, 1 / alpha, len(T)) * stay).astype(np.float64)
        last = stay * rng.random(len(T)) ** (1 / np.maximum(x, 1))
        return pd.DataFrame({"repeat_orders": x, "active_days": np.where(x > 0, last, 0.0), "age_days": T})

    @staticmethod
    def _lifetimes(s: FloatArray, beta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw days until leaving: Lomax(s, beta), by inversion."""
        with np.errstate(over="ignore"):
            return np.asarray(beta * np.expm1(rng.exponential(size=len(s)) / s))

    def _draw_future(self, x: FloatArray, T: FloatArray, horizon: float, rng: np.random.Generator) -> FloatArray:
        r, alpha, s, beta = self._values()
        stay = np.minimum(horizon, self._lifetimes(np.full(len(x), s), beta + T, rng))
        return rng.poisson(rng.gamma(r + x, 1 / (alpha + T)) * stay).astype(np.float64)
