"""Which group of a new fit is which group of the model before."""

from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from rfm_ml.strategies.scale import Ints

SAME: Final = 0.2
"""Jaccard index from which two groups count as one: the customers they share among those in either."""


def match_groups(labels: Ints, before: Ints, *, shape: tuple[int, int]) -> dict[int, int]:
    """Return the earlier group of each new group that has one.

    Parameters
    ----------
    labels, before
        The groups of the same customers by the new and by the earlier model, shape (n,).
    shape
        The numbers of new and of earlier groups.

    Notes
    -----
    The assignment that maximises the sum of the Jaccard indices, by the Hungarian method (Kuhn, Naval Research
    Logistics Quarterly 2, 1955). Pairs below `SAME` are no match: the group is new.

    Examples
    --------
    >>> match_groups(np.array([0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 0]), shape=(3, 2))
    {0: 1, 1: 0}
    """
    both = np.zeros(shape)
    np.add.at(both, (labels, before), 1)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    same = both / np.maximum(either, 1)
    pairs = zip(*linear_sum_assignment(same, maximize=True), strict=True)
    return {int(new): int(old) for new, old in pairs if same[new, old] >= SAME}
