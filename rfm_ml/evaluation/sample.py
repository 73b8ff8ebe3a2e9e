"""Scored customers with what they spent, sorted once, and any bootstrap sample of them."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import FloatArray

Ints = NDArray[np.int64]


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


def ratio(above: float, below: float) -> float:
    """Divide; NaN unless the divisor is positive."""
    return float(above / below) if below > 0 else float("nan")


def dot(a: FloatArray, b: FloatArray) -> float:
    """Return the sum of products, by one thread: for arrays of this size those of a BLAS only wait for each other."""
    return float(np.einsum("i,i->", a, b))


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
        if len(self.starts) == len(ordered):
            return ordered
        return np.asarray(np.add.reduceat(ordered, self.starts))


class ScoredCustomers:
    """Customers in the order of their score, the highest first.

    Parameters
    ----------
    spend
        Shape (n,): what each customer spent in the holdout, in currency; 0 without an order, below 0 if returns
        outweigh the orders.
    score
        Shape (n,): what was expected of him, in whatever unit; more is better.
    """

    def __init__(self, spend: ArrayLike, score: ArrayLike) -> None:
        y = numbers(spend, what="spend")
        s = numbers(score, what="score", size=len(y))
        by_score = Groups(s)
        self.order = by_score.order
        self.spend, self.score = y[self.order], s[self.order]
        self.by_score = Groups(self.score)
        self.by_spend = Groups(self.spend)
        self.bought = (self.spend > 0).astype(np.float64)
        self.squares = self.spend**2
        self.errors = np.abs(self.score - self.spend)
        self.square_errors = self.errors**2
        self.centred_spend, self.centred_score = self.spend - self.spend.mean(), self.score - self.score.mean()


class Sample:
    """Scored customers, each counted so many times: the customers themselves (all once), or a bootstrap sample.

    Everything is as if the rows were repeated so many times. Arrays are in the order of the score, the highest first.

    Attributes
    ----------
    w
        Shape (n,): how often each customer is counted.
    size
        Customers in all.
    total
        Their spend, in currency.
    """

    def __init__(self, customers: ScoredCustomers, weights: NDArray[np.number] | None = None) -> None:
        self.of = customers
        n = len(customers.spend)
        self.w: FloatArray = np.ones(n) if weights is None else weights[customers.order].astype(np.float64)
        self.size = float(self.w.sum())
        self.total = dot(self.w, customers.spend)
        self.buyers = dot(self.w, customers.bought)

    @cached_property
    def customers(self) -> FloatArray:
        """Customers per distinct score."""
        return self.of.by_score.sums(self.w)

    @cached_property
    def amounts(self) -> FloatArray:
        """Spend per distinct score."""
        return self.of.by_score.sums(self.w * self.of.spend)

    @cached_property
    def through(self) -> FloatArray:
        """Customers with this score or a higher one, per distinct score."""
        return np.cumsum(self.customers)

    @cached_property
    def below(self) -> FloatArray:
        """Customers with a lower score and half of those with the same: the mid-rank less 1/2, per distinct score."""
        return self.size - self.through + self.customers / 2

    @cached_property
    def _by_spend(self) -> tuple[FloatArray, FloatArray]:
        customers = self.of.by_spend.sums(self.w[self.of.by_spend.order])
        return customers, np.cumsum(customers)

    @cached_property
    def spend_below(self) -> FloatArray:
        """As `below`, by spend instead of score, and per customer."""
        customers, through = self._by_spend
        return np.asarray((self.size - through + customers / 2)[self.of.by_spend.group])

    def in_top(self, number: float) -> FloatArray:
        """Chance of each score to be among the `number` customers with the highest score, if lots decide ties."""
        return _chances(self.customers, self.through, number)

    def in_spend_top(self, number: float) -> FloatArray:
        """Chance of each customer to be among the `number` who spent most, if lots decide ties."""
        return np.asarray(_chances(*self._by_spend, number)[self.of.by_spend.group])

    def up_to(self, number: FloatArray, values: FloatArray) -> FloatArray:
        """Sum `values`, one per distinct score, over the `number` customers with the highest scores.

        Within equal scores the sum grows linearly: what is expected if lots decide.
        """
        through = np.concatenate([[0.0], self.through])
        return np.asarray(np.interp(number, through, np.concatenate([[0.0], np.cumsum(values)])))


def _chances(customers: FloatArray, through: FloatArray, number: float) -> FloatArray:
    room = np.clip(number - (through - customers), 0, customers)
    return np.divide(room, customers, out=np.zeros_like(room), where=customers > 0)
