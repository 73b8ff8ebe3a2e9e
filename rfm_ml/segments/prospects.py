"""What is said of contacts who never ordered."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import pandas as pd

from rfm_ml.segments.maps import PROSPECT

NEXT_STEP: Final = "A first order makes him a customer."


def prospects_explained(contacts: Any | None, customer_ids: Iterable[Any], *, as_of: date) -> pd.DataFrame:
    """Return `reason, next_step` of people without an order, one row per id.

    Parameters
    ----------
    contacts
        An Ibis table with `customer_id`, and `created_at` where it is known; None without contacts.
    customer_ids
        Whom to speak of.
    as_of
        The day; a contact created later is not said to be known since then.
    """
    ids = list(customer_ids)
    since = {} if contacts is None or not ids else _known_since(contacts, ids)
    reasons = [f"{PROSPECT}: never ordered; {_known(since, who, as_of=as_of)}." for who in ids]
    return pd.DataFrame({"reason": reasons, "next_step": NEXT_STEP}, dtype="str")


def _known_since(contacts: Any, ids: list[Any]) -> dict[Any, date | None]:
    """Return the first day of each contact among `ids`, None where it is not known."""
    first = contacts.created_at.try_cast("timestamp").date() if "created_at" in contacts.columns else None
    dated = contacts.select("customer_id") if first is None else contacts.select("customer_id", first=first)
    if len(ids) == 1:  # one customer is asked for; no need to read all contacts
        dated = dated.filter(dated.customer_id == ids[0])
    if first is None:
        return dict.fromkeys(dated.distinct().to_pyarrow()["customer_id"].to_pylist())
    found = dated.group_by("customer_id").aggregate(first=dated["first"].min()).to_pyarrow()
    return dict(zip(found["customer_id"].to_pylist(), found["first"].to_pylist(), strict=True))


def _known(since: dict[Any, date | None], customer_id: Any, *, as_of: date) -> str:
    if customer_id not in since:
        return "not among the contacts"
    first = since[customer_id]
    return "known as a contact" if first is None or first > as_of else f"known as a contact since {first}"
