"""Where two strategies disagree about the same customers, and whether the disagreement is worth anything."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import adjusted_rand_score

from rfm_ml.evaluation.inference import interval

APART = 0.1
"""Customers whom one strategy ranks higher than the other by more than a tenth of all customers are placed apart."""


def agreement(labels: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return how far strategies put the same customers together: the adjusted Rand index of every pair.

    Parameters
    ----------
    labels
        By strategy, the segment of each customer, shape (n,).

    Returns
    -------
    pd.DataFrame
        strategy, other, rand_index: every pair in both orders, and every strategy with itself; 1 is the same division
        whatever the names, 0 is what chance would give.

    Notes
    -----
    Hubert & Arabie (1985), "Comparing partitions", Journal of Classification 2, 193-218.

    Examples
    --------
    >>> agreement({"a": np.array(["x", "x", "y"]), "b": np.array(["1", "1", "2"])})["rand_index"].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    found = {(name, name): 1.0 for name in labels}
    for one, other in combinations(labels, 2):
        index = float(adjusted_rand_score(labels[one], labels[other]))
        found |= {(one, other): index, (other, one): index}
    rows = [(one, other, found[one, other]) for one in labels for other in labels]
    return pd.DataFrame(rows, columns=["strategy", "other", "rand_index"])


def placed_apart(spend: np.ndarray, scores: Mapping[str, np.ndarray], *, weights: np.ndarray) -> pd.DataFrame:
    """Compare the spend of customers whom two strategies rank differently.

    Parameters
    ----------
    spend
        In the holdout, in currency, shape (n,).
    scores
        Of exactly two strategies, shape (n,) each; equal scores share their middle rank.
    weights
        Shape (1 + repeats, n): the first row counts everybody once, the others are bootstrap samples.

    Returns
    -------
    pd.DataFrame
        group ("ranked higher by <first>", "ranked alike", "ranked higher by <second>", "difference"), customers,
        customer_share, mean_spend with low and high, in currency. The difference is that of the groups ranked higher
        by the first and by the second: above 0, the first was right. Missing where nobody is in a group.
    """
    (first, ahead), (second, behind) = scores.items()
    gap = (rankdata(ahead) - rankdata(behind)) / len(spend)
    members = np.stack([gap > APART, np.abs(gap) <= APART, gap < -APART])
    counted = weights.astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (counted @ (members * spend).T) / (counted @ members.T.astype(np.float32))
    means = np.column_stack([means, means[:, 0] - means[:, 2]])
    names = [f"ranked higher by {first}", "ranked alike", f"ranked higher by {second}", "difference"]
    sizes = [*members.sum(axis=1), members[0].sum() + members[2].sum()]
    rows = []
    for i, name in enumerate(names):
        rows.append((name, int(sizes[i]), sizes[i] / len(spend), float(means[0, i]), *interval(means[1:, i])))
    return pd.DataFrame(rows, columns=["group", "customers", "customer_share", "mean_spend", "low", "high"])
