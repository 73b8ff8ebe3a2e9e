"""Frozen or fitted: which segment model a run scores with, and why."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.core.errors import ParamsError
from rfm_ml.segments.model import SegmentModel, decided


@dataclass(frozen=True)
class ModelChoice:
    """A segment model and how it was come by.

    `frozen` is True if the model was fitted by an earlier run, so that customers can have moved only because
    they changed; `why` says the reason in words; `warnings` are what the fit wants a reader to know.
    """

    model: SegmentModel
    frozen: bool
    why: str
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as plain values."""
        return {"frozen": self.frozen, "why": self.why, "warnings": self.warnings, "model": self.model.to_dict()}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "ModelChoice":
        """Read what `to_dict` gave."""
        return cls(SegmentModel.from_dict(facts["model"]), facts["frozen"], facts["why"], tuple(facts["warnings"]))


def choose_model(
    blank: SegmentModel,
    customers: pd.DataFrame,
    *,
    as_of: date,
    frozen: Path | None = None,
    previous: Path | None = None,
    why: str = "the first run of this study",
    learn_from: Callable[[], pd.DataFrame | None] = lambda: None,
) -> ModelChoice:
    """Score with a frozen model if it was made by the same rules, else fit.

    Parameters
    ----------
    blank
        The model as the params describe it, not fitted.
    customers
        To fit on, as of `as_of`.
    frozen
        JSON file of an earlier run's model, if there is one.
    previous
        The same where a fit is wanted whatever there is: strategies that name what they find align with it.
    why
        Reason for a fit when there is no frozen model to use.
    learn_from
        Makes the customers of an earlier day with what they did next, for strategies that learn from it; called only
        for a fit.

    Raises
    ------
    ParamsError
        If the frozen file is damaged.
    """
    old: SegmentModel | None
    if frozen is not None:
        old = SegmentModel.from_json(frozen.read_text())
        if decided(old) == decided(blank):
            return ModelChoice(old, frozen=True, why=f"frozen since {old.fitted_on_}")
        why = f"as the rules changed since the model of {old.fitted_on_}"
    else:
        old = _readable(previous) if hasattr(blank.strategy, "align") else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = blank.fit(customers, fitted_on=as_of, previous=old, learn_from=learn_from())
    told = tuple(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, UserWarning)))
    if model.alignment_ and old is not None:
        why += f"; {model.alignment_} in the model of {old.fitted_on_}"
    return ModelChoice(model, frozen=False, why=f"fitted on {as_of}, {why}", warnings=told)


def _readable(path: Path | None) -> SegmentModel | None:
    """Return an earlier model to align with; None for a damaged one, which a fit that was asked for replaces."""
    try:
        return None if path is None else SegmentModel.from_json(path.read_text())
    except ParamsError:
        return None
