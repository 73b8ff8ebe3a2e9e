"""One customer from every side, in shops made by hand and in the synthetic one."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from rfm_ml.cli import main
from rfm_ml.core.errors import ParamsError
from rfm_ml.features.customer_360.customer_view import CustomerView
from rfm_ml.features.customer_360.outlook import own_models, side_by_side
from rfm_ml.features.products.products import offer_list
from rfm_ml.features.triggers.triggers import Triggers
from rfm_ml.reporting.backfill import backfill
from rfm_ml.study import Study
from rfm_ml.study.published import PublishedStudy

ROOT = Path(__file__).parents[3]

ORDERS = """customer,order_no,date,total,channel
ann,1,2025-01-05,10.00,web
ann,2,2025-02-05,30.00,shop
ann,3,2025-03-05,20.00,web
ann,4,2025-03-20,-5.00,web
bob,5,2025-02-10,250.50,web
cat,6,2025-03-10,40.00,shop
cat,7,2025-06-01,99.00,web
"""
CONTACTS = "customer_id,email,first_name\nann,ann@example.com,Annabel\ndoe,doe@example.com,Doris\n"
EVENTS = """customer_id,event_at,kind
ann,2025-03-30 10:00,visit
ann,2024-12-01 10:00,visit
ann,2025-04-02 10:00,visit
doe,2025-03-31 22:00,email_click
"""
PARAMS = """study: four
as_of: 2025-03-31
orders:
  path: data/orders.csv
  columns: {customer_id: customer, order_id: order_no, ordered_at: date, amount: total}
contacts: {path: data/contacts.csv}
events: {path: data/events.csv}
customers: {by: null}
engagement: {half_life_days: 1, weights: {visit: 8}}
strategies:
  thresholds:
    use: threshold_rfm
    map: three_level
    options: {recency: [20, 40], frequency: [2, 3], monetary: [30, 100]}
notebooks: [10_data_quality]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("four")
    (base / "params").mkdir()
    (base / "data").mkdir()
    (base / "params" / "four.yml").write_text(PARAMS)
    for name, text in {"orders": ORDERS, "contacts": CONTACTS, "events": EVENTS}.items():
        (base / "data" / f"{name}.csv").write_text(text)
    return base / "params" / "four.yml"


@pytest.fixture(scope="module")
def ann(place: Path) -> CustomerView:
    return CustomerView(Study(place), "ann")


def test_segments_are_those_of_the_list(place: Path, ann: CustomerView) -> None:
    listed = Study(place).segment_list().set_index("customer_id")
    row = ann.segments.iloc[0]
    assert [row["segment"], row["reason"], row["next_step"]] == [
        listed.loc["ann", c] for c in ("segment", "reason", "next_step")
    ]
    assert ann.stage == listed.loc["ann", "funnel_stage"] == "second order"


def test_every_channel_is_measured(ann: CustomerView) -> None:
    assert ann.channels is not None
    assert ann.channels[["channel", "recency_days", "orders", "spend"]].to_numpy().tolist() == [
        ["shop", 54, 1, 30.0],
        ["web", 26, 2, 25.0],
    ]
    assert ann.channel_scores is not None
    assert ann.channel_scores.columns.tolist() == ["strategy", "all channels", "shop", "web"]
    assert [told[:4] for told in ann.channel_scores.iloc[0, 1:]] == ["232 ", "112 ", "221 "]


def test_history_is_by_the_rules_of_today(ann: CustomerView) -> None:
    assert ann.history is not None
    assert not ann.history["published"].any()
    assert ann.history[["R", "orders", "spend"]].to_numpy().tolist() == [[2, 1, 10.0], [2, 2, 40.0], [2, 3, 55.0]]
    assert ann.history["segment"].tolist()[-1] == ann.segments["segment"].tolist()[0]


def test_orders_and_events_end_with_the_day(place: Path, ann: CustomerView) -> None:
    assert ann.orders["amount"].tolist() == [-5.0, 20.0, 30.0, 10.0]
    assert ann.events is not None
    assert ann.events[["kind", "events", "lately"]].to_numpy().tolist() == [["visit", 2, 1]]
    assert ann.engagement_score == 4.0  # 8 points, a day old, half of it left
    assert len(CustomerView(Study(place), "cat").orders) == 1


def test_prospects_are_known_by_their_events(place: Path) -> None:
    doe = CustomerView(Study(place), "doe")
    assert doe.is_prospect
    assert doe.stage == "prospect"
    assert doe.segments[["segment", "reason", "next_step"]].to_numpy().tolist() == [
        ["Prospect", "Prospect: never ordered; known as a contact.", "A first order makes him a customer."]
    ]
    assert doe.orders.empty
    assert doe.history is None
    assert doe.predictions is None
    assert doe.channels is None
    assert set(doe.why_not) == {"history", "predictions"}
    assert doe.events is not None
    assert doe.events["kind"].tolist() == ["email_click"]


