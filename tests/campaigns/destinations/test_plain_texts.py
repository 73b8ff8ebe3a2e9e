"""What is hashed, written out by hand: each cell is the SHA-256 of the text given here."""

import csv
import hashlib
from pathlib import Path

import pandas as pd
import pytest

from rfm_ml.campaigns.destinations import make_destination

META = {
    "C1": {
        "email": ["mary@example.com", "mary@example.org"], "phone": ["15559876543"], "fn": ["mary"], "ln": ["obrien"],
        "ct": ["sanfrancisco"], "st": ["ca"], "country": ["us"], "zip": ["94103"], "dob": ["19800102"],
        "doby": ["1980"], "gen": ["f"],
        "=madid": "aece52e7-03ee-455a-b3c4-e57283966239", "=value": "120.5",
    },
    "C2": {
        "email": ["ann.a+shop@googlemail.com"], "phone": ["491712345678"], "fn": ["dr änna"], "ln": ["van dijk"],
        "ct": ["koln"], "country": ["de"], "zip": ["10115"], "=value": "0",
    },
    "C6": {"email": ["josé@example.net"], "phone": ["33639981234"], "fn": ["مريم"], "ln": ["josé"], "=value": "7.125"},
}  # fmt: skip

GOOGLE = {
    "C2": {
        "Email": ["anna@googlemail.com"], "Phone": ["+491712345678"], "First Name": ["änna"], "Last Name": ["van dijk"],
        "=Country": "DE", "=Zip": "10115",
    },
    "C6": {"Email": ["josé@example.net"], "Phone": ["+33639981234"]},
    "C7": {
        "Email": ["q@example.com"], "First Name": ['anna "nan"'], "Last Name": ["smith"], "=Country": "IE",
        "=Zip": "D01 F5P2",
    },
}  # fmt: skip

TIKTOK = {
    "C1": {
        "Email_SHA256": ["mary@example.com"],
        "Phone_SHA256": ["+15559876543"],
        "MAID_SHA256": ["aece52e7-03ee-455a-b3c4-e57283966239"],
    },
    "C7": {"Email_SHA256": ["q@example.com"]},
}


def expected_row(header: list[str], plain: dict[str, object]) -> list[str]:
    left = {k: [v] if isinstance(v, str) else list(v) for k, v in plain.items()}  # type: ignore[call-overload]
    row = []
    for name in header:
        if left.get(name):
            row.append(hashlib.sha256(left[name].pop(0).encode("utf-8")).hexdigest())
        else:
            row.append(left.get(f"={name}", [""])[0])
    assert not any(v for k, v in left.items() if not k.startswith("="))
    return row


@pytest.mark.usefixtures("any_length")
@pytest.mark.parametrize(("name", "texts"), [("meta", META), ("google", GOOGLE), ("tiktok", TIKTOK)])
def test_hashes_are_of_these_texts(
    name: str, texts: dict[str, dict[str, object]], people: pd.DataFrame, tmp_path: Path
) -> None:
    for customer, plain in texts.items():
        form = make_destination(name, default_country="DE")
        one = people[people["customer_id"] == customer]
        (file,) = form.write(one, tmp_path / customer, audience="one").files
        header, row = csv.reader(file.path.read_text(encoding="utf-8").splitlines())
        assert row == expected_row(header, plain), customer


def test_google_has_exactly_its_columns(tmp_path: Path) -> None:
    (file,) = (
        make_destination("google")
        .write(
            pd.DataFrame({"customer_id": [1], "email": ["a@example.com"], "consent_ads": [True]}),
            tmp_path,
            audience="x",
        )
        .files
    )
    assert file.path.read_text().splitlines()[0] == "Email,Phone,First Name,Last Name,Country,Zip"
