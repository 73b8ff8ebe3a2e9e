"""BG/BB: orders at regular opportunities (a yearly appeal, a monthly fair), one or none at each."""

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, gammaln, polygamma

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import Derivatives, FloatArray, mixture_hessian
from rfm_ml.models.counts import RepeatCounts
from rfm_ml.models.repeat_buying import RepeatBuyingModel

CELLS = 1 << 16
FAR = 36_500


def opportunities(orders: pd.DataFrame, *, as_of: str | pd.Timestamp, period_days: int) -> pd.DataFrame:
    """Count each customer's orders by period since the first: the frame that `BetaGeoBetaBinom` learns from.

    Parameters
    ----------
    orders
        customer_id and ordered_on, one row per order; returns left out.
    as_of
        Last day that counts.
    period_days
        Length of a period. A customer's first period starts with the first order and is no opportunity.

    Returns
    -------
        customer_id, repeat_orders (later periods with an order), active_days (end of the last such period) and
        age_days (end of the last whole period); times are whole multiples of `period_days`.
    """
    require_between(period_days, 1, FAR, name="period_days")
    require_columns(list(orders.columns), ("customer_id", "ordered_on"), what="The orders table")
    last = pd.Timestamp(as_of)
    log = pd.DataFrame({"customer_id": orders["customer_id"], "day": pd.to_datetime(orders["ordered_on"])})
    log = log[log["day"] <= last]
    first = log.groupby("customer_id")["day"].min()
    start = log["customer_id"].map(first)
    log["period"] = (log["day"] - start).dt.days // period_days
    whole = (last - first).dt.days // period_days
    counted = log[(log["period"] > 0) & (log["period"] <= log["customer_id"].map(whole))]
    each = counted.groupby("customer_id")["period"].agg(["nunique", "max"]).reindex(first.index, fill_value=0)
    return pd.DataFrame({
        "customer_id": first.index.to_numpy(),
        "repeat_orders": each["nunique"].to_numpy(dtype=np.int64),
        "active_days": each["max"].to_numpy(dtype=np.int64) * period_days,
        "age_days": whole.to_numpy(dtype=np.int64) * period_days,
    })  # fmt: skip


