"""Where lists go beside files."""

import os
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from rfm_ml.campaigns.carriers import Carrier, FolderCarrier, MailCarrier, MailServer, WebhookCarrier
from rfm_ml.campaigns.carriers.webhook import Webhook
from rfm_ml.core.errors import ParamsError
from rfm_ml.params.section import Section

Text = Annotated[str, StringConstraints(min_length=1)]


class _Delivery(Section):
    audiences: list[Text] = Field(min_length=1, description="Audiences whose lists go this way.")


class MailDelivery(_Delivery):
    """A message by SMTP."""

    kind: Literal["smtp"]
    host: Text = Field(description="The mail server.")
    port: int | None = Field(None, ge=1, le=65_535, description="Null: 587, with ssl 465, with none 25.")
    security: Literal["starttls", "ssl", "none"] = Field("starttls", description="How the connection is encrypted.")
    sender: Text = Field(description="Address the message comes from.")
    recipients: list[Text] = Field(min_length=1, description="Addresses it goes to.")
    user_env: str | None = Field(None, description="Environment variable that holds the user.")
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    attach: bool = Field(False, description="Attach the list; false: say what was written and where it is.")
    link: str = Field("", description="Where to find the list: a sentence or a URL for the message.")
    max_mb: float = Field(10, gt=0, description="Most megabytes that are attached.")
    timeout_seconds: float = Field(30, gt=0, le=300, description="Time limit of each step.")

    def carrier(self) -> Carrier:
        """Return the mail server, with user and password from the environment."""
        if (self.user_env is None) != (self.password_env is None):
            raise ParamsError("user_env and password_env must be given together, or neither. One is missing.")
        login = None
        if self.user_env is not None and self.password_env is not None:
            login = (from_environment(self.user_env), from_environment(self.password_env))
        server = self.model_dump(include={"host", "port", "security", "timeout_seconds"})
        message = self.model_dump(include={"sender", "recipients", "attach", "link", "max_mb"})
        return MailCarrier(MailServer(login=login, **server), **message)


class FolderDelivery(_Delivery):
    """A folder elsewhere, by fsspec."""

    kind: Literal["folder"]
    url: Text = Field(description="As in s3://bucket/lists, sftp://host/lists, file:///srv/lists.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of fsspec's file system; no secrets.")
    options_env: dict[str, Text] = Field(
        default_factory=dict, description="Options that are secret: the environment variable that holds each."
    )

    @field_validator("url")
    @classmethod
    def _no_password(cls, value: str) -> str:
        if urlsplit(value).password is not None:
            # The address itself is not repeated: it would put the password on the screen and into logs.
            raise ValueError("must hold no password. Give it by options_env.")
        return value

    def carrier(self) -> Carrier:
        """Return the folder, with the secrets from the environment."""
        secrets = {option: from_environment(name) for option, name in self.options_env.items()}
        return FolderCarrier(self.url, options=self.options | secrets)


class WebhookDelivery(_Delivery):
    """A signed POST."""

    kind: Literal["webhook"]
    url_env: Text = Field(description="Environment variable that holds the address (https).")
    secret_env: Text = Field(description="Environment variable that holds the signing secret.")
    attach: bool = Field(False, description="Send the list in the message; false: say what was written.")
    max_mb: float = Field(10, gt=0, description="Most megabytes of files in a message.")
    timeout_seconds: float = Field(10, gt=0, le=300, description="Time limit of one try.")
    total_seconds: float = Field(120, gt=0, le=3600, description="Time limit of all tries.")
    tries: int = Field(5, ge=1, le=20, description="Tries per message.")
    allow_http: bool = Field(False, description="Allow an address without encryption beyond this machine.")

    def carrier(self) -> Carrier:
        """Return the webhook, with address and secret from the environment."""
        limits = self.model_dump(include={"allow_http", "timeout_seconds", "tries"})
        webhook = Webhook(from_environment(self.url_env), from_environment(self.secret_env), **limits)
        return WebhookCarrier(webhook, **self.model_dump(include={"attach", "max_mb", "total_seconds"}))


Delivery = Annotated[MailDelivery | FolderDelivery | WebhookDelivery, Field(discriminator="kind")]


def from_environment(name: str) -> str:
    """Return a secret; refuse a variable that is not set."""
    secret = os.environ.get(name)
    if not secret:
        raise ParamsError(f"A secret must be in the environment variable {name}. It is not set. Set it.")
    return secret
