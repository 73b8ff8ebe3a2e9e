"""The log along the calendar, on days written out by hand."""

from datetime import date

import pandas as pd
from pandas.testing import assert_frame_equal

from rfm_ml.customers.days import as_table
from rfm_ml.transactions.calendar import by_month, orders_by_day, same_day_orders, silences

LOG = pd.DataFrame(
    [
        ("a", "2025-01-30", 10.0, "order"),
        ("a", "2025-01-30", 5.0, "order"),
        ("b", "2025-01-30", 1.0, "order"),
        ("b", "2025-02-02", -4.0, "return"),
        ("b", "2025-03-03", 2.5, "order"),
        ("c", "2025-03-03", -1.0, "return"),
        ("c", "2025-03-03", 8.0, "order"),
        ("a", "2025-04-01", 99.0, "order"),
        ("a", "2025-04-01", 99.0, "order"),
    ],
    columns=["customer_id", "ordered_on", "amount", "order_kind"],
)
ORDERS = as_table(LOG.assign(ordered_on=pd.to_datetime(LOG["ordered_on"]).dt.date), what="orders")
AS_OF = date(2025, 3, 10)


def days() -> pd.DataFrame:
    return orders_by_day(ORDERS, as_of=AS_OF)


def test_days_hold_orders_and_net_revenue_up_to_the_day() -> None:
    expected = pd.DataFrame(
        {
            "day": pd.to_datetime(["2025-01-30", "2025-02-02", "2025-03-03"]),
            "orders": [3, 0, 2],
            "revenue": [16.0, -4.0, 9.5],
        }
    )
    assert_frame_equal(days(), expected, check_dtype=False)


def test_months_run_to_the_day_and_the_last_is_cut_short() -> None:
    expected = pd.DataFrame(
        {
            "month": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"]),
            "complete": [True, True, True, True],
            "orders": [3, 0, 2, 0],
            "revenue": [16.0, -4.0, 9.5, 0.0],
        }
    )
    assert_frame_equal(by_month(days(), as_of=date(2025, 4, 30)), expected, check_dtype=False)
    assert by_month(days(), as_of=AS_OF)["complete"].tolist() == [True, True, False]


def test_silences_are_the_days_between_orders_and_up_to_the_day() -> None:
    found = silences(days(), as_of=AS_OF)
    expected = pd.DataFrame(
        {
            "first_day": pd.to_datetime(["2025-01-31", "2025-03-04"]),
            "last_day": pd.to_datetime(["2025-03-02", "2025-03-10"]),
            "days": [31, 7],
        }
    )
    assert_frame_equal(found, expected, check_dtype=False)
    assert len(silences(days(), as_of=AS_OF, longest=1)) == 1


def test_there_is_no_silence_where_every_day_has_an_order() -> None:
    daily = pd.DataFrame({"day": pd.date_range("2025-01-01", "2025-01-05"), "orders": 1})
    assert silences(daily, as_of=date(2025, 1, 5)).empty


def test_same_day_orders_leave_out_returns_and_later_days() -> None:
    assert same_day_orders(ORDERS, as_of=AS_OF) == {"days": 1, "orders": 2, "customers": 1}
    assert same_day_orders(ORDERS, as_of=date(2025, 4, 1)) == {"days": 2, "orders": 4, "customers": 1}
