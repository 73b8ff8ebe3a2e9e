"""The example of docs/own-strategy.md takes part in everything, from a folder of its own."""

import doctest
import re
import shutil
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rfm_ml.reporting.outputs import score_list
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own-strategy.md").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "20_customers.ipynb", tmp_path / "notebooks")
    shutil.copy(ROOT / "docs" / "examples" / "seasonal_buyers.py", tmp_path)
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "params" / "seasons.yml").write_text(text)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params" / "seasons.yml"


def test_the_example_takes_part_in_every_output_of_a_run(own: Path) -> None:
    place = run_study(own).folder
    for name in re.findall(r"`((?:segments|models|tables)/seasons?\.\w+|tables/\w+_seasons\.\w+)`", PAGE):
        assert (place / name).exists(), name
    study = Study(own)
    listed = pd.read_parquet(place / "segments" / "seasons.parquet")
    customers = study.customers
    # By hand: first and last order a whole number of years apart, give or take 30 days.
    off = customers["active_days"] % 365.25
    seasonal = (customers["active_days"] > 330) & (np.minimum(off, 365.25 - off) <= 30)
    assert listed["segment"].isin(["Season is near", "Season is far"]).tolist() == seasonal.tolist()
    assert listed["reason"].str.contains("due in").tolist() == seasonal.tolist()
    assert set(study.profile("seasons")["segment"]) <= set(study.model("seasons").segments)
    assert study.model("seasons").segments[0] == "Season is near"
    con = duckdb.connect()
    con.execute(f"CREATE TABLE customers AS FROM '{place / 'tables' / 'customers.parquet'}'")
    said = dict(con.execute((place / "models" / "seasons.sql").read_text()).fetchall())
    con.close()
    agree = (listed["customer_id"].map(said) == listed["segment"]).mean()
    assert agree == pytest.approx(study.rules("seasons").fidelity)
    again = score_list(study, place / "models" / "seasons.json")
    assert again["segment"].tolist() == listed["segment"].tolist()


def test_the_example_is_frozen_for_a_later_day(own: Path) -> None:
    first = run_study(own, as_of="2025-03-31").folder
    later = run_study(own).folder
    assert (first / "models" / "seasons.json").read_bytes() == (later / "models" / "seasons.json").read_bytes()
    ledger = pd.read_parquet(later / "tables" / "ledger_seasons.parquet")
    assert (pd.to_datetime(ledger["since"]) < "2025-06-30").any()


def test_python_blocks_show_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, {}, "own-strategy.md", str(ROOT / "docs" / "own-strategy.md"), 0)
    told: list[str] = []
    result = doctest.DocTestRunner().run(test, out=told.append)
    assert result.attempted > 8
    assert not result.failed, "".join(told)
