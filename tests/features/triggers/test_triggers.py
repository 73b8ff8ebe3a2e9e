"""Triggers of a study: from the params to action lists, in a report and across days."""

import json
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.triggers.triggers import Triggers
from rfm_ml.params import load_params
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive

MORE = """
triggers:
  arrived: {when: move, from_segments: new, to_segments: [New, Promising, Champions, Loyal, Potentially loyal],
    channel: email}
  cooled: {when: score_drop, score: R, channel: sms, reason: Miss you, due_days: 5}
  risen: {when: enter, segments: [Champions, Loyal], channel: call}
"""


def lists(shop: Any, name: str, as_of: str = "2024-06-30") -> pd.DataFrame:
    return pd.read_csv(shop.report(as_of) / "campaigns" / "triggers" / f"{name}.csv")


def test_a_first_run_finds_nothing(shop: Any) -> None:
    shop.write_params(more=MORE + shop.willing())
    run_study(shop.params)
    assert lists(shop, "arrived").empty
    table = pd.read_csv(shop.report() / "tables" / "triggers.csv")
    assert table["actions"].tolist() == [0, 0, 0]
    assert table["since"].isna().all()
    assert table["watches"].tolist() == [
        "moves from new to New, Promising, Champions, Loyal or Potentially loyal",
        "R falls by 1 or more",
        "enters Champions or Loyal",
    ]
    assert "nothing to compare yet" in (shop.report() / "index.html").read_text()


def test_the_next_run_says_whom_why_and_until_when(shop: Any) -> None:
    shop.write_params(more=MORE + shop.willing())
    run_study(shop.params, as_of="2024-03-31")
    run_study(shop.params)
    before, after = (
        pd.read_parquet(shop.report(day) / "tables" / "ledger_quantiles.parquet").set_index("customer_id")
        for day in ("2024-03-31", "2024-06-30")
    )
    arrived = lists(shop, "arrived")
    assert arrived["customer_id"].tolist() == sorted(set(after.index) - set(before.index))
    assert set(arrived["from_segment"]) == {"new"}
    fell = [c for c in before.index if after.at[c, "R"] < before.at[c, "R"]]
    cooled = lists(shop, "cooled")
    assert fell
    assert cooled["customer_id"].tolist() == fell
    assert set(cooled["due_on"]) == {"2024-07-05"}
    assert cooled["reason"].str.startswith("Miss you: R fell from ").all()
    manifest = json.loads((shop.report() / "run.json").read_text())
    assert manifest["triggers"]["cooled"] == {
        "when": "score_drop",
        "strategy": "quantiles",
        "since": "2024-03-31",
        "actions": len(fell),
        "left_out": 0,
    }
    assert "campaigns/triggers/cooled.csv" in (shop.report() / "index.html").read_text()
    folder = shop.report() / "campaigns"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "triggers" / "cooled.csv").stat().st_mode) == 0o600
    made = {p.name: p.read_bytes() for p in (folder / "triggers").iterdir()}
    run_study(shop.params)
    assert {p.name: p.read_bytes() for p in (folder / "triggers").iterdir()} == made


def test_who_has_objected_is_on_no_list(shop: Any) -> None:
    (shop.base / "data" / "contacts.csv").write_text(
        "customer_id,objected,consent_email\ndan,2024-06-01,yes\nfay,,yes\nann,no,yes\n"
    )
    shop.write_params(more=MORE + "contacts: {path: data/contacts.csv}\n")
    run_study(shop.params, as_of="2024-05-31")
    triggers = Triggers(Study(shop.params))
    assert triggers.actions("arrived")["customer_id"].tolist() == ["fay"]
    assert triggers.summary.set_index("name").at["arrived", "left_out"] == 1


def test_a_refit_moves_nobody(shop: Any) -> None:
    more = """
triggers:
  in: {when: enter, segments: [Champions, Loyal, Potentially loyal, New, Promising], channel: email}
"""
    shop.write_params(more=more + shop.willing())
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params, as_of="2024-06-01")  # fay is new; nobody else has ordered
    run_study(shop.params, as_of="2024-06-02", refit=True)
    before, after = (
        pd.read_parquet(shop.report(day) / "tables" / "ledger_quantiles.parquet")["segment"].tolist()
        for day in ("2024-06-01", "2024-06-02")
    )
    assert before != after
    assert lists(shop, "in", "2024-06-02").empty


CDNOW = """
study: cdnow
as_of: 1997-09-30
orders: {dataset: cdnow, policies: {duplicates: keep, zero_orders: keep}}
strategies:
  limits: {use: threshold_rfm, map: three_level, options: {recency: [60, 180], frequency: [2, 4], monetary: [40, 100]}}
clv: {horizon_days: 180}
triggers:
  leaving: {when: score_drop, measure: p_alive, below: 0.5, channel: call}
  poorer: {when: score_drop, measure: expected_spend, below: 10, channel: email}
  late: {when: overdue, channel: email}
  silent: {when: overdue, against: model, channel: email}
notebooks: [hello]
"""


