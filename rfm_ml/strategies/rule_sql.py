"""Rules as SQL that any warehouse runs: one CASE, the same answer as `RuleSet.predict`."""

import re
from collections.abc import Sequence
from decimal import Decimal

from rfm_ml.strategies.rules import NO_ORDER, Condition, RuleSet, plain_number

PLAIN_NAME = re.compile(
    r"(?!current_|session_|system_|local)[a-z][a-z0-9]*(_[a-z0-9]+)+|orders|spend|categories|channel|segment"
)
"""Names that are no keyword of any engine: they need no quotes, whose sign differs from engine to engine."""

EXACT_DIGITS = 15
"""Decimals of so many digits become the nearest double in every engine, whichever way it reads them."""


def quoted_name(name: str) -> str:
    """Write a column's name: in double quotes, unless it is a plain word.

    Examples
    --------
    >>> print(quoted_name("recency_days"), quoted_name("order by"))
    recency_days "order by"
    """
    return name if PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """Write a label as a literal.

    Examples
    --------
    >>> quoted_text("Can't lose")
    "'Can''t lose'"
    """
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
