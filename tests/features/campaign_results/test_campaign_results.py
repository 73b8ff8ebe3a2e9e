"""Campaigns of a study: planted effects come back, and nothing is claimed without grounds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfm_ml.features.campaign_results.campaign_results import CampaignResults
from rfm_ml.features.campaign_results.frames import WEIGHTED_BY
from rfm_ml.features.campaign_results.sent_campaigns import sent_campaigns
from rfm_ml.features.campaign_results.targets import CampaignTargets
from rfm_ml.study import Study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def webshop() -> CampaignResults:
    return CampaignResults(Study(ROOT / "params" / "webshop.yml"))


@pytest.fixture(scope="module")
def grocer() -> CampaignResults:
    return CampaignResults(Study(ROOT / "params" / "complete_journey.yml"))


def test_planted_effects_of_the_webshop_come_back(webshop: CampaignResults) -> None:
    truth = json.loads((webshop.study.source.files[0].parent / "truth.json").read_text())["campaigns"]
    totals = webshop.totals.set_index(["campaign", "outcome"])
    assert len(truth) == 6
    for campaign in truth:
        levels = campaign["levels"]
        orders = totals.loc[(campaign["campaign_id"], "orders")]
        assert orders["treated"] == sum(v["treated"] for v in levels)
        assert orders["control"] == sum(v["control"] for v in levels)
        planted = {"orders": sum(v["treated"] * v["extra_order_probability"] for v in levels)}
        planted["spend"] = sum(v["treated"] * v["extra_order_probability"] * v["extra_order_value"] for v in levels)
        for outcome, value in planted.items():
            row = totals.loc[(campaign["campaign_id"], outcome)]
            assert row["total_low"] <= value <= row["total_high"]


def test_webshop_tables_hang_together(webshop: CampaignResults) -> None:
    assert (webshop.campaigns["design"] == "hold-out").all()
    assert (webshop.campaigns["problem"] == "").all()
    assert webshop.campaigns["ratio_p_value"].between(0.001, 1).all()
    assert webshop.reductions["reduction"].between(0, 0.9).all()
    lift = webshop.lift
    assert not lift.duplicated(["campaign", "segment", "outcome", "method"]).any()
    main = lift[lift["method"].str.contains("CUPED, Welch")]
    in_segments = main[main["segment"] != "all"].groupby(["campaign", "outcome"])["treated"].sum()
    assert in_segments.tolist() == main[main["segment"] == "all"].set_index(["campaign", "outcome"])["treated"].loc[
        in_segments.index
    ].tolist()  # fmt: skip
    # A product's margin is 15 to 60 %.
    wide = webshop.totals.pivot(index="campaign", columns="outcome", values="treated_mean")
    assert (wide["margin"] / wide["spend"]).between(0.15, 0.6).all()


def test_costs_and_rules_of_the_webshop(webshop: CampaignResults) -> None:
    targets = CampaignTargets(webshop)
    costs = targets.costs.set_index("campaign")
    # 525 treated at 0.05 EUR.
    assert costs.loc["campaign-1", "cost"] == pytest.approx(26.25)
    np.testing.assert_allclose(costs["profit"], costs["margin"] - costs["cost"])
    undetermined = webshop.totals.query("outcome == 'orders' and low <= 0")["campaign"]
    assert costs["high"].isna().to_dict() == {c: c in set(undetermined) for c in costs.index}
    everybody = targets.policies[targets.policies["policy"] == "everybody"].set_index("campaign")
    # Contacting everybody earns what the plain difference says, less the cost of a contact.
    plain = webshop.lift.query("segment == 'all' and outcome == 'margin' and method.str.contains('means')")
    expected = plain.set_index("campaign")["lift"] - costs["cost"] / plain.set_index("campaign")["treated"]
    np.testing.assert_allclose(everybody["gain"], expected.loc[everybody.index])
    low, high = targets.in_all("orders") or (0, 0)
    summed = webshop.totals[webshop.totals["campaign"].isin(targets.apart)]
    assert 0 < low < summed.query("outcome == 'orders'")["total"].sum() < high
    begins = summed.drop_duplicates("campaign")["sent_on"].sort_values()
    assert (begins.diff().dropna() >= pd.Timedelta(days=28)).all()
    assert targets.curve(webshop.largest)["share"].iloc[-1] == 1


def test_campaigns_without_a_holdout_are_never_called_proof(grocer: CampaignResults) -> None:
    table = grocer.campaigns
    assert len(table) == 27
    assert (table["design"] == "observational").all()
    judged = grocer.totals[grocer.totals["lift"].notna()]
    assert judged["campaign"].nunique() == 21
    silent = judged["verdict"] == "not comparable"
    assert judged.loc[~silent, "words"].str.startswith(("Observational, no proof. ", "Too few")).all()
    naive = grocer.lift[grocer.lift["method"].str.startswith("plain")]
    assert (naive["verdict"] == "not comparable").all()
    # Good customers were chosen: the plain difference is far above the weighted one.
    plain = naive[naive["outcome"] == "orders"].set_index("campaign")["lift"]
    weighted = judged[judged["outcome"] == "orders"].set_index("campaign")["lift"]
    assert (plain > weighted.loc[plain.index] + 0.5).mean() > 0.9
    assert table["worst_balance"].dropna().max() < 0.1
    assert set(grocer.balance["covariate"]) == set(WEIGHTED_BY)
    assert grocer.placebos[1] == 20
    # One of 21 looks lies above 0: its words say what the correction leaves, and one row per verdict decides.
    more = judged[judged["verdict"] == "more"]
    assert (more["p_holm"] >= 0.05).all()
    assert more["words"].str.contains(r"before correction for \d+ looks; after it, chance may have done it").all()
    whole = grocer.lift[grocer.lift["segment"] == "all"]
    assert (whole.groupby(["campaign", "outcome"])["decides"].sum() == 1).all()
    assert CampaignTargets(grocer).in_all("orders") is None


def test_windows_that_are_not_over_and_logs_too_short_say_so(grocer: CampaignResults) -> None:
    words = grocer.totals[grocer.totals["outcome"] == "orders"].set_index("campaign")["words"]
    assert words["23"] == "Nothing to say: its 28 days end on 2018-01-24, after 2017-12-31."
    assert "the log begins on 2017-01-01, too late" in words["24"]
    assert grocer.counts["not over"] == 3


def test_a_study_without_campaigns_says_what_to_add() -> None:
    results = CampaignResults(Study(ROOT / "params" / "cdnow.yml"))
    assert results.lift.empty
    assert results.campaigns.empty
    assert results.largest == ""
    assert results.counts == {}
    assert "Name a campaigns: table" in results.notes[0]
    assert CampaignTargets(results).costs.empty


def small(shop: Any, rows: list[str], *, more: str = "") -> Study:
    """Forty customers who order on the first of each month; those sent to order once more in the window."""
    lines, k = ["customer_id,order_id,ordered_at,amount"], 0
    for who in range(40):
        days = [f"2024-{m:02d}-01" for m in range(1, 7) if (who + m) % 3]
        days += ["2024-05-10"] if who < 30 and who % 2 else []
        for day in days:
            k += 1
            lines.append(f"c{who:02d},{k},{day},{10 + who % 7}")
    shop.write_params(more="campaigns: {path: data/campaigns.csv}\n" + more)
    shop.orders.write_text("\n".join(lines) + "\n")
    (shop.orders.parent / "campaigns.csv").write_text(
        "\n".join(["campaign_id,customer_id,sent_at,group", *rows]) + "\n"
    )
    return Study(shop.params)


def drawn(treated: int) -> list[str]:
    return [f"may,c{w:02d},2024-05-03 09:00,{'treatment' if w < treated else 'control'}" for w in range(40)]


def test_a_small_campaign_by_hand(shop: Any) -> None:
    results = CampaignResults(small(shop, drawn(30)))
    row = results.lift.query("segment == 'all' and outcome == 'orders' and method.str.contains('means')").iloc[0]
    # Window 2024-05-03 to 05-30: 15 of 30 treated order once, none of the 10 held out.
    assert (row["treated"], row["control"], row["lift"]) == (30, 10, 0.5)
    assert row["verdict"] == "too few customers"
    assert "30 treated and 10 held out or comparable, and too few of them did anything" in row["words"]
    assert any("which share was to be held out" in note for note in results.notes)


def test_a_wrong_share_of_the_holdout_silences_the_campaign(shop: Any) -> None:
    results = CampaignResults(small(shop, drawn(20), more="campaign_results: {holdout: 0.1}\n"))
    assert results.campaigns["problem"].str.contains("50.0% were held out, 10.0% were to be").all()
    assert (results.totals["verdict"] == "groups not as drawn").all()
    assert results.drawn("may") is None


def test_rows_that_spoil_a_campaign_are_left_out_and_told(shop: Any) -> None:
    rows = [*drawn(30), "may,c00,2024-05-04,control", "may,c39,2024-05-05,", "later,c01,2024-07-01,treatment"]
    study = small(shop, rows)
    send = next(s for s in sent_campaigns(study).judged if s.campaign == "may")
    assert "c00" not in set(send.customers["customer_id"])
    assert {"1 customers in both groups were left out.", "1 rows without a group were left out."} <= set(send.notes)
    assert [s.campaign for s in sent_campaigns(study).judged] == ["may"]


def put_list(study: Study, audience: str, day: str, *, treated: int = 30, **manifest: Any) -> None:
    """Leave a list as a run of that day does: of 40 customers, the last held out."""
    report = study.base / "reports" / study.params.study / day
    place = report / "campaigns" / audience
    place.mkdir(parents=True)
    (report / "run.json").write_text("{}")
    written = {"status": "written", "channel": "email", "holdout": {"share": 0.25}}
    (place / "manifest.json").write_text(json.dumps(written | manifest))
    pd.DataFrame({
        "customer_id": [f"c{w:02d}" for w in range(40)],
        "group": ["treatment"] * treated + ["control"] * (40 - treated),
        "assigned_at": [pd.Timestamp(day)] * 40,
    }).to_parquet(place / "groups.parquet")  # fmt: skip


def test_lists_of_an_earlier_run_are_campaigns(shop: Any) -> None:
    study = small(shop, drawn(30))
    put_list(study, "winback", "2024-04-30")
    put_list(study, "held", "2024-04-30", status="held")
    found = {s.campaign: s for s in sent_campaigns(Study(shop.params)).judged}
    assert set(found) == {"may", "winback 2024-04-30"}
    send = found["winback 2024-04-30"]
    assert send.has_holdout
    assert int(send.customers["treated"].sum()) == 30
    assert str(send.sent_on) == "2024-05-01"


def test_own_lists_are_tested_against_their_own_share(shop: Any) -> None:
    study = small(shop, drawn(30), more="campaign_results: {holdout: 0.25}\n")
    put_list(study, "tenth", "2024-04-30", treated=36, holdout={"share": 0.1})
    put_list(study, "spoilt", "2024-04-30", treated=20, holdout={"share": 0.1})
    table = CampaignResults(Study(shop.params)).campaigns.set_index("campaign")
    # 4 of 40 and 10 of 40 are just what was to be held out; by the other's share they would be far off.
    assert table.loc[["tenth 2024-04-30", "may"], "ratio_p_value"].tolist() == [1.0, 1.0]
    assert "50.0% were held out, 10.0% were to be" in table.loc["spoilt 2024-04-30", "problem"]


def test_lists_without_a_holdout_or_a_message_are_no_campaigns(shop: Any) -> None:
    study = small(shop, drawn(30))
    put_list(study, "do_not_write", "2024-04-30", treated=40, channel=None, holdout=None)
    put_list(study, "meeting", "2024-04-30", channel="in_house")
    put_list(study, "file", "2024-04-30", treated=40, holdout=None)
    found = sent_campaigns(Study(shop.params))
    assert [s.campaign for s in found.judged] == ["may"]
    assert [s.campaign for s in found.others] == ["file 2024-04-30"]
    assert found.notes == ["Lists that nobody was held out of are not judged: file."]
    results = CampaignResults(Study(shop.params))
    assert set(results.lift["campaign"]) == {"may"}
    assert results.campaigns["concurrent_treated"].tolist() == [0.0]  # it was sent before


def test_weekly_lists_of_an_audience_do_not_overlap(shop: Any) -> None:
    study = small(shop, drawn(30))
    days = ["2024-04-02", "2024-04-09", "2024-04-16", "2024-04-29", "2024-04-30", "2024-05-07", "2024-05-28"]
    for day in days:
        put_list(study, "weekly", day)
    found = sent_campaigns(Study(shop.params))
    # Windows of 28 days from 04-03 to 04-30, 05-01 to 05-28, and from 05-29.
    kept = [str(s.sent_on) for s in found.judged if s.lot == "weekly"]
    assert kept == ["2024-04-03", "2024-05-01", "2024-05-29"]
    assert "overlap: 4 of weekly." in found.notes[0]
    # A list of the same audience is no other campaign to its groups.
    table = CampaignResults(Study(shop.params)).campaigns.set_index("campaign")
    assert table.loc["weekly 2024-04-02", ["concurrent_treated", "concurrent_control"]].tolist() == [0.0, 0.0]


def test_only_windows_apart_with_lots_of_their_own_are_summed(shop: Any) -> None:
    study = small(shop, drawn(30))
    for audience, day in (("a", "2024-03-04"), ("b", "2024-03-20"), ("c", "2024-04-01"), ("a", "2024-04-29")):
        put_list(study, audience, day)
    targets = CampaignTargets(CampaignResults(Study(shop.params)))
    # b overlaps a; the second list of a holds out the same customers; so may comes next.
    assert targets.apart == ["a 2024-03-04", "c 2024-04-01", "may"]
