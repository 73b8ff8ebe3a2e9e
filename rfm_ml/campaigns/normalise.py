"""Contact values as destinations want them: e-mail, phone, names, places, dates.

Hashes match only if both sides wrote a value alike to the last character, and destinations write them
differently: what differs is in the module of the destination, what they share is here. A value that cannot be
used raises `Unusable` with a reason that never holds the value: reasons are counted, logged and written to files.
"""

import re
import unicodedata
from datetime import date, datetime
from typing import Any, Final

import phonenumbers
from phonenumbers import PhoneNumber, ValidationResult

from rfm_ml.campaigns.cells import Noted, Unusable, as_text, clean
from rfm_ml.core.errors import ParamsError

_ATOM: Final = r"[^@\s\"(),:;<>\[\]\\.]"
_EMAIL: Final = re.compile(rf"{_ATOM}+(\.{_ATOM}+)*@({_ATOM}+\.)+[^\W\d_]{_ATOM}*")
_E164: Final = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
_FLOAT: Final = re.compile(r"(\+?\d+|\+?\d{1,3}(?:[.,' ]\d{3})+)[.,]0+", re.ASCII)
_FRACTION: Final = re.compile(r"\+?\d{7,}[.,]\d{1,2}", re.ASCII)
_LONGEST_LOCAL: Final = 8
"""Digits of the longest numbers that are dialled without an area code."""
_TRUNK_ZERO: Final = re.compile(r"\(\s*0\s*\)")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_AD_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_GENDERS: Final = {"m": "m", "male": "m", "f": "f", "female": "f"}
_COUNTRY_ALIASES: Final = {"UK": "GB"}
# Letters that Unicode does not take apart into a base letter and a mark.
_FOLDED: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


def email(value: Any) -> str:
    """Return the address trimmed and in lower case; a hash already, made by another destination's rules, is refused."""
    text = clean(value).replace("\u200c", "").replace("\u200d", "").lower()
    if _SHA256.fullmatch(text):
        raise Unusable("it is a hash already, and hashes of one destination do not match at another")
    if len(text) > 254 or text.find("@") > 64 or not _EMAIL.fullmatch(text):
        raise Unusable("it is not an e-mail address")
    return text


def phone(value: Any, *, country: Any = None, default_country: str | None = None) -> str:
    """Return the number in E.164, as in +15559876543, with the digits that were given or not at all.

    A float's `.0` and a trunk zero go, and the country code is put in front where it is missing; nothing else is
    changed. Letters are refused: a keypad would turn a remark into digits. So is a number that can be read as two
    different ones, or is not possible by its length (finer checks refuse new ranges, and those kept for films).

    Parameters
    ----------
    value
        The number in any spelling.
    country
        Country of the contact. It is used only for a number without +, and only if a default country is set;
        otherwise the country would be guessed.
    default_country
        ISO code, for numbers without + of contacts without country.

    Raises
    ------
    Unusable
        If it is no possible number, or may be another one.

    Examples
    --------
    >>> phone("+1 (555) 987-6543"), phone("0171 2345678", default_country="DE")
    ('+15559876543', '+491712345678')
    >>> phone("4915123456701.0", default_country="DE"), phone("+49 (0)151 23456701")
    ('+4915123456701', '+4915123456701')
    """
    text = clean(value).removeprefix("tel:").replace("\uff0b", "+")
    text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    whole = _FLOAT.fullmatch(text)
    text = re.sub("[.,' ]", "", whole[1]) if whole else text
    if any(c.isalpha() for c in text):
        raise Unusable("it holds letters")
    if _FRACTION.fullmatch(text):
        raise Unusable("it is not a phone number")
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    if text.startswith("+"):
        readings = _readings(text, None)
    elif default_country is None:
        raise Unusable("it has no country code, and no default country is set")
    else:
        own = country_or_none(country)
        readings = _without_plus(text, digits, region=own or default_country, sure=own is not None)
    return _the_number(digits, readings)


def _without_plus(text: str, digits: str, *, region: str, sure: bool) -> list[PhoneNumber]:
    """Return what a number without + can mean: one of its country, or one whose + was lost."""
    at_home = _readings(text, region)
    if digits.startswith("00"):
        return [*at_home, *_readings(f"+{digits[2:]}", None)]
    if digits.startswith("0") or not at_home:
        return at_home
    abroad, own_code = _readings(f"+{digits}", None), str(phonenumbers.country_code_for_region(region))
    if digits.startswith(own_code):
        # A landline would have lost its zero and be longer than landlines are.
        every = [*at_home, *abroad]
        return [n for n in every if _is_mobile(n)] if any(map(_is_mobile, abroad)) else every
    if phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) != "0":
        return at_home if any(map(phonenumbers.is_valid_number, at_home)) else [*at_home, *abroad]
    if not any(_is_mobile(n) or _length(n) > _LONGEST_LOCAL for n in at_home):
        raise Unusable("it has no area code, or lost the 0 in front")
    return at_home if sure and any(map(phonenumbers.is_valid_number, at_home)) else [*at_home, *abroad]


