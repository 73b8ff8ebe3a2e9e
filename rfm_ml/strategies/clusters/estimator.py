"""Any clusterer of scikit-learn as a strategy: `SegmentModel(KMeans(3))`."""

import importlib
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from threadpoolctl import threadpool_limits

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.text import count
from rfm_ml.strategies.base import require_order
from rfm_ml.strategies.clusters.grouped import FEATURES, GroupStrategy
from rfm_ml.strategies.clusters.groups import NearestPoints, labels_of
from rfm_ml.strategies.clusters.learned import KEYS as LEARNED
from rfm_ml.strategies.clusters.learned import Learned
from rfm_ml.strategies.clusters.scaling import Scaling
from rfm_ml.strategies.clusters.selection import COLUMNS
from rfm_ml.strategies.scale import Floats, Ints

KEYS: Final = ("strategy", "estimator", "features", *LEARNED)
NOISE: Final = -1
"""What DBSCAN and its kin call who is in no group."""


class EstimatorGroups(GroupStrategy):
    """The groups that an estimator of scikit-learn finds, named and frozen as those of `Clusters`.

    The estimator sees `features` as `Clusters` does: logarithms, centred and scaled robustly, of the customers who
    have ordered. What is kept of it are points: its `cluster_centers_` where it has them, else the mean of each group
    it made. A customer, of the fit or new, belongs to the nearest point; so equal customers have equal labels, and
    nothing is pickled. `reason_` says of how many fitted customers the estimator says the same. Who is in no group of
    the estimator (label -1, as of DBSCAN) goes to the nearest too.

    Parameters
    ----------
    estimator
        With `fit_predict`, or `fit` and `predict`, that needs no outcome; not fitted. Set its `random_state`, if it has
        one: only then the same customers give the same groups.
    features
        Columns of numbers in which groups lie together.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> customers = pd.DataFrame({"recency_days": [3, 5, 300, 320], "orders": [9, 8, 1, 1], "spend": [900, 800, 9, 8]})
    >>> EstimatorGroups(KMeans(2, random_state=0)).fit(customers).predict(customers).tolist()
    ['Champions', 'Champions', 'Lost', 'Lost']
    """

    name: ClassVar[str] = "estimator"

    def __init__(self, estimator: Any, *, features: Sequence[str] = FEATURES) -> None:
        self.estimator = estimator
        self.features = features

    @property
    def kind(self) -> type:
        """The class of the estimator."""
        return type(self.estimator)

    @property
    def options(self) -> dict[str, Any]:
        """The class and the arguments of the estimator, and the features, as plain values."""
        return {"estimator": _plain(self.estimator), "features": list(self.features)}

    def fit(self, customers: pd.DataFrame, y: None = None) -> Self:
        """Let the estimator find groups among customers who have ordered, and name them."""
        self._check_features()
        _plain(self.estimator)
        ordered = self._has_order(customers)
        require_order(ordered)
        known = customers[ordered]
        scaling = Scaling.learn(known, tuple(self.features))
        scaled = scaling.transform_in_order(known)
        groups, labels = self._find(scaled)
        used = np.unique(labels_of(groups, scaled))
        if len(used) < groups.k:
            groups, labels = groups.take(used), np.where(np.isin(labels, used), np.searchsorted(used, labels), NOISE)
        same = float((labels == labels_of(groups, scaled)).mean())
        found = f"{count(groups.k, 'group')}, as {self.kind.__name__} found them"
        reason = f"{found}; it says the same of {same:.1%} of customers."
        none = pd.DataFrame(columns=COLUMNS)
        self.learned_ = Learned.of(known, scaling=scaling, groups=groups, k_table=none, reason=reason)
        return self

    def _find(self, scaled: Floats) -> tuple[NearestPoints, Ints]:
        """Return the groups as points, and the label of each row by number, -1 for none."""
        estimator = clone(self.estimator)
        try:
            # One thread, so that sums of floats come out the same every time.
            with threadpool_limits(limits=1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fits_at_once = hasattr(estimator, "fit_predict")
                given = estimator.fit_predict(scaled) if fits_at_once else estimator.fit(scaled).predict(scaled)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{self.kind.__name__} must find groups of {len(scaled)} customers. Got: {error}"
            ) from error
        labels = np.asarray(given)
        centres = np.asarray(vars(estimator).get("cluster_centers_", np.empty(0)))
        whole = labels.dtype.kind in "iu"
        if whole and centres.shape[1:] == scaled.shape[1:] and labels.max() < len(centres) > 0:
            return NearestPoints(centres.astype(np.float64), np.arange(len(centres))), labels.astype(np.int64)
        names = np.unique(labels[labels != NOISE] if whole else labels)
        if not len(names):
            return NearestPoints(scaled.mean(axis=0, keepdims=True), np.zeros(1, dtype=np.int64)), labels
        points = np.array([scaled[labels == name].mean(axis=0) for name in names])
        codes = np.where(np.isin(labels, names), np.searchsorted(names, labels), NOISE)
        return NearestPoints(points, np.arange(len(names))), codes

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""
        return {"strategy": self.name, **self.options, **self._fitted().to_dict()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote."""
        cls._require_state(state, KEYS)
        try:
            made = cls(_restored(state["estimator"]), features=tuple(state["features"]))
            made._check_features()
            made.learned_ = Learned.from_dict(state)
        except (ImportError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ParamsError(f"A frozen {cls.name} must be as it was written. {error} Fit it again.") from None
        return made


def public_path(kind: type) -> str:
    """Return where a class is imported from, as in "sklearn.cluster:KMeans"."""
    place = kind.__module__
    if place.startswith("sklearn."):  # its private modules move from one version to the next
        public = place.partition("._")[0]
        place = public if vars(importlib.import_module(public)).get(kind.__qualname__) is kind else place
    return f"{place}:{kind.__qualname__}"


def _plain(value: Any) -> Any:
    """Return an argument as JSON can hold it, estimators by class and arguments."""
    if isinstance(value, BaseEstimator):
        arguments = {name: _plain(v) for name, v in value.get_params(deep=False).items()}
        return {"class": public_path(type(value)), "arguments": arguments}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    raise ParamsError(f"The arguments of an estimator must be plain values, so that it can be frozen. Got {value!r}.")


def _restored(state: Any) -> Any:
    """Return what `_plain` wrote."""
    if isinstance(state, list):
        return [_restored(v) for v in state]
    if not isinstance(state, Mapping):
        return state
    if "number" in state:
        return float(state["number"])
    place, _, name = state["class"].partition(":")
    arguments = {n: _restored(v) for n, v in state["arguments"].items()}
    return getattr(importlib.import_module(place), name)(**arguments)
