"""Orders or returns: which kind of row a condition on orders is of."""

from collections.abc import Iterable
from typing import Final

import ibis
import ibis.expr.types as ir

from rfm_ml.criteria.columns import any_of
from rfm_ml.criteria.conditions import Filter
from rfm_ml.customers.days import RETURN_KINDS, is_order

ORDER_KIND: Final = "order_kind"
ORDER, RETURN = "order", "return"
ORDERS: Final = (ORDER,)
"""What a condition is of that does not ask for a kind."""


def kinds_asked(filters: Iterable[Filter]) -> tuple[str, ...]:
    """Return the kinds of row that count: what a filter by `order_kind` lets through, without one orders.

    Every row is an order or a return, so none is missing a kind.

    Examples
    --------
    >>> from rfm_ml.criteria.values import Comparison
    >>> kinds_asked([Filter("with.order_kind", "order_kind", Comparison("unequal", ("order",)), "where")])
    ('return',)
    """
    for one in filters:
        if one.column == ORDER_KIND:
            named = {_kind(str(v)) for v in one.test.operands}
            passing = {
                "equal": named,
                "any_of": named,
                "unequal": {ORDER, RETURN} - named,
                "present": {ORDER, RETURN},
            }.get(one.test.op, set())
            return tuple(sorted(passing))
    return ORDERS


def of_kinds(table: ir.Table, kinds: Iterable[str]) -> ir.BooleanValue:
    """Say which rows of orders or lines are of one of some kinds, named as the log or the criteria name them."""
    ordered = is_order(table)
    tests = [ordered if kind == ORDER else ~ordered for kind in sorted({_kind(k) for k in kinds})]
    return any_of(tests) if tests else ibis.literal(False)


def _kind(name: str) -> str:
    # A log that says "refund" is cleaned to "return": both words ask for the same rows.
    return RETURN if name in RETURN_KINDS else ORDER
