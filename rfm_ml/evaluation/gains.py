"""Whether a score finds those who will spend: gains curve, Gini, capture, lift, the missed and the wrongly taken."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rfm_ml.core.checks import require_between
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, dot, ratio
from rfm_ml.models.arrays import FloatArray

SAME: float = 1e-12
"""Spends that differ by less, relative to their size, are equal."""


def gains_curve(spend: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Return the cumulative gains: the share of spend held by the best customers by score.

    Parameters
    ----------
    spend
        Shape (n,): spend in the holdout, in currency; 0 without an order.
    score
        Shape (n,): higher is better. Customers with equal scores are passed by one straight line.

    Returns
    -------
    pd.DataFrame
        `customer_share` and `spend_share`, from (0, 0) to (1, 1), one row more than distinct scores. Spend shares are
        missing if nothing was spent on balance; they can leave 0 to 1 if some spent less than nothing (returns).

    Raises
    ------
    DataError
        If a number is missing, or there are no customers. So in all functions of this module.

    Examples
    --------
    >>> gains_curve([60, 0, 40, 0], [9, 1, 5, 1]).to_dict("list")
    {'customer_share': [0.0, 0.25, 0.5, 1.0], 'spend_share': [0.0, 0.6, 1.0, 1.0]}
    """
    sample = Sample(ScoredCustomers(spend, score))
    total = float(sample.total[0]) if sample.total[0] > 0 else np.nan
    return pd.DataFrame({
        "customer_share": np.concatenate([[0.0], sample.through[0] / sample.size[0]]),
        "spend_share": np.concatenate([[0.0], sample.held[0]]) / total,
    })  # fmt: skip


def gini(spend: ArrayLike, score: ArrayLike) -> float:
    """Return G(y, s) = 2 x area under the gains curve - 1.

    0 for a score that says nothing (all equal, or random in the mean). NaN if nothing was spent on balance.

    Notes
    -----
    With M_i the customers of lower score plus half of those of the same, the area under the curve of straight lines
    is sum y_i M_i / (n sum y). Source: Frees, Meyers & Cummings (2011), "Summarizing insurance scores using a Gini
    index", JASA 106, 1085-1098; for lists, Neslin et al. (2006), "Defection detection", Journal of Marketing Research
    43, 204-211.

    Examples
    --------
    >>> gini([60, 0, 40, 0], [9, 1, 5, 1])
    0.55
    """
    return float(gini_of(Sample(ScoredCustomers(spend, score)))[0])


def normalised_gini(spend: ArrayLike, score: ArrayLike) -> float:
    """Return G(y, s) / G(y, y): 1 for the order of the spend itself, -1 for its reverse, 0 for chance.

    Equal scores count with their mean, whatever the row order. NaN if all spent the same, nothing for instance. With
    returns it stays between -1 and 1, also if nothing was spent on balance: the total cancels.

    Notes
    -----
    Source: Wang, Liu & Miao (2019), "A deep probabilistic model for customer lifetime value prediction",
    arXiv:1912.07753, section 4.1.

    Examples
    --------
    >>> normalised_gini([60, 0, 40, 0], [9, 1, 5, 1])
    1.0
    """
    return float(normalised_gini_of(Sample(ScoredCustomers(spend, score)))[0])


def capture(spend: ArrayLike, score: ArrayLike, *, share: float) -> float:
    """Return the share of all spend held by the top `share` of customers by score, 0 <= share <= 1.

    share x n need be no whole number, and of customers with equal scores a part can be in the top: the curve is
    followed on its straight lines. NaN if nothing was spent on balance.

    Notes
    -----
    The height of the cumulative gains curve at `share`. Source: Neslin et al. (2006), as for `gini`.

    Examples
    --------
    >>> capture([60, 0, 40, 0], [9, 1, 5, 1], share=0.25), capture([60, 0, 40, 0], [1, 1, 1, 1], share=0.25)
    (0.6, 0.25)
    """
    require_between(share, 0, 1, name="share")
    return float(capture_of(Sample(ScoredCustomers(spend, score)), share)[0])


