"""A published study: what is said of a past day is what its ledger says."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml import cli
from rfm_ml.features.customer_360.customer_view import CustomerView
from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
from rfm_ml.reporting.backfill import backfill
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study
from rfm_ml.study.published import PublishedStudy


def fill(shop: Any, start: date = date(2024, 2, 1)) -> list[date]:
    return backfill(shop.params, start=start, end=date(2024, 5, 31)).days


def sizes(ledger: Path) -> dict[str, int]:
    return dict(pd.read_parquet(ledger)["segment"].value_counts())


def counts(shop: Any, day: date | None, names: list[str]) -> dict[str, int]:
    study = PublishedStudy(shop.params, as_of=day)
    found = DynamicSegments(study, where={name: {"segment": name} for name in names}).counts()
    return {name: number for name, number in found.items() if number}


@pytest.mark.parametrize("more", ["", "hysteresis: {periods: 2, margin: 0.2}\n"])
def test_counts_are_the_sizes_of_the_ledger(busy: Any, more: str) -> None:
    busy.write_params(more=more)
    days = fill(busy)
    run_study(busy.params)
    names = Study(busy.params).model().segments
    found = [busy.report().parents[0] / "ledger" / day.isoformat() / "quantiles.parquet" for day in days]
    held = pd.concat(map(pd.read_parquet, found))
    assert (held["segment"] != held["label"]).any() == bool(more)
    for day, file in zip(days, found, strict=True):
        assert counts(busy, day, names) == sizes(file)
    # Today, and even if the run's own cache is gone or earlier days were written anew since.
    backfill(busy.params, start=date(2024, 1, 1), end=date(2024, 5, 31), model="first")
    assert counts(busy, None, names) == sizes(busy.report() / "tables" / "ledger_quantiles.parquet")


LOYAL = """
hysteresis: {periods: 2}
dynamic_segments:
  loyal: {where: {segment: [Loyal, Champions, Promising]}}
  low: {where: {score: R, is: "<= 2"}}
