"""Who of an audience may be contacted: every filter in its order, every customer left out counted once."""

from collections.abc import Iterable
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd

from rfm_ml.campaigns.opt_outs import OptOuts, Reach, consents

ELSEWHERE: Final = "at this e-mail or phone"
"""Ending of the steps that leave somebody out for what a contact with the same address said."""


class Funnel:
    """Customers of an audience, filter by filter; their order stays.

    Examples
    --------
    >>> funnel = Funnel(["C1", "C2", "C3"])
    >>> funnel.leave_out("no consent", ["C2", "C9"])
    >>> funnel.remaining, funnel.table["remaining"].tolist()
    (['C1', 'C3'], [3, 2])
    """

    def __init__(self, customer_ids: Iterable[Any]) -> None:
        dtype = customer_ids.dtype if isinstance(customer_ids, pd.Series) else None
        self._left = pd.Series(list(customer_ids), name="customer_id", dtype=dtype)
        self._out: list[pd.DataFrame] = []
        self.steps: list[tuple[str, int, int]] = [("selected", 0, len(self._left))]

    @property
    def ids(self) -> pd.Series:
        """Who is left, in the order given."""
        return self._left

    @property
    def remaining(self) -> list[Any]:
        """Who is left, as a list."""
        return self._left.tolist()

    def leave_out(self, step: str, customer_ids: Iterable[Any]) -> None:
        """Take customers out by a filter; those who are not there, or not any more, are not counted."""
        gone = self._left.isin(list(customer_ids))
        self._out.append(pd.DataFrame({"customer_id": self._left[gone], "reason": step}))
        self._left = self._left[~gone].reset_index(drop=True)
        self.steps.append((step, int(gone.sum()), len(self._left)))

    def keep(self, step: str, customer_ids: Iterable[Any]) -> None:
        """Take all others out."""
        self.leave_out(step, self._left[~self._left.isin(list(customer_ids))])

    @property
    def table(self) -> pd.DataFrame:
        """`step, left_out, remaining` in the order of the filters; what is left out and remains adds up."""
        return pd.DataFrame(self.steps, columns=["step", "left_out", "remaining"])

    @property
    def suppressed(self) -> pd.DataFrame:
        """`customer_id, reason` of everybody left out, sorted by customer."""
        parts = [p for p in self._out if len(p)]
        empty = pd.DataFrame({"customer_id": self._left.iloc[:0], "reason": pd.Series(dtype="str")})
        return (pd.concat(parts) if parts else empty).sort_values("customer_id", ignore_index=True)


def leave_out_contacts(
    funnel: Funnel, contacts: ir.Table, opt_outs: OptOuts, *, channel: str, consent: str | None
) -> int:
    """Apply what contacts said: objections, consent for the channel, bounces and complaints, in this order.

    Each holds for whoever has the same e-mail or phone under another id, counted in a step of its own. The funnel is
    changed in place.

    Parameters
    ----------
    contacts
        One row per contact: `customer_id` and the column of the consent.
    channel
        Its name, for the reason.
    consent
        Column of the consent; None if nobody is contacted, so that none is needed. A column that is not there, and
        a customer who is no contact, count as no consent.

    Returns
    -------
    Values of the consent that could not be read; they count as no consent.
    """
    unknown = 0
    _leave_out_reach(funnel, "erased or objected", opt_outs.left_alone)
    if consent is not None:
        granted, refused = pd.Series(dtype="object"), opt_outs.refused(consent)
        if consent in contacts.columns:
            said = contacts.select("customer_id", consent).to_pyarrow().to_pandas()
            read, unknown = consents(said[consent])
            granted = said.loc[[given is True for given in read], "customer_id"]
        funnel.keep(f"no consent for {channel}", granted[~granted.isin(refused.own)])
        funnel.leave_out(f"refused {channel} {ELSEWHERE}", refused.shared)
    _leave_out_reach(funnel, "bounced or complained", opt_outs.unreachable)
    return unknown


def _leave_out_reach(funnel: Funnel, step: str, reach: Reach) -> None:
    funnel.leave_out(step, reach.own)
    funnel.leave_out(f"{step} {ELSEWHERE}", reach.shared)


def often_contacted(sent: pd.DataFrame, *, as_of: pd.Timestamp, most: int, within_days: int) -> pd.Series:
    """Return the customers who got `most` messages or more in the last days, the as-of day included.

    `sent` has one row per message: `customer_id, sent_at`, and `group` where known; the control group got nothing.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-05-01", "2024-05-20", "2024-05-20"])
    >>> sent = pd.DataFrame({"customer_id": ["a", "a", "b"], "sent_at": days})
    >>> often_contacted(sent, as_of=pd.Timestamp("2024-05-30"), most=2, within_days=30).tolist()
    ['a']
    """
    days = pd.to_datetime(sent["sent_at"]).dt.normalize()
    counts = (days <= as_of) & (days > as_of - pd.Timedelta(days=within_days))
    if "group" in sent:
        counts &= sent["group"].fillna("") != "control"
    per_customer = sent.loc[counts, "customer_id"].value_counts()
    return pd.Series(per_customer.index[per_customer >= most], name="customer_id")
