"""The outbox: never twice for the same movement, whatever happens in between."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.campaigns.carriers.webhook import Webhook
from rfm_ml.core.errors import DataError, DeliveryRefusedError
from rfm_ml.features.triggers.outbox import Outbox, send_waiting


def everybody(trigger: str, channel: str, customer_ids: list[str]) -> list[str]:
    return customer_ids


def actions(*ids: str, to: str = "Lost") -> pd.DataFrame:
    columns = {"rule": "cooled", "channel": "email", "reason": "secret words", "due_on": "2024-07-05"}
    return pd.DataFrame({"customer_id": list(ids)}).assign(**columns, from_segment="Loyal", to_segment=to)


def queue(outbox: Outbox, frame: pd.DataFrame, since: str, as_of: str, **more: Any) -> int:
    given = {"study": "shop", "trigger": "cooled", "batch_size": 2} | more
    return outbox.queue(frame, since=since, as_of=as_of, **given)


def hook(receiver: Any, **options: Any) -> Webhook:
    return Webhook(receiver.url, "s3cret", **{"backoff_seconds": 0.001, "timeout_seconds": 2, "tries": 2} | options)


def told(receiver: Any) -> list[list[str]]:
    return [[a["customer_id"] for a in json.loads(body)["actions"]] for _, body in receiver.got]


def test_batches_are_sent_once(tmp_path: Path, receiver: Any) -> None:
    file = tmp_path / "triggers" / "sent.jsonl"
    outbox = Outbox(file)
    assert queue(outbox, actions("a", "b", "c"), "2024-05-31", "2024-06-30") == 3
    sent = send_waiting(outbox, hook(receiver), permitted=everybody)
    assert (sent.batches, sent.actions, sent.waiting, sent.faults) == (2, 3, 0, [])
    assert told(receiver) == [["a", "b"], ["c"]]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = Outbox(file)
    assert queue(again, actions("a", "b", "c"), "2024-05-31", "2024-06-30") == 0
    assert send_waiting(again, hook(receiver), permitted=everybody).actions == 0
    assert len(receiver.got) == 2


def test_the_message_holds_ids_rule_segments_and_days_alone(tmp_path: Path, receiver: Any) -> None:
    outbox = Outbox(tmp_path / "sent.jsonl")
    queue(outbox, actions("a"), "2024-05-31", "2024-06-30")
    send_waiting(outbox, hook(receiver), permitted=everybody)
    headers, body = receiver.got[0]
    message = json.loads(body)
    assert set(message) == {"study", "trigger", "since", "as_of", "batch", "actions"}
    assert set(message["actions"][0]) == {"id", "customer_id", "channel", "due_on", "from_segment", "to_segment"}
    assert headers["Idempotency-Key"] == message["batch"]


def test_the_same_movement_seen_from_another_day_is_not_told_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "sent.jsonl")
    assert queue(outbox, actions("a"), "2024-05-31", "2024-06-30") == 1
    for since, as_of in (("2024-05-31", "2024-06-15"), ("2024-06-15", "2024-06-30"), ("2024-06-20", "2024-07-10")):
        assert queue(outbox, actions("a"), since, as_of) == 0
    assert queue(outbox, actions("a"), "2024-06-30", "2024-07-31") == 1  # a month later he moves again
    assert queue(outbox, actions("a"), "2024-04-30", "2024-05-31") == 1
    assert queue(outbox, actions("a"), "2024-05-31", "2024-06-30", trigger="other") == 1
    assert queue(outbox, actions("b"), "2024-05-31", "2024-06-30") == 1
    sizes = [actions("", to="Champions"), actions("", to="Loyal")]
    assert [queue(outbox, s, "2024-05-31", "2024-06-30") for s in (*sizes, *sizes)] == [1, 1, 0, 0]


def test_what_was_refused_waits_and_the_rest_goes(tmp_path: Path, receiver: Any) -> None:
    receiver.script = [400]
    outbox = Outbox(tmp_path / "sent.jsonl")
    queue(outbox, actions("a", "b", "c"), "2024-05-31", "2024-06-30")
    sent = send_waiting(outbox, hook(receiver), permitted=everybody)
    assert (sent.actions, sent.waiting) == (1, 2)
    assert sent.faults == ["The webhook at 127.0.0.1 must accept what is sent. It answered 400: check the address, "
                           "the secret and what it expects."]  # fmt: skip
    assert send_waiting(Outbox(outbox.file), hook(receiver), permitted=everybody).actions == 2
    assert told(receiver) == [["a", "b"], ["c"], ["a", "b"]]
    assert receiver.got[0][1] == receiver.got[2][1]


def test_where_nobody_answers_everything_waits_in_order(tmp_path: Path, receiver: Any) -> None:
    receiver.script = [500, "reset", 200, 200]
    outbox = Outbox(tmp_path / "sent.jsonl")
    queue(outbox, actions("a", "b", "c"), "2024-05-31", "2024-06-30")
    sent = send_waiting(outbox, hook(receiver), permitted=everybody)
    assert (sent.actions, sent.waiting, len(sent.faults)) == (0, 3, 1)
    assert told(receiver) == [["a", "b"], ["a", "b"]]
    assert send_waiting(Outbox(outbox.file), hook(receiver), permitted=everybody).actions == 3
    assert told(receiver)[2:] == [["a", "b"], ["c"]]


def test_an_answer_that_comes_too_late_is_sent_again_under_the_same_key(tmp_path: Path, receiver: Any) -> None:
    receiver.script = ["hang"]
    outbox = Outbox(tmp_path / "sent.jsonl")
    queue(outbox, actions("a"), "2024-05-31", "2024-06-30")
    assert send_waiting(outbox, hook(receiver, timeout_seconds=0.2, tries=1), permitted=everybody).waiting == 1
    assert send_waiting(Outbox(outbox.file), hook(receiver), permitted=everybody).actions == 1
    keys = {headers["Idempotency-Key"] for headers, _ in receiver.got}
    assert (len(receiver.got), len(keys)) == (2, 1)


KILLED = """
import os, signal, sys, pandas as pd
from pathlib import Path
from rfm_ml.features.triggers.outbox import Outbox, send_waiting
from rfm_ml.campaigns.carriers.webhook import Webhook
outbox = Outbox(Path(sys.argv[1]))
one = {"customer_id": ["a"], "channel": ["email"], "due_on": ["2024-07-05"], "from_segment": ["x"], "to_segment": ["y"]}
outbox.queue(pd.DataFrame(one), study="s", trigger="t", since="2024-05-31", as_of="2024-06-30", batch_size=9)
outbox.settle = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
send_waiting(outbox, Webhook(sys.argv[2], "s3cret"), permitted=lambda trigger, channel, ids: ids)
"""


def test_killed_between_the_message_and_the_record(tmp_path: Path, receiver: Any) -> None:
    file = tmp_path / "sent.jsonl"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(file), receiver.url], check=False, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    assert len(receiver.got) == 1
    outbox = Outbox(file)
    assert [b["items"][0]["customer_id"] for b in outbox.waiting] == ["a"]
    assert send_waiting(outbox, hook(receiver), permitted=everybody).actions == 1
    (first, body), (second, same) = receiver.got
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert body == same
    assert send_waiting(Outbox(file), hook(receiver), permitted=everybody).actions == 0


def test_a_line_cut_off_by_a_kill_was_not_written(tmp_path: Path, receiver: Any) -> None:
    file = tmp_path / "sent.jsonl"
    queue(Outbox(file), actions("a"), "2024-05-31", "2024-06-30")
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    outbox = Outbox(file)
    assert len(outbox.waiting) == 1
    assert queue(outbox, actions("b"), "2024-05-31", "2024-06-30") == 1
    assert len(Outbox(file).waiting) == 2
    file.write_bytes(b"{}\n" + whole)
    with pytest.raises(DataError, match=r"Line 1 of .* is damaged"):
        Outbox(file)


def test_who_objects_meanwhile_is_taken_out(tmp_path: Path, receiver: Any) -> None:
    outbox = Outbox(tmp_path / "sent.jsonl")
    queue(outbox, actions("a", "b", "c"), "2024-05-31", "2024-06-30")
    sent = send_waiting(outbox, hook(receiver), permitted=lambda *_: ["b"])
    assert (sent.actions, sent.waiting) == (1, 0)
    assert told(receiver) == [["b"]]
    assert Outbox(outbox.file).waiting == []


def test_addresses_are_no_ids(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "sent.jsonl")
    with pytest.raises(DeliveryRefusedError, match="must not be e-mail addresses") as caught:
        queue(outbox, actions("ann@example.org"), "2024-05-31", "2024-06-30")
    assert "ann@" not in str(caught.value)
    assert not outbox.file.exists()


runs = st.lists(
    st.tuples(st.integers(1, 8), st.integers(1, 4), st.sets(st.sampled_from("abc")), st.booleans()), max_size=8
)


@given(runs)
@settings(max_examples=60, deadline=None)
def test_no_day_of_a_customer_is_told_twice(tmp_path_factory: pytest.TempPathFactory, days: list[Any]) -> None:
    file = tmp_path_factory.mktemp("outbox") / "sent.jsonl"
    outbox = Outbox(file)
    for start, length, who, reopened in days:
        outbox = Outbox(file) if reopened else outbox
        queue(outbox, actions(*sorted(who)), f"2024-01-{start:02}", f"2024-01-{start + length:02}")
    told_days = [
        (item["customer_id"], day)
        for batch in Outbox(file).waiting
        for item in batch["items"]
        for day in range(int(batch["since"][-2:]) + 1, int(batch["as_of"][-2:]) + 1)
    ]
    assert len(told_days) == len(set(told_days))
