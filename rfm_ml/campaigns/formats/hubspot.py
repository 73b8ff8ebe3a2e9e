"""HubSpot: contacts by e-mail, and the list of those who opted out.

Source: HubSpot Knowledge Base, "Set up your import files" and the page on importing an opt-out list, both read
2025-2026.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.formats.base import Format, any_of, present
from rfm_ml.campaigns.formats.fields import Field, iso_date, opt_out_field, phone_field, plain


class HubSpot(Format):
    """Contacts with a header row in UTF-8; HubSpot merges rows by `Email`, lists are written as `a;b`."""

    name: ClassVar[str] = "hubspot"
    channel: ClassVar[str] = "email"
    needs: ClassVar[tuple[str, ...]] = ("email",)
    unique: ClassVar[str | None] = "email"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the address first, then what the contacts have."""
        found = [
            plain("First Name", "first_name", normalise.name),
            plain("Last Name", "last_name", normalise.name),
            phone_field("Phone Number", "phone", default_country=self.default_country),
            plain("Company Name", "company"),
            plain("Job Title", "job_title"),
            plain("City", "city"),
            plain("State/Region", "state"),
            plain("Postal Code", "zip"),
            plain("Country/Region", "country"),
            plain("Date of Birth", "birth_date", iso_date),
        ]
        address = plain("Email", "email", normalise.email)
        return [address, *present(found, columns), *self.property_fields(columns)]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without a usable e-mail."""
        return any_of(filled, self.needs, what="e-mail")


class HubSpotOptOuts(Format):
    """One column `Email` of those who opted out."""

    name: ClassVar[str] = "hubspot_opt_outs"
    channel: ClassVar[str] = "suppression"
    needs: ClassVar[tuple[str, ...]] = ("email",)
    unique: ClassVar[str | None] = "email"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [opt_out_field("Email", "email")]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without a usable e-mail."""
        return any_of(filled, self.needs, what="e-mail")
