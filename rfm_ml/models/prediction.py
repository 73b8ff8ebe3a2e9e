"""Pieces of a prediction that do not depend on the model: distinct rows, discounting, intervals, dates."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import ParamsError
from rfm_ml.models.arrays import FloatArray, legendre

MAX_WAIT_DAYS = 36_500
HORIZON_NODES = ((3.0, 10), (12.0, 20), (np.inf, 48))
"""Up to this difficulty (fall of the logarithm of the rate, or twice the width in logarithms) so many nodes."""
FALL, TINY = 40.0, 1e-300


def check_horizon(horizon_days: float, daily_discount: float, *, finite: bool = False) -> None:
    """Refuse a horizon or a discount that has no meaning."""
    require_between(daily_discount, 0, 0.5, name="daily_discount")
    if not horizon_days > 0 or (np.isinf(horizon_days) and (finite or daily_discount == 0)):
        raise ParamsError(
            f"horizon_days must be above 0, and finite (expected_orders with daily_discount excepted). "
            f"Got {horizon_days!r}. "
            "Give the days to look ahead, for example 365."
        )


def by_distinct(x: FloatArray, T: FloatArray, compute: Callable[[FloatArray, FloatArray], FloatArray]) -> FloatArray:
    """Compute a function of (x, T) once per distinct pair and hand the results back to the rows.

    `compute` returns an array whose last axis runs over the pairs.
    """
    if len(x) == 0:
        return compute(x, T)
    base = T.max() + 1
    if (np.floor(T) != T).any() or x.max() * base > 4 * len(x) + 1e6:
        pairs, row = np.unique(np.column_stack([x, T]), axis=0, return_inverse=True)
        return compute(pairs[:, 0], pairs[:, 1])[..., row]
    code = (x * base + T).astype(np.int64)
    present = np.zeros(int(code.max()) + 1, dtype=bool)
    present[code] = True
    distinct = np.flatnonzero(present)
    place = np.zeros(len(present), dtype=np.int64)
    place[distinct] = np.arange(len(distinct))
    return compute(np.floor(distinct / base), distinct % base)[..., place[code]]


def distinct_rows(x: FloatArray, t_x: FloatArray, T: FloatArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that stand for all with the same (x, t_x, T), and for every row which of them does."""
    base = np.floor(T.max(initial=0.0)) + 1
    whole = (np.floor(t_x) == t_x).all() and (np.floor(T) == T).all()
    if not whole or x.max(initial=0.0) * base * base >= 2**53:
        everyone = np.arange(len(x))
        return everyone, everyone
    _, first, back = np.unique((x * base + t_x) * base + T, return_index=True, return_inverse=True)
    return first, back


def integrate_rate(
    rate_at: Callable[[FloatArray, np.ndarray], FloatArray],
    scale: FloatArray,
    *,
    horizon: float,
    discounts: Sequence[float],
) -> FloatArray:
    """Integrate a falling rate of orders over the horizon, once for each continuous daily discount rate.

    Gauss-Legendre in log(scale + t), in which rates of Lomax type are smooth, up to the horizon or to where the rate
    has died; the more it falls on the way, the more nodes.
    """
    slowest = min(discounts)
    end = min(horizon, FALL / slowest) if slowest > 0 else horizon
    width, everyone = np.log1p(end / scale), np.arange(len(scale))
    start = np.log(np.maximum(rate_at(np.zeros(len(scale)), everyone), TINY))

    def fall(at: np.ndarray) -> FloatArray:
        last = rate_at(scale[at] * np.expm1(width[at]), at)
        return np.asarray(start[at] - np.log(np.maximum(last, TINY)))

    down = fall(everyone)
    while (dead := np.flatnonzero(down > FALL)).size:
        width[dead] *= 0.6
        down[dead] = fall(dead)
    hard = np.maximum(down + max(discounts) * scale * np.expm1(width), 2 * width)
    total, low = np.zeros((len(discounts), len(scale))), -np.inf
    for high, nodes in HORIZON_NODES:
        rows = np.flatnonzero((hard > low) & (hard <= high))
        low = high
        if rows.size:
            total[:, rows] = _on_nodes(rate_at, rows, (scale[rows], width[rows]), nodes=nodes, discounts=discounts)
    return total


def _on_nodes(
    rate_at: Callable[[FloatArray, np.ndarray], FloatArray],
    rows: np.ndarray,
    span: tuple[FloatArray, FloatArray],
    *,
    nodes: int,
    discounts: Sequence[float],
) -> FloatArray:
    """Return the sums over Gauss-Legendre nodes for some rows, of shape (discounts, rows)."""
    scale, width = span
    at, log_weight = legendre(nodes)
    total = np.zeros((len(discounts), len(rows)))
    for node, share in zip(at, np.exp(log_weight), strict=True):
        t = scale * np.expm1(width * node)
        orders = share * width * (scale + t) * rate_at(t, rows)
        for i, rate in enumerate(discounts):
            total[i] += orders * np.exp(-rate * t) if rate else orders
    return total


def order_interval(
    at_least: Callable[[FloatArray, FloatArray, FloatArray, float], FloatArray],
    rows: tuple[FloatArray, FloatArray, FloatArray],
    *,
    horizon: float,
    level: float,
) -> dict[str, FloatArray]:
    """Return the shortest-tailed interval of orders that holds at least `level` of the probability.

    The distribution is exact: nobody who has left orders, and at_least(n, x, T, horizon) is P(N >= n) of who has not.
    low is the largest number with P(N < low) <= (1 - level) / 2, high the smallest with P(N > high) <= (1 - level) / 2.
    """
    require_between(level, 0.01, 0.9999, name="level")
    x, T, alive = rows
    tail = (1 - level) / 2

    def largest(floor: float) -> FloatArray:
        """Return the largest n with P(N >= n) >= floor (above floor for the upper end), by bisection."""
        low, high = np.zeros(len(x)), np.ones(len(x))
        growing = alive > floor  # nobody else can reach it even once
        while growing.any():
            at = np.flatnonzero(growing)
            growing[at] = alive[at] * at_least(high[at], x[at], T[at], horizon) > floor
            at = np.flatnonzero(growing)
            low[at], high[at] = high[at], 2 * high[at]
        while (high - low > 1).any():
            at = np.flatnonzero(high - low > 1)
            middle = np.floor((low[at] + high[at]) / 2)
            up = alive[at] * at_least(middle, x[at], T[at], horizon) > floor
            low[at[up]], high[at[~up]] = middle[up], middle[~up]
        return low

    return {"orders_low": largest(1 - tail), "orders_high": largest(tail)}


def next_order_dates(customers: pd.DataFrame, T: FloatArray, wait: FloatArray) -> np.ndarray:
    """Return as-of day plus the wait, rounded up to a whole day; missing beyond 100 years."""
    as_of = customers["first_order_on"].to_numpy(dtype="datetime64[D]") + T.astype("timedelta64[D]")
    days = as_of + np.ceil(wait).astype("timedelta64[D]")
    days[wait > MAX_WAIT_DAYS] = np.datetime64("NaT")
    return days.astype("datetime64[s]")
