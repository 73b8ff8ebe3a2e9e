"""Whether segments stay: under another sample of customers, and from one day to a later one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_rand_score

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.grouping import entropy, label_codes
from rfm_ml.evaluation.inference import interval
from rfm_ml.evaluation.sample import blocks, weight_rows, weighted_sums
from rfm_ml.models.arrays import FloatArray

Labels = Sequence[object] | ArrayLike


class RandIndex(NamedTuple):
    """Adjusted Rand index over refits: mean, interval, each value, and the refits that were not possible."""

    mean: float
    low: float
    high: float
    values: FloatArray
    failed: int


def bootstrap_rand_index(
    make_labels: Callable[[pd.DataFrame, pd.DataFrame], Labels],
    customers: pd.DataFrame,
    *,
    repeats: int = 50,
    seed: int = 0,
    level: float = 0.95,
) -> RandIndex:
    """Refit on bootstrap samples and compare the labels of all customers with those of the fit on all.

    1 if every refit gives the same groups (whatever they are called), about 0 for groups by chance.

    Parameters
    ----------
    make_labels
        Called with the customers to fit on and the customers to label; returns one label per customer of the second.
        As in `lambda fitted, every: clone(strategy).fit(fitted).predict(every)`.
    customers
        One row per customer. Samples are drawn with replacement and have new row labels; a customer drawn twice is
        there twice.
    repeats
        Bootstrap samples; at least 50 for a figure to be reported.
    seed
        The same seed gives the same samples.
    level
        Of the percentile interval of the values.

    Returns
    -------
    RandIndex
        `failed` refits ended in a DataError (too few customers of some kind, say) and have no value; without any value
        the figures are NaN.

    Raises
    ------
    DataError
        If the fit on all customers is not possible, there are none, or labels are missing.

    Notes
    -----
    Source: Hubert & Arabie (1985), "Comparing partitions", Journal of Classification 2, 193-218; refits on bootstrap
    samples: Dolnicar & Leisch (2010), "Evaluation of structure and reproducibility of cluster solutions using the
    bootstrap", Marketing Letters 21, 83-101.
    """
    require_between(repeats, 1, 100_000, name="repeats")
    if customers.empty:
        raise DataError("Stability must be judged on at least one customer. Got none.")
    size = len(customers)
    every = label_codes(make_labels(customers, customers), size=size)[0]
    values, failed = [], 0
    for number in range(repeats):
        rows = np.random.default_rng([seed, number]).integers(0, size, size)
        try:
            labels = make_labels(customers.iloc[rows].reset_index(drop=True), customers)
        except DataError:
            failed += 1
            continue
        values.append(float(adjusted_rand_score(every, label_codes(labels, size=size)[0])))
    low, high = interval(values, level=level)
    mean = float(np.mean(values)) if values else float("nan")
    return RandIndex(mean, low, high, np.array(values), failed)


def kept_share(before: Labels, after: Labels, *, weights: ArrayLike | None = None) -> FloatArray:
    """Return the share of customers with the same segment name before and after.

    Parameters
    ----------
    before, after
        Shape (n,): the segment of the same customers on two days; names must mean the same on both.
    weights
        Shape (repeats, n), how often each customer is counted, as `bootstrap_weights` gives; None for all once.

    Returns
    -------
    FloatArray
        Shape (repeats,), or () without weights.

    Raises
    ------
    DataError
        If a label is missing, there are no customers, or the lengths differ.

    Notes
    -----
    Under a refit, groups without lasting names (clusters) must be aligned first: the share of raw labels says nothing.

    Examples
    --------
    >>> float(kept_share(list("aabb"), list("aaba")))
    0.75
    """
    one, two, _ = _pairs(before, after)
    rows = weight_rows(weights, size=len(one))
    kept = weighted_sums(rows, one == two) / rows.sum(axis=1)
    return np.asarray(kept[0] if weights is None else kept)


def migration_entropy(before: Labels, after: Labels, *, weights: ArrayLike | None = None) -> FloatArray:
    """Return how uncertain the new segment is when the old one is known, in bits.

    0 if the old segment decides the new one (all stay, or all of a segment move together); at most log2 of the number
    of new segments, if customers are dealt out anew.

    Parameters
    ----------
    before, after, weights
        As for `kept_share`. Names need not mean the same on both days.

    Returns
    -------
    FloatArray
        Shape (repeats,), or () without weights.

    Notes
    -----
    The conditional entropy H(after | before) = - sum p(b, a) log2 p(a | b). Source: Cover & Thomas (2006), Elements of
    Information Theory, equation 2.10; as the entropy of a customer's Markov transitions, theorem 4.2.4.

    Examples
    --------
    >>> float(migration_entropy(list("aabb"), list("aaba")))
    0.5
    """
    one, two, k = _pairs(before, after)
    rows = weight_rows(weights, size=len(one))
    pairs, codes = np.unique(one * k + two, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(pairs)))
    counts = [np.add.reduceat(block[:, order], starts, axis=1, dtype=np.float64) for block in blocks(rows)]
    values = _conditional(np.concatenate(counts), pairs // k)
    return np.asarray(values[0] if weights is None else values)


def _pairs(before: Labels, after: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return codes of both days in one coding, and how many there are."""
    one, two = np.asarray(before, dtype=object), np.asarray(after, dtype=object)
    if one.shape != two.shape:
        raise DataError(f"Both days must have the same customers. Got {one.size:,} and {two.size:,} labels.")
    codes, names = label_codes(np.concatenate([one, two]), size=2 * len(one))
    return codes[: len(one)], codes[len(one) :], len(names)


def _conditional(counts: FloatArray, before: NDArray[np.int64]) -> FloatArray:
    """Return H(after | before) from the counts of pairs, sorted by the segment before; shape (repeats,)."""
    starts = np.flatnonzero(np.diff(before, prepend=-1))
    return np.maximum(entropy(counts) - entropy(np.add.reduceat(counts, starts, axis=1)), 0.0)
