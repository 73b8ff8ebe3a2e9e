"""What a campaign brought, treated customers against those held out by lot, and what one more order cost.

Everybody who was drawn counts in the group they were drawn for, whether or not the message reached them (intention to
treat). Lifts are differences of means per customer; times the treated customers they are what the campaign brought.
"""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.inference import bootstrap_weights, holm, interval
from rfm_ml.evaluation.sample import numbers
from rfm_ml.models.arrays import FloatArray

SMALLEST_GROUP: Final = 10
"""Customers that both groups need before an interval is given: means of fewer are far from normal."""

SMALLEST_EXPECTED: Final = 5.0
"""Customers who did anything that both groups must have, if the lift were none: Cochran (1954), Biometrics 10, 417-451.

Where almost nobody orders, a group without any order seems to have no variance at all, and intervals are too short."""

PIECE: Final = 50
"""Bootstrap samples drawn at once."""


class Lift(NamedTuple):
    """A difference of means, treated less held out, per customer, with its interval and what it rests on."""

    difference: float
    low: float
    high: float
    p_value: float
    standard_error: float
    degrees: float
    treated: int
    control: int
    treated_mean: float
    control_mean: float

    @property
    def is_determined(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def with_interval(self, degrees: float, *, level: float) -> "Lift":
        """Return the same with the interval and the p-value of the t distribution."""
        reach = float(t_distribution.ppf((1 + level) / 2, degrees)) * self.standard_error
        p_value = float(2 * t_distribution.sf(abs(self.difference) / self.standard_error, degrees))
        low, high = self.difference - reach, self.difference + reach
        return self._replace(low=low, high=high, p_value=p_value, degrees=degrees)

    def undetermined(self) -> "Lift":
        """Return the same without an interval."""
        return self._replace(low=np.nan, high=np.nan, p_value=np.nan, degrees=np.nan)


class Interaction(NamedTuple):
    """Whether the lifts of segments differ: the statistic with its degrees of freedom, and the p-value."""

    statistic: float
    degrees: float
    rest_degrees: float
    p_value: float
    segments: int


def groups(treated: ArrayLike, *, size: int) -> NDArray[np.bool_]:
    """Return who was treated, as one boolean per customer."""
    array = np.asarray(treated)
    if array.shape != (size,) or not np.isin(array, (0, 1)).all():
        raise DataError(f"treated must say True or False for each of the {size:,} customers. Got {array.shape}.")
    return array.astype(bool)


def welch_lift(values: ArrayLike, treated: ArrayLike, *, level: float = 0.95) -> Lift:
    """Compare the means of treated and held-out customers.

    Parameters
    ----------
    values
        Shape (n,): the outcome in the campaign's window (orders, currency); 0 for who did nothing. After `cuped`, the
        adjusted outcome.
    treated
        Shape (n,): True for who was sent to, False for who was held out.
    level
        Of the two-sided interval.

    Returns
    -------
    Lift
        Interval and p-value are NaN if a group has fewer than `SMALLEST_GROUP` customers or nothing varies.

    Notes
    -----
    Source: Welch (1947), Biometrika 34, 28-35; degrees of freedom: Satterthwaite (1946), Biometrics Bulletin 2,
    110-114.

    Examples
    --------
    >>> lift = welch_lift([1, 2] * 6 + [0, 1] * 5, [True] * 12 + [False] * 10)
    >>> lift.difference, round(lift.low, 3), round(lift.high, 3)
    (1.0, 0.53, 1.47)
    """
    require_between(level, 0.5, 0.9999, name="level")
    y = numbers(values, what="values")
    got = groups(treated, size=len(y))
    sent, held = y[got], y[~got]
    means = (float(sent.mean()) if len(sent) else np.nan, float(held.mean()) if len(held) else np.nan)
    difference = means[0] - means[1]
    counts = (len(sent), len(held))
    if min(counts) < 2:
        return Lift(difference, np.nan, np.nan, np.nan, np.nan, np.nan, *counts, *means)
    parts = sent.var(ddof=1) / counts[0], held.var(ddof=1) / counts[1]
    error = float(np.sqrt(sum(parts)))
    lift = Lift(difference, np.nan, np.nan, np.nan, error, np.nan, *counts, *means)
    if min(counts) < SMALLEST_GROUP or error == 0:
        return lift
    degrees = float(sum(parts) ** 2 / (parts[0] ** 2 / (counts[0] - 1) + parts[1] ** 2 / (counts[1] - 1)))
    return lift.with_interval(degrees, level=level)


def bootstrap_lift(
    values: ArrayLike, treated: ArrayLike, *, level: float = 0.95, repeats: int = 1000, seed: int = 0
) -> Lift:
    """As `welch_lift`, with a percentile interval from samples drawn within each group.

    It does not rest on normal means, so where it is far from Welch's interval, trust neither: the groups are too small
    for outcomes as skewed as these. The p-value is missing.

    Notes
    -----
    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 (two samples) and 13.
    """
    plain = welch_lift(values, treated, level=level)
    if not plain.is_determined:
        return plain
    y = np.asarray(values, dtype=np.float64)
    got = groups(treated, size=len(y))
    sent, held = (_resampled_means(y[who], repeats, seed + k) for k, who in enumerate((got, ~got)))
    ends = interval(sent - held, level=level)
    error = float((sent - held).std(ddof=1))
    return plain._replace(low=ends.low, high=ends.high, p_value=np.nan, standard_error=error, degrees=np.nan)


def _resampled_means(values: FloatArray, repeats: int, seed: int) -> FloatArray:
    pieces = []
    for first in range(0, repeats, PIECE):
        weights = bootstrap_weights(len(values), repeats=min(PIECE, repeats - first), seed=seed, first=first)
        pieces.append(np.einsum("rn,n->r", weights.astype(np.float64), values) / len(values))
    return np.concatenate(pieces)


def enough_active(active: ArrayLike, treated: ArrayLike) -> bool:
    """Say whether so many customers did anything in the window that an interval of the difference can be trusted.

    Examples
    --------
    >>> enough_active([True] * 10 + [False] * 90, [True] * 80 + [False] * 20)
    False
    """
    did = np.asarray(active, dtype=bool)
    got = groups(treated, size=len(did))
    return bool(len(did)) and min(int(got.sum()), int((~got).sum())) * float(did.mean()) >= SMALLEST_EXPECTED


def lift_by_segment(
    values: ArrayLike, treated: ArrayLike, segments: ArrayLike, *, active: ArrayLike | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Compare treated and held-out customers within each segment, as known before the campaign.

    A segment after it could be its result. With `active` (who did anything), segments without `enough_active` get no
    interval. The table has `segment`, the fields of `Lift`, and `p_holm`: the p-value for any claim about a single
    segment, as several are looked at. Sorted by segment.
    """
    y = numbers(values, what="values")
    got = groups(treated, size=len(y))
    names = np.asarray(segments, dtype=object)
    if names.shape != y.shape:
        raise DataError(f"segments must name one segment for each of the {len(y):,} customers. Got {names.shape}.")
    rows = []
    for name in sorted(set(names), key=str):
        inside = names == name
        lift = welch_lift(y[inside], got[inside], level=level)
        if active is not None and not enough_active(np.asarray(active)[inside], got[inside]):
            lift = lift.undetermined()
        rows.append({"segment": name, **lift._asdict()})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p_value"]))


def interaction_test(lifts: pd.DataFrame) -> Interaction:
    """Test whether a campaign's lift is the same in all segments, as `lift_by_segment` gives them.

    Without it, "it works in Loyal but not in New" is most often chance: one interval covers 0, the other just does not.
    Segments without an interval do not count; NaN with fewer than two.

    Notes
    -----
    Wald statistic of equal lifts with weights 1 / standard_error**2, referred to F with Welch's correction for
    estimated variances. Source: Welch (1951), "On the comparison of several mean values: an alternative approach",
    Biometrika 38, 330-336; for estimates that are not means, James (1951), ibid., 324-329.
    """
    require_columns(list(lifts.columns), ["difference", "standard_error", "degrees"], what="The lifts")
    determined = lifts[lifts["degrees"].notna() & (lifts["standard_error"] > 0)]
    k = len(determined)
    if k < 2:
        return Interaction(np.nan, np.nan, np.nan, np.nan, k)
    weight = 1 / determined["standard_error"].to_numpy(dtype=np.float64) ** 2
    differences = determined["difference"].to_numpy(dtype=np.float64)
    mean = float((weight * differences).sum() / weight.sum())
    spread = float((weight * (differences - mean) ** 2).sum())
    unsure = float(((1 - weight / weight.sum()) ** 2 / determined["degrees"].to_numpy(dtype=np.float64)).sum())
    statistic = spread / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * unsure)
    rest = (k**2 - 1) / (3 * unsure)
    return Interaction(statistic, k - 1, rest, float(f_distribution.sf(statistic, k - 1, rest)), k)


class Cost(NamedTuple):
    """Cost of one incremental order in currency; `high` is infinite where the interval of the orders reaches 0."""

    value: float
    low: float
    high: float

    @property
    def is_determined(self) -> bool:
        """Whether both ends are known: whether the campaign is shown to have brought orders."""
        return bool(np.isfinite(self.value) and np.isfinite(self.high))


def cost_per_order(cost: float, orders: Lift) -> Cost:
    """Return what one incremental order cost: cost / (lift in orders x treated customers), with its interval.

    As a cost per order has no meaning where no order came, `value` and `high` are infinite where the lift, or its low
    end, is not above 0.

    Examples
    --------
    >>> lift = welch_lift([1, 2] * 6 + [0, 1] * 5, [True] * 12 + [False] * 10)
    >>> [round(v, 2) for v in cost_per_order(24.0, lift)]
    [2.0, 1.36, 3.77]
    """
    require_between(cost, 0, 1e15, name="cost")
    ends = [cost / (end * orders.treated) if end > 0 else np.inf for end in (orders.difference, orders.high)]
    high = cost / (orders.low * orders.treated) if orders.low > 0 else np.inf
    return Cost(ends[0], ends[1] if orders.is_determined else np.nan, high)
