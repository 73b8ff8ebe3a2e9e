"""Fitted groups as numbers alone: whoever has them can label a customer, without the library that found them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.scale import Floats, Ints


class Groups(Protocol):
    """What the strategy asks of fitted groups."""

    @property
    def k(self) -> int:
        """The number of groups."""
        ...

    def fit_of(self, scaled: Floats) -> Floats:
        """Return how well each customer fits each group, shape (n, k): the highest is their group."""
        ...

    def take(self, order: Ints) -> "Groups":
        """Return the groups `order`, in that order."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the groups as plain values for JSON."""
        ...


@dataclass(frozen=True, eq=False)
class NearestPoints:
    """Groups of one or more points each: a customer belongs to the group of the nearest point."""

    points: Floats
    owner: Ints

    @property
    def k(self) -> int:
        """The number of groups."""
        return int(self.owner.max()) + 1

    def fit_of(self, scaled: Floats) -> Floats:
        """Return minus the distance to each group, shape (n, k).

        Sums run feature by feature in the same order for every row: a customer's label must not change with who
        else is in the table, as it could with a matrix product.
        """
        columns = np.ascontiguousarray(scaled.T)
        found = np.full((self.k, len(scaled)), np.inf)
        for point, owner in zip(self.points, self.owner, strict=True):
            squared = np.zeros(len(scaled))
            for column, place in zip(columns, point, strict=True):
                squared += (column - place) ** 2
            np.minimum(found[owner], squared, out=found[owner])
        fits: Floats = -np.sqrt(found).T
        return fits

    def take(self, order: Ints) -> "NearestPoints":
        """Return the groups `order`, in that order."""
        kept = [np.flatnonzero(self.owner == g) for g in order]
        owner = np.repeat(np.arange(len(kept)), [len(rows) for rows in kept])
        return NearestPoints(self.points[np.concatenate(kept)], owner)

    def to_dict(self) -> dict[str, Any]:
        """Return the groups as plain values for JSON."""
        return {"kind": "nearest", "points": self.points.tolist(), "owner": self.owner.tolist()}


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussian components: a customer belongs to the most probable one."""

    weights: Floats
    means: Floats
    covariances: Floats

    @property
    def k(self) -> int:
        """The number of groups."""
        return len(self.weights)

    @cached_property
    def _roots(self) -> Floats:
        """Lower triangles L with L L' = inverse covariance, transposed: shape (k, d, d)."""
        roots: Floats = np.linalg.inv(np.linalg.cholesky(self.covariances))
        return roots

    def fit_of(self, scaled: Floats) -> Floats:
        """Return the log of weight times density of each component, shape (n, k), without the constant they share."""
        columns = np.ascontiguousarray(scaled.T)
        fits = np.empty((self.k, len(scaled)))
        for group, (mean, root) in enumerate(zip(self.means, self._roots, strict=True)):
            squared = np.zeros(len(scaled))
            for row in range(len(columns)):
                part = np.zeros(len(scaled))
                for column in range(row + 1):
                    part += root[row, column] * (columns[column] - mean[column])
                squared += part**2
            fits[group] = np.log(self.weights[group]) + np.log(np.diag(root)).sum() - squared / 2
        return fits.T

    def take(self, order: Ints) -> "Mixture":
        """Return the components `order`, in that order."""
        weights = self.weights[order]
        return Mixture(weights / weights.sum(), self.means[order], self.covariances[order])

    def to_dict(self) -> dict[str, Any]:
        """Return the components as plain values for JSON."""
        arrays = {n: getattr(self, n).tolist() for n in ("weights", "means", "covariances")}
        return {"kind": "mixture", **arrays}


def labels_of(groups: Groups, scaled: Floats) -> Ints:
    """Return the group of each customer, 0 to k - 1, shape (n,)."""
    codes: Ints = groups.fit_of(scaled).argmax(axis=1)
    return codes


def groups_from_dict(state: Mapping[str, Any], *, features: int) -> Groups:
    """Return the groups that `to_dict` wrote."""
    kinds: dict[str, Any] = {"nearest": _nearest, "mixture": _mixture}
    try:
        made: Groups = kinds[state["kind"]](state, features)
    except (KeyError, TypeError, ValueError, np.linalg.LinAlgError):
        raise ParamsError("Frozen groups must hold the numbers of their kind (nearest or mixture).") from None
    return made


def _nearest(state: Mapping[str, Any], features: int) -> NearestPoints:
    points, owner = np.array(state["points"], dtype=np.float64), np.array(state["owner"], dtype=np.int64)
    groups = np.arange(owner.max() + 1)
    if points.shape != (len(owner), features) or not np.array_equal(np.unique(owner), groups):
        raise ValueError
    return NearestPoints(points, owner)


def _mixture(state: Mapping[str, Any], features: int) -> Mixture:
    weights, means, covariances = (np.array(state[n], dtype=np.float64) for n in ("weights", "means", "covariances"))
    k = len(weights)
    if not k or means.shape != (k, features) or covariances.shape != (k, features, features) or (weights <= 0).any():
        raise ValueError
    np.linalg.cholesky(covariances)
    return Mixture(weights, means, covariances)
