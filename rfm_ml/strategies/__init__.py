"""Ways to label customers, and the registry that params choose from."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.base import Strategy, canonical_json, fingerprint_of, stability_index
from rfm_ml.strategies.clusters import Clusters, EstimatorGroups
from rfm_ml.strategies.clusters.estimator import public_path
from rfm_ml.strategies.clv_tiers import CLVTiers
from rfm_ml.strategies.own import METHODS, OwnStrategy, as_strategy, missing_methods
from rfm_ml.strategies.quantile import QuantileRFM
from rfm_ml.strategies.rule_tree import RuleTree
from rfm_ml.strategies.scores import LETTERS, ScoreStrategy
from rfm_ml.strategies.thresholds import ThresholdRFM

STRATEGIES: Final[dict[str, type[Strategy]]] = {
    QuantileRFM.name: QuantileRFM,
    ThresholdRFM.name: ThresholdRFM,
    CLVTiers.name: CLVTiers,
    Clusters.name: Clusters,
    RuleTree.name: RuleTree,
}
"""Every strategy of this package by the name that params use."""


def strategy_class(name: str) -> type:
    """Return the class behind a name: a registered one, or a user's own as "module:Class".

    Raises
    ------
    ParamsError
        If the name is not known, the module or the class cannot be found, or a method is missing.
    """
    if ":" not in name:
        require_known(name, STRATEGIES, what="A strategy")
        return STRATEGIES[name]
    module_name, _, class_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may fail in any way while it is imported
        raise ParamsError(
            f"The class {name!r} must come from a module that Python can import. Got {type(error).__name__}: "
            f"{error}. Put the module into the folder that holds params/, or install it."
        ) from error
    own = [n for n, value in vars(module).items() if inspect.isclass(value)]
    require_known(class_name, own, what=f"A class of {module_name}")
    found: type = getattr(module, class_name)
    missing = missing_methods(found)
    if missing:
        raise ParamsError(
            f"{name!r} must have the methods {', '.join(METHODS)}. Got none called {', '.join(missing)}. Add them."
        )
    return found


def make_strategy(name: str, **options: Any) -> Strategy:
    """Return a new strategy, not yet fitted.

    Parameters
    ----------
    name
        A key of `STRATEGIES`, or "module:Class" for a user's own or a clusterer of scikit-learn.
    options
        The arguments of the class.

    Raises
    ------
    ParamsError
        If the name or an option is not known; the message names the nearest one.

    Examples
    --------
    >>> make_strategy("quantile_rfm", bins=3)
    QuantileRFM(bins=3)
    """
    kind = strategy_class(name)
    arguments = inspect.signature(kind).parameters
    if not any(a.kind is a.VAR_KEYWORD for a in arguments.values()):
        for option in options:
            require_known(option, arguments, what=f"An option of {name}")
    return as_strategy(kind(**options))


def strategy_name(strategy: object) -> str:
    """Return the name under which `strategy_class` finds the class of a strategy again."""
    kind = as_strategy(strategy).kind
    return next((name for name, known in STRATEGIES.items() if kind is known), public_path(kind))


def strategy_from_dict(name: str, state: Mapping[str, Any]) -> Strategy:
    """Return the fitted strategy that `to_dict` wrote, by its name."""
    if isinstance(state, Mapping) and state.get("strategy") == EstimatorGroups.name:
        return EstimatorGroups.from_dict(state)
    kind: Any = strategy_class(name)
    return kind.from_dict(state) if issubclass(kind, Strategy) else OwnStrategy.from_dict(state, kind=kind)


__all__ = [
    "LETTERS",
    "METHODS",
    "STRATEGIES",
    "CLVTiers",
    "Clusters",
    "EstimatorGroups",
    "QuantileRFM",
    "RuleTree",
    "ScoreStrategy",
    "Strategy",
    "ThresholdRFM",
    "as_strategy",
    "canonical_json",
    "fingerprint_of",
    "make_strategy",
    "stability_index",
    "strategy_class",
    "strategy_from_dict",
    "strategy_name",
]
