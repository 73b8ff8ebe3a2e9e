"""Backfill: the ledger of days that no run has seen, and how runs go on from it."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, LockedError, ParamsError
from rfm_ml.customers import customer_table
from rfm_ml.reporting.backfill import backfill
from rfm_ml.reporting.run import run_study
from rfm_ml.segments import SegmentModel
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive

OWN = """
from rfm_ml.strategies import QuantileRFM

class ByGap(QuantileRFM):
    name = "by_gap"
    def __init__(self, bins=3):
        super().__init__(bins, frequency="orders_90d")
"""


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def months(shop: Any, start: tuple[int, int] = (2024, 1), end: tuple[int, int] = (2024, 5), **options: Any) -> Any:
    return backfill(shop.params, start=date(*start, 1), end=date(*end, 31), **options)


def rows(place: Path) -> list[tuple]:
    table = pd.read_parquet(place)[["customer_id", "segment", "since", "previous", "value"]]
    return [(r[0], r[1], r[2].month, *r[3:]) for r in table.itertuples(index=False)]


def test_every_month_follows_the_one_before(shop: Any) -> None:
    done = months(shop, (2024, 2))

    assert [str(d) for d in done.days] == ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
    assert done.notes[0] == "quantiles: one model for all days, fitted on 2024-05-31, the last day of the backfill."
    assert done.notes[1].startswith("quantiles: days before 2024-05-31 are labelled by rules that were made later.")
    place = shop.base / "reports" / "shop" / "ledger"
    assert done.folder == place
    assert sorted(p.name for p in (place / "2024-03-31").rglob("*") if p.is_file()) == [
        "manifest.json",
        "quantiles.json",
        "quantiles.parquet",
    ]
    assert len({p.read_bytes() for p in place.glob("*/*models/quantiles.json")}) == 1
    assert [p.parts[-3] for p in place.glob("*/models/quantiles.json")] == ["2024-05-31"]
    model = Study(shop.params).earlier.model(
        "quantiles",
        json.loads((place / "2024-03-31" / "manifest.json").read_text())["strategies"]["quantiles"]["fingerprint"],
    )
    assert model is not None
    last = {}
    for day in done.days:
        found = pd.read_parquet(place / day.isoformat() / "quantiles.parquet").set_index("customer_id")
        log = pd.read_csv(shop.orders).rename(columns={"ordered_at": "ordered_on"})
        log["ordered_on"] = pd.to_datetime(log["ordered_on"])
        customers = customer_table(log, as_of=day, with_features=False)
        expected = dict(zip(customers["customer_id"], model.predict(customers), strict=True))
        assert found["segment"].to_dict() == expected
        assert found["value"].tolist() == customers["spend"].tolist()
        for who, (segment, since, previous) in found[["segment", "since", "previous"]].T.items():
            if who not in last:
                assert (since.date(), previous) == (day, "")
            elif last[who][0] == segment:
                assert (segment, since, previous) == last[who]
            else:
                assert (since.date(), previous) == (day, last[who][0])
            last[who] = (segment, since, previous)
    assert any(previous for _, _, previous in last.values())


def test_again_gives_the_same_bytes(shop: Any) -> None:
    done = months(shop)
    first = digests(done.folder)
    assert len(first) == 15
    months(shop)
    assert digests(done.folder) == first


def test_run_goes_on_from_the_backfilled_model_and_ledger(shop: Any) -> None:
    months(shop, (2024, 3))
    run_study(shop.params)

    told = json.loads((shop.report() / "run.json").read_text())["strategies"]["quantiles"]
    assert told["why"] == "frozen since 2024-05-31"
    ledger = rows(shop.report() / "tables" / "ledger_quantiles.parquet")
    may = rows(shop.base / "reports" / "shop" / "ledger" / "2024-05-31" / "quantiles.parquet")
    before = {who: (segment, since, previous) for who, segment, since, previous, _ in may}
    for who, segment, since, previous, _ in ledger:
        if who in before and before[who][0] == segment:
            assert (segment, since, previous) == before[who]
        else:
            assert (since, previous) == (6, before[who][0] if who in before else "")


def test_a_published_run_gives_its_model_and_keeps_its_day(shop: Any) -> None:
    run_study(shop.params, as_of="2024-04-30")
    before = digests(shop.report("2024-04-30"))
    done = months(shop, (2024, 3))

    assert [str(d) for d in done.days] == ["2024-03-31", "2024-05-31"]
    assert digests(shop.report("2024-04-30")) == before
    assert "quantiles: one model for all days, frozen since 2024-04-30." in done.notes
    assert any(n.startswith("quantiles: days before 2024-04-30 are labelled by rules that were") for n in done.notes)
    assert "2024-04-30 is left out: a run has published that day." in done.notes
    assert (done.folder / "2024-03-31" / "later_models" / "quantiles.json").exists()
    # A run of a day before that model existed does not find it.
    run_study(shop.params, as_of="2024-04-15")
    told = json.loads((shop.report("2024-04-15") / "run.json").read_text())["strategies"]["quantiles"]
    assert told["why"] == "fitted on 2024-04-15, the first run of this study"


def test_other_days_stay_and_the_period_is_replaced(shop: Any) -> None:
    done = months(shop)
    march = digests(done.folder / "2024-03-31")
    backfill(shop.params, start=date(2024, 4, 1), end=date(2024, 5, 31), every="30 days")
    found = sorted(p.name for p in done.folder.iterdir())
    assert found == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-01", "2024-05-01", "2024-05-31"]
    assert digests(done.folder / "2024-03-31") == march


def test_the_model_can_be_that_of_the_first_day(shop: Any) -> None:
    done = months(shop, (2023, 9), (2024, 5), model="first")
    assert done.notes[0] == "quantiles: one model for all days, fitted on 2023-11-30, the first day of the backfill."
    assert [p.name for p in done.folder.glob("*/later_models")] == []
    with pytest.raises(ParamsError, match="Did you mean 'first'"):
        months(shop, model="fist")


def test_days_that_stay_hand_on_their_model(shop: Any) -> None:
    months(shop, (2024, 1), (2024, 3))
    done = months(shop, (2024, 4), (2024, 5))
    assert "quantiles: one model for all days, frozen since 2024-03-31." in done.notes
    assert len({p.read_bytes() for p in done.folder.glob("*/*models/quantiles.json")}) == 1
    shop.params.write_text(shop.params.read_text().replace("map: twelve", "map: classic"))
    done = months(shop, (2024, 4), (2024, 5))
    assert "as the rules changed since the model of 2024-03-31" in done.notes[0]


def test_a_later_run_labels_the_past_and_the_next_run_moves_only_customers(shop: Any) -> None:
    run_study(shop.params)
    done = months(shop)
    assert "quantiles: one model for all days, frozen since 2024-06-30." in done.notes
    # One order of the day comes in late: a new fit would be another model.
    shop.orders.write_text(shop.orders.read_text() + "gus,11,2024-06-30,70.00\n")
    run_study(shop.params)
    manifest = json.loads((shop.report() / "run.json").read_text())
    assert manifest["strategies"]["quantiles"]["why"] == "frozen since 2024-06-30"
    assert set(manifest["movement"]["quantiles"]["moved_by"]) == {"customers"}
    assert manifest["movement"]["quantiles"]["since"] == "2024-05-31"


def test_large_drift_of_backfilled_days_is_told_by_backfill_and_every_run_that_looks_back(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = months(shop, (2023, 11))
    place = done.folder / "2023-11-30"
    psi = json.loads((place / "manifest.json").read_text())["strategies"]["quantiles"]["psi"]
    model = SegmentModel.from_json((place / "later_models" / "quantiles.json").read_text())
    assert psi == pytest.approx(model.drift(Study(shop.params, as_of="2023-11-30").customers)["psi"].max(), abs=1e-4)
    assert psi > 0.25
    warning = done.warnings[-1]
    assert warning.startswith("On 6 of 7 backfilled days the customers differ much from those the models were made on")
    run_study(shop.params)
    assert warning in json.loads((shop.report() / "run.json").read_text())["warnings"]
    assert warning in (shop.report() / "index.html").read_text()
    assert warning.endswith("Moves from and to those days are in part the whole shop changing, not single customers.")
    # A new fit does not change what the days before show.
    run_study(shop.params, as_of="2024-07-31", refit=True)
    assert warning in json.loads((shop.report("2024-07-31") / "run.json").read_text())["warnings"]
    monkeypatch.setattr("rfm_ml.study.ledgers.MOST_DAYS", 2)
    assert warning not in Study(shop.params, as_of="2024-07-31").warnings


def test_refit_in_the_params_fits_every_day(shop: Any) -> None:
    shop.params.write_text(shop.params.read_text().replace("map: twelve", "map: twelve, refit: true"))
    done = months(shop, (2024, 3))
    assert "quantiles: fitted on every day, as the params ask for." in done.notes
    assert len({(p / "models" / "quantiles.json").read_bytes() for p in done.folder.iterdir()}) == 3


def test_a_strategy_on_features_is_measured_day_by_day(shop: Any) -> None:
    (shop.base / "own_gaps.py").write_text(OWN)
    shop.params.write_text(
        shop.params.read_text().replace("{use: quantile_rfm, map: twelve}", "{use: own_gaps:ByGap, map: three_level}")
    )
    done = months(shop, (2024, 4))
    assert "A strategy needs features: 2 days were measured one by one (slower)." in done.notes
    assert len(pd.read_parquet(done.folder / "2024-05-31" / "quantiles.parquet")) == 4


def test_hysteresis_holds_customers_in_ledger_and_lists(shop: Any) -> None:
    months(shop, (2024, 3), model="first")
    shop.write_params(more="hysteresis: {periods: 3}\n")
    run_study(shop.params)
    ledger = pd.read_parquet(shop.report() / "tables" / "ledger_quantiles.parquet")
    listed = pd.read_csv(shop.report() / "segments" / "quantiles.csv")
    waiting = ledger[ledger["label"] != ledger["segment"]]
    assert waiting["customer_id"].tolist()
    assert listed["segment"].tolist() == ledger["segment"].tolist()
    reasons = listed.set_index("customer_id")["reason"]
    for who, segment in waiting[["customer_id", "segment"]].itertuples(index=False):
        assert reasons[who].startswith(f"{segment}, until the move is sure. By today's figures: ")
    higher = waiting[waiting["label"].eq("Champions")]["customer_id"]
    steps = listed.set_index("customer_id")["next_step"]
    told = set(steps[higher])
    assert told <= {"No order is needed: the move to Champions follows once it is sure."}
    assert (listed.loc[listed["next_step"] == "Already in the top segment.", "segment"] == "Champions").all()


def test_nothing_is_written_when_it_cannot_be_done(shop: Any) -> None:
    done = months(shop)
    before = digests(done.folder)
    with pytest.raises(DataError, match="an order on or before the last day"):
        months(shop, (2020, 1), (2020, 5))
    with pytest.raises(ParamsError, match="must not be after"):
        months(shop, (2025, 1))
    with pytest.raises(ParamsError, match="month-end must lie between"):
        backfill(shop.params, start=date(2024, 5, 2), end=date(2024, 5, 3))
    with Archive(done.folder.parent).locked(), pytest.raises(LockedError):
        months(shop)
    assert digests(done.folder) == before


def test_days_before_the_first_order_are_told(shop: Any) -> None:
    done = months(shop, (2023, 9), (2024, 1))
    assert [str(d) for d in done.days] == ["2023-11-30", "2023-12-31", "2024-01-31"]
    assert done.notes[-1] == "No order up to 2023-10-31: 2 of the days are left out."
