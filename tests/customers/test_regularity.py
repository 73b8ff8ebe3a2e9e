"""Who buys regularly, and who is late, by gaps that are made by hand."""

import itertools
from math import sqrt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.customers import customer_table, features
from rfm_ml.customers.regularity import RHYTHMS

AS_OF = "2024-12-31"


def row(*days: str, as_of: str = AS_OF) -> dict:
    orders = pd.DataFrame({"customer_id": "a", "ordered_on": pd.to_datetime(list(days)), "amount": 10.0})
    return features(orders, as_of=as_of).to_pyarrow().to_pylist()[0]


def days_before(*ages: int) -> list[str]:
    return [str((pd.Timestamp(AS_OF) - pd.Timedelta(days=n)).date()) for n in ages]


@pytest.mark.parametrize(
    ("gaps", "mean", "cv", "rhythm"),
    [
        ([], None, None, "one-time"),
        ([30], 30.0, None, "too few orders"),
        ([30, 30], 30.0, 0.0, "too few orders"),  # even, but too few to tell
        ([30, 30, 30], 30.0, 0.0, "regular"),
        ([10, 20, 30], 20.0, sqrt(200 / 3) / 20, "regular"),  # .41
        ([10, 10, 30, 30], 20.0, 0.5, "regular"),  # at the limit
        ([5, 10, 30], 15.0, sqrt(350 / 3) / 15, "cyclic"),  # .72
        ([1, 1, 100], 34.0, sqrt(2178) / 34, "occasional"),  # 1.37
    ],
)
def test_rhythm_follows_from_the_gaps(gaps: list[int], mean: float, cv: float, rhythm: str) -> None:
    ages = [sum(gaps[i:]) for i in range(len(gaps) + 1)]
    found = row(*days_before(*ages))
    assert found["gap_mean_days"] == mean
    assert found["gap_cv"] == (cv if cv is None else pytest.approx(cv, rel=1e-15))
    assert found["buying_rhythm"] == rhythm


@pytest.mark.parametrize(
    ("days", "rhythm"),
    [
        (["2023-06-01", "2023-08-31", "2024-06-15", "2024-07-01"], "seasonal"),
        (["2022-12-20", "2023-12-20", "2024-12-20", "2021-12-20"], "seasonal"),  # once a year, always then
        (["2022-11-30", "2023-01-15", "2023-12-01", "2024-01-31"], "seasonal"),  # over the turn of the year
        (["2022-12-30", "2023-02-15", "2023-12-01", "2024-01-31"], "seasonal"),
        (["2023-05-31", "2023-08-01", "2024-06-15", "2024-07-01"], "occasional"),  # four months
        (["2024-06-01", "2024-06-03", "2024-06-20", "2024-08-31"], "cyclic"),  # one summer is no season yet
        (["2022-11-30", "2023-02-01", "2023-12-01", "2024-01-31"], "cyclic"),  # November to February
        (["2023-06-01", "2024-06-15", "2024-07-01"], "too few orders"),
    ],
)
def test_seasonal_customers_come_in_the_same_months_of_two_years(days: list[str], rhythm: str) -> None:
    assert row(*days)["buying_rhythm"] == rhythm


@pytest.mark.parametrize(
    ("ages", "late"),
    [
        ([100, 80, 60, 40], 20.0),  # every 20 days, silent for 40
        ([80, 60, 40, 20], 0.0),  # due today
        ([150, 140, 120, 90], 90 - 20 - sqrt(200 / 3)),  # gaps of 10, 20, 30
        ([400, 300, 200], None),  # nobody can tell
        ([50], None),
    ],
)
def test_late_is_beyond_mean_and_deviation_of_the_gaps(ages: list[int], late: float | None) -> None:
    assert row(*days_before(*ages))["overdue_days"] == (late if late is None else pytest.approx(late, rel=1e-12))


def test_seasonal_customers_are_late_after_their_longest_silence() -> None:
    summers = ["2022-06-10", "2022-07-01", "2023-06-20", "2023-06-30"]
    assert row(*summers, as_of="2024-05-01")["overdue_days"] == 0.0
    assert row(*summers, as_of="2024-06-20")["overdue_days"] == 356.0 - 354.0  # 2023-06-30; 2022-07-01 to 2023-06-20


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1200)), min_size=1, max_size=40))
def test_everybody_has_one_rhythm_that_plain_python_finds_too(rows: list[tuple[int, int]]) -> None:
    ids, ages = zip(*rows, strict=True)
    on = [pd.Timestamp(AS_OF) - pd.Timedelta(days=n) for n in ages]
    orders = pd.DataFrame({"customer_id": ids, "ordered_on": on, "amount": 1.0})
    frame = customer_table(orders, as_of=AS_OF)
    assert set(frame["buying_rhythm"]) <= set(RHYTHMS)
    for customer, rhythm in zip(frame["customer_id"], frame["buying_rhythm"], strict=True):
        assert rhythm == by_hand(sorted({d for c, d in zip(ids, on, strict=True) if c == customer})), customer


def by_hand(days: list[pd.Timestamp]) -> str:
    gaps = [(b - a).days for a, b in itertools.pairwise(days)]
    if len(gaps) < 3:
        return "too few orders" if gaps else "one-time"
    seasons = [{(start + n) % 12 + 1 for n in range(3)} for start in range(12)]
    if any({d.month for d in days} <= season for season in seasons) and max(gaps) >= 180:
        return "seasonal"
    mean = sum(gaps) / len(gaps)
    n, square = len(gaps), sum(g * g for g in gaps)
    cv = sqrt(n * square - sum(gaps) ** 2) / (n * mean)
    return "regular" if cv <= 0.5 else "cyclic" if cv <= 1 else "occasional"
