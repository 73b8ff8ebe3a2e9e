"""Values that criteria name and the data do not hold: no fault, for tomorrow's data may, but perhaps a slip."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import nearest
from rfm_ml.criteria.columns import TAG_SEPARATOR
from rfm_ml.criteria.conditions import Condition, predicates
from rfm_ml.criteria.measures import Measures, NamedValues
from rfm_ml.criteria.sources import Sources
from rfm_ml.customers.days import as_day

MOST_KNOWN: Final = 5_000
"""Values of a column that are looked at for the nearest name."""
LISTED: Final = 12
"""As many values are told where none is near."""
SHARED: Final = 5
"""A contact detail is told only if as many contacts share it, and of columns with at most `FEW` different ones."""
FEW: Final = 30
_PERSONAL: Final = re.compile("name|mail|phone|mobile|street|address|zip|post|birth")
_IDS: Final = ("customer_id", "order_id")


def unmatched_values(
    criteria: Mapping[str, Condition],
    tables: Mapping[str, ir.Table | pd.DataFrame | None],
    *,
    as_of: dt.date | str,
    customers: ir.Table | pd.DataFrame | None = None,
    labels: Mapping[str, ir.Table | pd.DataFrame] | None = None,
) -> list[str]:
    """Say which values the criteria name that no row has which they look at; arguments and errors as of `membership`.

    These are rows up to the day, and orders without returns, say, where a condition counts no returns.

    Returns
    -------
    A sentence each in the order of the criteria, with the path and the nearest value there is. Segments are not among
    them. Contact details that tell people apart are never repeated, and ids of other people never told.
    """
    measures = Measures(Sources(tables, as_of=as_day(as_of), customers=customers, labels=labels or {}))
    for condition in criteria.values():
        for predicate in predicates(condition):
            measures.add(predicate)
    by_table: dict[str, list[tuple[int, NamedValues, str]]] = {}
    for number, entry in enumerate(measures.named_values):
        for value in entry.tests:
            by_table.setdefault(repr(entry.view), []).append((number, entry, value))
    sentences: list[tuple[int, str]] = []
    for entries in by_table.values():
        table = measures.sources.get(entries[0][1].view, path="")
        counts = {}
        for i, (_, entry, value) in enumerate(entries):
            test = entry.tests[value]
            counts[f"any{i}"] = table.count(where=test)
            counts[f"n{i}"] = table.count(where=test if entry.rows is None else test & entry.rows.where)
        (row,) = table.aggregate(**counts).to_pyarrow().to_pylist()
        for i, (number, entry, value) in enumerate(entries):
            if not row[f"n{i}"]:
                sentences.append((number, _sentence(table, entry, value=value, elsewhere=bool(row[f"any{i}"]))))
    return list(dict.fromkeys(sentence for _, sentence in sorted(sentences, key=lambda s: s[0])))


def _sentence(table: ir.Table, entry: NamedValues, *, value: str, elsewhere: bool) -> str:
    """Say that a value is nowhere, or only `elsewhere`: in rows of the table that the condition does not look at."""
    contact = entry.view.name == "contacts"
    known = {} if contact and _PERSONAL.search(entry.name.lower()) else _known(table, entry)
    personal = contact and not 0 < len(known) <= FEW
    none_has = entry.rows.none_has if entry.rows is not None and elsewhere else "nothing so far has"
    sentence = f"{entry.path}: {none_has} the {entry.name} {'asked for' if personal else repr(value)}."
    if personal:
        return sentence
    shared = SHARED if contact else 1
    tellable = [name for name, count in known.items() if count >= shared]
    close = nearest(value, tellable)
    if close is not None:
        return f"{sentence} Did you mean {close!r}?"
    return f"{sentence} Known: {', '.join(tellable)}." if 0 < len(tellable) <= LISTED else sentence


def _known(table: ir.Table, entry: NamedValues) -> dict[str, int]:
    """Return the values of the column that several may share, and how many customers have each, most first."""
    if entry.name in _IDS:
        return {}
    if entry.rows is not None:
        table = table.filter(entry.rows.where)
    value, who = entry.column, table["customer_id"]
    values = value.unnest() if value.type().is_array() else value.cast("string")
    table = table.select(who, values.name("value"))
    counted = table.filter(table["value"].notnull()).group_by("value").aggregate(n=lambda t: t["customer_id"].nunique())
    rows = counted.order_by([ibis.desc("n"), "value"]).limit(MOST_KNOWN).to_pyarrow().to_pylist()
    if entry.name != "tags":
        return {row["value"]: row["n"] for row in rows}
    tags: Counter[str] = Counter()
    for row in rows:
        tags.update(dict.fromkeys(re.split(TAG_SEPARATOR, row["value"].strip(" \t")), row["n"]))
    return {tag: n for tag, n in tags.most_common() if tag}
