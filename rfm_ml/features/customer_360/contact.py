"""What contacts and campaigns say of one customer; never a name, an address or a number."""

import re
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns.filters import ELSEWHERE
from rfm_ml.campaigns.holdout import CONTROL
from rfm_ml.campaigns.manifest import WRITTEN, read_groups, read_manifest
from rfm_ml.campaigns.opt_outs import LEFT_ALONE, UNREACHABLE, OptOuts, consents
from rfm_ml.criteria.columns import TAG_SEPARATOR
from rfm_ml.features.panels.panels import MOST_MONTHS
from rfm_ml.study.study import Study

RECEIVED: Final = "received"
HELD_OUT: Final = "held out"

LEAVE_ALONE: Final = "must be left alone"
"""What is said of customers who were erased, have objected or are suppressed; nothing is offered to them."""

ANSWERS: Final = {True: "yes", False: "no", None: "never asked"}


def contact_facts(study: Study, customer_id: Any) -> dict[str, str]:
    """Return tags, consent per channel and objections, as words by what they are about; empty without contacts.

    Parameters
    ----------
    study
        Any study.
    customer_id
        As the tables write it.
    """
    contacts = study.contacts
    if contacts is None:
        return {}
    contact = contacts.filter(contacts.customer_id == customer_id)
    asked = {c.removeprefix("consent_"): c for c in contact.columns if c.startswith("consent_")}
    asked |= {k: c for k, c in study.params.activation.consents.items() if c in contact.columns}
    columns = list(dict.fromkeys([*(c for c in ("tags",) if c in contact.columns), *asked.values()]))
    said = contact.select("customer_id", *columns).limit(1).to_pyarrow().to_pandas()
    if said.empty:
        return {"contact": "not among the contacts"}
    facts = {}
    if "tags" in said:
        facts["tags"] = ", ".join(_tags(said["tags"].iloc[0])) or "none"
    if asked:
        answers = {channel: _answer(study.opt_outs, customer_id, c, said[c]) for channel, c in asked.items()}
        facts["consent"] = ", ".join(f"{channel} {answer}" for channel, answer in answers.items())
    out = study.opt_outs
    for about, columns_of, reach in (
        (LEAVE_ALONE, LEFT_ALONE, out.left_alone),
        ("no message reaches", UNREACHABLE, out.unreachable),
    ):
        if reach.own.eq(customer_id).any():
            facts[about] = ", ".join(out.said_by(customer_id, columns_of))
        elif reach.shared.eq(customer_id).any():
            facts[about] = f"{' or '.join(columns_of)} {ELSEWHERE}, under another id"
    return facts


def _answer(out: OptOuts, customer_id: Any, consent: str, said: pd.Series) -> str:
    """Return what a contact answered, or what somebody with the same address did."""
    refused = out.refused(consent)
    if refused.shared.eq(customer_id).any():
        return f"refused {ELSEWHERE}"
    return ANSWERS[False] if refused.own.eq(customer_id).any() else ANSWERS[consents(said)[0].iloc[0]]


def _tags(value: Any) -> list[str]:
    if isinstance(value, str):
        return [t for t in map(str.strip, re.split(TAG_SEPARATOR, value)) if t]
    return [] if value is None or value is pd.NA or isinstance(value, float) else [str(t) for t in value]


def campaigns_received(study: Study, customer_id: Any) -> pd.DataFrame:
    """Return what was sent to one customer, or held back from them by lot, up to the day, the latest first.

    Parameters
    ----------
    study
        Any study.
    customer_id
        As the tables write it.

    Returns
    -------
    DataFrame
        `day, campaign, got`; `got` is `RECEIVED` or `HELD_OUT`. From the study's campaigns table, and from the lists
        of earlier runs: "every list" is the hold-out of all of them.
    """
    rows = [*_from_table(study, customer_id), *_from_lists(study, customer_id)]
    found = pd.DataFrame(rows, columns=["day", "campaign", "got"]).astype({"day": "datetime64[us]"})
    return found.sort_values(["day", "campaign"], ascending=[False, True], ignore_index=True)


def _from_table(study: Study, customer_id: Any) -> list[tuple[Any, str, str]]:
    table = study.campaigns
    if table is None:
        return []
    received = table.filter((table.customer_id == customer_id) & (table.sent_at.date() <= study.as_of))
    shown = [c for c in ("sent_at", "campaign_id", "group") if c in received.columns]
    sent = received.select(shown).to_pyarrow().to_pandas()
    groups = sent["group"] if "group" in sent else [None] * len(sent)
    return [
        (pd.Timestamp(at).normalize(), str(campaign), HELD_OUT if group == CONTROL else RECEIVED)
        for at, campaign, group in zip(sent["sent_at"], sent["campaign_id"], groups, strict=True)
    ]


def _from_lists(study: Study, customer_id: Any) -> list[tuple[Any, str, str]]:
    found = []
    for day, published in list(study.earlier.runs().items())[:MOST_MONTHS]:
        for folder in published.lists().values():
            if read_manifest(folder)["status"] == WRITTEN:
                groups = read_groups(folder / "groups.parquet")
                rows = groups[groups["customer_id"] == customer_id]
                told = [HELD_OUT] * int((rows["group"] == CONTROL).any()) or [RECEIVED] * int(rows["listed"].any())
                found += [(pd.Timestamp(day), folder.name, got) for got in told]
        if published.global_groups.exists():
            groups = read_groups(published.global_groups)
            out = groups.loc[groups["group"] == CONTROL, "customer_id"]
            found += [(pd.Timestamp(day), "every list", HELD_OUT)] * int(out.eq(customer_id).any())
    return found
