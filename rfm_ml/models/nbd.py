"""What BG/NBD, MBG/NBD and Pareto/NBD share: orders while active are Poisson with gamma rates.

An active customer's rate has the posterior Gamma(r + x, alpha + T) at T, and Gamma(r + x, alpha + t_x) right after his
last order, so gaps are Lomax (Pareto II): P(gap > g) = (A / (A + g))^(r + x).
"""

import numpy as np

from rfm_ml.models.arrays import FloatArray
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


def rate_starts(counts: RepeatCounts, leaving: list[tuple[float, float]]) -> list[FloatArray]:
    """Return starts (r, alpha, *leaving) with the observed mean rate, for flat and for peaked rates."""
    mean_rate = counts.repeat_orders / float(counts.weight @ counts.T)
    return [
        np.array([r, r / mean_rate * stretch, *pair])
        for (r, stretch), pair in zip(((0.5, 0.7), (2.0, 0.7), (0.3, 0.3)), leaving, strict=True)
    ]
