"""Tables about the customers for figures."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from rfm_ml.core.errors import ParamsError
from rfm_ml.customers.days import as_table
from rfm_ml.customers.panels import arrivals, distribution, recent_and_before, rhythm_table, top_customers

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [1, 2, 3, 4],
        "recency_days": [5, 10, 20, 40],
        "orders": [8, 1, 3, 1],
        "spend": [60.0, 10.0, 20.0, 10.0],
        "gap_mean_days": [30.0, np.nan, 50.0, np.nan],
        "buying_rhythm": ["regular", "one-time", "occasional", "one-time"],
        "first_order_on": pd.to_datetime(["2025-01-01", "2025-01-03", "2025-01-01", "2025-02-01"]),
    }
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e9, allow_nan=False), min_size=1, max_size=80)
    | st.lists(st.integers(0, 10**6).map(float), min_size=1, max_size=80)
    | st.lists(st.sampled_from([0.0, 0.01, 1.0, 2.0, 1e6]), min_size=1, max_size=80)
)
def test_every_value_is_in_one_range(values: list[float]) -> None:
    table = distribution(pd.Series(values))
    assert table["customers"].sum() == len(values)
    assert (table["high"] > table["low"]).all()
    np.testing.assert_array_equal(table["high"].to_numpy()[:-1], table["low"].to_numpy()[1:])
    assert len(table) <= 70


def test_skewed_counts_have_a_bar_each_and_one_for_the_rest() -> None:
    table = distribution(pd.Series([1] * 900 + [2] * 95 + [3] * 4 + [90]))
    assert table["customers"].tolist() == [900, 95, 5]
    assert table[["low", "high"]].to_numpy().tolist() == [[0.5, 1.5], [1.5, 2.5], [2.5, 90.5]]
    assert not table["log"].any()


def test_skewed_money_is_cut_at_preferred_numbers() -> None:
    table = distribution(pd.Series(np.geomspace(1.5, 900, 1000)))
    assert table["log"].all()
    assert {2.0, 5.0, 10.0, 100.0} <= set(table["low"])


def test_even_ranges_begin_at_round_numbers() -> None:
    table = distribution(pd.Series(np.arange(3, 273)))
    assert table["low"].tolist() == list(range(0, 280, 10))
    assert table["customers"].tolist() == [7, *[10] * 26, 3]


def test_missing_values_are_left_out() -> None:
    assert distribution(pd.Series([np.nan, 1.0]))["customers"].tolist() == [1]
    assert distribution(pd.Series([np.nan])).empty


def test_bars_must_make_sense() -> None:
    with pytest.raises(ParamsError, match=r"bars must be between 2 and 200\. Got 1"):
        distribution(pd.Series([1.0]), bars=1)


def test_arrivals_count_first_orders_by_day() -> None:
    expected = pd.DataFrame(
        {"day": pd.to_datetime(["2025-01-01", "2025-01-03", "2025-02-01"]), "new_customers": [2, 1, 1]}
    )
    assert_frame_equal(arrivals(CUSTOMERS), expected, check_dtype=False)


def test_rhythms_are_all_there_in_order() -> None:
    expected = pd.DataFrame(
        {
            "rhythm": ["regular", "cyclic", "seasonal", "occasional", "too few orders", "one-time"],
            "customers": [1, 0, 0, 1, 0, 2],
            "customer_share": [0.25, 0.0, 0.0, 0.25, 0.0, 0.5],
            "revenue": [60.0, 0.0, 0.0, 20.0, 0.0, 20.0],
            "revenue_share": [0.6, 0.0, 0.0, 0.2, 0.0, 0.2],
            "median_gap_days": [30.0, np.nan, np.nan, 50.0, np.nan, np.nan],
        }
    )
    assert_frame_equal(rhythm_table(CUSTOMERS), expected, check_dtype=False)
    assert rhythm_table(CUSTOMERS.assign(spend=0.0))["revenue_share"].isna().all()


def test_top_customers_are_ranked_by_spend_then_id() -> None:
    expected = pd.DataFrame(
        {
            "customer_id": [1, 3, 2],
            "orders": [8, 3, 1],
            "spend": [60.0, 20.0, 10.0],
            "spend_share": [0.6, 0.2, 0.1],
            "running_share": [0.6, 0.8, 0.9],
            "recency_days": [5, 20, 10],
        }
    )
    assert_frame_equal(top_customers(CUSTOMERS, count=3), expected)
    assert top_customers(CUSTOMERS.assign(spend=0.0))["spend_share"].isna().all()


def test_recent_and_before_cut_at_the_day() -> None:
    log = pd.DataFrame(
        [
            ("a", "2025-03-31", 10.0, "order", "web"),
            ("a", "2025-03-22", 5.0, "order", "web"),
            ("a", "2025-03-21", 3.0, "order", "shop"),
            ("a", "2025-03-12", 2.0, "order", "shop"),
            ("a", "2025-03-11", 7.0, "order", "shop"),
            ("b", "2025-03-25", -4.0, "return", "web"),
            ("b", "2025-04-01", 9.0, "order", "web"),
        ],
        columns=["customer_id", "ordered_on", "amount", "order_kind", "channel"],
    )
    orders = as_table(log.assign(ordered_on=pd.to_datetime(log["ordered_on"]).dt.date), what="orders")
    found = recent_and_before(orders, as_of=date(2025, 3, 31), days=10)
    expected = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "orders_recent": [2, 0],
            "orders_before": [2, 0],
            "revenue_recent": [15.0, -4.0],
            "revenue_before": [5.0, 0.0],
        }
    )
    assert_frame_equal(found, expected, check_dtype=False)
    split = recent_and_before(orders, as_of=date(2025, 3, 31), days=10, by="channel")
    assert split[["customer_id", "channel", "orders_recent"]].to_numpy().tolist() == [
        ["a", "shop", 0],
        ["a", "web", 2],
        ["b", "web", 0],
    ]
