"""Columns of typed sources: ids, instants, amounts, kinds."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.files import load_frame
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.sources import connect
from rfm_ml.transactions.typed import typed_select

CON = connect(Path())
DAY = pd.Timestamp("2024-01-05 23:30")


def _typed(what: str, *, zone: str = "UTC", rates: dict[str, float] | None = None, **columns: list[Any]) -> list[Any]:
    plain = {"customer_id": [1], "order_id": [1], "ordered_at": [DAY], "amount": [1.0]}
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({k: v * n for k, v in plain.items() if k not in columns} | columns)
    if "unit_price" in columns:
        frame = frame.drop(columns="amount")
    sql, _, _ = typed_select(
        load_frame(CON, frame),
        columns={},
        policies=Policies(duplicates="keep", rates=rates or {}),
        date_format=None,
        decimal=None,
        time_zone=zone,
    )
    return [v for (v,) in CON.con.execute(f"SELECT {what} FROM ({sql}) ORDER BY _source").fetchall()]


@pytest.mark.parametrize(
    ("days", "zone", "read"),
    [
        ([pd.Timestamp("2024-01-05 23:30")], "Europe/Berlin", datetime(2024, 1, 5, 23, 30)),
        ([pd.Timestamp("2024-01-05 23:30", tz="UTC")], "Europe/Berlin", datetime(2024, 1, 6, 0, 30)),
        ([pd.Timestamp("2024-07-05 23:30", tz="UTC")], "America/New_York", datetime(2024, 7, 5, 19, 30)),
        ([pd.Timestamp("2024-01-05 23:30", tz="Asia/Tokyo")], "UTC", datetime(2024, 1, 5, 14, 30)),
        ([date(2024, 1, 5)], "Europe/Berlin", datetime(2024, 1, 5)),
        ([20240105], "Europe/Berlin", datetime(2024, 1, 5)),
        (["2024-01-05T23:30:00Z"], "Europe/Berlin", datetime(2024, 1, 6, 0, 30)),
    ],
    ids=["naive", "UTC", "summer", "Tokyo", "date", "yyyymmdd", "text with zone"],
)
def test_days_are_cut_in_the_time_zone_of_the_study(days: list[Any], zone: str, read: datetime) -> None:
    assert _typed("ordered_at", zone=zone, ordered_at=days) == [read]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_instants_of_any_precision(unit: str) -> None:
    assert _typed("ordered_at", ordered_at=pd.Series([DAY]).astype(f"datetime64[{unit}]").to_list()) == [DAY]


def test_quantity_times_unit_price_is_exact() -> None:
    assert _typed("amount::DOUBLE", quantity=[3, -2, 10**9], unit_price=[0.1, 2.55, 99999.99]) == [
        0.3,
        -5.1,
        99999990000000,
    ]
    assert _typed("amount", quantity=[10**13], unit_price=[10.0**13]) == [None]


def test_rates_turn_each_line_into_the_currency_of_the_study() -> None:
    got = _typed(
        "amount::DOUBLE",
        rates={"EUR": 1, "idr": 0.000057},
        amount=[1.0, 1_000_000.0, 3.0],
        currency=["eur", " IDR ", None],
    )
    assert got == [1.0, 57.0, None]


def test_kinds() -> None:
    got = _typed("line_kind", order_kind=["order", " Sale", "RETURN", "refund", "gift", None])
    assert got == ["order", "order", "return", "return", None, None]


def test_order_numbers_are_made_of_rows_where_there_are_none() -> None:
    raw = load_frame(
        CON, pd.DataFrame({"customer_id": [1, 1], "ordered_at": [DAY, DAY], "amount": [1.0, 1.0]}), first_row=7
    )
    options = {"columns": {}, "date_format": None, "decimal": None, "time_zone": "UTC"}
    sql, _, present = typed_select(raw, policies=Policies(duplicates="keep"), **options)
    assert CON.con.execute(f"SELECT order_id FROM ({sql}) ORDER BY 1").fetchall() == [(7,), (8,)]
    assert "order_id" not in present


@pytest.mark.parametrize(
    ("columns", "error", "told"),
    [
        ({"amnt": "amount"}, ParamsError, "Got 'amnt'. Did you mean 'amount'"),
        ({"amount": "amnt"}, DataError, "column 'amnt' .for amount.. Did you mean 'amount'"),
        (
            {"order_id": "customer_id", "channel": "customer_id"},
            ParamsError,
            "'customer_id' is given for order_id, channel",
        ),
        ({"order_id": "customer_id"}, DataError, "must have a column for customer_id"),
    ],
)
def test_mappings_that_cannot_be(columns: dict[str, str], error: type[Exception], told: str) -> None:
    raw = load_frame(CON, pd.DataFrame({"customer_id": [1], "ordered_at": [DAY], "amount": [1.0]}))
    with pytest.raises(error, match=told):
        typed_select(raw, columns=columns, policies=Policies(), date_format=None, decimal=None, time_zone="UTC")


def test_time_zones_are_known() -> None:
    with pytest.raises(ParamsError, match=r"time_zone must be one such as Europe/Berlin. Got 'Mars'"):
        _typed("ordered_at", zone="Mars", amount=[1.0])