def test_without_an_id_the_best_customer_is_shown(place: Path) -> None:
    assert CustomerView(Study(place)).customer_id == "bob"
    assert CustomerView(Study(ROOT / "params" / "cdnow.yml"), 2).customer_id == 2


def test_an_unknown_id_names_another_only_if_it_is_a_letter_away(place: Path) -> None:
    with pytest.raises(ParamsError, match=r"Nobody has the id 'anne'\. Did you mean 'ann'\?"):
        CustomerView(Study(place), "anne")
    with pytest.raises(ParamsError, match=r"Nobody has the id 'zzz'\. Ids are in the column customer_id") as told:
        CustomerView(Study(place), "zzz")
    assert not any(name in str(told.value) for name in ("ann", "bob", "cat", "doe"))
    with pytest.raises(ParamsError, match=r"Nobody has the id '1'\. Ids are in"):  # every short id is near another
        CustomerView(Study(place), "1")


def test_who_comes_later_is_told_when(place: Path) -> None:
    with pytest.raises(
        ParamsError, match=r"Nobody has the id 'cat' on 2025-03-01: their first order is of 2025-03-10\."
    ):
        CustomerView(Study(place, as_of="2025-03-01"), "cat")


def test_ids_may_have_blanks_and_their_owners_only_returns(place: Path) -> None:
    odd = place.with_name("odd.yml")
    odd.write_text(place.read_text().replace("data/orders.csv", "data/odd.csv"))
    text = ORDERS + "back only,8,2025-03-02,-7.00,web\nmary jane,9,2025-03-02,7.00,web\n"
    (place.parents[1] / "data" / "odd.csv").write_text(text)
    mary = CustomerView(Study(odd), " mary jane ")
    assert mary.customer_id == "mary jane"
    assert mary.measures["spend"].tolist() == [7.0]
    back = CustomerView(Study(odd), "back only")
    assert back.is_prospect
    assert back.orders["order_kind"].tolist() == ["return"]
    assert back.segments["segment"].tolist() == ["Prospect"]


def test_by_channel_every_row_is_kept(place: Path) -> None:
    split = place.with_name("split.yml")
    split.write_text(place.read_text().replace("by: null", "by: channel"))
    view = CustomerView(Study(split), "ann")
    assert view.segments["channel"].tolist() == ["shop", "web"]
    assert view.history is not None
    assert view.history["channel"].tolist() == ["web", "shop", "web", "shop", "web"]
    assert view.stage == "second order"


@pytest.mark.parametrize("who", ["ann", "doe"])
def test_command_shows_him_and_nothing_personal(place: Path, capsys: Any, who: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["customer", str(place), who])
    told = capsys.readouterr().out
    assert left.value.code == 0
    assert told.startswith(f"Customer {who} of four, as of 2025-03-31: ")
    for personal in ("example.com", "Annabel", "Doris"):
        assert personal not in told
    assert "Besides ordering" in told


