"""The webhook against a real server that fails, hangs, answers late, resets and refuses."""

import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from rfm_ml.campaigns.carriers.webhook import Webhook
from rfm_ml.core.errors import DeliveryError, DeliveryRefusedError, ParamsError
from tests.receiver import is_genuine

SECRET = "s3cret"


def webhook(receiver: Any, **options: Any) -> Webhook:
    return Webhook(receiver.url, SECRET, **{"backoff_seconds": 0.001, "timeout_seconds": 2, "seed": 1} | options)


def post(hook: Webhook, *, seconds: float = 20) -> None:
    hook.post(b'{"a":1}', key="k1", deadline=time.monotonic() + seconds)


def test_one_signed_message(receiver: Any) -> None:
    post(webhook(receiver))
    ((headers, body),) = receiver.got
    assert body == b'{"a":1}'
    assert headers["path"] == "/hook?shop=1"
    assert headers["Idempotency-Key"] == "k1"
    assert headers["Content-Type"] == "application/json"
    timestamp, signed = headers["X-RFM-Timestamp"], headers["X-RFM-Signature"]
    given: dict[str, Any] = {"timestamp": timestamp, "signed": signed, "secret": SECRET, "now": time.time()}
    assert is_genuine(body, **given)
    assert not is_genuine(body + b" ", **given)
    assert not is_genuine(body, **given | {"secret": "other"})
    assert not is_genuine(body, **given | {"now": time.time() + 301})
    assert not is_genuine(body, **given | {"timestamp": str(int(timestamp) + 1)})
    assert not is_genuine(body, **given | {"timestamp": "soon"})
    assert not is_genuine(body, **given | {"signed": "sha256=ü"})
    assert SECRET not in str(headers)


@pytest.mark.parametrize("trouble", [[500, 503], ["reset"], [408, 429, 502], ["late"], ["hang"], ["drip"]])
def test_it_arrives_in_the_end_under_the_same_key(receiver: Any, trouble: list[Any]) -> None:
    receiver.script = list(trouble)
    post(webhook(receiver, timeout_seconds=0.25))
    assert len(receiver.got) == (1 if trouble == ["late"] else len(trouble) + 1)
    assert {headers["Idempotency-Key"] for headers, _ in receiver.got} == {"k1"}


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 302, 307])
def test_a_refusal_is_not_tried_again(receiver: Any, status: int) -> None:
    receiver.script = [(status, {"Location": receiver.url})]
    with pytest.raises(DeliveryRefusedError, match=f"It answered {status}"):
        post(webhook(receiver))
    assert len(receiver.got) == 1


def test_it_gives_up_after_its_tries_and_says_what_came(receiver: Any) -> None:
    receiver.script = [500] * 9
    with pytest.raises(DeliveryError, match=r"within 3 tries and the time limit. Last: it answered 500"):
        post(webhook(receiver, tries=3))
    assert len(receiver.got) == 3


def test_it_keeps_both_limits_of_time(receiver: Any) -> None:
    receiver.script = ["hang", "drip", "hang"]
    start = time.monotonic()
    with pytest.raises(DeliveryError, match="did not answer within"):
        post(webhook(receiver, timeout_seconds=0.2, tries=50), seconds=0.5)
    assert time.monotonic() - start < 2
    with pytest.raises(DeliveryError, match="no time left"):
        post(webhook(receiver), seconds=0)


def test_it_waits_as_long_as_it_is_told(receiver: Any) -> None:
    soon = formatdate(time.time() + 3, usegmt=True)
    receiver.script = [(429, {"Retry-After": "7"}), (503, {"Retry-After": soon}), (503, {"Retry-After": "?"})]
    hook, waits = webhook(receiver), []
    hook.sleep = waits.append
    post(hook)
    assert waits[0] == 7
    assert 1 < waits[1] <= 3
    assert waits[2] <= 0.004


def test_it_does_not_wait_beyond_the_limit(receiver: Any) -> None:
    receiver.script = [(429, {"Retry-After": "3600"})]
    hook = webhook(receiver)
    hook.sleep = lambda seconds: pytest.fail(f"waited {seconds} s")
    with pytest.raises(DeliveryError, match="it answered 429"):
        post(hook)


def test_waits_grow_and_are_the_same_for_the_same_seed(receiver: Any) -> None:
    every = []
    for seed in (1, 1, 2):
        receiver.script = [500] * 8
        hook, waits = webhook(receiver, seed=seed, backoff_seconds=1, tries=9), []
        hook.sleep = waits.append
        post(hook, seconds=1e6)
        every.append(waits)
    assert every[0] == every[1] != every[2]
    assert all(0 <= wait <= min(2**n, 30) for n, wait in enumerate(every[0]))
    assert max(every[0][4:]) > 4


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    hook = Webhook(f"http://localhost:{port}/?key=hidden", SECRET, tries=2, backoff_seconds=0.001)
    with pytest.raises(DeliveryError, match=r"at localhost must .* Last: the connection failed") as caught:
        post(hook)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://example.org/hook", "must begin with https, except on this machine"),
        ("ftp://example.org", "must be a URL such as"),
        ("example.org/hook", "must be a URL such as"),
        ("https://", "must be a URL such as"),
        ("https://example.org:port/", "must be a URL such as"),
        ("https://me:pass@example.org/", "must hold no user or password"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, told: str) -> None:
    with pytest.raises(ParamsError, match=told) as caught:
        Webhook(url, SECRET)
    assert "pass@" not in str(caught.value)


def test_http_elsewhere_only_if_allowed_and_never_without_a_secret() -> None:
    assert Webhook("http://example.org/hook", SECRET, allow_http=True).host == "example.org"
    with pytest.raises(ParamsError, match="secret must not be empty"):
        Webhook("https://example.org/hook", "")
