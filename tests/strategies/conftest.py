import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def customers() -> pd.DataFrame:
    """400 customers with ties, on two channels, with every column a strategy may read."""
    rng = np.random.default_rng(7)
    n = 400
    orders = rng.geometric(0.5, n)
    spend = (orders * rng.lognormal(3, 0.7, n)).round(2)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in range(n)],
            "recency_days": rng.integers(0, 500, n),
            "orders": orders,
            "spend": spend,
            "orders_per_year": orders.astype(float),
            "spend_per_year": spend,
            "channel": rng.choice(["web", "shop"], n),
        }
    )
