"""The scale of one measure: edges, and the score of a value between them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.words import range_words

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scale:
    """Scores 1 to k of one measure, k the best.

    Attributes
    ----------
    column
        The customers' column that is scored.
    edges
        Shape (groups, k - 1), each row from low to high. One row, unless the scale differs by group
        (by channel, or nested within the scores of another measure).
    less_is_better
        True for recency: the fewer days, the higher the score.
    at_least
        Whether a value equal to an edge belongs above it (explicit limits of frequency and spend) or
        below it (quantiles, and every recency limit).
    gain
        What one more order, or one more unit of money, adds to the column; None where the column does not
        tell (a rate over a window that differs by customer).
    """

    column: str
    edges: Floats
    less_is_better: bool
    at_least: bool = False
    gain: float | None = 1.0

    @property
    def bins(self) -> int:
        """The number of scores k."""
        return self.edges.shape[1] + 1

    def score(self, values: Floats, rows: Ints | None = None) -> Ints:
        """Return the score of each value, shape (n,): missing is 1, infinite is the extreme.

        Parameters
        ----------
        values
            Shape (n,).
        rows
            The row of `edges` for each value; not needed when there is only one.
        """
        if rows is None or len(self.edges) == 1:
            passed = np.searchsorted(self.edges[0], values, side="right" if self.at_least else "left")
        else:
            passed = np.zeros(len(values), dtype=np.int64)
            for column in self.edges.T:
                edge = column[rows]
                passed += (edge <= values) if self.at_least else (edge < values)
        scores = self.bins - passed if self.less_is_better else passed + 1
        scores[np.isnan(values)] = 1
        return scores

    def moved(self, margin: float) -> Self:
        """Return the scale with every edge moved up by a share of its size; -1 < margin < 1, below 0 moves it down."""
        return replace(self, edges=self.edges + margin * np.abs(self.edges))

    def limits(self, score: int, row: int = 0) -> tuple[float | None, float | None]:
        """Return the edges on either side of a score, None where the range is open."""
        passed = self.bins - score if self.less_is_better else score - 1
        edges = self.edges[row]
        low = float(edges[passed - 1]) if passed > 0 else None
        high = float(edges[passed]) if passed < self.bins - 1 else None
        return low, high

    def words(self, score: int, row: int = 0) -> str:
        """Write the range of a score, as in "more than 30 up to 60 days"."""
        low, high = self.limits(score, row)
        return range_words(low, high, column=self.column, at_least=self.at_least)

    def to_dict(self) -> dict[str, Any]:
        """Return the scale as plain values for JSON."""
        return {
            "column": self.column,
            "edges": self.edges.tolist(),
            "less_is_better": self.less_is_better,
            "at_least": self.at_least,
            "gain": self.gain,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], *, what: str) -> Self:
        """Return the scale that `to_dict` wrote."""
        keys = {"column", "edges", "less_is_better", "at_least", "gain"}
        if not isinstance(state, Mapping) or set(state) != keys:
            got = sorted(state) if isinstance(state, Mapping) else state
            raise ParamsError(f"{what} must have the keys {sorted(keys)}. Got {got!r}. Fit it again.")
        try:
            edges = np.array(state["edges"], dtype=np.float64)
        except (TypeError, ValueError):
            edges = np.empty(0)
        good = edges.ndim == 2 and len(edges) > 0 and np.isfinite(edges).all() and (np.diff(edges) >= 0).all()
        if not good:
            raise ParamsError(
                f"{what} must have edges that are numbers from low to high. Got {state['edges']!r}. Fit it again."
            )
        gain = None if state["gain"] is None else float(state["gain"])
        return cls(str(state["column"]), edges, bool(state["less_is_better"]), bool(state["at_least"]), gain)
