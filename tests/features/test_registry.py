"""One contract for every feature of the registry."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.features import REGISTRY, features_of
from rfm_ml.features.feature import Facts, Report
from rfm_ml.study import Study
from rfm_ml.study.archive import Day

ROOT = Path(__file__).parents[2]


def test_every_feature_has_a_room_of_its_own() -> None:
    rooms = {p.name for p in (ROOT / "rfm_ml" / "features").iterdir() if (p / "__init__.py").exists()}
    registered = [line.partition(".")[0] for line in REGISTRY]
    assert len(registered) == len(set(registered))
    # A page without tables in the report needs no line.
    assert rooms - set(registered) == {"clusters", "customer_360"}


@pytest.mark.parametrize("position", range(len(REGISTRY)), ids=REGISTRY)
def test_a_feature_answers_on_the_plainest_study(shop: Any, position: int) -> None:
    study = Study(shop.params)
    feature = features_of(study)[position]
    assert features_of(study)[position] is feature
    feature.require_usable()
    assert feature.remarks() == []
    day = Day(shop.report())
    for name in ("tables", "segments"):
        day.folder(name).mkdir(parents=True)
    feature.write(Report(day))
    facts = feature.facts()
    assert isinstance(facts, Facts)
    assert facts.held == facts.warnings == []
    written = {p.name for p in day.folder("tables").iterdir()}
    for name, table in feature.tables().items():
        assert isinstance(table, pd.DataFrame)
        assert f"{name}.csv" in written
    # What the params do not ask for leaves nothing behind.
    assert not day.folder("campaigns").exists()
    assert list(day.folder("segments").iterdir()) == []
