"""A webhook: one signed POST, tried again while that can help, within limits of time; and lists sent by it."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

from rfm_ml.campaigns.carriers.parcel import Parcel
from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError, DeliveryError, DeliveryRefusedError, ParamsError

LOCAL: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a message does not leave this machine."""

TRY_AGAIN: Final = (408, 429)
"""Answers below 500 after which another try may help: request timeout and too many requests."""

LONGEST_WAIT_SECONDS: Final = 30.0
"""Between two tries, unless the receiver asks for more."""


def signature(body: bytes, *, timestamp: str, secret: str) -> str:
    """Return the signature of a message: `sha256=` and HMAC-SHA256 of `<timestamp>.<body>` in hex (RFC 2104).

    Examples
    --------
    >>> signature(b"{}", timestamp="1750000000", secret="s3cret")[:20]
    'sha256=7ed0712979999'
    """
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


@dataclass(frozen=True)
class _Answer:
    """What came of a try: in words; whether it arrived; whether another may help, and after how many seconds."""

    words: str
    arrived: bool = False
    again: bool = True
    wait: float | None = None


class Webhook:
    """A receiver of signed JSON messages.

    Parameters
    ----------
    url
        Address: https, or http to this machine.
    secret
        Key of the signature; it is never sent.
    allow_http
        Allow http to other machines too.
    timeout_seconds
        Time limit of one try, from connecting to the answer.
    tries
        How often a message is tried.
    backoff_seconds
        Before try n + 1 the sender waits a random time up to this times 2^(n - 1), at most `LONGEST_WAIT_SECONDS`;
        or as long as the receiver asks for in `Retry-After`.
    seed
        Of the random waits; None for different ones each time, so that many senders do not come back at once.

    Raises
    ------
    ParamsError
        If the address cannot be used or a limit is not usable. The message never repeats the address, which may hold
        a key.

    Notes
    -----
    Waits are "full jitter": M. Brooker (2015), Exponential Backoff and Jitter, AWS Architecture Blog. Redirects are
    not followed: the signature is for this address.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        allow_http: bool = False,
        timeout_seconds: float = 10,
        tries: int = 5,
        backoff_seconds: float = 1,
        seed: int | None = None,
    ) -> None:
        self._url = _checked(url, allow_http=allow_http)
        if not secret:
            raise ParamsError("The webhook's secret must not be empty. Set it to a long random text.")
        require_between(timeout_seconds, 0.01, 3600, name="timeout_seconds")
        require_between(tries, 1, 100, name="tries")
        self._secret = secret
        self.timeout_seconds, self.tries, self.backoff_seconds = timeout_seconds, tries, backoff_seconds
        self._random = random.Random(seed)
        self.sleep: Callable[[float], None] = time.sleep

    @property
    def host(self) -> str:
        """The host, as messages name the receiver."""
        return str(self._url.hostname)

    def post(self, body: bytes, *, key: str, deadline: float) -> None:
        """Deliver a message: return when the receiver has answered with success.

        Parameters
        ----------
        body
            JSON in UTF-8.
        key
            Header `Idempotency-Key`: the same for every try of the same message, so that the receiver can drop what
            it has already.
        deadline
            On the clock of `time.monotonic`: nothing is begun after it.

        Raises
        ------
        DeliveryRefusedError
            If the receiver refuses the message: any answer but success, 408, 429 and 500 or more.
        DeliveryError
            If no try succeeded within the limits. The receiver may have got the message all the same.
        """
        answer = _Answer("there was no time left for a try")
        for number in range(self.tries):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            answer = self._try(body, key, timeout=min(self.timeout_seconds, left))
            if answer.arrived:
                return
            if not answer.again:
                raise DeliveryRefusedError(f"The webhook at {self.host} must accept what is sent. {answer.words}.")
            longest = min(self.backoff_seconds * 2**number, LONGEST_WAIT_SECONDS)
            wait = self._random.uniform(0, longest) if answer.wait is None else answer.wait
            if number + 1 < self.tries:
                if wait >= deadline - time.monotonic():
                    break
                self.sleep(wait)
        raise DeliveryError(
            f"The webhook at {self.host} must answer with success within {self.tries} tries and the time limit. Last: "
            f"{answer.words}."
        )

    def _try(self, body: bytes, key: str, *, timeout: float) -> _Answer:
        url = self._url
        connection = http.client.HTTPConnection(self.host, url.port, timeout=timeout)
        if url.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self.host, url.port, timeout=timeout, context=context)
        late = threading.Event()

        def give_up() -> None:
            # The socket's own limit begins anew with every byte, so a slow drip would never end.
            late.set()
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(timeout, give_up)
        timer.start()
        try:
            connection.connect()
            if late.is_set():  # several addresses may each have taken their time
                raise TimeoutError
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", path, body=body, headers=self._headers(body, key))
            response = connection.getresponse()
            return _verdict(response.status, response.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                return _Answer(f"it did not answer within {timeout:.3g} s")
            return _Answer(f"the connection failed ({type(error).__name__})")
        finally:
            timer.cancel()
            connection.close()

    def _headers(self, body: bytes, key: str) -> dict[str, str]:
        timestamp = str(int(time.time()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "rfm_ml",
            "Idempotency-Key": key,
            "X-RFM-Timestamp": timestamp,
            "X-RFM-Signature": signature(body, timestamp=timestamp, secret=self._secret),
        }


class WebhookCarrier:
    """A receiver of signed messages about lists.

    Parameters
    ----------
    webhook
        Where to, how often and how patiently.
    attach
        Put the files into the message, in base64; otherwise it says what was written.
    max_mb
        Largest size of the files in a message together.
    total_seconds
        Time limit of all tries.
    """

    def __init__(
        self, webhook: Webhook, *, attach: bool = False, max_mb: float = 10, total_seconds: float = 120
    ) -> None:
        self.webhook, self.attach, self.max_mb, self.total_seconds = webhook, attach, max_mb, total_seconds

    @property
    def where(self) -> str:
        """The host."""
        return f"webhook at {self.webhook.host}{', list in the message' if self.attach else ''}"

    def body(self, parcel: Parcel) -> bytes:
        """Return the message: study, audience, day, destination, and each file with rows, bytes and SHA-256.

        Raises
        ------
        DataError
            If the files are too large for a message.
        """
        size = sum(f.bytes for f in parcel.files)
        if self.attach and size > self.max_mb * 1e6:
            raise DataError(
                f"A list in a message must have at most {self.max_mb:g} MB. {parcel.audience} has {size / 1e6:.1f}. "
                "Use a folder, or attach: false."
            )
        files = [
            {"name": f.name, "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256}
            | ({"content": base64.b64encode(f.path.read_bytes()).decode()} if self.attach else {})
            for f in parcel.files
        ]
        about = {name: getattr(parcel, name) for name in ("study", "audience", "as_of", "destination")}
        return json.dumps(about | {"files": files}, ensure_ascii=False, sort_keys=True).encode()

    def deliver(self, parcel: Parcel) -> list[str]:
        """Post the message; the same list has the same idempotency key.

        Raises
        ------
        DeliveryError
            As `Webhook.post`. Trying again is safe where the receiver drops keys it knows.
        """
        self.webhook.post(self.body(parcel), key=parcel.digest[:32], deadline=time.monotonic() + self.total_seconds)
        return []


def _checked(url: str, *, allow_http: bool) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port  # a port that is none raises only when asked for
    except ValueError:
        raise ParamsError("The webhook's address must be a URL such as https://example.org/hook. It is none.") from None
    if parts.scheme not in ("https", "http") or not host or not parts.netloc.isascii() or " " in parts.path:
        raise ParamsError("The webhook's address must be a URL such as https://example.org/hook. It is none.")
    if parts.username is not None:
        raise ParamsError("The webhook's address must hold no user or password. The signature says who sends.")
    if parts.scheme == "http" and host not in LOCAL and not allow_http:
        raise ParamsError(
            "The webhook's address must begin with https, except on this machine. It begins with http. "
            "Change it, or set allow_http: true in webhook: of the params."
        )
    return parts


def _verdict(status: int, retry_after: str | None) -> _Answer:
    if 200 <= status < 300:
        return _Answer("it arrived", arrived=True)
    if status in TRY_AGAIN or status >= 500:
        return _Answer(f"it answered {status}", wait=_seconds(retry_after))
    if 300 <= status < 400:
        return _Answer(f"It answered {status}, a redirect, which is not followed: give the final address", again=False)
    return _Answer(f"It answered {status}: check the address, the secret and what it expects", again=False)


def _seconds(retry_after: str | None) -> float | None:
    """Return how long the receiver asks to wait: seconds or a date (RFC 9110, 10.2.3); None if it does not say."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
