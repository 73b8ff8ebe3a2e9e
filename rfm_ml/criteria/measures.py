"""Each condition as a measure per customer, and the question asked of that measure."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

import ibis
import ibis.expr.types as ir

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria.columns import TAG_SEPARATOR, all_of, any_of, as_number, column_kind, passes
from rfm_ml.criteria.conditions import Column, Facts, Filter, Period, Predicate, Tags
from rfm_ml.criteria.limits import CLOSED, EXACTLY, LISTS, require_measure
from rfm_ml.criteria.sources import (
    DAY,
    DAYS_AGO,
    EDGES,
    ORDER_KIND,
    ORDER_VALUE,
    ORDERS,
    Sources,
    View,
    of_kinds,
    order_kinds,
)
from rfm_ml.criteria.values import Comparison
from rfm_ml.criteria.visits import COLUMNS, visit_source
from rfm_ml.customers.days import MONEY

Answer = Callable[[ir.Table], ir.BooleanValue]
_LINE_COLUMNS: Final = ("product_id", "category", "brand")
_ORDER_MEASURES: Final = ("mean_order_value", "largest_order")
_LINE_MEASURES: Final = ("products", "categories")


class Rows(NamedTuple):
    """The rows of a prepared table that a condition is of before it filters, and how to say that none of them has."""

    where: ir.BooleanValue
    none_has: str


class NamedValues(NamedTuple):
    """Values a condition names, and the rows of a prepared table that have each; None where it is of every row."""

    view: View
    name: str
    column: ir.Column
    tests: dict[str, ir.BooleanValue]
    path: str
    rows: Rows | None = None


@dataclass
class Measures:
    """Measures by the table they are taken from, collected over all criteria."""

    sources: Sources
    by_table: dict[View, dict[str, ir.Value]] = field(default_factory=lambda: defaultdict(dict))
    named_values: list[NamedValues] = field(default_factory=list)
    _number: "count[int]" = field(default_factory=count)

    def add(self, predicate: Predicate) -> Answer:
        """Add what a condition measures; return how the measures answer it."""
        if isinstance(predicate, Facts):
            return self._facts(predicate) if predicate.edge is None else self._edge(predicate, predicate.edge)
        return self._tags(predicate) if isinstance(predicate, Tags) else self._column(predicate)

    def _new(self, view: View, value: ir.Value) -> str:
        name = f"m{next(self._number)}"
        self.by_table[view][name] = value
        return name

    def _any(self, view: View, table: ir.Table, *, where: ir.BooleanValue) -> Answer:
        name = self._new(view, table.count(where=where))
        return lambda joined: joined[name].fill_null(0) > 0

    def _facts(self, predicate: Facts) -> Answer:
        view = self._view(predicate)
        table = self.sources.get(view, path=predicate.path)
        rows = _rows(table, predicate)
        tests = [
            *self._filters(view, predicate.filters, what=predicate.table, rows=rows),
            *_period(table, predicate.period),
        ]
        where = all_of(tests)
        counted = where if rows is None else where & rows.where
        answers = []
        for measure, comparison in predicate.measures:
            of = where if measure == "spend" else counted  # only spend is net of returns
            value = _measured(table, measure, where=of, view=view, path=f"{predicate.path}.{measure}")
            answers.append(_question(self._new(view, value), measure, comparison, path=predicate.path))
        return lambda joined: all_of([answer(joined) for answer in answers])

    def _edge(self, predicate: Facts, edge: str) -> Answer:
        view = self._view(predicate)
        table = self.sources.get(view, path=predicate.path)
        rows = _of_order_kinds(table, predicate)
        tests = [rows.where, table[DAY] == table[EDGES[edge]]]
        tests += [*self._filters(view, predicate.filters, what="orders", rows=rows), *_period(table, predicate.period)]
        for measure, test in predicate.measures:
            tests.append(passes(table[DAYS_AGO], test, path=f"{predicate.path}.{measure}", what=measure))
        return self._any(view, table, where=all_of(tests))

    def _column(self, predicate: Column) -> Answer:
        name, what = "contacts", "contacts"
        if predicate.source == "measure":
            name = what = "customers"
        elif predicate.source != "contact":
            name, what = self.sources.strategy(predicate.source, path=predicate.path), "labels"
        view = View(name)
        table = self.sources.get(view, path=predicate.path)
        asks, *others = predicate.filters
        _require(table, asks.column, what=what, path=predicate.path)
        if asks.test.op == "missing":
            # Nobody says what is missing: it is so where no row has a value.
            asks = Filter(asks.key, asks.column, Comparison("present"), asks.path)
            present = self._any(view, table, where=all_of(self._filters(view, (asks, *others), what=what)))
            return lambda joined: ~present(joined)
        return self._any(view, table, where=all_of(self._filters(view, predicate.filters, what=what)))

    def _tags(self, predicate: Tags) -> Answer:
        view = View("contacts")
        table = self.sources.get(view, path=predicate.path)
        _require(table, "tags", what="contacts", path=predicate.path)
        tags = table["tags"]
        if tags.type().is_array():
            tests = [tags.contains(name) for name in predicate.names]
        else:
            # One separator, no blanks around it, and one at each end: a tag is then found as a whole.
            text = tags.cast("string").re_replace(TAG_SEPARATOR, ";").re_replace(r"^[ \t]+|[ \t]+$", "")
            text = ibis.literal(";") + text + ";"
            tests = [text.contains(f";{name};") for name in predicate.names]
        self.named_values.append(
            NamedValues(view, "tags", tags, dict(zip(predicate.names, tests, strict=True)), path=predicate.path)
        )
        return self._any(view, table, where=any_of(tests).fill_null(False))

    def _view(self, predicate: Facts) -> View:
        """Return the table a condition on facts needs; orders go by lines where these alone can tell."""
        table = predicate.table
        kinds = order_kinds(predicate.filters)
        edges = (kinds or ORDERS) if predicate.edge else ()
        columns = [f.column for f in predicate.filters]
        if table != "orders":
            return View(table, products=any(self.sources.of_products(table, c) for c in columns))
        measured = [name for name, _ in predicate.measures]
        of_products = any(self.sources.of_products("lines", c) for c in columns if not self.sources.has("orders", c))
        by_line = (
            of_products
            or any(m in _LINE_MEASURES for m in measured)
            or any(
                c in _LINE_COLUMNS or (not self.sources.has("orders", c) and self.sources.has("lines", c))
                for c in columns
            )
        )
        whole = [m for m in measured if m in _ORDER_MEASURES]
        if whole and kinds != ORDERS:
            raise ParamsError(
                f"{predicate.path}.{whole[0]} must be asked of orders. Got it with returns. "
                "Test each return by order_value, their sum by spend."
            )
        if not by_line:
            return View("orders", edges)
        if whole:
            raise ParamsError(
                f"{predicate.path}.{whole[0]} must be asked of whole orders. Got it with columns or counts of their "
                "lines. Test each order by order_value."
            )
        return View("lines", edges, value=ORDER_VALUE in columns, products=of_products)

    def _filters(
        self, view: View, filters: tuple[Filter, ...], *, what: str, rows: Rows | None = None
    ) -> list[ir.BooleanValue]:
        table = self.sources.get(view, path=what)
        tests = []
        for f in filters:
            if f.key == "source":
                if not any(c in table.columns for c in COLUMNS):
                    _require(table, COLUMNS[0], what=what, path=f.path)
                column: ir.Column = visit_source(table)
            else:
                _require(table, f.column, what=what, path=f.path)
                column = table[f.column]
            if f.key == "value":
                column = as_number(column)
            kind = what == "orders" and f.column == ORDER_KIND
            passing = of_kinds(table, order_kinds([f])) if kind else passes(column, f.test, path=f.path, what=f.column)
            tests.append(passing)
            if what in ("customers", "orders"):
                require_measure(f.test, f.column, path=f.path)
            self._note(view, f, table=table, column=column, kind=kind, rows=rows)
        return tests

    def _note(
        self, view: View, f: Filter, *, table: ir.Table, column: ir.Column, kind: bool, rows: Rows | None
    ) -> None:
        """Remember the values a filter names: text outside closed lists, and kinds of order; there may be none."""
        closed = f.key in CLOSED or f.column in LISTS or f.column in ("segment", "cell")
        free = not closed and (column_kind(column) == "text" or f.column.endswith("_id"))
        if f.test.op not in EXACTLY or not (kind or free):
            return
        tests = {}
        for v in f.test.operands:
            equal = Comparison("equal", (v,))
            tests[str(v)] = of_kinds(table, [str(v)]) if kind else passes(column, equal, path=f.path, what=f.column)
        self.named_values.append(NamedValues(view, f.column, column, tests, f.path, None if kind else rows))


def _require(table: ir.Table, column: str, *, what: str, path: str) -> None:
    if column not in table.columns:
        known = [c for c in table.columns if not c.startswith("_")]
        raise ParamsError(f"{path} needs the column {column!r} of the {what}. {did_you_mean(column, known)}")


def _rows(table: ir.Table, predicate: Facts) -> Rows | None:
    """Return the rows that a condition counts before it filters, None for all of them."""
    if predicate.table == "orders":
        net = all(measure == "spend" for measure, _ in predicate.measures)
        net = net and not any(f.column == ORDER_KIND for f in predicate.filters)
        return None if net else _of_order_kinds(table, predicate)
    if (
        predicate.table == "campaigns"
        and "group" in table.columns
        and "group" not in [f.key for f in predicate.filters]
    ):
        return Rows((table["group"] != "control").fill_null(True), "nothing outside the control group so far has")
    return None


def _of_order_kinds(table: ir.Table, predicate: Facts) -> Rows:
    kinds = order_kinds(predicate.filters)
    return Rows(of_kinds(table, kinds), f"no {' or '.join(kinds)} so far has")


def _period(table: ir.Table, period: Period) -> list[ir.BooleanValue]:
    tests = []
    if period.within_days is not None:
        tests.append(table[DAYS_AGO] < period.within_days)
    if period.first is not None:
        tests.append(table[DAY] >= ibis.literal(period.first))
    if period.last is not None:
        tests.append(table[DAY] <= ibis.literal(period.last))
    return tests


def _measured(table: ir.Table, measure: str, *, where: ir.BooleanValue, view: View, path: str) -> ir.Value:
    """Return a measure of the rows of a customer that count for it."""
    if measure in ("spend", "total_value"):
        column = "amount" if measure == "spend" else "value"
        _require(table, column, what="orders" if measure == "spend" else "events", path=path)
        amount = as_number(table[column])
        # A sum of floats would depend on the order of the rows.
        return (amount.cast(MONEY) if amount.type().is_floating() else amount).sum(where=where)
    if measure in _ORDER_MEASURES:
        amount = as_number(table["amount"])
        if measure == "largest_order":
            return amount.max(where=where)
        amount = amount.cast(MONEY) if amount.type().is_floating() else amount
        return amount.sum(where=where).cast("float64") / table.count(where=where).nullif(0)
    if measure == "count":
        return table.order_id.nunique(where=where) if view.name == "lines" else table.count(where=where)
    if measure in _LINE_MEASURES:
        column = {"products": "product_id", "categories": "category"}[measure]
        _require(table, column, what="order lines", path=path)
        return table[column].nunique(where=where)
    return table[DAYS_AGO].max(where=where) if measure == "first_days_ago" else table[DAYS_AGO].min(where=where)


def _question(name: str, measure: str, comparison: Comparison, *, path: str) -> Answer:
    def ask(joined: ir.Table) -> ir.BooleanValue:
        missing_of_none = measure.endswith("_days_ago") or measure in _ORDER_MEASURES
        value = joined[name] if missing_of_none else joined[name].fill_null(0)
        return passes(value, comparison, path=f"{path}.{measure}", what=measure)

    return ask
