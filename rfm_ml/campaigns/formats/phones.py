"""Lists of phone numbers: for an SMS gateway and for people or machines that call.

Source: ITU-T Recommendation E.164 (numbers of at most 15 digits after +), as SMS gateways ask for it in their
help pages read 2025-2026. Numbers are read by `phonenumbers`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import as_text, clean
from rfm_ml.campaigns.formats.base import Format, any_of, present
from rfm_ml.campaigns.formats.fields import Field, phone_field, plain


class Sms(Format):
    """`phone` in E.164 first, what a text is written with after it; a number gets one message, not two."""

    name: ClassVar[str] = "sms"
    channel: ClassVar[str] = "sms"
    needs: ClassVar[tuple[str, ...]] = ("phone",)
    unique: ClassVar[str | None] = "phone"
    extra: ClassVar[dict[str, str]] = {"first_name": "first_name", "last_name": "last_name", "language": "language"}

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the number first, then the id and what the contacts have."""
        found = [
            plain(header, source, normalise.name if source.endswith("_name") else clean)
            for source, header in self.extra.items()
        ]
        number = phone_field("phone", "phone", default_country=self.default_country)
        identifier = plain("customer_id", "customer_id", as_text)
        return [number, identifier, *present(found, columns), *self.property_fields(columns)]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without a usable number."""
        return any_of(filled, self.needs, what="phone")


class CallList(Sms):
    """As `Sms`, with what a caller wants to know: company, place and language."""

    name: ClassVar[str] = "call_list"
    channel: ClassVar[str] = "call"
    extra: ClassVar[dict[str, str]] = {
        c: c for c in ("first_name", "last_name", "company", "job_title", "city", "country", "language")
    }
