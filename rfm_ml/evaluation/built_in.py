"""The candidates that come along: mandatory baselines, well-known segmentations and models."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from rfm_ml import models
from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.evaluation.candidates import (
    Baseline,
    BoostedScore,
    Candidate,
    RepeatBuyingScore,
    hiatus,
    mean_spend,
    past_spend_rate,
    recent_spend,
    segmentation,
)
from rfm_ml.evaluation.origins import History
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.segments.model import decided
from rfm_ml.strategies import make_strategy

BASELINES: Final[tuple[Candidate, ...]] = (
    Baseline("mean", mean_spend),
    Baseline("past_spend_rate", past_spend_rate),
    Baseline("recent_spend", recent_spend),
    Baseline("hiatus", hiatus, money=False),
)
"""They always take part: what is not better than they are is not worth its trouble."""

MODELS: Final[dict[str, Candidate]] = {
    **{name: RepeatBuyingScore(name, kind) for name, kind in models.MODELS.items()},
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
    """Refuse candidates that are not known, and own strategies with the name of a baseline.

    Parameters
    ----------
    own
        Names of the study's strategies.
    names
        Those that are to be compared; None for all.

    Raises
    ------
    ParamsError
        If a name is neither a strategy of the study nor built in, or a strategy bears the name of a baseline.
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

    Parameters
    ----------
    own
        The study's segment models by name, not fitted. One that is also built in (same rules) takes part once.
    names
        Which of the own and the built-in ones; None for all.
    history
        Of one origin, to find out which columns a strategy needs.

    Raises
    ------
    ParamsError
        If a name is neither a strategy of the study nor built in, or a strategy bears the name of a baseline.
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
