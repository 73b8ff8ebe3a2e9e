"""What segments do besides ordering, with people made by hand."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from rfm_ml.core.errors import DataError
from rfm_ml.segments.activity import abandoned_carts, clicks_per_open, responsiveness, retention

ASSIGNED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "e"],
        "segment": ["Champions", "Champions", "Lost", "Loyal", "Prospect"],
        "R": [3, 3, 1, 2, 0],
        "F": [3, 2, 1, 3, 0],
        "M": [3, 3, 1, 2, 0],
    }
)
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "last_order_on": pd.to_datetime(["2024-05-01", "2024-06-20", "2023-01-01", "2024-06-01"]),
        "spend": [500.0, 400.0, 20.0, 90.0],
    }
)


def carts(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "event_at", "value"])
    return frame.assign(event_at=pd.to_datetime(frame["event_at"]), kind="cart_abandon")


def test_responsiveness_counts_people_without_events_too() -> None:
    activity = pd.DataFrame(
        {
            "customer_id": ["a", "e", "z"],
            "opens": [4, 0, 9],
            "clicks": [2, 0, 9],
            "visits": [6, 1, 9],
            "carts": [2, 0, 9],
            "abandoned_carts": [1, 0, 9],
            "engagement_score": [10.0, 3.0, 99.0],
        }
    )
    expected = pd.DataFrame(
        {
            "segment": ["Champions", "Loyal", "Lost", "Prospect"],
            "customers": [2, 1, 1, 1],
            "active_share": [0.5, 0.0, 0.0, 1.0],
            "opens": [2.0, 0, 0, 0],
            "clicks": [1.0, 0, 0, 0],
            "visits": [3.0, 0, 0, 1],
            "carts": [1.0, 0, 0, 0],
            "abandoned_carts": [0.5, 0, 0, 0],
            "engagement_score": [5.0, 0, 0, 3.0],
        }
    )
    found = responsiveness(ASSIGNED, activity, order=["Champions", "Loyal", "Lost"])
    assert_frame_equal(found, expected, check_dtype=False)
    assert responsiveness(ASSIGNED, activity)["segment"].tolist() == ["Champions", "Lost", "Loyal", "Prospect"]


def test_retention_counts_who_ordered_since() -> None:
    recent = pd.DataFrame(
        {"customer_id": ["a", "d", "z"], "orders_recent": [1, 0, 2], "revenue_recent": [10.0, -5.0, 99.0]}
    )
    expected = pd.DataFrame(
        {
            "segment": ["Champions", "Loyal", "Lost"],
            "customers": [2, 1, 1],
            "ordered": [1, 0, 0],
            "ordered_share": [0.5, 0.0, 0.0],
            "revenue": [10.0, -5.0, 0.0],
            "revenue_each": [5.0, -5.0, 0.0],
        }
    )
    assert_frame_equal(retention(ASSIGNED.head(4), recent, order=["Champions", "Loyal"]), expected, check_dtype=False)


def test_carts_of_high_scores_that_no_order_followed() -> None:
    events = carts(
        ("a", "2024-06-10 08:00", 80.0),
        ("a", "2024-06-12 08:00", 120.0),
        ("a", "2024-05-30 23:00", 999.0),  # more than 30 days ago
        ("b", "2024-06-15 08:00", 200.0),  # ordered after it
        ("c", "2024-06-15 08:00", 300.0),  # no high score
        ("d", "2024-06-02 08:00", 90.0),
        ("e", "2024-06-15 08:00", 500.0),  # a prospect
        ("a", "2024-07-01 08:00", 900.0),  # after the day
    )
    found = abandoned_carts(ASSIGNED, CUSTOMERS, events, as_of="2024-06-29", days=30, min_value=85)
    expected = pd.DataFrame(
        {
            "customer_id": ["a", "d"],
            "segment": ["Champions", "Loyal"],
            "F": [3, 3],
            "M": [3, 2],
            "cart_on": pd.to_datetime(["2024-06-12", "2024-06-02"]),
            "cart_value": [120.0, 90.0],
            "carts": [1, 1],
            "spend": [500.0, 90.0],
        }
    )
    assert_frame_equal(found, expected, check_dtype=False)
    # The upper quartile of the six carts of these days (80, 90, 120, 200, 300, 500) is 275: nobody is left.
    assert abandoned_carts(ASSIGNED, CUSTOMERS, events, as_of="2024-06-29").empty
    assert abandoned_carts(ASSIGNED, CUSTOMERS, events, as_of="2020-01-01").empty


def test_values_in_text_are_read_and_what_is_no_number_is_no_cart() -> None:
    events = carts(("a", "2024-06-10", 80.0), ("d", "2024-06-10", 90.0)).assign(value=["80.50", "dear"])
    found = abandoned_carts(ASSIGNED, CUSTOMERS, events, as_of="2024-06-30", min_value=1)
    assert found[["customer_id", "cart_value"]].to_numpy().tolist() == [["a", 80.5]]


def test_carts_need_a_value() -> None:
    with pytest.raises(DataError, match="The events table must have the column 'value'"):
        abandoned_carts(ASSIGNED, CUSTOMERS, carts(("a", "2024-06-10", 1.0)).drop(columns="value"), as_of="2024-06-30")


def test_clicks_per_open_are_told_of_enough_opens_alone() -> None:
    responses = pd.DataFrame(
        {
            "segment": ["Champions", "Losing VIPs", "Lost"],
            "customers": [10, 29, 5],
            "opens": [3.0, 1.0, 0.0],
            "clicks": [1.5, 0.75, 0.0],
        }
    )
    told = clicks_per_open(responses)
    assert told.index.tolist() == responses["segment"].tolist()
    assert told.fillna(-1).tolist() == [0.5, -1.0, -1.0]  # 30, 29 and no opens
    assert clicks_per_open(responses, at_least=29)["Losing VIPs"] == 0.75
    assert clicks_per_open(responses, at_least=0).isna()["Lost"]
