from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rfm_ml.customers import customer_table, repeat_buying


def log(*rows: tuple) -> pd.DataFrame:
    """Orders from (day, amount[, kind]) of one customer."""
    frame = pd.DataFrame(
        [("a", *row, *("order",)[len(row) - 2 :]) for row in rows],
        columns=["customer_id", "ordered_on", "amount", "order_kind"],
    )
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]))


def x_tx_m(orders: pd.DataFrame, as_of: str = "2024-12-31") -> tuple:
    row = repeat_buying(orders, as_of=as_of).to_pyarrow().to_pylist()[0]
    return row["repeat_orders"], row["active_days"], row["mean_repeat_value"]


def test_columns_are_those_of_the_vocabulary() -> None:
    from rfm_ml.core.columns import REPEAT_BUYING

    found = repeat_buying(log(("2024-01-01", 1.0)), as_of="2024-12-31").columns
    assert list(found) == ["customer_id", *REPEAT_BUYING]


def test_one_time_buyer() -> None:
    assert x_tx_m(log(("2024-01-01", 10.0))) == (0, 0, 0.0)


def test_two_orders_on_the_first_day_are_no_repeat() -> None:
    assert x_tx_m(log(("2024-01-01", 10.0), ("2024-01-01", 20.0))) == (0, 0, 0.0)


def test_same_day_orders_are_one_purchase_of_their_sum() -> None:
    orders = log(("2024-02-28", 99.0), ("2024-03-01", 10.0), ("2024-03-01", 20.0), ("2024-03-11", 6.0))
    assert x_tx_m(orders) == (2, 12, 18.0)  # 29 February lies between


def test_returns_are_netted_with_the_orders_of_their_day() -> None:
    orders = log(
        ("2024-01-01", 50.0),
        ("2024-01-01", -50.0, "return"),  # first day: never in m
        ("2024-01-11", 30.0),
        ("2024-01-11", -10.0, "return"),  # repeat day: 20 left
        ("2024-01-21", 40.0),
    )
    assert x_tx_m(orders) == (2, 20, 30.0)


def test_returns_on_days_of_their_own_are_no_purchase() -> None:
    orders = log(
        ("2023-12-01", -1.0, "return"),
        ("2024-01-01", 50.0),
        ("2024-01-05", -50.0, "return"),
        ("2024-01-11", 30.0),
        ("2024-02-01", -30.0, "return"),
    )
    assert x_tx_m(orders) == (1, 10, 30.0)


def test_as_of_cuts_the_log() -> None:
    orders = log(("2024-01-01", 1.0), ("2024-01-03", 5.0), ("2024-01-09", 7.0))
    assert x_tx_m(orders, as_of="2024-01-08") == (1, 2, 5.0)
    assert x_tx_m(orders, as_of="2024-01-09") == (2, 8, 6.0)


def test_by_channel_repeats_are_within_the_channel() -> None:
    orders = log(("2024-01-01", 1.0), ("2024-01-02", 2.0), ("2024-01-04", 4.0)).assign(channel=["web", "shop", "web"])
    rows = repeat_buying(orders, as_of="2024-12-31", by="channel").order_by("channel").to_pyarrow().to_pylist()
    assert [tuple(r.values()) for r in rows] == [("a", "shop", 0, 0, 0.0), ("a", "web", 1, 3, 4.0)]


def cdnow(name: str) -> pd.DataFrame:
    """Purchases of the CDNOW customers, from the files in the wheel of lifetimes."""
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / f"CDNOW_{name}.txt"
    if name == "sample":
        columns = ["master_id", "customer_id", "ordered_on", "cds", "amount"]
        frame = pd.read_csv(path, sep=r"\s+", names=columns)
    else:
        frame = pd.read_csv(path, sep=r"\s+", skiprows=1, names=["customer_id", "ordered_on", "cds", "amount"])
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"].astype(str), format="%Y%m%d"))


def test_published_counts_of_the_cdnow_sample() -> None:
    # Fader and Hardie's calibration period: 39 weeks to the end of September 1997.
    frame = customer_table(cdnow("sample"), as_of="1997-09-30", with_features=False)
    x = frame["repeat_orders"]
    assert len(frame) == 2357
    assert x.sum() == 2457
    assert (x > 0).sum() == 946
    assert x.clip(upper=7).value_counts().sort_index().tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert frame.loc[x > 0, "mean_repeat_value"].mean() == pytest.approx(35.08, abs=0.005)


@pytest.mark.filterwarnings("ignore")  # lifetimes sets options that pandas 3 deprecates
@pytest.mark.parametrize(
    ("name", "as_of", "customers"),
    [("sample", "1997-09-30", 2357), ("sample", "1998-06-30", 2357), ("master", "1997-09-30", 23570)],
)
def test_equals_lifetimes_on_cdnow(name: str, as_of: str, customers: int) -> None:
    from lifetimes.utils import summary_data_from_transaction_data

    orders = cdnow(name)
    ours = customer_table(orders, as_of=as_of, with_features=False).set_index("customer_id")
    theirs = summary_data_from_transaction_data(
        orders, "customer_id", "ordered_on", monetary_value_col="amount", observation_period_end=as_of
    ).sort_index()
    assert len(ours) == customers
    assert ours.index.tolist() == theirs.index.tolist()
    for our_name, their_name in {"repeat_orders": "frequency", "active_days": "recency", "age_days": "T"}.items():
        assert (ours[our_name] == theirs[their_name]).all(), our_name
    # Theirs are means of floats: equal but for the last bits. Ours are exact sums, divided once.
    np.testing.assert_allclose(ours["mean_repeat_value"], theirs["monetary_value"], rtol=1e-13, atol=0)


def test_mean_repeat_value_is_the_exact_mean() -> None:
    orders = cdnow("sample").query("ordered_on <= '1997-09-30'")
    cents = orders.assign(cents=(orders["amount"] * 100).round().astype("int64"))
    days = cents.groupby(["customer_id", "ordered_on"], as_index=False)["cents"].sum()
    repeats = days[days.duplicated("customer_id")].groupby("customer_id")["cents"].agg(["sum", "count"])
    frame = customer_table(orders, as_of="1997-09-30", with_features=False).set_index("customer_id")
    found = frame.loc[repeats.index, "mean_repeat_value"]
    assert (found == (repeats["sum"] / 100) / repeats["count"]).all()
