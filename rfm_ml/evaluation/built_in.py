"""The candidates that come along: mandatory baselines, well-known segmentations and models."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from rfm_ml import models
from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.evaluation.candidates import OPEN, SAME, Baseline, Candidate, ScoreRule, segmentation
from rfm_ml.evaluation.origins import History, Past
from rfm_ml.models import GammaGamma
from rfm_ml.models.boosted import FEATURES
from rfm_ml.models.repeat_buying import RepeatBuyingModel
from rfm_ml.models.two_part import TwoPart
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.segments.model import decided
from rfm_ml.strategies import make_strategy

WINDOW_FEATURES: Final = ("recency_days", "orders_365d", "spend_365d")
"""R, F and M in a look-back window of fixed length: totals grow with the history, which misleads a model that learned
from a shorter one."""


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

    With `open_features` all of `FEATURES` that the study has (of the totals only those within 365 days), else
    `WINDOW_FEATURES`.
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


# --- the registry ---------------------------------------------------------------------------------------------
BASELINES: Final[tuple[Candidate, ...]] = (
    Baseline("mean", mean_spend),
    Baseline("past_spend_rate", past_spend_rate),
    Baseline("recent_spend", recent_spend),
    Baseline("hiatus", hiatus, money=False),
)
"""They always take part: what is not better than they are is not worth its trouble."""

MODELS: Final[dict[str, Candidate]] = {
    # Pareto/NBD after the others: equal candidates stand in this order.
    **{name: RepeatBuyingScore(name, models.MODELS[name]) for name in sorted(models.MODELS, key="pareto_nbd".__eq__)},
    "boosted_rfm": BoostedScore("boosted_rfm", open_features=False),
    "boosted": BoostedScore("boosted", open_features=True),
}

SEGMENTATIONS: Final[dict[str, Callable[[], SegmentModel]]] = {
    "rfm_cells": lambda: SegmentModel(make_strategy("quantile_rfm", bins=5)),
    "twelve": lambda: SegmentModel(make_strategy("quantile_rfm", bins=5), load_map("twelve")),
    "kmeans_5": lambda: SegmentModel(make_strategy("clusters", method="kmeans", k=5)),
    "kmeans_10": lambda: SegmentModel(make_strategy("clusters", method="kmeans", k=10)),
}
"""125 cells, twelve named segments, and as many clusters as scores are cut into groups."""

BUILT_IN: Final = (*SEGMENTATIONS, *MODELS)


def require_candidates(own: Collection[str], names: Collection[str] | None) -> None:
    """Refuse candidates that are neither the study's own nor built in, and own ones with a baseline's name.

    Raises
    ------
    ParamsError
        With the nearest known name, or the name that is taken.
    """
    taken = [b.name for b in BASELINES]
    for name in own:
        if name in taken:
            raise ParamsError(
                f"A strategy must not bear the name of a baseline ({', '.join(taken)}). Got {name!r}. Rename it."
            )
    for name in names or ():
        require_known(name, [*own, *BUILT_IN], what="A candidate of the comparison")


def all_candidates(own: Mapping[str, SegmentModel], names: list[str] | None, *, history: History) -> list[Candidate]:
    """Return the candidates of a comparison: own strategies, built-in ones, baselines.

    `own` holds the study's segment models by name, not fitted; one that is also built in (same rules) takes part once.
    `names` says which of the own and the built-in ones, None all. The history of one origin tells which columns a
    strategy needs. Raises as `require_candidates`.
    """
    require_candidates(own, names)
    wanted = [*own, *BUILT_IN] if names is None else names
    made: list[Candidate] = [segmentation(n, m, history=history) for n, m in own.items() if n in wanted]
    rules = {decided(m) for n, m in own.items() if n in wanted}
    for name in (n for n in wanted if n not in own):
        if name in MODELS:
            made.append(MODELS[name])
        elif names is not None or decided(SEGMENTATIONS[name]()) not in rules:
            made.append(segmentation(name, SEGMENTATIONS[name](), history=history))
    return [*made, *BASELINES]
