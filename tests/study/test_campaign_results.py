"""Campaigns of a study: planted effects come back, and nothing is claimed without grounds."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfm_ml.study import Study
from rfm_ml.study.campaign_frames import WEIGHTED_BY
from rfm_ml.study.campaign_results import CampaignResults
from rfm_ml.study.campaign_targets import CampaignTargets
from rfm_ml.study.sends import find_sends, own_groups

ROOT = Path(__file__).parents[2]


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
    assert 0 < low < webshop.totals.query("outcome == 'orders'")["total"].sum() < high
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
    send = next(s for s in find_sends(study) if s.campaign == "may")
    assert "c00" not in set(send.customers["customer_id"])
    assert {"1 customers in both groups were left out.", "1 rows without a group were left out."} <= set(send.notes)
    assert [s.campaign for s in find_sends(study)] == ["may"]


def test_groups_of_an_earlier_run_are_campaigns(shop: Any, tmp_path: Path) -> None:
    study = small(shop, drawn(30))
    report = study.base / "reports" / study.params.study / "2024-04-30"
    place = report / "campaigns" / "winback"
    place.mkdir(parents=True)
    (report / "run.json").write_text("{}")
    groups = pd.DataFrame({
        "customer_id": [f"c{w:02d}" for w in range(40)],
        "group": ["treatment"] * 30 + ["control"] * 10,
        "assigned_at": [pd.Timestamp("2024-05-01")] * 40,
    })  # fmt: skip
    groups.to_parquet(place / "groups.parquet")
    assert len(own_groups(report, pd.Timestamp("2024-04-30").date())) == 40
    found = {s.campaign: s for s in find_sends(Study(shop.params))}
    assert set(found) == {"may", "winback 2024-04-30"}
    assert found["winback 2024-04-30"].has_holdout
    assert int(found["winback 2024-04-30"].customers["treated"].sum()) == 30
    assert str(found["winback 2024-04-30"].sent_on) == "2024-05-02"
    groups.assign(listed=False).to_parquet(place / "groups.parquet")
    assert own_groups(report, pd.Timestamp("2024-04-30").date()).empty
    shutil.rmtree(report)
