"""Nobody is written to against their will: by lists, triggers, the webhook or a delivery, under any id or spelling."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.cli import main
from rfm_ml.core.errors import ParamsError
from rfm_ml.reporting.run import run_study

EVERY = """
activation: {default_country: DE}
audiences:
  mail: {top: {n: 50, by: spend}, destination: klaviyo}
  text: {top: {n: 50, by: spend}, destination: sms}
  file: {top: {n: 50, by: spend}, destination: csv, channel: email}
  parquet: {top: {n: 50, by: spend}, destination: parquet, channel: sms}
  hash: {top: {n: 50, by: spend}, destination: meta}
  inside: {top: {n: 50, by: spend}, destination: excel, channel: in_house}
  must_not: {destination: klaviyo_suppression}
"""
CONTACTS = """customer_id,email,phone,consent_email,consent_sms,consent_ads,objected,bounced
ann,Ann@Example.org,4915123456701.0,yes,yes,yes,,
bob,bob@example.org,4915123456703.0,yes,yes,yes,,
cat,BOB@example.org ,015123456709,yes,yes,yes,yes,
dan,dan@example.org,+49 151 23456704,yes,yes,yes,,
dan,dan@home.example.org,,no,no,no,,
eve,eve@example.org,+4915123456705,yes,yes,yes,,
,eve@EXAMPLE.org,,,,,2024-01-01,
fay,fay@example.org,0151/23456706,yes,yes,yes,,
gus,gus@example.org,(0151) 23456706,,no,,,
"""
STEP = {"own": "erased or objected", "shared": "erased or objected at this e-mail or phone"}


def published(shop: Any, more: str = EVERY, contacts: str = CONTACTS) -> Path:
    (shop.base / "data" / "contacts.csv").write_text(contacts)
    shop.write_params(more="contacts: {path: data/contacts.csv}\n" + more)
    run_study(shop.params)
    return Path(shop.report()) / "campaigns"


def manifest(campaigns: Path, name: str) -> dict[str, Any]:
    return json.loads((campaigns / name / "manifest.json").read_text())


def listed(campaigns: Path, name: str) -> list[str]:
    groups = pd.read_parquet(campaigns / name / "groups.parquet")
    return sorted(groups.loc[groups["listed"], "customer_id"])


def test_an_opt_out_reaches_the_address_in_every_list(shop: Any) -> None:
    campaigns = published(shop)
    assert listed(campaigns, "mail") == listed(campaigns, "file") == ["ann", "fay"]
    # gus refused texts at fay's phone, which is written in another way.
    assert listed(campaigns, "text") == listed(campaigns, "parquet") == ["ann"]
    assert "+4915123456701" in (campaigns / "text" / "text-sms.csv").read_text()
    assert listed(campaigns, "hash") == ["ann", "fay"]
    assert listed(campaigns, "inside") == ["ann", "dan", "fay"]
    reasons = {name: manifest(campaigns, name)["counts"] for name in ("mail", "text", "inside")}
    counted = {name: {c["step"]: c["left_out"] for c in counts} for name, counts in reasons.items()}
    # cat opted out, bob has their mailbox, and a row without an id has eve's.
    assert {(c[STEP["own"]], c[STEP["shared"]]) for c in counted.values()} == {(1, 2)}
    assert counted["mail"]["no consent for email"] == 1  # dan refused in their second row
    assert counted["text"]["refused sms at this e-mail or phone"] == 1
    for name, counts in reasons.items():
        assert counts[-1]["remaining"] == manifest(campaigns, name)["rows"]
        assert all(b["remaining"] == a["remaining"] - b["left_out"] for a, b in pairwise(counts))


def test_they_are_on_the_suppression_list_and_on_no_segment_list(shop: Any) -> None:
    campaigns = published(shop)
    must_not = pd.read_csv(campaigns / "must_not" / "must_not-klaviyo_suppression.csv")["Email"].tolist()
    assert must_not == ["bob@example.org", "dan@example.org", "eve@example.org"]
    segments = pd.read_csv(shop.report() / "segments" / "quantiles.csv")
    assert sorted(segments["customer_id"]) == ["ann", "dan", "fay", "gus"]
    assert "2 contacts" not in (shop.report() / "index.html").read_text()
    notes = json.loads((shop.report() / "run.json").read_text())["warnings"]
    assert "1 contacts without a usable customer_id were left out; their opt-outs count." in notes


def test_a_list_tells_the_tool_no_consent_that_was_refused_at_the_address(shop: Any) -> None:
    campaigns = published(shop)
    mail = pd.read_csv(campaigns / "mail" / "mail-klaviyo.csv").set_index("Email Address")
    assert mail["SMS Marketing Consent"].to_dict() == {
        "ann@example.org": "Subscribe",
        "fay@example.org": "Unsubscribed",
    }


TRIGGERS = """
activation: {{salt: secret, global_holdout: {everywhere}, default_country: DE}}
triggers:
  cooled:
    when: score_drop
    score: R
    channel: {channel}
    holdout: {share}
    contact_frequency: {{most: {most}, within_days: 365}}
    webhook: true
audiences:
  before: {{top: {{n: 50, by: spend}}, destination: klaviyo}}
