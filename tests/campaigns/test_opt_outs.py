"""Opt-outs hold for the e-mail and the phone, in whichever row or under whichever id they stand."""

import re
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.campaigns.opt_outs import LEFT_ALONE, UNREACHABLE, OptOuts

ROWS = pd.DataFrame(
    [
        (1, "ann@example.org", "+4915123456701", None, None, "yes"),
        (2, " Ann@Example.ORG", None, "2024-05-01", None, "yes"),  # the same mailbox as 1
        (3, "bob@example.org", "0151 23456703", None, None, "yes"),
        (4, "bob2@example.org", "4915123456703.0", "yes", None, "yes"),  # the same phone as 3
        (5, "eve@example.org", "+4915123456705", None, None, "no"),
        (6, "EVE@example.org", "+4915123456706", None, None, "yes"),  # the same mailbox as 5
        (7, "fay@example.org", "+4915123456707", None, "hard", "yes"),
        (8, "gus@example.org", "+49 (0)151 23456707", None, None, None),  # the same phone as 7
        (9, "hal@example.org", "+4915123456709", None, None, "yes"),
        (9, "hal@old.example.org", None, "objected", None, "yes"),  # a second row of the same contact
        (None, "ivy@example.org", None, "yes", None, None),  # a row that belongs to nobody
        (10, "ivy@example.org", None, "no", "false", "yes"),
        (11, "hal@OLD.example.org", None, None, None, "yes"),
        (12, "-", "-", "yes", "yes", "no"),
        (13, "-", "-", None, None, "yes"),  # no address is not the same address
    ],
    columns=["customer_id", "email", "phone", "objected", "bounced", "consent_email"],
)


def out(rows: pd.DataFrame = ROWS, default: str | None = "DE") -> OptOuts:
    return OptOuts(rows, default_country=default)


def test_by_hand() -> None:
    assert out().left_alone.own.tolist() == [2, 4, 9, 12]
    assert out().left_alone.shared.tolist() == [1, 3, 10, 11]
    assert out().unreachable.own.tolist() == [7, 12]
    assert out().unreachable.shared.tolist() == [8]
    assert out().refused("consent_email").own.tolist() == [5, 12]
    assert out().refused("consent_email").shared.tolist() == [6]
    assert out().refused("consent_sms").everybody.tolist() == []
    assert out().left_alone.everybody.tolist() == [1, 2, 3, 4, 9, 10, 11, 12]


def test_a_phone_that_cannot_be_read_is_matched_by_its_last_digits() -> None:
    rows = pd.DataFrame({
        "customer_id": ["a", "b", "c"],
        "phone": ["0151 23456703", "+4915123456703", "+4915123456704"],
        "objected": ["yes", None, None],
    })  # fmt: skip
    assert out(rows, default=None).left_alone.shared.tolist() == ["b"]


def test_which_columns_said_so() -> None:
    assert out().said_by(9, LEFT_ALONE) == ["objected"]
    assert out().said_by(12, UNREACHABLE) == ["bounced"]
    assert out().said_by(1, LEFT_ALONE) == []


def test_no_contacts_say_nothing() -> None:
    nothing = out(pd.DataFrame({"customer_id": []}))
    assert nothing.left_alone.everybody.empty
    assert nothing.unreachable.everybody.empty


MAILS = st.sampled_from([None, "a@x.org", "A@x.org ", "b@x.org", "c@x.org", "", "n/a"])
PHONES = st.sampled_from(
    [None, "+4915123456701", "0151 23456701", "4915123456701.0", "+49 (0) 151/23456702", "015123456702", ""]
)
CONTACTS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(1, 6)),
        MAILS,
        MAILS,
        PHONES,
        st.sampled_from([None, "yes", "no", "2024-01-01"]),
    ),
    max_size=9,
)


@settings(max_examples=200, deadline=None)
@given(CONTACTS)
def test_as_a_plain_reading_row_by_row(
    contacts: list[tuple[Any, ...]],
) -> None:
    """An oracle without any of the code: the addresses of who said so, and everybody who has one of them."""

    def addresses(row: tuple[object, ...]) -> set[str]:
        mails = {str(m).strip().lower() for m in row[1:3] if m and "@" in str(m)}
        digits = re.sub(r"\D", "", str(row[3] or "").removesuffix(".0").replace("(0)", "").replace("( 0 )", ""))
        return mails | ({digits[-11:].lstrip("0")} if digits else set())

    columns = ["customer_id", "email", "email_2", "phone", "objected"]
    rows = pd.DataFrame(contacts, columns=columns).astype({"customer_id": "Int64"})
    said = {row[0] for row in contacts if row[4] in ("yes", "2024-01-01") and row[0] is not None}
    nobody = [row for row in contacts if row[4] in ("yes", "2024-01-01") and row[0] is None]
    blocked = {a for row in contacts if row[0] in said for a in addresses(row)}
    blocked |= {a for row in nobody for a in addresses(row)}
    hit = {row[0] for row in contacts if addresses(row) & blocked and row[0] is not None} - said
    reach = out(rows).left_alone
    assert set(reach.own) == said
    assert set(reach.shared) == hit
