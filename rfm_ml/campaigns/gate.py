"""The size gate: a list that has moved too much since the last one is not sent unseen."""

from typing import Final

GATE: Final = 0.5
"""Largest change of a list's size since the last one, as a share, if the params say nothing else."""


FEW: Final = 20
"""A change is taken as a share of the last size, but of no fewer customers: small lists, and empty ones, swing."""


def size_change(now: int, last: int | None) -> float | None:
    """Return by what share of the last list, or of `FEW` customers, a list has moved; None without a last one.

    Examples
    --------
    >>> size_change(150, 100), size_change(40, 100), size_change(7, None)
    (0.5, -0.6, None)
    >>> size_change(15, 8), size_change(0, 1), size_change(30, 0)
    (0.35, -0.05, 1.5)
    """
    return None if last is None else (now - last) / max(last, FEW)


def held_back(audience: str, *, now: int, last: int | None, limit: float | None) -> str | None:
    """Return why a list of `now` customers must be held back, None if it may go.

    It may where it is the first list (`last` is None), there is no gate (`limit` is None), or it moved by no more than
    the limit, a share of the last size (of `FEW`, if that was smaller).

    Examples
    --------
    >>> held_back("vips", now=150, last=100, limit=0.5) is None
    True
    >>> held_back("vips", now=151, last=100, limit=0.5)
    'The list of vips must not move by more than 50% at once. It went from 100 to 151 customers.'
    """
    change = size_change(now, last)
    if limit is None or change is None or abs(change) <= limit:
        return None
    few = f" (of {FEW} customers, where it was shorter)" if last is not None and last < FEW else ""
    return (
        f"The list of {audience} must not move by more than {limit:.0%} at once{few}. "
        f"It went from {last:,} to {now:,} customers."
    )
