"""Phones over all countries and spellings: the number that was meant, with the digits that were given, or none."""

import random
import unicodedata

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from rfm_ml.campaigns.cells import Unusable
from rfm_ml.campaigns.normalise import phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)


def read(text: object, *, country: object = None, default_country: str | None = None) -> str | None:
    """Return the number, None if it is refused."""
    try:
        return phone(text, country=country, default_country=default_country)
    except Unusable:
        return None


def numbers(region: str) -> list[phonenumbers.PhoneNumber]:
    """Return real-looking numbers of a country, with other last digits too."""
    found = []
    for kind in TYPES:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        found.append(example)
        rng = random.Random(f"{region} {kind}")
        e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        for _ in range(3):
            other = e164[:-4] + f"{rng.randrange(10_000):04}"
            number = phonenumbers.parse(other, None)
            if phonenumbers.is_valid_number(number):
                found.append(number)
    return found


def spellings(number: phonenumbers.PhoneNumber) -> dict[str, object]:
    """Return the ways in which exports write a number, by name."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    own = phonenumbers.national_significant_number(number)
    code = str(number.country_code)
    return {
        "E.164": e164,
        "international": phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        "RFC 3966": phonenumbers.format_number(number, PhoneNumberFormat.RFC3966),
        "00": f"00{code} {own}",
        "without plus": code + own,
        "without plus, spaced": f"{code} {own[:3]} {own[3:]}",
        "float": float(code + own),
        "float as text": f"{code}{own}.0",
        "float with plus": f"{e164}.0",
        "integer": int(code + own),
        "national": national,
        "national digits": "".join(c for c in national if c.isdigit()),
        "national float as text": "".join(c for c in national if c.isdigit()) + ".0",
        "without trunk zero": own,
        "without trunk zero, float": f"{own}.0",
        "trunk in brackets": f"+{code} (0){own}",
        "trunk in spaced brackets": f"+{code} ( 0 ) {own}",
        "trunk after the code": f"+{code} 0{own}",
        "dots": f"+{code}.{own}",
        "code put in front twice": f"+{code}{code}{own}",
        "a digit too many": f"{e164}7",
    }


def is_real(written: str, text: object) -> bool:
    """Say whether somebody has the very number that was typed, zero and all, as in Italy."""
    typed = "".join(c for c in str(text) if c in "+0123456789")
    return written == typed and phonenumbers.is_valid_number(phonenumbers.parse(written, None))


def digits_kept(given_text: object, written: str) -> bool:
    """Say whether a number has the digits that were given, but for .0, zeros in front and the country's prefix."""
    text = str(int(given_text)) if isinstance(given_text, float) else str(given_text)
    text = text.removesuffix(".0").replace("(0)", "").replace("( 0 )", "")
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    code = str(phonenumbers.parse(written, None).country_code)
    own = written.removeprefix(f"+{code}")
    bare = digits.lstrip("0")
    return bare in (code + own, own.lstrip("0"), f"{code}0{own}")


@pytest.mark.parametrize("region", REGIONS)
def test_a_number_is_the_one_that_was_meant_or_none(region: str) -> None:
    for number in numbers(region):
        meant = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for how, text in spellings(number).items():
            for where in ({"country": region, "default_country": "DE"}, {"default_country": region}):
                written = read(text, **where)  # type: ignore[arg-type]
                if written is None:
                    continue
                assert digits_kept(text, written), (how, text, written)
                if how not in ("code put in front twice", "a digit too many") and not is_real(written, text):
                    assert written == meant, (how, text, where)


@pytest.mark.parametrize("region", REGIONS)
def test_numbers_with_their_country_code_are_read(region: str) -> None:
    for number in numbers(region):
        meant = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for how in ("E.164", "international", "RFC 3966", "float with plus", "dots"):
            assert read(spellings(number)[how]) == meant, how


@pytest.mark.parametrize("region", ["DE", "FR", "GB", "IE", "AT", "CH", "NL", "SE", "ES", "IT", "PL", "DK", "US"])
def test_usual_spellings_of_common_countries_are_read(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    meant = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    for how in ("without plus", "float", "float as text", "integer", "national", "national digits"):
        assert read(spellings(number)[how], country=region, default_country=region) == meant, how


@pytest.mark.parametrize("home", ["DE", "ES"])
@pytest.mark.parametrize("region", REGIONS)
def test_a_foreign_number_that_lost_its_plus_is_nobody_elses_by_default(region: str, home: str) -> None:
    """A contact without country in a shop of another country: the number meant, or one of the shop's own country
    that its digits are a whole number of."""
    for number in numbers(region):
        meant = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        written = read(meant.removeprefix("+") + ".0", default_country=home)
        at_home = f"+{phonenumbers.country_code_for_region(home)}{meant.removeprefix('+')}"
        assert written in (None, meant, at_home)
        if written == at_home != meant:
            assert phonenumbers.ndd_prefix_for_region(home, True) != "0"
            assert phonenumbers.is_valid_number(phonenumbers.parse(at_home, None))


@settings(max_examples=400, deadline=None)
@given(
    text=st.text(alphabet="0123456789 +-().,/ \u0660\u0661\u06f3\uff0b", min_size=4, max_size=22),
    region=st.sampled_from(REGIONS),
    country=st.one_of(st.none(), st.sampled_from(REGIONS)),
)
def test_no_digit_is_invented_or_lost(text: str, region: str, country: str | None) -> None:
    written = read(text, country=country, default_country=region)
    assert written is None or digits_kept(text.strip().removesuffix(".0"), written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4915123456701.0", "+4915123456701"),
        (4915123456701.0, "+4915123456701"),
        ("+4915123456709", "+4915123456709"),
        ("015123456708.0", "+4915123456708"),
        ("4915123456707", "+4915123456707"),
        ("49 (0) 151 23456707", "+4915123456707"),
        ("004915123456707", "+4915123456707"),
        ("4.915123E+12", None),
        ("4915123456701.5", None),
        ("4915123456701,00", "+4915123456701"),
        ("4.915.123.456.701,00", "+4915123456701"),
        ("4,915,123,456,701.0", "+4915123456701"),
        ("2345678", None),
        ("4941123456", "+494941123456"),  # Aurich, its zero lost: no landline has so few digits after +49
        ("498912345678", "+498912345678"),
        ("0151 23456701 / 0151 23456702", None),
        ("0151 23456701 ext. 5", None),
        ("234567", None),  # without area code
    ],
)
def test_spellings_of_a_german_number(text: object, expected: str | None) -> None:
    assert read(text, default_country="DE") == expected


def test_pairs_of_digits_are_no_float() -> None:
    assert read("01.23.45.67.00", default_country="FR") == "+33123456700"


def test_what_may_be_a_number_of_two_countries_says_what_to_do() -> None:
    with pytest.raises(Unusable, match="two countries; write it with"):
        phone("15123456708", default_country="DE")
    assert phone("15123456708", country="DE", default_country="DE") == "+4915123456708"