def test_command_refuses_an_unknown_id(place: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as left:
        main(["customer", str(place), "anne"])
    assert left.value.code == 2
    assert "Did you mean 'ann'?" in capsys.readouterr().err


@pytest.mark.parametrize("blank", ["", "  "])
def test_command_refuses_an_empty_id(place: Path, capsys: Any, blank: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["customer", str(place), blank])
    assert left.value.code == 2
    assert "The customer must be given by their id. Got an empty one." in capsys.readouterr().err


def test_hysteresis_shows_the_segment_of_the_ledger_and_what_the_rules_would_say(place: Path, capsys: Any) -> None:
    held = place.with_name("held.yml")
    held.write_text(place.read_text().replace("study: four", "study: held") + "hysteresis: {periods: 3}\n")
    backfill(held, start=date(2025, 1, 1), end=date(2025, 2, 28), every="month")
    study = Study(held)
    view, ledger = CustomerView(study, "bob"), study.ledger().set_index("customer_id")
    assert view.segments["segment"].tolist() == [ledger.loc["bob", "segment"]] == ["Rare splurgers, active"]
    assert view.segments["since"].tolist() == ["2025-02-28"]
    listed = study.segment_list().set_index("customer_id").loc["bob"]
    assert view.segments[["reason", "next_step"]].iloc[0].tolist() == listed[["reason", "next_step"]].tolist()
    assert view.waiting == [
        "thresholds: the rules alone would put this customer in Rare splurgers, lapsed since 2025-03-31. "
        "They move once the rules have said so on 3 days of the ledger in a row; so far on 1."
    ]
    assert view.history is not None
    assert view.history[["segment", "published"]].to_numpy().tolist() == [
        ["Rare splurgers, active", True],
        ["Rare splurgers, active", False],
    ]
    with pytest.raises(SystemExit):
        main(["customer", str(held), "bob"])
    told = capsys.readouterr().out
    assert "They move once the rules have said so on 3 days" in told
    assert "Note: thresholds: segments of 2025-03-31 by the model that labelled 2025-02-28" in told


@pytest.mark.parametrize("more", ["", "hysteresis: {periods: 2}\n"])
def test_a_past_day_is_as_its_ledger_has_it(place: Path, more: str) -> None:
    past = place.with_name(f"past{len(more)}.yml")
    past.write_text(place.read_text().replace("study: four", f"study: past{len(more)}") + more)
    done = backfill(past, start=date(2025, 1, 1), end=date(2025, 3, 31), every="month")
    for day in done.days[1:]:
        ledger = pd.read_parquet(done.folder / day.isoformat() / "thresholds.parquet").set_index("customer_id")
        for who in ledger.index:
            view = CustomerView(PublishedStudy(past, as_of=day), who)
            shown, row = view.segments.iloc[0], ledger.loc[who]
            assert shown[["segment", "R", "F", "M"]].tolist() == row[["segment", "R", "F", "M"]].tolist()
            assert shown["since"].removesuffix(" or before") == f"{row['since']:%Y-%m-%d}"
            assert shown["reason"].startswith(row["segment"])
            assert view.history is not None
            assert view.history["segment"].iloc[-1] == row["segment"]
            assert len(view.waiting) == (row["segment"] != row["label"])


def test_a_margin_holds_him_too(place: Path) -> None:
    near = place.with_name("near.yml")
    near.write_text(place.read_text().replace("study: four", "study: near") + "hysteresis: {margin: 0.3}\n")
    backfill(near, start=date(2025, 1, 1), end=date(2025, 2, 28), every="month")
    view = CustomerView(Study(near), "bob")  # 49 days, beyond the limit of 40 by less than 30 %
    assert len(view.waiting) == 1
    assert view.waiting[0].endswith("They stay while they are within 30 % of the limit they crossed.")


def test_what_contacts_and_campaigns_say_is_shown_without_addresses(place: Path, capsys: Any) -> None:
    data = place.parents[1] / "data"
    (data / "told.csv").write_text(
        "customer_id,email,phone,tags,consent_email,consent_sms,objected\n"
        "ann,ann@example.com,+4915112345678,press; vip,yes,no,\nbob,bob@example.com,,,,,2025-01-01\n"
    )
    (data / "sent.csv").write_text(
        "campaign_id,customer_id,sent_at,group\nspring,ann,2025-03-01,treatment\nsummer,ann,2025-06-01,treatment\n"
        "autumn,ann,2024-10-01,control\n"
    )
    told = place.with_name("told.yml")
    text = place.read_text().replace("data/contacts.csv", "data/told.csv")
    told.write_text(
        f"{text}campaigns: {{path: data/sent.csv}}\nactivation: {{consents: {{call: consent_sms}}}}\n"
        "dynamic_segments:\n  buyers: {where: {orders: {count: '>= 1'}}}\n  press: {where: {tag: press}}\n"
    )
    ann, bob = (CustomerView(Study(told), who) for who in ("ann", "bob"))
    facts = dict(zip(ann.facts["about"], ann.facts["told"], strict=True))
    assert facts["tags"] == "press, vip"
    assert facts["consent"] == "email yes, sms no, call no"
    assert facts["dynamic segments"] == "buyers, press"
    assert facts["campaigns"] == "1 received, held out of 1"
    assert dict(bob.facts.to_numpy())["must be left alone"] == "objected"
    assert ann.campaigns[["campaign", "got"]].to_numpy().tolist() == [["spring", "received"], ["autumn", "held out"]]
    assert bob.campaigns.empty
    assert ann.not_known == "This study has no recommendations, triggers; nothing is said of them."
    for who in ("ann", "bob"):
        with pytest.raises(SystemExit):
            main(["customer", str(told), who])
        out = capsys.readouterr().out
        assert "example.com" not in out
        assert "49151" not in out


def test_lists_of_earlier_reports_are_campaigns_too(place: Path) -> None:
    sent = place.with_name("lists.yml")
    sent.write_text(place.read_text().replace("study: four", "study: lists"))
    report = place.parents[1] / "reports" / "lists" / "2025-03-01"
    for name, status in {"win": "written", "held": "held back"}.items():
        (report / "campaigns" / name).mkdir(parents=True)
        (report / "campaigns" / name / "manifest.json").write_text(json.dumps({"status": status}))
        groups = pd.DataFrame({
            "customer_id": ["ann", "bob", "cat"],
            "group": ["treatment", "control", "treatment"],
            "listed": [True, False, False],  # the destination refused the last
        })  # fmt: skip
        groups.to_parquet(report / "campaigns" / name / "groups.parquet")
    everybody = pd.DataFrame({"customer_id": ["ann", "cat"], "group": ["treatment", "control"]})
    everybody.to_parquet(report / "campaigns" / "global_groups.parquet")
    (report / "run.json").write_text("{}")
    got = {who: CustomerView(Study(sent), who).campaigns for who in ("ann", "bob", "cat")}
    assert {who: rows[["campaign", "got"]].to_numpy().tolist() for who, rows in got.items()} == {
        "ann": [["win", "received"]],
        "bob": [["win", "held out"]],
        "cat": [["every list", "held out"]],
    }


def test_a_log_that_says_otherwise_by_now_is_told(place: Path) -> None:
    late = place.with_name("late.yml")
    late.write_text(place.read_text().replace("study: four", "study: late").replace("data/orders.csv", "data/late.csv"))
    log = place.parents[1] / "data" / "late.csv"
    log.write_text(ORDERS)
    backfill(late, start=date(2025, 2, 28), end=date(2025, 3, 31), every="month")
    log.write_text(ORDERS + "bob,90,2025-03-30,5.00,web\n")
    row = CustomerView(PublishedStudy(late), "bob").segments.iloc[0]
    assert row["segment"] == "Rare splurgers, lapsed"
    assert row["reason"].startswith("Rare splurgers, lapsed, as published. By today's figures: ")


def test_one_prediction_and_beside_it_that_of_the_tiers() -> None:
    view = CustomerView(Study(ROOT / "params" / "cdnow.yml"), "1")
    assert view.predictions is not None
    assert view.predictions[["used_by", "horizon_days"]].to_numpy().tolist() == [["predictions", 273], ["clv", 365]]
    table = side_by_side(view.predictions).set_index("expected")
    assert table.loc["looks ahead"].tolist() == ["273 days", "365 days"]
    assert f"{table.loc['spend', 'clv']} in the next 365 days" in view.segments["reason"].iloc[-1]
    told = "The segments of clv go by their own model and horizon, as they were frozen."
    assert own_models(view.predictions) == [told]


def test_where_the_params_predict_nothing_the_tiers_do(tmp_path: Path) -> None:
    text = (ROOT / "params" / "cdnow.yml").read_text()
    (tmp_path / "cdnow.yml").write_text("\n".join(line for line in text.splitlines() if not line.startswith("clv:")))
    view = CustomerView(Study(tmp_path / "cdnow.yml"), "1")
    assert view.predictions is not None
    assert view.predictions["used_by"].tolist() == ["clv"]
    assert own_models(view.predictions) == []


def test_triggers_and_products_of_the_webshop(tmp_path: Path) -> None:
    text = (ROOT / "params" / "webshop.yml").read_text().replace("rows: 100000", "rows: 4000")
    (tmp_path / "params").mkdir()
    params = tmp_path / "params" / "webshop.yml"
    # Thresholds and rules alone are quick.
    given = yaml.safe_load(text)
    given["strategies"] = {"quantiles": given["strategies"]["quantiles"]}
    given["triggers"] = {"cools": {"when": "score_drop", "score": "R", "channel": "email", "reason": "Ask why"}}
    for key in ("audiences", "comparison", "notebooks", "clv"):
        given.pop(key)
    params.write_text(yaml.safe_dump({**given, "notebooks": ["10_data_quality"]}))
    backfill(params, start=date(2025, 5, 31), end=date(2025, 5, 31), every="month")
    study = Study(params)
    found = Triggers(study).actions("cools")["customer_id"].iloc[0]
    listed = offer_list(study).set_index("customer_id").loc[found]
    view = CustomerView(study, found)
    facts = dict(zip(view.facts["about"], view.facts["told"], strict=True))
    assert facts["found by triggers"].startswith("cools (email, until 2025-")
    assert view.offers is not None
    assert view.offers["product"].tolist() == listed[["product_1", "product_2", "product_3"]].tolist()
    assert facts["products to offer"].startswith(str(listed["product_1"]))
    alone = CustomerView(study, str(study.objectors.iloc[0]))
    assert "must be left alone" in alone.facts["about"].tolist()
    assert "products to offer" not in alone.facts["about"].tolist()
