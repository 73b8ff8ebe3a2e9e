"""A comparison as an Ibis expression over a column; what is missing passes none but "missing"."""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from rfm_ml.criteria.values import DECIMALS, FALSE, TRUE, Comparison, as_kind

EXACT_NUMBER: Final = f"decimal(38, {DECIMALS})"
_SIGNS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "equal": eq,
    "unequal": ne,
    "less": lt,
    "at_most": le,
    "more": gt,
    "at_least": ge,
}
TAG_SEPARATOR: Final = r"[ \t]*[;,|][ \t]*"
"""Between the tags of a contact that are written as one text."""

_NUMBER_IN_TEXT: Final = rf"^-?[0-9]{{1,18}}([.][0-9]{{1,{DECIMALS}}})?$"
_DAY_IN_TEXT: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}($|[T ])"


def column_kind(column: ir.Column) -> str:
    """Return what a column holds: number, date, bool or text."""
    kind = column.type()
    if kind.is_boolean():
        return "bool"
    if kind.is_numeric():
        return "number"
    return "date" if kind.is_date() or kind.is_timestamp() else "text"


def passes(column: ir.Column, comparison: Comparison, *, path: str, what: str) -> ir.BooleanValue:
    """Return which rows pass; never NULL, NaN counts as missing. `path` and `what` it is are for the message."""
    kind = column_kind(column)
    held = {"number": "numbers", "date": "days", "bool": "true or false", "text": "text"}[kind]
    fitted = as_kind(comparison, kind, path=path, what=f", as {what} holds {held}")
    present = column.notnull()
    if column.type().is_floating():
        present = present & ~column.isnan()
    if fitted.op == "missing":
        return ~present
    if fitted.op == "present":
        return present
    values = fitted.operands
    if fitted.op == "between":
        test = _compare(column, "at_least", values[0]) & _compare(column, "at_most", values[1])
    elif fitted.op == "any_of" and column.type().is_string() and all(isinstance(v, str) for v in values):
        test = column.isin(values)
    elif fitted.op == "any_of" and column.type().is_integer():
        test = column.isin([int(v) for v in values if isinstance(v, Decimal) and v == int(v)])
    else:
        test = any_of([_compare(column, "equal" if fitted.op == "any_of" else fitted.op, v) for v in values])
    return (present & test).fill_null(False)


def all_of(tests: Sequence[ir.BooleanValue]) -> ir.BooleanValue:
    """Return whether all tests hold; true of none."""
    return _together(and_, tests) if tests else ibis.literal(True)


def any_of(tests: Sequence[ir.BooleanValue]) -> ir.BooleanValue:
    """Return whether at least one of some tests holds."""
    return _together(or_, tests)


def _together(sign: Callable[[Any, Any], Any], tests: Sequence[ir.BooleanValue]) -> ir.BooleanValue:
    """Join tests by halves: as a chain, many of them would be nested as deep as they are many."""
    while len(tests) > 1:
        pairs = [sign(*tests[i : i + 2]) for i in range(0, len(tests) - 1, 2)]
        tests = [*pairs, tests[-1]] if len(tests) % 2 else pairs
    return tests[0]


def as_number(column: ir.Column) -> ir.NumericValue:
    """Return a column as numbers that can be summed and compared exactly; text that is no number is missing."""
    kind = column.type()
    if kind.is_string():
        readable = column.re_search(_NUMBER_IN_TEXT)
        # The guard comes inside the cast: engines may evaluate a cast before a condition around it.
        return ibis.ifelse(readable, column, ibis.null("string")).cast(EXACT_NUMBER)
    if kind.is_decimal() and (kind.scale is None or kind.scale <= DECIMALS):
        return column.cast(EXACT_NUMBER)
    return column


def _compare(column: ir.Column, op: str, value: Any) -> ir.BooleanValue:
    sign, kind = _SIGNS[op], column_kind(column)
    if isinstance(value, bool):
        return sign(column, value) if kind == "bool" else _compare_yes(column, op, value=value)
    if isinstance(value, Decimal):
        return _compare_number(as_number(column), sign, value)
    if isinstance(value, dt.date):
        if kind == "date":
            return sign(column.cast("date"), ibis.literal(value))
        # Days in ISO form are in order as texts are, also those that no calendar has.
        text = column.cast("string")
        day = ibis.ifelse(text.re_search(_DAY_IN_TEXT), text.substr(0, 10), ibis.null("string"))
        return sign(day, value.isoformat())
    return sign(column.cast("string"), value)


def _compare_number(column: ir.NumericValue, sign: Callable[[Any, Any], Any], value: Decimal) -> ir.BooleanValue:
    whole = value == int(value)
    if column.type().is_floating():
        return sign(column, float(value))
    if column.type().is_integer():
        if whole:
            return sign(column, int(value))
        column = column.cast(EXACT_NUMBER)
    return sign(column, ibis.literal(value, type=EXACT_NUMBER))


def _compare_yes(column: ir.Column, op: str, *, value: bool) -> ir.BooleanValue:
    """Compare yes and no in a column of text; other words are missing."""
    word = column.cast("string").lower()
    return word.isin(TRUE if value == (op == "equal") else FALSE)
