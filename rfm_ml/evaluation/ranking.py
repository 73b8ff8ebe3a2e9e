"""Whether a score has the right order, and whether active customers are told from inactive ones."""

import numpy as np
from numpy.typing import ArrayLike

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, dot, numbers, ratio, weight_rows, weighted_sums
from rfm_ml.models.arrays import FloatArray

SAME: float = 1e-12


def spearman(spend: ArrayLike, score: ArrayLike) -> float:
    """Return Spearman's rank correlation of spend and score, ties with their mid-rank.

    NaN if all spend or all scores are equal.

    Notes
    -----
    The correlation of the mid-ranks. Source: Spearman (1904), "The proof and measurement of association between two
    things", American Journal of Psychology 15, 72-101; ties: Kendall (1945), Biometrika 33, 239-251.

    Examples
    --------
    >>> spearman([0, 10, 20, 5], [1, 2, 4, 3])
    0.8
    """
    return float(spearman_of(Sample(ScoredCustomers(spend, score)))[0])


def roc_auc(spend: ArrayLike, score: ArrayLike) -> float:
    """Return the chance that a customer who bought (spend > 0) has a higher score than one who did not.

    Ties count one half. NaN if all bought, or nobody.

    Notes
    -----
    Area under the ROC curve = Mann-Whitney U / (buyers x others). Source: Hanley & McNeil (1982), "The meaning and use
    of the area under a receiver operating characteristic (ROC) curve", Radiology 143, 29-36.

    Examples
    --------
    >>> roc_auc([0, 10, 20, 0], [1, 2, 4, 3])
    0.75
    """
    return float(roc_auc_of(Sample(ScoredCustomers(spend, score)))[0])


def activity_accuracy(spend: ArrayLike, told_active: ArrayLike, *, weights: ArrayLike | None = None) -> FloatArray:
    """Return the share of customers rightly told active or inactive; active is who bought in the holdout (spend > 0).

    For a hiatus rule `told_active` is recency_days <= limit, for a model P(alive) >= 0.5.

    Parameters
    ----------
    spend
        Shape (n,), in currency; orders will do.
    told_active
        Shape (n,), True or False.
    weights
        Shape (repeats, n), how often each customer is counted; None for all once.

    Returns
    -------
    FloatArray
        Shape (repeats,), or () without weights.

    Notes
    -----
    Source: Wuebben & von Wangenheim (2008), "Instant customer base analysis: managerial heuristics often get it right",
    Journal of Marketing 72(3), 82-93.

    Examples
    --------
    >>> float(activity_accuracy([0, 10, 20, 5], [True, True, True, False]))
    0.5
    """
    y = numbers(spend, what="spend")
    told = np.asarray(told_active)
    if told.dtype != np.bool_ or told.shape != y.shape:
        raise DataError(
            f"told_active must be True or False for each of the {len(y):,} customers. "
            f"Got {told.dtype} in the shape {told.shape}."
        )
    rows = weight_rows(weights, size=len(y))
    right = weighted_sums(rows, told == (y > 0)) / rows.sum(axis=1)
    return np.asarray(right[0] if weights is None else right)


def spearman_of(sample: Sample) -> FloatArray:
    """Return `spearman` of samples."""
    # Mid-ranks have the mean (n + 1) / 2; `below` is 1/2 less. Deviations from it sum to 0, so that those of who spent
    # nothing are minus those of the others.
    mean = sample.size[:, None] / 2
    both = dot(sample.w * (sample.below - mean), sample.spend_below - sample.idle_below[:, None])
    spread = _spread(sample.size, sample.customers) * _spread(sample.size, sample.spend_groups)
    return ratio(both, np.sqrt(np.where(spread > SAME * sample.size**2, spread, 0.0)))


def _spread(size: FloatArray, ties: FloatArray) -> FloatArray:
    """Return the sum of squared deviations of mid-ranks: (n^3 - sum t^3) / 12, less n - sum t, which is 0."""
    return np.maximum(size**3 - dot(ties * ties, ties), 0.0) / 12


def roc_auc_of(sample: Sample) -> FloatArray:
    """Return `roc_auc` of samples."""
    # Over buyers, `below` counts each pair of two buyers once: buyers ^ 2 / 2 with the pairs of one with himself.
    wins = dot(sample.w * sample.of.bought, sample.below) - sample.buyers**2 / 2
    return ratio(wins, sample.buyers * (sample.size - sample.buyers))
