"""One's own classes as strategies, whatever they have: the one place that asks what an object can do."""

from collections.abc import Mapping
from typing import Any, Final, Self

import pandas as pd
from sklearn.base import ClusterMixin, DensityMixin, clone

from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.base import Strategy
from rfm_ml.strategies.clusters.estimator import EstimatorGroups
from rfm_ml.strategies.rules import RuleSet

METHODS: Final = ("fit", "predict", "explain", "to_dict", "from_dict")
"""What a user's own class must have to take part."""


def missing_methods(kind: type) -> list[str]:
    """Return the methods that a class lacks to take part as it is; none for scikit-learn's clusterers."""
    if issubclass(kind, ClusterMixin | DensityMixin) and not issubclass(kind, Strategy):
        return []
    abstract: frozenset[str] = getattr(kind, "__abstractmethods__", frozenset())
    return [m for m in METHODS if not callable(getattr(kind, m, None)) or m in abstract]


def as_strategy(candidate: Any) -> Strategy:
    """Return a strategy as it is, and anything else that can be one in the class that makes it one.

    Raises
    ------
    ParamsError
        If the object has neither the methods of a strategy nor those of an estimator.
    """
    if isinstance(candidate, Strategy):
        return candidate
    if all(callable(getattr(candidate, m, None)) for m in METHODS):
        return OwnStrategy(candidate)
    fits = hasattr(candidate, "fit_predict") or (hasattr(candidate, "fit") and hasattr(candidate, "predict"))
    if fits and hasattr(candidate, "get_params"):
        return EstimatorGroups(candidate)
    raise ParamsError(
        f"A strategy must inherit from Strategy, have the methods {', '.join(METHODS)}, or be an estimator of "
        f"scikit-learn with fit_predict, or fit and predict. Got {candidate!r}."
    )


class OwnStrategy(Strategy):
    """A class that does not inherit from `Strategy`: what it has is used, what it lacks has the default."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def __getattr__(self, name: str) -> Any:
        """Answer with the object's own attribute where a strategy has none of this name."""
        if name.startswith("_") or name in ("own", "own_"):
            raise AttributeError(name)
        return getattr(self._object, name)

    @property
    def _object(self) -> Any:
        """The fitted object, before the fit the one that was given."""
        return vars(self).get("own_", self.own)

    def _method(self, name: str) -> Any:
        """Return the object's method, or the default."""
        return getattr(self._object, name, None) or getattr(super(), name)

    def fit(self, customers: pd.DataFrame, *y: Any) -> Self:
        """Fit a copy of the object."""
        self.own_ = clone(self.own, safe=False).fit(customers, *y)
        return self

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the object's labels."""
        labels: pd.Series = self._object.predict(customers)
        return labels

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the object's reasons."""
        reasons: pd.Series = self._object.explain(customers)
        return reasons

    def to_dict(self) -> dict[str, Any]:
        """Return the object's state."""
        state: dict[str, Any] = self._object.to_dict()
        return state

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], *, kind: Any = None) -> Self:
        """Return the fitted strategy of a class from the state it wrote."""
        fitted = kind.from_dict(state)
        made = cls(clone(fitted, safe=False))
        made.own_ = fitted
        return made

    @property
    def kind(self) -> type:
        """The class of the object."""
        return type(self.own)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of the object; none if it does not tell them."""
        return dict(self.own.get_params(deep=False)) if hasattr(self.own, "get_params") else {}

    def set_params(self, **params: Any) -> Self:
        """Change the arguments of the object."""
        self.own.set_params(**params)
        return self

    @property
    def needs_outcome(self) -> bool:  # type: ignore[override]
        """Whether `fit` must see what customers did next."""
        return bool(getattr(self._object, "needs_outcome", False))

    @property
    def horizon_days(self) -> int:  # type: ignore[override]
        """For how many days."""
        return int(getattr(self._object, "horizon_days", Strategy.horizon_days))

    @property
    def by(self) -> str | None:  # type: ignore[override]
        """The column that tells rows apart beside the customer."""
        column = getattr(self._object, "by", None)
        return column if isinstance(column, str) else None

    @property
    def exact_rules(self) -> RuleSet | None:
        """The object's `rules_`, if they are a `RuleSet`."""
        rules = getattr(self._object, "rules_", None)
        return rules if isinstance(rules, RuleSet) else None

    @property
    def labels(self) -> list[str]:
        """The labels, best first, if it tells them."""
        return list(getattr(self._object, "labels", ()))

    def details(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return the object's columns for the lists."""
        frame: pd.DataFrame = self._method("details")(customers)
        return frame

    def move_up(self, customers: pd.DataFrame) -> pd.Series:
        """Return what would lead to a better label, one sentence per customer."""
        sentences: pd.Series = self._method("move_up")(customers)
        return sentences

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`."""
        frame: pd.DataFrame = self._method("drift")(customers)
        return frame

    def summary(self) -> pd.DataFrame | None:
        """Return the object's table of what was learned."""
        frame: pd.DataFrame | None = self._method("summary")()
        return frame

    def align(self, previous: Strategy, customers: pd.DataFrame) -> str:
        """Let the object keep the names of the one before, which it gets as it is."""
        return str(self._method("align")(vars(previous).get("own_", previous), customers))
