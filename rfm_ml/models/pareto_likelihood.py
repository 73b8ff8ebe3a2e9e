"""Log-likelihood of Pareto/NBD with exact gradient and Hessian, without the hypergeometric function.

A customer's likelihood (Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005, "A note on deriving the
Pareto/NBD model") is

    G(r+x)/G(r) alpha^r beta^s { (alpha+T)^-(r+x) (beta+T)^-s
                                 + s int_{t_x}^{T} (alpha+t)^-(r+x) (beta+t)^-(s+1) dt },

the first term for who is still a customer at T, the integral for who left at t. We integrate by Gauss-Legendre in
u = log(min(alpha, beta) + t), where the integrand is log-concave and, for ordinary parameters, close to exponential,
and stop where it has fallen by e^-40. The likelihood is then a sum of components c_j per customer, which makes
derivatives moments of the components' gradients.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from rfm_ml.models.arrays import Derivatives, FloatArray, inner, legendre, mixture_hessian, symmetric, total
from rfm_ml.models.counts import RepeatCounts

NODES = ((1.0, 6), (4.0, 10), (12.0, 16), (np.inf, 32))
"""Up to this difficulty (fall of the log integrand, or twice the width in u) so many nodes are exact to 1e-13."""
CELLS = 1 << 13
FALL = 40.0


def _span(params: FloatArray, x: FloatArray, t_x: FloatArray, T: FloatArray) -> tuple[FloatArray, ...]:
    """Return start and width in u of the part that matters, and how hard it is to integrate."""
    r, alpha, s, beta = params
    base = min(alpha, beta)
    start, width = np.log(base + t_x), np.log1p((T - t_x) / (base + t_x))
    top = (r + x) * np.log(alpha + t_x) + (s + 1) * np.log(beta + t_x)

    def fall(width: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far the log integrand has fallen after `width`, and how fast it falls there."""
        shifted = np.exp(start + width)
        a, b = shifted + (alpha - base), shifted + (beta - base)
        down = (r + x) * np.log(a) + (s + 1) * np.log(b) - top - width
        return down, shifted * ((r + x) / a + (s + 1) / b) - 1

    down, speed = fall(width)
    for _ in range(8):  # the fall is convex in u: Newton from the right never cuts too much
        long = down > FALL + 4
        if not long.any():
            break
        width = np.where(long, width - (down - FALL) / np.where(long, speed, 1.0), width)
        down, speed = fall(width)
    return start, width, np.maximum(np.abs(down), 2 * width)


def _chunks(params: FloatArray, rows: tuple[FloatArray, ...]) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield (positions, start, width, nodes) of rows that take the same number of nodes."""
    start, width, hard = _span(params, *rows)
    low = -1.0
    for high, nodes in NODES:
        chosen = np.flatnonzero((hard > low) & (hard <= high))
        low = high
        for begin in range(0, len(chosen), max(1, CELLS // nodes)):
            at = chosen[begin : begin + max(1, CELLS // nodes)]
            yield at, start[at], width[at], np.asarray(nodes)


def _components(
    params: FloatArray, rows: tuple[FloatArray, ...], span: tuple[FloatArray, FloatArray, int]
) -> tuple[FloatArray, ...]:
    """Return log c_j and log(alpha+t_j), log(beta+t_j) at each node, with T itself as the last component.

    Shapes are (nodes + 1, rows).
    """
    r, alpha, s, beta = params
    x, T = rows
    start, width, nodes = span
    at, log_weight = legendre(nodes)
    base = min(alpha, beta)
    u = start + np.multiply.outer(at, width)
    shifted = np.exp(u)
    log_a, log_b = np.empty((nodes + 1, len(x))), np.empty((nodes + 1, len(x)))
    near, far = (log_a, log_b) if alpha <= beta else (log_b, log_a)
    near[:-1] = u
    far[:-1] = np.log(shifted + (max(alpha, beta) - base))
    log_a[-1], log_b[-1] = np.log(alpha + T), np.log(beta + T)
    log_c = -(r + x) * log_a - s * log_b
    with np.errstate(divide="ignore"):  # nobody left between t_x and T when the two are the same day
        log_c[:-1] += u - log_b[:-1] + np.log(s * width) + log_weight[:, None]
    return log_c, log_a, log_b


def _log_sum(log_c: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log sum_j c_j and the posterior share of every component."""
    top = log_c.max(axis=0)
    share = np.exp(log_c - top)
    total = share.sum(axis=0)
    share /= total
    return top + np.log(total), share


