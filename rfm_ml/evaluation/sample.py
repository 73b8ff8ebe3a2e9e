"""Scored customers with what they spent, sorted once, and any bootstrap sample of them."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import FloatArray

Ints = NDArray[np.int64]

SAME: Final = 1e-12
"""What differs by less, relative to its size, is equal."""

CACHED: Final = 250_000
"""Numbers that are worked on at once."""


def numbers(values: ArrayLike, *, what: str, size: int | None = None) -> FloatArray:
    """Return one finite number per customer.

    Parameters
    ----------
    values
        Shape (n,).
    what
        What the numbers are, for messages.
    size
        The n that is wanted; None for any but 0.

    Raises
    ------
    DataError
        If there are none, not as many as wanted, or some are missing or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or (size is not None and array.size != size):
        wanted = "at least one number" if size is None else f"{size:,} numbers, one per customer"
        raise DataError(f"{what} must hold {wanted}. Got the shape {array.shape}.")
    wrong = int((~np.isfinite(array)).sum())
    if wrong:
        raise DataError(
            f"{what} must be a number for every customer. Got {wrong:,} missing or infinite of {array.size:,}. "
            "A customer who did not buy spent 0; leave out customers without a score, for all strategies alike."
        )
    return array


def weight_rows(weights: ArrayLike | None, *, size: int) -> NDArray[np.number]:
    """Return weights as rows of shape (repeats, n); a single row of ones for None.

    Raises
    ------
    DataError
        If the shape is not (repeats, n), or a weight is negative.
    """
    if weights is None:
        return np.ones((1, size))
    array = np.asarray(weights)
    if array.ndim != 2 or array.shape[1] != size or array.dtype.kind not in "uif":
        raise DataError(
            f"weights must be a matrix of numbers with {size:,} columns, one per customer. "
            f"Got {array.dtype} in the shape {array.shape}."
        )
    if array.size and not array.min() >= 0:
        raise DataError(f"weights must not be negative: they count how often a customer is drawn. Got {array.min()}.")
    return array


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; NaN unless the divisor is positive."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the sum of products over the last axis."""
    return np.asarray(np.einsum("...i,...i->...", a, b))


