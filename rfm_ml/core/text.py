"""Numbers, money and lists in words, the same on every page."""

import calendar
from collections.abc import Sequence
from datetime import date
from typing import Final

NONE: Final = "\N{EN DASH}"
"""Written where there is no number."""


def percent(share: float, *, digits: int = 1) -> str:
    """Write a share, as in "19.5%"; a dash where there is none.

    Examples
    --------
    >>> percent(0.1947)
    '19.5%'
    """
    # Adding 0 turns a tiny loss, written as -0.0, into 0.0.
    return f"{round(share, digits + 2) + 0.0:.{digits}%}" if share == share else NONE


def amount(value: float, currency: str = "") -> str:
    """Write money: whole from 1,000 up, else with cents; a dash where there is none.

    Examples
    --------
    >>> amount(96532.52, "USD"), amount(14.96), amount(-0.001)
    ('96,533 USD', '14.96', '0.00')
    """
    if value != value:
        return NONE
    digits = 0 if abs(value) >= 999.995 else 2
    text = f"{round(value, digits) + 0.0:,.{digits}f}"
    return f"{text} {currency}".strip()


def plural(noun: str, number: float) -> str:
    """Return a noun as it follows a number.

    Examples
    --------
    >>> plural("customer", 1), plural("batch", 2), plural("day", 0), plural("company", 3)
    ('customer', 'batches', 'days', 'companies')
    """
    if number == 1:
        return noun
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def count(number: int, noun: str) -> str:
    """Write a number of things, as in "1 customer" and "2,357 customers"."""
    return f"{number:,} {plural(noun, number)}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Write words as a list.

    Examples
    --------
    >>> listed(["Loyal", "New", "Lost"]), listed(["Loyal", "New"], "or"), listed([])
    ('Loyal, New and Lost', 'Loyal or New', '')
    """
    *first, end = words or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def short(value: float) -> str:
    """Write a number for an axis: thousands as k, millions as M.

    Examples
    --------
    >>> short(0), short(950), short(12_500), short(3_000_000)
    ('0', '950', '12.5k', '3M')
    """
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):,.4g}{letter}"
    return f"{value:,.6g}"


def with_unit(text: str, unit: str) -> str:
    """Write an axis label with its unit, if there is one: "revenue (USD)"."""
    return f"{text} ({unit})" if unit else text


def long_day(day: date) -> str:
    """Write a day as people do, the same on every system: 30 September 1997."""
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"
