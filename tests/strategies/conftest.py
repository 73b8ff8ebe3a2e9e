import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def customers() -> pd.DataFrame:
    """400 customers with ties, on two channels, with every column a strategy may read."""
    rng = np.random.default_rng(7)
    n = 400
    history = pd.DataFrame([_orders(rng) for _ in range(n)], columns=["age_days", "active_days", "repeat_orders"])
    orders = history["repeat_orders"] + 1
    mean = rng.lognormal(3, 0.7, n).round(2)
    spend = (orders * mean).round(2)
    recency = history["age_days"] - history["active_days"]
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in range(n)],
            "recency_days": recency,
            "orders": orders,
            "spend": spend,
            "orders_per_year": orders.astype(float),
            "spend_per_year": spend,
            **history,
            "mean_repeat_value": np.where(orders > 1, mean, 0.0),
            "channel": rng.choice(["web", "shop"], n),
            # What they did next: more, the more and the more recently they had ordered.
            "actual_spend": (mean * rng.poisson(orders / (1 + recency / 60))).round(2),
        }
    )


def _orders(rng: np.random.Generator) -> tuple[int, int, int]:
    """A customer who came some days ago, orders at a rate of his own, and after each order may be gone."""
    age, rate, leaves = int(rng.integers(20, 520)), rng.gamma(0.8, 1 / 40), rng.beta(0.8, 2)
    last, repeats = 0, 0
    while rng.random() > leaves:
        gap = 1 + int(rng.exponential(1 / rate))
        if last + gap > age:
            break
        last, repeats = last + gap, repeats + 1
    return age, last, repeats
