"""Whether segments are stable: from one day to a later one, and under refits on other samples of customers."""

from collections.abc import Callable
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_rand_score

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError, RfmError
from rfm_ml.evaluation.candidates import Candidate, Rule, cut_rule
from rfm_ml.evaluation.inference import interval
from rfm_ml.evaluation.origins import History, Origin, Past, rows_of
from rfm_ml.evaluation.sample import blocks, weight_rows, weighted_sums
from rfm_ml.evaluation.segment_quality import Labels, entropy, label_codes, permuted_information, tree_accuracy
from rfm_ml.models.arrays import FloatArray

MOST_REFITTED: Final = 3_000
"""Of more customers a sample is refitted; smaller samples vary more, so the stability of the whole is rather higher."""

AT_ORIGIN: Final = "at the origin"
LATER: Final = "later"


class Learner:
    """A candidate that learns from the same history once, whatever number of groups its score is cut into after.

    Parameters
    ----------
    candidate
        Any.
    origin
        From whose histories it learns.
    """

    def __init__(self, candidate: Candidate, origin: Origin) -> None:
        self.candidate, self.origin = candidate, origin
        self._learned: dict[str | bytes, tuple[Rule, History]] = {}

    def at_origin(self) -> Rule:
        """Return what was learned at T."""
        return self._once(AT_ORIGIN, self.origin.history)[0]

    def later(self) -> tuple[Rule, History]:
        """Return what is learned some days later, and from what."""
        return self._once(LATER, self.origin.later)

    def on_sample(self, rows: np.ndarray) -> tuple[Rule, History]:
        """Return what is learned from a sample of the customers, by their places at T, and from what."""
        key = rows.tobytes()
        return self._learned[key] if key in self._learned else self._once(key, self._sample(rows))

    @cached_property
    def places(self) -> np.ndarray:
        """Places of the customers that refits are judged on: all, or an even sample of many."""
        size = len(self.origin.history.now.customers)
        return np.unique(np.arange(0, size, max(1.0, size / MOST_REFITTED)).astype(np.int64))

    @cached_property
    def placed(self) -> Past:
        """The customers at `places`."""
        return rows_of(self.origin.history.now, self.places)

    def _sample(self, rows: np.ndarray) -> History:
        history = self.origin.history
        ids = pd.Index(history.before.customers["customer_id"])
        before = ids.get_indexer(history.now.customers["customer_id"].iloc[rows])
        known = before[before >= 0]
        return History(rows_of(history.now, rows), rows_of(history.before, known), history.between[known])

    def _once(self, key: str | bytes, history: History) -> tuple[Rule, History]:
        if key not in self._learned:
            again = getattr(self.candidate, "again", None)
            candidate = self.candidate if key == AT_ORIGIN or again is None else again(self.at_origin())
            self._learned[key] = candidate.learn(history), history
        return self._learned[key]


def stability_measures(
    learner: Learner, rule: Rule, *, cut: int, weights: np.ndarray, refits: int, seed: int
) -> pd.DataFrame:
    """Judge the segments of a rule that was learned at an origin, beyond what their customers spent.

    The rows are `tree_accuracy`, `largest_share`, `mutual_information_by_chance` (low and high: 0 and the 95th
    percentile), `kept_frozen`, `migration_entropy`, `kept_refit` and, where there are refits, `rand_index`, with
    measure, value, low, high. `cut` is the number of groups that the rule's score is cut into, 0 for segments of its
    own; the first row of `weights` counts everybody once.
    """
    origin = learner.origin
    now = origin.history.now
    labels = labels_of(rule, now)
    tree = tree_accuracy(now.base, labels, seed=seed)
    chance = permuted_information(origin.spend, labels, seed=seed)
    rows = [
        ("tree_accuracy", tree.accuracy, *interval(tree.on(weights[1:]))),
        ("largest_share", tree.baseline, np.nan, np.nan),
        ("mutual_information_by_chance", chance.mean, 0.0, chance.high),
        *_over_time(learner, rule, cut=cut, weights=weights),
    ]
    if refits:
        rows.append(("rand_index", *_over_samples(learner, cut=cut, refits=refits, seed=seed)))
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high"])


def _over_time(learner: Learner, rule: Rule, *, cut: int, weights: np.ndarray) -> list[tuple[str, float, float, float]]:
    """Compare the segments at T with those some days later, under the same rule and under one learned anew then."""
    now, then = learner.origin.history.now, learner.origin.later.now
    place = pd.Index(then.customers["customer_id"]).get_indexer(now.customers["customer_id"])
    still = place >= 0
    before, counted = labels_of(rule, now)[still], weights if still.all() else weights[:, still]
    frozen = labels_of(rule, then)[place[still]]
    rows = [
        _row("kept_frozen", kept_share, before, frozen, weights=counted),
        _row("migration_entropy", migration_entropy, before, frozen, weights=counted),
    ]
    try:
        anew = labels_of(_cut(*learner.later(), groups=cut), then)[place[still]]
    except RfmError:  # some days later there may be too few customers of some kind
        return rows
    return [*rows, _row("kept_refit", kept_share, before, anew, weights=counted)]


def _row(
    name: str, measure: Callable[..., np.ndarray], before: np.ndarray, after: np.ndarray, *, weights: np.ndarray
) -> tuple[str, float, float, float]:
    values = measure(before, after, weights=weights)
    return name, float(values[0]), *interval(values[1:])


def labels_of(rule: Rule, past: Past) -> np.ndarray:
    """Return the segments of a rule that has some."""
    labels = rule.labels(past)
    assert labels is not None
    return labels


def _cut(rule: Rule, history: History, *, groups: int) -> Rule:
    return cut_rule(rule, history, groups=groups) if groups else rule


def _over_samples(learner: Learner, *, cut: int, refits: int, seed: int) -> tuple[float, float, float]:
    """Return the adjusted Rand index over refits on bootstrap samples of customers, with its interval."""
    places = pd.DataFrame({"place": learner.places})

    def make_labels(fitted: pd.DataFrame, _: pd.DataFrame) -> np.ndarray:
        rule = _cut(*learner.on_sample(fitted["place"].to_numpy()), groups=cut)
        return labels_of(rule, learner.placed)

    index = bootstrap_rand_index(make_labels, places, repeats=refits, seed=seed)
    return index.mean, index.low, index.high


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
) -> RandIndex:
    """Refit on bootstrap samples and compare the labels of all customers with those of the fit on all.

    1 if every refit gives the same groups (whatever they are called), about 0 for groups by chance. `make_labels` is
    called with the customers to fit on (drawn with replacement, new row labels) and the customers to label, as in
    `lambda fitted, every: clone(strategy).fit(fitted).predict(every)`. Refits that end in a DataError have no value.

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
    low, high = interval(values)
    mean = float(np.mean(values)) if values else float("nan")
    return RandIndex(mean, low, high, np.array(values), failed)


def kept_share(before: Labels, after: Labels, *, weights: ArrayLike | None = None) -> FloatArray:
    """Return the share of customers with the same segment name before and after.

    Names must mean the same on both days: under a refit, groups without lasting names (clusters) must be aligned first.
    Shape (repeats,), or () without weights.

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

    Names need not mean the same on both days. Shape (repeats,), or () without weights.

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
