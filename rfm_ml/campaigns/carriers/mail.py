"""Lists by mail: a message that says what is there, with the files attached if asked for."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final

from rfm_ml.campaigns.carriers.parcel import Parcel
from rfm_ml.core.checks import require_between, require_known
from rfm_ml.core.errors import DataError, DeliveryError, DeliveryRefusedError, DeliveryUncertainError, ParamsError
from rfm_ml.core.text import count

PORTS: Final = {"starttls": 587, "ssl": 465, "none": 25}
"""Ways to encrypt, and the port of each."""


@dataclass(frozen=True)
class MailServer:
    """A server that takes mail.

    Parameters
    ----------
    host
        Its name.
    port
        None for the usual one: 587 with starttls, 465 with ssl, 25 without.
    security
        "starttls" or "ssl", which check the server's certificate; "none" only where nobody can listen.
    login
        User and password; None for a server that asks for none.
    timeout_seconds
        Time limit of every step.

    Raises
    ------
    ParamsError
        If an argument is not usable, or a password would travel without encryption.
    """

    host: str
    port: int | None = None
    security: str = "starttls"
    login: tuple[str, str] | None = None
    timeout_seconds: float = 30

    def __post_init__(self) -> None:
        require_known(self.security, PORTS, what="security")
        require_between(self.timeout_seconds, 0.01, 3600, name="timeout_seconds")
        if self.login and self.security == "none":
            raise ParamsError("A password must not travel without encryption. security is none. Use starttls or ssl.")

    @contextmanager
    def connected(self) -> Iterator[smtplib.SMTP]:
        """Give a connection that is encrypted and logged in as asked for.

        Raises
        ------
        DeliveryRefusedError
            If certificate, user or password are refused.
        DeliveryError
            If the server cannot be reached.
        """
        server: smtplib.SMTP | None = None
        try:
            context, port = ssl.create_default_context(), self.port or PORTS[self.security]
            if self.security == "ssl":
                server = smtplib.SMTP_SSL(self.host, port, timeout=self.timeout_seconds, context=context)
            else:
                server = smtplib.SMTP(self.host, port, timeout=self.timeout_seconds)
            if self.security == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.login:
                server.login(*self.login)
        except (smtplib.SMTPException, OSError) as error:
            if server is not None:
                server.close()
            raise _not_connected(error) from None
        try:
            yield server
        finally:
            # The message is settled by now; a server that does not say goodbye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


class MailCarrier:
    """Those who get a message about a list.

    Parameters
    ----------
    server
        Takes the messages.
    sender, recipients
        Addresses.
    attach
        Attach the list; otherwise the message says what was written and where to find it.
    link
        Where to find the list, in words or as a URL.
    max_mb
        Largest size of the attached files together.

    Raises
    ------
    ParamsError
        If an address is none.
    """

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        recipients: Sequence[str],
        attach: bool = False,
        link: str = "",
        max_mb: float = 10,
    ) -> None:
        if not recipients or not all(_usable(address) for address in (sender, *recipients)):
            raise ParamsError("sender and recipients must be e-mail addresses such as lists@example.org. One is not.")
        self.server, self.sender, self.recipients = server, sender, tuple(recipients)
        self.attach, self.link, self.max_mb = attach, link, max_mb

    @property
    def where(self) -> str:
        """Server and number of recipients."""
        people = count(len(self.recipients), "recipient")
        return f"mail to {people} by {self.server.host}{', list attached' if self.attach else ''}"

    def message(self, parcel: Parcel) -> EmailMessage:
        """Return the message of a list; the same list has the same Message-ID.

        Raises
        ------
        DataError
            If the files to attach are too large.
        """
        message = EmailMessage()
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message["Subject"] = f"List {parcel.audience} of {parcel.study}, {parcel.as_of}: {parcel.rows:,} rows"
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{parcel.digest[:32]}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"
        lines = [f"List {parcel.audience} for {parcel.destination}, as of {parcel.as_of}.", ""]
        lines += [f"{f.name}: {f.rows:,} rows, {f.bytes:,} bytes, SHA-256 {f.sha256}" for f in parcel.files]
        lines += ["", self.link] if self.link else []
        message.set_content("\n".join(lines) + "\n")
        if self.attach:
            size = sum(f.bytes for f in parcel.files)
            if size > self.max_mb * 1e6:
                raise DataError(
                    f"A list sent by mail must have at most {self.max_mb:g} MB. {parcel.audience} has "
                    f"{size / 1e6:.1f}. Use a folder, or attach: false."
                )
            for file in parcel.files:
                content = file.path.read_bytes()
                message.add_attachment(content, maintype="application", subtype="octet-stream", filename=file.name)
        return message

    def deliver(self, parcel: Parcel) -> list[str]:
        """Send the message; return a note if the server refused some of the recipients.

        Raises
        ------
        DeliveryRefusedError
            If the server refuses for good: an answer of 500 or more, a wrong password, a certificate that is not valid.
        DeliveryUncertainError
            If the connection broke while the message was under way.
        DeliveryError
            If the server cannot be reached or asks to come back later.
        """
        message = self.message(parcel)
        with self.server.connected() as server:
            try:
                refused = server.send_message(message, self.sender, list(self.recipients))
            except smtplib.SMTPRecipientsRefused as error:
                raise _answered(max(code for code, _ in error.recipients.values())) from None
            except smtplib.SMTPResponseException as error:
                raise _answered(error.smtp_code) from None
            except (smtplib.SMTPException, OSError) as error:
                raise DeliveryUncertainError(
                    f"The mail server must say that it has the message. The connection broke ({type(error).__name__}): "
                    "it may have it, or not."
                ) from None
        told = f"The mail server refused {len(refused)} of {len(self.recipients)} recipients; the others have it."
        return [told] if refused else []


def _usable(address: str) -> bool:
    name, sign, domain = parseaddr(address)[1].rpartition("@")
    return bool(name and sign and domain) and not any(c in address for c in "\r\n")


def _answered(code: int) -> DeliveryError:
    """Return the error for an answer, by its number alone: its words may hold addresses."""
    told = f"The mail server must take the message. It answered {code}."
    return DeliveryRefusedError(told) if code >= 500 else DeliveryError(f"{told} Try later.")


def _not_connected(error: Exception) -> DeliveryError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return DeliveryRefusedError("The mail server must accept user and password. It does not.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryRefusedError("The mail server must have a valid certificate. It has none.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryRefusedError("The mail server must offer what security and login ask for. It does not.")
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(error.smtp_code)
    return DeliveryError(f"The mail server must be reachable. It is not ({type(error).__name__}).")
