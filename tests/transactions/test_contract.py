"""What `clean` writes: orders, lines, quarantine."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.contract import CleanLog, clean
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.sources import connect, file_source

CON = connect(Path())
LINES = """customer_id,order_id,ordered_at,amount,product_id,quantity,channel,discount
7,A,2024-01-05 10:00,10.00,p1,1,web,0.50
7,A,2024-01-05 09:30,5.25,p2,2,app,0.25
7,B,2024-01-06,-3.00,p1,-1,web,0
8,C,2024-01-07,4.00,p1,1,,
8,C,2024-01-07,-4.00,p1,-1,,
9,D,rubbish,1.00,p3,1,web,0
,E,2024-01-08,2.00,p3,1,web,0
"""


@pytest.fixture
def log(tmp_path: Path) -> CleanLog:
    return _clean(tmp_path, LINES)


def _clean(tmp_path: Path, text: str, **options: Any) -> CleanLog:
    file = tmp_path / "orders.csv"
    file.write_text(text)
    return clean(file_source(file).load(CON), tmp_path, **options)


def _rows(path: Path | None, columns: str = "*") -> list[tuple[Any, ...]]:
    return CON.con.execute(f"SELECT {columns} FROM '{path}' ORDER BY ALL").fetchall()


def test_lines_are_summed_to_orders(log: CleanLog) -> None:
    columns = "customer_id, order_id, ordered_at, ordered_on, amount, order_kind, lines, channel, discount"
    assert _rows(log.orders, columns) == [
        ("7", "A", datetime(2024, 1, 5, 9, 30), date(2024, 1, 5), Decimal("15.2500"), "order", 2, "app",
         Decimal("0.7500")),
        ("7", "B", datetime(2024, 1, 6), date(2024, 1, 6), Decimal("-3.0000"), "return", 1, "web", Decimal("0.0000")),
    ]  # fmt: skip
    assert [f.name for f in log.orders.parent.glob("part*")] == []


def test_types_of_the_orders_table(log: CleanLog) -> None:
    types = {n: t for n, t, *_ in CON.con.execute(f"DESCRIBE SELECT * FROM '{log.orders}'").fetchall()}
    assert types == {
        "customer_id": "VARCHAR", "order_id": "VARCHAR", "ordered_at": "TIMESTAMP", "ordered_on": "DATE",
        "amount": "DECIMAL(18,4)", "order_kind": "VARCHAR", "lines": "BIGINT", "channel": "VARCHAR",
        "discount": "DECIMAL(18,4)",
    }  # fmt: skip


def test_lines_of_orders_that_count(log: CleanLog) -> None:
    assert _rows(
        log.lines, "customer_id, order_id, ordered_on, amount::DOUBLE, order_kind, product_id, quantity::DOUBLE"
    ) == [
        ("7", "A", date(2024, 1, 5), 5.25, "order", "p2", 2.0),
        ("7", "A", date(2024, 1, 5), 10.0, "order", "p1", 1.0),
        ("7", "B", date(2024, 1, 6), -3.0, "return", "p1", -1.0),
    ]


def test_where_orders_came_from_is_kept(tmp_path: Path) -> None:
    text = (
        "customer_id,order_id,ordered_at,amount,product_id,utm_source,medium,referrer\n"
        "1,A,2024-01-01,5,p1,google,cpc,\n1,A,2024-01-01,6,p2,google,cpc,\n2,B,2024-01-02,7,p1,,,blog.org\n"
    )
    log = _clean(tmp_path, text, columns={"utm_medium": "medium"})
    columns = "order_id, amount::DOUBLE, utm_source, utm_medium, referrer"
    assert _rows(log.orders, columns) == [("A", 11.0, "google", "cpc", None), ("B", 7.0, None, None, "blog.org")]
    assert [row[2:] for row in _rows(log.lines, columns)] == [("google", "cpc", None)] * 2 + [(None, None, "blog.org")]


def test_no_lines_table_without_products(tmp_path: Path) -> None:
    assert _clean(tmp_path, "customer_id,order_id,ordered_at,amount\n1,2,2024-01-01,5\n").lines is None


def test_quarantine_says_what_the_source_says(log: CleanLog) -> None:
    frame = pd.read_csv(log.quarantine, dtype=str)
    assert frame.to_dict("records") == [
        {
            "source_file": "orders.csv", "source_row": "7", "reason": "date missing or unreadable", "copies": "1",
            "customer_id": "9", "order_id": "D", "ordered_at": "rubbish", "amount": "1.00",
        }
    ]  # fmt: skip
    assert (log.rows, log.quarantined) == (7, 1)


def test_quarantine_counts_broken_lines_and_several_files(tmp_path: Path) -> None:
    head = "customer_id,order_id,ordered_at,amount\n"
    (tmp_path / "a.csv").write_text(head + "1,1,2024-01-01,5\n1,2\n1,3,2024-01-01,x\n")
    (tmp_path / "b.csv").write_text(head + "2,4,2024-01-01,5\n2,5,never,5\n1,6,2024-02-01,5\n2,6,2024-02-01,5\n")
    log = clean(file_source(tmp_path / "*.csv").load(CON), tmp_path, policies=Policies(unreadable_limit=0.9))
    frame = pd.read_csv(log.quarantine)
    assert list(zip(frame["source_file"], frame["source_row"], frame["reason"], strict=True)) == [
        ("a.csv", 3, "unreadable line: too few columns (2 of 4)"),
        ("a.csv", 4, "amount missing or unreadable"),
        ("b.csv", 3, "date missing or unreadable"),
        ("b.csv", 4, "order of several customers"),
        ("b.csv", 5, "order of several customers"),
    ]


@pytest.mark.parametrize("name", ["orders.parquet", "orders.xlsx"])
def test_quarantine_rows_of_other_files(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "ordered_at": pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
            "amount": [1.0, 2.0, 3.0],
        }
    )
    file = tmp_path / name
    frame.to_parquet(file) if name.endswith("parquet") else frame.to_excel(file, index=False)
    log = clean(file_source(file).load(CON), tmp_path)
    found = pd.read_csv(log.quarantine)
    assert found["source_row"].tolist() == [2 if name.endswith("parquet") else 3]
    assert found["source_file"].tolist() == [name]
    assert found["amount"].tolist() == [2.0]


def test_a_log_is_opened_as_it_was_written(log: CleanLog) -> None:
    assert CleanLog.load(log.folder) == log


def test_folders_with_quotes_in_their_names(tmp_path: Path) -> None:
    place = tmp_path / "o'neil"
    place.mkdir()
    assert _clean(place, LINES).rows == 7


def test_columns_with_hostile_names(tmp_path: Path) -> None:
    text = "who's it,order id,the;date,x y,copies\n1,1,2024-01-01,5.00,6\n"
    columns = {"customer_id": "who's it", "order_id": "order id", "ordered_at": "the;date", "amount": "copies"}
    assert _rows(_clean(tmp_path, text, columns=columns).orders, "amount::DOUBLE") == [(6.0,)]


def test_orders_beyond_what_can_be_summed(tmp_path: Path) -> None:
    rows = "".join(f"1,A,2024-01-01,999999999999.99,{i}\n" for i in range(101))
    with pytest.raises(DataError, match=r"must sum to less than 100,000,000,000,000. Got 100,999,999,999,998.99"):
        _clean(tmp_path, "customer_id,order_id,ordered_at,amount,product_id\n" + rows)


def test_shares_of_unreadable_rows(tmp_path: Path) -> None:
    text = "customer_id,order_id,ordered_at,amount\n1,1,2024-01-01,5\n1,2,x,5\n"
    assert _clean(tmp_path, text).quarantined == 1
    with pytest.raises(DataError, match=r"At most 40% of the rows may be unreadable. 1 of 2 are"):
        _clean(tmp_path, text, policies=Policies(unreadable_limit=0.4))
