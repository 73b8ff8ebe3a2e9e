"""What a campaign is assumed to cost and to bring, and the profit measures of a backtest."""

from dataclasses import dataclass

import numpy as np

from rfm_ml.evaluation.profit import best_depth_of
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, blocks


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


def profit_measures(
    spend: np.ndarray, score: np.ndarray, *, weights: np.ndarray, economics: Economics, mean_spend: float
) -> dict[str, np.ndarray]:
    """Return best depth and the profit there per customer, for each assumed response.

    Parameters
    ----------
    spend, score, weights
        As for `best_depth`.
    economics
        The assumptions.
    mean_spend
        Of the period before, in currency, for a cost that is not given.

    Returns
    -------
    dict
        `best_depth_0.1` (share of customers) and `best_profit_0.1` (currency per customer), and so on by response;
        shape (repeats,).
    """
    customers, cost = ScoredCustomers(spend, score), economics.cost(mean_spend)
    parts: dict[str, list[np.ndarray]] = {}
    for block in blocks(weights):
        sample = Sample(customers, block)
        for response in economics.response:
            best = best_depth_of(sample, margin=economics.margin, contact_cost=cost, response=response)
            parts.setdefault(f"best_depth_{response:g}", []).append(best.depth)
            parts.setdefault(f"best_profit_{response:g}", []).append(best.profit / sample.size)
    return {name: np.concatenate(part) for name, part in parts.items()}
