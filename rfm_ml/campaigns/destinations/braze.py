"""Braze: users by external id.

Source: Braze documentation, "CSV import", read 2025-2026.
"""

from collections.abc import Sequence
from typing import Any, Final

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import Unusable, as_text
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.contacts import Row
from rfm_ml.campaigns.destinations.fields import Field, any_of, consent_field, iso_date, phone_field, plain, present

GENDERS: Final = {
    "m": "M",
    "male": "M",
    "f": "F",
    "female": "F",
    "o": "O",
    "other": "O",
    "n": "N",
    "not applicable": "N",
    "p": "P",
    "prefer not to say": "P",
}

ADDRESSES: Final = {"email": ("email", "e-mail"), "sms": ("phone", "phone")}
"""The column without which a channel reaches nobody, and what it is called; push finds devices by the id."""


class Braze(Destination):
    """`external_id` first, Braze's default attributes, every other column as a custom attribute `rfm_...`.

    A user is found by `customer_id`. The address that the channel needs must be usable; another one that is not is
    left empty and changes nothing at Braze.

    Parameters
    ----------
    channel
        What the list is for: email, sms, push or another.
    default_country, properties
        As in `Destination`.
    """

    name = "braze"
    channel = "email"
    serves_channels = True

    def __init__(
        self, *, channel: str = "email", default_country: str | None = None, properties: Sequence[str] | None = None
    ) -> None:
        super().__init__(default_country=default_country, properties=properties)
        self._address = ADDRESSES.get(channel)

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the id first, then what the contacts have."""
        consents = [
            Field("email_subscribe", "consent_email", _email_consent, always=True),
            consent_field("push_subscribe", "consent_push", granted="opted_in", refused="unsubscribed"),
        ]
        own = [
            plain("first_name", "first_name", normalise.name),
            plain("last_name", "last_name", normalise.name),
            plain("email", "email", normalise.email),
            plain("country", "country", normalise.iso_country),
            plain("dob", "birth_date", iso_date),
            plain("gender", "gender", lambda v: normalise.one_of(v, GENDERS, what="it is none that Braze knows")),
            plain("home_city", "city"),
            plain("language", "language"),
            phone_field("phone", "phone", default_country=self.default_country),
            *consents,
        ]
        identifier = plain("external_id", "customer_id", as_text)
        return [identifier, *present(own, columns), *self.property_fields(columns)]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without a usable address for the channel."""
        return any_of(filled, self._address[:1], what=self._address[1]) if self._address else None


def _email_consent(value: Any, row: Row) -> str | None:
    """Return the word for a consent; nobody is opted in without an address that the consent is for."""
    if value is False:
        return "unsubscribed"
    try:
        return "opted_in" if value is True and normalise.email(row.get("email")) else None
    except Unusable:
        return None
