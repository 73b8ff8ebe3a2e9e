"""Rules that a person can read and any warehouse runs: limits on columns, each rule with the label it gives."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.text import listed, plural
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints

NO_ORDER = "recency_days"
"""A customer with nothing in this column has not ordered: no rule is about them."""


@dataclass(frozen=True)
class Condition:
    """Values of one column that a rule asks for: more than `above`, at most `at_most`, or both.

    Parameters
    ----------
    column
        A column of numbers.
    above, at_most
        Limits in the column's unit; None where the range is open.
    or_missing
        Whether a missing value meets the condition too; else it meets none.
    """

    column: str
    above: float | None = None
    at_most: float | None = None
    or_missing: bool = False

    def holds(self, values: Floats) -> np.ndarray:
        """Return for each value, shape (n,), whether it meets the condition."""
        met = ~np.isnan(values)
        if self.above is not None:
            met &= values > self.above
        if self.at_most is not None:
            met &= values <= self.at_most
        return met | np.isnan(values) if self.or_missing else met

    def words(self) -> str:
        """Write the condition.

        Examples
        --------
        >>> Condition("recency_days", at_most=45.0).words(), Condition("orders", above=4.0).words()
        ('last order at most 45 days ago', '5 or more orders')
        >>> Condition("spend", above=50.0, at_most=99.5).words()
        'spend above 50 up to 99.5'
        """
        write = _PHRASES.get(self.column, _range_of)
        return write(self) + (" or missing" if self.or_missing else "")


def plain_number(value: float) -> str:
    """Write a limit with all its digits and no more: 45, 99.5.

    Examples
    --------
    >>> plain_number(45.0), plain_number(99.95), plain_number(-0.5)
    ('45', '99.95', '-0.5')
    """
    return f"{Decimal(repr(float(value))).normalize():f}" if value else "0"


def _range_of(condition: Condition) -> str:
    low, high = condition.above, condition.at_most
    if low is None and high is None:
        return f"{condition.column} known"
    above = "" if low is None else f" above {plain_number(low)}"
    upto = "" if high is None else f"{' at most' if low is None else ' up to'} {plain_number(high)}"
    return f"{condition.column}{above}{upto}"


def _days_ago(condition: Condition) -> str:
    low, high = condition.above, condition.at_most
    days = f"{plural('day', low or 0 if high is None else high)} ago"
    if high is None:
        return f"last order more than {plain_number(low or 0)} {days}"
    if low is None:
        return f"last order at most {plain_number(high)} {days}"
    first = f"{plain_number(low + 1)} to " if low + 1 < high else ""
    return f"last order {first}{plain_number(high)} {days}"


def _counted(condition: Condition) -> str:
    low, high = condition.above, condition.at_most
    if high is None:
        return f"{plain_number((low or 0) + 1)} or more orders"
    if low is None:
        return f"at most {plain_number(high)} {plural('order', high)}"
    first = f"{plain_number(low + 1)} to " if low + 1 < high else ""
    return f"{first}{plain_number(high)} {plural('order', high)}"


def _whole_or_range(write: Callable[[Condition], str]) -> Callable[[Condition], str]:
    """Count in whole numbers, "5 or more", only between whole limits."""

    def words(condition: Condition) -> str:
        limits = [v for v in (condition.above, condition.at_most) if v is not None]
        return write(condition) if limits and all(v.is_integer() for v in limits) else _range_of(condition)

    return words


_PHRASES = {"recency_days": _whole_or_range(_days_ago), "orders": _whole_or_range(_counted)}


@dataclass(frozen=True)
class Rule:
    """A label, and the conditions that must all hold for it; without conditions it holds for every customer."""

    label: str
    conditions: tuple[Condition, ...]

    def words(self) -> str:
        """Write the rule: "last order at most 45 days ago and 5 or more orders"."""
        return conditions_words(self.conditions)


def conditions_words(conditions: Sequence[Condition]) -> str:
    """Join conditions to one phrase; "every customer" if there is none."""
    return listed([c.words() for c in conditions]) or "every customer"


@dataclass(frozen=True)
class RuleSet:
    """Rules in order. A customer gets the label of the first rule they meet; one who meets none, that of the last rule.

    So the last rule is also the answer for values that are missing where nobody expected it, and equals the ELSE of
    `rules_sql`. A customer who has not ordered (no `recency_days`) has no label.

    Examples
    --------
    >>> rules = RuleSet((Rule("Loyal", (Condition("orders", above=4.0),)), Rule("Others", ())))
    >>> rules.predict(pd.DataFrame({"recency_days": [3, 9, None], "orders": [5, 4, 0]})).tolist()
    ['Loyal', 'Others', '']
    """

    rules: tuple[Rule, ...]

    @property
    def columns(self) -> list[str]:
        """Columns the rules look at, `recency_days` first."""
        return list(dict.fromkeys([NO_ORDER, *(c.column for r in self.rules for c in r.conditions)]))

    @property
    def labels(self) -> list[str]:
        """Labels in the order of the rules, each once."""
        return list(dict.fromkeys(r.label for r in self.rules))

    def match(self, customers: pd.DataFrame) -> Ints:
        """Return the position of the rule of each customer, shape (n,); `len(rules)` without an order.

        Raises
        ------
        DataError
            If a column is missing or holds something other than numbers.
        """
        require_columns(list(customers.columns), self.columns, what="The customers' table")
        values = {c: number_column(customers, c) for c in self.columns}
        found = np.full(len(customers), len(self.rules) - 1, dtype=np.int64)
        # Backwards, so that the first rule that holds is written last.
        for at in range(len(self.rules) - 1, -1, -1):
            met = np.ones(len(customers), dtype=bool)
            for condition in self.rules[at].conditions:
                met &= condition.holds(values[condition.column])
            found[met] = at
        found[np.isnan(values[NO_ORDER])] = len(self.rules)
        return found

    def predict(self, customers: pd.DataFrame, *, without_order: str = "") -> pd.Series:
        """Return the label of each customer, on the index of `customers`."""
        table = pd.Series([*(r.label for r in self.rules), without_order], dtype="str").array
        return pd.Series(table.take(self.match(customers)), index=customers.index, name="segment")

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the rules as plain values for JSON."""
        names = ("column", "above", "at_most", "or_missing")
        return [
            {"label": r.label, "conditions": [{n: getattr(c, n) for n in names} for c in r.conditions]}
            for r in self.rules
        ]

    @classmethod
    def from_dict(cls, state: Sequence[Mapping[str, Any]], *, what: str = "A list of rules") -> Self:
        """Return the rules that `to_dict` wrote."""
        try:
            rules = tuple(Rule(str(r["label"]), tuple(Condition(**c) for c in r["conditions"])) for r in state)
        except (KeyError, TypeError) as error:
            raise ParamsError(
                f"{what} must hold labels and conditions. Got a fault at {error}. Fit it again."
            ) from None
        if not rules:
            raise ParamsError(f"{what} must hold at least one rule. Got none. Fit it again.")
        return cls(rules)


