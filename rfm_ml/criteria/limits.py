"""Limits of values, and tests that none within them passes: names outside a closed list, numbers beyond bounds."""

from collections.abc import Collection
from decimal import Decimal
from math import ceil, floor
from typing import Final, NamedTuple

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria.values import Comparison, as_kind
from rfm_ml.criteria.visits import SOURCES
from rfm_ml.customers.days import RETURN_KINDS
from rfm_ml.customers.regularity import RHYTHMS

EXACTLY: Final = ("equal", "unequal", "any_of")
"""Operators that compare with values as they are."""


class Bounds(NamedTuple):
    """Numbers that a value can be, both ends included; `high` None where there is no limit."""

    low: int
    high: int | None = None
    whole: bool = True

    def __str__(self) -> str:
        number = "a whole number" if self.whole else "a number"
        return f"{number} of {self.low} or more" if self.high is None else f"{number} from {self.low} to {self.high}"


COUNTED: Final = Bounds(0)
"""Counts, and days ago."""

LISTS: Final[dict[str, tuple[str, ...]]] = {"order_kind": ("order", *RETURN_KINDS), "buying_rhythm": RHYTHMS}
"""Columns of ours that hold nothing else."""
CLOSED: Final[dict[str, tuple[str, ...]]] = {"source": SOURCES, "group": ("treatment", "control")}
"""Keys of conditions that take nothing else."""
_BOUNDS: Final[dict[str, Bounds]] = {
    "coupon_share": Bounds(0, 1, whole=False),
    "orders_trend": Bounds(-1, 1, whole=False),
    **dict.fromkeys(
        (
            "recency_days", "age_days", "active_days", "orders", "repeat_orders", "orders_30d", "orders_90d",
            "orders_365d", "categories", "clicks_180d", "visits_90d",
        ),
        COUNTED,
    ),
}  # fmt: skip
_SHARE: Final = "channel_share_"


def require_listed(test: Comparison, known: Collection[str], *, path: str) -> None:
    """Refuse a value that is not in a closed list, and an ordered comparison: the list has no order."""
    if test.op not in (*EXACTLY, "missing", "present"):
        raise ParamsError(f"{path} must be one we know. Got {str(test)!r}. Known: {', '.join(known)}.")
    for value in test.operands:
        if str(value) not in known:
            raise ParamsError(f"{path} must be one we know. Got {str(value)!r}. {did_you_mean(str(value), known)}")


def require_possible(test: Comparison, bounds: Bounds, *, path: str) -> None:
    """Refuse a test of numbers that none within the bounds passes, or that asks for one beyond them.

    Raises
    ------
    ParamsError
        With the bounds.

    Examples
    --------
    >>> require_possible(Comparison("at_least", (Decimal(9),)), Bounds(1, 5), path="where.is")
    Traceback (most recent call last):
    ...
    rfm_ml.core.errors.ParamsError: where.is must be a test that a whole number from 1 to 5 can pass. \
Got '>= 9'.
    """
    test = as_kind(test, "number", path=path)
    values = [Decimal(str(v)) for v in test.operands]
    low, high = Decimal(bounds.low), Decimal("Infinity") if bounds.high is None else Decimal(bounds.high)
    if test.op in ("equal", "any_of"):
        fits = all(low <= v <= high and (not bounds.whole or v == int(v)) for v in values)
    elif test.op in ("less", "at_most"):
        fits = low < values[0] or (test.op == "at_most" and low == values[0])
    elif test.op in ("more", "at_least"):
        fits = high > values[0] or (test.op == "at_least" and high == values[0])
    elif test.op == "between":
        low, high = max(values[0], low), min(values[1], high)
        fits = ceil(low) <= floor(high) if bounds.whole else low <= high
    else:
        fits = True
    if not fits:
        raise ParamsError(f"{path} must be a test that {bounds} can pass. Got {str(test)!r}.")


def require_measure(test: Comparison, column: str, *, path: str) -> None:
    """Refuse a test that no customer passes, whatever they do: by what a column of ours can hold."""
    if column in LISTS:
        require_listed(test, LISTS[column], path=path)
    bounds = Bounds(0, 1, whole=False) if column.startswith(_SHARE) else _BOUNDS.get(column)
    if bounds is not None:
        require_possible(test, bounds, path=path)
