"""Tests of one value: ">= 3", "between 2 and 5", a list of which one must be it, "missing"."""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from reprlib import Repr
from typing import Any, Final

from rfm_ml.core.errors import ParamsError

Scalar = str | bool | Decimal | dt.date

ORDERED: Final = {"<": "less", "<=": "at_most", ">": "more", ">=": "at_least"}
EXACT: Final = {"=": "equal", "!=": "unequal"}
_WRITTEN: Final = {op: sign for sign, op in (ORDERED | EXACT).items() if op != "equal"}
DECIMALS: Final = 9
"""Numbers are compared exactly up to so many decimals."""
LARGEST: Final = Decimal(10) ** 18
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
"""Texts that stand for yes and no in a column of text, in small letters."""

_COMPARISON: Final = re.compile(r"(<=|>=|!=|<|>|=)\s*(.*)", flags=re.DOTALL)
_BETWEEN: Final = re.compile(r"between\s+(.+?)\s+and\s+(.+)", flags=re.DOTALL)
_WANTED: Final = {
    "number": 'a number or a comparison such as ">= 3", "between 2 and 5"',
    "date": 'a day or a comparison such as ">= 2025-01-31"',
    "bool": "true or false",
}


@dataclass(frozen=True)
class Comparison:
    """What a value must be: an operator and what it compares with.

    `op` is one of equal, unequal, less, at_most, more, at_least, between (both ends count), any_of, missing, present.
    A missing value passes only `missing`.
    """

    op: str
    operands: tuple[Scalar, ...] = ()

    def __str__(self) -> str:
        if self.op in _WRITTEN:
            return f"{_WRITTEN[self.op]} {self.operands[0]}"
        if self.op == "between":
            return f"between {self.operands[0]} and {self.operands[1]}"
        return ", ".join(map(str, self.operands)) or ("missing" if self.op == "missing" else "not missing")


def read_test(value: Any, *, path: str) -> Comparison:
    """Read a test as the params write it; what kind of value it compares with is settled by `as_kind`.

    Examples
    --------
    >>> read_test(">= 3", path="orders.count")
    Comparison(op='at_least', operands=('3',))
    >>> read_test(["web", "app"], path="orders.channel")
    Comparison(op='any_of', operands=('web', 'app'))
    """
    if isinstance(value, list):
        if not value:
            raise ParamsError(f"{path} must have at least one value in its list. Got none.")
        return Comparison("any_of", tuple(_scalar(v, path=f"{path}[{i}]") for i, v in enumerate(value)))
    if not isinstance(value, str):
        return Comparison("equal", (_scalar(value, path=path),))
    text = value.strip()
    if text in ("missing", "not missing"):
        return Comparison("missing" if text == "missing" else "present")
    between, comparison = _BETWEEN.fullmatch(text), _COMPARISON.fullmatch(text)
    if between:
        return Comparison("between", between.groups())
    if comparison:
        sign, operand = comparison.groups()
        if not operand:
            raise ParamsError(f"{path} must have a value after {sign}. Got {value!r}.")
        if operand[0] in "<>=!":
            raise ParamsError(f"{path} must have one sign of {', '.join(ORDERED | EXACT)}. Got {value!r}.")
        return Comparison((ORDERED | EXACT)[sign], (operand.strip("'\""),))
    return Comparison("equal", (_scalar(value, path=path),))


def in_short(value: Any) -> str:
    """Return a value as text, cut off where it is long or deep.

    Examples
    --------
    >>> in_short({"not": {"not": {"not": {"tag": "x"}}}})
    "{'not': {'not': {...}}}"
    """
    words = Repr()
    words.maxlevel, words.maxstring = 2, 80
    return words.repr(value)


def as_kind(test: Comparison, kind: str, *, path: str, what: str = "") -> Comparison:
    """Return the test with its values turned into a kind: number, date, bool or text.

    In a column of text the values decide: an ordered comparison is of numbers or of days written as 2025-01-31.
    """
    ordered = test.op in (*ORDERED.values(), "between")
    if kind == "text" and ordered:
        kind = "number" if all(_number(v) is not None for v in test.operands) else "date"
    if kind == "bool" and ordered:
        raise ParamsError(f"{path} must be true or false{what}. Got a comparison.")
    values = tuple(_convert(v, kind, path=path, what=what) for v in test.operands)
    if test.op == "between" and values[0] > values[1]:  # type: ignore[operator]
        raise ParamsError(f"{path} must go from the lower to the higher value. Got {values[0]} and {values[1]}.")
    return Comparison(test.op, values)


def _scalar(value: Any, *, path: str) -> Scalar:
    if isinstance(value, str):
        if not value.strip():
            raise ParamsError(f'{path} must not be empty. Write "missing" for what is not there.')
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        number = _number(str(value))
        if number is not None:
            return number
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    got = "nothing" if value is None else in_short(value)
    raise ParamsError(f"{path} must be a value, a list of values or a comparison such as '>= 3'. Got {got}.")


def _number(value: Scalar) -> Decimal | None:
    """Return the number a value stands for, None if it is none that we compare exactly."""
    if isinstance(value, bool | dt.date):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= LARGEST or number != round(number, DECIMALS):
        return None
    return number


def _convert(value: Scalar, kind: str, *, path: str, what: str) -> Scalar:
    converted: Scalar | None = None
    if kind == "number":
        converted = _number(value)
    elif kind == "date":
        converted = _day(value)
    elif kind == "bool":
        converted = value if isinstance(value, bool) else _yes(value)
    elif isinstance(value, str | bool):
        return value  # yes and no are told in a column of text too
    else:
        raise ParamsError(f"{path} must be text{what}: put it in quotes. Got {value}.")
    if converted is None:
        raise ParamsError(f"{path} must be {_WANTED[kind]}{what}. Got {str(value)!r}.")
    return converted


def _day(value: Scalar) -> dt.date | None:
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None


def _yes(value: Scalar) -> bool | None:
    word = str(value).lower()
    return True if word in TRUE else False if word in FALSE else None
