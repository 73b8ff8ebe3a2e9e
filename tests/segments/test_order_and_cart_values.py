"""Orders, carts and interests per segment, by hand."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.segments.activity import order_and_cart_values

ASSIGNED = pd.DataFrame({"customer_id": [1, 2, 3, 4], "segment": ["Best", "Best", "Lost", "Prospect"]})
CUSTOMERS = pd.DataFrame({"customer_id": [1, 2, 3], "orders": [1, 3, 2], "spend": [10.0, 50.0, 8.0]})
CARTS = pd.DataFrame({"customer_id": [1, 1, 4, 9], "value": [20.0, 40.0, 5.0, 999.0]})
BOUGHT = pd.DataFrame(
    {"customer_id": [1, 1, 2, 2, 3, 3], "category": ["hats", "shoes", "shoes", "shoes", None, "socks"]}
)


def test_by_hand() -> None:
    table = order_and_cart_values(ASSIGNED, CUSTOMERS, carts=CARTS, bought=BOUGHT, order=["Best", "Middle", "Lost"])
    assert table["segment"].tolist() == ["Best", "Lost", "Prospect"]
    assert table["mean_order_value"].tolist()[:2] == [15.0, 4.0]
    assert np.isnan(table["mean_order_value"].iloc[2])
    assert table["mean_cart_value"].fillna(-1).tolist() == [30.0, -1, 5.0]
    assert table["interests"].fillna("").tolist() == ["shoes 100%, hats 50%", "socks 100%", ""]


def test_what_nobody_knows_has_no_column() -> None:
    assert order_and_cart_values(ASSIGNED, CUSTOMERS).columns.tolist() == ["segment", "mean_order_value"]
    with pytest.raises(DataError, match="'spend'"):
        order_and_cart_values(ASSIGNED, CUSTOMERS.drop(columns="spend"))
