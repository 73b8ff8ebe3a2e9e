from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from rfm_ml.core.columns import REPEAT_BUYING, RFM
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers import customer_days, customer_table, features, repeat_buying, rfm

# ibis 12 reads Parquet through a call that DuckDB 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

AS_OF = "2024-06-30"
KINDS = st.sampled_from(["order", "order", "order", "return"])


@st.composite
def logs(draw: st.DrawFn) -> pd.DataFrame:
    """Order logs with few customers and days, so that everything coincides now and then."""
    row = st.tuples(
        st.integers(1, 4),
        st.integers(0, 400),
        st.integers(-9_999_999, 9_999_999),
        KINDS,
        st.sampled_from(["web", "shop", "app"]),
        st.sampled_from([0.0, 0.1, 2.5]),
    )
    rows = draw(st.lists(row, min_size=1, max_size=25))
    names = ["customer_id", "age", "cents", "order_kind", "channel", "discount"]
    frame = pd.DataFrame(rows, columns=names)
    frame["ordered_on"] = pd.Timestamp("2024-07-05") - pd.to_timedelta(frame.pop("age"), unit="D")
    frame["amount"] = frame.pop("cents") / 100
    first = pd.DataFrame([[1, "order", "web", 0.0, pd.Timestamp("2024-01-01"), 1.0]], columns=frame.columns)
    return pd.concat([first, frame], ignore_index=True)


def test_contract_of_the_columns() -> None:
    orders = pd.DataFrame(
        {"customer_id": [2, 1], "ordered_on": pd.to_datetime(["2024-01-01"] * 2), "amount": [1.0, 2.0]}
    )
    frame = customer_table(orders, as_of=AS_OF)
    known = [*RFM, *REPEAT_BUYING]
    assert list(frame.columns[: len(known)]) == known
    assert frame.index.equals(pd.RangeIndex(2))
    assert frame["customer_id"].tolist() == [1, 2]
    floats = ["spend", "orders_per_year", "spend_per_year", "mean_repeat_value", "gap_cv", "orders_trend"]
    assert {str(frame[c].dtype) for c in floats} == {"float64"}
    days = ["first_order_on", "last_order_on"]
    assert {str(frame[c].dtype) for c in days} == {"datetime64[us]"}
    whole = ["customer_id", "recency_days", "orders", "age_days", "repeat_orders", "active_days", "orders_30d"]
    assert {str(frame[c].dtype) for c in whole} == {"int64"}
    assert customer_table(orders, as_of=AS_OF, with_features=False).columns.tolist() == known


@settings(max_examples=25, deadline=None)
@given(log=logs(), window=st.sampled_from([None, 30, 400]), annualise=st.booleans())
def test_one_query_says_the_same_as_the_parts(log: pd.DataFrame, window: int | None, annualise: bool) -> None:
    frame = customer_table(log, as_of=AS_OF, window_days=window, annualise=annualise)
    parts = [
        rfm(log, as_of=AS_OF, window_days=window, annualise=annualise),
        repeat_buying(log, as_of=AS_OF),
        features(
            log, as_of=AS_OF, channels=sorted({c.removeprefix("channel_share_") for c in frame.filter(like="_share_")})
        ),
    ]
    for part in parts:
        fetched = part.order_by("customer_id").to_pyarrow().to_pandas(date_as_object=False)
        assert_frame_equal(fetched.astype(frame.dtypes[fetched.columns]), frame[fetched.columns], check_exact=True)


@settings(max_examples=25, deadline=None)
@given(log=logs(), data=st.data())
def test_the_order_of_the_rows_does_not_matter(log: pd.DataFrame, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(log))))
    expected = customer_table(log, as_of=AS_OF)
    assert_frame_equal(customer_table(log.iloc[list(order)], as_of=AS_OF), expected, check_exact=True)


@settings(max_examples=25, deadline=None)
@given(log=logs())
def test_text_ids_give_the_same_rows(log: pd.DataFrame) -> None:
    expected = customer_table(log, as_of=AS_OF, by="channel")
    text = customer_table(log.assign(customer_id="id-" + log["customer_id"].astype(str)), as_of=AS_OF, by="channel")
    text["customer_id"] = text["customer_id"].str.removeprefix("id-").astype("int64")
    assert_frame_equal(text, expected, check_exact=True)


@settings(max_examples=25, deadline=None)
@given(log=logs())
def test_customer_days_give_the_same_rows_as_the_orders(log: pd.DataFrame) -> None:
    days = ibis.memtable(customer_days(log, by="channel").to_pyarrow())
    for by in (None, "channel"):
        expected = customer_table(log, as_of=AS_OF, by=by)
        assert_frame_equal(customer_table(days, as_of=AS_OF, by=by), expected, check_exact=True)


