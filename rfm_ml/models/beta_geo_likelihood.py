"""Log-likelihood of BG/NBD and MBG/NBD with exact gradient and Hessian.

Both models share one form. With c = 0 for BG/NBD (Fader, Hardie & Lee 2005, eq. 6) and c = 1 for MBG/NBD
(Batislam et al. 2007 with the erratum of Wagner & Hoppe 2008), the log-likelihood of a customer is

    log G(r+x)/G(r) + r log alpha - (r+x) log(alpha+T)
    + log B(a, b+x+c)/B(a, b) + log(1 + exp(d)),
    d = log a - log(b+x+c-1) + (r+x) log((alpha+T)/(alpha+t_x)),

where exp(d) is the odds of having gone; BG/NBD leaves it out for x = 0, who cannot have gone.
"""

import numpy as np
from scipy.special import digamma, expit, gammaln, polygamma

from rfm_ml.models.arrays import Derivatives, FloatArray, symmetric, total
from rfm_ml.models.counts import RepeatCounts

CHUNK = 1 << 13
"""Rows worked on at once: temporaries stay in the cache, and products too small for BLAS to call its threads,
which would wait for each other on a busy machine."""


def log_odds_gone(params: FloatArray, x: FloatArray, t_x: FloatArray, T: FloatArray, *, extra: int) -> FloatArray:
    """Return d, the log odds of having gone; -inf where BG/NBD rules it out. `extra` is c above."""
    r, alpha, a, b = params
    left = b + np.maximum(x, 1 - extra) + extra - 1
    odds = np.log(a / left) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
    return np.asarray(odds if extra else np.where(x > 0, odds, -np.inf))


def _by_frequency(params: FloatArray, counts: RepeatCounts, *, extra: int) -> Derivatives:
    """Sum the terms that depend on x alone."""
    r, alpha, a, b = params
    x, n = counts.by_x
    y = x + extra
    rows = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) - gammaln(a + b + y)
        + gammaln(b + y) - gammaln(b)
    )  # fmt: skip
    everyone = n.sum()
    gone = n @ (digamma(a + b) - digamma(a + b + y))
    gradient = np.array([
        n @ (digamma(r + x) - digamma(r)) + everyone * np.log(alpha),
        everyone * r / alpha,
        gone,
        gone + n @ (digamma(b + y) - digamma(b)),
    ])  # fmt: skip
    both = n @ (polygamma(1, a + b) - polygamma(1, a + b + y))
    hessian = symmetric(4, {
        (0, 0): n @ (polygamma(1, r + x) - polygamma(1, r)),
        (0, 1): everyone / alpha,
        (1, 1): -everyone * r / alpha**2,
        (2, 2): both,
        (2, 3): both,
        (3, 3): both + n @ (polygamma(1, b + y) - polygamma(1, b)),
    })  # fmt: skip
    return Derivatives(float(n @ rows), gradient, hessian)


def _chunk(params: FloatArray, rows: tuple[FloatArray, ...], *, extra: int) -> Derivatives:
    """Sum the terms that depend on t_x and T over one chunk of distinct rows."""
    r, alpha, a, b = params
    x, t_x, T, n = rows
    k, early, late = r + x, 1 / (alpha + t_x), 1 / (alpha + T)
    left = b + np.maximum(x, 1 - extra) + extra - 1
    stretch = np.log1p((T - t_x) * early)
    d = np.log(a / left) + k * stretch
    if not extra:
        d = np.where(x > 0, d, -np.inf)
    gone = expit(d)
    log_late = np.log(alpha + T)
    value = total(n, np.logaddexp(0.0, d) - k * log_late)
    share = n * gone
    up = np.stack([stretch, k * (late - early), np.full_like(x, 1 / a), -1 / left])
    gradient = total(up, share) - np.array([total(n, log_late), total(n, k * late), 0.0, 0.0])
    hessian = (up * (share * (1 - gone))) @ up.T
    hessian += symmetric(4, {
        (0, 1): total(share, late - early) - total(n, late),
        (1, 1): total(share * k, early**2 - late**2) + total(n * k, late**2),
        (2, 2): -share.sum() / a**2,
        (3, 3): total(share, left**-2.0),
    })  # fmt: skip
    return Derivatives(float(value), gradient, hessian)


def log_likelihood(params: FloatArray, counts: RepeatCounts, *, extra: int) -> Derivatives:
    """Return the log-likelihood of all customers with its derivatives in (r, alpha, a, b)."""
    value, gradient, hessian = _by_frequency(params, counts, extra=extra)
    for low in range(0, len(counts.x), CHUNK):
        part = slice(low, low + CHUNK)
        rows = (counts.x[part], counts.t_x[part], counts.T[part], counts.weight[part])
        more = _chunk(params, rows, extra=extra)
        value, gradient, hessian = value + more.value, gradient + more.gradient, hessian + more.hessian
    return Derivatives(value, gradient, hessian)
