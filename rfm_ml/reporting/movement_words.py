"""Movement between segments in words, the same on every page."""

import pandas as pd

from rfm_ml.plots import amount, count, percent
from rfm_ml.segments.movement import DOWN, UP, share_moved, up_and_down

MEANING = (
    "Up and down go by the order of the segments; the worth is what the customers of the two segments had spent on "
    "average, times who moved."
)


def movement_words(matrix: pd.DataFrame, *, currency: str = "") -> str:
    """Return who moved up and down and what it is worth, in sentences.

    Parameters
    ----------
    matrix
        As `segments.movement.movement_matrix` gives.
    currency
        Unit of the money.

    Examples
    --------
    >>> rows = [("Lost", "Loyal", "up", 3, 60.0), ("Loyal", "Lost", "down", 1, -20.0)]
    >>> columns = ["from_segment", "to_segment", "direction", "customers", "value_change"]
    >>> print(movement_words(pd.DataFrame(rows, columns=columns), currency="EUR")[61:109])
    3 customers moved up, worth 60.00 EUR more; 1 cu
    """
    share = share_moved(matrix)
    if share != share:
        return "Nobody was a customer on both days, so nobody can have moved."
    ways = up_and_down_words(matrix, currency=currency)
    return f"{percent(share)} of the customers of both days are in another segment: {ways}. {MEANING}"


def up_and_down_words(matrix: pd.DataFrame, *, currency: str = "") -> str:
    """Return how many moved up and down and what it is worth, as part of a sentence; arguments as `movement_words`."""
    return "; ".join(_way(way, figures, currency=currency) for way, figures in up_and_down(matrix).items())


def worth(value: float, *, currency: str = "") -> str:
    """Return a change of money in words, as in "60.00 EUR more" and "20.00 EUR less"."""
    return f"{amount(abs(value), currency)} {'less' if round(value, 2) < 0 else 'more'}"


def _way(way: str, figures: dict[str, float], *, currency: str) -> str:
    if not figures["customers"]:
        return f"nobody moved {way}"
    told = f"{count(int(figures['customers']), 'customer')} moved {way}"
    told += f", worth {worth(figures['value'], currency=currency)}"
    if way == UP and round(figures["value"], 2) < 0:
        told += " (better segments by their outlook, whose customers had spent less so far)"
    if way == DOWN and round(figures["value"], 2) > 0:
        told += " (worse segments by their outlook, whose customers had spent more so far)"
    return told
