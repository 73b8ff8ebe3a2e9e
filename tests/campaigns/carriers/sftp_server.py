"""An SFTP server on this machine, for one folder and one user."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko


class Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        known = (username, password) == ("user", "s3cret")
        return int(paramiko.common.AUTH_SUCCESSFUL if known else paramiko.common.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.common.OPEN_SUCCEEDED)

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class Folder(paramiko.SFTPServerInterface):
    root: Path

    def _at(self, path: str) -> str:
        return f"{self.root}{self.canonicalize(path)}"

    def _done(self, act: Any, *arguments: Any) -> Any:
        try:
            return act(*arguments)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> Any:
        return self._done(lambda: paramiko.SFTPAttributes.from_stat(os.stat(self._at(path))))  # noqa: PTH116

    lstat = stat

    def chattr(self, path: str, attr: Any) -> Any:
        return self._done(lambda: paramiko.SFTPServer.set_file_attr(self._at(path), attr)) or paramiko.SFTP_OK

    def mkdir(self, path: str, attr: Any) -> Any:
        return self._done(os.mkdir, self._at(path)) or paramiko.SFTP_OK

    def posix_rename(self, oldpath: str, newpath: str) -> Any:
        return self._done(os.replace, self._at(oldpath), self._at(newpath)) or paramiko.SFTP_OK

    def open(self, path: str, flags: int, attr: Any) -> Any:
        descriptor = self._done(os.open, self._at(path), flags, 0o644)
        handle = paramiko.SFTPHandle(flags)
        handle.filename = self._at(path)
        handle.readfile = handle.writefile = os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "wb")
        handle.stat = lambda: paramiko.SFTPAttributes.from_stat(os.stat(self._at(path)))  # noqa: PTH116
        return handle


@contextmanager
def serving(root: Path) -> Iterator[int]:
    key = paramiko.ECDSAKey.generate()
    folder = type("Served", (Folder,), {"root": root})
    listener = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, folder)
            transport.start_server(server=Login())
            transports.append(transport)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        for transport in transports:
            transport.close()
