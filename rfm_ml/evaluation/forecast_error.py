"""How far predicted spend is from actual spend: errors, bias and calibration."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rfm_ml.core.checks import require_between
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, ratio
from rfm_ml.models.arrays import FloatArray

SAME: float = 1e-12


def out_of_sample_r2(spend: ArrayLike, score: ArrayLike, *, mean_train: float) -> float:
    """Return R2 = 1 - sum (y - s)^2 / sum (y - mean_train)^2.

    0 for the mean of the training period, 1 for perfect, below 0 for worse than that mean.

    Parameters
    ----------
    spend, score
        Shape (n,): actual and predicted spend, in currency.
    mean_train
        Mean spend in the period the score was learned from, in currency.

    Raises
    ------
    DataError
        If a number is missing, or there are no customers. So in all functions of this module.

    Notes
    -----
    Source: Campbell & Thompson (2008), "Predicting excess stock returns out of sample", Review of Financial Studies 21,
    1509-1531.

    Examples
    --------
    >>> out_of_sample_r2([0, 10, 20], [5, 10, 15], mean_train=10)
    0.75
    """
    return float(out_of_sample_r2_of(Sample(ScoredCustomers(spend, score)), mean_train)[0])


def mae_over_mean(spend: ArrayLike, score: ArrayLike) -> float:
    """Return the mean absolute error over the mean spend, MAE / mean y; NaN if nothing was spent on balance.

    Notes
    -----
    No mean of each customer's percentage error: most spend 0. Source: Kolassa & Schuetz (2007), "Advantages of the
    MAD/mean ratio over the MAPE", Foresight 6, 40-43.

    Examples
    --------
    >>> mae_over_mean([0, 10, 20], [5, 10, 10])
    0.5
    """
    return float(mae_over_mean_of(Sample(ScoredCustomers(spend, score)))[0])


def rmse_over_mean(spend: ArrayLike, score: ArrayLike) -> float:
    """Return the root mean squared error over the mean spend, RMSE / mean y; NaN if nothing was spent on balance.

    Notes
    -----
    Also called the coefficient of variation of the RMSE. Source: Hyndman & Koehler (2006), "Another look at measures of
    forecast accuracy", International Journal of Forecasting 22, 679-688.
    """
    return float(rmse_over_mean_of(Sample(ScoredCustomers(spend, score)))[0])


def bias(spend: ArrayLike, score: ArrayLike) -> float:
    """Return sum s / sum y - 1: 0.56 is 56 % too much in all. NaN if nothing was spent on balance.

    Notes
    -----
    The percentage error of the total. Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way",
    Marketing Science 24, 275-284, judge aggregate forecasts so.

    Examples
    --------
    >>> bias([0, 10, 20], [10, 10, 25])
    0.5
    """
    return float(bias_of(Sample(ScoredCustomers(spend, score)))[0])


def decile_mape(spend: ArrayLike, score: ArrayLike) -> float:
    """Return the mean over tenths of customers, by score, of |mean s - mean y| / mean y.

    Of equal scores a part can be in one tenth and the rest in the next. Tenths that spent nothing on balance have no
    percentage error and are left out; `decile_table` shows them. NaN if no tenth is left.

    Notes
    -----
    Source: Wang, Liu & Miao (2019), "A deep probabilistic model for customer lifetime value prediction",
    arXiv:1912.07753, decile-level MAPE.
    """
    return float(decile_mape_of(Sample(ScoredCustomers(spend, score)))[0])


def calibration_slope(spend: ArrayLike, score: ArrayLike) -> float:
    """Return the slope of the least-squares line of actual on predicted spend.

    1 for a calibrated score; below 1 its differences are too large (overfitted), above 1 too small. NaN if all scores
    are equal.

    Notes
    -----
    cov(y, s) / var(s). Source: Mincer & Zarnowitz (1969), "The evaluation of economic forecasts", in Economic Forecasts
    and Expectations, NBER; Cox (1958), Biometrika 45, 562-565.

    Examples
    --------
    >>> calibration_slope([0, 10, 20], [0, 20, 40])
    0.5
    """
    return float(calibration_slope_of(Sample(ScoredCustomers(spend, score)))[0])


def decile_table(spend: ArrayLike, score: ArrayLike, *, groups: int = 10) -> pd.DataFrame:
    """Return actual and predicted mean spend by tenths of customers, the lowest scores first.

    Parameters
    ----------
    spend, score
        Shape (n,): actual and predicted spend, in currency. Equal scores as in `decile_mape`.
    groups
        Number of groups.

    Returns
    -------
    pd.DataFrame
        `group` ("1" is the lowest), `customers`, `actual_mean`, `expected_mean` in currency, and `actual_error`, the
        standard error of the actual mean (missing with one customer or fewer in a group).
    """
    require_between(groups, 2, 100, name="groups")
    sample = Sample(ScoredCustomers(spend, score))
    (actual,), (expected,) = _tenths(sample, groups)
    running = np.concatenate([[0.0], np.cumsum(sample.of.spent**2)])[None, sample.of.held]
    squares = np.diff(_at(sample, running, groups)[0])[::-1]
    each = float(sample.size[0]) / groups
    spread = np.maximum(squares / each - actual**2, 0) / max(each - 1, SAME)
    return pd.DataFrame({
        "group": [str(i) for i in range(1, groups + 1)],
        "customers": each,
        "actual_mean": actual,
        "expected_mean": expected,
        "actual_error": np.sqrt(spread) if each > 1 else np.nan,
    })  # fmt: skip


def out_of_sample_r2_of(sample: Sample, mean_train: float) -> FloatArray:
    """Return `out_of_sample_r2` of samples."""
    squares = sample.w @ sample.of.spent**2
    by_mean = squares - 2 * mean_train * sample.total + sample.size * mean_train**2
    scale = squares + sample.size * mean_train**2
    return 1 - ratio(sample.sums[:, 1], np.where(by_mean > SAME * scale, by_mean, 0.0))


def mae_over_mean_of(sample: Sample) -> FloatArray:
    """Return `mae_over_mean` of samples."""
    return ratio(sample.sums[:, 0], sample.total)


def rmse_over_mean_of(sample: Sample) -> FloatArray:
    """Return `rmse_over_mean` of samples."""
    return ratio(np.sqrt(sample.size * sample.sums[:, 1]), sample.total)


def bias_of(sample: Sample) -> FloatArray:
    """Return `bias` of samples."""
    return ratio(sample.expected[:, -1], sample.total) - 1


def decile_mape_of(sample: Sample) -> FloatArray:
    """Return `decile_mape` of samples."""
    actual, expected = _tenths(sample, 10)
    spent = actual > SAME * np.abs(actual).max(axis=1, keepdims=True)
    errors = np.divide(np.abs(expected - actual), actual, out=np.zeros_like(actual), where=spent)
    return ratio(errors.sum(axis=1), spent.sum(axis=1))


def calibration_slope_of(sample: Sample) -> FloatArray:
    """Return `calibration_slope` of samples."""
    _, _, scale, s, y, squares, both = sample.sums.T
    spread = squares - s * s / sample.size
    return ratio(both - s * y / sample.size, np.where(spread > SAME * scale, spread, 0.0))


def _at(sample: Sample, running: FloatArray, groups: int) -> FloatArray:
    """Return the sum over the best 0, 1, ..., `groups` groups, from a running sum."""
    return sample.up_to(np.linspace(0, 1, groups + 1), running)


def _tenths(sample: Sample, groups: int) -> tuple[FloatArray, FloatArray]:
    """Return the actual and expected mean of each group, the lowest score first: shape (repeats, groups)."""
    each = sample.size[:, None] / groups
    actual, expected = (np.diff(_at(sample, r, groups), axis=1)[:, ::-1] for r in (sample.held, sample.expected))
    return actual / each, expected / each
