"""Snapshots: exactly the customers table of every day, from one query."""

from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers import customer_days, customer_table, each_snapshot, snapshots

LAST = date(2024, 7, 5)


@st.composite
def logs(draw: st.DrawFn) -> pd.DataFrame:
    """Logs with few customers and days, so that orders and returns of one day and late births are common."""
    row = st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(0, 500),
        st.integers(-9_999_999, 9_999_999),
        st.sampled_from(["order", "order", "return"]),
        st.sampled_from(["web", "shop", None]),
    )
    rows = draw(st.lists(row, min_size=1, max_size=25))
    frame = pd.DataFrame(rows, columns=["customer_id", "age", "cents", "order_kind", "channel"])
    frame["ordered_on"] = pd.Timestamp(LAST) - pd.to_timedelta(frame.pop("age"), unit="D")
    return frame.assign(amount=frame.pop("cents") / 100)


DAYS = st.lists(st.integers(-5, 520).map(lambda n: LAST - timedelta(days=n)), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(
    log=logs(),
    days=DAYS,
    window=st.sampled_from([None, 1, 30, 400]),
    annualise=st.booleans(),
    by=st.sampled_from([None, "channel"]),
)
def test_equal_to_the_customers_table_of_every_day(
    log: pd.DataFrame, days: list[date], window: int | None, annualise: bool, by: str | None
) -> None:
    options = {"window_days": window, "annualise": annualise, "by": by}
    found = dict(each_snapshot(log, as_of=days, **options))
    assert list(found) == sorted(set(days))
    for day, frame in found.items():
        try:
            expected = customer_table(log, as_of=day, with_features=False, **options)
        except DataError:
            assert frame.empty
        else:
            assert_frame_equal(frame, expected, check_exact=True)


def hand_made() -> pd.DataFrame:
    rows = [
        ("old", "2023-01-10", 40.0, "order"),
        ("old", "2024-01-10", 10.0, "order"),
        ("old", "2024-01-10", -4.0, "return"),
        ("old", "2024-03-01", 20.0, "order"),
        ("new", "2024-02-05", -1.0, "return"),
        ("new", "2024-02-29", 7.0, "order"),
        ("back", "2024-01-01", -9.0, "return"),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_on", "amount", "order_kind"])
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]))


def test_by_hand() -> None:
    table = snapshots(hand_made(), as_of=["2024-02-29", "2024-01-31", "2024-03-31"], window_days=60)
    rows = table[["as_of", "customer_id", "recency_days", "orders", "spend", "age_days", "mean_repeat_value"]]
    assert [(str(r[0].date()), *r[1:]) for r in rows.itertuples(index=False)] == [
        ("2024-01-31", "old", 21, 1, 6.0, 386, 6.0),
        ("2024-02-29", "new", 0, 1, 6.0, 0, 0.0),  # a return before the first order counts against spend
        ("2024-02-29", "old", 50, 1, 6.0, 415, 6.0),
        ("2024-03-31", "new", 31, 1, 6.0, 31, 0.0),
        ("2024-03-31", "old", 30, 1, 20.0, 446, 13.0),
    ]
    assert str(table["as_of"].dtype) == "datetime64[us]"


def test_reads_the_log_once(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = []
    fetch = ibis.expr.types.Table.to_pyarrow
    monkeypatch.setattr(
        ibis.expr.types.Table, "to_pyarrow", lambda t, **k: (queries.append(ibis.to_sql(t)), fetch(t, **k))[1]
    )
    assert len(list(each_snapshot(hand_made(), as_of=[date(2024, m, 1) for m in range(1, 13)]))) == 12
    (query,) = queries
    assert "GROUP BY" not in query  # the orders of a day are merged where they lie, side by side


def test_customer_days_and_files_give_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 300, 6_000),
            "ordered_on": pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 900, 6_000), unit="D"),
            "amount": np.round(10.0 ** rng.uniform(-2, 12.9, 6_000), 2),  # floats would not add up
            "channel": rng.choice(["web", "shop"], 6_000),
        }
    )
    log.to_parquet(tmp_path / "log.parquet")
    days = [date(2022, 6, 30), date(2023, 6, 30), date(2024, 6, 30)]
    merged = ibis.memtable(customer_days(log, by="channel").to_pyarrow())
    expected = pd.concat(
        [customer_table(log, as_of=d, with_features=False).assign(as_of=pd.Timestamp(d)) for d in days],
        ignore_index=True,
    )
    for source in (log.sample(frac=1, random_state=2), merged, ibis.duckdb.connect().read_parquet(tmp_path)):
        found = snapshots(source, as_of=days)
        assert_frame_equal(found[expected.columns], expected.astype({"as_of": "datetime64[us]"}), check_exact=True)


def test_bad_arguments_are_told_before_the_log_is_read() -> None:
    with pytest.raises(ParamsError, match="at least one day"):
        each_snapshot(hand_made(), as_of=[])
    with pytest.raises(ParamsError, match="as_of must be a day"):
        snapshots(hand_made(), as_of=["2024-02-30"])
    with pytest.raises(ParamsError, match="window_days must be between"):
        each_snapshot(hand_made(), as_of=["2024-02-01"], window_days=0)


def test_sums_that_cannot_be_exact_are_refused() -> None:
    many = pd.DataFrame(
        {"customer_id": 1, "ordered_on": pd.date_range("2022-01-01", periods=200), "amount": 9_999_999_999_999.0}
    )
    with pytest.raises(DataError, match="must sum to less than 9e"):
        each_snapshot(many, as_of=["2024-01-01"])
