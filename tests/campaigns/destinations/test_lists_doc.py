"""docs/lists.md says what is so."""

import re
import sys
from pathlib import Path

import pytest

from rfm_ml.campaigns.destinations import DESTINATIONS

TEXT = (Path(__file__).parents[3] / "docs" / "lists.md").read_text(encoding="utf-8")


def test_the_example_does_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown = re.search(r"```python\n(.*?)```\n```\n(.*?)```", TEXT, re.DOTALL).groups()  # type: ignore[union-attr]
    exec(compile(code, "lists.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_every_destination_has_a_row() -> None:
    first_cells = re.findall(r"^\| (`[^|]*) \|", TEXT, re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(first_cells)) != []
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == set(DESTINATIONS)


@pytest.mark.parametrize("form", DESTINATIONS.values(), ids=lambda f: f.name)
def test_every_format_cites_its_source(form: type) -> None:
    module = sys.modules[form.__module__]
    assert "Source: " in (module.__doc__ or "")
