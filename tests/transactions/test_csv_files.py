"""Delimited text: what the engine reads and what is read line by line must agree, and rows keep their lines."""

import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.csv_files import csv_columns, load_csv, read_lines
from rfm_ml.transactions.files import FILE_STRIDE, SOURCE, RawLog
from rfm_ml.transactions.sources import connect

CON = connect(Path())


def _rows(raw: RawLog) -> list[tuple[Any, ...]]:
    names = ", ".join(f'"{c}"' for c in (*raw.columns, SOURCE))
    return CON.con.execute(f"SELECT {names} FROM ({CON.compile(raw.table)}) ORDER BY {SOURCE}").fetchall()


def _load(tmp_path: Path, text: str | bytes, *, name: str = "a.csv", **options: Any) -> RawLog:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_csv(CON, [file], **options)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(tmp_path: Path, separator: str) -> None:
    raw = _load(tmp_path, "a,b\n1,x y\n".replace(",", separator))
    assert _rows(raw) == [("1", "x y", 2)]


def test_separator_inside_quotes_does_not_count(tmp_path: Path) -> None:
    assert csv_columns(_write(tmp_path, '"a;b;c;d",e,f\n')) == ("a;b;c;d", "e", "f")


def _write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "a.csv"
    file.write_text(text)
    return file


def test_gzip(tmp_path: Path) -> None:
    assert _rows(_load(tmp_path, gzip.compress(b"a,b\n1,2\n"), name="a.csv.gz")) == [("1", "2", 2)]
    broken = _load(tmp_path, gzip.compress(b"a,b\n1\n3,4\n"), name="b.csv.gz")
    assert (_rows(broken), broken.unreadable) == ([("3", "4", 3)], ((2, "too few columns (1 of 2)"),))


def test_rows_keep_the_number_of_their_line(tmp_path: Path) -> None:
    raw = _load(tmp_path, 'a,b\n1,2\n\n3\n"4\n4",5\n6,7,8\n"9,9\n10,10\n11,"1"1\n12,12\n')
    assert _rows(raw) == [("1", "2", 2), ("4\n4", "5", 5), ("10", "10", 9), ("12", "12", 11)]
    assert raw.unreadable == (
        (4, "too few columns (1 of 2)"),
        (7, "too many columns (3 in place of 2)"),
        (8, "a quote is not closed"),
        (10, "text after a closing quote"),
    )


def test_several_files_in_any_order_of_columns(tmp_path: Path) -> None:
    files = [tmp_path / "2024" / "a.csv", tmp_path / "2025" / "a.csv"]
    for file, text in zip(files, ("a,b\n1,2\n", "b,a\n4\n4,3\n"), strict=True):
        file.parent.mkdir()
        file.write_text(text)
    raw = load_csv(CON, files)
    assert _rows(raw) == [("1", "2", 2), ("3", "4", FILE_STRIDE + 3)]
    assert raw.unreadable == ((FILE_STRIDE + 2, "too few columns (1 of 2)"),)
    assert raw.file_names == ["2024/a.csv", "2025/a.csv"]


def test_separator_at_the_end_of_lines(tmp_path: Path) -> None:
    assert _rows(_load(tmp_path, "a,b\n1,2,\n3\n")) == [("1", "2", 2)]
    assert _rows(_load(tmp_path, "a,b\n1,2,\n")) == [("1", "2", 2)]


def test_names_that_are_repeated_or_empty(tmp_path: Path) -> None:
    raw = _load(tmp_path, "a,A,a_2,,a\n1,2,3,4,5\n")
    assert raw.columns == ("a", "A_3", "a_2", "column_4", "a_4")
    assert raw.repeated == {"a", "A"}
    assert _rows(raw) == [("1", "2", "3", "4", "5", 2)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1", "iso8859_15"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    given_one = None if encoding in ("utf-8-sig", "utf-16", "cp1252") else encoding
    raw = _load(tmp_path, "a,b\nMüller,é\n".encode(encoding), encoding=given_one)
    assert _rows(raw) == [("Müller", "é", 2)]


def test_bytes_without_a_letter_in_windows_1252(tmp_path: Path) -> None:
    raw = _load(tmp_path, b"a,b\n\x81,\xe9\n")
    assert _rows(raw) == [("\x81", "é", 2)]
    assert raw.notes == ("a.csv is not UTF-8: it was read as latin-1.",)


def test_long_files_are_read_in_batches(tmp_path: Path) -> None:
    raw = _load(tmp_path, "a,b\n" + "".join(f"{i},x\n" for i in range(250_000)) + "broken\n")
    counts = CON.con.execute(
        f"SELECT count(*), max({SOURCE}), sum(a::BIGINT) FROM ({CON.compile(raw.table)})"
    ).fetchall()
    assert counts == [(250_000, 250_001, 250_000 * 249_999 // 2)]
    assert raw.unreadable == ((250_002, "too few columns (1 of 2)"),)


def test_files_that_differ_are_named(tmp_path: Path) -> None:
    for name, text in {"a.csv": "a,b\n", "b.csv": "a,c\n"}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=r"'b.csv' differs from 'a.csv' in: b, c"):
        load_csv(CON, [tmp_path / "a.csv", tmp_path / "b.csv"])


CELLS = st.text(st.sampled_from("ab1 .,;\"'é"), max_size=4)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_both_readers_agree(rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    text = "\n".join(["a,b,c", *(",".join('"' + c.replace('"', '""') + '"' for c in r) for r in rows)]) + "\n"
    file = tmp_path_factory.mktemp("csv") / "a.csv"
    file.write_text(text)
    engine = _rows(load_csv(CON, [file]))
    bad: list[tuple[int, str]] = []
    batches = read_lines(io.BytesIO(text.encode()), ("a", "b", "c"), separator=",", encoding="utf-8", bad=bad)
    careful = [tuple(r.values()) for batch in batches for r in batch.to_pylist()]
    assert bad == []
    assert engine == careful == [(*(c or None for c in r), i + 2) for i, r in enumerate(rows)]
