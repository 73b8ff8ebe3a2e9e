"""`rfm-ml triggers` and `rfm-ml run --send` as typed, with a real receiver."""

import json
from typing import Any

import pytest

from rfm_ml.cli import main
from tests.receiver import is_genuine

MORE = """
triggers:
  arrived:
    when: enter
    segments: [New, Promising, Champions, Loyal, Potentially loyal]
    channel: email
    webhook: true
  quiet: {when: leave, segments: Champions, channel: email}
webhook: {tries: 1, timeout_seconds: 5}
"""


def typed(*words: Any) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(w) for w in words])
    return int(end.value.code or 0)


@pytest.fixture
def hooked(shop: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RFM_ML_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("RFM_ML_WEBHOOK_SECRET", "s3cret")
    shop.write_params(more=MORE + shop.willing())
    return receiver


def test_a_dry_run_then_a_failure_then_everything_once(
    shop: Any, hooked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("run", shop.params, "--as-of", "2024-05-31") == 0
    assert typed("run", shop.params) == 0
    assert "nothing was sent. rfm-ml triggers" in capsys.readouterr().out
    assert hooked.got == []
    published = {p: p.read_bytes() for p in shop.report().rglob("*.csv")}

    hooked.script = [500]
    assert typed("run", shop.params, "--send") == 1
    out, err = capsys.readouterr()
    assert "Report:" in out
    assert "Last: it answered 500. The report is published; 2 actions wait for the next --send." in err
    assert "s3cret" not in out + err
    assert {p: p.read_bytes() for p in shop.report().rglob("*.csv")} == published

    assert typed("triggers", shop.params) == 0
    assert "Nothing was sent: that takes --send." in capsys.readouterr().out
    assert typed("triggers", shop.params, "--send") == 0
    assert "Webhook: 2 actions sent in 1 batch." in capsys.readouterr().out
    assert typed("triggers", shop.params, "--send") == 0
    assert typed("run", shop.params, "--send") == 0
    assert {p: p.read_bytes() for p in shop.report().rglob("*.csv")} == published
    (first, body), (second, same) = hooked.got
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert body == same
    assert [a["customer_id"] for a in json.loads(body)["actions"]] == ["dan", "fay"]


def test_what_must_be_there_is_told_before_anything_runs(
    shop: Any, hooked: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("triggers", shop.params) == 2
    assert "A report must have been made first. There is none." in capsys.readouterr().err
    monkeypatch.delenv("RFM_ML_WEBHOOK_SECRET")
    assert typed("run", shop.params, "--send") == 2
    assert "must be in the environment variable RFM_ML_WEBHOOK_SECRET. It is not set." in capsys.readouterr().err
    assert not shop.report().exists()
    shop.write_params()
    assert typed("run", shop.params, "--send") == 2
    assert "A trigger, or alerts, must have webhook: true to be sent." in capsys.readouterr().err
    assert typed("triggers", shop.params, "--as-of", "2024-06-01") == 2
    assert "A report of 2024-06-01 must have been made first." in capsys.readouterr().err


LIMITS = "alerts: {segment_size: 0.2, at_least: 1, drift_psi: null, rows: 0.3, webhook: true}\nwebhook: {tries: 1}\n"


def test_alerts_are_sent_once(shop: Any, hooked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=LIMITS)
    assert typed("run", shop.params, "--as-of", "2024-05-31", "--send") == 0
    assert hooked.got == []
    assert "Webhook: 0 actions and alerts sent in 0 batches." in capsys.readouterr().out
    assert typed("run", shop.params) == 0
    assert hooked.got == []
    alerts = json.loads((shop.report() / "run.json").read_text())["alerts"]
    assert f"Webhook: {len(alerts)} actions and alerts wait; nothing was sent." in capsys.readouterr().out

    hooked.script = [503]
    assert typed("triggers", shop.params, "--send") == 1
    assert typed("triggers", shop.params) == 0
    assert ["(alerts)", str(len(alerts)), str(len(alerts))] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]
    assert typed("triggers", shop.params, "--send") == 0
    assert typed("triggers", shop.params, "--send") == 0
    assert typed("run", shop.params, "--send") == 0
    (first, body), (second, same) = hooked.got
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert body == same
    assert is_genuine(
        body,
        timestamp=second["X-RFM-Timestamp"],
        signed=second["X-RFM-Signature"],
        secret="s3cret",
        now=int(second["X-RFM-Timestamp"]),
    )
    told = json.loads(body)
    assert told == {"study": "shop", "as_of": "2024-06-30", "batch": first["Idempotency-Key"], "alerts": alerts}
    assert "The log went from 4 to 6 customers since the last run, by more than 30%." in alerts


def test_alerts_that_stop_a_run_are_sent_all_the_same(
    shop: Any, hooked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write_params(more=LIMITS.replace("webhook: true", "webhook: true, stop: true"))
    assert typed("run", shop.params, "--as-of", "2024-05-31") == 0
    assert typed("run", shop.params) == 5
    assert hooked.got == []
    hooked.script = [500]
    assert typed("run", shop.params, "--send") == 5
    assert "it answered 500" in capsys.readouterr().err
    assert typed("run", shop.params, "--send") == 5
    assert typed("run", shop.params, "--send") == 5
    assert len(hooked.got) == 2
    sent = json.loads(hooked.got[1][1])["alerts"]
    assert sent == (shop.report().with_name("2024-06-30.failed") / "alerts.txt").read_text().splitlines()
    assert not shop.report().exists()
    # Without the word in the params nothing goes.
    shop.write_params(more=MORE + shop.willing() + "alerts: {rows: 0.3, stop: true}\n")
    assert typed("run", shop.params, "--send") == 5
    assert len(hooked.got) == 2
