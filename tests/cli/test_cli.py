"""The command line as people and schedulers use it: what it prints, the codes it ends with."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.cli import main


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(w) for w in words])
    return int(left.value.code or 0)


def test_run_tells_where_the_report_is(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", shop.params) == 0
    told = capsys.readouterr().out
    assert str(shop.report() / "index.html") in told
    assert str(shop.report() / "segments") in told


def test_run_of_another_day_into_another_folder(shop: Any, tmp_path: Path) -> None:
    assert call("run", shop.params, "--as-of", "2024-03-31", "--out", tmp_path / "elsewhere") == 0
    manifest = json.loads((tmp_path / "elsewhere" / "shop" / "2024-03-31" / "run.json").read_text())
    assert manifest["rows"]["customers"] == 3
    assert not shop.report().exists()


def test_failed_notebook_ends_with_4_and_shows_the_cell(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.notebook("hello", "undefined_name + 1")
    assert call("run", shop.params) == 4
    told = capsys.readouterr().err
    assert "undefined_name + 1" in told
    assert "NameError" in told
    assert "Traceback" not in told


def test_check_prints_the_waterfall_and_publishes_nothing(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", shop.params) == 0
    told = capsys.readouterr().out
    assert "gross" in told
    assert "399.74" in told
    assert "6 customers" in told
    assert not (shop.base / "reports").exists()


def test_check_names_a_notebook_that_is_not_there(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(notebooks="helo")
    assert call("check", shop.params) == 2
    assert "Did you mean 'hello'?" in capsys.readouterr().err


def test_check_reads_the_playbook(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more="playbook: nowhere.yml\n")
    assert call("check", shop.params) == 2
    assert "playbook" in capsys.readouterr().err


def test_check_names_a_notebook_whose_strategy_is_not_there(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.notebook("hello", "strategy", parameters='params = ""\nstrategy = "thresholds"')
    assert call("check", shop.params) == 2
    told = capsys.readouterr().err
    assert "Got 'thresholds'" in told
    assert "{name: hello, parameters: {strategy: quantiles}}" in told
    shop.write_params(notebooks="{name: hello, parameters: {strategy: quantiles}}")
    assert call("check", shop.params) == 0


def test_score_with_a_frozen_model_gives_the_list_of_the_run(shop: Any, tmp_path: Path) -> None:
    call("run", shop.params)
    model = shop.report() / "models" / "quantiles.json"
    for ending, read in {"csv": pd.read_csv, "parquet": pd.read_parquet}.items():
        to = tmp_path / f"scored.{ending}"
        assert call("score", shop.params, "--model", model, "--to", to) == 0
        expected = read(shop.report() / "segments" / f"quantiles.{ending}")
        pd.testing.assert_frame_equal(read(to), expected, check_dtype=False)


def test_score_to_standard_output_is_clean_csv(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call("run", shop.params)
    capsys.readouterr()
    assert call("score", shop.params, "--model", shop.report() / "models" / "quantiles.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "customer_id,segment,R,F,M,cell,funnel_stage,reason,next_step"
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No file is at"),
        ("{", "must be JSON"),
        ('{"format": "something else"}', "must have the format"),
    ],
)
def test_score_refuses_what_is_no_frozen_model(
    shop: Any, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    model = shop.base / "model.json"
    if content is not None:
        model.write_text(content)
    assert call("score", shop.params, "--model", model) == 2
    assert told in capsys.readouterr().err


def test_place_that_cannot_be_written_is_named(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call("run", shop.params)
    model = shop.report() / "models" / "quantiles.json"
    assert call("score", shop.params, "--model", model, "--to", shop.base / "nowhere" / "x.csv") == 1
    told = capsys.readouterr().err
    assert "nowhere" in told
    assert "Traceback" not in told


def test_schedule_prints_a_line_that_runs(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(as_of="latest")
    assert call("schedule", shop.params, "--cron", "0 6 * * 1") == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("0 6 * * 1 cd ")
    command = line.removeprefix("0 6 * * 1 ").replace(
        str(Path(sys.executable).with_name("rfm-ml")), f"{sys.executable} -m rfm_ml"
    )
    done = subprocess.run(["bash", "-c", command], check=False)
    assert done.returncode == 0
    assert (shop.report() / "index.html").exists()
    assert "Done in" in (shop.base / "reports" / "shop.log").read_text()


@pytest.mark.parametrize("cron", ["0 6 * *", "61 6 * * 1", "0 6 * * mon", "0 6 * * 1 2", "a b c d e"])
def test_schedule_refuses_what_cron_would_not_take(shop: Any, capsys: pytest.CaptureFixture[str], cron: str) -> None:
    shop.write_params(as_of="latest")
    assert call("schedule", shop.params, "--cron", cron) == 2
    assert "--cron must" in capsys.readouterr().err


def test_schedule_refuses_a_fixed_day(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("schedule", shop.params, "--cron", "0 6 * * 1") == 2
    assert "a day that moves on" in capsys.readouterr().err


def test_datasets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("datasets") == 0
    told = capsys.readouterr().out
    for name in ("cdnow", "cdnow_master", "complete_journey", "webshop"):
        assert name in told


def test_open_finds_the_latest_day(
    shop: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    call("run", shop.params, "--as-of", "2024-05-31")
    call("run", shop.params)
    assert call("open", "shop", "--out", shop.base / "reports") == 0
    assert opened == [(shop.report() / "index.html").as_uri()]
    assert call("open", "shoop", "--out", shop.base / "reports") == 2
    assert "Did you mean 'shop'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rum"], "rum"),
        (["run"], "PARAMS"),
        (["run", "x.yml", "--jobs", "0"], "--jobs"),
        (["run", "x.yml", "--as-off", "2024-01-01"], "--as-off"),
    ],
)
def test_a_wrong_word_is_named_and_ends_with_2(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    assert call(*words) == 2
    assert told in capsys.readouterr().err


def test_fault_of_the_program_is_no_traceback(
    shop: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RFM_ML_DEBUG", raising=False)
    monkeypatch.setattr("rfm_ml.study.Study.__init__", lambda *a, **k: 1 / 0)
    assert call("check", shop.params) == 1
    told = capsys.readouterr().err
    assert "a fault of the program" in told
    assert "Traceback" not in told


def test_module_and_command_are_the_same(shop: Any) -> None:
    done = subprocess.run([sys.executable, "-m", "rfm_ml", "--help"], capture_output=True, text=True, check=True)
    for command in ("run", "check", "score", "new", "schedule", "datasets", "schema", "open"):
        assert command in done.stdout
