"""From customers' columns to the space in which distances are taken: logarithms, centred and scaled robustly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats

NORMAL_IQR: Final = 1.349
"""Interquartile range of a normal distribution in standard deviations."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """What was learned of each feature: its middle, its spread and its range, all in logarithms."""

    features: tuple[str, ...]
    middle: Floats
    spread: Floats
    low: Floats
    high: Floats

    @classmethod
    def learn(cls, customers: pd.DataFrame, features: Sequence[str]) -> Self:
        """Learn from customers who have ordered.

        Where half of the customers have the same value the interquartile range is 0: then the standard deviation
        takes its place (times 1.349, which makes both equal for normal values), and 1 where all values are equal.
        """
        learned = []
        for feature in features:
            values = number_column(customers, feature)
            logs = signed_log(values[np.isfinite(values)])
            if not len(logs):
                raise DataError(f"{feature} must hold at least one number. Got {len(values)} missing or infinite.")
            logs.sort()  # sums of floats depend on their order
            lower, middle, upper = np.quantile(logs, [0.25, 0.5, 0.75])
            # Twins of one value can leave a remainder of rounding as their deviation.
            deviation = float(logs.std()) if logs[-1] > logs[0] else 0.0
            spread = float(upper - lower) or NORMAL_IQR * deviation or 1.0
            learned.append((float(middle), spread, float(logs[0]), float(logs[-1])))
        return cls(tuple(features), *np.array(learned).T)

    def transform(self, customers: pd.DataFrame) -> Floats:
        """Return the scaled features, shape (n, d).

        A missing value counts as the median: it draws to no side.
        """
        scaled = np.empty((len(self.features), len(customers)))
        for i, feature in enumerate(self.features):
            logs = signed_log(number_column(customers, feature))
            logs = np.where(np.isnan(logs), self.middle[i], np.clip(logs, self.low[i], self.high[i]))
            scaled[i] = (logs - self.middle[i]) / self.spread[i]
        return scaled.T

    def transform_in_order(self, customers: pd.DataFrame) -> Floats:
        """Return the scaled features sorted: the same customers give the same groups in whatever order they come."""
        scaled = self.transform(customers)
        return scaled[np.lexsort(scaled.T[::-1])]

    def to_dict(self) -> dict[str, Any]:
        """Return the scaling as plain values for JSON."""
        arrays = {n: getattr(self, n).tolist() for n in ("middle", "spread", "low", "high")}
        return {"features": list(self.features), **arrays}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the scaling that `to_dict` wrote."""
        try:
            features = tuple(state["features"])
            arrays = [np.array(state[n], dtype=np.float64) for n in ("middle", "spread", "low", "high")]
        except (KeyError, TypeError, ValueError):
            raise ParamsError("A frozen scaling must have features, middle, spread, low and high.") from None
        if any(a.shape != (len(features),) or not np.isfinite(a).all() for a in arrays) or (arrays[1] <= 0).any():
            raise ParamsError("A frozen scaling must have one number per feature, and a spread above 0.")
        return cls(features, *arrays)


def signed_log(values: Floats) -> Floats:
    """Return log(1 + |value|) with the sign of the value: money given back counts as much as money spent.

    Examples
    --------
    >>> signed_log(np.array([-9.0, 0.0, 99.0])).round(3).tolist()
    [-2.303, 0.0, 4.605]
    """
    found: Floats = np.sign(values) * np.log1p(np.abs(values))
    return found
