"""What takes part in a comparison: segmentations, scores, and scores cut into groups.

A candidate learns from a `History` and gives a rule. The rule answers for customers as of any day: a score, higher for
those from whom more is expected, and groups where it has its own.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
import pandas as pd
from sklearn.base import clone

from rfm_ml.evaluation.origins import History, Past, first_customers
from rfm_ml.segments import SegmentModel

TRIED: Final = 500
"""Customers on whom it is tried whether a strategy can do without the columns beyond R, F, M and age."""

SAME: Final = "same information"
OPEN: Final = "open features"
BASELINE: Final = "baseline"

SAME_COLUMNS: Final = (
    "customer_id",
    "recency_days",
    "orders",
    "spend",
    "orders_per_year",
    "spend_per_year",
    "first_order_on",
    "last_order_on",
    "age_days",
    "repeat_orders",
    "active_days",
    "mean_repeat_value",
)
"""Recency, frequency, monetary value and age in their present forms: all that the track "same information" sees."""


class Rule(Protocol):
    """What a candidate has learned."""

    def scores(self, past: Past) -> np.ndarray:
        """Return a number per customer, higher for those from whom more is expected, shape (n,)."""

    def labels(self, past: Past) -> np.ndarray | None:
        """Return the segment of each customer, shape (n,); None for a rule without segments of its own."""


class Candidate(Protocol):
    """Anything that can be compared."""

    @property
    def name(self) -> str:
        """What it is called in every table."""

    @property
    def money(self) -> bool:
        """Whether scores are expected spend in currency, so that their size can be judged, not only their order."""

    @property
    def track(self) -> str:
        """`SAME`, `OPEN` or `BASELINE`."""

    def learn(self, history: History) -> Rule:
        """Learn from what was known on a day; a `DataError` leaves the candidate out of that day, with its reason."""


# --- segmentations ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class SegmentRule:
    """A fitted segment model and what each of its segments was worth."""

    model: SegmentModel
    columns: tuple[str, ...] | None
    values: dict[str, float]
    overall: float

    def _seen(self, past: Past) -> pd.DataFrame:
        return past.customers if self.columns is None else past.customers[list(self.columns)]

    def labels(self, past: Past) -> np.ndarray:
        """Return the segment of each customer."""
        return self.model.predict(self._seen(past)).astype("str").to_numpy(dtype=object)

    def scores(self, past: Past) -> np.ndarray:
        """Return what the customer's segment was worth; the mean of all for a segment nobody was in."""
        return np.array([self.values.get(label, self.overall) for label in self.labels(past)], dtype=np.float64)


@dataclass(frozen=True)
class Segmentation:
    """A segment model as a candidate: fitted at T - H, each segment worth its mean spend in (T - H, T].

    Parameters
    ----------
    model
        Not fitted.
    columns
        The customers' columns that it is shown; None for all, which puts it on the track of open features.
    previous
        The model before, for a refit.
    """

    name: str
    model: SegmentModel
    columns: tuple[str, ...] | None = None
    money: bool = True
    previous: SegmentModel | None = None

    @property
    def track(self) -> str:
        """Same information if it is shown nothing else."""
        return OPEN if self.columns is None else SAME

    def learn(self, history: History) -> SegmentRule:
        """Fit as of T - H, and learn what the segments were worth since."""
        before, spend = history.before, history.between
        seen = before.customers if self.columns is None else before.customers[list(self.columns)]
        model = SegmentModel(self.model.strategy, self.model.segment_map).fit(
            seen, pd.Series(spend, index=seen.index), fitted_on=before.day, previous=self.previous
        )
        labels = model.predict(seen).astype("str")
        means = pd.Series(spend).groupby(labels.to_numpy(dtype=object)).mean()
        values = dict(zip(means.index.astype(str), means.tolist(), strict=True))
        return SegmentRule(model, self.columns, values, float(spend.mean()))

    def again(self, rule: SegmentRule) -> "Segmentation":
        """Return the candidate that refits as a later run does: names are aligned, a number of groups found is kept."""
        strategy = clone(self.model.strategy, safe=False)
        if hasattr(strategy, "get_params") and strategy.get_params(deep=False).get("k") == "auto":
            strategy.set_params(k=max(len(rule.model.segments), 2))
        return replace(self, model=SegmentModel(strategy, self.model.segment_map), previous=rule.model)


def segmentation(name: str, model: SegmentModel, *, history: History) -> Segmentation:
    """Return a segment model as a candidate, on the track of same information if that is enough for it.

    What it needs is found out by trying: without the other columns it must be able to learn and to answer.
    """
    present = history.before.customers.columns
    narrow = Segmentation(name, model, tuple(c for c in SAME_COLUMNS if c in present))
    for few in (first_customers(history, TRIED), history):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                narrow.learn(few).labels(few.now)
        except Exception:  # a user's own class may fail in any way; the backtest will say how
            continue
        return narrow
    return Segmentation(name, model)


# --- scores ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ScoreRule:
    """A function of the customers as of a day; its answer for a table is kept."""

    score: Callable[[Past], np.ndarray]
    answers: dict[int, tuple[Past, np.ndarray]] = field(default_factory=dict, repr=False, compare=False)

    def scores(self, past: Past) -> np.ndarray:
        """Return the function's answer."""
        if id(past) not in self.answers:
            self.answers[id(past)] = past, self.score(past)
        return self.answers[id(past)][1]

    def labels(self, past: Past) -> None:
        """Return None: a score has no segments of its own."""


@dataclass(frozen=True)
class Baseline:
    """A score that needs no model."""

    name: str
    score: Callable[[Past], np.ndarray]
    money: bool = True
    track: str = BASELINE

    def learn(self, history: History) -> ScoreRule:
        """Return the score: there is nothing to learn."""
        return ScoreRule(self.score)


@dataclass(frozen=True)
class CutRule:
    """A score cut into groups as a segmentation is fitted: "1" holds the lowest scores.

    Attributes
    ----------
    edges
        Highest score of each group but the last.
    values
        Mean spend of each group's customers in the H days after the edges were learned, in currency.
    """

    rule: Rule
    edges: np.ndarray
    values: np.ndarray

    def _groups(self, past: Past) -> np.ndarray:
        return np.searchsorted(self.edges, self.rule.scores(past), side="left")

    def labels(self, past: Past) -> np.ndarray:
        """Return the group of each customer; equal scores are in one group."""
        return (self._groups(past) + 1).astype(str).astype(object)

    def scores(self, past: Past) -> np.ndarray:
        """Return what the customer's group was worth."""
        return self.values[self._groups(past)]


def cut_rule(rule: Rule, history: History, *, groups: int) -> CutRule:
    """Cut a rule's scores into so many groups: of equal size as of T - H, as far as ties allow.

    As for every segmentation, the edges are learned as of T - H and a group is worth what its customers of that day
    spent in (T - H, T]; later customers are put into groups by the same edges, however many come into each.
    """
    scores = rule.scores(history.before)
    edges = np.unique(np.quantile(scores, np.arange(1, groups) / groups, method="inverted_cdf"))
    edges = edges[edges < scores.max()]  # nobody would be above
    group = np.searchsorted(edges, scores, side="left")
    values = np.bincount(group, weights=history.between) / np.bincount(group)
    return CutRule(rule, edges, values)