PLAIN_NAME = re.compile(
    r"(?!current_|session_|system_|local)[a-z][a-z0-9]*(_[a-z0-9]+)+|orders|spend|categories|channel|segment"
)
"""Names that are no keyword of any engine: they need no quotes, whose sign differs from engine to engine."""

EXACT_DIGITS = 15
"""Decimals of so many digits become the nearest double in every engine, whichever way it reads them."""


def quoted_name(name: str) -> str:
    """Write a column's name: in double quotes, unless it is a plain word."""
    return name if PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """Write a label as a literal, as in 'Can''t lose'."""
    return "'" + text.replace("'", "''") + "'"


def number(value: float) -> str:
    """Write a limit so that the engine compares with exactly this double.

    Notes
    -----
    A literal such as 99.95 may be a decimal to the engine, turned into a double by one division, which is exact up
    to 15 digits (Clinger, "How to read floating point numbers accurately", PLDI 1990, section 4). Longer ones are
    written with an exponent: they are doubles from the start.

    Examples
    --------
    >>> number(45.0), number(99.95), number(0.1 + 0.2)
    ('45', '99.95', '3.0000000000000004E-1')
    """
    exact = Decimal(repr(float(value))).normalize()
    digits, exponent = exact.as_tuple().digits, int(exact.as_tuple().exponent)
    if len(digits) <= EXACT_DIGITS and exponent >= -EXACT_DIGITS and len(digits) + exponent <= EXACT_DIGITS:
        return plain_number(value)
    sign = "-" if exact < 0 else ""
    mantissa = "".join(map(str, digits))
    return f"{sign}{mantissa[0]}.{mantissa[1:] or '0'}E{exponent + len(digits) - 1}"


def rules_sql(rules: RuleSet, *, without_order: str = "", column: str = "segment") -> str:
    """Return the rules as one `CASE ... END AS column`.

    The label of each row is that of `rules.predict`, missing values (NULL) included: a comparison with NULL does not
    hold, so such a row meets no rule that looks at the column and gets the last label, the ELSE.

    Examples
    --------
    >>> from rfm_ml.strategies.rules import Rule
    >>> rules = RuleSet((Rule("Loyal", (Condition("orders", above=4.0),)), Rule("Others", ())))
    >>> print(rules_sql(rules))
    CASE
      WHEN recency_days IS NULL THEN ''
      WHEN orders > 4 THEN 'Loyal'
      ELSE 'Others'
    END AS segment
    """
    return "\n".join(_case(rules, without_order=without_order, column=column))


def _case(rules: RuleSet, *, without_order: str, column: str) -> list[str]:
    lines = [f"  WHEN {quoted_name(NO_ORDER)} IS NULL THEN {quoted_text(without_order)}"]
    for rule in rules.rules[:-1]:
        tests = " AND ".join(_condition(c) for c in rule.conditions) or "1 = 1"
        lines.append(f"  WHEN {tests} THEN {quoted_text(rule.label)}")
    lines.append(f"  ELSE {quoted_text(rules.rules[-1].label)}")
    return ["CASE", *lines, f"END AS {quoted_name(column)}"]


def rules_query(rules: RuleSet, *, keys: Sequence[str], comment: Sequence[str], without_order: str = "") -> str:
    """Return a whole statement: comment lines, then each row's keys and label from the table `customers`."""
    head = [f"-- {' '.join(line.split())}" for line in comment]
    columns = [f"  {quoted_name(k)}," for k in keys]
    case = [f"  {line}" for line in _case(rules, without_order=without_order, column="segment")]
    return "\n".join([*head, "SELECT", *columns, *case, "FROM customers;", ""])


def _condition(condition: Condition) -> str:
    name = quoted_name(condition.column)
    tests = []
    if condition.above is not None:
        tests.append(f"{name} > {number(condition.above)}")
    if condition.at_most is not None:
        tests.append(f"{name} <= {number(condition.at_most)}")
    text = " AND ".join(tests) or f"{name} IS NOT NULL"
    return f"({text} OR {name} IS NULL)" if condition.or_missing else text
