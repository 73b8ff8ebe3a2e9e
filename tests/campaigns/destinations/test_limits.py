"""Lengths, sizes, consent, tags, and what is done about duplicates."""

import csv
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rfm_ml.campaigns.cells import sha256
from rfm_ml.campaigns.destinations import DESTINATIONS, make_destination, read_rejects
from rfm_ml.campaigns.destinations import excel as excel_module
from rfm_ml.campaigns.destinations import files as files_module
from rfm_ml.core.errors import DataError


def mails(rows: int, **more: Any) -> pd.DataFrame:
    ids = [f"C{k:05d}" for k in range(rows)]
    return pd.DataFrame({"customer_id": ids, "email": [f"{i}@example.com".lower() for i in ids], **more})


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("name", "least"), [("tiktok", 1000), ("pinterest", 100), ("linkedin", 300)])
def test_a_list_below_the_minimum_is_not_written(name: str, least: int, tmp_path: Path) -> None:
    short = make_destination(name).write(mails(least - 1), tmp_path / "short", audience="x")
    assert (short.rows, short.below_minimum, short.files) == (0, least - 1, ())
    assert f"at least {least:,}" in short.warnings[0]
    assert not [p for p in (tmp_path / "short").iterdir() if not p.name.endswith(("rejects.csv", "values.csv"))]
    enough = make_destination(name).write(mails(least), tmp_path / "enough", audience="x")
    assert (enough.rows, enough.below_minimum, enough.warnings) == (least, 0, ())


def test_meta_warns_below_100_and_names_its_batches(tmp_path: Path) -> None:
    few = make_destination("meta").write(mails(99), tmp_path / "few", audience="x")
    assert few.rows == 99
    assert "at least 100" in few.warnings[0]
    assert few.notes == {"api_batch_rows": 10_000}
    assert make_destination("meta").write(mails(100), tmp_path / "enough", audience="x").warnings == ()


def test_linkedin_takes_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (DESTINATIONS["linkedin"].maximum, DESTINATIONS["linkedin"].max_bytes) == (300_000, 20_000_000)
    monkeypatch.setattr(DESTINATIONS["linkedin"], "maximum", 400)
    make_destination("linkedin").write(mails(400), tmp_path / "most", audience="x")
    with pytest.raises(DataError, match="at most 400 rows"):
        make_destination("linkedin").write(mails(401), tmp_path / "more", audience="x")
    monkeypatch.setattr(DESTINATIONS["linkedin"], "max_bytes", 5_000)
    with pytest.raises(DataError, match="in one file"):
        make_destination("linkedin").write(mails(400), tmp_path / "more", audience="x")
    assert list((tmp_path / "more").iterdir()) == []


def test_klaviyo_is_written_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert DESTINATIONS["klaviyo"].max_bytes == 50_000_000
    monkeypatch.setattr(DESTINATIONS["klaviyo"], "max_bytes", 1_000)
    written = make_destination("klaviyo").write(mails(200), tmp_path, audience="x")
    parts = [rows_of(f.path) for f in written.files]
    assert len(parts) > 4
    assert all(f.bytes <= 1_000 for f in written.files)
    assert all(p[0] == ["Email Address"] for p in parts)
    assert sorted(r[0] for p in parts for r in p[1:]) == sorted(mails(200)["email"])
    assert sum(f.rows for f in written.files) == written.rows == 200


@pytest.mark.parametrize("name", ["klaviyo", "hubspot", "mailchimp", "klaviyo_suppression", "hubspot_opt_outs"])
def test_one_address_is_written_once(name: str, tmp_path: Path) -> None:
    again = mails(3).assign(customer_id=["D1", "D2", "D3"], email=mails(3)["email"].str.upper())
    twice = pd.concat([mails(3), again], ignore_index=True)
    written = make_destination(name).write(twice, tmp_path, audience="x")
    assert (written.rows, written.merged) == (3, 3)
    assert read_rejects(written.rejects_file)["customer_id"].tolist() == ["D1", "D2", "D3"]


def test_a_number_gets_one_message(tmp_path: Path) -> None:
    shared = pd.DataFrame({"customer_id": [1, 2], "phone": ["+49 171 2345678", "0171/2345678"]})
    written = make_destination("sms", default_country="DE").write(shared, tmp_path, audience="x")
    assert (written.rows, written.merged) == (1, 1)


