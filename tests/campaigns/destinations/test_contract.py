"""What holds for every destination."""

import json
import os
import stat
import tracemalloc
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from rfm_ml.campaigns.destinations import DESTINATIONS, Destination, WrittenList, make_destination, read_rejects
from rfm_ml.core.errors import DataError, ParamsError
from tests.campaigns.destinations.conftest import as_json

pytestmark = pytest.mark.usefixtures("any_length")
CHANNELS = ("email", "sms", "ads", "call", "web", "people", "suppression")


@pytest.fixture(params=DESTINATIONS)
def form(request: pytest.FixtureRequest) -> Destination:
    return make_destination(request.param, default_country="DE")


def adds_up(written: WrittenList) -> bool:
    return (
        written.rows_in == written.rows + written.rejected + written.merged + written.below_minimum
        and written.rejected == sum(written.rejected_by_reason.values())
        and written.merged == sum(written.merged_by_reason.values())
        and len(read_rejects(written.rejects_file)) == written.rejected + written.merged
        and len(pd.read_csv(written.values_file)) == sum(written.values_by_reason.values())
        and all(f.bytes == f.path.stat().st_size for f in written.files)
    )


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def many(rows: int) -> pd.DataFrame:
    ids = range(rows)
    return pd.DataFrame(
        {
            "customer_id": [f"C{k:07d}" for k in ids],
            "email": [f"c{k}@example.com" if k % 7 else "none" for k in ids],
            "phone": [f"+1212555{k % 10000:04d}" if k % 3 else None for k in ids],
            "first_name": [("Anna", "Zoë", "-")[k % 3] for k in ids],
            "last_name": "Smith",
            "country": "US",
            "zip": "10001",
            "consent_ads": True,
            "segment": [("Champions", "Loyal")[k % 2] for k in ids],
            "value": [k / 4 for k in ids],
        }
    )


def test_every_contact_is_counted_once(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    written = form.write(people, tmp_path, audience="vips", as_of=date(2024, 1, 31))
    assert written.rows_in == len(people)
    assert adds_up(written)
    assert form.channel in CHANNELS
    assert form.name == written.format
    json.dumps(as_json(written))


def test_only_the_owner_may_read(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        written = form.write(people, tmp_path / "new", audience="vips")
        for old in (tmp_path / "new").iterdir():
            old.chmod(0o644)
        again = form.write(people, tmp_path / "new", audience="vips")
    finally:
        os.umask(before)
    assert again == written
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "new").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_link_is_not_followed(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / f"vips-{form.name}-rejects.csv").symlink_to(elsewhere)
    form.write(people, tmp_path / "list", audience="vips")
    assert elsewhere.read_text() == "mine"


def test_nothing_personal_beside_the_list(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    written = form.write(people, tmp_path, audience="vips")
    said = json.dumps(as_json(written)) + written.rejects_file.read_text() + written.values_file.read_text()
    for column in ("email", "phone", "first_name", "last_name", "city"):
        for value in people[column].dropna():
            if len(value) > 1:
                assert value not in said


def test_batches_and_tables_give_the_same_bytes(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(people, preserve_index=False)
    batches: dict[str, object] = {
        "frame": people,
        "table": table,
        "batches": table.to_batches(max_chunksize=2),
        "iterator": iter(table.to_batches(max_chunksize=3)),
    }
    made = {}
    for name, contacts in batches.items():
        form.write(contacts, tmp_path / name, audience="vips")
        made[name] = content(tmp_path / name)
    assert made["frame"] == made["table"] == made["batches"] == made["iterator"]


def test_no_contacts_make_an_empty_list(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    for name, contacts in (("frame", people.iloc[:0]), ("none", iter(()))):
        written = form.write(contacts, tmp_path / name, audience="vips")
        assert (written.rows_in, written.rows, len(written.files)) == (0, 0, 1)
        assert adds_up(written)


def test_a_failure_leaves_nothing(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    def batches() -> Iterator[pd.DataFrame]:
        yield people
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        form.write(batches(), tmp_path, audience="vips")
    assert list(tmp_path.iterdir()) == []


def test_batches_have_the_same_columns(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="next_step"):
        form.write([people, people.drop(columns="next_step")], tmp_path, audience="vips")
    assert list(tmp_path.iterdir()) == []


def test_columns_that_are_needed(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="customer_id"):
        form.write(people.drop(columns="customer_id"), tmp_path, audience="vips")
    if form.needs:
        with pytest.raises(DataError, match=form.needs[0]):
            form.write(people[["customer_id", "segment"]], tmp_path, audience="vips")


def test_a_missing_id_is_rejected(form: Destination, people: pd.DataFrame, tmp_path: Path) -> None:
    people.loc[1, "customer_id"] = None
    written = form.write(people, tmp_path, audience="vips")
    assert written.rejected_by_reason["customer_id is missing"] == 1
    assert adds_up(written)


@pytest.mark.parametrize("name", ["meta", "klaviyo", "mailchimp", "web_feed", "excel", "jsonl"])
def test_memory_does_not_grow_with_the_list(name: str, tmp_path: Path) -> None:
    form = make_destination(name)

    def peak(batches: int) -> int:
        piece = many(300)
        tracemalloc.start()
        try:
            form.write((piece for _ in range(batches)), tmp_path / str(batches), audience="vips")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(6) < 1.2 * peak(2)


def test_options_are_checked() -> None:
    with pytest.raises(ParamsError, match="Did you mean 'mailchimp'"):
        make_destination("mailchmp")
    with pytest.raises(ParamsError, match="Did you mean 'default_country'"):
        make_destination("sms", default_contry="DE")
    with pytest.raises(ParamsError, match="such as DE"):
        make_destination("sms", default_country="Germany")
    with pytest.raises(ParamsError, match="email"):
        make_destination("web_feed", properties=["segment", "email"])
