"""Audiences of a study: from the params to lists, across two days, held back and let go."""

import json
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.campaigns.holdout import held_out, salt_id
from rfm_ml.cli import main
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.features.audiences.audiences import Audiences
from rfm_ml.params import load_params
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

CONTACTS = """customer_id,email,phone,first_name,last_name,consent_email,objected,bounced
ann,ann.a@example.org,+493023125001,Annelie,Quitzow,yes,,
bob,bob.b@example.org,+493023125002,Bobbelin,Quirin,yes,,
cat,cat.c@example.org,,Catrinella,Quast,yes,,
dan,dan.d@example.org,,Danilosch,Quandt,yes,2024-05-01,
eve,not an address,,Evelyne,Quelle,yes,,
fay,fay.f@example.org,,Fayette,Quiram,yes,,true
gus,gus.g@example.org,,Gustavson,Quenzel,no,,
"""
PERSONAL = [
    word
    for line in CONTACTS.splitlines()[1:]
    for word in line.split(",")[1:5]
    if (word and "example.org" in word) or word.startswith("+") or word[:1] in ("A", "B", "C", "D", "E", "F", "G", "Q")
]
LATELY = """
contacts: {path: data/contacts.csv}
dynamic_segments:
  lately: {where: {orders: {within_days: 60}}}
audiences:
  lately: {dynamic: lately, destination: klaviyo}
"""


def manifest(shop: Any, name: str, as_of: str = "2024-06-30") -> dict[str, Any]:
    return json.loads((shop.report(as_of) / "campaigns" / name / "manifest.json").read_text())


def ids(shop: Any, name: str, kind: str, as_of: str = "2024-06-30") -> list[str]:
    return pd.read_csv(shop.report(as_of) / "campaigns" / name / f"{kind}.csv")["customer_id"].tolist()


def with_audiences(shop: Any, audiences: str, *, contacts: str = CONTACTS, more: str = "") -> Study:
    (shop.base / "data" / "contacts.csv").write_text(contacts)
    shop.write_params(more=f"contacts: {{path: data/contacts.csv}}\naudiences:\n{audiences}\n{more}")
    return Study(shop.params)


def steps(shop: Any, name: str) -> dict[str, list[int]]:
    return {c["step"]: [c["left_out"], c["remaining"]] for c in manifest(shop, name)["counts"]}


def test_every_filter_is_counted_and_adds_up(shop: Any) -> None:
    segments = "[Loyal, At risk, About to sleep, Lost, New, Prospect]"
    with_audiences(shop, f"  all: {{segments: {segments}, destination: klaviyo, at_most: 3, rank_by: orders}}")
    run_study(shop.params)
    assert steps(shop, "all") == {
        "selected": [0, 7],
        "erased or objected": [1, 6],  # dan
        "erased or objected at this e-mail or phone": [0, 6],
        "no consent for email": [1, 5],  # gus
        "refused email at this e-mail or phone": [0, 5],
        "bounced or complained": [1, 4],  # fay
        "bounced or complained at this e-mail or phone": [0, 4],
        "beyond the most": [1, 3],  # cat and eve have one order each: eve comes later
        "held out of this list": [0, 3],
        "of no use to the destination": [0, 3],
        "same address as another customer": [0, 3],
        "list below the destination's minimum": [0, 3],
    }
    assert ids(shop, "all", "add") == ["ann", "bob", "cat"]
    suppressed = pd.read_csv(shop.report() / "campaigns" / "all" / "suppressed.csv")
    assert suppressed["customer_id"].tolist() == ["dan", "eve", "fay", "gus"]
    assert suppressed["reason"].tolist() == [
        "erased or objected",
        "beyond the most",
        "bounced or complained",
        "no consent for email",
    ]