def blocks(weights: NDArray[np.number]) -> Iterator[NDArray[np.number]]:
    """Cut rows of weights into blocks that a processor's cache holds."""
    step = max(1, CACHED // max(weights.shape[1], 1))
    for start in range(0, len(weights), step):
        yield weights[start : start + step]


def weighted_sums(weights: NDArray[np.number], values: ArrayLike) -> FloatArray:
    """Return the sum of values over each sample, for weights of shape (repeats, n): shape (repeats,)."""
    array = np.asarray(values, dtype=np.float64)
    return np.concatenate([block.astype(np.float64) @ array for block in blocks(weights)])


class Groups:
    """Values sorted from high to low, equal values in one group.

    Attributes
    ----------
    order
        Shape (n,): the positions from the highest value to the lowest.
    starts
        Shape (g,): where in this order each group begins.
    group
        Shape (n,): the group of each customer, by position before sorting; 0 has the highest value.
    """

    def __init__(self, values: FloatArray) -> None:
        self.order: Ints = np.argsort(-values, kind="stable").astype(np.int64)
        ordered = values[self.order]
        first = np.ones(len(values), dtype=bool)
        first[1:] = ordered[1:] != ordered[:-1]
        self.starts: Ints = np.flatnonzero(first).astype(np.int64)
        self.group: Ints = np.empty(len(values), dtype=np.int64)
        self.group[self.order] = np.cumsum(first) - 1

    def sums(self, ordered: FloatArray) -> FloatArray:
        """Sum by group what is already in this order."""
        return np.asarray(np.add.reduceat(ordered, self.starts))

    @property
    def ends(self) -> Ints:
        """Shape (g,): where in this order each group has its last customer."""
        return np.append(self.starts[1:], len(self.order)) - 1


class ScoredCustomers:
    """Customers in the order of their score, the highest first.

    Those who spent anything are kept apart: most spend nothing, and where only spend counts they need not be looked at.

    Parameters
    ----------
    spend
        Shape (n,): what each customer spent in the holdout, in currency; 0 without an order, below 0 if returns
        outweigh the orders.
    score
        Shape (n,): what was expected of him, in whatever unit; more is better.

    Attributes
    ----------
    spenders
        Shape (m,): the places, in the order of the score, of those who did not spend 0.
    group
        Shape (m,): the group of equal scores that each of them is in.
    held
        Shape (g,): how many of them have the score of a group or a higher one.
    """

    def __init__(self, spend: ArrayLike, score: ArrayLike) -> None:
        y = numbers(spend, what="spend")
        s = numbers(score, what="score", size=len(y))
        by_score = Groups(s)
        self.order, self.ends = by_score.order, by_score.ends
        self.spend, self.score = y[self.order], s[self.order]
        self.spenders = np.flatnonzero(self.spend != 0)
        self.spent = self.spend[self.spenders]
        self.group = by_score.group[self.order][self.spenders]
        self.held = np.searchsorted(self.spenders, self.ends, side="right")
        self.by_spend = Groups(self.spent)
        self.most_spent = self.spent[self.by_spend.order[self.by_spend.starts]]
        self.bought = (self.spent > 0).astype(np.float64)
        self.distinct_score = self.score[self.ends]

    @cached_property
    def products(self) -> FloatArray:
        """Values whose sums the measures of error need, shape (n, 7), spend and score centred in the last three."""
        y, s = self.spend, self.score
        errors, y0, s0 = np.abs(s - y), y - y.mean(), s - s.mean()
        return np.column_stack([errors, errors**2, s**2, s0, y0, s0 * s0, s0 * y0])


class Sample:
    """Scored customers, each counted so many times: the customers themselves (all once), or bootstrap samples.

    Everything is as if the rows were repeated so many times. Many samples are worked out at once.

    Attributes
    ----------
    w
        Shape (repeats, m): how often each customer who spent anything is counted, in the order of the score.
    through
        Shape (repeats, g): customers with a score or a higher one, per distinct score.
    size
        Shape (repeats,): customers in all.
    total
        Shape (repeats,): their spend, in currency.
    """

    def __init__(self, customers: ScoredCustomers, weights: NDArray[np.number] | None = None) -> None:
        self.of = customers
        counted = np.ones((1, len(customers.spend))) if weights is None else weights
        self.all: FloatArray = counted[:, customers.order].astype(np.float64)
        self.w: FloatArray = self.all[:, customers.spenders]
        self.through: FloatArray = np.cumsum(self.all, axis=1)[:, customers.ends]
        self.size: FloatArray = self.through[:, -1]
        self.total: FloatArray = self.w @ customers.spent
        self.buyers: FloatArray = self.w @ customers.bought

    @cached_property
    def customers(self) -> FloatArray:
        """Customers per distinct score."""
        return np.diff(self.through, axis=1, prepend=0.0)

    @cached_property
    def held(self) -> FloatArray:
        """Spend of customers with a score or a higher one, per distinct score."""
        running = np.cumsum(self.w * self.of.spent, axis=1)
        return np.concatenate([np.zeros((len(running), 1)), running], axis=1)[:, self.of.held]

    @cached_property
    def expected(self) -> FloatArray:
        """As `held`, of the score instead of the spend."""
        return np.cumsum(self.customers * self.of.distinct_score, axis=1)

    @cached_property
    def below(self) -> FloatArray:
        """Customers with a lower score and half of those with the same: the mid-rank less 1/2, per spender."""
        group = self.of.group
        return np.asarray(self.size[:, None] - self.through[:, group] + self.customers[:, group] / 2)

    @cached_property
    def sums(self) -> FloatArray:
        """Sums of `ScoredCustomers.products`, shape (repeats, 7)."""
        return np.asarray(self.all @ self.of.products)

    @cached_property
    def _by_spend(self) -> tuple[FloatArray, FloatArray]:
        """Customers per distinct spend but 0, and those who spent as much or more."""
        by_spend = self.of.by_spend
        running = np.cumsum(self.w[:, by_spend.order], axis=1)[:, by_spend.ends] if len(by_spend.order) else self.w
        customers = np.diff(running, axis=1, prepend=0.0)
        # Who spent nothing stands between those who spent and those who gave back.
        return customers, running + np.where(self.of.most_spent < 0, self.idle[:, None], 0.0)

    @cached_property
    def idle(self) -> FloatArray:
        """Customers who spent 0."""
        return self.size - self.w.sum(axis=1)

    @cached_property
    def spend_groups(self) -> FloatArray:
        """Customers per distinct spend, those who spent 0 last."""
        return np.concatenate([self._by_spend[0], self.idle[:, None]], axis=1)

    @cached_property
    def spend_below(self) -> FloatArray:
        """As `below`, by spend instead of score."""
        customers, through = self._by_spend
        return np.asarray((self.size[:, None] - through + customers / 2)[:, self.of.by_spend.group])

    @cached_property
    def idle_below(self) -> FloatArray:
        """As `spend_below`, of those who spent 0."""
        gave_back = self.w @ (self.of.spent < 0).astype(np.float64)
        return gave_back + self.idle / 2

    def in_top(self, number: FloatArray) -> FloatArray:
        """Chance of each spender to be among the `number` customers with the highest score, if lots decide ties."""
        group = self.of.group
        return _chances(self.customers[:, group], self.through[:, group], number)

    def in_spend_top(self, number: FloatArray) -> FloatArray:
        """Chance of each spender to be among the `number` who spent most, if lots decide ties."""
        return _chances(*self._by_spend, number)[:, self.of.by_spend.group]

    def up_to(self, shares: FloatArray, running: FloatArray) -> FloatArray:
        """Read a running sum, one per distinct score, at shares of the customers with the highest scores.

        Within equal scores it grows linearly: what is expected if lots decide. Shape (repeats, shares).
        """
        wanted = self.size[:, None] * shares
        start = np.zeros((len(running), 1))
        through, sums = (np.concatenate([start, array], axis=1) for array in (self.through, running))
        found = np.array([np.searchsorted(row, at) for row, at in zip(through, wanted, strict=True)])
        right = np.clip(found, 1, through.shape[1] - 1)
        x0, x1, y0, y1 = (np.take_along_axis(a, i, 1) for a in (through, sums) for i in (right - 1, right))
        part = np.divide(wanted - x0, x1 - x0, out=np.zeros_like(wanted), where=x1 > x0)
        return np.asarray(y0 + np.clip(part, 0, 1) * (y1 - y0))


def _chances(customers: FloatArray, through: FloatArray, number: FloatArray) -> FloatArray:
    room = np.clip(number[:, None] - (through - customers), 0, customers)
    return np.divide(room, customers, out=np.zeros_like(room), where=customers > 0)