"""


def test_sizes_over_time_are_what_count_says_of_each_day(busy: Any) -> None:
    busy.write_params(more=LOYAL)
    run_study(busy.params, as_of="2024-04-30", refit=True)
    days = fill(busy)  # without April, which the run has published
    run_study(busy.params, refit=True)
    written = pd.read_csv(busy.report() / "tables" / "dynamic_sizes.csv", parse_dates=["as_of"])
    written = written.pivot(index="as_of", columns="name", values="customers")
    seen = {day: PublishedStudy(busy.params, as_of=day) for day in written.index.date}
    for day, study in seen.items():
        assert DynamicSegments(study).counts() == written.loc[pd.Timestamp(day)].to_dict()
    waits = 0
    for day in [*days, date(2024, 4, 30), date(2024, 6, 30)]:
        ledger, here = seen[day].ledger(), written.loc[pd.Timestamp(day)]
        assert here["loyal"] == ledger["segment"].isin(["Loyal", "Champions", "Promising"]).sum()
        assert here["low"] == (ledger["R"] <= 2).sum()
        waits += here["loyal"] != ledger["label"].isin(["Loyal", "Champions", "Promising"]).sum()
    assert waits > 1
    # What was backfilled anew is counted anew.
    backfill(busy.params, start=date(2024, 2, 1), end=date(2024, 3, 31), model="first")
    now = DynamicSegments(Study(busy.params)).history.pivot(index="as_of", columns="name", values="customers")
    march = DynamicSegments(PublishedStudy(busy.params, as_of="2024-03-31")).counts()
    assert now.loc["2024-03-31"].to_dict() == march != written.loc["2024-03-31"].to_dict()


def test_count_and_customer_say_whose_segments_they_show(busy: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fill(busy, date(2024, 4, 1))
    where = ["--where", "{segment: Champions}"]

    def noted(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main([words[0], str(busy.params), *words[1:]])
        assert not ended.value.code
        told = capsys.readouterr()
        return told.err + told.out

    assert "Note: quantiles: segments of 2024-05-31 as the ledger of the backfill has them." in noted(
        "count", *where, "--as-of", "2024-05-31"
    )
    assert "segments of 2024-06-30 by the model that labelled 2024-05-31, made on 2024-05-31." in noted("count", *where)
    assert "segments of 2024-02-29 by the model that labelled 2024-04-30, made on 2024-05-31." in noted(
        "count", *where, "--as-of", "2024-02-29"
    )
    assert "segments of 2024-04-30 as the ledger of the backfill has them." in noted(
        "customer", "c01", "--as-of", "2024-04-30"
    )
    # Orders alone need no segments, and no word about them.
    assert "quantiles" not in noted("count", "--where", "{orders: {count: '>= 2'}}")
    assert "segments of 2024-05-31 by a model fitted on 2024-05-31, as no model has been published." in noted(
        "count", *where, "--as-of", "2024-05-31", "--out", str(busy.base / "elsewhere")
    )
    busy.write_params(more="hysteresis: {periods: 2}\n")
    told = noted("count", *where, "--as-of", "2024-05-31")
    assert "the rules have changed since the ledger of 2024-05-31 was written." in told
    assert "by the model that labelled 2024-05-31, made on 2024-05-31." in told


def test_a_day_outside_the_data_is_told(busy: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for day, told in {
        "2030-01-01": "Note: The data end on 2024-06-29, 2,012 days before 2030-01-01.",
        "2019-01-01": "Note: The data begin on 2024-01-01, after 2019-01-01: nobody is a customer yet.",
    }.items():
        with pytest.raises(SystemExit):
            cli.main(["count", str(busy.params), "--where", "{orders: {count: '>= 2'}}", "--as-of", day])
        assert told in capsys.readouterr().err


def test_a_log_that_has_changed_since_is_told(busy: Any) -> None:
    fill(busy)
    orders = pd.read_csv(busy.orders)
    orders = orders[orders["customer_id"] != "c01"]
    orders.loc[orders["customer_id"] == "c02", "customer_id"] = "z02"
    orders.to_csv(busy.orders, index=False)
    study = PublishedStudy(busy.params, as_of="2024-05-31")
    rows = study.segments()
    ledger = pd.read_parquet(busy.report().parents[0] / "ledger" / "2024-05-31" / "quantiles.parquet")
    both = rows.merge(ledger, on="customer_id", suffixes=("", "_then"))
    assert len(both) == len(rows) - 1
    assert (both["segment"] == both["segment_then"]).all()
    assert study.notes[1:] == [
        "quantiles: 1 new in the log of that day since, labelled by the same model.",
        "quantiles: 2 of that ledger no longer in the log of that day.",
    ]


def test_refit_fits_a_day_that_nothing_is_published_of(busy: Any) -> None:
    busy.params.write_text(busy.params.read_text().replace("map: twelve", "map: twelve, refit: true"))
    fill(busy)
    assert PublishedStudy(busy.params, as_of="2024-05-15").choice().why == "fitted on 2024-05-15, as the params ask for"
    assert PublishedStudy(busy.params, as_of="2024-04-30").choice().why == "of the ledger of 2024-04-30"
    assert CustomerView(PublishedStudy(busy.params, as_of="2024-04-30"), "c04").segments["segment"].iloc[0]


def test_on_the_pages_of_a_run_it_is_the_study_of_the_run(busy: Any) -> None:
    busy.notebook(
        "hello",
        "from rfm_ml.study import Study\nfrom rfm_ml.study.published import PublishedStudy",
        "run, seen = Study(params, as_of=as_of), PublishedStudy(params, as_of=as_of)",
        "assert seen.model().fingerprint == run.model().fingerprint",
        "assert seen.ledger().equals(run.ledger()) and seen.notes == []",
    )
    busy.write_params(more="hysteresis: {periods: 2}\n")
    run_study(busy.params)
    published = PublishedStudy(busy.params)
    assert published.choice().why == "of the ledger of 2024-06-30"
    assert published.ledger()["since"].nunique() == 1
    fill(busy)
    run_study(busy.params)  # now it follows the backfilled days
    assert PublishedStudy(busy.params).ledger()["since"].nunique() > 1
    run_study(busy.params, refit=True)
    run_study(busy.params, as_of="2024-06-15", refit=True)
