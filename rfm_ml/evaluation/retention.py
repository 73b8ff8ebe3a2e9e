"""Whether segments last: over time, and had we met other customers; and whether they can be said in words."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.errors import RfmError
from rfm_ml.evaluation.candidates import Candidate, Rule
from rfm_ml.evaluation.cutting import cut_rule
from rfm_ml.evaluation.grouping import permuted_information
from rfm_ml.evaluation.inference import interval
from rfm_ml.evaluation.origins import History, Origin, Past, rows_of
from rfm_ml.evaluation.stability import bootstrap_rand_index, kept_share, migration_entropy
from rfm_ml.evaluation.words import tree_accuracy

MOST_REFITTED: Final = 3_000
"""Of more customers a sample is refitted; smaller samples vary more, so the stability of the whole is rather higher."""

AT_ORIGIN: Final = "at the origin"
LATER: Final = "later"

COLUMNS: Final = ["measure", "value", "low", "high"]


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


def lasting_measures(
    learner: Learner, rule: Rule, *, cut: int, weights: np.ndarray, refits: int, seed: int
) -> pd.DataFrame:
    """Judge the segments of a rule that was learned at an origin, beyond what their customers spent.

    Parameters
    ----------
    learner
        Learns anew, on bootstrap samples and some days later.
    rule
        What it had learned at the origin, with segments.
    cut
        Number of groups its score is cut into; 0 for segments of its own.
    weights
        Bootstrap samples of the customers, the first row everybody once, shape (1 + repeats, n).
    refits
        Bootstrap samples to refit on; 0 leaves `rand_index` out.
    seed
        Of these samples, of the folds and of shuffled labels.

    Returns
    -------
    pd.DataFrame
        measure, value, low, high: `tree_accuracy`, `largest_share`, `mutual_information_by_chance` (low and high: 0 and
        the 95th percentile), `kept_frozen`, `migration_entropy`, `kept_refit` and `rand_index`.
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
    return pd.DataFrame(rows, columns=COLUMNS)


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

    found = bootstrap_rand_index(make_labels, places, repeats=refits, seed=seed)
    return found.mean, found.low, found.high
