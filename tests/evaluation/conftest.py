"""CDNOW's sample at the end of its calibration period, with what its customers did in the 39 weeks after."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from rfm_ml.customers.holdout import split_holdout


@pytest.fixture(scope="session")
def cdnow() -> pd.DataFrame:
    spec = find_spec("lifetimes")  # importing it warns
    assert spec is not None
    path = Path(str(spec.origin)).parent / "datasets" / "CDNOW_sample.txt"
    raw = pd.read_csv(path, sep=r"\s+", header=None)
    raw.columns = ["master", "customer_id", "date", "cds", "amount"]
    days = pd.to_datetime(raw["date"].astype(str), format="%Y%m%d")
    orders = pd.DataFrame({"customer_id": raw["customer_id"], "ordered_on": days, "amount": raw["amount"]})
    return split_holdout(orders, as_of="1997-09-30", until="1998-06-30", with_features=False)
