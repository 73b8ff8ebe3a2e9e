"""Reading numbers from the customers' table."""

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.strategies.scale import Floats


def number_column(customers: pd.DataFrame, column: str) -> Floats:
    """Return a column as floats, shape (n,), with NaN where it is missing.

    Raises
    ------
    DataError
        If the column holds something other than numbers.
    """
    series = customers[column]
    numeric = pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
    if numeric or series.dtype == object:
        try:
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            pass
    raise DataError(f"{column} must be a column of numbers. Got {series.dtype}. Convert it before scoring.")


def window_gain(customers: pd.DataFrame, column: str) -> float | None:
    """Return what one more order (or unit of money) adds to a column per year, None where unclear.

    Read from `orders` beside `orders_per_year`: a constant ratio is 365 / window_days; whole numbers no
    larger than `orders` are counts of the last 365 days, so 1. Rates annualised by each customer's own age
    have no one answer. Money has the window of the orders.
    """
    if not column.endswith("_per_year"):
        return 1.0
    if "orders" not in customers or "orders_per_year" not in customers:
        return None
    orders = number_column(customers, "orders")
    rates = number_column(customers, "orders_per_year")
    used = (orders > 0) & (rates > 0) & np.isfinite(orders) & np.isfinite(rates)
    if not used.any():
        return None
    ratio = rates[used] / orders[used]
    if np.allclose(ratio, ratio[0], rtol=1e-9, atol=0):
        return float(ratio[0])
    counts = (rates[used] % 1 == 0).all() and (rates[used] <= orders[used]).all()
    return 1.0 if counts else None
