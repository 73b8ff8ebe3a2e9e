"""Every block of docs/criteria.md runs, and its tables name what the language has."""

import doctest
import re
from pathlib import Path

import pytest
import yaml

from rfm_ml.criteria import parse_criteria
from rfm_ml.criteria.parse import FILTERS, KINDS, MEASURES
from rfm_ml.criteria.visits import SOURCES
from rfm_ml.params import load_params

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "criteria.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+):?` \|(.+)\|$", PAGE, flags=re.MULTILINE))


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_python_blocks_show_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks("python")), {}, "criteria.md", "criteria.md", 0)
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append)
    assert result.attempted >= 8
    assert not result.failed, "".join(told)


def test_yaml_is_accepted(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    whole = yaml.safe_load((ROOT / "params" / "cdnow.yml").read_text()) | yaml.safe_load(block)
    (tmp_path / "shop.yml").write_text(yaml.safe_dump(whole))
    assert list(load_params(tmp_path / "shop.yml").dynamic_segments) == ["shoes_again", "spring_2025"]


def test_every_condition_and_key_is_in_the_table() -> None:
    assert set(KINDS) - {"all", "any", "not"} <= set(ROWS)
    for kind in ("orders", "events", "campaigns"):
        named = set(re.findall(r"`(\w+)`", ROWS[kind]))
        assert named == {*FILTERS[kind], *MEASURES[kind]}, kind
    assert set(SOURCES) <= set(ROWS)


def test_examples_in_the_text_are_criteria() -> None:
    shown = re.findall(r"`(\{(?:measure|segment|score|contact|not).*?\})`", PAGE)
    assert len(shown) >= 5
    for example in shown:
        parse_criteria(yaml.safe_load(example))
