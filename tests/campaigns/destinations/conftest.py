"""A few contacts, each with something that a destination has a rule for."""

from dataclasses import asdict
from datetime import date
from typing import Any

import pandas as pd
import pytest

from rfm_ml.campaigns.destinations import DESTINATIONS, WrittenList

AD_ID = "AECE52E7-03EE-455A-B3C4-E57283966239"

ROWS: list[dict[str, Any]] = [
    # Everything there, in the spelling of a web form.
    {
        "customer_id": "C1",
        "email": " Mary@Example.com ",
        "email_2": "mary@example.org",
        "phone": "+1 (555) 987-6543",
        "first_name": "Mary",
        "last_name": "O'Brien",
        "country": "us",
        "zip": "94103-1234",
        "city": "San Francisco",
        "state": "CA",
        "birth_date": date(1980, 1, 2),
        "gender": "Female",
        "madid": AD_ID,
        "consent_email": True,
        "consent_sms": True,
        "consent_ads": None,
        "segment": "Champions",
        "value": 120.5,
        "products": ["P1", "P2"],
        "next_step": "buys, again",
    },
    # Gmail with dots and a tag, a national number, a value below 0.
    {
        "customer_id": "C2",
        "email": "Ann.a+Shop@GoogleMail.com",
        "phone": "0171 2345678",
        "first_name": "Dr. Änna",
        "last_name": "van Dijk",
        "country": "DE",
        "zip": "10115",
        "city": "Köln",
        "consent_email": True,
        "consent_sms": False,
        "consent_ads": True,
        "segment": "Loyal",
        "value": -3.25,
        "products": ["P3"],
    },
    # A name that a spreadsheet would run.
    {
        "customer_id": "C3",
        "email": "eve@example.com",
        "phone": "+447700900123",
        "first_name": '=HYPERLINK("http://x")',
        "last_name": "Eve",
        "country": "GB",
        "zip": "M1 1AE",
        "city": "Manchester",
        "consent_email": True,
        "consent_ads": True,
        "segment": "Loyal",
        "value": 10.0,
    },
    # Nothing that anybody could be found by.
    {
        "customer_id": "C4",
        "email": "not an address",
        "phone": "call me +49 171 2345678",
        "first_name": "-",
        "last_name": "Petit",
        "country": "France",
        "consent_email": None,
        "segment": None,
        "value": 0.0,
    },
    # The address of C1 again; refused ads.
    {
        "customer_id": "C5",
        "email": "MARY@example.com",
        "phone": "+1 555 987 6543",
        "first_name": "Mary",
        "last_name": "Again",
        "country": "US",
        "zip": "10001",
        "city": "New York",
        "consent_email": True,
        "consent_sms": True,
        "consent_ads": False,
        "segment": "Champions",
        "value": 1e6,
    },
    # Right to left, with an invisible mark, an emoji and a decomposed accent; no country.
    {
        "customer_id": "C6",
        "email": "josé@example.net",
        "phone": "+33 6 39 98 12 34",
        "first_name": "\u202eمريم\u200b",
        "last_name": "Jose\u0301 🎉",
        "consent_email": False,
        "consent_ads": True,
        "segment": "Champions;VIP",
        "value": 7.125,
    },
    # Quotes, a comma and a line break.
    {
        "customer_id": "C7",
        "email": "q@example.com",
        "first_name": 'Anna "Nan"',
        "last_name": "Smith, Jr.",
        "country": "IE",
        "zip": "D01 F5P2",
        "city": "Dublin\nNorth",
        "consent_email": True,
        "consent_ads": True,
        "segment": "Loyal",
        "value": 42,
        "next_step": '"first",\r\nthen',
    },
]

COLUMNS = [
    "customer_id", "email", "email_2", "phone", "first_name", "last_name", "country", "zip", "city", "state",
    "birth_date", "gender", "madid", "consent_email", "consent_sms", "consent_ads", "segment", "value", "products",
    "next_step",
]  # fmt: skip


@pytest.fixture
def people() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=COLUMNS).astype(object)


@pytest.fixture
def any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Destinations take lists however short."""
    for form in DESTINATIONS.values():
        monkeypatch.setattr(form, "minimum", 0)


def as_json(written: WrittenList) -> dict[str, Any]:
    """Return what became of a list for JSON; files by name and without the folder."""
    return asdict(written) | {
        "files": [{"name": f.path.name, "rows": f.rows, "bytes": f.bytes} for f in written.files],
        "rejects_file": written.rejects_file.name,
        "values_file": written.values_file.name,
        "send_again_by": written.send_again_by and written.send_again_by.isoformat(),
    }
