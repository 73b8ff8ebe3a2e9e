"""What a model says of every history: P(alive) and expected orders by repeat orders and silence."""

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between
from rfm_ml.models.repeat_buying import RepeatBuyingModel


def prediction_surface(
    model: RepeatBuyingModel, *, age_days: float, horizon_days: float, most_orders: int = 7, steps: int = 7
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
        About so many lengths of silence, at round numbers of days.

    Returns
    -------
        repeat_orders (0, 1, ...), recency_days, p_alive and expected_orders, one row per pair of orders and
        silence.
    """
    require_between(age_days, 1, 36_500, name="age_days")
    require_between(most_orders, 1, 1000, name="most_orders")
    require_between(steps, 2, 200, name="steps")
    silences = np.arange(0.0, age_days, _round_step(0.75 * age_days / steps))
    x, silence = (grid.ravel() for grid in np.meshgrid(np.arange(most_orders + 1.0), silences, indexing="ij"))
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


def _round_step(days: float) -> float:
    """Return the next of 1, 2, 3, 5, 10, 20, 30, 50, ... days."""
    size = 10.0 ** np.floor(np.log10(max(days, 1.0)))
    return float(next(m * size for m in (1, 2, 3, 5, 10) if m * size >= days * (1 - 1e-9)))
