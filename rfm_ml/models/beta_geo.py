"""BG/NBD and MBG/NBD: customers may leave right after an order (MBG/NBD: also after the first)."""

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import betainc, betaincinv, betaln, expit, hyp2f1

from rfm_ml.models.arrays import Derivatives, FloatArray, legendre
from rfm_ml.models.beta_geo_likelihood import log_likelihood, log_odds_gone
from rfm_ml.models.counts import RepeatCounts
from rfm_ml.models.nbd import NBDModel, rate_starts
from rfm_ml.models.prediction import integrate_rate


def staying(k: FloatArray, a: float, stay: FloatArray, tau: FloatArray) -> FloatArray:
    """Return E[(1 + p tau)^-(k+1)] over p ~ Beta(a, stay): 2F1(k+1, a; a+stay; -tau), in (0, 1].

    Pfaff's two transformations avoid overflow as long as a or k+1 is moderate; we take the smaller. The few extreme
    values beyond are integrated over quantiles of p.
    """
    shrink, z, c = np.log1p(tau), tau / (1 + tau), a + stay
    first = a <= k + 1
    power = np.where(first, a, k + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.exp(-power * shrink) * hyp2f1(power, np.where(first, c - k - 1, stay), c, z)
    lost = np.flatnonzero(~((result >= 0) & (result <= 1 + 1e-9)))
    if len(lost):
        at, log_weight = legendre(64)
        p = betaincinv(a, stay[lost], at[:, None])
        result[lost] = np.exp(log_weight) @ np.exp(-(k[lost] + 1) * np.log1p(p * tau[lost]))
    return np.asarray(result)


class _BetaGeoFamily(NBDModel):
    """Both models; `extra` is 1 where the first order, too, may be the last."""

    names = ("r", "alpha", "a", "b")
    times = ("alpha",)
    extra: ClassVar[int]

    def _derivatives(self, params: FloatArray, counts: RepeatCounts) -> Derivatives:
        return log_likelihood(params, counts, extra=self.extra)

    def _starts(self, counts: RepeatCounts) -> list[FloatArray]:
        return rate_starts(counts, [(0.8, 2.0), (0.3, 3.0), (1.5, 1.5)])

    def _alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        return np.asarray(expit(-log_odds_gone(self._values(), x, t_x, T, extra=self.extra)))

    def _orders_if_alive(self, x: FloatArray, T: FloatArray, horizon: float, rates: tuple[float, ...]) -> FloatArray:
        """Integrate E[lambda exp(-lambda p t)], lambda ~ Gamma(r+x, alpha+T), p ~ Beta(a, b+x+c).

        Integrated from 0 to t this equals eq. 10 of Fader, Hardie & Lee (2005), without its singularity at a = 1 and
        its overflow for large x.
        """
        r, alpha, a, b = self._values()
        A, k, stay = alpha + T, r + x, b + x + self.extra

        def rate_at(t: FloatArray, at: np.ndarray) -> FloatArray:
            return k[at] / A[at] * staying(k[at], a, stay[at], t / A[at])

        return integrate_rate(rate_at, A, horizon=horizon, discounts=rates)

    def _at_least(self, n: FloatArray, x: FloatArray, T: FloatArray, horizon: float) -> FloatArray:
        """Return P(n Poisson events happen) times P(no leaving after the first n - 1 of them)."""
        r, alpha, a, b = self._values()
        stay = b + x + self.extra
        events = betainc(n, r + x, horizon / (alpha + T + horizon))
        return np.asarray(events * np.exp(betaln(a, stay + n - 1) - betaln(a, stay)))

    def _left_after(self, p: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw after which event (1, 2, ...) a customer leaves: geometric, by inversion."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.asarray(np.floor(np.log(rng.random(len(p))) / np.log1p(-p)) + 1)

    def simulate(self, age_days: FloatArray, *, rng: np.random.Generator) -> pd.DataFrame:
        """Draw customers of given ages from the fitted population; columns as `fit` wants them."""
        r, alpha, a, b = self._values()
        T = np.asarray(age_days, dtype=np.float64)
        events = rng.poisson(rng.gamma(r, 1 / alpha, len(T)) * T).astype(np.float64)
        stays = self._left_after(rng.beta(a, b, len(T)), rng) - self.extra
        x = np.minimum(events, stays)
        last = T * rng.beta(np.maximum(x, 1), events - x + 1)  # the x-th of so many uniform times
        return pd.DataFrame({"repeat_orders": x, "active_days": np.where(x > 0, last, 0.0), "age_days": T})

    def _draw_future(self, x: FloatArray, T: FloatArray, horizon: float, rng: np.random.Generator) -> FloatArray:
        r, alpha, a, b = self._values()
        events = rng.poisson(rng.gamma(r + x, 1 / (alpha + T)) * horizon).astype(np.float64)
        return np.minimum(events, self._left_after(rng.beta(a, b + x + self.extra), rng))


class BetaGeo(_BetaGeoFamily):
    """BG/NBD of Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).

    Orders are Poisson with rates Gamma(r, alpha); after each repeat order a customer leaves with a probability drawn
    from Beta(a, b). Nobody can leave after the first order, so P(alive) of one-time buyers is 1 by construction: do
    not segment on it (the frame that `predict` returns says so in `attrs`); `ModifiedBetaGeo` has no such hole.
    """

    title = "BG/NBD"
    extra = 0
    lifetimes_class = "BetaGeoFitter"

    def predict(self, customers: pd.DataFrame, **options: object) -> pd.DataFrame:
        """Predict as every repeat-buying model does; `attrs["note"]` flags the one-time buyers' P(alive)."""
        result = super().predict(customers, **options)  # type: ignore[arg-type]
        once = int((customers["repeat_orders"] == 0).sum())
        result.attrs["note"] = f"p_alive is 1 by construction for the {once:,} one-time buyers under BG/NBD"
        return result


class ModifiedBetaGeo(_BetaGeoFamily):
    """MBG/NBD of Batislam, Denizel & Filiztekin (2007), IJRM 24(3), with the erratum of Wagner & Hoppe (2008).

    As BG/NBD, but a customer may leave after the first order as well. The default model: as quick as BG/NBD, and
    P(alive) of one-time buyers falls with their silence.
    """

    title = "MBG/NBD"
    extra = 1
    lifetimes_class = "ModifiedBetaGeoFitter"
