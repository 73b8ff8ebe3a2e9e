from datetime import date

import pandas as pd
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.customers import rfm


def log(*rows: tuple) -> pd.DataFrame:
    """Orders from (customer, day, amount[, kind[, channel]])."""
    names = ["customer_id", "ordered_on", "amount", "order_kind", "channel"]
    frame = pd.DataFrame([(*row, *("order", "web")[len(row) - 3 :]) for row in rows], columns=names)
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]))


def table(orders: pd.DataFrame, **arguments: object) -> list[tuple]:
    expression = rfm(orders, **arguments)  # type: ignore[arg-type]
    keys = [k for k in ("customer_id", "channel") if k in expression.columns]
    return [tuple(row.values()) for row in expression.order_by(keys).to_pyarrow().to_pylist()]


LOG = log(
    ("a", "2023-12-31", 100.0),
    ("a", "2024-01-01", 10.0),  # 365 days before as_of, as 2024 is a leap year: not in its last 365 days
    ("a", "2024-12-02", 20.0),
    ("a", "2024-12-02", 5.0),  # the same day twice: two orders
    ("a", "2025-01-01", 999.0),  # after as_of
    ("b", "2024-12-31", 7.5),
)


def test_whole_history_and_the_last_365_days() -> None:
    assert table(LOG, as_of="2024-12-31") == [
        ("a", 29, 4, 135.0, 2.0, 25.0, date(2023, 12, 31), date(2024, 12, 2), 366),
        ("b", 0, 1, 7.5, 1.0, 7.5, date(2024, 12, 31), date(2024, 12, 31), 0),
    ]


def test_columns_are_those_of_the_vocabulary() -> None:
    from rfm_ml.core.columns import RFM

    assert list(rfm(LOG, as_of="2024-12-31").columns) == list(RFM)


def test_window_is_open_at_its_start_and_closed_at_as_of() -> None:
    # (2024-12-02, 2024-12-31] leaves out the orders of 2 December ...
    assert table(LOG, as_of="2024-12-31", window_days=29) == [
        ("a", 29, 0, 0.0, 0.0, 0.0, date(2023, 12, 31), date(2024, 12, 2), 366),
        ("b", 0, 1, 7.5, 365 / 29, 7.5 * 365 / 29, date(2024, 12, 31), date(2024, 12, 31), 0),
    ]
    # ... and one day more takes them in.
    assert table(LOG, as_of="2024-12-31", window_days=30)[0] == (
        ("a", 29, 2, 25.0, 2 * 365 / 30, 25.0 * 365 / 30, date(2023, 12, 31), date(2024, 12, 2), 366)
    )


def test_window_of_two_years_halves_the_yearly_columns() -> None:
    row = table(LOG, as_of="2024-12-31", window_days=730)[0]
    assert row[2:6] == (4, 135.0, 2.0, 67.5)


@pytest.mark.parametrize(
    ("first", "observed"),
    [
        ("2024-12-31", 30),  # today: the floor
        ("2024-12-03", 30),  # 29 days seen: the floor
        ("2024-12-02", 30),  # 30 days seen
        ("2024-12-01", 31),
        ("2024-01-02", 365),  # 364 days old: seen for the whole period
        ("2020-01-01", 365),
    ],
)
def test_annualise_scales_by_the_days_a_customer_was_seen(first: str, observed: int) -> None:
    orders = log(("a", first, 40.0), ("a", "2024-12-31", 60.0))
    n, spend = (1, 60.0) if first.startswith("2020") else (2, 100.0)
    row = table(orders, as_of="2024-12-31", annualise=True)[0]
    assert row[4:6] == (n * 365 / observed, spend * 365 / observed)


def test_annualise_never_scales_up_to_less_than_a_short_window() -> None:
    orders = log(("a", "2024-12-31", 10.0))
    assert table(orders, as_of="2024-12-31", window_days=7, annualise=True)[0][4] == 365 / 7


def test_annualise_leaves_orders_and_spend_alone() -> None:
    plain, scaled = (table(LOG, as_of="2024-12-31", annualise=flag) for flag in (False, True))
    assert [row[:4] + row[6:] for row in plain] == [row[:4] + row[6:] for row in scaled]


def test_returns_reduce_spend_and_nothing_else() -> None:
    orders = log(
        ("a", "2024-01-01", -5.0, "return"),  # before the first order
        ("a", "2024-02-01", 50.0),
        ("a", "2024-03-01", -20.0, "return"),  # after the last
        ("b", "2024-02-01", -9.0, "return"),  # never ordered: no customer
    )
    assert table(orders, as_of="2024-03-31") == [
        ("a", 59, 1, 25.0, 1.0, 25.0, date(2024, 2, 1), date(2024, 2, 1), 59),
    ]


def test_a_return_counts_in_the_window_it_happens_in() -> None:
    orders = log(("a", "2024-02-01", 50.0), ("a", "2024-03-25", -20.0, "return"))
    assert table(orders, as_of="2024-03-31", window_days=10)[0][2:4] == (0, -20.0)


def test_who_only_returned_so_far_becomes_a_customer_with_his_first_order() -> None:
    orders = log(("a", "2024-02-01", -5.0, "return"), ("a", "2024-03-01", 5.0))
    assert table(orders, as_of="2024-02-29") == []
    assert table(orders, as_of="2024-03-01")[0][:4] == ("a", 0, 1, 0.0)


def test_as_of_cuts_the_log_and_includes_its_own_day() -> None:
    assert [row[0] for row in table(LOG, as_of="2024-12-30")] == ["a"]
    assert table(LOG, as_of=date(2025, 1, 1))[0][1:4] == (0, 5, 1134.0)


def test_by_channel_gives_each_channel_its_own_history() -> None:
    orders = log(
        ("a", "2024-01-01", 10.0, "order", "web"),
        ("a", "2024-03-01", 20.0, "order", "shop"),
        ("a", "2024-03-02", -5.0, "return", "web"),
        ("a", "2024-03-03", -1.0, "return", "app"),
    )
    assert table(orders, as_of="2024-03-31", by="channel") == [
        ("a", "shop", 30, 1, 20.0, 1.0, 20.0, date(2024, 3, 1), date(2024, 3, 1), 30),
        ("a", "web", 90, 1, 5.0, 1.0, 5.0, date(2024, 1, 1), date(2024, 1, 1), 90),
    ]


def test_cents_add_up_exactly() -> None:
    orders = log(*[("a", "2024-01-01", 0.1)] * 30)
    assert table(orders, as_of="2024-01-01")[0][3] == 3.0


@pytest.mark.parametrize("window", [0, -1, 36_501, 1.5, True, "90"])
def test_window_must_be_a_number_of_days(window: object) -> None:
    with pytest.raises(ParamsError, match=r"window_days must be .* Got"):
        rfm(LOG, as_of="2024-12-31", window_days=window)  # type: ignore[arg-type]


def test_annualise_must_be_a_truth_value() -> None:
    with pytest.raises(ParamsError, match=r"annualise must be true or false. Got 'yes'"):
        rfm(LOG, as_of="2024-12-31", annualise="yes")  # type: ignore[arg-type]


def test_as_of_is_required() -> None:
    with pytest.raises(TypeError, match="as_of"):
        rfm(LOG)  # type: ignore[call-arg]
    with pytest.raises(ParamsError, match="as_of must be a day"):
        rfm(LOG, as_of="yesterday")
