"""Braze: users by external id.

Source: Braze documentation, "CSV import", read 2025-2026.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import as_text
from rfm_ml.campaigns.formats.base import Format, present
from rfm_ml.campaigns.formats.fields import Field, consent_field, iso_date, phone_field, plain

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


class Braze(Format):
    """`external_id` first, Braze's default attributes, every other column as a custom attribute `rfm_...`.

    A user is found by `customer_id`; an address that cannot be used is left empty and changes nothing at Braze.
    """

    name: ClassVar[str] = "braze"
    channel: ClassVar[str] = "email"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the id first, then what the contacts have."""
        consents = [
            consent_field(header, source, granted="opted_in", refused="unsubscribed")
            for header, source in (("email_subscribe", "consent_email"), ("push_subscribe", "consent_push"))
        ]
        found = [
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
        return [identifier, *present(found, columns), *self.property_fields(columns)]