def test_predictions_and_gaps_of_a_real_shop(shop: Any) -> None:
    ids = Study(Path(__file__).parents[3] / "params" / "cdnow.yml").customers["customer_id"]
    shop.params.write_text(CDNOW + shop.willing(*ids))
    study = Study(shop.params, as_of="1997-08-31")
    study.settle(Archive(shop.base / "reports" / "cdnow"))
    place = shop.base / "reports" / "cdnow" / "1997-08-31"
    for folder in ("tables", "models"):
        (place / folder).mkdir(parents=True)
    study.ledger().to_parquet(place / "tables" / "ledger_limits.parquet")
    (place / "models" / "limits.json").write_text(study.model().to_json())
    (place / "run.json").write_text("{}")

    now = Study(shop.params)
    triggers = Triggers(now)
    assert triggers.since("late") == date(1997, 8, 31)
    then, today = study.customers.set_index("customer_id"), now.customers.set_index("customer_id")
    late = (today["overdue_days"] > 0) & ~(then["overdue_days"].reindex(today.index) > 0)
    # Who was late, ordered, and is late again was found before; who ordered since was not late of this order.
    assert set(triggers.actions("late")["customer_id"]) >= set(today.index[late])
    model, spend = now.clv_models
    earlier = model.predict(study.customers, horizon_days=180, spend_model=spend, daily_discount=0.0003, margin=1)
    was, is_ = earlier.set_index("customer_id"), now.predictions.set_index("customer_id").loc[then.index]
    for name, column, limit in (("leaving", "p_alive", 0.5), ("poorer", "expected_spend", 10)):
        expected = was.index[(was[column] >= limit) & (is_[column] < limit)]
        assert len(expected) > 10
        assert triggers.actions(name)["customer_id"].tolist() == sorted(expected)
    silent = was.index[~was["overdue"] & is_["overdue"]]
    assert triggers.actions("silent")["customer_id"].tolist() == sorted(silent)


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("{when: enter, channel: email}", "triggers.t must have segments with when: enter."),
        ("{when: entre, segments: A, channel: email}", "triggers.t.when must be 'enter', 'leave'"),
        (
            "{when: enter, segment: A, channel: email}",
            "triggers.t.segment is not a key we know. Did you mean 'segments'?",
        ),
        ("{when: enter, segments: [], channel: email}", "triggers.t.segments must have at least one entry"),
        ("{when: enter, segments: A}", "triggers.t.channel must be given."),
        (
            "{when: leave, segments: A, below: 3, channel: email}",
            "triggers.t must not have below with when: leave. Remove it.",
        ),
        ("{when: move, from_segments: A, channel: email}", "triggers.t must have to_segments with when: move."),
        ("{when: score_drop, channel: email}", "triggers.t must have a score or a measure"),
        ("{when: score_drop, score: R, measure: clv, below: 1, channel: email}", "one of the two"),
        ("{when: score_drop, measure: clv, channel: email}", "triggers.t must have below with a measure"),
        ("{when: score_drop, measure: clv, by: 1, below: 2, channel: email}", "must not have by with a measure"),
        (
            "{when: score_drop, measure: clv, below: 2, channel: email}",
            "triggers.t needs predictions. There is no clv:",
        ),
        ("{when: overdue, against: model, channel: email}", "triggers.t needs predictions."),
        (
            "{when: enter, segments: A, strategy: quantile, channel: email}",
            "triggers.t.strategy must be a strategy of this study. Got 'quantile'. Did you mean 'quantiles'?",
        ),
        (
            "{when: overdue, channel: phone}",
            "triggers.t must have a channel that consent can be asked for. Got 'phone'",
        ),
        (
            "{when: size_change, segments: A, channel: boss, holdout: 0.1}",
            "triggers.t must have no holdout and no contact_frequency with when: size_change.",
        ),
        ("{when: overdue, channel: email, due_days: -1}", "triggers.t.due_days must be at least 0. Got -1."),
    ],
)
def test_bad_triggers_are_refused_with_their_place(shop: Any, trigger: str, told: str) -> None:
    shop.write_params(more=f"triggers: {{t: {trigger}}}\n")
    with pytest.raises(ParamsError) as caught:
        load_params(shop.params)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        (
            "{when: enter, segments: [Champion], channel: email}",
            "triggers.t.segments must be segments of quantiles. Got 'Champion'. Did you mean 'Champions'?",
        ),
        ("{when: enter, segments: [Prospect], channel: email}", "Got 'Prospect'"),
        ("{when: move, from_segments: [new], to_segments: [new], channel: email}", "triggers.t.to_segments must be"),
    ],
)
def test_segments_that_nobody_can_be_in(shop: Any, trigger: str, told: str) -> None:
    shop.write_params(more=f"triggers: {{t: {trigger}}}\n{shop.willing()}")
    with pytest.raises(ParamsError) as caught:
        run_study(shop.params)
    assert told in str(caught.value)
    assert not shop.report().exists()


def test_the_webshop_has_triggers_that_it_can_use() -> None:
    study = Study(Path(__file__).parents[3] / "params" / "webshop.yml")
    assert {t.when for t in study.params.triggers.values()} >= {"leave", "move", "score_drop", "overdue", "size_change"}