def log_likelihood(params: FloatArray, counts: RepeatCounts, *, shares: bool = False) -> tuple[Derivatives, FloatArray]:
    """Return the log-likelihood with its derivatives in (alpha, beta, gamma, delta), and P(alive) per row.

    Eq. 5 of Fader, Hardie & Shang (2010), "Customer-base analysis in a discrete-time noncontractual setting",
    Marketing Science 29(6): a sum over the period after which a customer left, t_x ... n - 1, or never. With
    `shares` only the last result is meaningful: derivatives are skipped.
    """
    alive = np.empty(len(counts.x))
    value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
    silent = (counts.T - counts.t_x).astype(np.int64)
    for length in np.unique(silent):
        rows = np.flatnonzero(silent == length)
        step = max(1, CELLS // int(length + 1))
        for at in (rows[i : i + step] for i in range(0, len(rows), step)):
            log_c, left_at = _components(params, counts.x[at], counts.t_x[at], counts.T[at])
            top = log_c.max(axis=0)
            share = np.exp(log_c - top)
            total = share.sum(axis=0)
            share /= total
            alive[at] = share[-1]
            if not shares:
                value += float(counts.weight[at] @ (top + np.log(total)))
                up, curve = _slopes(params, counts.x[at], left_at)
                mean = np.einsum("pjr,jr->pr", up, share)
                gradient += mean @ counts.weight[at]
                hessian += mixture_hessian(up, share, mean, counts.weight[at])
                hessian += np.einsum("pqjr,jr->pq", curve, share * counts.weight[at])
    return Derivatives(value, gradient, hessian), alive


def _components(params: FloatArray, x: FloatArray, t_x: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log c_j, j = left after period t_x, ..., n - 1, or not at all (last), and these periods."""
    a, b, g, d = params
    m = np.minimum(t_x + np.arange(int(n[0] - t_x[0]) + 1)[:, None], n)
    gone = np.ones((len(m), 1))
    gone[-1] = 0.0
    buys = betaln(a + x, b + m - x) - betaln(a, b)
    leaves = betaln(g + gone, d + m) - betaln(g, d)
    return buys + leaves, m


def _slopes(params: FloatArray, x: FloatArray, m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return gradient (4, components, rows) and Hessian (4, 4, components, rows) of log c_j."""
    a, b, g, d = params
    gone = np.ones((len(m), 1))
    gone[-1] = 0.0
    ones = np.ones_like(m)
    first = np.stack([
        digamma(a + x) * ones - digamma(a + b + m) + (digamma(a + b) - digamma(a)),
        digamma(b + m - x) - digamma(a + b + m) + (digamma(a + b) - digamma(b)),
        digamma(g + gone) * ones - digamma(g + d + m + gone) + (digamma(g + d) - digamma(g)),
        digamma(d + m) - digamma(g + d + m + gone) + (digamma(g + d) - digamma(d)),
    ])  # fmt: skip

    def tri(z: FloatArray) -> FloatArray:
        return np.asarray(polygamma(1, z))

    curve = np.zeros((4, 4, *m.shape))
    buys, stays = tri(a + b) - tri(a + b + m), tri(g + d) - tri(g + d + m + gone)
    curve[0, 0] = tri(a + x) * ones - tri(a) + buys
    curve[1, 1] = tri(b + m - x) - tri(b) + buys
    curve[0, 1] = curve[1, 0] = buys
    curve[2, 2] = tri(g + gone) * ones - tri(g) + stays
    curve[3, 3] = tri(d + m) - tri(d) + stays
    curve[2, 3] = curve[3, 2] = stays
    return first, curve


class BetaGeoBetaBinom(RepeatBuyingModel):
    """BG/BB of Fader, Hardie & Shang (2010): at each opportunity an active customer orders or not, then may leave.

    P(order) is Beta(alpha, beta) over customers, P(leave) Beta(gamma, delta).

    Parameters
    ----------
    period_days
        Days from one opportunity to the next. The frame's active_days and age_days must be whole multiples of it and
        repeat_orders at most the periods in active_days: `opportunities` makes such a frame from orders.
    engine, overdue_below, random_state
        As for every repeat-buying model.
    """

    names = ("alpha", "beta", "gamma", "delta")
    title = "BG/BB"
    lifetimes_class = "BetaGeoBetaBinomFitter"

    def __init__(
        self, *, period_days: int = 1, engine: str = "native", overdue_below: float = 0.1, random_state: int = 0
    ) -> None:
        super().__init__(engine=engine, overdue_below=overdue_below, random_state=random_state)
        self.period_days = period_days

    def _counts(self, customers: pd.DataFrame) -> RepeatCounts:
        require_between(self.period_days, 1, FAR, name="period_days")
        counts = RepeatCounts.from_customers(customers).scaled(1 / self.period_days)
        x, t_x, T = counts.x, counts.t_x, counts.T
        wrong = (x > t_x) | (t_x != np.round(t_x)) | (np.round(T) != T)
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"active_days and age_days must be whole periods of {self.period_days} days with at most one order "
                f"each. Got {x[first]:g} orders in {t_x[first]:g} of {T[first]:g} periods. "
                "Make the frame with opportunities(orders, as_of=..., period_days=...)."
            )
        return counts

    def _derivatives(self, params: FloatArray, counts: RepeatCounts) -> Derivatives:
        return log_likelihood(params, counts)[0]

    def _starts(self, counts: RepeatCounts) -> list[FloatArray]:
        return [np.array(p) for p in ((1.0, 1.0, 1.0, 3.0), (0.5, 2.0, 0.5, 5.0), (3.0, 1.0, 1.0, 10.0))]

    def _alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        periods = RepeatCounts(x, t_x / self.period_days, np.floor(T / self.period_days), np.ones(len(x)))
        return log_likelihood(self._values(), periods, shares=True)[1]

    def _periods(self, T: FloatArray) -> FloatArray:
        return np.asarray(np.floor(T / self.period_days))

    def _orders_if_alive(self, x: FloatArray, T: FloatArray, horizon: float, rates: tuple[float, ...]) -> FloatArray:
        """Sum E[P(order)] E[P(stay)^j] over the coming opportunities j; a last part of a period counts in part."""
        alpha, beta, gamma, delta = self._values()
        n, days = self._periods(T), self.period_days
        total = min(horizon, 40 / min(rates) if min(rates) > 0 else np.inf) / days
        stay, expected = np.ones(len(n)), np.zeros((len(rates), len(n)))
        for j in range(1, int(np.ceil(total)) + 1):
            stay = stay * (delta + n + j - 1) / (gamma + delta + n + j - 1)
            part = stay * min(1.0, total - j + 1)
            expected += np.multiply.outer(np.exp(-np.array(rates) * j * days), part)
        return np.asarray((alpha + x) / (alpha + beta + n) * expected)

    def _at_least(self, n: FloatArray, x: FloatArray, T: FloatArray, horizon: float) -> FloatArray:
        """Return P(at least n orders at the coming whole opportunities): sum over the one at which the n-th falls."""
        alpha, beta, gamma, delta = self._values()
        seen, total = self._periods(T), int(np.floor(horizon / self.period_days))
        result = np.zeros(len(x))
        for j in range(1, total + 1):
            reach = np.flatnonzero(n <= j)
            m, y, z = n[reach], x[reach], seen[reach]
            choose = gammaln(j) - gammaln(m) - gammaln(j - m + 1)
            buys = betaln(alpha + y + m, beta + z - y + j - m) - betaln(alpha + y, beta + z - y)
            stays = betaln(gamma, delta + z + j) - betaln(gamma, delta + z)
            result[reach] += np.exp(choose + buys + stays)
        return np.minimum(result, 1.0)

    def _wait(self, x: FloatArray, T: FloatArray) -> FloatArray:
        alpha, beta = self._values()[:2]
        n = self._periods(T)

        def none_in(j: FloatArray) -> FloatArray:
            return np.asarray(betaln(alpha + x, beta + n - x + j) - betaln(alpha + x, beta + n - x))

        low, high = np.zeros(len(x)), np.full(len(x), FAR + 1.0)
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            over = none_in(middle) <= np.log(0.5)
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return np.asarray(high * self.period_days)

    def _silence(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        alpha, beta = self._values()[:2]
        n, last = self._periods(T), t_x / self.period_days
        return np.asarray(np.exp(betaln(alpha + x, beta + n - x) - betaln(alpha + x, beta + last - x)))

    def simulate(self, age_days: FloatArray, *, rng: np.random.Generator) -> pd.DataFrame:
        """Draw customers of given ages from the fitted population; columns as `fit` wants them."""
        alpha, beta, gamma, delta = self._values()
        n = self._periods(np.asarray(age_days, dtype=np.float64))
        p = rng.beta(alpha, beta, len(n))
        stays = np.minimum(rng.geometric(np.maximum(rng.beta(gamma, delta, len(n)), 1e-12)) - 1, n)
        x, last = np.zeros(len(n)), np.zeros(len(n))
        for j in range(1, int(n.max()) + 1):
            buys = (rng.random(len(n)) < p) & (j <= stays)
            x, last = x + buys, np.where(buys, j, last)
        days = self.period_days
        return pd.DataFrame({"repeat_orders": x, "active_days": last * days, "age_days": n * days})

    def _draw_future(self, x: FloatArray, T: FloatArray, horizon: float, rng: np.random.Generator) -> FloatArray:
        alpha, beta, gamma, delta = self._values()
        n = self._periods(T)
        leave = np.maximum(rng.beta(gamma, delta + n), 1e-12)
        stays = np.minimum(rng.geometric(leave) - 1, int(np.floor(horizon / self.period_days)))
        return rng.binomial(stays, rng.beta(alpha + x, beta + n - x)).astype(np.float64)
