"""Only a list that was written, is not held and is what its manifest says can be handed over."""

import json
from pathlib import Path

import pytest

from rfm_ml.campaigns.carriers import Parcel, Receipts, read_parcel
from rfm_ml.core.errors import DataError, GateError
from tests.campaigns.carriers.conftest import write_list


def test_a_written_list_with_its_files(parcel: Parcel) -> None:
    assert (parcel.study, parcel.audience, parcel.as_of, parcel.destination) == ("shop", "vips", "2024-06-30", "google")
    assert [(f.name, f.rows) for f in parcel.files] == [("vips.csv", 2)]
    assert parcel.rows == 2


def test_a_held_list_is_refused_and_an_empty_one_is_none(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"vips must be confirmed before it is sent\. It has 3 times as many") as raised:
        read_parcel(write_list(tmp_path / "vips", status="held", why="It has 3 times as many rows."))
    assert raised.value.exit_code == 5
    assert read_parcel(write_list(tmp_path / "few", status="too short")) is None


def test_a_changed_or_missing_file_is_refused(tmp_path: Path) -> None:
    folder = write_list(tmp_path / "vips")
    (folder / "vips.csv").write_bytes(b"Email\r\neve@example.com\r\n")
    with pytest.raises(DataError, match="was changed since") as raised:
        read_parcel(folder)
    assert "eve@" not in str(raised.value)
    (folder / "vips.csv").unlink()
    with pytest.raises(DataError, match="must be there"):
        read_parcel(folder)


def test_no_file_outside_the_folder_and_no_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    for name in ("../secret", "/etc/hostname", ".."):
        entry = {"name": name, "rows": 1, "bytes": 1, "sha256": ""}
        with pytest.raises(DataError, match="must lie in its folder"):
            read_parcel(write_list(tmp_path / "vips", files=[entry]))
    folder = write_list(tmp_path / "linked")
    (folder / "vips.csv").rename(folder / "other.csv")
    (folder / "vips.csv").symlink_to(folder / "other.csv")
    with pytest.raises(DataError, match="must be there"):
        read_parcel(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "written"}', json.dumps({"files": 3})])
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str) -> None:
    folder = write_list(tmp_path / "vips")
    (folder / "manifest.json").write_text(content)
    with pytest.raises(DataError, match="manifest of a list must be a file that can be read"):
        read_parcel(folder)


def test_receipts_remember_across_processes_and_kills(tmp_path: Path, parcel: Parcel) -> None:
    journal = tmp_path / "deliveries.jsonl"
    receipts = Receipts(journal)
    assert receipts.state("mail", parcel) is None
    receipts.add("mail", parcel, state="begun")
    assert journal.stat().st_mode & 0o777 == 0o600
    assert (Receipts(journal).state("mail", parcel) or {})["state"] == "begun"
    assert Receipts(journal).state("folder", parcel) is None
    receipts.add("mail", parcel, state="failed")
    assert Receipts(journal).state("mail", parcel) is None
    receipts.add("mail", parcel, state="sent")
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"state": "failed", "deli')  # cut off by a kill
    again = Receipts(journal)
    assert (again.state("mail", parcel) or {})["state"] == "sent"
    again.add("folder", parcel, state="sent")
    assert journal.read_bytes().startswith(whole + b'{"as_of"')
    assert b"mary" not in journal.read_bytes()
    journal.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(DataError, match="Line 1 of"):
        Receipts(journal)
