"""rfm-ml count."""

from typing import Any

import pytest

from rfm_ml import cli

MORE = """
dynamic_segments:
  spenders: {where: {measure: spend, is: ">= 50"}}
  lately: {where: {orders: {within_days: 30}}}
"""


def call(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(a) for a in arguments])
    return int(ended.value.code or 0)


def test_count_prints_each_segment(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=MORE)
    assert call("count", shop.params) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["spenders", "3"], ["lately", "3"]]
    assert call("count", shop.params, "lately", "--as-of", "2024-02-29") == 0
    assert capsys.readouterr().out.split() == ["lately", "1"]
    assert call("count", shop.params, "--where", "{orders: {count: '>= 2'}}") == 0
    assert capsys.readouterr().out.split() == ["--where", "3"]


def test_a_name_and_criteria_are_asked_together(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=MORE)
    # ann, dan and fay ordered lately; ann and dan more than once.
    assert call("count", shop.params, "lately", "spenders", "--where", "{orders: {count: '>= 2'}}") == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["lately", "2"], ["spenders", "3"]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lattely"], "Did you mean 'lately'?"),
        (["--where", "{orders: {count: many}}"], "--where.orders.count must be a number"),
        (["--where", "{orders: "], "--where must be YAML."),
        (["--where", "{tag: x, tag: y}"], "--where: A key must be given once."),
        (["--where", "tag"], "--where must be a condition such as"),
        (["--where", "{tag: x}"], "--where.tag needs contacts. The params name none."),
        (["--where", "{orders: {from: 2025-02-30}}"], "--where.orders.from must be a day such as"),
    ],
)
def test_bad_questions(shop: Any, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=MORE)
    assert call("count", shop.params, *arguments) == 2
    assert told in capsys.readouterr().err


def test_nothing_to_count(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("count", shop.params) == 2
    assert "Dynamic segments must be in the params, or criteria be given." in capsys.readouterr().err
