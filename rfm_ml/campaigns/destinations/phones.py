"""Lists of phone numbers: for an SMS gateway and for people or machines that call.

Source: ITU-T Recommendation E.164 (numbers of at most 15 digits after +), as SMS gateways ask for it in their
help pages read 2025-2026. Numbers are read by `phonenumbers`.
"""

from collections.abc import Sequence
from typing import ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import as_text, clean
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import Field, phone_field, plain, present


class Sms(Destination):
    """`phone` in E.164 first, what a text is written with after it; a number gets one message, not two."""

    name = "sms"
    channel = "sms"
    needs = ("phone",)
    found_by = "phone"
    unique = "phone"
    more: ClassVar[tuple[str, ...]] = ("first_name", "last_name", "language")

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the number first, then the id and what the contacts have."""
        number = phone_field("phone", "phone", default_country=self.default_country)
        own = [plain(c, c, normalise.name if c.endswith("_name") else clean) for c in self.more]
        identifier = plain("customer_id", "customer_id", as_text)
        return [number, identifier, *present(own, columns), *self.property_fields(columns)]


class CallList(Sms):
    """As `Sms`, with what a caller wants to know: company, place and language."""

    name = "call_list"
    channel = "call"
    more = ("first_name", "last_name", "company", "job_title", "city", "country", "language")
