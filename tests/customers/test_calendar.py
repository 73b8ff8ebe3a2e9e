"""First and repeat orders by day, counted by hand."""

from datetime import date

import pandas as pd
import pytest

from rfm_ml.customers.calendar import first_and_repeat_days

ORDERS = pd.DataFrame(
    [
        ("ann", "2024-01-01", 10.0, "order", "web"),
        ("ann", "2024-01-01", 5.0, "order", "shop"),  # the same day: one order
        ("bob", "2024-01-03", 5.0, "order", "web"),
        ("ann", "2024-01-03", 7.0, "order", "shop"),
        ("ann", "2024-01-04", -7.0, "return", "shop"),  # never an order
        ("cat", "2024-01-09", 1.0, "order", "web"),
        ("bob", "2024-01-09", 1.0, "order", "web"),
        ("bob", "2024-01-20", 1.0, "order", "web"),
    ],
    columns=["customer_id", "ordered_on", "amount", "order_kind", "channel"],
).assign(ordered_on=lambda t: pd.to_datetime(t["ordered_on"]))


def counted(table: pd.DataFrame) -> list[tuple]:
    return [(f"{d:%d}", n, r) for d, n, r in table.itertuples(index=False)]


def test_first_and_repeat_orders_by_day():
    got = first_and_repeat_days(ORDERS)
    assert counted(got) == [("01", 1, 0), ("03", 1, 1), ("09", 1, 1), ("20", 0, 1)]
    assert got.dtypes.astype(str).tolist()[1:] == ["int64", "int64"]


def test_later_days_are_left_out():
    assert counted(first_and_repeat_days(ORDERS, as_of=date(2024, 1, 8))) == [("01", 1, 0), ("03", 1, 1)]


def test_a_customer_in_another_channel_is_another_customer():
    got = first_and_repeat_days(ORDERS, as_of="2024-01-03", by="channel")
    assert counted(got) == [("01", 2, 0), ("03", 1, 1)]


@pytest.mark.parametrize("seed", range(3))
def test_row_order_does_not_matter(seed: int):
    pd.testing.assert_frame_equal(
        first_and_repeat_days(ORDERS.sample(frac=1, random_state=seed)), first_and_repeat_days(ORDERS)
    )
