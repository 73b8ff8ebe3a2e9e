"""Contacts, events, campaigns and products beside the orders."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.companions import write_campaigns, write_contacts, write_events, write_products
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
        "2 contacts without a usable customer_id were left out; their opt-outs count.",
        "1 repeated contacts were left out; their opt-outs count.",
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


CAMPAIGNS = """id,customer_id,sent_at,group,cost,kind
c2,7,2024-02-01 09:00,Control,0,mail
c1,8,2024-01-01,treated,0.05,mail
c1,7,2024-01-01,test,"0.05",mail
c1,7,2024-01-01,test,0.05,mail
c1,7,2024-01-09,holdout,0.05,mail
c1,9,2024-01-01,maybe,0.05,mail
c1,9,2024-01-02,,,mail
,9,2024-01-01,test,1,mail
c1,,2024-01-01,test,1,mail
c1,9,never,test,1,mail
"""


def test_campaigns(tmp_path: Path) -> None:
    options: dict[str, Any] = {"columns": {"campaign_id": "id"}, "ids": "BIGINT", "date_format": None}
    notes = write_campaigns(_raw(tmp_path, CAMPAIGNS), tmp_path / "c.parquet", time_zone="UTC", **options)
    names, rows = _rows(tmp_path / "c.parquet")
    assert names == ["campaign_id", "customer_id", "sent_at", "cost", "group", "kind"]
    first = datetime(2024, 1, 1)
    assert rows == [
        ("c1", 7, first, Decimal("0.0500"), "treatment", "mail"),
        ("c1", 7, datetime(2024, 1, 9), Decimal("0.0500"), "control", "mail"),
        ("c1", 8, first, Decimal("0.0500"), "treatment", "mail"),
        ("c1", 9, datetime(2024, 1, 2), None, None, "mail"),
        ("c2", 7, datetime(2024, 2, 1, 9), Decimal("0.0000"), "control", "mail"),
    ]
    assert notes[:4] == [
        "3 campaign rows without a usable campaign, customer or date were left out.",
        "1 campaign rows with a group that is neither treatment nor control were left out.",
        "1 repeated campaign rows were left out.",
        "1 customers are in both groups of a campaign.",
    ]


def test_campaigns_need_no_groups(tmp_path: Path) -> None:
    raw = _raw(tmp_path, "campaign_id,customer_id,sent_at,ends_at\n1,a,2024-01-01,2024-02-01\n")
    options: dict[str, Any] = {"columns": {}, "ids": "VARCHAR", "date_format": None, "time_zone": "UTC"}
    assert write_campaigns(raw, tmp_path / "c.parquet", **options) == []
    assert _rows(tmp_path / "c.parquet") == (
        ["campaign_id", "customer_id", "sent_at", "ends_at"],
        [("1", "a", datetime(2024, 1, 1), datetime(2024, 2, 1))],
    )


def test_products(tmp_path: Path) -> None:
    raw = _raw(tmp_path, "sku,category,margin\n8,hats,0.4\n7,shoes,\n7,bags,0.2\n,belts,0.1\nx,belts,-0.1\n")
    notes = write_products(raw, tmp_path / "p.parquet", columns={"product_id": "sku"}, ids="BIGINT")
    assert _rows(tmp_path / "p.parquet") == (
        ["product_id", "margin", "category"],
        [(7, None, "shoes"), (8, Decimal("0.4000"), "hats")],
    )
    assert notes == ["2 products without a usable product_id were left out.", "1 repeated products were left out."]


def test_margins_in_percent_are_refused(tmp_path: Path) -> None:
    raw = _raw(tmp_path, "product_id,margin\n8,40\n")
    with pytest.raises(DataError, match="Divide margins in percent by 100"):
        write_products(raw, tmp_path / "p.parquet", columns={}, ids=None)
