"""A journal remembers across processes and kills, or says that it cannot."""

import stat
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.core.journal import Journal


def opened(file: Path) -> tuple[Journal, list[str]]:
    names: list[str] = []

    def take(entry: dict[str, Any]) -> None:
        names.append(entry["name"])

    return Journal(file, what="what was done", without="it would be done twice", take=take), names


def test_entries_are_there_for_the_next_one_and_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "new" / "done.jsonl"
    journal, names = opened(file)
    assert not file.exists()
    journal.append({"name": "a", "at": 1})
    journal.append({"name": "\u00fc"})
    assert names == opened(file)[1] == ["a", "\u00fc"]
    assert file.read_text(encoding="utf-8") == '{"at": 1, "name": "a"}\n{"name": "\u00fc"}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_line_cut_off_by_a_kill_was_not_written(tmp_path: Path) -> None:
    file = tmp_path / "done.jsonl"
    opened(file)[0].append({"name": "a"})
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"name": "b')
    journal, names = opened(file)
    assert names == ["a"]
    journal.append({"name": "c"})
    assert file.read_bytes() == whole + b'{"name": "c"}\n'


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b"[]"])
def test_a_damaged_line_is_refused(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "done.jsonl"
    file.write_bytes(b'{"name": "a"}\n' + line + b"\n")
    wanted = (
        r"The journal of what was done must be whole\. Line 2 of .* is damaged\. Mend it .* it would be done twice\."
    )
    with pytest.raises(DataError, match=wanted):
        opened(file)
