"""How far predicted spend is from actual spend: errors, bias and calibration.

Every measure answers for many samples at once, shape (repeats,), and is NaN where it is not defined. Those that are
divided by the mean spend are not where nothing was spent on balance.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rfm_ml.evaluation.sample import SAME, Sample, ScoredCustomers, ratio
from rfm_ml.models.arrays import FloatArray

TENTHS = 10


def out_of_sample_r2(sample: Sample, mean_train: float) -> FloatArray:
    """Return R2 = 1 - sum (y - s)^2 / sum (y - mean_train)^2, with the mean spend of the period that was learned from.

    0 for that mean as a score, 1 for perfect, below 0 for worse than that mean.

    Notes
    -----
    Source: Campbell & Thompson (2008), "Predicting excess stock returns out of sample", Review of Financial Studies 21,
    1509-1531.
    """
    squares = sample.w @ sample.of.spent**2
    by_mean = squares - 2 * mean_train * sample.total + sample.size * mean_train**2
    scale = squares + sample.size * mean_train**2
    return 1 - ratio(sample.sums[:, 1], np.where(by_mean > SAME * scale, by_mean, 0.0))


def mae_over_mean(sample: Sample) -> FloatArray:
    """Return the mean absolute error over the mean spend.

    No mean of each customer's percentage error: most spend 0. Source: Kolassa & Schuetz (2007), "Advantages of the
    MAD/mean ratio over the MAPE", Foresight 6, 40-43.
    """
    return ratio(sample.sums[:, 0], sample.total)


def rmse_over_mean(sample: Sample) -> FloatArray:
    """Return the root mean squared error over the mean spend.

    Source: Hyndman & Koehler (2006), "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22, 679-688.
    """
    return ratio(np.sqrt(sample.size * sample.sums[:, 1]), sample.total)


def bias(sample: Sample) -> FloatArray:
    """Return sum s / sum y - 1, the percentage error of the total: 0.56 is 56 % too much in all.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24, 275-284.
    """
    return ratio(sample.expected[:, -1], sample.total) - 1


def decile_mape(sample: Sample) -> FloatArray:
    """Return the mean over tenths of customers, by score, of |mean s - mean y| / mean y.

    Of equal scores a part can be in one tenth and the rest in the next. Tenths that spent nothing on balance have no
    percentage error and are left out; `decile_table` shows them. NaN if no tenth is left. Source: Wang, Liu & Miao
    (2019), arXiv:1912.07753.
    """
    actual, expected = _tenths(sample)
    spent = actual > SAME * np.abs(actual).max(axis=1, keepdims=True)
    errors = np.divide(np.abs(expected - actual), actual, out=np.zeros_like(actual), where=spent)
    return ratio(errors.sum(axis=1), spent.sum(axis=1))


def calibration_slope(sample: Sample) -> FloatArray:
    """Return the slope of the least-squares line of actual on predicted spend, cov(y, s) / var(s).

    1 for a calibrated score; below 1 its differences are too large (overfitted), above 1 too small. NaN if all scores
    are equal. Source: Mincer & Zarnowitz (1969), "The evaluation of economic forecasts", NBER; Cox (1958), Biometrika
    45, 562-565.
    """
    _, _, scale, s, y, squares, both = sample.sums.T
    spread = squares - s * s / sample.size
    return ratio(both - s * y / sample.size, np.where(spread > SAME * scale, spread, 0.0))


def decile_table(spend: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Return actual and predicted mean spend by tenths of customers, the lowest scores first.

    Returns
    -------
    pd.DataFrame
        `group` ("1" is the lowest), `customers`, `actual_mean`, `expected_mean` in currency, and `actual_error`, the
        standard error of the actual mean (missing with one customer or fewer in a group).
    """
    sample = Sample(ScoredCustomers(spend, score))
    (actual,), (expected,) = _tenths(sample)
    running = np.concatenate([[0.0], np.cumsum(sample.of.spent**2)])[None, sample.of.held]
    squares = np.diff(_at_tenths(sample, running)[0])[::-1]
    each = float(sample.size[0]) / TENTHS
    spread = np.maximum(squares / each - actual**2, 0) / max(each - 1, SAME)
    return pd.DataFrame({
        "group": [str(i) for i in range(1, TENTHS + 1)],
        "customers": each,
        "actual_mean": actual,
        "expected_mean": expected,
        "actual_error": np.sqrt(spread) if each > 1 else np.nan,
    })  # fmt: skip


def _tenths(sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Return the actual and expected mean of each tenth, the lowest score first: shape (repeats, 10)."""
    each = sample.size[:, None] / TENTHS
    actual, expected = (np.diff(_at_tenths(sample, r), axis=1)[:, ::-1] for r in (sample.held, sample.expected))
    return actual / each, expected / each


def _at_tenths(sample: Sample, running: FloatArray) -> FloatArray:
    """Return the sum over the best 0, 1, ..., 10 tenths, from a running sum."""
    return sample.up_to(np.linspace(0, 1, TENTHS + 1), running)
