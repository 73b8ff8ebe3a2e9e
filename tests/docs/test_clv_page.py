"""Every block of docs/clv.md runs, and shows what it says."""

import doctest
import re
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from rfm_ml.params import load_params

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clv.md").read_text()


def blocks(kind: str) -> list[str]:
    return [dedent(indent + body) for indent, body in re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", PAGE, re.M | re.S)]


def test_python_blocks_show_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code = blocks("python")
    assert len(code) >= 6
    test = doctest.DocTestParser().get_doctest("\n".join(code), {}, "clv.md", str(ROOT / "docs" / "clv.md"), 0)
    told: list[str] = []
    result = doctest.DocTestRunner().run(test, out=told.append)
    assert result.attempted > 20
    assert not result.failed, "".join(told)


def test_params_are_accepted(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    whole = {"study": "shop", "as_of": "2025-06-30", "orders": {"path": "orders.csv"}, **yaml.safe_load(block)}
    (tmp_path / "shop.yml").write_text(yaml.safe_dump(whole))
    asked = load_params(tmp_path / "shop.yml").clv
    assert asked is not None
    assert (asked.model, asked.margin) == ("mbg_nbd", 0.3)
