"""Whether segments tell customers apart, have sizes of use, and can be said in words."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.sample import SAME, dot, numbers, ratio, weight_rows, weighted_sums
from rfm_ml.models.arrays import FloatArray

Labels = Sequence[object] | ArrayLike

TOP: Final = 0.99
"""Spend is winsorised at this quantile."""


class PermutedInformation(NamedTuple):
    """Mutual information if segments said nothing, in bits: its mean, its 95th percentile, and a p-value."""

    mean: float
    high: float
    p_value: float


def permuted_information(
    spend: ArrayLike, segment: Labels, *, repeats: int = 1000, seed: int = 0
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
    sizes, found = sample.sizes[0], float(mutual_information(sample)[0])
    rng = np.random.default_rng(seed)
    buyers = int(sample.buyers.sum())
    drawn = rng.multivariate_hypergeometric(sizes.astype(np.int64), buyers, size=repeats, method="marginals")
    chance = _information(np.broadcast_to(sizes, drawn.shape), drawn.astype(np.float64))
    at_least = int((chance >= found - SAME).sum())
    return PermutedInformation(float(chance.mean()), float(np.quantile(chance, 0.95)), (1 + at_least) / (1 + repeats))


class GroupedCustomers:
    """Customers by segment, with what they spent; sorted once.

    Attributes
    ----------
    usual
        The most frequent spend, mostly 0, in currency. Only those who spent something else, `others`, are looked at one
        by one: omega squared does not mind where 0 is, and differences of squares lose fewer digits.
    spend
        Of the others, shape (m,), less the usual one; lowest first.
    member
        Shape (m, K): 1 where one of the others is in the segment.
    """

    def __init__(self, spend: ArrayLike, segment: Labels) -> None:
        y = numbers(spend, what="spend")
        codes, names = label_codes(segment, size=len(y))
        self.order = np.argsort(codes, kind="stable")
        self.starts = np.searchsorted(codes[self.order], np.arange(len(names)))
        amounts, counts = np.unique(y, return_counts=True)
        self.usual = float(amounts[counts.argmax()])
        others = np.flatnonzero(y != self.usual)
        self.others = others[np.argsort(y[others], kind="stable")]
        self.spend = y[self.others] - self.usual
        self.lower = int((self.spend < 0).sum())
        self.member = (codes[self.others][:, None] == np.arange(len(names))).astype(np.float64)
        self.bought = (y[self.others] > 0).astype(np.float64)


class GroupedSample:
    """Grouped customers, each counted so many times, as if the rows were repeated; many samples at once.

    Attributes
    ----------
    sizes, buyers
        Shape (repeats, K): customers and buyers per segment; 0 for a segment that a sample has none of.
    """

    def __init__(self, customers: GroupedCustomers, weights: NDArray[np.number] | None = None) -> None:
        self.of = customers
        counted = np.ones((1, len(customers.order))) if weights is None else weights
        ordered = counted[:, customers.order].astype(np.float64)
        self.sizes: FloatArray = np.add.reduceat(ordered, customers.starts, axis=1)
        self.w: FloatArray = counted[:, customers.others].astype(np.float64)
        bought = self.sums(customers.bought)
        usual = self.sizes - self.sums(np.ones(len(customers.bought)))
        self.buyers: FloatArray = bought + usual if customers.usual > 0 else bought

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum values of the others by segment, shape (repeats, K)."""
        return np.asarray((self.w * values) @ self.of.member)

    @cached_property
    def top(self) -> FloatArray:
        """The 99th percentile of spend, type 7, less the usual one, in currency; shape (repeats,)."""
        place = TOP * (self.sizes.sum(axis=1) - 1)
        low, high = self._at(np.floor(place)), self._at(np.ceil(place))
        return np.asarray(low + (place - np.floor(place)) * (high - low))

    def _at(self, place: FloatArray) -> FloatArray:
        """Return the spend at a place among the repeated rows, the lowest first, from 0."""
        of = self.of
        usual = self.sizes.sum(axis=1) - self.w.sum(axis=1)
        counts = np.column_stack([self.w[:, : of.lower], usual, self.w[:, of.lower :]])
        amounts = np.concatenate([of.spend[: of.lower], [0.0], of.spend[of.lower :]])
        return amounts[(np.cumsum(counts, axis=1) <= place[:, None]).sum(axis=1)]


def label_codes(labels: Labels, *, size: int) -> tuple[NDArray[np.int64], pd.Index]:
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


def omega_squared(sample: GroupedSample) -> FloatArray:
    """Return the share of the variance of spend that segments account for, corrected for their number.

    0 if segments say nothing (it can be a little below), 1 if all in a segment spend the same. NaN if there are no
    more customers than segments, or all spend is equal.

    Notes
    -----
    (SSB - (K - 1) MSW) / (SST + MSW), MSW = SSW / (n - K). Source: Hays (1963), Statistics for Psychologists.
    """
    return _omega(sample, sample.of.spend[None, :])


def winsorised_omega_squared(sample: GroupedSample) -> FloatArray:
    """Return `omega_squared` with spend above its 99th percentile set to it (Wilcox 2012, chapter 3)."""
    # Also the usual spend may lie above the percentile.
    usual = np.minimum(0.0, sample.top)
    return _omega(sample, np.minimum(sample.of.spend, sample.top[:, None]) - usual[:, None])


