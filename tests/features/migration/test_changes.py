"""What changed since the last published day: tables, manifest, front page, alerts."""

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from rfm_ml.cli import main
from rfm_ml.core.errors import AlertError
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
    assert told["moved_up"]["customers"] + told["moved_down"]["customers"] == moved
    assert "1 days ago" not in page
    assert "Offers: No discount: they buy anyway." in page


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


SENSITIVE = "alerts: {segment_size: 0.2, at_least: 1, drift_psi: 0.1, rows: 0.3}\n"


def ran(shop: Any, *words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["run", str(shop.params), *words])
    return int(end.value.code or 0)


def test_alerts_are_told_everywhere(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=SENSITIVE)
    run_study(shop.params, as_of="2024-05-31")
    assert ran(shop) == 0
    manifest = json.loads((shop.report() / "run.json").read_text())
    alerts = manifest["alerts"]
    assert "The log went from 4 to 6 customers since the last run, by more than 30%." in alerts
    for name, figures in manifest["movement"]["quantiles"]["segments"].items():
        beyond = abs(figures["net"]) > 0.2 * figures["before"]
        assert any(a.startswith(f"quantiles: {name} went from {figures['before']} to") for a in alerts) == beyond
    assert any("has drifted since the fit, PSI" in a for a in alerts)
    page, printed = (shop.report() / "index.html").read_text(), capsys.readouterr().out
    # Three are in sight, in print and on the front page; the others are one click away.
    seen, _, folded = page.partition(f"<summary>{len(alerts) - 3} more alerts</summary>")
    assert len(alerts) > 4
    for place, alert in enumerate(alerts):
        assert (alert in seen, alert in folded) == (place < 3, place >= 3)
        assert (f"Warning: {alert}" in printed) == (place < 3)
    assert f"Warning: And {len(alerts) - 3} more alerts: run.json." in printed


def test_limits_hold_without_a_word_in_the_params(shop: Any) -> None:
    day = pd.Timestamp("2024-05-01")
    rows = [(f"c{n:02}", n, f"{day + pd.Timedelta(days=n % 20):%Y-%m-%d}", 20 + n) for n in range(80)]
    columns = ["customer_id", "order_id", "ordered_at", "amount"]
    pd.DataFrame(rows, columns=columns).to_csv(shop.orders, index=False)
    run_study(shop.params, as_of="2024-05-31")
    assert json.loads((shop.report("2024-05-31") / "run.json").read_text())["alerts"] == []
    again = [(f"d{n:02}", 100 + n, "2024-06-20", 5) for n in range(60)]
    pd.DataFrame([*rows, *again], columns=columns).to_csv(shop.orders, index=False)
    run_study(shop.params)
    manifest = json.loads((shop.report() / "run.json").read_text())
    assert manifest["params"]["alerts"]["at_least"] == 30
    told = manifest["alerts"]
    assert "The log went from 80 to 140 customers since the last run, by more than 50%." in told
    assert any("segment has drifted since the fit, PSI" in a for a in told)
    for name, figures in manifest["movement"]["quantiles"]["segments"].items():
        beyond = max(figures["before"], figures["after"]) >= 30 and abs(figures["net"]) > 0.5 * figures["before"]
        assert any(a.startswith(f"quantiles: {name} went from") for a in told) == beyond
    assert any(" went from " in a and a.startswith("quantiles") for a in told)
    shop.write_params(more="alerts: null\n")
    run_study(shop.params)
    assert json.loads((shop.report() / "run.json").read_text())["alerts"] == []


def test_limits_can_be_switched_off_and_small_segments_are_quiet(shop: Any) -> None:
    shop.write_params(more="alerts: {drift_psi: null, rows: null, segment_size: 0.1}\n")
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params)
    assert json.loads((shop.report() / "run.json").read_text())["alerts"] == []


def test_stop_publishes_nothing_and_ends_with_5(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=SENSITIVE.replace("}", ", stop: true}"))
    run_study(shop.params, as_of="2024-05-31")
    with pytest.raises(AlertError, match="from 4 to 6 customers"):
        run_study(shop.params)
    assert not shop.report().exists()
    assert ran(shop) == 5
    told = capsys.readouterr().err.splitlines()[-1]
    every = (shop.report().with_name("2024-06-30.failed") / "alerts.txt").read_text().splitlines()
    assert f"Got {len(every)}: {' '.join(every[:3])} And {len(every) - 3} more alerts: {shop.base}" in told
    assert every[3] not in told
    assert "Nothing was published." in told
    shop.write_params(more=SENSITIVE)
    run_study(shop.params)
    assert not shop.report().with_name("2024-06-30.failed").exists()
