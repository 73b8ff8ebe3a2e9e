"""Whether segments tell customers apart, and whether their sizes are of use."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.sample import Groups, dot, numbers, ratio
from rfm_ml.models.arrays import FloatArray

SMALL: Final = 0.02
"""A segment with a smaller share of customers is too small to be managed on its own."""
TOP: Final = 0.99
"""Spend is winsorised at this quantile."""
SAME: Final = 1e-12


class PermutedInformation(NamedTuple):
    """Mutual information if segments said nothing, in bits: its mean, its 95th percentile, and a p-value."""

    mean: float
    high: float
    p_value: float


def omega_squared(spend: ArrayLike, segment: Sequence[object] | ArrayLike, *, winsorised: bool = False) -> float:
    """Return the share of the variance of spend that segments account for, corrected for their number.

    0 if segments say nothing (it can be a little below), 1 if all in a segment spend the same. NaN if there are no
    more customers than segments, or all spend is equal.

    Parameters
    ----------
    spend
        Shape (n,): spend in the holdout, in currency.
    segment
        Shape (n,): any labels.
    winsorised
        True: spend above its 99th percentile (type 7) is set to it.

    Raises
    ------
    DataError
        If a number or a label is missing, or there are no customers. So in all functions of this module.

    Notes
    -----
    (SSB - (K - 1) MSW) / (SST + MSW), MSW = SSW / (n - K). Source: Hays (1963), Statistics for Psychologists;
    winsorised as in Wilcox (2012), Introduction to Robust Estimation and Hypothesis Testing, chapter 3.

    Examples
    --------
    >>> round(omega_squared([1, 2, 3, 4, 5, 6], list("aaabbb")), 2)
    0.68
    """
    sample = GroupedSample(GroupedCustomers(spend, segment))
    return winsorised_omega_squared_of(sample) if winsorised else omega_squared_of(sample)


def mutual_information(spend: ArrayLike, segment: Sequence[object] | ArrayLike) -> float:
    """Return how many bits the segment tells about whether a customer buys (spend > 0).

    0 if nothing, at most 1. It is above 0 by chance: compare it with `permuted_information`.

    Notes
    -----
    I = sum p(k, b) log2 p(k, b) / (p(k) p(b)). Source: Shannon (1948); Cover & Thomas (2006), Elements of Information
    Theory, equation 2.28.

    Examples
    --------
    >>> mutual_information([0, 0, 5, 9], list("aabb")), mutual_information([0, 5, 0, 9], list("aabb"))
    (1.0, 0.0)
    """
    return mutual_information_of(GroupedSample(GroupedCustomers(spend, segment)))


def permuted_information(
    spend: ArrayLike, segment: Sequence[object] | ArrayLike, *, repeats: int = 1000, seed: int = 0
) -> PermutedInformation:
    """Return the mutual information that is left when customers are dealt to the segments at random.

    Sizes of segments and number of buyers stay as they are. The p-value is the share of permutations with at least the
    information found, the found one counted in.

    Notes
    -----
    With fixed margins, the buyers per segment are multivariate hypergeometric: no customer need be moved. Source: Vinh,
    Epps & Bailey (2010), "Information theoretic measures for clusterings comparison", JMLR 11, 2837-2854; p-value
    Phipson & Smyth (2010).
    """
    require_between(repeats, 1, 1_000_000, name="repeats")
    sample = GroupedSample(GroupedCustomers(spend, segment))
    sizes, found = sample.sizes, mutual_information_of(sample)
    rng = np.random.default_rng(seed)
    buyers = int(sample.buyers.sum())
    drawn = rng.multivariate_hypergeometric(sizes.astype(np.int64), buyers, size=repeats, method="marginals")
    chance = np.array([_information(sizes, row) for row in drawn.astype(np.float64)])
    at_least = int((chance >= found - SAME).sum())
    return PermutedInformation(float(chance.mean()), float(np.quantile(chance, 0.95)), (1 + at_least) / (1 + repeats))


def size_evenness(segment: Sequence[object] | ArrayLike) -> float:
    """Return the entropy of the segments' sizes / log2 K: 1 if all are equally large, 0 if there is but one.

    K counts the segments that have customers.

    Notes
    -----
    Source: Pielou (1966), "The measurement of diversity in different types of biological collections", Journal of
    Theoretical Biology 13, 131-144.

    Examples
    --------
    >>> size_evenness(list("aabb")), size_evenness(list("aaaa"))
    (1.0, 0.0)
    """
    return size_evenness_of(GroupedSample(GroupedCustomers(np.zeros(len(segment)), segment)))  # type: ignore[arg-type]


def smallest_share(segment: Sequence[object] | ArrayLike) -> float:
    """Return the share of customers in the smallest segment that has any; below `SMALL` is too small.

    Notes
    -----
    Substantiality of segments. Source: Kotler & Keller, Marketing Management; Wedel & Kamakura (2000), Market
    Segmentation, chapter 1.
    """
    return smallest_share_of(GroupedSample(GroupedCustomers(np.zeros(len(segment)), segment)))  # type: ignore[arg-type]


class GroupedCustomers:
    """Customers by segment, with what they spent; sorted once."""

    def __init__(self, spend: ArrayLike, segment: Sequence[object] | ArrayLike) -> None:
        y = numbers(spend, what="spend")
        codes, names = label_codes(segment, size=len(y))
        self.k = len(names)
        self.order = np.argsort(codes, kind="stable")
        self.starts = np.searchsorted(codes[self.order], np.arange(self.k))
        # Differences of squares lose digits far from 0; omega squared does not mind where 0 is.
        self.spend = y[self.order]
        self.centre = float(y.mean())
        self.bought = (self.spend > 0).astype(np.float64)
        self.by_spend = Groups(-self.spend).order


class GroupedSample:
    """Grouped customers, each counted so many times, as if the rows were repeated.

    Attributes
    ----------
    sizes, buyers
        Shape (K,): customers and buyers per segment that has any.
    """

    def __init__(self, customers: GroupedCustomers, weights: NDArray[np.number] | None = None) -> None:
        self.of = customers
        n = len(customers.spend)
        self.w: FloatArray = np.ones(n) if weights is None else weights[customers.order].astype(np.float64)
        sizes = self.sums(self.w)
        self.present = sizes > 0
        self.sizes = sizes[self.present]
        self.buyers = self.sums(self.w * customers.bought)[self.present]

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum by segment."""
        return np.asarray(np.add.reduceat(values, self.of.starts))

    @cached_property
    def top(self) -> float:
        """The 99th percentile of spend, type 7, in currency."""
        through = np.cumsum(self.w[self.of.by_spend])
        place = TOP * (through[-1] - 1)
        low, high = np.searchsorted(through, [np.floor(place), np.ceil(place)], side="right")
        ordered = self.of.spend[self.of.by_spend[[low, high]]]
        return float(ordered[0] + (place - np.floor(place)) * (ordered[1] - ordered[0]))