webhook: {{tries: 1, timeout_seconds: 5}}
"""


def with_trigger(shop: Any, contacts: str | None = None, **changed: Any) -> None:
    given = {"everywhere": 0, "channel": "email", "share": 0, "most": 9} | changed
    if contacts is None:
        shop.willing()
    else:
        (shop.base / "data" / "contacts.csv").write_text(contacts)
    shop.write_params(more="contacts: {path: data/contacts.csv}\n" + TRIGGERS.format(**given))


def actions(shop: Any) -> list[str]:
    return pd.read_csv(shop.report() / "campaigns" / "triggers" / "cooled.csv")["customer_id"].tolist()


def filters(shop: Any) -> dict[str, int]:
    table = pd.read_csv(shop.report() / "tables" / "trigger_filters.csv").set_index("step")
    return table["left_out"][table["left_out"] > 0].to_dict()


def test_a_trigger_asks_for_consent_on_its_channel(shop: Any) -> None:
    for channel, expected, reasons in (
        ("email", ["bob"], {}),
        ("sms", [], {"no consent for sms": 1}),
        ("call", [], {"refused call at this e-mail or phone": 1}),
        ("in_house", ["bob"], {}),
    ):
        contacts = (
            "customer_id,email,consent_email,consent_sms,consent_call\n"
            "bob,bob@example.org,yes,no,yes\nzoe,BOB@example.org,yes,,no\n"
        )
        with_trigger(shop, contacts, channel=channel)
        run_study(shop.params, as_of="2024-03-31")
        run_study(shop.params)
        assert actions(shop) == expected, channel
        assert filters(shop) == reasons, channel
    summary = pd.read_csv(shop.report() / "tables" / "triggers.csv")
    assert summary[["actions", "left_out"]].to_numpy().tolist() == [[1, 0]]


def test_a_trigger_respects_the_frequency_and_counts_for_it(shop: Any) -> None:
    with_trigger(shop, most=1)
    run_study(shop.params, as_of="2024-03-31")  # the list of this day went to bob
    run_study(shop.params)
    assert actions(shop) == []
    assert filters(shop) == {"written to often enough lately": 1}


def test_a_trigger_respects_hold_outs_and_keeps_the_groups(shop: Any) -> None:
    with_trigger(shop, everywhere=0.9)
    run_study(shop.params, as_of="2024-03-31")
    run_study(shop.params)
    assert actions(shop) == []
    assert filters(shop) == {"held out of every list": 1}
    with_trigger(shop, share=0.9)
    run_study(shop.params)
    assert actions(shop) == []
    assert filters(shop) == {"held out of this list": 1}
    groups = pd.read_parquet(shop.report() / "campaigns" / "triggers" / "cooled.groups.parquet")
    assert groups[["customer_id", "group", "listed"]].to_numpy().tolist() == [["bob", "control", False]]


def test_without_contacts_a_trigger_can_ask_nobody(shop: Any) -> None:
    shop.write_params(more="triggers: {t: {when: score_drop, score: R, channel: email}}\n")
    with pytest.raises(ParamsError, match=r"triggers.t must have contacts: consent is asked of them.*in_house"):
        run_study(shop.params)
    elsewhere = "activation: {objections_elsewhere: true}\n"
    shop.write_params(more="triggers: {t: {when: score_drop, score: R, channel: in_house}}\n" + elsewhere)
    run_study(shop.params)


def typed(*words: Any) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(w) for w in words])
    return int(end.value.code or 0)


@pytest.mark.parametrize("word", ["consent_email", "objected", "bounced"])
def test_who_opts_out_after_the_report_is_not_sent(
    shop: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("RFM_ML_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("RFM_ML_WEBHOOK_SECRET", "s3cret")
    with_trigger(shop)
    assert typed("run", shop.params, "--as-of", "2024-03-31") == 0
    assert typed("run", shop.params) == 0
    assert actions(shop) == ["bob"]
    # Somebody with bob's address says no under another id.
    said = "no" if word == "consent_email" else "yes"
    (shop.base / "data" / "contacts.csv").write_text(
        f"customer_id,email,consent_email,{word if word != 'consent_email' else 'tags'}\n"
        f"bob,bob@example.org,yes,\nzoe,BOB@example.org,{said if word == 'consent_email' else 'yes'},{said}\n"
    )
    assert typed("triggers", shop.params, "--send") == 0
    assert receiver.got == []


def test_a_list_is_not_delivered_to_who_opted_out_since(shop: Any, capsys: Any) -> None:
    more = (
        EVERY + f'delivery: {{share: {{kind: folder, url: "file://{shop.base}/drop", audiences: [mail, must_not]}}}}\n'
    )
    published(shop, more)
    gone = CONTACTS.replace("ann,Ann@Example.org,4915123456701.0,yes", "ann,Ann@Example.org,4915123456701.0,no")
    (shop.base / "data" / "contacts.csv").write_text(gone)
    capsys.readouterr()
    assert typed("deliver", shop.params, "--send") == 5
    told = capsys.readouterr().out
    assert "1 customer of 2 opted out, or bounced, since it was written. Run the study again." in told
    assert [p.name for p in (shop.base / "drop").rglob("*.csv")] == ["must_not-klaviyo_suppression.csv"]
