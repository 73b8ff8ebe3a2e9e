"""What it pays to contact the best customers by a score, and down to which depth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import ParamsError
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, blocks
from rfm_ml.models.arrays import FloatArray


@dataclass(frozen=True)
class Economics:
    """Assumptions behind every profit: nothing in an order log tells how customers respond to a contact.

    Attributes
    ----------
    margin
        Share of spend that is earned.
    contact_cost
        Of one contact, in currency; None for the cost at which contacting everybody just breaks even, by the spend of
        the last period and the middle response: all profit then comes from choosing.
    response
        Shares of a customer's spend that a contact brings about; each one is worked out.
    """

    margin: float = 0.3
    contact_cost: float | None = None
    response: tuple[float, ...] = (0.05, 0.1, 0.2)

    def cost(self, mean_spend: float) -> float:
        """Return the cost of one contact, in currency, where customers spent so much on average in the last period."""
        if self.contact_cost is not None:
            return self.contact_cost
        middle = sorted(self.response)[len(self.response) // 2]
        return max(self.margin * middle * mean_spend, 0.0)


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
    require_between(margin, 0, 1, name="margin")
    require_between(contact_cost, 0, 1e12, name="contact_cost")
    for rho in rhos:
        require_between(rho, 0, 1, name="response")
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


def profit_measures(
    spend: np.ndarray, score: np.ndarray, *, weights: np.ndarray, economics: Economics, mean_spend: float
) -> dict[str, FloatArray]:
    """Return best depth and the profit there per customer, for each assumed response, by weighted sample.

    `best_depth_0.1` (share of customers) and `best_profit_0.1` (currency per customer), and so on by response, shape
    (repeats,). `mean_spend` of the period before, in currency, decides a cost that is not given.
    """
    customers, cost = ScoredCustomers(spend, score), economics.cost(mean_spend)
    parts: dict[str, list[FloatArray]] = {}
    for block in blocks(weights):
        sample = Sample(customers, block)
        for response in economics.response:
            depth, profit = best_depth(sample, margin=economics.margin, contact_cost=cost, response=response)
            parts.setdefault(f"best_depth_{response:g}", []).append(depth)
            parts.setdefault(f"best_profit_{response:g}", []).append(profit / sample.size)
    return {name: np.concatenate(part) for name, part in parts.items()}


def best_depth(sample: Sample, *, margin: float, contact_cost: float, response: float) -> tuple[FloatArray, FloatArray]:
    """Return the depth at which `profit_curve` is highest, and the profit there in currency; shape (repeats,) each.

    Depths end between two scores, so that a group of equal customers is contacted whole or not at all. 0 if no contact
    pays; of equally good depths the smallest. Found on the same customers it is judged by, the profit is somewhat too
    high: the more so the fewer customers.
    """
    # A contact of who spends nothing never pays, so the best depth ends at the score of a spender.
    ends = np.unique(sample.of.group)
    start = np.zeros((len(sample.size), 1))
    reached = np.concatenate([start, sample.through[:, ends]], axis=1)
    held = np.concatenate([start, sample.held[:, ends]], axis=1)
    profit = margin * response * held - contact_cost * reached
    at = profit.argmax(axis=1)[:, None]
    depth, highest = (np.take_along_axis(a, at, 1)[:, 0] for a in (reached, profit))
    return depth / sample.size, highest
