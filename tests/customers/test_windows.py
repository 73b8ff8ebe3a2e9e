"""Sums in windows around a customer's own day, by hand and against plain pandas."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.windows import days_with_margin, window_sums

WINDOWS = {"after": (0, 3), "before": (-3, 0), "early": (-6, -3)}


def orders(*rows: tuple[int, str, float, str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["customer_id", "ordered_on", "amount", "order_kind"])
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]))


def test_days_at_the_edges_count_where_they_belong() -> None:
    log = orders(
        (1, "2024-03-09", 1.0, "order"),
        (1, "2024-03-10", 2.0, "order"),
        (1, "2024-03-12", 4.0, "order"),
        (1, "2024-03-12", -1.5, "return"),
        (1, "2024-03-13", 8.0, "order"),
        (1, "2024-03-07", 16.0, "order"),
        (1, "2024-03-06", 32.0, "order"),
        (1, "2024-03-03", 64.0, "order"),
        (2, "2024-03-10", 128.0, "order"),
    )
    targets = pd.DataFrame(
        {"customer_id": [3, 1, 2], "day": pd.to_datetime(["2024-03-10", "2024-03-10", "2024-03-11"])}
    )
    found = window_sums(log, targets, windows=WINDOWS)
    assert found["customer_id"].tolist() == [3, 1, 2]
    assert found["after_orders"].tolist() == [0, 2, 0]
    assert found["after_spend"].tolist() == [0, 4.5, 0]
    assert found["before_orders"].tolist() == [0, 2, 1]
    assert found["before_spend"].tolist() == [0, 17, 128]
    assert found["early_spend"].tolist() == [0, 32, 0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 12), st.integers(-5, 20)), min_size=1, max_size=25),
    st.lists(st.integers(0, 12), min_size=4, max_size=4),
)
def test_as_plain_pandas_has_it(rows: list[tuple[int, int, int]], sent: list[int]) -> None:
    start = pd.Timestamp("2024-01-01")
    log = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    log = log.assign(ordered_on=start + pd.to_timedelta(log["day"], unit="D"), amount=log["amount"].astype(float))
    days = [start + pd.Timedelta(days=d) for d in sent]
    targets = pd.DataFrame({"customer_id": [1, 2, 3, 4], "day": days})
    found = window_sums(log.drop(columns="day"), targets, windows=WINDOWS)
    for name, (first, end) in WINDOWS.items():
        for k, who in enumerate([1, 2, 3, 4]):
            since = log["day"] - sent[k]
            mine = log[(log["customer_id"] == who) & (since >= first) & (since < end)]
            assert found[f"{name}_orders"][k] == len(mine)
            assert found[f"{name}_spend"][k] == mine["amount"].sum()


def test_margin_comes_from_the_products() -> None:
    lines = pd.DataFrame({
        "customer_id": [1, 1, 1, 1],
        "order_id": ["a", "a", "b", "c"],
        "ordered_on": pd.to_datetime(["2024-03-10", "2024-03-10", "2024-03-10", "2024-03-11"]),
        "product_id": ["x", "y", "x", "x"],
        "amount": [10.0, 20.0, 30.0, -10.0],
        "order_kind": ["order", "order", "order", "return"],
    })  # fmt: skip
    products = pd.DataFrame({"product_id": ["x", "y"], "margin": [0.5, np.nan]})
    days = days_with_margin(
        ibis.memtable(lines.to_dict("list")), ibis.memtable(products.to_dict("list")), otherwise=0.1
    )
    targets = pd.DataFrame({"customer_id": [1], "day": [pd.Timestamp("2024-03-10")]})
    found = window_sums(days, targets, windows={"after": (0, 28)})
    assert found.iloc[0].to_dict() == {"customer_id": 1, "after_orders": 2, "after_spend": 50, "after_margin": 17}


def test_wrong_targets_are_refused() -> None:
    log = orders((1, "2024-03-09", 1.0, "order"))
    day = pd.Timestamp("2024-03-09")
    with pytest.raises(DataError, match="Got some twice"):
        window_sums(log, pd.DataFrame({"customer_id": [1, 1], "day": [day, day]}), windows=WINDOWS)
    with pytest.raises(ParamsError, match="at least one day"):
        window_sums(log, pd.DataFrame({"customer_id": [1], "day": [day]}), windows={"after": (3, 3)})
    with pytest.raises(DataError, match="must have the column 'day'"):
        window_sums(log, pd.DataFrame({"customer_id": [1]}), windows=WINDOWS)
