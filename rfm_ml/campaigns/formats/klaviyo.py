"""Klaviyo: profiles for a list, by e-mail or by phone, and the suppression list.

Source: Klaviyo Help Center, "How to add subscribers to a list" (columns, consent, 50 MB), "How to upload a list of SMS
contacts" and the page on importing a suppression list, all read 2025-2026.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.formats.base import Format, any_of, present
from rfm_ml.campaigns.formats.fields import Field, consent_field, iso_date, opt_out_field, phone_field, plain


class Klaviyo(Format):
    """Profiles by e-mail: `Email Address` first, properties as `rfm_...`, no address twice, parts of at most 50 MB."""

    name: ClassVar[str] = "klaviyo"
    channel: ClassVar[str] = "email"
    needs: ClassVar[tuple[str, ...]] = ("email",)
    unique: ClassVar[str | None] = "email"
    max_bytes: ClassVar[int | None] = 50_000_000
    split: ClassVar[bool] = True

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the address first, then what the contacts have."""
        addresses = [
            plain("Email Address", "email", normalise.email),
            phone_field("Phone Number", "phone", default_country=self.default_country),
        ]
        # The first column is the one that profiles are found by.
        addresses.sort(key=lambda f: f.source != self.unique)
        consents = [
            consent_field(header, source, granted="Subscribe", refused="Unsubscribed", unknown="Never subscribed")
            for header, source in (
                ("Email Marketing Consent", "consent_email"),
                ("SMS Marketing Consent", "consent_sms"),
            )
        ]
        found = [
            *addresses,
            plain("First Name", "first_name", normalise.name),
            plain("Last Name", "last_name", normalise.name),
            plain("City", "city"),
            plain("State", "state"),
            plain("Country", "country"),
            plain("Zip Code", "zip"),
            plain("Birthday", "birth_date", iso_date),
            *consents,
        ]
        return [*present(found, columns), *self.property_fields(columns)]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without the address that profiles are found by."""
        return any_of(filled, self.needs, what="e-mail" if self.unique == "email" else "phone")


class KlaviyoSms(Klaviyo):
    """Profiles by phone: `Phone Number` first, no number twice."""

    name: ClassVar[str] = "klaviyo_sms"
    channel: ClassVar[str] = "sms"
    needs: ClassVar[tuple[str, ...]] = ("phone",)
    unique: ClassVar[str | None] = "phone"


class KlaviyoSuppression(Format):
    """One column `Email` of those who must not be written to."""

    name: ClassVar[str] = "klaviyo_suppression"
    channel: ClassVar[str] = "suppression"
    needs: ClassVar[tuple[str, ...]] = ("email",)
    unique: ClassVar[str | None] = "email"
    max_bytes: ClassVar[int | None] = 50_000_000
    split: ClassVar[bool] = True

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [opt_out_field("Email", "email")]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without a usable e-mail."""
        return any_of(filled, self.needs, what="e-mail")
