"""Meta (Facebook, Instagram): a customer list for custom and look-alike audiences.

Source: Meta Business Help Centre, "How to format a customer list when creating a custom audience", and Meta for
Developers, "Customer file custom audiences" (hashing, batches of 10,000), both read 2025-2026.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import Unusable, clean
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.contacts import EMAILS, PHONES, Row
from rfm_ml.campaigns.destinations.fields import Field, any_of, hashed, phone_field, present

KEYS: Final = (*EMAILS, *PHONES, "madid", "uid")


class Meta(Destination):
    """Meta's customer list: SHA-256 of everything but `madid`, `uid` and `value`; up to three e-mails and phones.

    A contact is found by an e-mail, a phone, an advertising id, an app user id, or by both names with city or zip.
    For value-based look-alikes `value` must be there for the whole range of customers, not for the best alone;
    what is below 0 counts 0.
    """

    name = "meta"
    channel = "ads"
    needs = (*KEYS, "last_name")
    warn_below = 100
    api_batch_rows = 10_000

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return Meta's columns for what the contacts have."""
        phones = [
            phone_field("phone", p, default_country=self.default_country, hashed=True, shape=digits) for p in PHONES
        ]
        own = [
            *(hashed("email", e, normalise.email) for e in EMAILS),
            *phones,
            Field("madid", "madid", lambda value, row: normalise.ad_id(value)),
            Field("uid", "uid", lambda value, row: app_user_id(value)),
            hashed("fn", "first_name", person_name),
            hashed("ln", "last_name", person_name),
            hashed("ct", "city", normalise.letters_a_to_z),
            Field("st", "state", state, hashed=True),
            hashed("country", "country", lambda value: normalise.iso_country(value).lower()),
            Field("zip", "zip", postal_code, hashed=True),
            hashed("dob", "birth_date", lambda value: normalise.birth_date(value).strftime("%Y%m%d")),
            hashed("doby", "birth_date", lambda value: f"{normalise.birth_date(value).year:04d}"),
            hashed("gen", "gender", normalise.gender),
            hashed("age", "age", age),
            Field("value", "value", lambda value, row: normalise.not_negative(value), guarded=False),
        ]
        return present(own, columns)

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact that Meta could not find."""
        named = {"first_name", "last_name"} <= filled.keys() and bool({"city", "zip"} & filled.keys())
        what = "e-mail, phone, advertising id or full name with city or zip"
        return None if named else any_of(filled, KEYS, what=what)


def digits(e164: str) -> str:
    """Return a phone as Meta hashes it: digits only, country code first.

    Examples
    --------
    >>> digits("+15559876543")
    '15559876543'
    """
    return e164.removeprefix("+")


def person_name(value: Any) -> str:
    """Return a name in lower case without punctuation; letters of every script stay.

    Examples
    --------
    >>> person_name("O'Brien"), person_name(" Zoë-Marie "), person_name("van Dijk")
    ('obrien', 'zoëmarie', 'van dijk')
    """
    text = normalise.name(value).lower()
    return " ".join("".join(c for c in text if unicodedata.category(c)[0] not in "PS").split())


def country_of(row: Row) -> str | None:
    """Return a contact's country as an ISO code, None if it is not known."""
    try:
        return None if row.get("country") is None else normalise.iso_country(row["country"])
    except Unusable:
        return None


def state(value: Any, row: Row) -> str:
    """Return a state in lower case, a to z: the two letters of its code in the United States.

    Raises
    ------
    Unusable
        If a state of the United States is not a code.
    """
    text = normalise.letters_a_to_z(value)
    if country_of(row) == "US" and len(text) != 2:
        raise Unusable("it is not the two letters of a state of the United States")
    return text


def postal_code(value: Any, row: Row) -> str:
    """Return a postal code in lower case without spaces: the first five digits in the United States.

    Raises
    ------
    Unusable
        If a code of the United States does not begin with five digits.

    Examples
    --------
    >>> postal_code("M1 1AE", {"country": "GB"}), postal_code("94103-1234", {"country": "US"})
    ('m11ae', '94103')
    """
    text = "".join(clean(value).lower().split())
    if country_of(row) != "US":
        return text
    if not (text[:5].isascii() and text[:5].isdigit() and len(text) >= 5):
        raise Unusable("it is not a ZIP code of the United States")
    return text[:5]


def age(value: Any) -> str:
    """Return an age in whole years.

    Raises
    ------
    Unusable
        If it is none.
    """
    text = clean(value)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 130):
        raise Unusable("it is not an age in years")
    return text


def app_user_id(value: Any) -> str:
    """Return an app user id, which is a whole number.

    Raises
    ------
    Unusable
        If it is not.
    """
    text = clean(value)
    if not (text.isascii() and text.isdigit()):
        raise Unusable("it is not a numeric user id")
    return text
