"""What every strategy does: learn once, label each customer by their own row, freeze to JSON."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.strategies.rules import RuleSet
from rfm_ml.strategies.scale import Floats, Ints, Scale

PSI_FLOOR: Final = 1e-4  # keeps the logarithm finite where a score has no customer


def canonical_json(state: object) -> str:
    """Return JSON with sorted keys and no blanks, so that equal contents are equal bytes."""
    return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def fingerprint_of(state: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of the canonical JSON of `state`."""
    return hashlib.sha256(canonical_json(state).encode()).hexdigest()[:16]


def stability_index(before: Floats | Ints, now: Floats | Ints) -> tuple[float, str]:
    """Return the population stability index of two share vectors, and its verdict.

    Parameters
    ----------
    before, now
        Counts or shares per class, shape (k,).

    Returns
    -------
        The sum of (now - before) * log(now / before), and "stable" below 0.10, "some drift" below 0.25,
        "large drift" from there.

    Notes
    -----
    Siddiqi, "Credit Risk Scorecards" (2006), section on monitoring: the index and its two limits.
    """
    if before.sum() == 0 or now.sum() == 0:
        return float("nan"), "no customers"
    b = np.maximum(before / before.sum(), PSI_FLOOR)
    n = np.maximum(now / now.sum(), PSI_FLOOR)
    index = float(((n - b) * np.log(n / b)).sum())
    return index, "stable" if index < 0.1 else "some drift" if index < 0.25 else "large drift"


class Strategy(BaseEstimator, ABC):
    """Base of every strategy: all that is optional has a default here.

    A child stores its arguments in `__init__` and has `fit`, `predict`, `to_dict` and `from_dict`. A label depends on
    the customer's own row and on what was learned, on nothing else.

    Attributes
    ----------
    name
        Under which the strategy is registered and frozen; empty for one's own classes.
    needs_outcome, horizon_days
        Whether `fit` must see what customers did next, and for how many days.
    by
        The column by which rows are told apart beside the customer, as in "channel".
    scales_
        The scale of each measure, for strategies that give scores of recency, frequency and spend.
    """

    name: ClassVar[str] = ""
    needs_outcome: ClassVar[bool] = False
    horizon_days: int = 91
    by: str | None = None
    scales_: Mapping[str, Scale]

    @abstractmethod
    def fit(self, customers: pd.DataFrame, y: Any = None) -> Self:
        """Learn from the customers' table; `y` is what they did next, for strategies that need the outcome."""

    @abstractmethod
    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return one label per customer, on the index of the table; empty for customers who never ordered."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""

    @classmethod
    @abstractmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote."""

    # --- what it is --------------------------------------------------------------------------------------------
    @property
    def kind(self) -> type:
        """The class that does the work: another than this one's where this only wraps it."""
        return type(self)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments, as plain values."""
        return dict(self.get_params(deep=False))

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change whenever the fitted strategy does."""
        return fingerprint_of(self.to_dict())

    def for_refit(self, groups: int) -> Self:
        """Return a copy, not fitted, for a later run: a number of groups that the fit chose stays as it was chosen."""
        copy: Self = clone(self, safe=False)
        if copy.options.get("k") == "auto":
            copy.set_params(k=max(groups, 2))
        return copy

    # --- what it says ------------------------------------------------------------------------------------------
    @property
    def labels(self) -> list[str]:
        """The labels, best first; empty where they have no order."""
        return []

    @property
    def fixed_labels(self) -> list[str]:
        """The labels that are known before the fit, best first."""
        try:
            return list(self.labels)
        except AttributeError:  # a `NotFittedError` is one
            return []

    @property
    def exact_rules(self) -> RuleSet | None:
        """What `fit` learned as `rules_`: the strategy as rules, None for strategies that are none."""
        rules: RuleSet | None = vars(self).get("rules_")
        return rules

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the reason for each label, one sentence per customer."""
        told = [f"Labelled by {self.kind.__name__}." if label else "No order yet." for label in self.predict(customers)]
        return pd.Series(told, index=customers.index, name="reason", dtype="str")

    def details(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return further columns for the lists, on the index of the table."""
        return pd.DataFrame(index=customers.index)

    def move_up(self, customers: pd.DataFrame) -> pd.Series:
        """Return what would lead to a better label, one sentence per customer."""
        told = "These segments have no order, so none is higher."
        return pd.Series(told, index=customers.index, name="move_up", dtype="str")

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: the shares of `customers` against those of the fit."""
        return pd.DataFrame({"measure": [], "psi": [], "verdict": []})

    def summary(self) -> pd.DataFrame | None:
        """Return a table of what was learned, None where there is nothing to show."""
        return None

    def align(self, previous: Any, customers: pd.DataFrame) -> str:
        """Keep the names that `previous`, a fitted strategy of the same kind, gave; say in words how many.

        `customers` are labelled by both. An empty answer says that there was nothing to align.
        """
        return ""

    # --- scores, where there are any -----------------------------------------------------------------------------
    @property
    def n_scores(self) -> dict[str, int]:
        """The number of scores per letter, as in {"R": 5, "F": 5, "M": 5}; empty without scores."""
        return {}

    @property
    def score_names(self) -> dict[str, list[str]]:
        """The names of scores 1 to k by letter; empty without scores."""
        return {}

    @property
    def cells(self) -> list[str]:
        """Every cell a customer can be in, from the lowest scores to the highest; empty without scores."""
        return []

    def score_arrays(self, customers: pd.DataFrame) -> dict[str, Ints]:
        """Return the scores by measure, each of shape (n,); empty without scores."""
        return {}

    def hold(
        self, customers: pd.DataFrame, *, today: pd.DataFrame, before: pd.DataFrame, margin: float
    ) -> pd.DataFrame:
        """Return the `details` where scores have a margin to cross; without scores they have none."""
        return self.details(customers)

    def rows(self, measure: str, customers: pd.DataFrame, *, scores: Mapping[str, Ints]) -> Ints | None:
        """Return the row of the measure's scale that each customer reads, or None if there is one row.

        `scores` are those of the measures before this one.
        """
        return None

    # --- for children --------------------------------------------------------------------------------------------
    def _learned(self, attribute: str, *, call: str = "fit(customers)") -> Any:
        """Return what was learned; refuse before the fit."""
        if attribute not in vars(self):
            raise NotFittedError(f"{type(self).__name__} must be fitted before it can answer. Call {call} first.")
        return vars(self)[attribute]

    @classmethod
    def _require_state(cls, state: Any, keys: tuple[str, ...]) -> None:
        """Refuse a frozen state that is damaged or of another strategy."""
        if not isinstance(state, Mapping) or set(state) != set(keys) or state["strategy"] != cls.name:
            got = sorted(state) if isinstance(state, Mapping) else state
            raise ParamsError(f"A frozen {cls.name} must have the keys {', '.join(keys)}. Got {got!r}. Fit it again.")


def require_order(ordered: np.ndarray, *, column: str = "recency_days") -> None:
    """Refuse a fit without anybody who has ordered."""
    if not ordered.any():
        raise DataError(
            f"fit must see at least one customer with an order. Got {len(ordered)} customers, none with {column}. "
            "Check the as-of day and the orders before it."
        )


def shares_drift(shares: Mapping[str, tuple[Floats | Ints, Floats | Ints]]) -> pd.DataFrame:
    """Return `measure, psi, verdict` of the counts at the fit and now, by measure."""
    rows = [(measure, *stability_index(before, now)) for measure, (before, now) in shares.items()]
    return pd.DataFrame(rows, columns=["measure", "psi", "verdict"])