def lift(spend: ArrayLike, score: ArrayLike, *, share: float) -> float:
    """Return capture / share: how many times the mean the top `share` of customers spent. 1 for chance.

    Notes
    -----
    Top-decile lift at share 0.1. Source: Neslin et al. (2006), as for `gini`.
    """
    require_between(share, SAME, 1, name="share")
    return float(capture_of(Sample(ScoredCustomers(spend, score)), share)[0]) / share


def missed_top(spend: ArrayLike, score: ArrayLike, *, share: float = 0.2) -> float:
    """Return the share of the future top `share` of customers who are not in the predicted top `share`.

    Where lots would have to decide - equal spend, equal scores, share x n no whole number - it is the expected share.
    If fewer customers than `share` bought anything, the future top is those who bought. So a perfect score misses
    0 (but for equal spend at the edge), a random one 1 - share. NaN if nobody bought.

    Notes
    -----
    Source: Malthouse & Blattberg (2005), "Can we predict customer lifetime value?", Journal of Interactive Marketing
    19(1), 2-16: about 55 % by past value.

    Examples
    --------
    >>> missed_top([60, 0, 40, 0, 0], [9, 7, 5, 1, 1], share=0.4)
    0.5
    """
    require_between(share, SAME, 1, name="share")
    return float(missed_top_of(Sample(ScoredCustomers(spend, score)), share)[0])


def wrongly_in(spend: ArrayLike, score: ArrayLike, *, share: float = 0.2) -> float:
    """Return the share of the future bottom (all outside the future top) who are in the predicted top.

    Top and ties as for `missed_top`; then it is missed x share / (1 - share). If fewer customers than `share` bought,
    also a perfect score takes some in wrongly: its top has more places than there are buyers. NaN if nobody bought, or
    nobody is in the bottom.

    Notes
    -----
    Source: Malthouse & Blattberg (2005), as for `missed_top`: the second kind of error of their 20-55 and 80-15 rules.
    """
    require_between(share, SAME, 1, name="share")
    return float(wrongly_in_of(Sample(ScoredCustomers(spend, score)), share)[0])


def gini_of(sample: Sample) -> FloatArray:
    """Return `gini` of samples."""
    return 2 * ratio(dot(sample.w * sample.of.spent, sample.below), sample.size * sample.total) - 1


def normalised_gini_of(sample: Sample) -> FloatArray:
    """Return `normalised_gini` of samples."""
    # 2 x area - 1 is this excess x 2 / (n total); the divisor is common to both and may be negative.
    chance, amounts = sample.total * sample.size / 2, sample.w * sample.of.spent
    found = dot(amounts, sample.below) - chance
    best = dot(amounts, sample.spend_below) - chance
    scale = np.abs(amounts).sum(axis=1) * sample.size
    return ratio(found, np.where(best > SAME * scale, best, 0.0))


def capture_of(sample: Sample, share: float) -> FloatArray:
    """Return `capture` of samples."""
    return ratio(sample.up_to(np.array([share]), sample.held)[:, 0], sample.total)


def _overlap(sample: Sample, share: float) -> tuple[FloatArray, FloatArray]:
    """Return the expected customers of the future top who are in the predicted top, and the size of the former."""
    wanted = np.minimum(share * sample.size, sample.buyers)
    found = dot(sample.w * sample.in_spend_top(wanted), sample.in_top(share * sample.size))
    return found, wanted


def missed_top_of(sample: Sample, share: float) -> FloatArray:
    """Return `missed_top` of samples."""
    found, wanted = _overlap(sample, share)
    return 1 - ratio(found, wanted)


def wrongly_in_of(sample: Sample, share: float) -> FloatArray:
    """Return `wrongly_in` of samples."""
    found, wanted = _overlap(sample, share)
    return ratio(np.where(wanted > 0, share * sample.size - found, np.nan), sample.size - wanted)
