"""The plan of a study's campaigns: counts that add up, with audiences and without."""

from typing import Any

import pandas as pd

from rfm_ml.features.audiences.plan import CampaignPlan
from rfm_ml.plots import plot_expected_profit, plot_filters, plot_overlap
from rfm_ml.study import Study

CONTACTS = """customer_id,email,consent_email,objected
ann,a@example.org,yes,
bob,b@example.org,no,
dan,d@example.org,yes,yes
"""
AUDIENCES = """
contacts: {path: data/contacts.csv}
audiences:
  loyal: {segments: [Loyal, At risk], destination: klaviyo, holdout: 0.5}
  best: {top: {n: 2, by: spend}, destination: csv, channel: in_house}
activation: {salt: s}
"""


def test_a_plan_adds_up_before_anything_is_written(shop: Any) -> None:
    (shop.base / "data" / "contacts.csv").write_text(CONTACTS)
    shop.write_params(more=AUDIENCES)
    plan = CampaignPlan(Study(shop.params))
    table = plan.reconciliation.set_index("audience")
    assert table.columns.tolist() == ["selected", "must_not", "need_not", "held_out", "no_use", "on_the_list"]
    assert table.loc["loyal", ["selected", "must_not"]].tolist() == [3, 2]
    assert table.loc["best", ["selected", "must_not", "on_the_list"]].tolist() == [2, 1, 1]
    assert plan.adds_up
    assert plan.overview["status"].tolist() == ["not written yet"] * 2
    assert plan.advice("loyal")["segment"].tolist() == ["Loyal"]
    assert len(plan.power()) == 10
    assert plan.power("loyal").empty  # one customer is left
    assert plan.profit("loyal", contact_cost=1).empty  # no clv in the params
    for ax in (plot_filters(plan.counts("best")), plot_overlap(plan.audiences.overlap)):
        assert ax.get_figure() is not None


def test_without_audiences_it_speaks_of_all_customers(shop: Any) -> None:
    plan = CampaignPlan(Study(shop.params))
    assert (plan.names, plan.lead) == ([], "")
    assert plan.shows.empty
    assert plan.overview.empty
    assert plan.balance.empty
    assert plan.adds_up
    assert plan.advice()["customers"].max() == 2
    assert "selects anybody" in plot_filters(plan.counts("")).texts[0].get_text()
    assert "no two audiences" in plot_overlap(plan.overlap).texts[0].get_text()


MANY = """
contacts: {path: data/contacts.csv}
audiences:
  feed: {top: {n: 6, by: spend}, destination: web_feed, options: {salt: s}}
  mail: {top: {n: 6, by: spend}, destination: klaviyo, at_most: 5}
  tried: {top: {n: 4, by: spend}, destination: mailchimp, holdout: 0.5}
  never: {destination: klaviyo_suppression}
activation: {salt: s}
"""


def test_the_lead_audience_carries_a_message_and_has_a_hold_out(shop: Any) -> None:
    people = "".join(f"{i},{i}@example.org,yes,\n" for i in ("ann", "bob", "cat", "dan", "eve", "fay"))
    contacts = "customer_id,email,consent_email,objected\n" + people
    (shop.base / "data" / "contacts.csv").write_text(
        contacts.replace("\n", ",yes\n").replace("ted,yes", "ted,consent_web")
    )
    shop.write_params(more=MANY)
    plan = CampaignPlan(Study(shop.params))
    assert plan.lead == "tried"
    assert set(plan.overlap["audience"]) == {"mail", "tried"}
    groups = plan.audiences.prepared("tried").groups
    [row] = plan.shows.to_dict("records")
    assert (row["audience"], row["customers"]) == ("tried", len(groups))
    assert row["held_out"] == (groups["group"] == "control").sum()
    shop.write_params(more=MANY.replace(", holdout: 0.5", ""))
    assert CampaignPlan(Study(shop.params)).lead == "mail"


def test_the_best_depth_of_the_middle_response_is_the_title() -> None:
    rows = [(r, d, p) for r in (0.05, 0.1, 0.2) for d, p in ((0.0, 0.0), (0.5, 10 * r), (1.0, 5 * r))]
    ax = plot_expected_profit(pd.DataFrame(rows, columns=["response", "depth", "profit"]), unit="EUR")
    assert "At a response of 10.0% it pays to write to 50%" in ax.get_figure().get_suptitle()
