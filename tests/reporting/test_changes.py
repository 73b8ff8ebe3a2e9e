"""What changed since the last published day: tables, manifest, front page, alerts."""

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from rfm_ml.cli import main
from rfm_ml.core.errors import GateError
from rfm_ml.reporting.backfill import backfill
from rfm_ml.reporting.run import run_study


def segments(shop: Any, as_of: str) -> dict[str, str]:
    ledger = pd.read_parquet(shop.report(as_of) / "tables" / "ledger_quantiles.parquet")
    return dict(zip(ledger["customer_id"], ledger["segment"], strict=True))


def test_first_run_has_sizes_and_nothing_to_compare(shop: Any) -> None:
    run_study(shop.params)
    place = shop.report()
    assert not (place / "tables" / "movement_quantiles.csv").exists()
    sizes = pd.read_csv(place / "tables" / "sizes_quantiles.csv")
    assert sizes["customers"].sum() == 6
    assert sizes["revenue"].sum() == pytest.approx(399.74)
    assert set(sizes["as_of"]) == {"2024-06-30"}
    manifest = json.loads((place / "run.json").read_text())
    assert (manifest["movement"], manifest["alerts"]) == ({}, [])
    assert "What changed" not in (place / "index.html").read_text()


def test_next_run_tells_the_movement(shop: Any) -> None:
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params)
    before, after = segments(shop, "2024-05-31"), segments(shop, "2024-06-30")
    place = shop.report()

    matrix = pd.read_csv(place / "tables" / "movement_quantiles.csv")
    found = {(r.from_segment, r.to_segment): r.customers for r in matrix.itertuples()}
    pairs = [(before.get(who, "new"), segment) for who, segment in after.items()]
    assert found == {p: pairs.count(p) for p in pairs}
    sizes = pd.read_csv(place / "tables" / "sizes_quantiles.csv")
    assert sizes.groupby("as_of")["customers"].sum().to_dict() == {"2024-05-31": 4, "2024-06-30": 6}

    told = json.loads((place / "run.json").read_text())["movement"]["quantiles"]
    moved = sum(before[who] != after[who] for who in before)
    assert told["since"] == "2024-05-31"
    assert told["moved_share"] == pytest.approx(moved / 4)
    assert told["moved_by"] == {"customers": moved + 2}
    for name, figures in told["segments"].items():
        assert figures["before"] == list(before.values()).count(name)
        assert figures["after"] == list(after.values()).count(name)
        assert figures["by_refit"] == 0

    page = (place / "index.html").read_text()
    assert "What changed since 31 May 2024" in page
    assert "by the new model" not in page
    assert "4 to 6 customers" in page


def test_a_refit_is_told_apart(shop: Any) -> None:
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params, as_of="2024-06-01")  # fay is new; nobody else has ordered
    run_study(shop.params, as_of="2024-06-02", refit=True)
    before, after = segments(shop, "2024-06-01"), segments(shop, "2024-06-02")
    assert before != after
    told = json.loads((shop.report("2024-06-02") / "run.json").read_text())["movement"]["quantiles"]
    assert told["moved_by"] == {"refit": sum(before[who] != after[who] for who in before)}
    assert sum(abs(f["by_refit"]) for f in told["segments"].values()) > 0
    assert "by the new model" in (shop.report("2024-06-02") / "index.html").read_text()


def test_a_backfilled_day_counts_as_the_last(shop: Any) -> None:
    backfill(shop.params, start=date(2024, 3, 1), end=date(2024, 5, 31))
    run_study(shop.params)
    told = json.loads((shop.report() / "run.json").read_text())["movement"]["quantiles"]
    assert told["since"] == "2024-05-31"
    sizes = pd.read_csv(shop.report() / "tables" / "sizes_quantiles.csv")
    assert sorted(set(sizes["as_of"])) == ["2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]


def test_alerts_are_told_everywhere(shop: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr("rfm_ml.reporting.changes.SMALL_SEGMENT", 1)
    shop.write_params(more="alerts: {segment_size: 0.2, drift_psi: 0.1, rows: 0.3}\n")
    run_study(shop.params, as_of="2024-05-31")
    with pytest.raises(SystemExit):
        main(["run", str(shop.params)])
    manifest = json.loads((shop.report() / "run.json").read_text())
    alerts = manifest["alerts"]
    assert "The log went from 4 to 6 customers since the last run, by more than 30%." in alerts
    for name, figures in manifest["movement"]["quantiles"]["segments"].items():
        beyond = abs(figures["net"]) > 0.2 * figures["before"]
        assert any(a.startswith(f"quantiles: {name} went from {figures['before']} to") for a in alerts) == beyond
    assert any("has drifted since the fit, PSI" in a for a in alerts)
    page, printed = (shop.report() / "index.html").read_text(), capsys.readouterr().out
    for alert in alerts:
        assert alert in page
        assert f"Warning: {alert}" in printed


def test_limits_can_be_switched_off_and_small_segments_are_quiet(shop: Any) -> None:
    shop.write_params(more="alerts: {drift_psi: null, rows: null}\n")
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params)
    assert json.loads((shop.report() / "run.json").read_text())["alerts"] == []


def test_stop_publishes_nothing_and_ends_with_5(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more="alerts: {rows: 0.3, stop: true}\n")
    run_study(shop.params, as_of="2024-05-31")
    with pytest.raises(GateError, match="from 4 to 6 customers"):
        run_study(shop.params)
    assert not shop.report().exists()
    with pytest.raises(SystemExit) as end:
        main(["run", str(shop.params)])
    assert end.value.code == 5
    assert "Nothing was published." in capsys.readouterr().err
