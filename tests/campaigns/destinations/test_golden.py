"""Every destination's files for the same few contacts, to the byte, beside this test in golden/."""

import json
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rfm_ml.campaigns.destinations import DESTINATIONS, make_destination
from tests.campaigns.destinations.conftest import as_json

GOLDEN = Path(__file__).parents[1] / "golden"


def readable(path: Path) -> tuple[str, bytes]:
    """Name and content of a file, those of packed files as text."""
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path)["list"]
        cells = [c for row in sheet.iter_rows() for c in row if c.value is not None]
        values = [float(c.value) if c.data_type == "n" else str(c.value) for c in cells]
        lines = [f"frozen at {sheet.freeze_panes}"]
        lines += [
            json.dumps([c.coordinate, v, c.data_type, c.number_format, "bold" * c.font.b])
            for c, v in zip(cells, values, strict=True)
        ]
        return f"{path.stem}.cells.txt", ("\n".join(lines) + "\n").encode()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        lines = [str(table.schema.remove_metadata()), *(json.dumps(r, default=str) for r in table.to_pylist())]
        return f"{path.stem}.parquet.txt", ("\n".join(lines) + "\n").encode()
    return path.name, path.read_bytes()


def files_of(name: str, people: pd.DataFrame, folder: Path) -> dict[str, bytes]:
    form = make_destination(name, default_country="DE", **({"salt": "pepper"} if name == "web_feed" else {}))
    written = form.write(people, folder, audience="vips", as_of=date(2024, 1, 31))
    found = dict(readable(p) for p in folder.iterdir())
    found["written.json"] = (json.dumps(as_json(written), indent=1) + "\n").encode()
    return found


@pytest.mark.usefixtures("any_length")
@pytest.mark.parametrize("name", DESTINATIONS)
def test_files_are_those_checked_by_hand(name: str, people: pd.DataFrame, tmp_path: Path) -> None:
    expected = {p.name: p.read_bytes() for p in (GOLDEN / name).iterdir()}
    found = files_of(name, people, tmp_path)
    assert sorted(found) == sorted(expected)
    for file, content in expected.items():
        if file == "written.json" and name in ("excel", "parquet"):
            # The size of a packed file depends on the packer's version.
            without = [json.loads(c) for c in (found[file], content)]
            for said in without:
                said["files"][0].pop("bytes")
            assert without[0] == without[1]
        else:
            assert found[file].decode() == content.decode(), file
