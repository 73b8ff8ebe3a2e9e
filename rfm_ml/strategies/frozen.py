"""Fitted things as small JSON: canonical bytes, fingerprints, and drift since the fit."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from rfm_ml.strategies.scale import Floats, Ints

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
