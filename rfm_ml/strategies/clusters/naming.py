"""Marketer's names for groups, from where they lie on recency, orders and spend."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.strategies.binning import even_fractions, quantile_edges
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Scale

RFM: Final = {"R": "recency_days", "F": "orders", "M": "spend"}
"""The letters of the scores and the columns that are scored."""

MEASURES: Final = {"recency": "R", "frequency": "F", "monetary": "M"}
"""What the letters stand for."""

SCORES: Final = 5

CELLS: Final = (
    ("Champions", ("45", "45", "45")),
    ("Loyal", ("45", "3", "345")),
    ("Loyal", ("45", "45", "3")),
    ("Loyal", ("3", "45", "345")),
    ("Potentially loyal", ("45", "2345", "12")),
    ("New", ("45", "1", "12")),
    ("Promising", ("45", "12", "345")),
    ("Needs attention", ("3", "123", "345")),
    ("About to sleep", ("3", "12345", "12")),
    ("About to sleep", ("2", "345", "12")),
    ("At risk", ("12", "12345", "34")),
    ("Losing VIPs", ("12", "12345", "5")),
    ("Hibernating", ("2", "12", "12")),
    ("Lost", ("1", "12345", "12")),
)
"""The vocabulary of the map of twelve segments, best first: name and the scores of R, F and M it covers."""

VOCABULARY: Final = tuple(dict.fromkeys(name for name, _ in CELLS))

DIFFERENCES: Final = {
    "R": ("longer ago", "more recent"),
    "F": ("fewer orders", "more orders"),
    "M": ("lower spend", "higher spend"),
}
"""What a lower and a higher score than the namesake's is called."""


def cell_name(r: int, f: int, m: int) -> str:
    """Return the name of a cell of scores 1 to 5, the same as in the map of twelve segments.

    Examples
    --------
    >>> cell_name(5, 5, 5), cell_name(1, 2, 5)
    ('Champions', 'Losing VIPs')
    """
    score = (str(r), str(f), str(m))
    return next(n for n, covers in CELLS if all(s in c for s, c in zip(score, covers, strict=True)))


def rank_of(name: str) -> int:
    """Return the place of a name, qualified or not, in the vocabulary, 0 is the best; behind it if it is not there."""
    plain = name.partition(",")[0]
    return VOCABULARY.index(plain) if plain in VOCABULARY else len(VOCABULARY)


def score_scales(customers: pd.DataFrame) -> dict[str, Scale]:
    """Return the scales of R, F and M, cut at fifths of the customers; empty if a column is not there."""
    if not set(RFM.values()) <= set(customers.columns):
        return {}
    scales = {}
    for letter, column in RFM.items():
        values = number_column(customers, column)
        finite = values[np.isfinite(values)]
        if not len(finite):
            return {}
        edges = quantile_edges(finite, even_fractions(SCORES))
        scales[letter] = Scale(column, edges[np.newaxis], less_is_better=letter == "R")
    return scales


def name_groups(
    centres: pd.DataFrame, *, scales: Mapping[str, Scale], kept: Mapping[int, str] | None = None
) -> list[str]:
    """Return one name per group, all different.

    Notes
    -----
    The name is that of the cell in which the centre lies. The first of several in one cell has it alone, each other
    is told apart by what differs most from the first, as in "Lost, lower spend"; by two or three differences where
    that is taken too, and by a number only where groups do not differ at all.
    """
    names = dict(kept or {})
    values = {letter: centres[s.column].to_numpy(dtype=np.float64) for letter, s in scales.items()}
    scores = np.array([s.score(values[letter]) for letter, s in scales.items()]).T.tolist()
    numbers = range(1, 2 * len(centres) + len(names) + 2)
    for row in range(len(centres)):
        if row in names:
            continue
        wanted = [f"Group {i}" for i in numbers]
        if scales:
            plain = cell_name(*scores[row])
            holder = next((r for r, name in names.items() if name == plain), None)
            told = [] if holder is None else _differences(values, row, holder)
            wanted = [plain, *[f"{plain}, {t}" for t in told], *[f"{plain}, {i}" for i in numbers[1:]]]
        names[row] = next(w for w in wanted if w not in names.values())
    return [names[row] for row in range(len(centres))]


def _differences(values: Mapping[str, Floats], row: int, other: int) -> list[str]:
    """Return the ways to tell a group from another, the plainest first: single differences, pairs, all three."""
    found = []
    for letter, (worse, better) in DIFFERENCES.items():
        sizes = np.log1p(np.maximum(values[letter][[row, other]], 0))
        change = float(sizes[0] - sizes[1]) * (-1 if letter == "R" else 1)
        if change:
            found.append((abs(change), better if change > 0 else worse))
    told = [words for _, words in sorted(found, key=lambda f: -f[0])]
    return [", ".join(some) for n in range(1, len(told) + 1) for some in combinations(told, n)]
