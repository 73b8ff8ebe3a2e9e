"""The same orders from every kind of source; fingerprints; the columns of a file."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.contract import clean
from rfm_ml.transactions.sources import Source, connect, database_source, file_source, source_columns

ORDERS = pd.DataFrame(
    {
        "customer_id": ["007", "007", "8"],
        "order_id": ["A1", "A2", "A3"],
        "ordered_at": pd.to_datetime(["2024-01-05 10:00", "2024-02-05 11:30", "2024-03-05 00:00"]),
        "amount": [10.25, -1.5, 2.0],
    }
)


def _split(place: Path, write: Callable[[pd.DataFrame, Path], None], ending: str) -> Source:
    place.mkdir()
    write(ORDERS.iloc[:1], place / f"1{ending}")
    write(ORDERS.iloc[1:], place / f"2{ending}")
    return file_source(place if ending == ".parquet" else place / f"*{ending}")


def _database(place: Path) -> Source:
    place.mkdir()
    with duckdb.connect(str(place / "shop.duckdb")) as con:
        con.register("frame", ORDERS)
        con.execute("CREATE TABLE orders AS SELECT * FROM frame")
    return database_source(f"duckdb://{place / 'shop.duckdb'}", place, query="SELECT * FROM orders")


def _csv(frame: pd.DataFrame, file: Path) -> None:
    frame.to_csv(file, index=False)


def _parquet(frame: pd.DataFrame, file: Path) -> None:
    frame.to_parquet(file, index=False)


def _single(place: Path, name: str, write: Callable[[Path], None]) -> Source:
    place.mkdir()
    write(place / name)
    return file_source(place / name)


SOURCES: dict[str, Callable[[Path], Source]] = {
    "csv": lambda p: _single(p, "o.csv", lambda f: _csv(ORDERS, f)),
    "csv.gz": lambda p: _single(p, "o.csv.gz", lambda f: _csv(ORDERS, f)),
    "tsv": lambda p: _single(p, "o.tsv", lambda f: ORDERS.to_csv(f, index=False, sep="\t")),
    "csv pattern": lambda p: _split(p, _csv, ".csv"),
    "parquet": lambda p: _single(p, "o.parquet", lambda f: _parquet(ORDERS, f)),
    "parquet folder": lambda p: _split(p, _parquet, ".parquet"),
    "excel": lambda p: _single(p, "o.xlsx", lambda f: ORDERS.to_excel(f, index=False)),
    "duckdb": _database,
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_same_orders(kind: str, tmp_path: Path) -> None:
    con = connect(tmp_path)
    log = clean(SOURCES[kind](tmp_path / "in").load(con), tmp_path)
    rows = con.con.execute(
        "SELECT customer_id, order_id, ordered_at::VARCHAR, amount::DOUBLE, order_kind, lines "
        f"FROM '{log.orders}' ORDER BY order_id"
    ).fetchall()
    assert rows == [
        ("007", "A1", "2024-01-05 10:00:00", 10.25, "order", 1),
        ("007", "A2", "2024-02-05 11:30:00", -1.5, "return", 1),
        ("8", "A3", "2024-03-05 00:00:00", 2.0, "order", 1),
    ]
    assert log.rows == 3


def test_fingerprint_follows_names_and_bytes(tmp_path: Path) -> None:
    seen = set()
    for name, text in [("a.csv", "x\n1\n"), ("a.csv", "x\n2\n"), ("b.csv", "x\n1\n")]:
        (tmp_path / name).write_text(text)
        seen.add(file_source(tmp_path / name).fingerprint)
    assert len(seen) == 3
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.csv").write_text("x\n1\n")
    assert file_source(elsewhere / "b.csv").fingerprint in seen


def test_columns_of_a_file_without_reading_it(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("a;b c\n" + "broken" * 9)
    _parquet(ORDERS, tmp_path / "o.parquet")
    ORDERS.to_excel(tmp_path / "o.xlsx", index=False)
    assert source_columns(tmp_path / "o.csv") == ("a", "b c")
    for name in ("o.parquet", "o.xlsx"):
        assert source_columns(tmp_path / name) == ("customer_id", "order_id", "ordered_at", "amount")


def test_kind_of_a_file_by_its_ending_or_as_given(tmp_path: Path) -> None:
    _csv(ORDERS, tmp_path / "export.dat")
    with pytest.raises(DataError, match=r"'export.dat' ends in '.dat'"):
        file_source(tmp_path / "export.dat")
    source = file_source(tmp_path / "export.dat", file_format="csv")
    assert source.load(connect(tmp_path)).columns == ("customer_id", "order_id", "ordered_at", "amount")
