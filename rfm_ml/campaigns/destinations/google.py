"""Google Ads: a file for Customer Match.

Source: Google Ads Help, "Format your customer data file", "About the customer matching process" and the pages on
membership duration and on consent in the European Economic Area, all read 2025-2026.
"""

from collections.abc import Sequence
from typing import Any, Final

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import Unusable, clean
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.contacts import Row
from rfm_ml.campaigns.destinations.fields import Field, Refused, any_of, hashed, phone_field, plain

EEA: Final = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR",
        "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"
    )
)  # fmt: skip
"""The European Economic Area: the European Union, Iceland, Liechtenstein and Norway."""

GRANTED: Final = "consent_granted"
NOT_STATED: Final = "no_consent_stated"

_DOTLESS: Final = ("gmail.com", "googlemail.com")
_TITLES: Final = frozenset(
    ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "herr", "frau", "mme", "mlle", "monsieur", "madame")
)
_SUFFIXES: Final = frozenset(("jr", "sr", "phd", "md", "esq"))


class Google(Destination):
    """Google's six columns: e-mail, phone and names hashed, country and zip readable.

    An address is of use only with both names, country and zip; otherwise none of the four is written. Consent is told
    for a whole file, so there is one file of contacts who granted it, and one of contacts outside the EEA who were
    never asked. In the EEA, and where the country is not known, a contact needs a granted consent.
    """

    name = "google"
    channel = "ads"
    needs = ("email", "phone", "last_name")
    expires_days = 540

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return exactly Google's columns, whatever the contacts have."""
        return [
            hashed("Email", "email", email),
            phone_field("Phone", "phone", default_country=self.default_country, hashed=True),
            hashed("First Name", "first_name", person_name),
            hashed("Last Name", "last_name", person_name),
            plain("Country", "country", normalise.iso_country),
            plain("Zip", "zip"),
        ]

    def settle(self, cells: list[Any], notes: list[str]) -> list[Any]:
        """Leave the address out unless all four parts are there."""
        if None not in cells[2:]:
            return cells
        if any(c is not None for c in cells[2:]):
            notes.append("address: it needs both names, country and zip")
        return [*cells[:2], None, None, None, None]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact that Google could not find."""
        return any_of(filled, ["email", "phone", "zip"], what="e-mail, phone or address")

    def labels(self, row: Row) -> tuple[str, ...]:
        """Return the file of the contact's consent."""
        consent = row.get("consent_ads")
        # By equality, which numpy's own booleans answer too; any other value is no consent.
        if consent in (True,):
            return (GRANTED,)
        if consent in (False,):
            raise Refused("consent to ads is refused")
        try:
            outside = row.get("country") is not None and normalise.iso_country(row["country"]) not in EEA
        except Unusable:
            outside = False
        if not outside:
            raise Refused("no consent to ads, which the EEA asks for (a country that is not known counts as EEA)")
        return (NOT_STATED,)


def email(value: Any) -> str:
    """Return the address as Google hashes it: no white space; no dots and no +tag before gmail.com.

    Raises
    ------
    Unusable
        As `normalise.email`.

    Examples
    --------
    >>> email(" Ma.ry+shop@GMail.com "), email("Ma.ry+shop@example.com")
    ('mary@gmail.com', 'ma.ry+shop@example.com')
    """
    text = normalise.email("".join(clean(value).split()))
    mailbox, _, domain = text.partition("@")
    if domain not in _DOTLESS:
        return text
    mailbox = mailbox.partition("+")[0].replace(".", "")
    if not mailbox:
        raise Unusable("it is not an e-mail address")
    return f"{mailbox}@{domain}"


def person_name(value: Any) -> str:
    """Return a name in lower case without titles.

    Examples
    --------
    >>> person_name("Dr. Anna  Maria"), person_name("Smith, Jr."), person_name("Prof")
    ('anna maria', 'smith', 'prof')
    """
    words = normalise.name(value).lower().split()
    while len(words) > 1 and words[0].strip(".,") in _TITLES:
        words = words[1:]
    while len(words) > 1 and words[-1].strip(".,") in _SUFFIXES:
        words = words[:-1]
    return " ".join(words).rstrip(",")
