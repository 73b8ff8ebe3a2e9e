"""How a measure and its ranges are written in a sentence."""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import product
from typing import Final

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
