"""Tables and queries of DuckDB and SQLite files."""

import sqlite3
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.contract import clean
from rfm_ml.transactions.sources import connect, copy_database, database_source

ROWS = [("007", "A1", "2024-01-05 10:00:00", 10.25), ("007", "A2", "2024-02-05 11:00:00", 1.5), ("8", "A3", None, 2.0)]


@pytest.fixture(params=["duckdb", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    place = tmp_path / "shop.db"
    make = "CREATE TABLE orders (customer_id VARCHAR, order_id VARCHAR, ordered_at TIMESTAMP, amount DOUBLE)"
    con = duckdb.connect(str(place)) if request.param == "duckdb" else sqlite3.connect(place)
    con.execute(make)
    con.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", ROWS)
    con.commit()
    con.close()
    return f"{request.param}://{place}"


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({"table": "orders"}, 3),
        ({"query": "SELECT * FROM orders WHERE customer_id = '007'"}, 2),
        ({"query": "SELECT * FROM orders WHERE amount > 100.0;"}, 0),
    ],
)
def test_copied_as_they_are(url: str, asked: dict[str, str], rows: int, tmp_path: Path) -> None:
    copy_database(url, tmp_path / "copy.parquet", **asked)
    frame = pd.read_parquet(tmp_path / "copy.parquet")
    assert list(frame.columns) == ["customer_id", "order_id", "ordered_at", "amount"]
    assert len(frame) == rows
    assert frame["amount"].tolist() == [10.25, 1.5, 2.0][:rows]
    assert not list(tmp_path.glob("*.part"))


def test_cleaned_like_any_other_source(url: str, tmp_path: Path) -> None:
    con = connect(tmp_path)
    log = clean(database_source(url, tmp_path, table="orders").load(con), tmp_path)
    assert (log.rows, log.quarantined) == (3, 1)
    orders = con.con.execute(f"SELECT customer_id, ordered_at::VARCHAR, amount::DOUBLE FROM '{log.orders}' ORDER BY 2")
    assert orders.fetchall() == [("007", "2024-01-05 10:00:00", 10.25), ("007", "2024-02-05 11:00:00", 1.5)]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"table": "order"}, "There is no 'order'. Did you mean 'orders'?"),
        ({"query": "SELECT nothing FROM orders"}, "database must answer. It said: .*nothing"),
    ],
)
def test_what_is_not_there(url: str, asked: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told):
        copy_database(url, tmp_path / "copy.parquet", **asked)
    assert not list(tmp_path.glob("copy*"))


def test_copies_are_kept_until_a_refresh(url: str, tmp_path: Path) -> None:
    first = database_source(url, tmp_path, table="orders").fingerprint
    con = duckdb.connect(url[9:]) if url.startswith("duckdb") else sqlite3.connect(url[9:])
    con.execute("INSERT INTO orders VALUES ('9', 'A9', '2024-03-01', 3.0)")
    con.commit()
    con.close()
    assert database_source(url, tmp_path, table="orders").fingerprint == first
    assert database_source(url, tmp_path, table="orders", refresh=True).fingerprint != first


def test_addresses_are_not_repeated_in_messages(tmp_path: Path) -> None:
    with pytest.raises(DataError) as seen:
        copy_database("nosuch://me:secret@host/shop", tmp_path / "c.parquet", table="orders")
    assert "The nosuch database must answer" in str(seen.value)
    assert "secret" not in str(seen.value)


@pytest.mark.parametrize("asked", [{}, {"table": "a", "query": "b"}])
def test_one_of_table_and_query(asked: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="a table or a query, one of the two"):
        copy_database("duckdb://x", tmp_path / "c.parquet", **asked)


def test_an_address_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="must be an address such as duckdb://"):
        copy_database("shop.db", tmp_path / "c.parquet", table="orders")
