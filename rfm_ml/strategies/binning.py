"""Edges between scores, learned from the values of one measure."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, nextafter

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quantile_edges(values: Floats, fractions: Sequence[Fraction]) -> Floats:
    """Return the type-7 quantiles of `values` at `fractions`.

    The position (n - 1) * p is found with whole numbers, so an edge that falls on a customer's value
    is exactly that value, and rounding never lifts an edge onto the value above it.

    Notes
    -----
    Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996), type 7.

    Examples
    --------
    >>> orders = np.array([1, 1, 1, 1, 1, 1, 2, 2, 3, 9.0])
    >>> quantile_edges(orders, even_fractions(5)).round(6).tolist()
    [1.0, 1.0, 1.4, 2.2]
    """
    last = len(values) - 1
    places = [divmod(last * p.numerator, p.denominator) for p in fractions]
    wanted = sorted({i for low, rest in places for i in (low, min(low + 1, last) if rest else low)})
    ordered = np.partition(values, wanted)
    edges = []
    for (low, rest), p in zip(places, fractions, strict=True):
        edge = float(ordered[low])
        if rest and ordered[low + 1] > ordered[low]:
            above = float(ordered[low + 1])
            edge = min(edge + (above - edge) * rest / p.denominator, nextafter(above, -inf))
        edges.append(edge)
    return np.array(edges)


def even_fractions(bins: int) -> list[Fraction]:
    """Return 1/bins, 2/bins, ..., (bins - 1)/bins."""
    return [Fraction(i, bins) for i in range(1, bins)]


def equal_width_edges(values: Floats, bins: int) -> Floats:
    """Return the edges that cut the range of `values` into `bins` equal widths, shape (bins - 1,)."""
    low, high = float(values.min()), float(values.max())
    edges = np.array([low * (1 - i / bins) + high * (i / bins) for i in range(1, bins)])
    return np.maximum.accumulate(edges.clip(low, high))


def natural_break_edges(values: Floats, bins: int) -> Floats:
    """Return edges at natural breaks: the largest value of each of `bins` one-dimensional clusters.

    One-dimensional k-means on the distinct values, each weighted by its customers: sums are taken in sorted
    order, so the answer does not depend on row order or on threads. With fewer distinct values than bins,
    every value is a class of its own and scores are skipped evenly.

    Notes
    -----
    Jenks, "The data model concept in statistical mapping", International Yearbook of Cartography 7 (1967);
    Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28 (1982).
    """
    distinct, weights = np.unique(values, return_counts=True)
    if len(distinct) <= bins:
        highest = distinct[: max(len(distinct) - 1, 1)]
        return highest[[i * len(highest) // (bins - 1) for i in range(bins - 1)]]
    centred = distinct - distinct[0]
    weight_before = np.concatenate([[0], np.cumsum(weights)])
    sum_before = np.concatenate([[0.0], np.cumsum(weights * centred)])
    cuts = np.array([i * len(distinct) // bins for i in range(bins + 1)])
    for _ in range(1000):
        centres = np.diff(sum_before[cuts]) / np.diff(weight_before[cuts])
        between = np.searchsorted(centred, (centres[1:] + centres[:-1]) / 2, side="right")
        moved = np.concatenate([[0], between, [len(distinct)]])
        # A class must keep at least one value; without this a far outlier could empty its neighbour.
        moved = np.maximum.accumulate(np.maximum(moved - np.arange(bins + 1), 0)) + np.arange(bins + 1)
        moved = np.minimum(moved, len(distinct) - np.arange(bins, -1, -1))
        if np.array_equal(moved, cuts):
            break
        cuts = moved
    return distinct[cuts[1:-1] - 1]
