"""Movement between segments in words, the same on every page."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from rfm_ml.core.text import amount, count, percent
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
    """Return a change of money in words, as in "60.00 EUR more", "20.00 EUR less" and "the same"."""
    if not round(value, 2):
        return "the same"
    return f"{amount(abs(value), currency)} {'less' if round(value, 2) < 0 else 'more'}"


def why_no_days(stayed: pd.DataFrame, days: Sequence[date]) -> str:
    """Return why the days so far are 0 in more than half of the segments, empty where they are not.

    Parameters
    ----------
    stayed
        As `segments.spells.days_in_segment` gives.
    days
        The known days, the first one first.

    Examples
    --------
    >>> why_no_days(pd.DataFrame({"median_days_so_far": [0.0, 0.0, 31.0]}), [date(2024, 5, 31), date(2024, 6, 30)])[:71]
    'Days so far are counted on the 2 days known here alone, from 2024-05-31'
    """
    lasting = stayed["median_days_so_far"].dropna()
    if not len(lasting) or (lasting == 0).mean() <= 0.5:
        return ""
    if len(days) == 1:
        return f"Days so far are counted between the days known here; {days[0]} is the only one, so all are 0."
    return (
        f"Days so far are counted on the {len(days)} days known here alone, from {days[0]} on: 0 stands where most "
        "were first seen in their segment today."
    )


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
