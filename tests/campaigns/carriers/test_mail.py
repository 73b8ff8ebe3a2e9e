"""Mail to a real server on this machine that takes it, refuses it, hangs, or hangs up."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.campaigns.carriers import MailCarrier, MailServer, Parcel
from rfm_ml.core.errors import DataError, DeliveryError, DeliveryRefusedError, DeliveryUncertainError, ParamsError
from tests.campaigns.carriers.conftest import CONTENT

PEOPLE = {"sender": "Lists <lists@shop.example>", "recipients": ["ana@shop.example", "bo@shop.example"]}
Start = Callable[..., Any]


def mail(
    server: Any, *, host: str = "127.0.0.1", security: str = "none", login: Any = None, **more: Any
) -> MailCarrier:
    return MailCarrier(MailServer(host, server.port, security, login, timeout_seconds=0.5), **PEOPLE, **more)


def read(message: bytes) -> Any:
    return email.message_from_bytes(message, policy=email.policy.default)


def test_a_message_with_the_list_attached_byte_for_byte(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    assert mail(server, attach=True).deliver(parcel) == []
    message = read(server.messages[0])
    assert message["Subject"] == "List vips of shop, 2024-06-30: 2 rows"
    assert message["To"] == "ana@shop.example, bo@shop.example"
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "vips.csv"
    assert attached.get_content() == CONTENT
    assert server.commands.count("RCPT") == 2


def test_a_message_without_the_list_says_where_it_is_and_nothing_personal(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    mail(server, link="On the share, folder lists.").deliver(parcel)
    message = read(server.messages[0])
    assert list(message.iter_attachments()) == []
    text = message.get_content()
    assert parcel.files[0].sha256 in text
    assert "On the share, folder lists." in text
    assert "mary" not in server.messages[0].decode()


def test_the_same_list_has_the_same_message_id(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    sender = mail(server)
    assert sender.message(parcel)["Message-ID"] == sender.message(replace(parcel, as_of="2024-07-31"))["Message-ID"]
    assert sender.message(parcel)["Message-ID"] != sender.message(replace(parcel, audience="x"))["Message-ID"]
    assert sender.message(parcel)["Message-ID"].endswith("@shop.example>")


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_encrypted_with_a_checked_certificate_and_a_login(
    mail_server: Start, parcel: Parcel, security: str, certificate: tuple[Path, Path], monkeypatch: Any
) -> None:
    server = mail_server(security=security)
    named = {"host": "localhost", "security": security, "login": ("user", "s3cret")}
    with pytest.raises(DeliveryRefusedError, match="valid certificate"):
        mail(server, **named).deliver(parcel)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with pytest.raises(DeliveryRefusedError, match="user and password") as raised:
        mail(server, **named | {"login": ("user", "wrong")}).deliver(parcel)
    assert "mary" not in str(raised.value)
    assert server.messages == []
    mail(server, **named).deliver(parcel)
    assert len(server.messages) == 1


def test_no_message_without_the_encryption_asked_for(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    with pytest.raises(DeliveryRefusedError, match="must offer what security and login ask for"):
        mail(server, security="starttls").deliver(parcel)
    assert server.messages == []


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(("code", "kind"), [(451, DeliveryError), (554, DeliveryRefusedError)])
def test_answers_of_the_server_are_told_by_number_alone(
    mail_server: Start, parcel: Parcel, command: str, code: int, kind: type[DeliveryError]
) -> None:
    server = mail_server()
    server.script[command] = f"{code} no mail from lists@shop.example to ana@shop.example"
    with pytest.raises(kind, match=f"It answered {code}") as raised:
        mail(server).deliver(parcel)
    assert type(raised.value) is kind
    assert "@" not in str(raised.value)


@pytest.mark.parametrize("where", ["hang", "cut"])
def test_a_server_that_hangs_or_hangs_up_before_the_message_has_nothing(
    mail_server: Start, parcel: Parcel, where: str
) -> None:
    server = mail_server()
    setattr(server, where, "EHLO")
    server.script["HELO"] = "451 later"
    with pytest.raises(DeliveryError) as raised:
        mail(server).deliver(parcel)
    assert not isinstance(raised.value, DeliveryUncertainError)


def test_a_connection_that_breaks_after_the_message_is_uncertain(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    server.cut = "END"
    with pytest.raises(DeliveryUncertainError, match="it may have it, or not"):
        mail(server).deliver(parcel)


def test_a_server_that_is_not_there(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    gone = mail(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(DeliveryError, match="must be reachable"):
        gone.deliver(parcel)


def test_what_cannot_be_sent_is_refused_before(mail_server: Start, parcel: Parcel) -> None:
    server = mail_server()
    with pytest.raises(DataError, match=r"at most 1e-05 MB\. vips has 0\.0"):
        mail(server, attach=True, max_mb=1e-5).deliver(parcel)
    assert server.commands == []
    with pytest.raises(ParamsError, match="must not travel without encryption"):
        MailServer("localhost", security="none", login=("user", "s3cret"))
    for wrong in ("nobody", "a@b\r\nBcc: eve@example.org", ""):
        with pytest.raises(ParamsError, match="must be e-mail addresses"):
            MailCarrier(MailServer("localhost"), sender="lists@shop.example", recipients=[wrong])
