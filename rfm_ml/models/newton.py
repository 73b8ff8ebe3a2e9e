"""Maximise a smooth likelihood of a few log-parameters: damped Newton, with L-BFGS-B as the fallback."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from rfm_ml.models.arrays import BoolArray, Derivatives, FloatArray

Objective = Callable[[FloatArray], Derivatives]
LOWER, UPPER = -10.0, 10.0
"""The box of log-parameters, with time scaled to the oldest age: 22,000 is as good as infinite."""


@dataclass(frozen=True)
class Maximum:
    """Where a search ended: log-parameters, derivatives there, and how it went."""

    at: FloatArray
    derivatives: Derivatives
    converged: bool
    at_edge: tuple[int, ...]
    evaluations: int


def newton_step(here: Derivatives, free: BoolArray) -> tuple[FloatArray, float]:
    """Return the uphill Newton step over the free parameters and half its expected gain.

    Directions in which the likelihood is not concave are walked uphill with the size of their curvature.
    """
    step = np.zeros(len(here.gradient))
    if not free.any():
        return step, 0.0
    values, vectors = np.linalg.eigh(-here.hessian[np.ix_(free, free)])
    size = np.abs(values)
    size = np.maximum(size, max(1e-10 * size.max(), 1e-300))
    along = vectors.T @ here.gradient[free]
    step[free] = vectors @ (along / size)
    return step, float(0.5 * (along**2 / size).sum())


def feasible_step(
    point: FloatArray, here: Derivatives, *, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, float]:
    """Return the Newton step that keeps parameters at a bound there if they would leave the box, and its gain.

    The step ends where it first meets a bound: cut short, not bent, so that it stays on a ridge of the likelihood.
    """
    uphill = here.gradient
    free = ~(((point <= lower) & (uphill < 0)) | ((point >= upper) & (uphill > 0)))
    while True:
        step, gain = newton_step(here, free)
        blocked = free & (((point <= lower) & (step < 0)) | ((point >= upper) & (step > 0)))
        if not blocked.any():
            break
        free &= ~blocked
    room = np.where(step > 0, upper - point, point - lower)
    moving = step != 0
    if moving.any():
        step = step * min(1.0, float((room[moving] / np.abs(step[moving])).min()))
    return step, gain


def climb(
    objective: Objective, start: FloatArray, *, lower: FloatArray, upper: FloatArray, max_evaluations: int = 100
) -> Maximum:
    """Walk uphill from `start` by Newton steps of limited length, inside the box [lower, upper]."""
    point = np.clip(start, lower, upper)
    here, used, radius, converged = objective(point), 1, 2.0, False
    while used < max_evaluations:
        step, gain = feasible_step(point, here, lower=lower, upper=upper)
        length = float(np.linalg.norm(step))
        if gain <= 1e-11 * (1 + 1e-2 * abs(here.value)):
            converged = True
            break
        target = np.clip(point + step * min(1.0, radius / length), lower, upper)
        there, used = objective(target), used + 1
        if np.isfinite(there.value) and there.value >= here.value - 1e-12 * abs(here.value):
            radius = min(2 * radius, 4.0) if length > radius else radius
            point, here = target, there
        elif gain < 1e-7 * (1 + 1e-3 * abs(here.value)):
            converged = True  # what is left to gain is below the rounding of the likelihood
            break
        else:
            radius = 0.25 * min(length, radius)
            if radius < 1e-10:
                break
    edge = tuple(map(int, np.flatnonzero((point <= lower + 1e-9) | (point >= upper - 1e-9))))
    return Maximum(point, here, converged, edge, used)


def _quasi_newton(
    objective: Objective, start: FloatArray, *, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, int]:
    """Return where L-BFGS-B ends, for likelihoods on which Newton steps got lost."""

    def downhill(point: FloatArray) -> tuple[float, FloatArray]:
        found = objective(point)
        return -found.value, -found.gradient

    end = minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=list(zip(lower, upper, strict=True)))
    return np.asarray(end.x), int(end.nfev)


def maximise(
    objective: Objective,
    starts: Sequence[FloatArray],
    *,
    pilot: Objective,
    lower: FloatArray,
    upper: FloatArray,
) -> Maximum:
    """Find the best of several starts on `pilot` (a sample of the customers), then finish on `objective`."""
    tried = [climb(pilot, start, lower=lower, upper=upper) for start in starts]
    used = sum(t.evaluations for t in tried)
    best = max(tried, key=lambda t: t.derivatives.value)
    if pilot is not objective or not best.converged:
        best = climb(objective, best.at, lower=lower, upper=upper)
        used += best.evaluations
    if not best.converged:
        restart, extra = _quasi_newton(objective, best.at, lower=lower, upper=upper)
        again = climb(objective, restart, lower=lower, upper=upper)
        used += extra + again.evaluations
        best = max(best, again, key=lambda t: (t.derivatives.value, t.converged))
    return Maximum(best.at, best.derivatives, best.converged, best.at_edge, used)
