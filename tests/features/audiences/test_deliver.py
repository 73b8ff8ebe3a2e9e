"""rfm-ml deliver: nothing leaves without --send, nothing twice, held lists never."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.campaigns.carriers import FolderCarrier
from rfm_ml.cli import main
from rfm_ml.core.errors import DeliveryError, DeliveryUncertainError
from rfm_ml.reporting.run import run_study
from tests.receiver import is_genuine

CONTENT = b"Email\r\nmary@example.com\r\n"
WAYS = """
audiences:
  vips: {{segments: [Loyal], destination: klaviyo}}
  lost: {{segments: [Lost], destination: klaviyo}}
delivery:
  share: {{kind: folder, url: "file://{base}/drop", audiences: [vips, lost]}}
  hook:
    kind: webhook
    url_env: LIST_HOOK
    secret_env: LIST_SECRET
    audiences: [vips]
    tries: 1
"""


@pytest.fixture
def published(shop: Any) -> Any:
    shop.report().mkdir(parents=True)
    (shop.report() / "run.json").write_text("{}")
    put(shop, "vips")
    put(shop, "lost")
    shop.write_params(more=WAYS.format(base=shop.base))
    return shop


def put(shop: Any, audience: str, *, content: bytes = CONTENT, **changed: Any) -> Path:
    folder = shop.report() / "campaigns" / audience
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{audience}.csv").write_bytes(content)
    file = {"name": f"{audience}.csv", "rows": 1, "sha256": hashlib.sha256(content).hexdigest()}
    about = {"study": "shop", "audience": audience, "as_of": "2024-06-30", "destination": "klaviyo"}
    (folder / "manifest.json").write_text(json.dumps(about | {"status": "written", "files": [file]} | changed))
    return folder


def deliver(shop: Any, capsys: Any, *more: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["deliver", str(shop.params), *more])
    said = capsys.readouterr()
    assert "mary@" not in said.out + said.err
    return int(left.value.code or 0), said.out + said.err


def drop(shop: Any, audience: str) -> Path:
    return Path(shop.base) / "drop" / "shop" / "2024-06-30" / audience / f"{audience}.csv"


def journal(shop: Any) -> Path:
    return Path(shop.base) / "reports" / "shop" / "deliveries.jsonl"


def test_without_send_nothing_leaves_and_nothing_is_written(published: Any, capsys: Any) -> None:
    code, said = deliver(published, capsys, "lost")
    assert (code, "Would send 1 rows in lost.csv: file://" in said) == (0, True)
    assert "Nothing was sent: that takes --send." in said
    assert not (published.base / "drop").exists()
    assert not journal(published).exists()


def test_sent_once_and_again_only_when_asked(published: Any, capsys: Any) -> None:
    code, said = deliver(published, capsys, "lost", "--send")
    assert (code, "lost (share): Sent 1 rows in lost.csv" in said) == (0, True)
    assert drop(published, "lost").read_bytes() == CONTENT
    drop(published, "lost").unlink()
    code, said = deliver(published, capsys, "lost", "--send")
    assert (code, "was sent on" in said) == (0, True)
    assert not drop(published, "lost").exists()
    deliver(published, capsys, "lost", "--send", "--again")
    assert drop(published, "lost").exists()
    entries = [json.loads(line) for line in journal(published).read_text().splitlines()]
    assert [e["state"] for e in entries] == ["begun", "sent", "begun", "sent"]
    assert "mary" not in journal(published).read_text()


def test_a_new_list_goes_although_the_old_one_was_sent(published: Any, capsys: Any) -> None:
    deliver(published, capsys, "lost", "--send")
    put(published, "lost", content=b"Email\r\nbo@example.com\r\n")
    deliver(published, capsys, "lost", "--send")
    assert drop(published, "lost").read_bytes() == b"Email\r\nbo@example.com\r\n"


def test_a_held_list_stays_and_the_others_go(published: Any, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("LIST_HOOK", raising=False)
    put(published, "vips", status="held", why="It has three times as many rows.")
    code, said = deliver(published, capsys, "--send")
    assert code == 5
    assert "vips must be confirmed before it is sent. It has three times as many rows." in said
    assert not drop(published, "vips").exists()
    assert drop(published, "lost").exists()


def test_a_changed_file_is_not_sent(published: Any, capsys: Any) -> None:
    (published.report() / "campaigns" / "lost" / "lost.csv").write_bytes(b"Email\r\neve@example.com\r\n")
    code, said = deliver(published, capsys, "lost", "--send")
    assert (code, "was changed since" in said) == (3, True)
    assert not drop(published, "lost").exists()


def test_an_empty_list_and_one_that_is_not_there(published: Any, capsys: Any) -> None:
    put(published, "lost", status="too short", files=[])
    assert deliver(published, capsys, "lost", "--send")[0] == 0
    (published.report() / "campaigns" / "lost" / "manifest.json").unlink()
    code, said = deliver(published, capsys, "lost", "--send")
    assert (code, "The report has no such list" in said) == (2, True)
    code, said = deliver(published, capsys, "lots", "--send")
    assert (code, "Did you mean 'lost'?" in said) == (2, True)


@pytest.mark.parametrize(("fault", "then"), [(DeliveryError, "Sent"), (DeliveryUncertainError, "nobody knows")])
def test_what_failed_is_tried_anew_and_what_is_uncertain_is_not(
    published: Any, capsys: Any, monkeypatch: Any, fault: type[Exception], then: str
) -> None:
    def fails(*_: Any) -> list[str]:
        raise fault("It did not work.")

    with monkeypatch.context() as broken:
        broken.setattr(FolderCarrier, "deliver", fails)
        code, said = deliver(published, capsys, "lost", "--send")
        assert (code, "It did not work." in said) == (1, True)
    code, said = deliver(published, capsys, "lost", "--send")
    assert then in said
    assert code == (0 if fault is DeliveryError else 1)


def test_a_process_killed_while_it_sent_does_not_send_twice(published: Any, capsys: Any, monkeypatch: Any) -> None:
    def killed(*_: Any) -> list[str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(FolderCarrier, "deliver", killed)
        assert deliver(published, capsys, "lost", "--send")[0] == 130
    assert "nobody knows how it ended" in deliver(published, capsys, "lost", "--send")[1]
    assert not drop(published, "lost").exists()


def test_secrets_come_from_the_environment_alone(published: Any, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("LIST_HOOK", raising=False)
    code, said = deliver(published, capsys, "vips", "--send")
    assert (code, "environment variable LIST_HOOK. It is not set" in said) == (2, True)


def test_no_report_and_no_ways(shop: Any, capsys: Any) -> None:
    assert "There is no delivery: in them" in deliver(shop, capsys)[1]
    shop.write_params(more=WAYS.format(base=shop.base))
    code, said = deliver(shop, capsys)
    assert (code, "must have been made first. There is none." in said) == (2, True)


class Receiver(BaseHTTPRequestHandler):
    got: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any]]]:
    got: list[Any] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Receiver,), {"got": got}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/lists", got
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("attach", [False, True])
def test_a_signed_message_to_a_webhook(
    published: Any, capsys: Any, monkeypatch: Any, receiver: tuple[str, list[Any]], attach: bool
) -> None:
    url, got = receiver
    monkeypatch.setenv("LIST_HOOK", url)
    monkeypatch.setenv("LIST_SECRET", "s3cret")
    ways = WAYS.format(base=published.base) + ("    attach: true\n" if attach else "")
    published.write_params(more=ways)
    code, said = deliver(published, capsys, "vips", "--send")
    assert (code, "webhook at 127.0.0.1" in said) == (0, True)
    ((headers, body),) = got
    when, signed = headers["X-RFM-Timestamp"], headers["X-RFM-Signature"]
    assert is_genuine(body, timestamp=when, signed=signed, secret="s3cret", now=float(when))
    message = json.loads(body)
    assert message["audience"] == "vips"
    assert message["files"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert ("content" in message["files"][0]) is attach
    deliver(published, capsys, "vips", "--send")
    assert len(got) == 1


MAIL = """
audiences:
  vips: {segments: [Loyal], destination: csv, channel: in_house}
activation: {objections_elsewhere: true}
delivery:
  team:
    kind: smtp
    host: mail.shop.example
    sender: lists@shop.example
    recipients: [ana@shop.example]
    user_env: MAIL_USER
    password_env: MAIL_PASSWORD
    audiences: [vips]
"""


def test_mail_by_the_params(published: Any, capsys: Any, monkeypatch: Any) -> None:
    published.write_params(more=MAIL)
    assert "MAIL_USER. It is not set" in deliver(published, capsys)[1]
    monkeypatch.setenv("MAIL_USER", "user")
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    code, said = deliver(published, capsys)
    assert (code, "vips (team): Would send 1 rows in vips.csv: mail to 1 recipient by mail.shop.example." in said) == (
        0,
        True,
    )
    published.write_params(more=MAIL.replace("    user_env: MAIL_USER\n", ""))
    assert "must be given together" in deliver(published, capsys)[1]


def test_no_address_of_the_params_is_in_the_report(shop: Any) -> None:
    shop.write_params(more=MAIL)
    run_study(shop.params)
    for file in shop.report().rglob("*"):
        assert not file.is_file() or b"ana@shop.example" not in file.read_bytes(), file
