from datetime import date, datetime
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.days import as_day, customer_days


def orders(**columns: list) -> pd.DataFrame:
    return pd.DataFrame(columns)


def rows(table: ibis.Table) -> list[dict]:
    keys = [k for k in ("customer_id", "channel", "ordered_on") if k in table.columns]
    return table.order_by(keys).to_pyarrow().to_pylist()


@pytest.mark.parametrize(
    "given",
    [
        "1997-09-30",
        "1997-09-30T23:59:59",
        date(1997, 9, 30),
        datetime(1997, 9, 30, 12),
        pd.Timestamp("1997-09-30 12:00"),
        np.datetime64("1997-09-30"),
    ],
)
def test_as_day_takes_every_usual_form(given: object) -> None:
    assert as_day(given) == date(1997, 9, 30)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["1997-02-29", "30.09.1997", "", None, pd.NaT, np.datetime64("NaT"), 19970930])
def test_as_day_refuses_what_is_no_day(given: object) -> None:
    with pytest.raises(ParamsError, match=r"as_of must be a day such as 1997-09-30\. Got "):
        as_day(given)  # type: ignore[arg-type]


def test_merges_the_orders_and_returns_of_a_day() -> None:
    log = orders(
        customer_id=["a", "a", "a", "a", "b"],
        ordered_at=pd.to_datetime(
            ["2024-03-01 08:00", "2024-03-01 23:59", "2024-03-01 12:00", "2024-03-02 00:00", "2024-03-01 00:00"]
        ),
        amount=[10.0, 5.5, -3.25, -1.0, 7.0],
        order_kind=["order", "order", "return", "return", None],
        discount=[1.0, None, 9.0, 9.0, 0.0],
    )
    first, second = date(2024, 3, 1), date(2024, 3, 2)
    expected = [
        ("a", first, 2, Decimal("12.25"), Decimal("15.5"), 1),
        ("a", second, 0, Decimal("-1"), Decimal("0"), 0),
        ("b", first, 1, Decimal("7"), Decimal("7"), 0),
    ]
    names = ["customer_id", "ordered_on", "orders", "amount", "order_amount", "discounted_orders"]
    assert [tuple(r[n] for n in names) for r in rows(customer_days(log))] == expected


def test_without_order_kind_every_row_is_an_order() -> None:
    log = orders(customer_id=[1], ordered_on=[date(2024, 3, 1)], amount=[-4.0])
    assert rows(customer_days(log)) == [
        {
            "customer_id": 1,
            "ordered_on": date(2024, 3, 1),
            "orders": 1,
            "amount": Decimal("-4"),
            "order_amount": Decimal("-4"),
        }
    ]


def test_by_channel_keeps_orders_without_a_channel() -> None:
    day = pd.to_datetime(["2024-03-01"] * 3)
    log = orders(customer_id=[1, 1, 1], ordered_on=day, amount=[1.0, 2.0, 4.0], channel=["web", None, "web"])
    found = [(r["channel"], r["orders"], r["amount"]) for r in rows(customer_days(log, by="channel"))]
    assert found == [("unknown", 1, 2), ("web", 2, 5)]


def test_channel_days_merge_to_the_same_days_as_the_orders() -> None:
    day = pd.to_datetime(["2024-03-01", "2024-03-01", "2024-03-02"])
    log = orders(
        customer_id=[1, 1, 1],
        ordered_on=day,
        amount=[1.0, 2.0, 4.0],
        channel=["web", "shop", "web"],
        discount=[1, 0, 0],
    )
    assert rows(customer_days(customer_days(log, by="channel"))) == rows(customer_days(log))


def test_customer_days_pass_through_and_are_cut_at_as_of() -> None:
    log = orders(customer_id=[1, 1], ordered_on=pd.to_datetime(["2024-03-01", "2024-03-02"]), amount=[1.0, 2.0])
    days = ibis.memtable(customer_days(log).to_pyarrow())
    assert customer_days(days) is days
    assert [r["ordered_on"] for r in rows(customer_days(days, as_of="2024-03-01"))] == [date(2024, 3, 1)]


def test_categorical_ids_and_channels_are_taken() -> None:
    log = orders(customer_id=["a"], ordered_on=pd.to_datetime(["2024-03-01"]), amount=[1], channel=["web"])
    log = log.astype({"customer_id": "category", "channel": "category"})
    assert rows(customer_days(log, by="channel"))[0]["channel"] == "web"


def test_only_the_channel_can_split_customers() -> None:
    log = orders(customer_id=[1], ordered_on=pd.to_datetime(["2024-03-01"]), amount=[1.0])
    with pytest.raises(ParamsError, match=r"by must be one we know\. Got 'chanel'\. Did you mean 'channel'\?"):
        customer_days(log, by="chanel")
    with pytest.raises(DataError, match="The orders table must have the column 'channel'"):
        customer_days(log, by="channel")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"customer_id": [1, None]}, "customer_id must be present in every row. Got 1 rows without it"),
        ({"amount": [1.0, float("inf")]}, "amount must be a number below 1e\\+13 in every row of orders. Got 1 rows"),
        ({"amount": [None, None]}, "Got 2 rows where it is not"),
        ({"amount": ["5", "five"]}, "Got 1 rows where it is not"),
        ({"customer_id": [1, "a"]}, "Every column of orders must hold values of one kind"),
        ({"ordered_on": ["2024-03-01", "2024-03-02"]}, "ordered_on must be a date, or a timestamp .* Got string"),
        (
            {"ordered_on": pd.to_datetime(["2024-03-01", "2024-03-02"]).tz_localize("UTC")},
            "timestamp without time zone. Got timestamp\\('UTC'",
        ),
    ],
)
def test_unusable_frames_are_refused_with_a_reason(changes: dict, message: str) -> None:
    log = orders(customer_id=[1, 2], ordered_on=pd.to_datetime(["2024-03-01", "2024-03-02"]), amount=[1.0, 2.0])
    with pytest.raises(DataError, match=message):
        customer_days(log.assign(**changes))


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("customer_id", "The orders table must have the column 'customer_id'"),
        ("ordered_on", "must have the column 'ordered_at'"),
        ("amount", "The orders table must have the column 'amount'"),
    ],
)
def test_missing_columns_are_named(missing: str, message: str) -> None:
    log = orders(customer_id=[1], ordered_on=pd.to_datetime(["2024-03-01"]), amount=[1.0])
    with pytest.raises(DataError, match=message):
        customer_days(log.drop(columns=missing))


def test_empty_frames_and_other_things_are_refused() -> None:
    with pytest.raises(DataError, match=r"orders must have at least one row. Got none"):
        customer_days(orders(customer_id=[], ordered_on=[], amount=[]))
    with pytest.raises(ParamsError, match=r"orders must be an ibis table or a pandas frame. Got list"):
        customer_days([1])  # type: ignore[arg-type]
