"""A real HTTP server on this machine that does what receivers do on bad days."""

import hmac
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rfm_ml.campaigns.carriers.webhook import signature


class Receiver(ThreadingHTTPServer):
    """Keeps every request; `script` holds what to do with the next ones: a status, headers, or "hang" and the like."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Any] = []
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?shop=1"

    def handle_error(self, *_: Any) -> None:
        """Clients that have gone away are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers) | {"path": self.path}, body))
        todo = self.server.script.pop(0) if self.server.script else 200
        if todo == "reset":
            self.connection.close()
            return
        if todo == "hang":
            time.sleep(1.0)
            return
        if todo == "drip":
            for sign in b"HTTP/1.1 200 OK":
                self.wfile.write(bytes([sign]))
                time.sleep(0.05)
            return
        if todo == "late":
            time.sleep(0.1)
            todo = 200
        status, headers = todo if isinstance(todo, tuple) else (todo, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def is_genuine(
    body: bytes, *, timestamp: str, signed: str, secret: str, now: float, tolerance_seconds: float = 300
) -> bool:
    """Say whether a message comes from a sender who knows the secret, and is no old one sent anew."""
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > tolerance_seconds:
        return False
    return hmac.compare_digest(signature(body, timestamp=timestamp, secret=secret).encode(), signed.encode())
