"""The split by date, and the detector of features that have seen the future."""

from datetime import date

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers import customer_table
from rfm_ml.customers.days import as_table
from rfm_ml.customers.holdout import actuals, leaking_columns, split_holdout, until_day


@pytest.fixture
def orders() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("a", "2024-01-01", 10.0, "order"),
            ("a", "2024-01-20", 20.0, "order"),
            ("a", "2024-02-05", 7.0, "order"),
            ("a", "2024-02-05", 5.0, "order"),
            ("a", "2024-02-20", -3.0, "return"),
            ("b", "2024-01-31", 4.0, "order"),
            ("b", "2024-02-10", -4.0, "return"),
            ("c", "2024-02-01", 99.0, "order"),
            ("d", "2024-01-15", 8.0, "order"),
            ("d", "2024-03-01", 8.0, "order"),
        ],
        columns=["customer_id", "ordered_on", "amount", "order_kind"],
    ).astype({"ordered_on": "datetime64[us]"})


def test_split_by_hand(orders):
    got = split_holdout(orders, as_of="2024-01-31", until="2024-02-29", with_features=False)
    expected = pd.DataFrame({
        "customer_id": ["a", "b", "d"],
        "recency_days": [11, 0, 16],
        "orders": [2, 1, 1],
        "repeat_orders": [1, 0, 0],
        "actual_order_days": [1, 0, 0],  # two orders of one day, as the models count
        "actual_orders": [2, 0, 0],
        "actual_spend": [9.0, -4.0, 0.0],  # net of returns
    })  # fmt: skip
    pd.testing.assert_frame_equal(got[expected.columns.tolist()], expected, check_dtype=False)
    assert got.attrs == {
        "as_of": "2024-01-31",
        "until": "2024-02-29",
        "holdout_days": 29,
        "new_customers": 1,
    }


def test_the_whole_log_is_the_default(orders):
    got = split_holdout(orders, as_of="2024-01-31")
    assert got.attrs["until"] == "2024-03-01"
    assert got["actual_orders"].tolist() == [2, 0, 1]


def test_calibration_columns_are_those_of_the_customers_table(orders):
    got = split_holdout(as_table(orders, what="orders"), as_of="2024-01-31")
    alone = customer_table(orders[orders["ordered_on"] <= "2024-01-31"], as_of="2024-01-31")
    pd.testing.assert_frame_equal(got[alone.columns.tolist()], alone)


def test_a_holdout_beyond_the_log_is_refused(orders):
    with pytest.raises(DataError, match="last order is on 2024-03-01"):
        split_holdout(orders, as_of="2024-01-31", until="2024-06-30")
    with pytest.raises(DataError, match="a log that begins on 2024-01-01"):
        split_holdout(orders, as_of="2023-12-31")
    with pytest.raises(ParamsError, match="until must be after as_of"):
        split_holdout(orders, as_of="2024-01-31", until="2024-01-31")
    with pytest.raises(DataError, match="at least one order"):
        split_holdout(orders.iloc[[4]], as_of="2024-01-31")


def test_actuals_are_after_the_day_and_up_to_the_last(orders):
    got = actuals(orders, as_of="2024-01-31", until="2024-02-05")
    assert got["customer_id"].tolist() == ["a", "c"]
    assert got["actual_orders"].tolist() == [2, 1]


def test_rows_after_the_day_are_removed_from_every_kind_of_log(orders):
    assert len(until_day(orders, "2024-01-31").to_pyarrow()) == 4
    events = pd.DataFrame({
        "customer_id": ["a", "a"],
        "event_at": pd.to_datetime(["2024-01-31 23:59", "2024-02-01 00:00"]),
        "kind": ["visit", "visit"],
    })  # fmt: skip
    assert len(until_day(events, "2024-01-31", what="events").to_pyarrow()) == 1


def honest(log, day: date) -> pd.DataFrame:
    return customer_table(log, as_of=day)


def leaky(log, day: date) -> pd.DataFrame:
    """The customers table with a planted leak: each customer's spend over the whole log."""
    whole = log if isinstance(log, pd.DataFrame) else log.to_pyarrow().to_pandas()
    spend = whole.groupby("customer_id")["amount"].sum()
    frame = customer_table(log, as_of=day)
    return frame.assign(value_score=frame["customer_id"].map(spend))


def test_a_planted_leak_is_found_and_the_customers_table_has_none(orders):
    assert leaking_columns(honest, orders, as_of="2024-01-31") == []
    assert leaking_columns(leaky, orders, as_of="2024-01-31") == ["value_score"]


def test_customers_from_the_future_are_a_leak(orders):
    def everybody(log, day):
        whole = log if isinstance(log, pd.DataFrame) else log.to_pyarrow().to_pandas()
        return pd.DataFrame({"customer_id": sorted(whole["customer_id"].unique())})

    assert leaking_columns(everybody, orders, as_of="2024-01-31") == ["customer_id"]
