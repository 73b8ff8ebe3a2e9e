"""Names nobody should have, for every destination: what is written can be read back, and nothing runs."""

import csv
import json
import tempfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm_ml.campaigns.cells import is_formula
from rfm_ml.campaigns.destinations import DESTINATIONS, make_destination

NASTY = "=+-@\t\r\n\"',;\0\u202e\u200d\u200b\ud800é漢🎉<&>|\\"
CHARACTERS = st.characters(exclude_categories=()) | st.sampled_from(NASTY)
NAMES = st.text(CHARACTERS, max_size=12)
UPLOADS = [n for n, f in DESTINATIONS.items() if f.suffix == ".csv" and n != "csv"]
PHONE_HEADERS = {"phone", "Phone Number"}
SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def contacts(names: list[str]) -> pd.DataFrame:
    rows = range(len(names))
    return pd.DataFrame(
        {
            "customer_id": [f"C{k}" for k in rows],
            "email": [f"c{k}@example.com" for k in rows],
            "phone": [f"+1212555{k:04d}" for k in rows],
            "first_name": names,
            "last_name": names[::-1],
            "city": names,
            "country": "US",
            "consent_ads": True,
            "next_step": names,
            "value": -1.5,
        },
        dtype=object,
    )


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


@pytest.mark.usefixtures("any_length")
@pytest.mark.parametrize("name", UPLOADS)
@SLOW
@given(names=st.lists(NAMES, min_size=1, max_size=5))
def test_uploads_hold_no_formula_and_lose_nobody(name: str, names: list[str]) -> None:
    people = contacts(names)
    with tempfile.TemporaryDirectory() as folder:
        written = make_destination(name, default_country="US").write(people, folder, audience="x")
        assert written.rows + written.rejected == len(names)
        headed = name != "pinterest"
        for file in written.files:
            found = lines(file.path)
            header = found[0] if headed else ["email"]
            assert len(found) == file.rows + headed
            for row in found[headed:]:
                assert len(row) == len(header)
                for column, cell in zip(header, row, strict=True):
                    assert not is_formula(cell) or column in PHONE_HEADERS or cell == "-1.5"


@SLOW
@given(names=st.lists(NAMES, min_size=1, max_size=5))
def test_files_for_people_run_nothing_and_come_back(names: list[str]) -> None:
    people = contacts(names)
    with tempfile.TemporaryDirectory() as folder:
        (file,) = make_destination("csv").write(people, folder, audience="x").files
        header, *rows = lines(file.path)
        assert len(rows) == len(names)
        for row, name in zip(rows, names, strict=True):
            cell = row[header.index("first_name")]
            wanted = name.encode(errors="replace").decode()
            assert cell == (f"'{wanted}" if is_formula(wanted) else wanted)
            assert not any(is_formula(c) for c in row if c != "-1.5")


@SLOW
@given(names=st.lists(NAMES, min_size=1, max_size=3))
def test_excel_can_be_opened_whatever_the_names(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (file,) = make_destination("excel").write(contacts(names), folder, audience="x").files
        sheet = openpyxl.load_workbook(file.path).active
        assert sheet.max_row == len(names) + 1
        for row in sheet.iter_rows(min_row=2):
            assert all(c.data_type != "f" and not is_formula(c.value) for c in row)


@SLOW
@given(names=st.lists(NAMES, min_size=1, max_size=5))
def test_programs_read_back_every_name(names: list[str]) -> None:
    kept = [n.encode(errors="replace").decode() for n in names]
    with tempfile.TemporaryDirectory() as folder:
        (file,) = make_destination("jsonl").write(contacts(names), folder, audience="x").files
        found = [json.loads(line)["first_name"] for line in file.path.read_text(encoding="utf-8").split("\n")[:-1]]
        assert found == kept
        (file,) = make_destination("parquet").write(contacts(names), folder, audience="x").files
        assert pd.read_parquet(file.path)["first_name"].tolist() == kept
        (file,) = (
            make_destination("web_feed", salt="s", properties=["next_step"])
            .write(contacts(names), folder, audience="x")
            .files
        )
        feed = json.loads(file.path.read_text(encoding="utf-8"))
        assert [v.get("next_step", "") for v in feed.values()] == kept
