"""RFM scores from the customers' own distribution."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.binning import equal_width_edges, even_fractions, natural_break_edges, quantile_edges
from rfm_ml.strategies.reading import window_gain
from rfm_ml.strategies.scale import Floats, Ints, Scale
from rfm_ml.strategies.scores import LETTERS, ScoreStrategy

BINNING: Final = ("quantile", "equal_width", "natural_breaks")

PARENTS: Final = {"recency": (), "frequency": ("recency",), "monetary": ("recency", "frequency")}
"""The measures within whose scores a measure is cut when binning is nested."""


class QuantileRFM(ScoreStrategy):
    """Scores 1 to `bins` per measure, from edges learned at the fit.

    With edges e1 <= ... <= e(k-1), a score is 1 + the number of edges strictly below the value, for
    orders and spend, and k - that number for recency. Equal values always get equal scores. An edge
    therefore belongs to the range below it: "at most 30 days", "more than 4 orders".

    Parameters
    ----------
    bins
        Scores per measure, 2 to 10.
    binning
        "quantile" (type 7), "equal_width" or "natural_breaks".
    nested
        Cut frequency within each recency score, and spend within each pair of both.
    cut_points
        Percentiles per measure in place of even ones, as in {"recency": [10, 30, 60, 90]}; n percentiles
        give n + 1 scores. Those of recency count from the most recent customer.
    weights
        Weight per measure, as in {"recency": 1, "monetary": 2}; adds the column `score` to `scores`, the
        weighted mean of R, F and M.
    recency, frequency, monetary
        The columns to score, in days, orders and currency.

    Examples
    --------
    >>> orders = [1, 1, 1, 1, 1, 1, 2, 2, 3, 9]
    >>> customers = pd.DataFrame({"recency_days": range(10), "orders": orders, "spend": orders})
    >>> QuantileRFM().fit(customers).scores(customers)["F"].tolist()
    [1, 1, 1, 1, 1, 1, 4, 4, 5, 5]
    """

    name: ClassVar[str] = "quantile_rfm"

    def __init__(
        self,
        bins: int = 5,
        *,
        binning: str = "quantile",
        nested: bool = False,
        cut_points: Mapping[str, Sequence[float]] | None = None,
        weights: Mapping[str, float] | None = None,
        recency: str = "recency_days",
        frequency: str = "orders",
        monetary: str = "spend",
    ) -> None:
        self.bins = bins
        self.binning = binning
        self.nested = nested
        self.cut_points = cut_points
        self.weights = weights
        self.recency = recency
        self.frequency = frequency
        self.monetary = monetary

    def _columns(self) -> dict[str, str]:
        return {"recency": self.recency, "frequency": self.frequency, "monetary": self.monetary}

    def _check_params(self) -> None:
        require_between(self.bins, 2, 10, name="bins")
        if not isinstance(self.bins, int):
            raise ParamsError(f"bins must be a whole number. Got {self.bins!r}.")
        require_known(self.binning, BINNING, what="binning")
        for measure, percentiles in (self.cut_points or {}).items():
            require_known(measure, LETTERS, what="A measure of cut_points")
            _check_percentiles(measure, percentiles)
        if self.cut_points and self.binning != "quantile":
            raise ParamsError(f"cut_points are percentiles and need binning: quantile. Got {self.binning!r}.")
        weights = self.weights or {}
        for measure, weight in weights.items():
            require_known(measure, LETTERS, what="A measure of weights")
            require_between(weight, 0, 1e6, name=f"The weight of {measure}")
        if weights and sum(weights.values()) == 0:
            raise ParamsError("weights must not all be 0. Give at least one measure a weight, or leave them out.")

    def _bins_of(self, measure: str) -> int:
        own = (self.cut_points or {}).get(measure)
        return self.bins if own is None else len(own) + 1

    def _edges(self, measure: str, values: Floats) -> Floats:
        if self.binning == "equal_width":
            return equal_width_edges(values, self.bins)
        if self.binning == "natural_breaks":
            return natural_break_edges(values, self.bins)
        own = (self.cut_points or {}).get(measure)
        if own is None:
            return quantile_edges(values, even_fractions(self.bins))
        return quantile_edges(values, [Fraction(str(p)) / 100 for p in own])

    def rows(self, measure: str, customers: pd.DataFrame, *, scores: Mapping[str, Ints]) -> Ints | None:
        """Return the row of the parent scores when binning is nested, else None."""
        if not self.nested or not PARENTS[measure]:
            return None
        row = np.zeros(len(customers), dtype=np.int64)
        for parent in PARENTS[measure]:
            row = row * self._bins_of(parent) + np.maximum(scores[parent], 1) - 1
        return row

    def _learn(self, measure: str, values: Floats, *, rows: Ints | None, customers: pd.DataFrame) -> Scale:
        finite = np.isfinite(values)
        overall = self._edges(measure, values[finite])
        edges = overall[np.newaxis]
        if rows is not None:
            groups = int(np.prod([self._bins_of(p) for p in PARENTS[measure]]))
            # A parent that nobody is in at the fit takes the edges of all customers.
            edges = np.tile(overall, (groups, 1))
            for row in np.unique(rows[finite]):
                edges[row] = self._edges(measure, values[finite & (rows == row)])
        column = self._columns()[measure]
        return Scale(column, edges, less_is_better=measure == "recency", gain=window_gain(customers, column))

    def _group_names(self, measure: str) -> list[str]:
        groups = [""]
        for parent in PARENTS[measure] if self.nested else ():
            bins = range(1, self._bins_of(parent) + 1)
            groups = [f"{g} {LETTERS[parent]}{s}".strip() for g in groups for s in bins]
        return groups

    def scores(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `customer_id` (if the frame has it), `R`, `F`, `M` and, with weights, `score`.

        Scores are 1 to k, and 0 for customers without an order.
        """
        frame = super().scores(customers)
        if self.weights:
            total = sum(self.weights.values())
            frame["score"] = sum(frame[LETTERS[m]] * w for m, w in self.weights.items()) / total
        return frame


def _check_percentiles(measure: str, percentiles: Sequence[float]) -> None:
    numbers = isinstance(percentiles, Sequence) and not isinstance(percentiles, str)
    if not numbers or not 1 <= len(percentiles) <= 9:
        raise ParamsError(f"cut_points of {measure} must be a list of 1 to 9 percentiles. Got {percentiles!r}.")
    for p in percentiles:
        if isinstance(p, bool) or not isinstance(p, int | float) or not 0 < p < 100:
            raise ParamsError(f"cut_points of {measure} must lie between 0 and 100. Got {p!r}.")
    if any(b <= a for a, b in pairwise(percentiles)):
        raise ParamsError(f"cut_points of {measure} must increase. Got {list(percentiles)!r}. Sort them.")