def mutual_information(sample: GroupedSample) -> FloatArray:
    """Return how many bits the segment tells about whether a customer buys (spend > 0): 0 to 1.

    It is above 0 by chance: compare it with `permuted_information`.

    Notes
    -----
    I = sum p(k, b) log2 p(k, b) / (p(k) p(b)). Source: Cover & Thomas (2006), Elements of Information Theory, equation
    2.28.
    """
    return _information(sample.sizes, sample.buyers)


def size_evenness(sample: GroupedSample) -> FloatArray:
    """Return the entropy of the segments' sizes / log2 K: 1 if all are equally large, 0 if there is but one.

    K counts the segments that have customers. Source: Pielou (1966), Journal of Theoretical Biology 13, 131-144.
    """
    k = (sample.sizes > 0).sum(axis=1)
    return np.asarray(np.where(k > 1, entropy(sample.sizes) / np.log2(np.maximum(k, 2)), 0.0))


def smallest_share(sample: GroupedSample) -> FloatArray:
    """Return the share of customers in the smallest segment that has any."""
    present = np.where(sample.sizes > 0, sample.sizes, np.inf)
    return np.asarray(present.min(axis=1) / sample.sizes.sum(axis=1))


def entropy(counts: NDArray[np.number]) -> FloatArray:
    """Return the entropy of the shares of counts along the last axis, in bits.

    Examples
    --------
    >>> float(entropy(np.array([2.0, 1.0, 1.0, 0.0])))
    1.5
    """
    shares = np.asarray(counts / counts.sum(axis=-1, keepdims=True), dtype=np.float64)
    bits = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return -dot(shares, bits) + 0.0


def _information(sizes: FloatArray, buyers: FloatArray) -> FloatArray:
    one, two = buyers.sum(axis=-1), sizes.sum(axis=-1) - buyers.sum(axis=-1)
    apart = entropy(sizes) + entropy(np.stack([one, two], axis=-1))
    return np.maximum(apart - entropy(np.concatenate([buyers, sizes - buyers], axis=-1)), 0.0)


def _omega(sample: GroupedSample, spend: FloatArray) -> FloatArray:
    """Return omega squared, for the spend of the others less the usual one."""
    weighted = sample.w * spend
    sums, squares = weighted @ sample.of.member, dot(weighted, np.broadcast_to(spend, weighted.shape))
    n, k = sample.sizes.sum(axis=1), (sample.sizes > 0).sum(axis=1)
    total = squares - sums.sum(axis=1) ** 2 / n
    each = np.divide(sums**2, sample.sizes, out=np.zeros_like(sums), where=sample.sizes > 0)
    within = squares - each.sum(axis=1)
    mean_within = np.maximum(within, 0.0) / np.where(n > k, n - k, np.nan)
    explained = total - within - (k - 1) * mean_within
    return ratio(explained, np.where(total > SAME * squares, total + mean_within, 0.0))


# --- in words ---------------------------------------------------------------------------------------------------
FOLDS: Final = 5
RAW: Final = ("recency_days", "orders", "spend")
FAR: Final = 1e6
"""So many days beyond the longest recency lie those who never ordered."""


class TreeAccuracy(NamedTuple):
    """Share of customers whose segment a small tree finds, and the baseline: naming the largest segment always.

    `hits` are True, by customer, where the tree that had not seen them was right.
    """

    accuracy: float
    baseline: float
    hits: NDArray[np.bool_]

    def on(self, weights: ArrayLike) -> FloatArray:
        """Return the accuracy of bootstrap samples, for weights of shape (repeats, n): shape (repeats,)."""
        rows = weight_rows(weights, size=len(self.hits))
        return np.asarray(weighted_sums(rows, self.hits) / rows.sum(axis=1))


def tree_accuracy(customers: pd.DataFrame, labels: Labels, *, max_leaves: int = 12, seed: int = 0) -> TreeAccuracy:
    """Cross-validate a tree with few leaves that tells the segment from recency, orders and spend alone.

    Leaves are rules: so many sentences would be needed at most. With `customer_id` the folds are dealt in its order, so
    that the order of rows does not matter. A `DataError` if a column or a label is missing, or there are fewer than two
    customers.

    Notes
    -----
    Source: Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees, leaves limited by best-first
    growth; as a surrogate, Craven & Shavlik (1996), "Extracting tree-structured representations of trained networks".
    """
    require_columns(list(customers.columns), RAW, what="The customers")
    if len(customers) < 2:
        raise DataError(f"A tree must be judged on at least two customers. Got {len(customers)}.")
    codes = label_codes(labels, size=len(customers))[0]
    order = np.arange(len(customers))
    if "customer_id" in customers.columns:
        order = np.asarray(customers["customer_id"].argsort(kind="stable"))
    raw = customers.loc[:, list(RAW)].to_numpy(dtype=np.float64, na_value=np.nan)[order]
    # A contact without an order has no recency: they are beyond all others.
    raw[:, 0] = np.where(np.isnan(raw[:, 0]), np.nanmax(raw[:, 0], initial=0) + FAR, raw[:, 0])
    sorted_codes = pd.factorize(codes[order])[0]
    hits = np.zeros(len(raw), dtype=bool)
    for learn, judge in KFold(min(FOLDS, len(raw)), shuffle=True, random_state=seed).split(raw):
        tree = DecisionTreeClassifier(max_leaf_nodes=max_leaves, random_state=seed).fit(raw[learn], sorted_codes[learn])
        hits[order[judge]] = tree.predict(raw[judge]) == sorted_codes[judge]
    return TreeAccuracy(float(hits.mean()), float(np.bincount(codes).max() / len(codes)), hits)
