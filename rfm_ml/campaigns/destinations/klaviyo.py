"""Klaviyo: profiles for a list, by e-mail or by phone, and the suppression list.

Source: Klaviyo Help Center, "How to add subscribers to a list" (columns, consent, 50 MB), "How to upload a list of SMS
contacts" and the page on importing a suppression list, all read 2025-2026.
"""

from collections.abc import Sequence

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import (
    Field,
    consent_field,
    iso_date,
    opt_out_field,
    phone_field,
    plain,
    present,
)


class Klaviyo(Destination):
    """Profiles by e-mail: `Email Address` first, properties as `rfm_...`, no address twice, parts of at most 50 MB."""

    name = "klaviyo"
    channel = "email"
    needs = ("email",)
    found_by = "e-mail"
    unique = "email"
    max_bytes = 50_000_000
    split = True

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the address first, then what the contacts have."""
        addresses = [
            plain("Email Address", "email", normalise.email),
            phone_field("Phone Number", "phone", default_country=self.default_country),
        ]
        # The first column is the one that profiles are found by.
        addresses.sort(key=lambda f: f.source != self.unique)
        words = {"granted": "Subscribe", "refused": "Unsubscribed", "unknown": "Never subscribed"}
        own = [
            *addresses,
            plain("First Name", "first_name", normalise.name),
            plain("Last Name", "last_name", normalise.name),
            plain("City", "city"),
            plain("State", "state"),
            plain("Country", "country"),
            plain("Zip Code", "zip"),
            plain("Birthday", "birth_date", iso_date),
            consent_field("Email Marketing Consent", "consent_email", **words),
            consent_field("SMS Marketing Consent", "consent_sms", **words),
        ]
        return [*present(own, columns), *self.property_fields(columns)]


class KlaviyoSms(Klaviyo):
    """Profiles by phone: `Phone Number` first, no number twice."""

    name = "klaviyo_sms"
    channel = "sms"
    needs = ("phone",)
    found_by = "phone"
    unique = "phone"


class KlaviyoSuppression(Destination):
    """One column `Email` of those who must not be written to."""

    name = "klaviyo_suppression"
    channel = "suppression"
    needs = ("email",)
    found_by = "e-mail"
    unique = "email"
    max_bytes = 50_000_000
    split = True

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [opt_out_field("Email", "email")]
