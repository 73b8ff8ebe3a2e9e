"""What a study does with rows that are not plain orders."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Policies:
    """What to do with rows that are not plain orders.

    Parameters
    ----------
    returns
        `net`: money given back lowers spend but is no order and moves no recency; `keep`: counts like an
        order; `drop`: negative lines are ignored.
    zero_orders
        Orders whose lines sum to zero (samples, fully returned orders).
    duplicates
        Lines equal in every column of the source.
    earliest
        Dates before this day are not credible (1900 and 1970 stand for "unknown" in many systems).
    currency
        The study's currency, whose own rate is 1. Anything but an ISO code of three letters is only a label.
    rates
        Value of one unit of each currency in the study's currency; needed when several occur.
    unreadable_limit
        Largest share of rows that may be quarantined before the data are refused.
    """

    returns: Literal["net", "keep", "drop"] = "net"
    zero_orders: Literal["drop", "keep"] = "drop"
    duplicates: Literal["drop", "keep"] = "drop"
    earliest: date = date(1980, 1, 1)
    currency: str = ""
    rates: dict[str, float] = field(default_factory=dict)
    unreadable_limit: float = 0.5
