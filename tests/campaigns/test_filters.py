"""Filters: who leaves at which step, counted once, and always adding up."""

import ibis
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.campaigns.filters import Funnel, leave_out_contacts, often_contacted
from rfm_ml.campaigns.opt_outs import OptOuts, consents

CONTACTS = pd.DataFrame({
    "customer_id": list("abcdefgh"),
    "erased": [True, False, None, False, False, False, False, False],
    "objected": [None, "2024-05-01", "no", "", None, None, None, None],
    "suppressed": [0, 0, 0, 1, 0, 0, 0, 0],
    "consent_email": ["yes", "yes", "yes", "yes", "no", None, "granted", "maybe"],
    "bounced": [False, False, True, False, False, False, False, False],
    "complained": [False, False, True, False, False, False, True, False],
})  # fmt: skip


def contacts() -> ibis.expr.types.Table:
    return ibis.memtable(pa.Table.from_pandas(CONTACTS))


def test_each_filter_in_its_order_by_hand() -> None:
    funnel = Funnel(pd.Series(["h", "g", "f", "e", "d", "c", "b", "a", "x"]))  # x is no contact
    unknown = leave_out_contacts(funnel, contacts(), OptOuts(CONTACTS), channel="email", consent="consent_email")
    assert funnel.table.to_numpy().tolist() == [
        ["selected", 0, 9],
        ["erased or objected", 3, 6],  # a, b, d
        ["erased or objected at this e-mail or phone", 0, 6],
        ["no consent for email", 4, 2],  # e refused, f never asked, h "maybe", x unknown
        ["refused email at this e-mail or phone", 0, 2],
        ["bounced or complained", 2, 0],  # c, g
        ["bounced or complained at this e-mail or phone", 0, 0],
    ]
    assert unknown == 1
    assert dict(funnel.suppressed.to_numpy().tolist()) == {
        **dict.fromkeys("abd", "erased or objected"),
        **dict.fromkeys("efhx", "no consent for email"),
        **dict.fromkeys("cg", "bounced or complained"),
    }


def test_nobody_consented_where_the_column_is_missing() -> None:
    funnel = Funnel(["c", "e"])
    leave_out_contacts(funnel, contacts(), OptOuts(CONTACTS), channel="sms", consent="consent_sms")
    assert funnel.remaining == []
    assert funnel.steps[3] == ("no consent for sms", 2, 0)


def test_in_house_needs_no_consent_but_no_objection_either() -> None:
    funnel = Funnel(["a", "e", "x"])
    leave_out_contacts(funnel, contacts(), OptOuts(CONTACTS), channel="in_house", consent=None)
    assert funnel.remaining == ["e", "x"]


def test_consent_words() -> None:
    words = pd.Series([True, False, 1, 0, "TRUE", " Subscribed ", "unsubscribed", "", None, float("nan"), "ok", 2])
    read, unknown = consents(words)
    assert read.tolist() == [True, False, True, False, True, True, False, None, None, None, None, None]
    assert unknown == 2


@given(
    st.lists(st.integers(0, 30), unique=True),
    st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 40))), max_size=6),
)
def test_counts_add_up_whatever_is_left_out(ids: list[int], filters: list[tuple[bool, list[int]]]) -> None:
    funnel = Funnel(pd.Series(ids, dtype="int64"))
    for k, (keep, listed) in enumerate(filters):
        (funnel.keep if keep else funnel.leave_out)(f"step {k}", listed)
    table = funnel.table
    assert (table["remaining"] + table["left_out"] == table["remaining"].shift(fill_value=len(ids))).all()
    assert sorted([*funnel.remaining, *funnel.suppressed["customer_id"]]) == sorted(ids)
    assert funnel.suppressed["reason"].value_counts().to_dict() == {
        step: out for step, out, _ in funnel.steps[1:] if out
    }


def test_frequency_counts_the_days_and_not_those_held_out() -> None:
    sent = pd.DataFrame({
        "customer_id": ["a", "a", "b", "b", "c", "c", "d", "d"],
        "sent_at": pd.to_datetime([
            "2024-05-01 09:00", "2024-05-30 23:59",  # 30 days, first and last
            "2024-04-30 09:00", "2024-05-30 09:00",  # one of them too long ago
            "2024-05-10 09:00", "2024-05-11 09:00",  # held out of one
            "2024-05-30 09:00", "2024-05-31 00:00",  # one after the day
        ]),
        "group": [None, "treatment", None, None, "control", "treatment", None, None],
    })  # fmt: skip
    often = often_contacted(sent, as_of=pd.Timestamp("2024-05-30"), most=2, within_days=30)
    assert often.tolist() == ["a"]
