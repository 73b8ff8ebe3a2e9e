"""The id of one customer, as the tables of a study write it."""

from typing import Any, Final

import ibis

from rfm_ml.core.errors import ParamsError
from rfm_ml.study.study import Study

WHERE: Final = "Ids are in the column customer_id of tables/customers.parquet of a report."

MOST_EDITS: Final = 2
"""Letters that a suggested id may differ by; an id farther away is another customer's, and nobody's business."""


def known_id(study: Study, asked: str) -> Any:
    """Return an id as the tables write it, of a customer, a contact or somebody with an event.

    Raises
    ------
    ParamsError
        If nobody has this id on the day; names another one only if it is at most `MOST_EDITS` letters away, and fewer
        than a third of its own.
    """
    text = asked.strip()
    if not text:
        raise ParamsError(f"The customer must be given by their id. Got an empty one. {WHERE}")
    orders, events = study.orders, study.events
    known = [orders.filter(orders.ordered_on <= study.as_of), study.contacts]
    if events is not None:
        known.append(events.filter(events.event_at.date() <= study.as_of))
    tables = [t for t in known if t is not None]
    for table in tables:
        found = table.filter(table.customer_id.cast("string") == text).select("customer_id").limit(1)
        if ids := found.to_pyarrow()["customer_id"].to_pylist():
            return ids[0]
    raise ParamsError(f"The customer must be one of this study. {_why_not(study, text)} {_nearest(tables, text)}")


def _why_not(study: Study, text: str) -> str:
    orders = study.orders
    first = orders.filter(orders.customer_id.cast("string") == text).ordered_on.min().to_pyarrow().as_py()
    if first is None:
        return f"Nobody has the id {text!r}."
    return f"Nobody has the id {text!r} on {study.as_of}: their first order is of {first}."


def _nearest(tables: list[Any], text: str) -> str:
    """Return the nearest id in a sentence, or where to find ids."""
    most = min(MOST_EDITS, len(text) // 3)
    every = ibis.union(*[t.select(id=t.customer_id.cast("string")).distinct() for t in tables], distinct=True)
    near = every.mutate(edits=every.id.lower().levenshtein(text.lower()))
    near = near.filter(near.edits <= most, near.id != text).order_by("edits", "id").limit(1)
    ids = near.to_pyarrow()["id"].to_pylist()
    return f"Did you mean {ids[0]!r}?" if ids else WHERE