def test_what_the_destination_cannot_use_is_suppressed_with_its_reason(shop: Any) -> None:
    with_audiences(shop, "  lost: {segments: [Lost, At risk], destination: klaviyo}")
    run_study(shop.params)
    assert steps(shop, "lost")["of no use to the destination"] == [1, 1]
    folder = shop.report() / "campaigns" / "lost"
    reasons = pd.read_csv(folder / "suppressed.csv").set_index("customer_id")["reason"]
    assert "not an e-mail address" in reasons["eve"]
    groups = pd.read_parquet(folder / "groups.parquet").set_index("customer_id")
    assert groups["listed"].to_dict() == {"bob": True, "eve": False}


def test_objectors_leave_every_segmentation_list(shop: Any) -> None:
    with_audiences(shop, "  loyal: {segments: [Loyal], destination: klaviyo}", more="")
    run_study(shop.params)
    listed = pd.read_csv(shop.report() / "segments" / "quantiles.csv")["customer_id"].tolist()
    assert listed == ["ann", "bob", "cat", "eve", "fay", "gus"]
    assert json.loads((shop.report() / "run.json").read_text())["objectors"] == 1
    assert "1 contacts who objected" in (shop.report() / "index.html").read_text()


def test_add_remove_and_keep_against_the_last_list_and_the_gate(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.base / "data" / "contacts.csv").write_text(CONTACTS.replace("2024-05-01", "").replace("true", ""))
    shop.write_params(more=LATELY + "activation: {gate: 0.05}")
    run_study(shop.params, as_of="2024-03-31")
    assert ids(shop, "lately", "add", "2024-03-31") == ["ann", "bob"]
    assert manifest(shop, "lately", "2024-03-31")["last"] is None

    # From two to four customers: a tenth of the twenty that changes are shares of at least.
    with pytest.raises(SystemExit) as end:
        main(["run", str(shop.params)])
    told = capsys.readouterr()
    assert end.value.code == 5
    assert "It went from 2 to 4 customers. It was held back" in told.err
    assert "--confirm lately" in told.err
    assert "Report:" in told.out
    folder = shop.report() / "campaigns" / "lately"
    assert {p.name for p in folder.iterdir()} == {"manifest.json", "suppressed.csv", "lately-klaviyo-values.csv"}
    assert manifest(shop, "lately")["status"] == "held"
    assert manifest(shop, "lately")["files"] == []
    assert "held back" in (shop.report() / "index.html").read_text()

    run_study(shop.params, confirm=["lately"])
    assert manifest(shop, "lately")["changes"] == {"add": 3, "remove": 1, "keep": 1}
    assert ids(shop, "lately", "add") == ["cat", "dan", "fay"]
    assert ids(shop, "lately", "remove") == ["bob"]
    assert ids(shop, "lately", "keep") == ["ann"]
    assert manifest(shop, "lately")["last"] == {"as_of": "2024-03-31", "rows": 2}
    assert manifest(shop, "lately")["gate"] == {"limit": 0.05, "moved": 0.1, "confirmed": True}


def test_a_list_that_becomes_empty_can_be_accepted(shop: Any) -> None:
    (shop.base / "data" / "contacts.csv").write_text(CONTACTS)
    shop.write_params(more=LATELY + "activation: {gate: 0.05}")
    run_study(shop.params, as_of="2024-03-31")
    day = "2024-12-31"
    assert run_study(shop.params, as_of=day).held
    assert manifest(shop, "lately", day)["status"] == "held"
    assert not run_study(shop.params, as_of=day, confirm=["lately"]).held
    assert manifest(shop, "lately", day)["status"] == "empty"
    assert manifest(shop, "lately", day)["gate"] == {"limit": 0.05, "moved": -0.1, "confirmed": True}
    kinds = [ids(shop, "lately", kind, day) for kind in ("add", "remove", "keep")]
    assert kinds == [[], ["ann", "bob"], []]
    assert pd.read_parquet(shop.report(day) / "campaigns" / "lately" / "groups.parquet").empty
    assert manifest(shop, "lately", day)["files"] == []

    # The next day starts from nobody, and is not held back any more.
    assert not run_study(shop.params, as_of="2025-01-01").held
    assert manifest(shop, "lately", "2025-01-01")["last"] == {"as_of": day, "rows": 0}
    assert ids(shop, "lately", "remove", "2025-01-01") == []


