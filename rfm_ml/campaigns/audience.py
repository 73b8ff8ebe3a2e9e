"""Whom an audience selects: the best by a figure, others left out, what the destination gets of each contact."""

from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns.destinations import CONTACT_COLUMNS
from rfm_ml.campaigns.destinations.contacts import EMAILS, PHONES
from rfm_ml.campaigns.opt_outs import LEFT_ALONE, UNREACHABLE
from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError

_NAMES: Final = ("first_name", "last_name", "gender", "language", "country")
_OF_CHANNEL: Final[dict[str, tuple[str, ...]]] = {
    "email": (*EMAILS, *_NAMES),
    "sms": (*PHONES, *_NAMES),
    "call": (*PHONES, *_NAMES),
    "push": ("uid", "madid", "language"),
    "post": (*_NAMES, "zip", "city", "state", "company"),
    "web": (),
    "in_house": (),
}


def best_customers(values: pd.DataFrame, *, by: str, n: int | None = None) -> pd.DataFrame:
    """Return the customers with the highest figure, the best first.

    Parameters
    ----------
    values
        `customer_id` and the figure.
    by
        Its column.
    n
        How many; None for all. Customers without a figure come last; of equal ones the smaller id comes first.

    Raises
    ------
    ParamsError
        If the column is not there or holds no numbers.

    Examples
    --------
    >>> values = pd.DataFrame({"customer_id": ["a", "b", "c"], "spend": [5.0, 9.0, 9.0]})
    >>> best_customers(values, by="spend", n=2)["customer_id"].tolist()
    ['b', 'c']
    """
    numbers = [str(c) for c in values.columns if pd.api.types.is_numeric_dtype(values[c]) and c != "customer_id"]
    if by not in numbers:
        raise ParamsError(f"Customers must be ranked by a column of numbers. Got {by!r}. {did_you_mean(by, numbers)}")
    ranked = values.sort_values([by, "customer_id"], ascending=[False, True], na_position="last", kind="stable")
    return ranked.head(n) if n is not None else ranked


def contact_columns(columns: Iterable[str], *, channel: str | None, for_people: bool) -> list[str]:
    """Return the columns of the contacts that a list needs, and no more.

    Parameters
    ----------
    columns
        Those of the contacts.
    channel
        What the list is for; None for all columns.
    for_people
        Whether the file holds every column it is given, as `csv` does. A destination takes its own ones itself.

    Examples
    --------
    >>> contact_columns(["customer_id", "email", "phone", "objected"], channel="sms", for_people=True)
    ['phone']
    """
    wanted: Iterable[str] = CONTACT_COLUMNS
    if for_people and channel is not None:
        wanted = _OF_CHANNEL.get(channel, CONTACT_COLUMNS)
    hidden = {"customer_id", *LEFT_ALONE, *UNREACHABLE}
    return [c for c in columns if c in wanted and c not in hidden]


def overlap(members: dict[str, Iterable[Any]]) -> pd.DataFrame:
    """Return how many customers each two audiences share: `audience, other, customers, share` (of the audience).

    Examples
    --------
    >>> overlap({"a": [1, 2], "b": [2]})["share"].tolist()
    [1.0, 0.5, 1.0, 1.0]
    """
    sets = {name: set(ids) for name, ids in members.items()}
    rows = [
        (a, b, len(one & other), len(one & other) / len(one) if one else 0.0)
        for a, one in sets.items()
        for b, other in sets.items()
    ]
    return pd.DataFrame(rows, columns=["audience", "other", "customers", "share"])