@settings(max_examples=25, deadline=None)
@given(log=logs(), window=st.sampled_from([None, 60]))
def test_agrees_with_a_plain_loop(log: pd.DataFrame, window: int | None) -> None:
    frame = customer_table(log, as_of=AS_OF, window_days=window, with_features=False)
    past = log[log["ordered_on"] <= AS_OF]
    bought = past[past["order_kind"] == "order"]
    assert frame["customer_id"].tolist() == sorted(bought["customer_id"].unique())
    for row in frame.itertuples():
        mine, orders = (t[t["customer_id"] == row.customer_id] for t in (past, bought))
        since = pd.Timestamp(AS_OF) - pd.Timedelta(days=window or 100_000)
        days = sorted(orders["ordered_on"].unique())
        repeat = mine[mine["ordered_on"].isin(days[1:])]["amount"].sum()
        assert row.orders == (orders["ordered_on"] > since).sum()
        assert row.spend == pytest.approx(mine.loc[mine["ordered_on"] > since, "amount"].sum(), abs=1e-6)
        assert (row.first_order_on, row.last_order_on) == (days[0], days[-1])
        assert row.recency_days == (pd.Timestamp(AS_OF) - days[-1]).days
        assert row.age_days == (pd.Timestamp(AS_OF) - days[0]).days
        assert (row.repeat_orders, row.active_days) == (len(days) - 1, (days[-1] - days[0]).days)
        assert row.mean_repeat_value == pytest.approx(repeat / max(len(days) - 1, 1), abs=1e-6)


def dirty_log(rows: int, *, seed: int) -> pd.DataFrame:
    """Amounts of every size, so that sums of floats would depend on their order."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, rows // 20, rows),
            "ordered_on": pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D"),
            "amount": np.round(10.0 ** rng.uniform(-2, 9, rows), 2),
            "order_kind": rng.choice(["order", "return"], rows, p=[0.9, 0.1]),
            "channel": rng.choice(["web", "shop"], rows),
        }
    )


@pytest.mark.parametrize("decimal", [False, True])
def test_any_split_into_parquet_files_gives_identical_bytes(tmp_path: Path, decimal: bool) -> None:
    log = dirty_log(20_000, seed=1)
    whole = pa.Table.from_pandas(log, preserve_index=False)
    if decimal:
        at = whole.schema.get_field_index("amount")
        whole = whole.set_column(at, "amount", whole["amount"].cast(pa.decimal128(18, 4), safe=False))
    shuffled = whole.take(np.random.default_rng(2).permutation(len(log)))
    parts = tmp_path / "parts"
    parts.mkdir()
    pq.write_table(whole, tmp_path / "whole.parquet")
    for n, start in enumerate(range(0, len(log), 3_001)):
        pq.write_table(shuffled.slice(start, 3_001), parts / f"{9 - n}.parquet", row_group_size=500)
    one = customer_table(ibis.duckdb.connect().read_parquet(tmp_path / "whole.parquet"), as_of=AS_OF)
    many = customer_table(ibis.duckdb.connect().read_parquet(parts / "*.parquet"), as_of=AS_OF)
    assert len(one) == 1_000
    assert one.to_csv() == many.to_csv()
    assert_frame_equal(one, many, check_exact=True)


def test_equal_to_the_same_log_as_a_frame(tmp_path: Path) -> None:
    log = dirty_log(2_000, seed=3)
    log.to_parquet(tmp_path / "log.parquet")
    table = ibis.duckdb.connect().read_parquet(tmp_path / "log.parquet")
    assert_frame_equal(customer_table(table, as_of=AS_OF), customer_table(log, as_of=AS_OF), check_exact=True)


def test_plain_columns_need_two_nested_group_bys_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = []
    fetch = ibis.expr.types.Table.to_pyarrow
    monkeypatch.setattr(
        ibis.expr.types.Table, "to_pyarrow", lambda t, **k: (queries.append(ibis.to_sql(t)), fetch(t, **k))[1]
    )
    customer_table(dirty_log(100, seed=4), as_of=AS_OF, with_features=False)
    (query,) = queries
    assert query.count("GROUP BY") == 2
    assert " OVER " not in query
    assert "JOIN" not in query
    assert "WITH" not in query


def test_nobody_up_to_as_of_names_the_first_order_day() -> None:
    log = dirty_log(100, seed=5).assign(ordered_on=pd.Timestamp("2024-07-01"), order_kind="order")
    log.loc[0, ["ordered_on", "order_kind"]] = [pd.Timestamp("2023-01-01"), "return"]
    with pytest.raises(DataError, match="Got as_of 2024-06-30, and the first order is on 2024-07-01") as error:
        customer_table(log, as_of=AS_OF)
    assert error.value.exit_code == 3
    with pytest.raises(DataError, match="at least one order"):
        customer_table(log.assign(order_kind="return"), as_of=AS_OF)


def test_arguments_are_checked_before_anything_runs() -> None:
    log = dirty_log(100, seed=6)
    with pytest.raises(ParamsError, match="as_of must be a day"):
        customer_table(log, as_of="2024-06-31")
    with pytest.raises(ParamsError, match="window_days must be between 1 and 36500"):
        customer_table(log, as_of=AS_OF, window_days=0)
    with pytest.raises(TypeError, match="as_of"):
        customer_table(log)  # type: ignore[call-arg]


def test_the_very_first_day_of_the_calendar_is_a_day() -> None:
    log = pd.DataFrame({"customer_id": [1], "ordered_on": pd.to_datetime(["2024-01-01"]), "amount": [1.0]})
    with pytest.raises(DataError, match="the first order is on 2024-01-01"):
        customer_table(log, as_of="0001-01-01", window_days=36_500)
