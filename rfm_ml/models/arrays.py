"""The array type of the models and the log-parameter chain rule they share."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@lru_cache(maxsize=8)
def legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return the Gauss-Legendre nodes on [0, 1] and the logarithms of their weights."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    return (at + 1) / 2, np.log(weight / 2)


class Derivatives(NamedTuple):
    """Value, gradient and Hessian of a log-likelihood at one point."""

    value: float
    gradient: FloatArray
    hessian: FloatArray


def in_logs(natural: Derivatives, params: FloatArray) -> Derivatives:
    """Return the derivatives with respect to log(params).

    With p = exp(u): dL/du = p dL/dp and d2L/du2 = p p' d2L/dp2 + diag(p dL/dp).
    """
    gradient = params * natural.gradient
    hessian = np.outer(params, params) * natural.hessian + np.diag(gradient)
    return Derivatives(natural.value, gradient, hessian)


def symmetric(size: int, entries: Mapping[tuple[int, int], Any]) -> FloatArray:
    """Return a symmetric (size, size) matrix from its entries on and above the diagonal."""
    matrix = np.zeros((size, size))
    for (i, j), value in entries.items():
        matrix[i, j] = matrix[j, i] = value
    return matrix


def total(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return left @ right without BLAS, whose threads cost more than they bring on rows this short."""
    return np.asarray(np.einsum("...r,r->...", left, right))


def inner(left: FloatArray, right: FloatArray) -> float:
    """Return the sum of the products of two tables, without BLAS."""
    return float(np.einsum("jr,jr->", left, right))


def mixture_hessian(gradients: FloatArray, posterior: FloatArray, mean: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the part of the Hessian of sum(w log sum_j exp(c_j)) that comes from the gradients of c_j."""
    size = len(gradients)
    flat = gradients.reshape(size, -1)
    spread = (flat * (posterior * weight).reshape(1, -1)) @ flat.T
    between: FloatArray = (mean * weight) @ mean.T
    return np.asarray(spread - between)
