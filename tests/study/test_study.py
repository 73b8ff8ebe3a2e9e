"""A study binds one params file to the stages; recorded figures of the real data sets."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.reporting.index import key_figures
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cdnow() -> Study:
    return Study(ROOT / "params" / "cdnow.yml")


@pytest.fixture(scope="module")
def complete_journey() -> Study:
    return Study(ROOT / "params" / "complete_journey.yml")


def edges(study: Study) -> dict[str, list[float]]:
    summary = study.model("quantiles").strategy_.summary()
    # Recency scores count downwards: every edge is the lower end of one score and the upper end of the next.
    found = {m: sorted({*t["from"].dropna(), *t["to"].dropna()}) for m, t in summary.groupby("measure")}
    return {m: [round(float(e), 4) for e in v] for m, v in found.items()}


def sizes(study: Study, name: str) -> dict[str, int]:
    profile = study.profile(name)
    return dict(zip(profile["segment"], profile["customers"], strict=True))


def test_cdnow_edges_as_recorded(cdnow: Study) -> None:
    assert edges(cdnow) == {
        "recency": [99.0, 198.0, 219.0, 242.0],
        "frequency": [1.0, 2.0, 3.0],
        "monetary": [14.96, 27.99, 45.976, 93.722],
    }


def test_cdnow_segments_as_recorded(cdnow: Study) -> None:
    assert sizes(cdnow, "quantiles") == {
        "Champions": 459,
        "Loyal": 310,
        "Potentially loyal": 44,
        "New": 108,
        "Promising": 58,
        "Needs attention": 181,
        "About to sleep": 267,
        "At risk": 346,
        "Losing VIPs": 59,
        "Hibernating": 253,
        "Lost": 272,
    }


def test_complete_journey_edges_as_recorded(complete_journey: Study) -> None:
    assert edges(complete_journey) == {
        "recency": [1.0, 3.0, 9.0, 25.0],
        "frequency": [16.0, 32.0, 55.0, 95.0],
        "monetary": [356.504, 871.992, 1628.476, 2985.718],
    }


def test_complete_journey_segments_as_recorded(complete_journey: Study) -> None:
    assert sizes(complete_journey, "quantiles") == {
        "Champions": 552,
        "Loyal": 434,
        "Potentially loyal": 138,
        "New": 48,
        "Promising": 48,
        "Needs attention": 135,
        "About to sleep": 216,
        "At risk": 264,
        "Losing VIPs": 48,
        "Hibernating": 198,
        "Lost": 388,
    }


def test_customers_and_waterfall_tell_the_same_net_amount(cdnow: Study, complete_journey: Study) -> None:
    for study in (cdnow, complete_journey):
        net = study.waterfall.iloc[-1]
        assert net["step"] == "net"
        assert study.customers["spend"].sum() == pytest.approx(net["amount"], abs=0.005)
        assert study.customers["orders"].sum() == net["orders"]
        assert len(study.customers) == net["customers"]


def test_webshop_has_prospects_and_engaged_among_the_lost(tmp_path: Path) -> None:
    text = (ROOT / "params" / "webshop.yml").read_text().replace("rows: 100000", "rows: 20000")
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "webshop.yml").write_text(text)
    study = Study(tmp_path / "params" / "webshop.yml")

    found = sizes(study, "quantiles")
    assert list(found)[-2:] == ["Lost", "Prospect"]
    assert 0 < found["Lost but engaged"] < found["Lost"]
    orders = study.orders
    ordered = orders.filter(orders.order_kind == "order").customer_id.nunique().to_pyarrow().as_py()
    assert sum(found.values()) - found["Prospect"] == ordered == len(study.customers)
    contacts = study.contacts.select("customer_id").to_pandas()["customer_id"]
    assert found["Prospect"] == (~contacts.isin(study.customers["customer_id"])).sum()
    # Overlays need an e-mail click or a visit: nobody else may be in them.
    engaged = study.segments().query("segment == 'Lost but engaged'")["customer_id"]
    active = study.customers.query("clicks_180d > 0 or visits_90d > 0")["customer_id"]
    assert set(engaged) <= set(active)


def test_stages_are_computed_once_and_found_by_a_second_study(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Study(shop.params)
    expected = first.customers

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("rfm_ml.study.segments.customer_table", refuse)
    monkeypatch.setattr("rfm_ml.study.inputs.clean", refuse)
    pd.testing.assert_frame_equal(Study(shop.params).customers, expected)


def test_changed_map_is_not_taken_from_the_cache(shop: Any) -> None:
    own = shop.base / "params" / "own.yml"
    own.write_text("{name: own, scores: {R: 5, F: 5, M: 5}, segments: [{name: Everybody, cells: [{R: 1-5}]}]}")
    shop.params.write_text(shop.params.read_text().replace("map: twelve", "map: params/own.yml"))
    assert set(Study(shop.params).segments()["segment"]) == {"Everybody"}
    Study(shop.params).settle(Archive(shop.report().parent))
    own.write_text("{name: own, scores: {R: 5, F: 5, M: 5}, segments: [{name: All of them, cells: [{R: 1-5}]}]}")
    assert set(Study(shop.params).segments()["segment"]) == {"All of them"}


def test_by_channel_lists_name_the_channel_and_people_are_counted_once(shop: Any) -> None:
    shop.orders.write_text(
        "customer_id,order_id,ordered_at,amount,channel\n"
        "ann,1,2024-06-01,10,web\nann,2,2024-06-02,20,shop\nbob,3,2024-06-03,30,web\ncat,4,2024-06-04,5,web\n"
    )
    shop.write_params(more="customers: {by: channel}\n")
    study = Study(shop.params)
    listed = study.segment_list()
    assert listed[["customer_id", "channel"]].to_numpy().tolist() == [
        ["ann", "shop"],
        ["ann", "web"],
        ["bob", "web"],
        ["cat", "web"],
    ]
    assert key_figures(study.customers, currency="")[0] == {"value": "3", "label": "customers"}


def test_changed_data_are_not_taken_from_the_cache(shop: Any) -> None:
    assert len(Study(shop.params).customers) == 6
    shop.orders.write_text(shop.orders.read_text() + "gus,11,2024-06-30,1.00\n")
    assert len(Study(shop.params).customers) == 7


def test_params_are_found_from_a_folder_below(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.base / "notebooks")
    assert len(Study("params/shop.yml").customers) == 6


def test_as_of_words(shop: Any) -> None:
    today = date.today()
    shop.write_params(as_of="latest")
    shop.orders.write_text(shop.orders.read_text() + f"gus,11,{today + timedelta(days=400)},1.00\n")
    # A date in the future is a mistake of somebody's; the last credible day is the last order up to today.
    assert Study(shop.params).as_of == date(2024, 6, 30)
    shop.write_params(as_of="yesterday")
    assert Study(shop.params).as_of == today - timedelta(days=1)
    shop.write_params(as_of="month-end")
    assert Study(shop.params).as_of == today.replace(day=1) - timedelta(days=1)
    assert Study(shop.params, as_of="2024-02-29").as_of == date(2024, 2, 29)


def test_as_of_that_is_no_day_is_refused(shop: Any) -> None:
    with pytest.raises(ParamsError, match=r"as_of must be a day such as 2025-06-30\. Got '2024-02-30'"):
        _ = Study(shop.params, as_of="2024-02-30").as_of


def test_unknown_strategy_of_a_study_names_the_nearest(shop: Any) -> None:
    with pytest.raises(ParamsError, match="Did you mean 'quantiles'"):
        Study(shop.params).model("quantile")


def test_segment_list_explains_and_says_what_is_next(shop: Any) -> None:
    listed = Study(shop.params).segment_list().set_index("customer_id")
    assert listed.loc["bob", "reason"].startswith("At risk: last order 140 days ago (R 2: more than 31 up to 140 days)")
    assert listed.loc["fay", "next_step"] == "1 more order now would lead to Potentially loyal."


def test_database_source_is_copied_once_and_refreshed_by_a_run(shop: Any) -> None:
    import sqlite3

    base = shop.base / "data" / "shop.db"
    with sqlite3.connect(base) as db:
        db.execute("CREATE TABLE orders (customer_id TEXT, order_id INT, ordered_at TEXT, amount REAL)")
        db.execute("INSERT INTO orders VALUES ('ann', 1, '2024-06-01', 10.5)")
    db.close()
    text = shop.params.read_text().replace(
        "{path: data/orders.csv}", "{database: 'sqlite://data/shop.db', table: orders}"
    )
    shop.params.write_text(text)
    assert len(Study(shop.params).customers) == 1

    with sqlite3.connect(base) as db:
        db.execute("INSERT INTO orders VALUES ('bob', 2, '2024-06-02', 3)")
    db.close()
    assert len(Study(shop.params).customers) == 1
    assert len(Study(shop.params, refresh=True).customers) == 2


def test_contacts_from_a_data_set_without_any_are_refused(shop: Any) -> None:
    shop.write_params(more="contacts: {dataset: cdnow}\n")
    with pytest.raises(ParamsError, match="cdnow has none"):
        _ = Study(shop.params).contacts


def test_nobody_to_measure_is_said(shop: Any) -> None:
    with pytest.raises(DataError, match="the first order is on 2023-11-15"):
        _ = Study(shop.params, as_of="2023-01-01").customers


def test_channels_that_differ_in_case_share_a_column(shop: Any) -> None:
    shop.orders.write_text(
        "customer_id,order_id,ordered_at,amount,channel\n"
        "ann,1,2024-06-01,10,web\nann,2,2024-06-02,20,Web\nann,3,2024-06-02,20,shop\nann,4,2024-06-03,5,app\n"
        "bob,5,2024-06-03,30,Web\n"
    )
    customers = Study(shop.params).customers
    assert customers["channel_share_Web"].tolist() == [0.5, 1.0]
    assert [c for c in customers if c.lower() == "channel_share_web"] == ["channel_share_Web"]


@pytest.mark.parametrize(
    ("currency", "rates", "net"),
    [("USD", "{CAD: 0.5}", 15.0), ("", "{CAD: 0.5, USD: 2}", 25.0), ("$", "{CAD: 0.5, USD: 1}", 15.0)],
)
def test_the_studys_own_currency_needs_no_rate(shop: Any, currency: str, rates: str, net: float) -> None:
    shop.orders.write_text(
        "customer_id,order_id,ordered_at,amount,currency\nann,1,2024-06-01,10,USD\nbob,2,2024-06-02,10,CAD\n"
    )
    text = shop.params.read_text().replace("currency: EUR", f"currency: '{currency}'")
    shop.params.write_text(text.replace("orders.csv}", f"orders.csv, policies: {{rates: {rates}}}}}"))
    assert Study(shop.params).waterfall.iloc[-1]["amount"] == net


def test_amounts_of_another_currency_than_the_studys_are_refused(shop: Any) -> None:
    shop.orders.write_text("customer_id,order_id,ordered_at,amount,currency\nann,1,2024-06-01,10,USD\n")
    with pytest.raises(DataError, match=r"must be in EUR unless rates are given\. Found USD; no rate for USD"):
        _ = Study(shop.params).waterfall
