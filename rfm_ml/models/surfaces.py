"""What a model says of every history: P(alive) and expected orders by repeat orders and silence."""

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between
from rfm_ml.models.repeat_buying import RepeatBuyingModel


def prediction_surface(
    model: RepeatBuyingModel, *, age_days: float, horizon_days: float, most_orders: int = 10, steps: int = 10
) -> pd.DataFrame:
    """Return P(alive) and expected orders over repeat orders and days since the last order.

    Parameters
    ----------
    model
        Fitted.
    age_days
        Days since the first order of the customers with repeat orders; the longest silence. One-time buyers have no
        order but the first, so their age is their silence.
    horizon_days
        Orders are expected over so many days.
    most_orders
        The most repeat orders.
    steps
        Number of steps from no silence to the longest.

    Returns
    -------
    pd.DataFrame
        repeat_orders (0, 1, ...), recency_days, p_alive and expected_orders, one row per pair. Pairs that cannot be
        are left out: with repeat orders, the last one is later than the first.
    """
    require_between(age_days, 1, 36_500, name="age_days")
    require_between(most_orders, 1, 1000, name="most_orders")
    require_between(steps, 2, 200, name="steps")
    silences = np.unique(np.round(np.linspace(0, age_days, steps + 1)))
    x, silence = (grid.ravel() for grid in np.meshgrid(np.arange(most_orders + 1.0), silences, indexing="ij"))
    possible = (x == 0) | (silence < age_days)
    x, silence = x[possible], silence[possible]
    histories = pd.DataFrame({
        "repeat_orders": x,
        "active_days": np.where(x > 0, age_days - silence, 0.0),
        "age_days": np.where(x > 0, age_days, silence),
    })  # fmt: skip
    return pd.DataFrame({
        "repeat_orders": x.astype(np.int64),
        "recency_days": silence.astype(np.int64),
        "p_alive": model.p_alive(histories),
        "expected_orders": model.expected_orders(histories, horizon_days=horizon_days),
    })  # fmt: skip
