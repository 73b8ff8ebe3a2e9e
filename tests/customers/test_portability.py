"""The expressions compile for other engines, and mean the same on Spark where it is installed."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from ibis.config import Config
from pandas.testing import assert_frame_equal

from rfm_ml.customers import customer_days, customer_table, engagement, features, repeat_buying, rfm, snapshots
from rfm_ml.customers.days import order_rows

AS_OF = "2024-06-30"
ORDERS = ibis.table(
    {
        "customer_id": "string",
        "order_id": "int64",
        "ordered_at": "timestamp",
        "ordered_on": "date",
        "amount": "decimal(18, 4)",
        "order_kind": "string",
        "channel": "string",
        "discount": "float64",
    },
    name="orders",
)
LINES = ibis.table(
    {"customer_id": "string", "ordered_on": "date", "category": "string", "channel": "string"}, name="lines"
)
EVENTS = ibis.table({"customer_id": "string", "event_at": "timestamp", "kind": "string"}, name="events")
EXPRESSIONS = {
    "customer_days": customer_days(ORDERS),
    "from timestamps and floats": customer_days(ORDERS.drop("ordered_on").cast({"amount": "float64"}), by="channel"),
    "order_rows": order_rows(ORDERS, by="channel", as_of=AS_OF),
    "rfm": rfm(ORDERS, as_of=AS_OF),
    "rfm annualised in a window by channel": rfm(ORDERS, as_of=AS_OF, window_days=90, annualise=True, by="channel"),
    "repeat_buying": repeat_buying(ORDERS, as_of=AS_OF),
    "features": features(ORDERS, as_of=AS_OF, lines=LINES, events=EVENTS, channels=["web", "shop"]),
    "features by channel": features(ORDERS, as_of=AS_OF, by="channel", lines=LINES, events=EVENTS),
    "engagement": engagement(EVENTS, as_of=AS_OF),
}


class SparkOptions(Config):
    """What ibis sets when its Spark backend is imported; compiling needs it, pyspark it does not."""

    treat_nan_as_null: bool = False


@pytest.fixture
def _spark_options(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if ibis.options.pyspark is None:
        monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    return None


@pytest.mark.usefixtures("_spark_options")
@pytest.mark.parametrize("dialect", ["duckdb", "pyspark", "postgres"])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_compiles_for_other_engines(name: str, dialect: str) -> None:
    sql = ibis.to_sql(EXPRESSIONS[name], dialect=dialect)
    for column in EXPRESSIONS[name].columns:
        assert column in sql


@pytest.mark.filterwarnings("ignore")  # Spark's own
@pytest.mark.skipif(find_spec("pyspark") is None, reason="pyspark is not installed")
def test_means_the_same_on_spark(tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    rng = np.random.default_rng(0)
    n = 400
    orders = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 40, n).astype(str),
            "ordered_at": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 600 * 1440, n), unit="min"),
            "amount": rng.integers(1, 99_999, n) / 100,
            "order_kind": rng.choice(["order", "return"], n, p=[0.9, 0.1]),
            "channel": rng.choice(["web", "shop"], n),
            "discount": rng.choice([0.0, 1.0], n),
        }
    )
    lines = orders.assign(category=rng.choice(["a", "b", "c"], n))
    events = pd.DataFrame(
        {
            "customer_id": orders["customer_id"],
            "event_at": orders["ordered_at"],
            "kind": rng.choice(["visit", "email_click", "cart_add"], n),
        }
    )
    session = SparkSession.builder.master("local[1]").config("spark.sql.shuffle.partitions", 1).getOrCreate()
    con = ibis.pyspark.connect(session)
    tables = {}
    for name, frame in {"orders": orders, "lines": lines, "events": events}.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
        session.read.parquet(str(tmp_path / f"{name}.parquet")).createOrReplaceTempView(name)
        tables[name] = con.table(name)
    on_spark = customer_table(**tables, as_of=AS_OF)
    days = ["2023-06-30", AS_OF]
    many_on_spark = snapshots(tables["orders"], as_of=days, by="channel")
    session.stop()
    assert_frame_equal(many_on_spark, snapshots(orders, as_of=days, by="channel"))
    assert_frame_equal(on_spark, customer_table(orders, as_of=AS_OF, lines=lines, events=events))
