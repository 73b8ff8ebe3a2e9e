"""From the cells a map names to the grid they fill, with every fault named by its cell."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError

AXES: Final = ("R", "F", "M")

MAX_SCORES: Final = 50
"""Scores per measure that a map may have; 50 x 50 x 50 cells are checked in a blink."""


def score_range(given: object, *, top: int, where: str) -> range:
    """Return the scores that a cell's entry names: 3, "3" or "4-5".

    Examples
    --------
    >>> list(score_range("4-5", top=5, where="R"))
    [4, 5]
    """
    text = str(given).replace(" ", "").replace("\N{EN DASH}", "-")
    low, _, high = text.partition("-")
    good = not isinstance(given, bool) and low.isdecimal() and (high.isdecimal() or "-" not in text)
    if good:
        first, last = int(low), int(high or low)
        if 1 <= first <= last <= top:
            return range(first, last + 1)
    raise ParamsError(
        f"{where} must be a score or a range within 1-{top}, as in 3 or {max(top - 1, 1)}-{top}. Got {given!r}."
    )


def cell_ranges(cell: object, *, scores: Mapping[str, int], where: str) -> tuple[range, ...]:
    """Return the scores of one entry of `cells` along R, F and M; a measure left out means any score."""
    if not isinstance(cell, Mapping) or not cell:
        raise ParamsError(f"{where} must name scores as in {{R: 4-5, F: 3}}. Got {cell!r}.")
    for axis in cell:
        if axis not in AXES:
            raise ParamsError(f"{where} must use the letters R, F and M. Got {axis!r}. {did_you_mean(str(axis), AXES)}")
    whole = {a: f"1-{scores[a]}" for a in AXES}
    return tuple(score_range(cell.get(a, whole[a]), top=scores[a], where=f"{where}: {a}") for a in AXES)


def fill_grid(segments: Sequence[Mapping[str, Any]], *, scores: Mapping[str, int], what: str) -> NDArray[np.int64]:
    """Return the segment's position for every cell, shape (R, F, M)."""
    grid = np.full([scores[a] for a in AXES], -1, dtype=np.int64)
    for position, segment in enumerate(segments):
        name = segment["name"]
        if not segment["cells"]:
            raise ParamsError(f"{what}: every segment must have a cell. {name!r} has none, so nobody can reach it.")
        for i, cell in enumerate(segment["cells"], start=1):
            ranges = cell_ranges(cell, scores=scores, where=f"{what}: entry {i} of {name!r}")
            for r, f, m in product(*ranges):
                taken = grid[r - 1, f - 1, m - 1]
                if taken >= 0:
                    other = segments[taken]["name"]
                    both = f"twice in {name!r}" if other == name else f"in {other!r} and in {name!r}"
                    raise ParamsError(
                        f"{what}: every cell must be in exactly one segment. {cell_name(r, f, m)} is {both}. "
                        "Take it out of one."
                    )
                grid[r - 1, f - 1, m - 1] = position
    _require_full(grid, what=what)
    return grid


def _require_full(grid: NDArray[np.int64], *, what: str) -> None:
    empty = np.argwhere(grid < 0) + 1
    if len(empty):
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise ParamsError(
            f"{what}: every cell must be in exactly one segment. {cell_name(*empty[0])}{more} "
            f"{'are' if more else 'is'} in none. Add {'them' if more else 'it'} to a segment."
        )


def cell_name(r: int, f: int, m: int) -> str:
    """Write a cell for a message, as in "R 4, F 5, M 1"."""
    return f"R {r}, F {f}, M {m}"