def _length(number: PhoneNumber) -> int:
    return len(phonenumbers.national_significant_number(number))


def _keeps_zero(number: PhoneNumber) -> bool:
    return phonenumbers.national_significant_number(number).startswith("0")


def _is_mobile(number: PhoneNumber) -> bool:
    return phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE


def _readings(text: str, region: str | None) -> list[PhoneNumber]:
    """Return the number as it is read, and where a (0) is in it, as it is read without."""
    found = []
    for spelling in dict.fromkeys((text, _TRUNK_ZERO.sub("", text))):
        try:
            found.append(phonenumbers.parse(spelling, region))
        except phonenumbers.NumberParseException:
            continue
    return found


def _the_number(digits: str, readings: list[PhoneNumber]) -> str:
    """Return the one number that the readings agree on, those that are assigned before those of the right length."""
    if not readings:
        raise Unusable("it is not a phone number")
    if any(n.extension for n in readings):
        raise Unusable("it has an extension")
    complete = ValidationResult.IS_POSSIBLE
    possible = [n for n in readings if phonenumbers.is_possible_number_with_reason(n) == complete]
    # A zero that stays after the country code is one too many, unless numbers of the country begin with it.
    best = [n for n in possible if phonenumbers.is_valid_number(n)] or [n for n in possible if not _keeps_zero(n)]
    written = {phonenumbers.format_number(n, phonenumbers.PhoneNumberFormat.E164): n for n in best}
    if not written or not all(map(_E164.fullmatch, written)):
        raise Unusable("it has too few or too many digits")
    if len(written) > 1:
        raise Unusable("it may be a number of two countries; write it with + and the country code")
    ((text, number),) = written.items()
    code = str(number.country_code)
    own = phonenumbers.national_significant_number(number)
    if digits not in {start + rest for rest in (own, f"0{own}") for start in ("", code, f"00{code}")}:
        raise Unusable("its digits would change; write it with + and the country code")
    return text


def country_or_none(value: Any) -> str | None:
    """Return the ISO code as `iso_country` does, None if it is not known."""
    try:
        return None if value is None else iso_country(value)
    except Unusable:
        return None


def require_country(code: str | None) -> None:
    """Refuse a default country that is not an ISO code."""
    if code is not None and code not in phonenumbers.SUPPORTED_REGIONS:
        raise ParamsError(f"default_country must be an ISO code of two capital letters, such as DE. Got {code!r}.")


def iso_country(value: Any) -> str:
    """Return the ISO code of two capital letters; names of countries are not guessed."""
    code = clean(value).upper()
    code = _COUNTRY_ALIASES.get(code, code)
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise Unusable("it is not a country's ISO code of two letters")
    return code


def name(value: Any) -> str:
    """Return a name cleaned; "-" and the like, which forms collect where a name is required, are none."""
    text = clean(value)
    if not any(c.isalnum() for c in text):
        raise Unusable("it has no letter")
    return text


def letters_a_to_z(value: Any) -> str:
    """Return only the letters a to z, accents taken off first; refuse a text without any.

    Examples
    --------
    >>> letters_a_to_z("Saint-Étienne"), letters_a_to_z("Köln")
    ('saintetienne', 'koln')
    """
    parts = unicodedata.normalize("NFKD", clean(value).lower().translate(_FOLDED))
    kept = "".join(c for c in parts if "a" <= c <= "z")
    if not kept:
        raise Unusable("it has no letter from a to z")
    return kept


def birth_date(value: Any) -> date:
    """Return a date from a date, an instant or text as YYYY-MM-DD; 03/04 may be in March or in April."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = clean(value)
    try:
        if _ISO_DATE.fullmatch(text[:10]) and text[10:] in ("", " 00:00:00", "T00:00:00"):
            return date.fromisoformat(text[:10])
    except ValueError:
        pass
    raise Unusable("it is not a date as YYYY-MM-DD")


def gender(value: Any) -> str:
    """Return m or f."""
    return one_of(value, _GENDERS, what="it is neither m nor f")


def one_of(value: Any, known: dict[str, str], *, what: str) -> str:
    """Return what a known word stands for, whatever its case; refuse another one for `what`."""
    found = known.get(clean(value).lower())
    if found is None:
        raise Unusable(what)
    return found


def ad_id(value: Any) -> str:
    """Return a mobile advertising id in lower case; zeros, of a phone whose owner is not to be followed, are none."""
    text = clean(value).lower()
    if not _AD_ID.fullmatch(text) or not text.strip("0-"):
        raise Unusable("it is not a mobile advertising id")
    return text


def not_negative(value: Any) -> str | Noted:
    """Return a plain number of at least 0; a customer who gave back more than they bought counts 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise Unusable("it is not a number")
    return (
        Noted("0", "below 0, written as 0") if number < 0 else as_text(value if not isinstance(value, str) else number)
    )
