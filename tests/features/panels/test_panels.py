"""The panels of whole studies."""

from datetime import timedelta
from pathlib import Path

import pytest

from rfm_ml.features.panels.panels import Panels
from rfm_ml.study import Study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cdnow() -> Panels:
    return Panels(Study(ROOT / "params" / "cdnow.yml"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Panels:
    text = (ROOT / "params" / "webshop.yml").read_text().replace("rows: 100000", "rows: 10000")
    place = tmp_path_factory.mktemp("shop") / "webshop.yml"
    place.write_text(text)
    return Panels(Study(place))


def test_cdnow_has_every_month_and_every_customer(cdnow: Panels) -> None:
    assert [f"{d:%m-%d}" for d in cdnow.month_ends] == [
        *("01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31"), "09-30"
    ]  # fmt: skip
    last = cdnow.over_time[cdnow.over_time["as_of"] == "1997-09-30"]
    assert last.groupby("measure")["customers"].sum().tolist() == [2357] * 3
    assert cdnow.bought("F")["orders"].sum() == 4960
    assert cdnow.funnel["entered"].tolist()[0] == 2357


def test_what_cdnow_does_not_have_is_said(cdnow: Panels) -> None:
    assert cdnow.carts is None
    assert cdnow.responsiveness is None
    assert cdnow.leads is None
    assert "The params name no events" in cdnow.why_not["carts"]


def test_strategies_without_scores_say_why_they_have_no_panels() -> None:
    panels = Panels(Study(ROOT / "params" / "cdnow.yml"), "clv")
    assert panels.over_time.empty
    assert panels.levels("R").empty
    assert "must have the column 'R'" in panels.why_not["over_time"]
    assert panels.retention is not None


def test_a_shop_with_events_has_every_panel(shop: Panels) -> None:
    assert not shop.why_not
    assert shop.responsiveness is not None
    assert shop.responsiveness["segment"].tolist()[-1] == "Prospect"
    assert shop.carts is not None
    assert shop.portrait.columns.tolist() == ["segment", "mean_order_value", "mean_cart_value", "interests"]
    assert shop.portrait.set_index("segment").loc["Champions"].notna().all()
    assert {"cart_on", "cart_value"} <= set(shop.carts.columns)
    shares = shop.rhythms.drop(columns=["segment", "late"]).sum(axis=1)
    assert shares.tolist() == pytest.approx([1.0] * len(shares))
    assert shop.retention is not None
    assert (shop.retention["ordered"] <= shop.retention["customers"]).all()
    assert shop.funnel["step"].tolist()[0] == "prospect to first order"


def test_segments_of_90_days_ago_are_those_that_were_counted_then(shop: Panels) -> None:
    study = shop.study
    then = Study(study.path, as_of=study.as_of - timedelta(days=90))
    listed = then.label(study.model(), then.customers, as_of=then.as_of)["segment"].value_counts()
    assert shop.retention is not None
    assert shop.retention.set_index("segment")["customers"].to_dict() == listed.to_dict()
    assert {"Lost", "Lost but engaged"} <= set(listed.index)


def test_leads_have_the_score_that_the_panel_shows(shop: Panels) -> None:
    assert shop.responsiveness is not None
    shown = shop.responsiveness.set_index("segment").loc["Prospect", "engagement_score"]
    prospects = shop.assigned.loc[shop.assigned["segment"] == "Prospect", "customer_id"]
    scores = shop.study.leads.set_index("customer_id")["engagement_score"]
    assert scores[prospects].mean() == pytest.approx(shown)
    assert shown > 0
    assert shop.leads is not None
    assert shop.leads["engagement_score"].is_monotonic_decreasing
    assert set(shop.leads["customer_id"]) == set(scores[scores > 0].index)
