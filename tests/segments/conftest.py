import pandas as pd
import pytest

from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.strategies import ThresholdRFM


@pytest.fixture
def customers() -> pd.DataFrame:
    """Six customers by hand, the last a contact who never ordered."""
    return pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4, 5, 6],
            "recency_days": [5, 10, 100, 200, 500, float("nan")],
            "orders": [8, 1, 3, 2, 1, 0],
            "spend": [800.0, 20.0, 150.0, 40.0, 400.0, 0.0],
            "orders_per_year": [8.0, 1.0, 3.0, 2.0, 1.0, 0.0],
            "spend_per_year": [800.0, 20.0, 150.0, 40.0, 400.0, 0.0],
        }
    )


@pytest.fixture
def limits() -> ThresholdRFM:
    """Five scores each, from round limits."""
    return ThresholdRFM(
        recency=[30, 90, 180, 365], frequency=[2, 3, 4, 6], monetary=[50, 100, 200, 500], recency_column="recency_days"
    )


@pytest.fixture
def model(limits, customers) -> SegmentModel:
    return SegmentModel(limits, load_map("twelve")).fit(customers, fitted_on="2026-01-31")
