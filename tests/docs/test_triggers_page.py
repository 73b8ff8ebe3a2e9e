"""Every block of docs/triggers.md runs, and its table names what the rules have."""

import doctest
import re
from pathlib import Path

import pytest
import yaml

from rfm_ml.params import load_params
from rfm_ml.params.triggers import RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \|(.+)\|$", PAGE, flags=re.MULTILINE))


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_python_blocks_show_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks("python")), {}, "triggers.md", "triggers.md", 0)
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append)
    assert result.attempted >= 4
    assert not result.failed, "".join(told)


def test_yaml_is_accepted(tmp_path: Path) -> None:
    whole = yaml.safe_load((ROOT / "params" / "cdnow.yml").read_text())
    for block in blocks("yaml"):
        whole |= yaml.safe_load(block)
    (tmp_path / "shop.yml").write_text(yaml.safe_dump(whole))
    assert list(load_params(tmp_path / "shop.yml").triggers) == ["champion_cools", "overdue"]


def test_every_rule_and_key_is_in_the_table() -> None:
    assert set(RULES) <= set(ROWS)
    for rule, (needed, allowed) in RULES.items():
        assert needed | allowed <= set(re.findall(r"`(\w+)", ROWS[rule])), rule