def test_a_list_that_becomes_too_short_takes_everybody_off(shop: Any) -> None:
    (shop.base / "data" / "contacts.csv").write_text(CONTACTS.replace("consent_email", "consent_ads"))
    shop.write_params(more=LATELY.replace("klaviyo", "meta"))
    run_study(shop.params, as_of="2024-03-31")
    shop.write_params(more=LATELY.replace("klaviyo", "tiktok"))
    run_study(shop.params)
    assert manifest(shop, "lately")["status"] == "too short"
    assert ids(shop, "lately", "remove") == ["ann", "bob"]
    assert not pd.read_parquet(shop.report() / "campaigns" / "lately" / "groups.parquet")["listed"].any()


def test_confirming_what_is_no_audience_is_refused(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with_audiences(shop, "  loyal: {segments: [Loyal], destination: klaviyo}")
    with pytest.raises(SystemExit) as end:
        main(["run", str(shop.params), "--confirm", "loyall"])
    assert end.value.code == 2
    assert "Got 'loyall'. Did you mean 'loyal'?" in capsys.readouterr().err


def test_hold_outs_are_drawn_by_the_formula_and_kept(shop: Any) -> None:
    everybody = "[Loyal, At risk, About to sleep, Lost, New]"
    with_audiences(
        shop,
        f"  all: {{segments: {everybody}, destination: csv, channel: in_house, holdout: 0.5}}",
        more="activation: {salt: s, global_holdout: 0.4}",
    )
    run_study(shop.params)
    known = ["ann", "bob", "cat", "eve"]  # dan objected, fay's mail bounced
    nowhere = {c for c in known if held_out([c], salt="s", share=0.4)[0]}
    mine = {c for c in known if c not in nowhere and held_out([c], salt="s/all", share=0.5)[0]}
    groups = pd.read_parquet(shop.report() / "campaigns" / "all" / "groups.parquet")
    assert dict(zip(groups["customer_id"], groups["group"], strict=True)) == {
        c: "control" if c in mine else "treatment" for c in known if c not in nowhere
    }
    assert set(groups["salt"]) == {salt_id("s/all")}
    assert set(groups["strategy"]) == {"quantiles"}
    assert set(groups["assigned_at"]) == {pd.Timestamp("2024-06-30")}
    everywhere = pd.read_parquet(shop.report() / "campaigns" / "global_groups.parquet")
    assert set(everywhere.loc[everywhere["group"] == "control", "customer_id"]) & set(known) == nowhere
    listed = pd.read_csv(shop.report() / "campaigns" / "all" / "all-csv.csv")["customer_id"]
    assert set(listed) == set(known) - nowhere - mine
    assert manifest(shop, "all")["holdout"]["salt_id"] == salt_id("s/all")
    assert '"salt": "s"' not in (shop.report() / "run.json").read_text()


def test_a_salt_from_the_environment_must_be_there(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    audience = "  loyal: {segments: [Loyal], destination: klaviyo, holdout: 0.2}"
    study = with_audiences(shop, audience, more="activation: {salt_env: SHOP_SALT}")
    monkeypatch.delenv("SHOP_SALT", raising=False)
    with pytest.raises(ParamsError, match="The environment variable SHOP_SALT must hold the salt"):
        Audiences(study)
    monkeypatch.setenv("SHOP_SALT", "from outside")
    assert Audiences(study).salt_of("loyal") == "from outside/loyal"
    with pytest.raises(ParamsError, match="A hold-out must have a salt"):
        Audiences(with_audiences(shop, audience))


def test_selections_top_minus_and_triggers(shop: Any) -> None:
    audiences = """  spenders: {top: {n: 3, by: spend}, destination: klaviyo}
  others:
    segments: [Loyal, At risk, New, Lost]
    destination: klaviyo
    minus: {audiences: [spenders], segments: [Lost]}
  cooled: {trigger: cooled, destination: klaviyo}"""
    more = "triggers: {cooled: {when: score_drop, score: R, channel: email}}"
    study = with_audiences(shop, audiences, more=more)
    select = Audiences(study).selection.selected
    assert select("spenders")["customer_id"].tolist() == ["ann", "bob", "dan"]
    assert select("spenders")["value"].tolist() == [67.75, 95.0, 200.0]
    assert select("others")["customer_id"].tolist() == ["fay"]
    assert select("cooled").empty
    run_study(shop.params, as_of="2024-03-31")
    run_study(shop.params)
    assert steps(shop, "cooled")["selected"] == [0, 1]  # bob, whose last order is of February
    assert manifest(shop, "cooled", "2024-03-31")["status"] == "empty"


def test_a_list_below_the_minimum_is_not_written(shop: Any) -> None:
    consents = CONTACTS.replace("consent_email", "consent_ads")
    with_audiences(shop, "  ads: {segments: [Loyal, At risk], destination: tiktok}", contacts=consents)
    result = run_study(shop.params)
    assert manifest(shop, "ads")["status"] == "too short"
    assert steps(shop, "ads")["list below the destination's minimum"] == [2, 0]
    assert not list((shop.report() / "campaigns" / "ads").glob("*tiktok.csv"))
    assert any("tiktok takes lists of at least 1,000. Got 2" in w for w in result.warnings)


def test_a_suppression_list_holds_those_who_must_not_be_written_to(shop: Any) -> None:
    with_audiences(shop, "  never: {destination: klaviyo_suppression}")
    run_study(shop.params)
    listed = pd.read_csv(shop.report() / "campaigns" / "never" / "never-klaviyo_suppression.csv")["Email"]
    assert listed.tolist() == ["dan.d@example.org", "fay.f@example.org", "gus.g@example.org"]
    others = pd.read_csv(shop.report() / "campaigns" / "never" / "suppressed.csv").set_index("customer_id")["reason"]
    assert others["ann"] == "no objection, refusal, bounce or complaint"


def test_files_are_private_and_a_second_run_gives_the_same_bytes(shop: Any) -> None:
    audiences = "\n".join(
        f"  {d}: {{segments: [Loyal, At risk], destination: {d}, channel: email, holdout: 0.3}}"
        for d in ("klaviyo", "mailchimp", "braze", "hubspot", "csv", "excel", "parquet", "jsonl")
    )
    with_audiences(shop, audiences, more="activation: {salt: s}")
    run_study(shop.params)
    campaigns = shop.report() / "campaigns"
    modes = {stat.S_IMODE(p.stat().st_mode) for p in campaigns.rglob("*") if p.is_file()}
    folders = {stat.S_IMODE(p.stat().st_mode) for p in [campaigns, *campaigns.iterdir()] if p.is_dir()}
    assert modes == {0o600}
    assert folders == {0o700}
    first = {p: p.read_bytes() for p in campaigns.rglob("*") if p.is_file()}
    run_study(shop.params)
    assert {p: p.read_bytes() for p in campaigns.rglob("*") if p.is_file()} == first
    digests = json.loads((shop.report() / "run.json").read_text())["outputs"]
    for name in Audiences(Study(shop.params)).names:
        for file in manifest(shop, name)["files"]:
            assert digests[f"campaigns/{name}/{file['name']}"] == file["sha256"]


def test_nothing_personal_outside_the_lists(shop: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with_audiences(
        shop,
        "  mail: {segments: [Loyal, At risk, Lost], destination: klaviyo, holdout: 0.2}\n"
        "  ads: {segments: [Loyal, Lost], destination: meta}\n  sms: {segments: [Loyal], destination: sms}",
        contacts=CONTACTS.replace("bounced\n", "bounced,consent_sms\n").replace("yes,,\n", "yes,,,maybe\n"),
        more="activation: {salt: s}",
    )
    for words in (["run"], ["check"], ["run", "--confirm", "mail"]):
        with pytest.raises(SystemExit) as end:
            main([words[0], str(shop.params), *words[1:]])
        assert end.value.code == 0
    told = "".join(capfd.readouterr())
    assert len(PERSONAL) > 20
    lists = {
        place
        for file in shop.report().glob("campaigns/*/manifest.json")
        for f in json.loads(file.read_text())["files"]
        if (place := file.parent / f["name"]).exists()
    }
    assert any("ann.a@example.org" in p.read_text() for p in lists)
    for place in [p for p in shop.report().rglob("*") if p.is_file() and p not in lists]:
        content = place.read_bytes()
        assert not [w for w in PERSONAL if w.encode() in content], place
    assert not [w for w in PERSONAL if w in told]


@pytest.mark.parametrize(
    ("audience", "told"),
    [
        (
            "{segments: [Loyall], destination: klaviyo}",
            r"audiences\.a\.segments must name segments of the map\. .*Loyal",
        ),
        ("{segments: [Loyal], minus: {segments: [Los]}, destination: klaviyo}", r"audiences\.a\.minus\.segments must"),
        ("{top: {n: 5, by: spent}, destination: klaviyo}", "Got 'spent'. Did you mean 'spend'"),
        ("{top: {n: 5}, destination: klaviyo}", "Predictions such as expected_spend need clv"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_written(shop: Any, audience: str, told: str) -> None:
    with_audiences(shop, f"  a: {audience}")
    with pytest.raises(ParamsError, match=told):
        run_study(shop.params)
    assert not shop.report().exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "{a: {segments: [Loyal], destination: metta}}",
            "audiences.a.destination must be one we know. Got 'metta'. Did",
        ),
        ("{a: {segments: [Loyal]}}", "audiences.a must have a channel with the destination csv"),
        ("{a: {destination: meta}}", "audiences.a must select somebody by segments, dynamic, trigger or top"),
        ("{a: {dynamic: x, destination: meta}}", "audiences.a.dynamic: a dynamic segment of this study must be one"),
        ("{a: {segments: [x], destination: meta, strategy: quantile}}", "Did you mean 'quantiles'?"),
        (
            "{a: {segments: [x], destination: meta, channel: in_house}}",
            "audiences.a must not be in_house: meta reaches",
        ),
        ("{a: {segments: [x], destination: meta, minus: {audiences: [a]}}}", "Got a minus a."),
        ("{a: {segments: [x], destination: mailchimp, options: {tag_bye: x}}}", "Did you mean 'tag_by'?"),
        ("{a: {segments: [x], destination: sms, options: {default_country: DE}}}", "Give it in activation:."),
        ("{triggers: {segments: [x], destination: meta}}", "must have names that differ"),
        ("{}\nactivation: {default_country: Germany}", "activation.default_country must be an ISO code of two capital"),
        ("{}\ndelivery: {crm: {kind: ftp, audiences: [a]}}", "delivery.crm.kind must be smtp, folder or webhook. Got"),
        ("{}\ndelivery: {crm: {audiences: [a]}}", "delivery.crm.kind must be given. It is not there."),
        (
            "{best: {segments: [x], destination: meta}}\n"
            "delivery: {crm: {kind: folder, url: 'file:///srv', audiences: [bets]}}",
            "delivery.crm.audiences: an audience of this study must be one we know. Got 'bets'. Did you mean 'best'?",
        ),
        (
            "{}\ndelivery: {crm: {kind: folder, url: 'sftp://me:geheim@host/x', audiences: [a]}}",
            "delivery.crm.url must hold no password.",
        ),
    ],
)
def test_faults_of_the_params_name_their_place(shop: Any, more: str, told: str) -> None:
    shop.write_params(more=f"audiences: {more}")
    with pytest.raises(ParamsError) as fault:
        load_params(shop.params)
    assert told in str(fault.value)
    assert "geheim" not in str(fault.value)


@pytest.mark.parametrize(
    ("audience", "more", "told"),
    [
        ("destination: klaviyo", "activation: {consents: {email: consent_mail}}", "Did you mean 'consent_email'?"),
        (
            "destination: klaviyo, columns: [segmnt]",
            "",
            "audiences.a.columns: a column of its list must be one we know",
        ),
    ],
)
def test_check_refuses_columns_that_are_not_there(
    shop: Any, capsys: pytest.CaptureFixture[str], audience: str, more: str, told: str
) -> None:
    with_audiences(shop, f"  a: {{segments: [Loyal], {audience}}}", more=more)
    with pytest.raises(SystemExit) as end:
        main(["check", str(shop.params)])
    assert end.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_braze_takes_nobody_whom_the_channel_cannot_reach(shop: Any) -> None:
    contacts = CONTACTS.replace("consent_email", "consent_email,consent_sms").replace("yes", "yes,yes")
    who = "segments: [Loyal, At risk, About to sleep, Lost, New, Prospect], destination: braze"
    every = "".join(f"  {channel}: {{{who}, channel: {channel}}}\n" for channel in ("email", "sms"))
    with_audiences(shop, every, contacts=contacts.replace("no,", "no,no,"))
    run_study(shop.params)
    lists = {c: pd.read_csv(shop.report() / "campaigns" / c / f"{c}-braze.csv", index_col=0) for c in ("email", "sms")}
    assert lists["email"].index.tolist() == ["ann", "bob", "cat"]  # eve has no e-mail
    assert lists["sms"].index.tolist() == ["ann", "bob"]
    reasons = pd.read_csv(shop.report() / "campaigns" / "sms" / "suppressed.csv", index_col=0)["reason"]
    assert (reasons["cat"], reasons["eve"]) == ("no phone that can be used", "no phone that can be used")


def test_without_contacts_only_in_house_lists_of_ids_if_the_params_say_so(shop: Any) -> None:
    shop.write_params(more="audiences: {a: {segments: [Loyal], destination: klaviyo}}")
    with pytest.raises(ParamsError, match=r"audiences\.a must have contacts: consent is asked"):
        run_study(shop.params)
    in_house = "audiences: {a: {segments: [Loyal], destination: csv, channel: in_house}}\n"
    shop.write_params(more=in_house)
    with pytest.raises(ParamsError, match=r"audiences\.a must have contacts: who objected"):
        run_study(shop.params)
    shop.write_params(more=in_house + "activation: {objections_elsewhere: true}")
    run_study(shop.params)
    assert pd.read_csv(shop.report() / "campaigns" / "a" / "a-csv.csv")["customer_id"].tolist() == ["ann", "dan"]


def test_frequency_counts_our_own_lists_without_a_campaigns_table(shop: Any) -> None:
    often = "contact_frequency: {most: 1, within_days: 90}"
    with_audiences(shop, f"  all: {{top: {{n: 3, by: spend}}, destination: klaviyo, {often}}}")
    run_study(shop.params, as_of="2024-06-01")
    assert ids(shop, "all", "add", "2024-06-01") == ["ann", "bob"]  # eve has no usable address
    run_study(shop.params)
    assert steps(shop, "all")["written to often enough lately"] == [2, 0]
    assert manifest(shop, "all")["status"] == "empty"
    assert ids(shop, "all", "remove") == ["ann", "bob"]


def test_a_manifest_that_cannot_be_read_stops_the_run_with_a_sentence(shop: Any) -> None:
    with_audiences(shop, "  loyal: {segments: [Loyal], destination: klaviyo}")
    run_study(shop.params, as_of="2024-06-01")
    Path(shop.report("2024-06-01") / "campaigns" / "loyal" / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="The manifest of a list must be a file that can be read"):
        run_study(shop.params)
