"""Contacts and events beside the orders."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.companions import write_contacts, write_events
from rfm_ml.transactions.csv_files import load_csv
from rfm_ml.transactions.files import RawLog
from rfm_ml.transactions.sources import connect

CON = connect(Path())


def _raw(tmp_path: Path, text: str) -> RawLog:
    file = tmp_path / "table.csv"
    file.write_text(text)
    return load_csv(CON, [file])


def _rows(file: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    found = CON.con.execute(f"SELECT * FROM '{file}'")
    return [d[0] for d in found.description], found.fetchall()


def test_one_row_per_contact(tmp_path: Path) -> None:
    raw = _raw(
        tmp_path, "Id,E-Mail,city\n 8 ,b@x.org,\n7,first@x.org,Ulm\n7,second@x.org,Bonn\n,c@x.org,\nx,d@x.org,\n9\n"
    )
    notes = write_contacts(raw, tmp_path / "c.parquet", columns={"customer_id": "Id", "email": "E-Mail"}, ids="BIGINT")
    assert _rows(tmp_path / "c.parquet") == (
        ["customer_id", "email", "city"],
        [(7, "first@x.org", "Ulm"), (8, "b@x.org", None)],
    )
    assert notes == [
        "1 lines of the contacts could not be read and were left out.",
        "2 contacts without a usable customer_id were left out.",
        "1 repeated contacts were left out.",
    ]


def test_ids_in_text_keep_their_zeros(tmp_path: Path) -> None:
    write_contacts(_raw(tmp_path, "customer_id,zip\n007,01234\n"), tmp_path / "c.parquet", columns={}, ids="VARCHAR")
    assert _rows(tmp_path / "c.parquet")[1] == [("007", "01234")]


def test_a_column_of_our_name_gives_way_to_the_mapped_one(tmp_path: Path) -> None:
    raw = _raw(tmp_path, "customer_id,number,city\nno,7,Ulm\n")
    assert write_contacts(raw, tmp_path / "c.parquet", columns={"customer_id": "number"}, ids="VARCHAR") == []
    assert _rows(tmp_path / "c.parquet") == (["customer_id", "city"], [("7", "Ulm")])


def test_events(tmp_path: Path) -> None:
    text = (
        "who,when,kind,utm_source\n7,2024-01-05T23:30:00Z,visit,ad\n7,05.02.2024,email_click,\n"
        ",2024-01-01,visit,\n8,x,visit,\n"
    )
    columns = {"customer_id": "who", "event_at": "when"}
    options: dict[str, Any] = {"columns": columns, "ids": "VARCHAR", "date_format": None, "time_zone": "Europe/Berlin"}
    notes = write_events(_raw(tmp_path, text), tmp_path / "e.parquet", **options)
    names, rows = _rows(tmp_path / "e.parquet")
    assert names == ["customer_id", "event_at", "kind", "utm_source"]
    assert sorted(rows) == [
        ("7", datetime(2024, 1, 6, 0, 30), "visit", "ad"),
        ("7", datetime(2024, 2, 5), "email_click", None),
    ]
    assert notes == [
        "2 events without a usable customer, date or kind were left out.",
        "when: 1 date written as day.month.year.",
    ]


@pytest.mark.parametrize(
    ("header", "columns", "told"),
    [
        ("who,city", {}, "The contacts must have the column 'customer_id'"),
        ("customer_id,e_mail", {"email": "email"}, "must have the column 'email'. Did you mean 'e_mail'"),
        ("customer_id,customer_id", {}, "'customer_id' is there more than once"),
    ],
)
def test_contacts_without_what_the_params_name(tmp_path: Path, header: str, columns: dict[str, str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        write_contacts(_raw(tmp_path, header + "\n1,2\n"), tmp_path / "c.parquet", columns=columns, ids="VARCHAR")
