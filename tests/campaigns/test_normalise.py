"""Published vectors, and values as people type them."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.cells import Noted, Unusable, as_text, clean, cut, guarded, is_formula, sha256
from rfm_ml.campaigns.destinations import google, meta

MARY = "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"


def test_published_hashes() -> None:
    assert sha256(normalise.email(" Mary@Example.com\t")) == MARY
    assert sha256(google.email("mary @example.com")) == MARY
    number = normalise.phone("+1 (555) 987-6543")
    assert number == "+15559876543"
    assert sha256(meta.digits(number)) == "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("A.B+c@example.com", "a.b+c@example.com"),
        ("müller@exämple.de", "müller@exämple.de"),
        ("o'hara@mail.example.co.uk", "o'hara@mail.example.co.uk"),
        ("\ufeffa@example.com\u200b", "a@example.com"),
        ("a\u200d@example.com", "a@example.com"),
        ("-a@example.com", "-a@example.com"),
    ],
)
def test_email_is_trimmed_and_lower_case(typed: str, expected: str) -> None:
    assert normalise.email(typed) == expected


@pytest.mark.parametrize(
    "typed",
    ["", "a", "a@b", "a@@example.com", "a b@example.com", "a@example..com", ".a@example.com", "a.@example.com",
     "a@example.com, b@example.com", "<a@example.com>", "a@example.1", f"{'a' * 65}@example.com",
     f"a@{'b' * 250}.com", MARY, MARY.upper(), 12.5],
)  # fmt: skip
def test_what_is_no_email_is_refused_without_repeating_it(typed: object) -> None:
    with pytest.raises(Unusable) as refused:
        normalise.email(typed)
    assert not str(typed) or str(typed) not in str(refused.value) or typed == "a"


def test_google_drops_dots_and_tags_of_gmail_only() -> None:
    assert google.email("Ma.Ry+News@gmail.com") == "mary@gmail.com"
    assert google.email("ma.ry@googlemail.com") == "mary@googlemail.com"
    assert google.email("ma.ry+news@example.com") == "ma.ry+news@example.com"
    assert google.email("m a r y@example.com") == "mary@example.com"
    with pytest.raises(Unusable):
        google.email("+tag@gmail.com")


@pytest.mark.parametrize(
    ("typed", "default", "country", "expected"),
    [
        ("+49 (0)171 2345678", None, None, "+491712345678"),
        ("tel:+49-171-2345678", None, None, "+491712345678"),
        ("+49171 2345678", "US", "US", "+491712345678"),
        ("0171 2345678", "DE", None, "+491712345678"),
        ("06 39 98 12 34", "DE", "FR", "+33639981234"),
        ("0171 2345678", "DE", "nowhere", "+491712345678"),
        ("0049 171 2345678", "DE", None, "+491712345678"),
        ("\uff0b491712345678", None, None, "+491712345678"),
        (4_917_123_456.0, "DE", None, "+494917123456"),
    ],
)
def test_phone_is_e164(typed: object, default: str | None, country: str | None, expected: str) -> None:
    assert normalise.phone(typed, country=country, default_country=default) == expected


@pytest.mark.parametrize(
    ("typed", "default", "reason"),
    [
        ("0171 2345678", None, "no default country"),
        ("call me +49 171 2345678", "DE", "letters"),
        ("1-800-FLOWERS", "US", "letters"),
        ("+49 171 2345678 x", None, "letters"),
        ("+49 171 2345678#3", None, "extension"),
        ("+1 212 555", None, "digits"),
        ("+1 212 555 01 23 45", None, "digits"),
        ("+49 171 234567812345678", None, "not a phone"),
        ("+999 123456", None, "not a phone"),
        ("...", "DE", "not a phone"),
        ("", "DE", "not a phone"),
    ],
)
def test_phone_is_never_guessed(typed: str, default: str | None, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        normalise.phone(typed, country="DE", default_country=default)


def test_names_and_places_of_meta() -> None:
    assert meta.person_name(" O'Brien-Smith, ") == "obriensmith"
    assert meta.person_name("정") == "정"
    assert normalise.letters_a_to_z("Łódź") == "lodz"
    assert normalise.letters_a_to_z("Groß-Gerau") == "grossgerau"
    assert meta.state("CA", {"country": "us"}) == "ca"
    assert meta.state("Île-de-France", {"country": "FR"}) == "iledefrance"
    assert meta.postal_code("D01 F5P2", {"country": "IE"}) == "d01f5p2"
    for unusable in (
        lambda: meta.state("California", {"country": "US"}),
        lambda: meta.postal_code("941", {"country": "US"}),
        lambda: normalise.letters_a_to_z("東京"),
        lambda: normalise.name("--"),
    ):
        with pytest.raises(Unusable):
            unusable()


@pytest.mark.parametrize("typed", [date(1980, 1, 2), datetime(1980, 1, 2, 5), "1980-01-02", " 1980-01-02T00:00:00 "])
def test_birth_date(typed: object) -> None:
    assert normalise.birth_date(typed) == date(1980, 1, 2)


@pytest.mark.parametrize("typed", ["02/01/1980", "1980-13-02", "1980", "1980-01-02 tea", 29222])
def test_birth_date_is_not_guessed(typed: object) -> None:
    with pytest.raises(Unusable):
        normalise.birth_date(typed)


def test_values_below_zero_count_zero() -> None:
    assert normalise.not_negative(12.50) == "12.5"
    assert normalise.not_negative(Decimal("0.10")) == "0.1"
    assert normalise.not_negative(1e15) == "1000000000000000"
    assert normalise.not_negative("3.50") == "3.5"
    assert isinstance(normalise.not_negative(-0.01), Noted)
    for value in (float("inf"), float("nan"), "much"):
        with pytest.raises(Unusable):
            normalise.not_negative(value)


def test_a_phone_that_does_not_want_to_be_followed_has_no_id() -> None:
    with pytest.raises(Unusable):
        normalise.ad_id("00000000-0000-0000-0000-000000000000")


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_cleaned_text_can_be_written_and_stays_clean(text: str) -> None:
    made = clean(text)
    made.encode()
    assert clean(made) == made
    assert not set(made) & set("\r\n\t\0\u202e\u200b")


@given(st.text(max_size=300), st.integers(4, 255))
def test_cut_is_within_bytes_and_never_within_a_character(text: str, most: int) -> None:
    made = cut(text, max_bytes=most)
    value = made.value if isinstance(made, Noted) else made
    assert text.startswith(value)
    assert len(value.encode()) <= most
    assert isinstance(made, Noted) == (value != text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_in_full(number: float) -> None:
    text = as_text(number)
    assert float(text) == number
    assert "e" not in text.lower()


@given(st.text(max_size=20))
def test_a_guarded_text_is_no_formula(text: str) -> None:
    assert not is_formula(guarded(text))
    assert guarded(text).removeprefix("'" if is_formula(text) else "") == text
