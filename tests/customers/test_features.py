from datetime import date

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.customers import customer_table, features
from rfm_ml.customers.days import as_table
from rfm_ml.customers.table import channel_names

AS_OF = "2024-12-31"


def log(*days: str, **columns: list) -> pd.DataFrame:
    """One order a day of 10.0 by customer "a", unless a column is given."""
    frame = pd.DataFrame({"customer_id": "a", "ordered_on": pd.to_datetime(list(days)), "amount": 10.0})
    return frame.assign(**columns)


def days_before(*ages: int) -> list[str]:
    return [str((pd.Timestamp(AS_OF) - pd.Timedelta(days=n)).date()) for n in ages]


def row(orders: pd.DataFrame, **arguments: object) -> dict:
    table = features(orders, as_of=AS_OF, **arguments)  # type: ignore[arg-type]
    return table.order_by("customer_id").to_pyarrow().to_pylist()[0]


def test_a_missing_input_leaves_its_columns_out() -> None:
    assert list(row(log("2024-01-01"))) == [
        "customer_id",
        "mean_order_value",
        "gap_mean_days",
        "gap_cv",
        "buying_rhythm",
        "overdue_days",
        "orders_30d",
        "orders_90d",
        "orders_365d",
        "spend_30d",
        "spend_90d",
        "spend_365d",
        "orders_trend",
    ]


def test_mean_order_value_is_of_orders_before_returns() -> None:
    orders = log(
        "2024-01-01",
        "2024-01-01",
        "2024-01-02",
        "2025-01-01",
        amount=[10.0, 20.0, -30.0, 500.0],
        order_kind=["order", "order", "return", "order"],
    )
    assert row(orders)["mean_order_value"] == 15.0


def test_gaps_are_between_order_days_whatever_happens_in_between() -> None:
    orders = log(
        *days_before(60, 60, 45, 30, 20, 0),
        order_kind=["order", "order", "return", "order", "return", "order"],
    )
    found = row(orders)
    assert (found["gap_mean_days"], found["gap_cv"]) == (30.0, 0.0)


def test_recent_windows_are_open_at_their_start() -> None:
    orders = log(*days_before(0, 29, 30, 89, 90, 364, 365, -1))
    found = row(orders)
    assert [found[f"orders_{n}d"] for n in (30, 90, 365)] == [2, 4, 6]
    assert [found[f"spend_{n}d"] for n in (30, 90, 365)] == [20.0, 40.0, 60.0]


@pytest.mark.parametrize(
    ("ages", "trend"),
    [
        ([0, 89], 1.0),  # only in the last 90 days
        ([90, 179], -1.0),  # only in the 90 before
        ([180], 0.0),  # in neither
        ([0, 1, 2, 100], 0.5),  # (3 - 1) / (3 + 1)
        ([10, 100], 0.0),
    ],
)
def test_trend_is_finite_and_between_minus_one_and_one(ages: list[int], trend: float) -> None:
    assert row(log(*days_before(*ages)))["orders_trend"] == trend


def test_coupon_share_counts_orders_not_returns() -> None:
    orders = log(
        *["2024-01-01"] * 5,
        discount=[2.0, 0.0, None, 1.0, 3.0],
        order_kind=["order", "order", "order", "order", "return"],
    )
    assert row(orders)["coupon_share"] == 0.5


def test_categories_are_counted_once_and_up_to_as_of() -> None:
    lines = log(
        "2024-01-01",
        "2024-01-01",
        "2024-02-01",
        "2024-03-01",
        "2025-01-01",
        category=["shoes", "shoes", "hats", "bags", "belts"],
        order_kind=["order", "order", "order", "return", "order"],
    )
    assert row(log("2024-01-01"), lines=lines)["categories"] == 2
    nobody = lines.assign(customer_id="z")
    assert row(log("2024-01-01"), lines=nobody)["categories"] == 0


def test_categories_by_channel() -> None:
    orders = log("2024-01-01", "2024-01-02", "2024-01-03", channel=["web", "web", "shop"])
    lines = orders.assign(category=["shoes", "hats", "hats"])
    frame = customer_table(orders, as_of=AS_OF, by="channel", lines=lines)
    assert frame[["channel", "categories"]].to_numpy().tolist() == [["shop", 1], ["web", 2]]


def test_channel_shares_are_of_all_orders_up_to_as_of() -> None:
    orders = log(
        *["2024-01-01"] * 5,
        "2025-01-01",
        channel=["web", "web", "shop", None, "shop", "app"],
        order_kind=["order", "order", "order", "order", "return", "order"],
    )
    frame = customer_table(orders, as_of=AS_OF)
    shares = {c: frame.at[0, c] for c in frame.columns if c.startswith("channel_share_")}
    assert shares == {"channel_share_shop": 0.25, "channel_share_web": 0.5}


def test_only_the_biggest_channels_get_a_column() -> None:
    names = [f"c{n:02}" for n in range(25)]
    orders = log(*["2024-01-01"] * 30, channel=[*names, *names[-5:]])
    frame = customer_table(orders, as_of=AS_OF)
    found = [c.removeprefix("channel_share_") for c in frame.columns if c.startswith("channel_share_")]
    assert found == names[:15] + names[20:]  # the five with two orders, then by name


def test_channel_names_need_a_channel() -> None:
    assert channel_names(as_table(log("2024-01-01"), what="orders"), as_of=date(2024, 12, 31)) == []
    with pytest.raises(DataError, match="must have the column 'channel'"):
        features(log("2024-01-01"), as_of=AS_OF, channels=["web"])


def test_customers_without_events_have_no_engagement() -> None:
    events = pd.DataFrame(
        {"customer_id": ["a", "z"], "event_at": pd.to_datetime([AS_OF, AS_OF]), "kind": ["visit", "visit"]}
    )
    orders = pd.concat([log("2024-01-01"), log("2024-01-01", customer_id=["b"])])
    frame = customer_table(orders, as_of=AS_OF, events=events)
    columns = ["customer_id", "clicks_180d", "visits_90d", "engagement_score"]
    assert frame[columns].to_numpy().tolist() == [["a", 0, 1, 3.0], ["b", 0, 0, 0.0]]


def test_ids_of_different_kinds_are_refused() -> None:
    events = pd.DataFrame({"customer_id": [1], "event_at": pd.to_datetime([AS_OF]), "kind": ["visit"]})
    with pytest.raises(DataError, match="customer_id must be of one kind in orders, lines and events"):
        features(log("2024-01-01"), as_of=AS_OF, events=events)
