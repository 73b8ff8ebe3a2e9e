"""In a run each params file is parsed once, each feature built once, each model of the day fitted once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.features.feature import Feature
from rfm_ml.params import reading
from rfm_ml.reporting.run import run_study
from rfm_ml.segments import SegmentModel

MORE = """
clv: {horizon_days: 30}
contacts: {path: data/contacts.csv}
dynamic_segments:
  lately: {where: {orders: {within_days: 60}}}
triggers:
  cooled: {when: score_drop, score: R, channel: email}
audiences:
  loyal: {segments: [Loyal], destination: csv, channel: email}
  recent: {dynamic: lately, destination: csv, channel: email}
  cold: {trigger: cooled, destination: csv, channel: email}
activation: {gate: null}
"""


def counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, counts: Counter[str], key: Any) -> None:
    """Count the calls of a function by a key of its arguments."""
    called = getattr(owner, name)

    def counted(*given: Any, **named: Any) -> Any:
        counts[key(*given, **named)] += 1
        return called(*given, **named)

    monkeypatch.setattr(owner, name, counted)


def test_everything_is_computed_once(busy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    busy.willing(*(f"c{n:02}" for n in range(80)))
    busy.write_params(more=MORE)
    run_study(busy.params, as_of="2024-05-31")
    Path(busy.params).write_text(busy.params.read_text() + "# another file\n")
    parsed, built, fitted = Counter[str](), Counter[str](), Counter[str]()
    counting(monkeypatch, reading, "parse_params", parsed, lambda text, name: name)
    counting(monkeypatch, Feature, "__init__", built, lambda self, study: f"{type(self).__name__} {study.as_of}")
    counting(monkeypatch, SegmentModel, "fit", fitted, lambda self, *_, **named: str(named.get("fitted_on")))
    run_study(busy.params, refit=True)
    assert parsed == {"shop.yml": 1}
    assert built, "no feature was built"
    assert {name: n for name, n in built.items() if n > 1} == {}
    assert fitted == {"2024-06-30": 1}
