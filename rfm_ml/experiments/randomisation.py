"""Whether the groups of a campaign can be compared: their sizes, and what they were like before it."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest, chi2

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError
from rfm_ml.experiments.lift import groups
from rfm_ml.models.arrays import FloatArray

MISMATCH_BELOW: Final = 0.001
"""p-value below which group sizes are not as drawn: small, as every campaign is tested and an alarm stops it."""

LARGE_DIFFERENCE: Final = 0.1
"""Standardised mean difference above which groups are called different (Austin 2009)."""


class SampleRatio(NamedTuple):
    """How many were held out, beside the share that was to be."""

    treated: int
    control: int
    holdout: float
    expected: float
    p_value: float
    mismatch: bool


def sample_ratio(treated: ArrayLike, *, holdout: float) -> SampleRatio:
    """Test whether as many customers were held out as the draw was to hold out: the share `holdout`.

    A mismatch (exact binomial p-value below `MISMATCH_BELOW`) says that something besides the lot decided who is in
    which group, as customers lost on one side only. Then no comparison of the groups can be trusted.

    Notes
    -----
    Source: Fabijan, Gupchup, Gupta et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments",
    KDD, 2156-2164.

    Examples
    --------
    >>> sample_ratio([True] * 700 + [False] * 300, holdout=0.2).mismatch
    True
    """
    require_between(holdout, 0.0001, 0.9999, name="holdout")
    size = len(np.asarray(treated))
    if size == 0:
        raise DataError("A campaign must have at least one customer. Got none.")
    sent = int(groups(treated, size=size).sum())
    p_value = float(binomtest(size - sent, size, holdout).pvalue)
    return SampleRatio(sent, size - sent, (size - sent) / size, holdout, p_value, p_value < MISMATCH_BELOW)


def balance_table(covariates: pd.DataFrame, treated: ArrayLike, *, weights: ArrayLike | None = None) -> pd.DataFrame:
    """Compare what the groups were like before the campaign, by columns of numbers and, if given, weighted customers.

    `covariate, treated_mean, control_mean, standardised_difference`. The last is the difference over the root mean of
    both unweighted variances, so that it can be compared before and after weighting; 0 where nothing varies.

    Raises
    ------
    DataError
        If a group is empty, or a number is missing.

    Notes
    -----
    Source: Austin (2009), "Balance diagnostics for comparing the distribution of baseline covariates between treatment
    groups in propensity-score matched samples", Statistics in Medicine 28, 3083-3107.
    """
    x, got = _both_groups(covariates, treated)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    means = [np.average(x[who], axis=0, weights=w[who]) for who in (got, ~got)]
    spread = np.sqrt((x[got].var(axis=0) + x[~got].var(axis=0)) / 2)
    apart = np.divide(means[0] - means[1], spread, out=np.zeros_like(spread), where=spread > 0)
    return pd.DataFrame({
        "covariate": list(covariates.columns),
        "treated_mean": means[0],
        "control_mean": means[1],
        "standardised_difference": apart,
    })  # fmt: skip


def balance_test(covariates: pd.DataFrame, treated: ArrayLike) -> float:
    """Return the p-value of the hypothesis that the lot made the groups, from all covariates at once.

    With many covariates some differ by chance; this test says whether they differ by more than that.

    Notes
    -----
    d' V^-1 d with d the differences of means and V their covariance under random assignment, referred to chi-square.
    Source: Hansen & Bowers (2008), "Covariate balance in simple, stratified and clustered comparative studies",
    Statistical Science 23, 219-236.
    """
    x, got = _both_groups(covariates, treated)
    difference = x[got].mean(axis=0) - x[~got].mean(axis=0)
    scale = x.std(axis=0)
    used = scale > 0
    if not used.any() or len(x) < 3:
        return 1.0
    z = (x[:, used] - x[:, used].mean(axis=0)) / scale[used]
    covariance = np.atleast_2d(np.cov(z, rowvar=False)) * (1 / got.sum() + 1 / (~got).sum())
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values.max() * 1e-9
    turned = vectors[:, kept].T @ (difference[used] / scale[used])
    return float(chi2.sf((turned**2 / values[kept]).sum(), int(kept.sum())))


def _both_groups(covariates: pd.DataFrame, treated: ArrayLike) -> tuple[FloatArray, np.ndarray]:
    got = groups(treated, size=len(covariates))
    if not got.any() or got.all():
        raise DataError(f"Both groups must have customers. Got {int(got.sum())} treated of {len(got)}.")
    return finite(covariates), got


def finite(covariates: pd.DataFrame) -> FloatArray:
    """Return covariates as numbers, none missing."""
    x = covariates.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(x).all():
        raise DataError("Covariates must be numbers for every customer. Got missing ones. Fill or leave them out.")
    return x
