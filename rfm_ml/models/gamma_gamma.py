"""Gamma-Gamma: what an order of a customer is worth on average, shrunk towards everybody's."""

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln, polygamma
from scipy.stats import pearsonr, spearmanr

from rfm_ml.core.checks import require_columns, require_known
from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import Derivatives, FloatArray, in_logs, symmetric
from rfm_ml.models.newton import LOWER, UPPER, Maximum, maximise
from rfm_ml.models.parametric import ENGINES, FitWarning, ParametricModel

PILOT = 20_000
RANKED = 50_000
"""Repeaters whose ranks are compared: the rank correlation is then known to 0.01."""
LEAST_Q = 1.01
"""The mean order value of the population, p v / (q - 1), needs q > 1."""


def value_columns(customers: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Return x and the mean repeat value of every customer, checked."""
    wanted = ("repeat_orders", "mean_repeat_value")
    require_columns(list(customers.columns), wanted, what="The customers frame")
    x, m = (customers[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in wanted)
    wrong = ~(np.isfinite(x) & np.isfinite(m) & (x >= 0))
    if wrong.any():
        raise DataError(
            f"repeat_orders and mean_repeat_value must be numbers. Got {wrong.sum():,} customers without them. "
            "Leave out customers who never ordered: customers[customers['orders'] > 0]."
        )
    return x, m


def log_likelihood(params: FloatArray, x: FloatArray, m: FloatArray) -> Derivatives:
    """Return the log-likelihood of mean values `m` over `x` orders, with derivatives in (p, q, v).

    Eq. 1a of Fader & Hardie (2013), "The Gamma-Gamma model of monetary value". Only log(x m + v) differs from
    customer to customer; everything else is summed by distinct x.
    """
    p, q, v = params
    group = x.astype(np.int64)
    n = np.bincount(group).astype(np.float64)
    z = x * m
    near = 1 / (z + v)
    spread = [np.bincount(group, weights=part) for part in (np.log(z + v), near, near * near)]
    k = np.flatnonzero(n)
    n, (logs, once, twice) = n[k], (part[k] for part in spread)
    log_m, total = np.bincount(group, weights=np.log(m))[k], n.sum()
    shape = p * k + q
    value = n @ (gammaln(shape) - gammaln(p * k) + p * k * np.log(k)) - shape @ logs + (p * k - 1) @ log_m
    value += total * (q * np.log(v) - gammaln(q))
    gradient = np.array([
        (n * k) @ (digamma(shape) - digamma(p * k) + np.log(k)) - k @ logs + k @ log_m,
        n @ digamma(shape) - total * (digamma(q) - np.log(v)) - logs.sum(),
        total * q / v - shape @ once,
    ])  # fmt: skip
    tri = polygamma(1, shape)
    hessian = symmetric(3, {
        (0, 0): (n * k * k) @ (tri - polygamma(1, p * k)),
        (0, 1): (n * k) @ tri,
        (0, 2): -(k @ once),
        (1, 1): n @ tri - total * polygamma(1, q),
        (1, 2): total / v - once.sum(),
        (2, 2): shape @ twice - total * q / v**2,
    })  # fmt: skip
    return Derivatives(float(value), gradient, hessian)


def independence(x: FloatArray, m: FloatArray) -> dict[str, Any]:
    """Say whether how often and how much are independent, as the model assumes."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(m) == 0:
        return {"pearson": 0.0, "spearman": 0.0, "verdict": "cannot be judged: no variation among repeaters"}
    rows = np.random.default_rng(0).permutation(len(x))[:RANKED] if len(x) > RANKED else slice(None)
    rank = float(spearmanr(x[rows], m[rows]).statistic)
    size = abs(rank)
    words = "holds" if size < 0.15 else "holds roughly" if size < 0.3 else "does not hold"
    which = "larger" if rank > 0 else "smaller"
    verdict = f"independence {words} (rank correlation {rank:+.2f})"
    if size >= 0.15:
        verdict += f": frequent buyers place {which} orders"
    return {"pearson": float(pearsonr(x, m).statistic), "spearman": rank, "verdict": verdict}


class GammaGamma(ParametricModel):
    """Gamma-Gamma spend model (Fader, Hardie & Lee 2005, "RFM and CLV"; Fader & Hardie 2013).

    Orders of one customer are Gamma(p, nu), nu is Gamma(q, v) over customers, whatever the frequency. The expected
    order value is a weighted mean of the customer's own and everybody's; the more orders, the more their own counts.

    Parameters
    ----------
    engine
        "native", "lifetimes" or "bayes", as for the repeat-buying models.
    random_state
        Seed of the sample on which starting points are tried, and of the Bayesian engine.

    Attributes
    ----------
    independence_
        Correlation between frequency and value among repeaters, with a verdict.
    left_out_
        Repeaters whose mean value was not above 0 (returns), which the model cannot use.
    """

    names = ("p", "q", "v")
    lifetimes_class = "GammaGammaFitter"

    independence_: dict[str, Any]
    left_out_: int

    def __init__(self, *, engine: str = "native", random_state: int = 0) -> None:
        self.engine = engine
        self.random_state = random_state

    def fit(self, customers: pd.DataFrame, y: None = None) -> Self:
        """Learn from the repeaters: repeat_orders and mean_repeat_value.

        Raises
        ------
        DataError
            If there are too few repeaters with a positive value, or their values do not differ.

        Warns
        -----
        FitWarning
            If frequency and value are clearly dependent, or the fit is not what it should be.
        """
        require_known(self.engine, ENGINES, what="engine")
        x, m = value_columns(customers)
        usable = (x > 0) & (m > 0)
        self.left_out_ = int(((x > 0) & ~usable).sum())
        self.x_, self.m_ = x[usable], m[usable]
        if len(self.m_) < 3 or np.ptp(self.m_) <= 1e-9 * self.m_.max():
            raise DataError(
                "At least 3 customers must have repeat orders of positive and different mean value. Got "
                f"{len(self.m_):,} usable ones. Use the plain mean order value instead."
            )
        self.independence_ = independence(self.x_, self.m_)
        if abs(self.independence_["spearman"]) >= 0.3:
            warnings.warn(f"GammaGamma: {self.independence_['verdict']}.", FitWarning, stacklevel=2)
        if self.engine == "lifetimes":
            from rfm_ml.models.engines import fitted_params

            return self._finish([fitted_params(self)], search=False)
        if self.engine == "bayes":
            from rfm_ml.models.engines import posterior_draws

            self.draws_ = posterior_draws(self)
            self._finish([self.draws_.mean().to_numpy()], search=False)
            self.log_covariance_ = np.cov(np.log(self.draws_.T))
            return self
        starts = [np.array([p, q, self.m_.mean() * (q - 1) / p]) for p, q in ((2.0, 3.0), (6.0, 4.0), (1.0, 8.0))]
        return self._finish(starts, search=True)

    def _finish(self, starts: list[FloatArray], *, search: bool) -> Self:
        """Maximise from the starts (money scaled to mean 1), or only evaluate there."""
        unit = float(self.m_.mean())
        x, m = self.x_, self.m_ / unit
        rows = np.random.default_rng(self.random_state).permutation(len(x))[:PILOT] if len(x) > 2 * PILOT else None

        def objective(logs: FloatArray) -> Derivatives:
            params = np.exp(logs)
            return in_logs(log_likelihood(params, x, m), params)

        def on_pilot(logs: FloatArray) -> Derivatives:
            params = np.exp(logs)
            return in_logs(log_likelihood(params, x[rows], m[rows]), params)

        scale = np.array([1.0, 1.0, unit])
        logs = [np.log(start / scale) for start in starts]
        lower = np.array([LOWER, np.log(LEAST_Q), LOWER])
        if search:
            pilot = objective if rows is None else on_pilot
            found = maximise(objective, logs, pilot=pilot, lower=lower, upper=np.full(3, UPPER))
        else:
            found = Maximum(logs[0], objective(logs[0]), True, (), 0)
        counts = (len(x), float(x.sum()))
        self._learn(found, scale=scale, offset=-len(x) * float(np.log(unit)), counts=counts)
        return self

    def log_likelihood(self, customers: pd.DataFrame, params: FloatArray | None = None) -> float:
        """Return the log-likelihood of the repeaters' mean values at `params`, by default the fitted ones."""
        x, m = value_columns(customers)
        usable = (x > 0) & (m > 0)
        at = self._values() if params is None else np.asarray(params, dtype=np.float64)
        return log_likelihood(at, x[usable], m[usable]).value

    def shrinkage(self, repeat_orders: FloatArray) -> FloatArray:
        """Return the weight of everybody's mean in the expected value of a customer with so many repeat orders."""
        p, q, _ = self._values()
        return np.asarray((q - 1) / (p * np.asarray(repeat_orders, dtype=np.float64) + q - 1))

    def expected_order_value(self, customers: pd.DataFrame) -> FloatArray:
        """Return E[mean order value | x, m] in currency: eq. 5 of Fader & Hardie (2013).

        A customer without repeat orders, or whose returns ate them up, gets the mean of the population.
        """
        p, q, v = self._values()
        x, m = value_columns(customers)
        x = np.where(m > 0, x, 0.0)
        return np.asarray(p * (v + x * m) / (p * x + q - 1))

    def to_lifetimes(self) -> object:
        """Return a fitted GammaGammaFitter of the lifetimes package with these parameters."""
        from rfm_ml.models.engines import as_lifetimes

        return as_lifetimes(self)