def test_google_files_by_consent_and_day_to_send_again(tmp_path: Path) -> None:
    people = mails(
        8,
        country=["DE", "DE", "US", "US", "US", None, "NO", "Norway"],
        consent_ads=[True, None, None, False, True, None, None, None],
    ).astype(object)
    written = make_destination("google").write(people, tmp_path, audience="x", as_of=date(2024, 1, 31))
    found = {f.path.stem: [r[0] for r in rows_of(f.path)[1:]] for f in written.files}
    assert found == {
        "x-google-consent_granted": [sha256("c00000@example.com"), sha256("c00004@example.com")],
        "x-google-no_consent_stated": [sha256("c00002@example.com")],
    }
    assert written.send_again_by == date(2025, 7, 24)
    assert written.rejected_by_reason == {
        "consent to ads is refused": 1,
        "no consent to ads, which the EEA asks for (a country that is not known counts as EEA)": 4,
    }


def test_google_takes_no_other_value_for_consent(tmp_path: Path) -> None:
    people = mails(4, country="DE").assign(consent_ads=pd.Series([np.True_, "true", "false", np.False_], dtype=object))
    written = make_destination("google").write(people, tmp_path, audience="x")
    assert (written.rows, written.rejected) == (1, 3)


def test_not_a_number_is_a_missing_value(tmp_path: Path) -> None:
    batch = pa.record_batch({"customer_id": [1, 2], "email": ["a@example.com", "b@example.com"]}).append_column(
        "value", pa.array([float("nan"), 2.5])
    )
    for name, wanted in (("csv", ["1,a@example.com,", "2,b@example.com,2.5"]), ("klaviyo", ["a@example.com,", None])):
        (file,) = make_destination(name).write([batch], tmp_path, audience="x").files
        lines = file.path.read_text().splitlines()[1:]
        assert all(w in (None, found) for w, found in zip(wanted, lines, strict=True))


def test_mailchimp_cuts_merge_fields_and_splits_by_tag(tmp_path: Path) -> None:
    people = mails(3, segment=["A b", "A-b", None], next_step=["ü" * 200, "x", None])
    written = make_destination("mailchimp").write(people, tmp_path, audience="x")
    assert [f.path.name for f in written.files] == ["x-mailchimp-a-b.csv", "x-mailchimp-a-b_2.csv", "x-mailchimp.csv"]
    (row,) = rows_of(written.files[0].path)[1:]
    assert row[-1] == "ü" * 127
    assert written.values_by_reason == {"next_step: cut to 255 bytes": 1}


def test_too_many_tags_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="200 files"):
        make_destination("mailchimp").write(mails(201, segment=map(str, range(201))), tmp_path, audience="x")
    assert list(tmp_path.iterdir()) == []


