"""Customers compressed to their distinct (x, t_x, T): all that a repeat-buying likelihood needs."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import FloatArray

COLUMNS = ("repeat_orders", "active_days", "age_days")


def repeat_columns(customers: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, t_x and T (in days) of a customers frame, checked."""
    require_columns(list(customers.columns), COLUMNS, what="The customers frame")
    x, t_x, T = (customers[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in COLUMNS)
    broken = ~(np.isfinite(x) & np.isfinite(t_x) & np.isfinite(T))
    if broken.any():
        raise DataError(
            f"repeat_orders, active_days and age_days must be numbers. Got {broken.sum():,} customers without "
            "them (contacts who never ordered?). Leave them out: customers[customers['orders'] > 0]."
        )
    wrong = (x < 0) | (t_x < 0) | (t_x > T) | ((x == 0) != (t_x == 0)) | (x != np.floor(x))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise DataError(
            "repeat_orders must be a whole number, active_days between 0 and age_days, and both 0 together. "
            f"Got {x[first]:g}, {t_x[first]:g} and {T[first]:g} in row {first} ({wrong.sum():,} such rows). "
            "Build the frame from the order log with one row per customer, same-day orders merged."
        )
    return x, t_x, T


@dataclass(frozen=True)
class RepeatCounts:
    """Distinct (x, t_x, T) with the number of customers at each; one row per distinct triple."""

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    weight: FloatArray

    @classmethod
    def from_customers(cls, customers: pd.DataFrame) -> "RepeatCounts":
        """Compress a customers frame; whole days compress fully, fractions stay as they are."""
        x, t_x, T = repeat_columns(customers)
        if len(x) == 0 or T.max() <= 0:
            raise DataError(
                f"Someone must have ordered before the as-of day. Got {len(x):,} customers, all with age 0. "
                "Choose a later as-of day or a longer history."
            )
        if not (x > 0).any():
            raise DataError(
                f"At least one customer must have ordered on two days. Got {len(x):,} one-time buyers. "
                "Repeat buying cannot be learned from these data: use a longer history or segment by recency."
            )
        return cls(*compress(x, t_x, T))

    @cached_property
    def customers(self) -> float:
        """Number of customers."""
        return float(self.weight.sum())

    @cached_property
    def repeat_orders(self) -> float:
        """Sum of x over customers."""
        return float((self.weight * self.x).sum())

    @cached_property
    def by_x(self) -> tuple[FloatArray, FloatArray]:
        """Return distinct x and the number of customers at each."""
        count = np.bincount(self.x.astype(np.int64), weights=self.weight)
        distinct = np.flatnonzero(count)
        return distinct.astype(np.float64), count[distinct].astype(np.float64)

    def scaled(self, factor: float) -> "RepeatCounts":
        """Return the counts with times multiplied by `factor`."""
        return replace(self, t_x=self.t_x * factor, T=self.T * factor)

    def sample(self, size: int, *, seed: int) -> "RepeatCounts":
        """Return the counts of about `size` customers drawn at random, with at least one repeat order."""
        share = min(1.0, size / self.customers)
        drawn = np.random.default_rng(seed).binomial(self.weight.astype(np.int64), share).astype(np.float64)
        keep = drawn > 0
        if share == 1.0 or not (self.x[keep] > 0).any():
            return self
        return RepeatCounts(self.x[keep], self.t_x[keep], self.T[keep], drawn[keep])


def compress(x: FloatArray, t_x: FloatArray, T: FloatArray) -> tuple[FloatArray, ...]:
    """Return distinct (x, t_x, T) and their counts; one-time buyers come first.

    Whole days are compressed fully. Of fractional times only those of one-time buyers are, as the others hardly repeat.
    """
    once = x == 0
    ages, counts = np.unique(T[once], return_counts=True)
    zero = np.zeros(len(ages))
    rest = _compress_repeaters(x[~once], t_x[~once], T[~once])
    parts = zip((zero, zero, ages, counts), rest, strict=True)
    return tuple(np.concatenate(pair).astype(np.float64) for pair in parts)


def _compress_repeaters(x: FloatArray, t_x: FloatArray, T: FloatArray) -> tuple[np.ndarray, ...]:
    if len(x) == 0:
        return x, t_x, T, x
    base = np.floor(T.max()) + 1
    cells = (x.max() + 1) * base * base
    whole = (np.floor(t_x) == t_x).all() and (np.floor(T) == T).all()
    if not whole or cells >= 2**62:
        return x, t_x, T, np.ones(len(x))
    step = np.int64(base)
    key = (x.astype(np.int64) * step + t_x.astype(np.int64)) * step + T.astype(np.int64)
    key = np.sort(key.astype(np.uint32) if cells < 2**32 else key)  # half the width sorts in half the time
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    rest, age = np.divmod(key[first].astype(np.int64), step)
    repeat, active = np.divmod(rest, step)
    return repeat, active, age, np.diff(np.r_[first, len(key)])
