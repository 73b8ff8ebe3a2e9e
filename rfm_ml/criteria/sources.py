"""The tables that criteria ask: cut off at the as-of day, with the age of each row in days."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import did_you_mean, require_columns
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.criteria.columns import any_of
from rfm_ml.criteria.conditions import Filter
from rfm_ml.customers.days import RETURN_KINDS, as_table, is_order, with_days

DAY: Final = "_day"
DAYS_AGO: Final = "_days_ago"
EDGES: Final = {"first": "_first_day", "last": "_last_day"}
ORDER_VALUE: Final = "order_value"
ORDER_KIND: Final = "order_kind"
_ORDER, _RETURN = "order", "return"
ORDERS: Final = (_ORDER,)
"""What a condition is of that does not ask for a kind."""
_INSTANTS: Final = {"orders": "ordered_at", "lines": "ordered_at", "events": "event_at", "campaigns": "sent_at"}
_WANTED: Final = {
    "lines": "order lines with products or categories. The order log names none",
    "events": "events. The params name none",
    "campaigns": "campaigns. The params name none",
    "contacts": "contacts. The params name none",
    "customers": "the customers table. There is none",
}


@dataclass(frozen=True)
class View:
    """A table as a condition needs it: with first and last days, the order's amount, what products are.

    `edges` are the kinds of row whose first and last days are asked for, orders or returns.
    """

    name: str
    edges: tuple[str, ...] = ()
    value: bool = False
    products: bool = False


class Sources:
    """Tables by name, each prepared once: `products` too, `labels` by strategy with the leading one first."""

    def __init__(
        self,
        tables: Mapping[str, ir.Table | pd.DataFrame | None],
        *,
        as_of: dt.date,
        customers: ir.Table | pd.DataFrame | None,
        labels: Mapping[str, ir.Table | pd.DataFrame],
    ) -> None:
        frames = {**tables, "customers": customers, **{f"labels:{name}": table for name, table in labels.items()}}
        self.tables = {name: as_table(data, what=name) for name, data in frames.items() if data is not None}
        require_columns(self.tables, ["orders"], what="The tables")
        self.products = self.tables.pop("products", None)
        self.as_of, self.strategies = as_of, list(labels)
        self._prepared: dict[View, ir.Table] = {}
        for name, table in self.tables.items():
            require_columns(table.columns, ["customer_id"], what=f"The table {name}")
        texts = {name: t["customer_id"].type().is_string() for name, t in self.tables.items()}
        odd = [name for name, text in texts.items() if text != texts["orders"]]
        if odd:
            raise DataError(
                f"customer_id must be of one kind in every table. It is not in {odd[0]} as it is in orders. Convert it."
            )

    def has(self, name: str, column: str) -> bool:
        """Say whether a table is there and has a column."""
        return name in self.tables and column in self.tables[name].columns

    def of_products(self, name: str, column: str) -> bool:
        """Say whether a table lacks a column that its products have."""
        in_products = self.products is not None and column in self.products.columns
        return in_products and not self.has(name, column) and self.has(name, "product_id")

    def get(self, view: View, *, path: str) -> ir.Table:
        """Return a table as a condition needs it; `path`, where it was asked for, is for the message."""
        if view not in self._prepared:
            self._prepared[view] = self._prepare(view, path=path)
        return self._prepared[view]

    def strategy(self, source: str, *, path: str) -> str:
        """Return the table that `labels:<strategy>` means; without a strategy the leading one's."""
        name = source.partition(":")[2] or next(iter(self.strategies), "")
        if name not in self.strategies:
            raise ParamsError(
                f"{path} must be of a strategy of the study. Got {name!r}. {did_you_mean(name, self.strategies)}"
            )
        return f"labels:{name}"

    @cached_property
    def everybody(self) -> ir.Table:
        """Ids of all who ordered, had an event or were sent a campaign by the day, and of all contacts."""
        orders = self.get(View("orders"), path="orders")
        ids = [orders.filter(is_order(orders)).select("customer_id")]
        for name in ("events", "campaigns", "contacts"):
            if name in self.tables:
                ids.append(self.get(View(name), path=name).select("customer_id"))
        return ibis.union(*ids, distinct=True) if len(ids) > 1 else ids[0].distinct()

    def _prepare(self, view: View, *, path: str) -> ir.Table:
        if view.name not in self.tables:
            raise ParamsError(f"{path} needs {_WANTED[view.name]}.")
        table = self.tables[view.name]
        table = table.filter(table.customer_id.notnull())
        if view.name not in _INSTANTS:
            return table
        day = "ordered_on" if view.name in ("orders", "lines") else DAY
        table = with_days(table, day=day, instant=_INSTANTS[view.name])
        table = table.mutate(table[day].name(DAY)).filter(table[day] <= ibis.literal(self.as_of))
        table = table.mutate(ibis.literal(self.as_of).delta(table[DAY], unit="day").cast("int64").name(DAYS_AGO))
        if view.name == "orders":
            table = table.mutate(table.amount.name(ORDER_VALUE))
        if view.value:
            orders = self.tables["orders"]
            worth = orders.select("order_id", **{ORDER_VALUE: orders.amount})
            table = _kept(table, table.left_join(worth, "order_id"), added=[ORDER_VALUE])
        if view.products and self.products is not None:
            added = [c for c in self.products.columns if c not in table.columns]
            # Only the lines' ids are sure to be of the kind of the products'.
            same = table.product_id.cast("string") == self.products.product_id.cast("string")
            table = _kept(table, table.left_join(self.products, same), added=added)
        if view.edges:
            ordered = table.filter(of_kinds(table, view.edges)).group_by("customer_id")
            days = ordered.aggregate(**{EDGES["first"]: lambda t: t[DAY].min(), EDGES["last"]: lambda t: t[DAY].max()})
            table = _kept(table, table.left_join(days, "customer_id"), added=list(EDGES.values()))
        return table


def _kept(table: ir.Table, joined: ir.Table, *, added: list[str]) -> ir.Table:
    return joined.select(*(joined[c] for c in table.columns), *(joined[c] for c in added))


def order_kinds(filters: Iterable[Filter]) -> tuple[str, ...]:
    """Return the kinds of row that count, orders or returns: what a filter by `order_kind` lets through.

    Without one it is orders. Every row is an order or a return, so none is missing a kind.

    Examples
    --------
    >>> from rfm_ml.criteria.values import Comparison
    >>> order_kinds([Filter("with.order_kind", "order_kind", Comparison("unequal", ("order",)), "where")])
    ('return',)
    """
    for one in filters:
        if one.column == ORDER_KIND:
            named, both = {_kind(str(v)) for v in one.test.operands}, {_ORDER, _RETURN}
            passing = {"equal": named, "any_of": named, "unequal": both - named, "present": both}
            return tuple(sorted(passing.get(one.test.op, set())))
    return ORDERS


def of_kinds(table: ir.Table, kinds: Iterable[str]) -> ir.BooleanValue:
    """Say which rows of orders or lines are of one of some kinds, named as the log or the criteria name them."""
    ordered = is_order(table)
    tests = [ordered if kind == _ORDER else ~ordered for kind in sorted({_kind(k) for k in kinds})]
    return any_of(tests) if tests else ibis.literal(False)


def _kind(name: str) -> str:
    # A log that says "refund" is cleaned to "return": both words ask for the same rows.
    return _RETURN if name in RETURN_KINDS else _ORDER
