"""Who must be left alone, whatever the campaign."""

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

LEFT_ALONE: Final = ("erased", "objected", "suppressed")
"""Columns of the contacts that keep a customer out of every marketing list where they say anything but no."""

UNREACHABLE: Final = ("bounced", "complained")
"""Columns of the contacts whom no message reaches, or who called one spam; read as those above."""

_NO: Final = ("", "0", "0.0", "false", "f", "no", "n", "none", "null", "nan")


def objectors(contacts: ir.Table | None) -> pd.Series:
    """Return the ids of the contacts who were erased, have objected or are suppressed.

    Parameters
    ----------
    contacts
        `customer_id` and any of `LEFT_ALONE`, or None.

    Returns
    -------
    Series
        `customer_id`, sorted. A missing value is no objection; a date, or any word but a no, is one.

    Notes
    -----
    Regulation (EU) 2016/679, article 21 (2) and (3): who objects to direct marketing is no longer processed for it,
    profiling included; so objectors leave the lists themselves, not only the mail.

    Examples
    --------
    >>> import ibis
    >>> contacts = ibis.memtable([
    ...     {"customer_id": 1, "objected": "2024-05-01"}, {"customer_id": 2, "objected": "no"},
    ...     {"customer_id": 3, "objected": None},
    ... ])
    >>> objectors(contacts).tolist()
    [1]
    """
    if contacts is None:
        return pd.Series([], name="customer_id", dtype="object")
    return marked(contacts, LEFT_ALONE)


def marked(contacts: ir.Table, columns: Sequence[str]) -> pd.Series:
    """Return the ids of the contacts of whom any of some columns says anything but no.

    Parameters
    ----------
    contacts
        `customer_id` and any of the columns; those that are not there say no.
    columns
        As `LEFT_ALONE` or `UNREACHABLE`.

    Returns
    -------
    Series
        `customer_id`, sorted.
    """
    told = [c for c in columns if c in contacts.columns]
    said = [contacts[c].cast("string").strip().lower().notin(_NO).fill_null(False) for c in told]
    anything = ibis.or_(*said) if said else ibis.literal(False)
    found = contacts.filter(anything).select("customer_id").distinct().order_by("customer_id")
    return found.to_pyarrow().to_pandas()["customer_id"]
