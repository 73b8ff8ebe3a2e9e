"""A shop with more going on than the tiny one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def busy(shop: Any) -> Any:
    """Eighty customers over half a year."""
    rng = np.random.default_rng(7)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 181, 400), unit="D")
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{n:02}" for n in rng.integers(0, 80, 400)],
            "order_id": range(400),
            "ordered_at": days.strftime("%Y-%m-%d"),
            "amount": rng.gamma(2, 20, 400).round(2),
        }
    )
    orders.to_csv(shop.orders, index=False)
    return shop