def _chunk(params: FloatArray, rows: tuple[FloatArray, ...], span: tuple[FloatArray, FloatArray, int]) -> Derivatives:
    """Sum log sum_j c_j and its derivatives over one chunk of distinct rows."""
    r, _, s, _ = params
    x, T, n = rows
    log_c, log_a, log_b = _components(params, (x, T), span)
    log_row, share = _log_sum(log_c)
    by_a, by_b = np.exp(-log_a), np.exp(-log_b)
    left = np.full((len(log_c), 1), s + 1)
    left[-1] = s
    up = np.stack([-log_a, -(r + x) * by_a, -log_b, -left * by_b])
    up[2, :-1] += 1 / s
    mean = np.einsum("pjr,jr->pr", up, share)
    weighted = share * n
    hessian = mixture_hessian(up, share, mean, n)
    ended = weighted[:-1].sum()
    hessian += symmetric(4, {
        (0, 1): -inner(weighted, by_a),
        (1, 1): inner(weighted * (r + x), by_a**2),
        (2, 2): -ended / s**2,
        (2, 3): -inner(weighted, by_b),
        (3, 3): inner(weighted * left, by_b**2),
    })  # fmt: skip
    return Derivatives(float(total(n, log_row)), total(mean, n), hessian)


def _by_frequency(params: FloatArray, counts: RepeatCounts) -> Derivatives:
    """Sum the terms in front of the braces, which depend on x alone."""
    r, alpha, s, beta = params
    x, n = counts.by_x
    everyone = n.sum()
    value = n @ (gammaln(r + x) - gammaln(r)) + everyone * (r * np.log(alpha) + s * np.log(beta))
    gradient = np.array([
        n @ (digamma(r + x) - digamma(r)) + everyone * np.log(alpha),
        everyone * r / alpha,
        everyone * np.log(beta),
        everyone * s / beta,
    ])  # fmt: skip
    hessian = symmetric(4, {
        (0, 0): n @ (polygamma(1, r + x) - polygamma(1, r)),
        (0, 1): everyone / alpha,
        (1, 1): -everyone * r / alpha**2,
        (2, 3): everyone / beta,
        (3, 3): -everyone * s / beta**2,
    })  # fmt: skip
    return Derivatives(float(value), gradient, hessian)


def log_likelihood(params: FloatArray, counts: RepeatCounts) -> Derivatives:
    """Return the log-likelihood of all customers with its derivatives in (r, alpha, s, beta)."""
    value, gradient, hessian = _by_frequency(params, counts)
    for at, start, width, nodes in _chunks(params, (counts.x, counts.t_x, counts.T)):
        rows = (counts.x[at], counts.T[at], counts.weight[at])
        more = _chunk(params, rows, (start, width, int(nodes)))
        value, gradient, hessian = value + more.value, gradient + more.gradient, hessian + more.hessian
    return Derivatives(value, gradient, hessian)


def alive(params: FloatArray, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
    """Return P(still a customer at T | x, t_x, T), in [0, 1]."""
    result = np.empty(len(x))
    for at, start, width, nodes in _chunks(params, (x, t_x, T)):
        log_c, _, _ = _components(params, (x[at], T[at]), (start, width, int(nodes)))
        result[at] = _log_sum(log_c)[1][-1]
    return result
