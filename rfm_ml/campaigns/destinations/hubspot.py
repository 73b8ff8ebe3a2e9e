"""HubSpot: contacts by e-mail, and the list of those who opted out.

Source: HubSpot Knowledge Base, "Set up your import files" and the page on importing an opt-out list, both read
2025-2026.
"""

from collections.abc import Sequence

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import Field, iso_date, opt_out_field, phone_field, plain, present


class HubSpot(Destination):
    """Contacts with a header row in UTF-8; HubSpot merges rows by `Email`, lists are written as `a;b`."""

    name = "hubspot"
    channel = "email"
    needs = ("email",)
    found_by = "e-mail"
    unique = "email"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the address first, then what the contacts have."""
        own = [
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
        return [address, *present(own, columns), *self.property_fields(columns)]


class HubSpotOptOuts(Destination):
    """One column `Email` of those who opted out."""

    name = "hubspot_opt_outs"
    channel = "suppression"
    needs = ("email",)
    found_by = "e-mail"
    unique = "email"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [opt_out_field("Email", "email")]
