"""The history of a study: published days, or the log itself where there are none."""

import html
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.features.migration.history import History
from rfm_ml.reporting.backfill import backfill
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cdnow() -> History:
    return History(Study(ROOT / "params" / "cdnow.yml"), "thresholds")


def test_without_published_days_the_log_tells(shop: Any) -> None:
    history = History(Study(shop.params))
    assert history.from_log
    assert [str(d) for d in history.days] == [
        *("2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"),
        "2024-06-30",
    ]
    assert history.sizes.groupby("as_of")["customers"].sum().tolist() == [1, 1, 3, 3, 3, 3, 4, 6]
    may = history.before.set_index("customer_id")
    assert may["value"].to_dict() == {"ann": 55.5, "bob": 95.0, "cat": 9.99, "eve": 22.0}
    assert set(history.causes["cause"]) == {"customers"}


def test_every_day_is_seen_with_the_model_of_today(cdnow: History) -> None:
    study = Study(ROOT / "params" / "cdnow.yml", as_of="1997-05-31")
    expected = cdnow.model.assign(study.customers)["segment"].tolist()
    assert cdnow.at(date(1997, 5, 31))["segment"].tolist() == expected


def test_figures_of_cdnow_agree_with_each_other(cdnow: History) -> None:
    table, matrix = cdnow.by_segment, cdnow.matrix
    assert table["after"].sum() == matrix["customers"].sum() == 2357
    assert (table["before"] + table["added"] - table["dropped"] == table["after"]).all()
    assert (cdnow.stays.groupby("customer_id")["ended"].apply(lambda e: (~e).sum()) == 1).all()
    assert cdnow.paths(cdnow.best)["entries"].sum() <= cdnow.days_in_segment["stays"].iloc[0]
    rank = {name: i for i, name in enumerate(cdnow.order)}
    fallen = cdnow.fallen(count=5)
    assert (fallen["to_segment"].map(rank) > fallen["from_segment"].map(rank)).all()
    assert fallen["value_after"].is_monotonic_decreasing


def test_published_days_are_the_history_when_there_are_enough(shop: Any) -> None:
    backfill(shop.params, start=date(2024, 2, 1), end=date(2024, 5, 31))
    run_study(shop.params)
    history = History(Study(shop.params))
    assert not history.from_log
    assert [str(d) for d in history.days] == ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]
    # A day sees only what was published before it.
    assert [str(d) for d in History(Study(shop.params, as_of="2024-03-31")).days][-1] == "2024-03-31"


@pytest.mark.parametrize("days", [4, 1])
@pytest.mark.parametrize("more", ["", "hysteresis: {periods: 2, margin: 0.1}\n"])
def test_what_customers_and_a_new_model_did_is_what_the_segments_won_and_lost(busy: Any, days: int, more: str) -> None:
    busy.write_params(more=more)
    backfill(busy.params, start=date(2024, 6 - days, 1), end=date(2024, 5, 31), model="first")
    for refit in (False, True):
        run_study(busy.params, refit=refit)
        history = History(Study(busy.params))
        assert history.from_log == (days < 3)
        assert str(history.days[-2]) == "2024-05-31"
        moved = history.matrix[history.matrix["from_segment"] != history.matrix["to_segment"]]
        table, net = history.by_segment.set_index("segment"), history.net_causes.set_index("segment")
        assert (net.sum(axis=1).reindex(table.index) == table["added"] - table["dropped"]).all()
        told = json.loads((busy.report() / "run.json").read_text())["movement"]["quantiles"]["moved_by"]
        if refit:
            assert told["refit"] > 0
            assert sum(told.values()) >= moved["customers"].sum()
        else:
            assert told == {"customers": moved["customers"].sum()}
            assert (history.causes["cause"] == "customers").all()
        waits = history.today["segment"] != history.today["label"]
        assert waits.any() == bool(more)


def test_the_page_says_one_thing_about_customers_and_model(busy: Any) -> None:
    shutil.copy(ROOT / "notebooks" / "60_migration.ipynb", busy.base / "notebooks")
    busy.write_params(notebooks="60_migration", more="hysteresis: {periods: 2}\n")
    backfill(busy.params, start=date(2024, 2, 1), end=date(2024, 5, 31), model="first")
    for refit in (False, True):
        run_study(busy.params, refit=refit)
        matrix = pd.read_csv(busy.report() / "tables" / "movement_quantiles.csv")
        moved = matrix.loc[matrix["from_segment"] != matrix["to_segment"], "customers"].sum()
        by = json.loads((busy.report() / "run.json").read_text())["movement"]["quantiles"]["moved_by"]
        page = html.unescape((busy.report() / "pages" / "60_migration.html").read_text())
        assert f"Customers who changed, came or went: {by['customers']}." in page
        assert (f"Together these are more than the {moved} who moved" in page) == (sum(by.values()) > moved)
        assert (sum(by.values()) > moved) == refit


def test_days_before_the_published_ones_are_computed(busy: Any) -> None:
    backfill(busy.params, start=date(2024, 4, 1), end=date(2024, 4, 30))
    run_study(busy.params, as_of="2024-05-15", refit=True)
    history = History(Study(busy.params))
    assert [str(d)[5:] for d in history.days] == ["01-31", "02-29", "03-31", "04-30", "05-15", "06-30"]
    assert str(history.first_published) == "2024-04-30"
    published = pd.read_parquet(busy.report("2024-05-15") / "tables" / "ledger_quantiles.parquet")
    assert history.before["segment"].tolist() == published["segment"].tolist()


def test_a_report_elsewhere_is_found_by_its_notebooks(shop: Any) -> None:
    out = shop.base / "else"
    backfill(shop.params, start=date(2024, 2, 1), end=date(2024, 5, 31), out=out)
    shop.notebook(
        "hello",
        "from rfm_ml.study import Study\nfrom rfm_ml.features.migration.history import History",
        "history = History(Study(params, as_of=as_of))\nassert not history.from_log and len(history.days) == 5",
    )
    run_study(shop.params, out=out)


def test_one_day_of_orders_has_no_past(shop: Any) -> None:
    shop.orders.write_text(
        "customer_id,order_id,ordered_at,amount\na,1,2024-06-30,5\nb,2,2024-06-30,7\nc,3,2024-06-30,9\n"
    )
    history = History(Study(shop.params))
    assert [str(d) for d in history.days] == ["2024-06-30"]
    assert history.notes == ["The log is too short to look back: there is only today."]
    assert history.before.empty
    assert history.matrix["from_segment"].eq("new").all()
    assert history.fallen().empty
    assert history.days_in_segment["ended"].sum() == 0
    assert history.paths(history.best)["path"].tolist() == ["already there"]


def test_channels_are_followed_one_by_one(shop: Any) -> None:
    lines = shop.orders.read_text().splitlines()
    rows = [lines[0] + ",channel", *(f"{line},{'web' if i % 2 else 'shop'}" for i, line in enumerate(lines[1:]))]
    shop.orders.write_text("\n".join(rows) + "\n")
    shop.write_params(more="customers: {by: channel}\n")
    history = History(Study(shop.params))
    assert history.keys == ["customer_id", "channel"]
    assert history.matrix["customers"].sum() == len(history.today) == 9
    assert "channel" in history.fallen().columns
