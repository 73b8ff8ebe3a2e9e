"""What one more order cost."""

from typing import NamedTuple

import numpy as np

from rfm_ml.core.checks import require_between
from rfm_ml.experiments.lift import Lift


class Cost(NamedTuple):
    """Cost of one incremental order in currency; `high` is infinite where the interval of the orders reaches 0."""

    value: float
    low: float
    high: float

    @property
    def is_determined(self) -> bool:
        """Whether both ends are known: whether the campaign is shown to have brought orders."""
        return bool(np.isfinite(self.value) and np.isfinite(self.high))


def cost_per_order(cost: float, orders: Lift) -> Cost:
    """Return what one incremental order cost.

    Parameters
    ----------
    cost
        Of the whole campaign, in currency.
    orders
        The lift in orders per customer.

    Returns
    -------
    Cost
        Cost / (lift x treated customers), and the same at the ends of the lift's interval. As a cost per order has no
        meaning where no order came, `value` and `high` are infinite where the lift, or its low end, is not above 0.

    Examples
    --------
    >>> from rfm_ml.experiments.lift import welch_lift
    >>> lift = welch_lift([1, 2] * 6 + [0, 1] * 5, [True] * 12 + [False] * 10)
    >>> [round(v, 2) for v in cost_per_order(24.0, lift)]
    [2.0, 1.36, 3.77]
    """
    require_between(cost, 0, 1e15, name="cost")
    ends = [cost / (end * orders.treated) if end > 0 else np.inf for end in (orders.difference, orders.high)]
    high = cost / (orders.low * orders.treated) if orders.low > 0 else np.inf
    return Cost(ends[0], ends[1] if orders.is_determined else np.nan, high)
