"""The scale of one measure: edges, the score of a value between them, and both in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import product
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rfm_ml.core.errors import ParamsError
from rfm_ml.core.text import plural

WHOLE: Final = frozenset({"recency_days", "orders", "repeat_orders", "active_days", "age_days"})
"""Columns that count something: their edges are written as whole numbers."""

MONEY: Final = frozenset({"spend", "spend_per_year", "mean_repeat_value"})

UNITS: Final = {"recency_days": "days", "orders_per_year": "a year", "spend_per_year": "a year"}


def plain(value: float, column: str) -> str:
    """Write a customer's own value: whole numbers plain, money with two decimals.

    Examples
    --------
    >>> plain(312.4, "spend"), plain(7.0, "orders"), plain(3.5, "orders_per_year")
    ('312.40', '7', '3.5')
    """
    if column in MONEY:
        return f"{value:.2f}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}".rstrip("0").rstrip(".")


def cell_names(levels: Sequence[Sequence[str]]) -> list[str]:
    """Name every cell by one level of each measure, from the lowest to the highest.

    Examples
    --------
    >>> cell_names(["12", "ab"]), cell_names([["low", "high"], ["1"]])
    (['1a', '1b', '2a', '2b'], ['low-1', 'high-1'])
    """
    joint = "-" if any(len(name) > 1 for names in levels for name in names) else ""
    return [joint.join(cell) for cell in product(*levels)]


def bound(value: float, column: str, *, at_least: bool = False) -> str:
    """Write an edge so that the sentence stays true for whole numbers and for cents.

    An edge of 1.4 orders that must be exceeded is written as 1: for whole numbers "more than 1" says the
    same. `at_least` rounds the other way, as the limit itself already counts.

    Examples
    --------
    >>> bound(1.4, "orders"), bound(180.009, "spend"), bound(4.0, "orders_per_year", at_least=True)
    ('1', '180.00', '4')
    """
    digits = Decimal(1) if column in WHOLE else Decimal("0.01")
    rounded = Decimal(repr(float(value))).quantize(digits, ROUND_CEILING if at_least else ROUND_FLOOR)
    return f"{rounded:.2f}" if column in MONEY else plain(float(rounded), column)


def range_words(low: float | None, high: float | None, *, column: str, at_least: bool) -> str:
    """Write the range of a score: "at most 30 days", "more than 1 up to 4", "at least 2, below 4"."""
    a = "" if low is None else bound(low, column, at_least=at_least)
    b = "" if high is None else bound(high, column, at_least=at_least)
    unit = " " + UNITS[column] if column in UNITS else ""
    if unit == " days" and (b or a) == "1":
        unit = " day"
    if low is None and high is None:
        return "any"
    if a == b:
        return f"nobody, as both edges are {b}{unit}"
    if low is None:
        return (f"below {b}" if at_least else f"at most {b}") + unit
    if high is None:
        return (f"at least {a}" if at_least else f"more than {a}") + unit
    return (f"at least {a}, below {b}" if at_least else f"more than {a} up to {b}") + unit


def value_phrase(column: str) -> Callable[[float], str]:
    """Return the function that writes one customer's value of `column` as part of a sentence."""
    phrases: dict[str, Callable[[float], str]] = {
        "recency_days": lambda v: f"last order {v:.0f} {plural('day', v)} ago",
        "orders": lambda v: f"{plain(v, 'orders')} {plural('order', v)}",
        "spend": lambda v: f"spend {v:.2f}",
        "orders_per_year": lambda v: f"{plain(v, column)} {plural('order', v)} a year",
        "spend_per_year": lambda v: f"spend {v:.2f} a year",
    }
    return phrases.get(column, lambda v: f"{column} {plain(v, column)}")


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
