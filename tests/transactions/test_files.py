"""Parquet files, frames and workbooks as raw tables."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.files import FILE_STRIDE, SOURCE, RawLog, find_files, load_frame, load_parquet, unique_names
from rfm_ml.transactions.sources import connect, file_source

CON = connect(Path())


def _column(raw: RawLog, name: str) -> list[Any]:
    return [
        v for (v,) in CON.con.execute(f"SELECT {name} FROM ({CON.compile(raw.table)}) ORDER BY {SOURCE}").fetchall()
    ]


def _parquet(file: Path, **columns: list[Any]) -> Path:
    file.parent.mkdir(exist_ok=True, parents=True)
    pd.DataFrame(columns).to_parquet(file, index=False)
    return file


def test_parquet_rows_are_numbered_by_file(tmp_path: Path) -> None:
    files = [_parquet(tmp_path / "a.parquet", x=[1, 2]), _parquet(tmp_path / "b.parquet", x=[3], filename=["mine"])]
    raw = load_parquet(CON, files)
    assert raw.columns == ("x", "filename")
    assert _column(raw, SOURCE) == [1, 2, FILE_STRIDE + 1]
    assert _column(raw, "filename") == [None, None, "mine"]
    assert raw.file_names == ["a.parquet", "b.parquet"]


def test_folder_pattern_and_single_file(tmp_path: Path) -> None:
    for name in ("2024/b.parquet", "2024/a.parquet", "2025/a.parquet"):
        _parquet(tmp_path / name, x=[name])
    everything = ["2024/a.parquet", "2024/b.parquet", "2025/a.parquet"]
    assert _column(file_source(tmp_path).load(CON), "x") == everything
    assert _column(file_source(tmp_path / "*" / "a.parquet").load(CON), "x") == [everything[0], everything[2]]
    assert _column(file_source(tmp_path / "2024" / "b.parquet").load(CON), "x") == ["2024/b.parquet"]


def test_names_with_the_signs_of_a_pattern(tmp_path: Path) -> None:
    file = tmp_path / "orders [1].csv"
    file.write_text("a\n")
    assert find_files(file) == [file]


def test_columns_the_engine_uses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must not be named 'file_row_number'"):
        load_parquet(CON, [_parquet(tmp_path / "a.parquet", file_row_number=[7])])


def test_kinds_are_not_mixed(tmp_path: Path) -> None:
    _parquet(tmp_path / "a.parquet", x=[1])
    (tmp_path / "b.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"of one kind. Got csv, parquet"):
        file_source(tmp_path / "*.*")


def test_two_frames_do_not_meet() -> None:
    one, two = (load_frame(CON, pd.DataFrame({"x": [v]}), first_row=5) for v in (1, 2))
    assert (_column(one, "x"), _column(two, "x"), _column(one, SOURCE)) == ([1], [2], [5])


def test_repeated_names_never_meet() -> None:
    names, repeated = unique_names(["a", "a", "a_2", "A", " b ", ""])
    assert names == ("a", "a_3", "a_2", "A_4", "b", "column_6")
    assert len({n.lower() for n in names}) == 6
    assert repeated == {"a", "A"}


def test_excel_keeps_text_numbers_and_dates_apart(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "text": ["007", "8", None],
            "whole": [1, 2, None],
            "mixed": [1, "A1", 2.5],
            "day": [pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-06 10:00"), pd.NaT],
            "money": [1.5, 2, None],
        }
    ).astype({"whole": "object", "mixed": "object"})
    table.to_excel(tmp_path / "a.xlsx", index=False)
    raw = file_source(tmp_path / "a.xlsx").load(CON)
    types = {name: str(kind) for name, kind in raw.table.schema().items()}
    assert types == {
        "text": "string", "whole": "int64", "mixed": "string", "day": "timestamp(6)", "money": "float64",
        SOURCE: "int64",
    }  # fmt: skip
    assert _column(raw, "text") == ["007", "8", None]
    assert _column(raw, "mixed") == ["1", "A1", "2.5"]
    assert _column(raw, SOURCE) == [2, 3, 4]


def test_excel_rows_keep_their_numbers_behind_blank_ones(tmp_path: Path) -> None:
    pd.DataFrame({"a": ["x", None, "y"], "b": [1, None, 2]}).to_excel(tmp_path / "a.xlsx", index=False)
    assert _column(file_source(tmp_path / "a.xlsx").load(CON), SOURCE) == [2, 4]
