"""A list as a run leaves it, and a real mail server of our own that can be told to fail."""

import hashlib
import importlib.util
import json
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.campaigns.carriers import Parcel, read_parcel

# pytest imports every module to look for doctests; this one needs the extra `delivery`.
collect_ignore = [] if importlib.util.find_spec("paramiko") else ["sftp_server.py"]

CONTENT = b"Email\r\nmary@example.com\r\n\xc3\xa9ric@example.com\r\n"


def write_list(folder: Path, *, content: bytes = CONTENT, **changed: Any) -> Path:
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    (folder / "vips.csv").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    files = [{"name": "vips.csv", "rows": 2, "bytes": len(content), "sha256": digest}]
    about = {"study": "shop", "audience": folder.name, "as_of": "2024-06-30", "destination": "google"}
    manifest = about | {"status": "written", "why": None, "files": files} | changed
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    found = read_parcel(write_list(tmp_path / "run" / "vips"))
    assert found is not None
    return found


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks just enough SMTP; `script` changes the answer to a command, `hang` says nothing to it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, *, at_once: bool) -> None:
        self.script: dict[str, str] = {}
        self.hang = ""
        self.cut = ""
        self.context, self.at_once = context, at_once
        self.messages: list[bytes] = []
        self.commands: list[str] = []
        super().__init__(("127.0.0.1", 0), Talk)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        try:
            if self.server.at_once:
                self.encrypt()
            self.talk()
        except OSError:  # the other side went away, or did not like our certificate
            return

    def encrypt(self) -> None:
        assert self.server.context is not None
        self.rfile.close()
        self.request = self.server.context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.request.do_handshake()

    def finish(self) -> None:
        for open_still in (self.rfile, self.wfile, self.request):
            open_still.close()

    def talk(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline():
            command = line.split()[0].decode().upper() if line.split() else ""
            self.server.commands.append(command)
            if command == self.server.hang:
                time.sleep(1)
                return
            if command == self.server.cut:
                return
            if command in self.server.script:
                self.say(self.server.script[command])
            elif command == "EHLO":
                self.say(*["250-here", *(["250-STARTTLS"] if self.server.context else []), "250 AUTH PLAIN"])
            elif command == "STARTTLS" and self.server.context is not None:
                self.say("220 go")
                self.encrypt()
            elif command == "AUTH":
                self.say("235 ok" if line.split()[-1] == b"AHVzZXIAczNjcmV0" else "535 mary@example.com is unknown")
            elif command == "DATA":
                self.data()
            else:
                self.say("221 bye" if command == "QUIT" else "250 ok")

    def data(self) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        if self.server.cut == "END":
            return
        self.server.messages.append(b"".join(lines))
        self.say(self.server.script.get("END", "250 taken"))

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, own = folder / "key.pem", folder / "own.pem"
    asked = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    made = subprocess.run(
        [*asked.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(own)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no openssl to make a certificate with")
    return own, key


@pytest.fixture
def mail_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., MailServer]]:
    servers: list[MailServer] = []

    def start(*, security: str = "none") -> MailServer:
        context = None
        if security != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*request.getfixturevalue("certificate"))
        server = MailServer(context, at_once=security == "ssl")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