def test_an_opt_out_is_never_lost_to_its_first_character(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": ["C1"], "email": ["-anna@example.com"]})
    assert make_destination("klaviyo_suppression").write(people, tmp_path / "out", audience="x").rows == 1
    assert make_destination("klaviyo").write(people, tmp_path / "in", audience="x").rejected == 1


def test_an_id_that_a_spreadsheet_would_run_comes_back_from_the_rejects(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": ["=1+1", "'a", "-5"], "email": ["no", "no", "no"]})
    written = make_destination("hubspot").write(people, tmp_path, audience="x")
    assert "'=1+1" in written.rejects_file.read_text()
    assert read_rejects(written.rejects_file)["customer_id"].tolist() == ["=1+1", "'a", "-5"]


def test_web_feed_is_found_by_the_salted_id(tmp_path: Path) -> None:
    people = mails(2, segment=["A", "</script>"], value=[1.0, 2.0])
    written = make_destination("web_feed", salt="pepper").write(people, tmp_path / "a", audience="x")
    text = written.files[0].path.read_text()
    assert json.loads(text)[sha256("pepper:C00001")] == {"segment": "</script>"}
    assert "</script>" not in text
    assert (written.warnings, written.notes) == ((), {"salt_id": sha256("pepper")[:8]})
    assert "without a salt" in make_destination("web_feed").write(people, tmp_path / "b", audience="x").warnings[0]
    chosen = make_destination("web_feed", salt="pepper", properties=["value"]).write(
        people, tmp_path / "c", audience="x"
    )
    assert json.loads(chosen.files[0].path.read_text())[sha256("pepper:C00000")] == {"value": 1.0}


def test_excel_opens_with_types_and_starts_a_new_book_when_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(excel_module, "MAX_ROWS", 3)
    people = pd.DataFrame(
        {
            "customer_id": [10**17, 2, 3],
            "born": [date(1980, 1, 2), date(1850, 1, 1), None],
            "note": ["=1+1", "bell\x07 _x000D_ \r\n", "y" * 40_000],
            "value": [1.5, -2.0, None],
        }
    )
    written = make_destination("excel").write(people, tmp_path, audience="x")
    assert [(f.path.name, f.rows) for f in written.files] == [("x-excel.xlsx", 2), ("x-excel-2.xlsx", 1)]
    cells = []
    for file in written.files:
        sheet = openpyxl.load_workbook(file.path).active
        cells += [[c.value for c in row] for row in sheet.iter_rows(min_row=2)]
    assert cells[0][0] == "100000000000000000"
    assert cells[0][1].date() == date(1980, 1, 2)
    assert cells[0][2] == "'=1+1"
    assert cells[1][1] == "1850-01-01"
    assert cells[1][2].replace("_x000D_", "\r").startswith("bell ")
    assert len(cells[2][2]) == 32_767
    assert (cells[1][3], cells[2][3]) == (-2, None)
    assert written.values_by_reason == {
        "note: characters that Excel cannot hold were removed": 1,
        "note: cut to 32,767 characters": 1,
    }


def test_excel_writes_texts_that_look_like_markup_or_are_wide_and_no_time(tmp_path: Path) -> None:
    markup = "<r><t>&x</t></r>"
    people = pd.DataFrame({"customer_id": [markup, "b"], "note": ["_x000D_", "\N{PARTY POPPER}" * 20_000]})
    (file,) = make_destination("excel").write(people, tmp_path, audience="x").files
    first, second = openpyxl.load_workbook(file.path)["list"].iter_rows(min_row=2, values_only=True)
    assert first == (markup, "_x005F_x000D_")  # openpyxl does not read the escape, Excel does
    assert second == ("b", "\N{PARTY POPPER}" * 16_383)
    with zipfile.ZipFile(file.path) as book:
        assert b"2000-01-01" in book.read("docProps/core.xml")
        assert {i.date_time for i in book.infolist()} == {(1980, 1, 31, 0, 0, 0)}


def test_excel_starts_a_new_book_when_the_sheet_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(excel_module, "MAX_BYTES", 2_000)
    written = make_destination("excel").write(mails(30), tmp_path, audience="x")
    assert len(written.files) > 1
    assert sum(f.rows for f in written.files) == written.rows == 30


def test_parquet_keeps_types_over_groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files_module, "PARQUET_ROWS", 2)
    people = mails(5, tags=[None, None, None, "vip", None], value=[1, 2, None, 4, 5])
    (file,) = make_destination("parquet").write(people, tmp_path, audience="x").files
    table = pq.read_table(file.path)
    assert [str(t) for t in table.schema.types] == ["string", "string", "string", "double"]
    assert table.column("tags").to_pylist() == [None, None, None, "vip", None]
    mixed = mails(4, value=[1, 2, "three", 4])
    with pytest.raises(DataError, match="'value'"):
        make_destination("parquet").write(mixed, tmp_path, audience="y")


def test_braze_opts_nobody_in_without_an_address(tmp_path: Path) -> None:
    people = pd.DataFrame({
        "customer_id": ["a", "b", "c"],
        "email": ["a@example.org", "nothing", None],
        "consent_email": [True, True, False],
    })  # fmt: skip
    (file,) = make_destination("braze", channel="push").write(people, tmp_path / "push", audience="x").files
    assert pd.read_csv(file.path)["email_subscribe"].fillna("").tolist() == ["opted_in", "", "unsubscribed"]
    written = make_destination("braze").write(people, tmp_path / "email", audience="x")
    assert (written.rows, written.rejected_by_reason) == (1, {"no e-mail that can be used": 2})
