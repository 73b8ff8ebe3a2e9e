"""What takes part in a comparison: segmentations, predictive models and the baselines they must beat.

A candidate learns from a `History` and gives a rule. The rule answers for customers as of any day: a score, higher for
those from whom more is expected, and groups where it has its own.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
import pandas as pd

from rfm_ml.evaluation.origins import History, Past, first_customers
from rfm_ml.models import GammaGamma
from rfm_ml.models.boosted import FEATURES, TwoPart
from rfm_ml.models.repeat_buying import RepeatBuyingModel
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

WINDOW_FEATURES: Final = ("recency_days", "orders_365d", "spend_365d")
"""R, F and M in a look-back window of fixed length: totals grow with the history, which misleads a model that learned
from a shorter one."""


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
        strategy = self.model.strategy.for_refit(len(rule.model.segments))
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


# --- baselines --------------------------------------------------------------------------------------------------
def mean_spend(past: Past) -> np.ndarray:
    """Return the same for everybody: the mean spend in the last H days."""
    return np.full(len(past.customers), float(past.recent_spend.mean()))


def past_spend_rate(past: Past) -> np.ndarray:
    """Return all spend / days since the first order, that day included, over H days."""
    days = past.base["age_days"].to_numpy(dtype=np.float64) + 1
    return np.asarray(past.base["spend"].to_numpy(dtype=np.float64) / days * past.horizon_days)


def recent_spend(past: Past) -> np.ndarray:
    """Return the spend in the last H days."""
    return past.recent_spend


def hiatus(past: Past) -> np.ndarray:
    """Return minus the days since the last order: who ordered last ranks first."""
    return -past.base["recency_days"].to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class ScoreRule:
    """A function of the customers as of a day; asked again about the same table it remembers what it said."""

    score: Callable[[Past], np.ndarray]
    said: dict[int, tuple[Past, np.ndarray]] = field(default_factory=dict, repr=False, compare=False)

    def scores(self, past: Past) -> np.ndarray:
        """Return the function's answer."""
        if id(past) not in self.said:
            self.said[id(past)] = past, self.score(past)
        return self.said[id(past)][1]

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


# --- models -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RepeatBuyingScore:
    """Expected orders in H days times the expected value of an order, fitted at T."""

    name: str
    kind: type[RepeatBuyingModel]
    money: bool = True
    track: str = SAME

    def learn(self, history: History) -> ScoreRule:
        """Fit both models on the customers as of T."""
        customers = history.now.base
        return ScoreRule(_ExpectedSpend(self.kind().fit(customers), GammaGamma().fit(customers)))


@dataclass(frozen=True)
class _ExpectedSpend:
    model: RepeatBuyingModel
    spend_model: GammaGamma

    def __call__(self, past: Past) -> np.ndarray:
        orders = self.model.expected_orders(past.base, horizon_days=past.horizon_days)
        return np.asarray(orders * self.spend_model.expected_order_value(past.base))


@dataclass(frozen=True)
class BoostedScore:
    """Gradient boosting: features as of T - H against the spend in (T - H, T], then asked about T.

    With `open_features` all of `rfm_ml.models.boosted.FEATURES` that the study has (of the totals only those within
    365 days), else `WINDOW_FEATURES`.
    """

    name: str
    open_features: bool
    money: bool = True

    @property
    def track(self) -> str:
        """By what it is shown."""
        return OPEN if self.open_features else SAME

    def learn(self, history: History) -> ScoreRule:
        """Learn from the last H days."""
        table = history.before.base
        shares = [c for c in table.columns if c.startswith("channel_share_") and c in history.now.base]
        windowed = [c for c in FEATURES if c not in ("orders", "spend") and c in table.columns]
        columns = [*windowed, *shares] if self.open_features else list(WINDOW_FEATURES)
        learner = TwoPart().fit(table[columns].astype("float64"), history.between)
        return ScoreRule(_Boosted(learner, tuple(columns)))


@dataclass(frozen=True)
class _Boosted:
    learner: TwoPart
    columns: tuple[str, ...]

    def __call__(self, past: Past) -> np.ndarray:
        return self.learner.predict(past.base.reindex(columns=list(self.columns)).astype("float64"))
