"""Checks shared by every stage, with messages that name the nearest thing we know."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from rfm_ml.core.errors import DataError, ParamsError

MOST_TOLD = 40
"""Names that are told where none is near."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to `name`, ignoring case, or None if nothing is close.

    Examples
    --------
    >>> nearest("custmer_id", ["customer_id", "amount"])
    'customer_id'
    """
    by_lower, name = {k.lower(): k for k in known}, name.lower()
    for close in get_close_matches(name, by_lower, n=3, cutoff=0.6):
        # Another first letter is a slip less often than another word.
        if close[0:1] == name[0:1] or get_close_matches(name, [close], cutoff=0.75):
            return by_lower[close]
    return None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: a suggestion, or what is known."""
    known = list(known)
    close = nearest(name, known)
    if close is not None:
        return f"Did you mean {close!r}?"
    more = f" and {len(known) - MOST_TOLD:,} more" if len(known) > MOST_TOLD else ""
    return f"Known: {', '.join(map(str, known[:MOST_TOLD]))}{more}." if known else "There are none."


def require_known(name: str, known: Collection[str], *, what: str) -> None:
    """Refuse a name we do not know.

    Raises
    ------
    ParamsError
        If `name` is not in `known`; the message names the nearest one.
    """
    if name not in known:
        raise ParamsError(f"{what} must be one we know. Got {name!r}. {did_you_mean(name, known)}")


def require_columns(present: Collection[str], wanted: Iterable[str], *, what: str) -> None:
    """Refuse a table that lacks columns.

    Raises
    ------
    DataError
        Names the missing columns and, for the first, the nearest existing one.
    """
    missing = [c for c in wanted if c not in present]
    if missing:
        names = ", ".join(map(repr, missing))
        raise DataError(f"{what} must have the column {names}. {did_you_mean(missing[0], present)}")


def require_between(value: float, low: float, high: float, *, name: str) -> None:
    """Refuse a number outside [low, high].

    Raises
    ------
    ParamsError
        As in "bins must be between 2 and 10. Got 1."
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ParamsError(f"{name} must be between {low} and {high}. Got {value!r}.")
