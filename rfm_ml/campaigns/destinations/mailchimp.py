"""Mailchimp: contacts for an audience, one file per tag.

Source: Mailchimp help, "Format Guidelines for Your Import File", read 2025-2026.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import Normalise, as_text, clean, cut
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.contacts import Row
from rfm_ml.campaigns.destinations.fields import Field, iso_date, phone_field, plain, present, property_text

MAX_BYTES: Final = 255
"""Longest text of a merge field."""


class Mailchimp(Destination):
    """`Email Address` and merge fields of at most 255 bytes; a tag is given to a whole file when it is imported.

    Parameters
    ----------
    tag_by
        Column whose values are the tags, several as a list or as "a;b"; a contact with two tags is in two files,
        one without goes to the file without a tag.
    default_country, properties
        As in `Destination`.
    """

    name = "mailchimp"
    channel = "email"
    needs = ("email",)
    found_by = "e-mail"
    unique = "email"

    def __init__(
        self, *, tag_by: str = "segment", default_country: str | None = None, properties: Sequence[str] | None = None
    ) -> None:
        super().__init__(default_country=default_country, properties=properties)
        self.tag_by = tag_by

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the address first, then merge fields for what the contacts have."""
        own = [
            plain("First Name", "first_name", short(normalise.name)),
            plain("Last Name", "last_name", short(normalise.name)),
            phone_field("Phone Number", "phone", default_country=self.default_country),
            plain("City", "city", short(clean)),
            plain("State", "state", short(clean)),
            plain("Zip", "zip", short(clean)),
            plain("Country", "country", short(clean)),
            plain("Birthday", "birth_date", iso_date),
        ]
        properties = [plain(f.header, f.source, short(property_text)) for f in self.property_fields(columns)]
        return [plain("Email Address", "email", normalise.email), *present(own, columns), *properties]

    def labels(self, row: Row) -> tuple[str, ...]:
        """Return the contact's tags."""
        value = row.get(self.tag_by)
        tags = [] if value is None else [t.strip() for t in as_text(value).split(";") if t.strip()]
        return tuple(dict.fromkeys(tags)) or ("",)


def short(normaliser: Normalise) -> Callable[[Any], Any]:
    """Return the normaliser with its result cut to what a merge field holds."""
    return lambda value: cut(normaliser(value), max_bytes=MAX_BYTES)
