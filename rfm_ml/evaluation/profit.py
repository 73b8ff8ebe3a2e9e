"""What it pays to contact the best customers by a score, and down to which depth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import ParamsError
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, blocks, weight_rows
from rfm_ml.models.arrays import FloatArray


class BestDepth(NamedTuple):
    """The share of customers whose contact pays best, with that profit in currency; shape (repeats,), or ()."""

    depth: FloatArray
    profit: FloatArray


def profit_curve(
    spend: ArrayLike,
    score: ArrayLike,
    *,
    margin: float,
    contact_cost: float,
    response: float | Sequence[float],
    steps: int = 100,
) -> pd.DataFrame:
    """Return the profit of contacting the best customers by score, by depth and assumed response.

    Profit(q) = sum over the top q of (margin x y x rho - contact cost). Of customers with equal scores a part can be
    contacted: within them the curve is a straight line.

    Parameters
    ----------
    spend
        Shape (n,): spend in the holdout, in currency; 0 without an order.
    score
        Shape (n,): higher is contacted first.
    margin
        Share of spend that is profit, 0 to 1.
    contact_cost
        Of one contact, in currency.
    response
        rho: the share of a customer's spend that the contact brings about, an assumption. Several are swept.
    steps
        Depths from 0 to 1 in so many equal steps.

    Returns
    -------
    pd.DataFrame
        `response`, `depth` (share of customers), `customers`, `spend` held by them and `profit`, both in currency.

    Raises
    ------
    ParamsError
        If margin, cost, response or steps are out of range, or there is no response.
    DataError
        If a number is missing, or there are no customers.

    Notes
    -----
    Source: Bult & Wansbeek (1995), "Optimal selection for direct mail", Marketing Science 14, 378-394; as a curve,
    Verbeke et al. (2012), "New insights into churn prediction in the telecommunication sector: a profit driven data
    mining approach", European Journal of Operational Research 218, 211-229.

    Examples
    --------
    >>> profit_curve([60, 0, 40, 0], [9, 1, 5, 1], margin=0.5, contact_cost=4, response=0.2, steps=4)["profit"].tolist()
    [0.0, 2.0, 2.0, -2.0, -6.0]
    """
    require_between(steps, 1, 100_000, name="steps")
    rhos = [response] if isinstance(response, int | float) else list(response)
    if not rhos:
        raise ParamsError("response must hold at least one share. Got none. Give one, as in 0.1, or several.")
    for rho in rhos:
        _check(margin, contact_cost, rho)
    sample = Sample(ScoredCustomers(spend, score))
    depth = np.linspace(0, 1, steps + 1)
    customers, held = depth * sample.size[0], sample.up_to(depth, sample.held)[0]
    tables = [
        pd.DataFrame({
            "response": float(rho),
            "depth": depth,
            "customers": customers,
            "spend": held,
            "profit": margin * rho * held - contact_cost * customers,
        })
        for rho in rhos
    ]  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def best_depth(
    spend: ArrayLike,
    score: ArrayLike,
    *,
    margin: float,
    contact_cost: float,
    response: float,
    weights: ArrayLike | None = None,
) -> BestDepth:
    """Return the depth at which `profit_curve` is highest, and the profit there.

    Depths end between two scores, so that a group of equal customers is contacted whole or not at all. 0 if no contact
    pays; of equally good depths the smallest. Found on the same customers it is judged by, the profit is somewhat too
    high: the more so the fewer customers.

    Parameters
    ----------
    spend, score, margin, contact_cost
        As for `profit_curve`.
    response
        One response.
    weights
        Shape (repeats, n), how often each customer is counted; None for all once. Take `interval` of the result. A
        profit is that of as many customers as there are in the sample.

    Returns
    -------
    BestDepth
        Shapes (repeats,), or () without weights.

    Examples
    --------
    >>> best = best_depth([60, 0, 40, 0], [9, 1, 5, 1], margin=0.5, contact_cost=3, response=0.2)
    >>> float(best.depth), float(best.profit)
    (0.5, 4.0)
    """
    _check(margin, contact_cost, response)
    customers = ScoredCustomers(spend, score)
    rows = weight_rows(weights, size=len(customers.spend))
    parts = [
        best_depth_of(Sample(customers, block), margin=margin, contact_cost=contact_cost, response=response)
        for block in blocks(rows)
    ]
    depth, profit = (np.concatenate(part) for part in zip(*parts, strict=True))
    return BestDepth(depth, profit) if weights is not None else BestDepth(np.asarray(depth[0]), np.asarray(profit[0]))


def best_depth_of(sample: Sample, *, margin: float, contact_cost: float, response: float) -> BestDepth:
    """Return `best_depth` of samples."""
    # A contact of who spends nothing never pays, so the best depth ends at the score of a spender.
    ends = np.unique(sample.of.group)
    start = np.zeros((len(sample.size), 1))
    reached = np.concatenate([start, sample.through[:, ends]], axis=1)
    held = np.concatenate([start, sample.held[:, ends]], axis=1)
    profit = margin * response * held - contact_cost * reached
    at = profit.argmax(axis=1)[:, None]
    depth, found = (np.take_along_axis(a, at, 1)[:, 0] for a in (reached, profit))
    return BestDepth(depth / sample.size, found)


def _check(margin: float, contact_cost: float, response: float) -> None:
    require_between(margin, 0, 1, name="margin")
    require_between(contact_cost, 0, 1e12, name="contact_cost")
    require_between(response, 0, 1, name="response")
