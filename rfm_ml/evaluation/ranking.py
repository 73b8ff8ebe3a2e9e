"""Whether a score ranks customers by what they will spend: gains, Gini, capture, the missed, Spearman, ROC-AUC.

Every measure answers for many samples at once, shape (repeats,), and is NaN where it is not defined.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rfm_ml.evaluation.sample import SAME, Sample, ScoredCustomers, dot, ratio
from rfm_ml.models.arrays import FloatArray


def gains_curve(spend: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Return the cumulative gains: the share of spend held by the best customers by score.

    Returns
    -------
    pd.DataFrame
        `customer_share` and `spend_share`, from (0, 0) to (1, 1), one row more than distinct scores: customers with
        equal scores are passed by one straight line. Spend shares are missing if nothing was spent on balance; they can
        leave 0 to 1 if some spent less than nothing (returns).

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


def normalised_gini(sample: Sample) -> FloatArray:
    """Return G(y, s) / G(y, y): 1 for the order of the spend itself, -1 for its reverse, 0 for chance.

    G(y, s) is 2 x the area under the gains curve - 1. With M_i the customers of lower score plus half of those of the
    same, that area is sum y_i M_i / (n sum y). With returns the measure stays between -1 and 1, also if nothing was
    spent on balance: the total cancels. NaN if all spent the same.

    Notes
    -----
    Source: Frees, Meyers & Cummings (2011), "Summarizing insurance scores using a Gini index", JASA 106, 1085-1098;
    normalised: Wang, Liu & Miao (2019), arXiv:1912.07753, section 4.1.
    """
    # 2 x area - 1 is this excess x 2 / (n total); the divisor is common to both and may be negative.
    chance, amounts = sample.total * sample.size / 2, sample.w * sample.of.spent
    excess = dot(amounts, sample.below) - chance
    best = dot(amounts, sample.spend_below) - chance
    scale = np.abs(amounts).sum(axis=1) * sample.size
    return ratio(excess, np.where(best > SAME * scale, best, 0.0))


def capture(sample: Sample, share: float) -> FloatArray:
    """Return the share of all spend held by the top `share` of customers by score, 0 <= share <= 1.

    share x n need be no whole number, and of customers with equal scores a part can be in the top: the gains curve is
    followed on its straight lines. Capture / share is the lift.

    Notes
    -----
    Source: Neslin et al. (2006), "Defection detection", Journal of Marketing Research 43, 204-211.
    """
    return ratio(sample.up_to(np.array([share]), sample.held)[:, 0], sample.total)


def missed_top(sample: Sample, share: float) -> FloatArray:
    """Return the share of the future top `share` of customers who are not in the predicted top `share`.

    Where lots would have to decide - equal spend, equal scores, share x n no whole number - it is the expected share.
    If fewer customers than `share` bought anything, the future top is those who bought. So a perfect score misses
    0 (but for equal spend at the edge), a random one 1 - share. NaN if nobody bought.

    Notes
    -----
    Source: Malthouse & Blattberg (2005), "Can we predict customer lifetime value?", Journal of Interactive Marketing
    19(1), 2-16: about 55 % by past value.
    """
    caught, wanted = _overlap(sample, share)
    return 1 - ratio(caught, wanted)


def wrongly_in(sample: Sample, share: float) -> FloatArray:
    """Return the share of the future bottom (all outside the future top) who are in the predicted top.

    Top, ties and source as for `missed_top`; then it is missed x share / (1 - share). If fewer customers than `share`
    bought, also a perfect score takes some in wrongly: its top has more places than there are buyers.
    """
    caught, wanted = _overlap(sample, share)
    return ratio(np.where(wanted > 0, share * sample.size - caught, np.nan), sample.size - wanted)


def _overlap(sample: Sample, share: float) -> tuple[FloatArray, FloatArray]:
    """Return the expected customers of the future top who are in the predicted top, and the size of the former."""
    wanted = np.minimum(share * sample.size, sample.buyers)
    return dot(sample.w * sample.in_spend_top(wanted), sample.in_top(share * sample.size)), wanted


def spearman(sample: Sample) -> FloatArray:
    """Return Spearman's rank correlation of spend and score, ties with their mid-rank.

    Notes
    -----
    Source: Spearman (1904), American Journal of Psychology 15, 72-101; ties: Kendall (1945), Biometrika 33, 239-251.
    """
    # Mid-ranks have the mean (n + 1) / 2; `below` is 1/2 less. Deviations from it sum to 0, so that those of who spent
    # nothing are minus those of the others.
    mean = sample.size[:, None] / 2
    both = dot(sample.w * (sample.below - mean), sample.spend_below - sample.idle_below[:, None])
    spread = _spread(sample.size, sample.customers) * _spread(sample.size, sample.spend_groups)
    return ratio(both, np.sqrt(np.where(spread > SAME * sample.size**2, spread, 0.0)))


def _spread(size: FloatArray, ties: FloatArray) -> FloatArray:
    """Return the sum of squared deviations of mid-ranks: (n^3 - sum t^3) / 12, less n - sum t, which is 0."""
    return np.maximum(size**3 - dot(ties * ties, ties), 0.0) / 12


def roc_auc(sample: Sample) -> FloatArray:
    """Return the chance that a customer who bought (spend > 0) has a higher score than one who did not; ties one half.

    Notes
    -----
    Mann-Whitney U / (buyers x others). Source: Hanley & McNeil (1982), Radiology 143, 29-36.
    """
    # Over buyers, `below` counts each pair of two buyers once: buyers ^ 2 / 2 with the pairs of one with themselves.
    wins = dot(sample.w * sample.of.bought, sample.below) - sample.buyers**2 / 2
    return ratio(wins, sample.buyers * (sample.size - sample.buyers))
