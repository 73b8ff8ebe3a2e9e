"""What may be inferred from measures: bootstrap intervals, paired differences, many tests, and several origins."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import FloatArray

BETTER: Final = "better"
WORSE: Final = "worse"
NO_DIFFERENCE: Final = "no difference"


class Interval(NamedTuple):
    """Low and high end."""

    low: float
    high: float


class Difference(NamedTuple):
    """The difference a - b with its interval, the verdict on a, the p-value, and the pairs it rests on."""

    difference: float
    low: float
    high: float
    verdict: str
    p_value: float
    pairs: int


def bootstrap_weights(n: int, *, repeats: int = 1000, seed: int = 0, first: int = 0) -> NDArray[np.uint16]:
    """Draw bootstrap samples of n customers, as how often each customer is drawn.

    Use one set of weights for all strategies of an origin: then their differences are paired.

    Parameters
    ----------
    n
        Customers.
    repeats
        Samples.
    seed
        The same seed gives the same samples.
    first
        Number of the first sample. Drawn in pieces (`repeats=100` with `first` 0, 100, ...), the samples are those
        that are drawn at once, and less memory is used: two bytes per customer and sample.

    Returns
    -------
    NDArray[np.uint16]
        Shape (repeats, n); each row sums to n.

    Notes
    -----
    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 6, and chapter 20 for resampling
    vectors.

    Examples
    --------
    >>> bootstrap_weights(4, repeats=2, seed=1).sum(axis=1).tolist()
    [4, 4]
    """
    require_between(n, 1, 2**31, name="n")
    require_between(repeats, 1, 1_000_000, name="repeats")
    drawn = np.empty((repeats, n), dtype=np.uint16)
    for row in range(repeats):
        rng = np.random.default_rng([seed, first + row])
        drawn[row] = np.bincount(rng.integers(0, n, n), minlength=n)
    return drawn


def interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return the percentile interval of bootstrap values; samples without a value (NaN) do not count.

    NaN if no sample has a value.

    Notes
    -----
    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> interval(range(101), level=0.5)
    Interval(low=25.0, high=75.0)
    """
    require_between(level, 0.5, 0.9999, name="level")
    known = _known(values)
    if not len(known):
        return Interval(np.nan, np.nan)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def paired_difference(
    values_a: ArrayLike,
    values_b: ArrayLike,
    *,
    estimate: float | None = None,
    higher_is_better: bool = True,
    level: float = 0.95,
) -> Difference:
    """Compare a measure of two strategies on the same bootstrap samples.

    Parameters
    ----------
    values_a, values_b
        Shape (repeats,): the measure of a and of b, by the same weights.
    estimate
        The difference a - b on the customers themselves; by default the mean over the samples.
    higher_is_better
        False for errors: then less is better. For a bias compare absolute values.
    level
        Of the interval.

    Returns
    -------
    Difference
        `verdict` says whether a is better or worse than b, or "no difference" if the interval covers 0. `p_value` is
        two-sided. Without a sample in which both have a value, numbers are NaN and the verdict is "no difference".

    Raises
    ------
    DataError
        If the two have not as many samples.

    Notes
    -----
    p = 2 x min(share of differences <= 0, share >= 0), one sample added to each, at most 1: the level at which the
    percentile interval just reaches 0. Source: Efron & Tibshirani (1993), chapters 13 and 15; the sample added:
    Davison & Hinkley (1997), Bootstrap Methods and their Application, section 4.2.

    Examples
    --------
    >>> found = paired_difference([0.75, 0.7, 0.8], [0.7, 0.6, 0.7], estimate=0.09)
    >>> found.verdict, found.difference, found.p_value
    ('better', 0.09, 0.5)
    """
    a, b = np.asarray(values_a, dtype=np.float64), np.asarray(values_b, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"Both must have the same bootstrap samples. Got the shapes {a.shape} and {b.shape}.")
    known = _known(a - b)
    if not len(known):
        return Difference(np.nan, np.nan, np.nan, NO_DIFFERENCE, np.nan, 0)
    low, high = interval(known, level=level)
    middle = float(known.mean()) if estimate is None else float(estimate)
    sides = [int((known <= 0).sum()), int((known >= 0).sum())]
    p_value = min(1.0, 2 * (min(sides) + 1) / (len(known) + 1))
    return Difference(middle, low, high, _verdict(low, high, higher_is_better=higher_is_better), p_value, len(known))


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjust p-values of several comparisons, so that the chance of any false claim stays below the level.

    Parameters
    ----------
    p_values
        Shape (m,). NaN is no comparison: it stays, and does not count.

    Returns
    -------
    FloatArray
        Shape (m,), in the given order.

    Notes
    -----
    Sorted upward, p_(i) becomes the running maximum of (m - i + 1) p_(i), at most 1. Source: Holm (1979), "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005]).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise DataError(f"p-values must be between 0 and 1. Got {p[known].min()} to {p[known].max()}.")
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(p.shape, np.nan)
    left = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(left * p[order]), 1.0)
    return adjusted


def mean_ranks(scores: pd.DataFrame, *, higher_is_better: bool = True) -> pd.DataFrame:
    """Rank the strategies within each origin and average the ranks; p-values are never pooled over origins.

    Parameters
    ----------
    scores
        `origin`, `strategy`, `value`, each pair once.
    higher_is_better
        False for errors.

    Returns
    -------
    pd.DataFrame
        `strategy`, `mean_rank`, `best_rank`, `worst_rank` (1 is best, ties share their mean rank) and `origins`, the
        number ranked; best first. A strategy without a value at an origin has the last rank there. An origin where no
        strategy has a value does not count.

    Raises
    ------
    DataError
        If a column is missing, or a strategy is there twice at an origin.

    Notes
    -----
    Source: Friedman (1937), JASA 32, 675-701; Demsar (2006), "Statistical comparisons of classifiers over multiple data
    sets", JMLR 7, 1-30, section 3.2.
    """
    require_columns(list(scores.columns), ["origin", "strategy", "value"], what="The scores")
    if scores.duplicated(["origin", "strategy"]).any():
        raise DataError("Each strategy must be there once per origin. Got some twice. Drop the second.")
    wide = scores.pivot(index="origin", columns="strategy", values="value").dropna(how="all")
    strategies = pd.Index(wide.columns)
    signed = wide.to_numpy(dtype=np.float64) * (-1 if higher_is_better else 1)
    ranks = rankdata(np.where(np.isnan(signed), np.inf, signed), axis=1) if len(wide) else np.empty(wide.shape)
    by_strategy = pd.DataFrame(np.asarray(ranks), columns=strategies)
    table = pd.DataFrame({
        "strategy": strategies,
        "mean_rank": by_strategy.mean().to_numpy(),
        "best_rank": by_strategy.min().to_numpy(),
        "worst_rank": by_strategy.max().to_numpy(),
        "origins": len(wide),
    })  # fmt: skip
    return table.sort_values(["mean_rank", "strategy"]).reset_index(drop=True)


def _verdict(low: float, high: float, *, higher_is_better: bool) -> str:
    if low <= 0 <= high:
        return NO_DIFFERENCE
    return BETTER if (low > 0) == higher_is_better else WORSE


def _known(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]