def label_codes(labels: Sequence[object] | ArrayLike, *, size: int) -> tuple[NDArray[np.int64], pd.Index]:
    """Return a code from 0 for each label and the labels in the order of the codes.

    Raises
    ------
    DataError
        If there are not as many as wanted, or some are missing.
    """
    codes, names = pd.factorize(np.asarray(labels, dtype=object), sort=False)
    if len(codes) != size or size == 0:
        raise DataError(f"segment must hold {size:,} labels, one per customer. Got {len(codes):,}.")
    missing = int((codes < 0).sum())
    if missing:
        raise DataError(f"Every customer must have a segment. Got {missing:,} of {size:,} without. Label them first.")
    return codes.astype(np.int64), pd.Index(names)


def omega_squared_of(sample: GroupedSample) -> float:
    """Return `omega_squared` of a sample."""
    return _omega(sample, sample.of.spend - sample.of.centre)


def winsorised_omega_squared_of(sample: GroupedSample) -> float:
    """Return `omega_squared`, winsorised, of a sample."""
    return _omega(sample, np.minimum(sample.of.spend, sample.top) - min(sample.of.centre, sample.top))


def mutual_information_of(sample: GroupedSample) -> float:
    """Return `mutual_information` of a sample."""
    return _information(sample.sizes, sample.buyers)


def size_evenness_of(sample: GroupedSample) -> float:
    """Return `size_evenness` of a sample."""
    k = len(sample.sizes)
    return entropy(sample.sizes) / float(np.log2(k)) if k > 1 else 0.0


def smallest_share_of(sample: GroupedSample) -> float:
    """Return `smallest_share` of a sample."""
    return float(sample.sizes.min() / sample.sizes.sum())


def entropy(counts: NDArray[np.number]) -> float:
    """Return the entropy of the shares of counts, in bits.

    Examples
    --------
    >>> entropy(np.array([2.0, 1.0, 1.0, 0.0]))
    1.5
    """
    shares = np.asarray(counts[counts > 0] / counts.sum(), dtype=np.float64)
    return -dot(shares, np.log2(shares)) + 0.0


def _information(sizes: FloatArray, buyers: FloatArray) -> float:
    one, two = float(buyers.sum()), float(sizes.sum() - buyers.sum())
    apart = entropy(sizes) + entropy(np.array([one, two]))
    return max(apart - entropy(np.concatenate([buyers, sizes - buyers])), 0.0)


def _omega(sample: GroupedSample, spend: FloatArray) -> float:
    weighted = sample.w * spend
    sums, squares = sample.sums(weighted)[sample.present], dot(weighted, spend)
    n, k = float(sample.sizes.sum()), len(sample.sizes)
    if n <= k:
        return float("nan")
    total = squares - float(sums.sum()) ** 2 / n
    within = squares - float((sums**2 / sample.sizes).sum())
    if total <= SAME * squares:
        return float("nan")
    mean_within = max(within, 0.0) / (n - k)
    return ratio(total - within - (k - 1) * mean_within, total + mean_within)
