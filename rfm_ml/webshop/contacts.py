"""The synthetic webshop's address book: names, mailboxes and phones that belong to nobody.

Mailboxes are at example.com, .org and .net (RFC 2606). Phone numbers come from ranges that regulators keep
free for films and books: Bundesnetzagentur notice 148/2021, ARCEP 06 39 98, Ofcom 07700 900, ComReg 020 91,
North American 555-0100 to 555-0199. The ranges are small, so a large shop has numbers twice.
"""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from rfm_ml.webshop.customers import Bools, Customers
from rfm_ml.webshop.orders import Rows

FIRST_NAMES: Final = (
    "Anna", "Ben", "Chloé", "David", "Elif", "Finn", "Greta", "Hugo", "Inès", "Jonas", "Jürgen", "Klara",
    "Léa", "Maeve", "Mary", "Mohamed", "Nora", "Oscar", "Paula", "Quentin", "Rosa", "Séan", "Sofia", "Tom",
    "Uma", "Vera", "William", "Xenia", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES: Final = (
    "Ahmed", "Bauer", "Byrne", "Clarke", "Dubois", "Evans", "Fischer", "Garcia", "Hoffmann", "Ivanov",
    "Jansen", "Kelly", "Krüger", "Lefèvre", "Martin", "Moreau", "Müller", "Murphy", "Nguyen", "O'Brien",
    "Petit", "Quinn", "Roux", "Schäfer", "Schmidt", "Smith", "Taylor", "van Dijk", "Walsh", "Williams",
    "Yilmaz", "Ziegler",
)  # fmt: skip
PLACES: Final = (
    ("DE", "10115", "Berlin"), ("DE", "20095", "Hamburg"), ("DE", "80331", "München"),
    ("DE", "50667", "Köln"), ("DE", "01067", "Dresden"), ("DE", "04109", "Leipzig"),
    ("FR", "75001", "Paris"), ("FR", "69001", "Lyon"), ("FR", "06000", "Nice"),
    ("GB", "SW1A 1AA", "London"), ("GB", "M1 1AE", "Manchester"),
    ("IE", "D01 F5P2", "Dublin"), ("IE", "T12 W8KP", "Cork"),
    ("US", "10001", "New York"), ("US", "02108", "Boston"),
)  # fmt: skip
COUNTRIES: Final = ("DE", "FR", "GB", "IE", "US")
COUNTRY_SHARES: Final = (0.5, 0.2, 0.12, 0.1, 0.08)
DOMAINS: Final = ("example.com", "example.org", "example.net")
PHONES: Final = (
    ("DE", "+493023125", 3), ("DE", "+494066969", 3), ("DE", "+498999998", 3), ("DE", "+4917139200", 2),
    ("FR", "+3363998", 4), ("GB", "+447700900", 3), ("IE", "+3532091", 5),
    ("US", "+121255501", 2), ("US", "+161755501", 2), ("US", "+141555501", 2),
)  # fmt: skip
"""Country, start of the number and digits that follow it."""
TAGS: Final = ("app-user", "loyalty-card", "newsletter", "press", "student")

NO_DATE: Final = np.iinfo(np.int32).min

CONTACT: Final = np.dtype(
    [
        ("customer", "i4"), ("mail_first", "i1"), ("mail_last", "i1"), ("domain", "i1"), ("phone", "i1"),
        ("number", "i4"), ("first_name", "i1"), ("last_name", "i1"), ("country", "i1"), ("place", "i1"),
        ("birth_day", "i4"), ("tags", "i1"), ("consent_email", "i1"), ("consent_sms", "i1"), ("consent_push", "i1"),
        ("consent_ads", "i1"), ("consent_call", "i1"), ("consent_web", "i1"), ("suppressed", "?"),
    ]
)  # fmt: skip
"""One contact, as positions in the tables above; -1 (or NO_DATE) where the shop does not know."""

CONSENTS: Final = {
    "consent_email": (0.15, 0.20, 0.65),
    "consent_sms": (0.30, 0.50, 0.20),
    "consent_push": (0.45, 0.30, 0.25),
    "consent_ads": (0.20, 0.45, 0.35),
    "consent_call": (0.40, 0.45, 0.15),
    "consent_web": (0.20, 0.40, 0.40),
}
"""Shares of contacts never asked, refused and granted, per channel."""


def tag_sets() -> list[str | None]:
    """Text of every set of tags, at the position whose bits are the set; no tag is a missing value.

    Examples
    --------
    >>> tag_sets()[:4]
    [None, 'app-user', 'loyalty-card', 'app-user;loyalty-card']
    """
    sets = range(1 << len(TAGS))
    return [";".join(t for k, t in enumerate(TAGS) if bits >> k & 1) or None for bits in sets]


def draw_contacts(rng: np.random.Generator, customers: Customers, *, start_year: int) -> Rows:
    """Draw records of type `CONTACT`, with values missing as in life; everybody was 18 when the shop opened."""
    n = len(customers)
    rows = np.empty(n, CONTACT)
    rows["customer"] = np.arange(n)
    rows["mail_first"] = rng.integers(len(FIRST_NAMES), size=n)
    rows["mail_last"] = rng.integers(len(LAST_NAMES), size=n)
    rows["domain"] = _forget(rng, rng.integers(len(DOMAINS), size=n), share=0.04)
    rows["first_name"] = _forget(rng, rows["mail_first"], share=0.03)
    rows["last_name"] = _forget(rng, rows["mail_last"], share=0.02)
    country = rng.choice(len(COUNTRIES), n, p=COUNTRY_SHARES)
    rows["place"] = _forget(rng, _within_country(rng, country, _starts(PLACES)), share=0.05)
    rows["country"] = _forget(rng, country, share=0.01)
    phone = _within_country(rng, country, _starts(PHONES))
    digits = np.array([p[2] for p in PHONES])[phone]
    rows["number"] = (rng.random(n) * 10.0**digits).astype(np.int32)
    rows["phone"] = _forget(rng, phone, share=0.35)
    rows["birth_day"] = _draw_birth_days(rng, n, start_year=start_year)
    rows["tags"] = sum((rng.random(n) < 0.12).astype(np.int8) << k for k in range(len(TAGS)))
    for name in ("consent_email", "consent_sms", "consent_push", "consent_ads"):
        rows[name] = rng.choice(3, n, p=CONSENTS[name]) - 1
    rows["suppressed"] = rng.random(n) < 0.015
    for name in ("consent_call", "consent_web"):  # drawn last, so that a seed's shop stays what it was without them
        rows[name] = rng.choice(3, n, p=CONSENTS[name]) - 1
    # Nobody can have granted consent for an address that the shop does not have.
    for name, address in (("consent_email", "domain"), ("consent_sms", "phone"), ("consent_call", "phone")):
        rows[name][(rows[address] < 0) & (rows[name] == 1)] = -1
    return rows


def _draw_birth_days(rng: np.random.Generator, size: int, *, start_year: int) -> NDArray[Any]:
    """Draw days of birth, in days since 1970, of adults aged 18 to 85; three in ten did not tell."""
    oldest, youngest = (np.datetime64(f"{start_year - age}-01-01").astype(int) for age in (85, 18))
    born = oldest + ((youngest - oldest) * rng.beta(2.2, 1.6, size)).astype(np.int32)
    return np.where(rng.random(size) < 0.3, NO_DATE, born)


def mailable(contacts: Rows) -> Bools:
    """Say who may get an e-mail: consent granted and not on the suppression list."""
    return cast(Bools, (contacts["consent_email"] == 1) & ~contacts["suppressed"])


def _forget(rng: np.random.Generator, codes: NDArray[Any], *, share: float) -> NDArray[Any]:
    return np.where(rng.random(len(codes)) < share, -1, codes)


def _starts(table: tuple[tuple[Any, ...], ...]) -> NDArray[Any]:
    """First position of each country in a table sorted by country, and its length at the end."""
    return np.searchsorted([row[0] for row in table], [*COUNTRIES, "~"])


def _within_country(rng: np.random.Generator, country: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
    size = np.diff(starts)[country]
    return starts[country] + (rng.random(len(country)) * size).astype(np.int32)
