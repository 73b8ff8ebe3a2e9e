"""What a study is about to send: who gets what, what it may pay, and how large a lift it could show."""

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns import playbook_entry, playbook_table
from rfm_ml.campaigns.holdout import CONTROL, holdout_balance
from rfm_ml.customers.windows import window_sums
from rfm_ml.evaluation.profit import profit_curve
from rfm_ml.experiments.power import HOLDOUTS, power_table
from rfm_ml.features.audiences.audiences import WILLING, Audiences
from rfm_ml.features.audiences.lists import BELOW_MINIMUM, holdout_table
from rfm_ml.study.study import Study

RESPONSES: Final = (0.05, 0.1, 0.2)
"""Shares of a customer's spend that a message is taken to bring about, for the profit by depth."""

TOP_SEGMENTS: Final = 3

MESSAGES: Final = ("email", "sms", "push", "call", "post")
"""Channels whose lists bring a message to each customer; adverts and web pages are seen by whoever comes by."""

STEPS: Final = {
    "erased": "must_not",
    "erased or objected": "must_not",
    "no consent": "must_not",
    "refused": "must_not",
    "bounced or complained": "must_not",
    WILLING: "need_not",
    "written to often enough lately": "need_not",
    "beyond the most": "need_not",
    "held out of every list": "held_out",
    "held out of this list": "held_out",
    "of no use to the destination": "no_use",
    "same address as another customer": "no_use",
    BELOW_MINIMUM: "no_use",
}
"""The filters by the beginning of their names, in four groups, in the order in which they apply."""

POWER: Final = [
    "outcome",
    "holdout",
    "treated",
    "control",
    "mean",
    "standard_deviation",
    "reduction",
    "detectable_lift",
    "detectable_share",
]


class CampaignPlan:
    """The audiences of a study before they are sent; without any, what the playbook proposes for its segments.

    Parameters
    ----------
    study
        With `audiences` in its params, or without.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.audiences = study.feature(Audiences)

    @property
    def names(self) -> list[str]:
        """Names of the audiences."""
        return self.audiences.names

    @cached_property
    def _written(self) -> dict[str, dict[str, Any]]:
        """The manifests of the run that this is part of; empty outside of one."""
        return self.study.context.lists(basis=self.study.basis)

    def counts(self, name: str) -> pd.DataFrame:
        """Return `step, left_out, remaining` of an audience; what its destination rejects is known only in a run."""
        if not name:
            return pd.DataFrame(columns=["step", "left_out", "remaining"])
        if name in self._written:
            return pd.DataFrame(self._written[name]["counts"])
        return self.audiences.prepared(name).funnel.table

    @cached_property
    def lead(self) -> str:
        """The audience that is looked at closely; empty if there is none.

        The largest list that carries a message and has a hold-out; else that carries a message; else of all.
        """
        sizes = {name: int(self.counts(name)["remaining"].iloc[-1]) for name in self.names}
        return max(sizes, key=lambda n: (self._writes(n), self._writes(n) and self._held(n), sizes[n]), default="")

    def _writes(self, name: str) -> bool:
        return self.audiences.given[name].asks in MESSAGES and not self.audiences.given[name].suppression

    @cached_property
    def overlap(self) -> pd.DataFrame:
        """How many customers each two lists share, as `overlap`, of those lists that carry messages."""
        shared, writing = self.audiences.overlap, [n for n in self.names if self._writes(n)]
        return shared[shared["audience"].isin(writing) & shared["other"].isin(writing)].reset_index(drop=True)

    @cached_property
    def overview(self) -> pd.DataFrame:
        """Who gets what: `audience, whom, destination, channel, selected, customers, status`."""
        rows = []
        for name in self.names:
            given, counts = self.audiences.given[name], self.counts(name)
            status = self._written[name]["status"] if name in self._written else "not written yet"
            whom = given.description or self._whom(name)
            ends = (int(counts["remaining"].iloc[0]), int(counts["remaining"].iloc[-1]))
            rows.append((name, whom, given.destination, str(given.asks or "").replace("_", "-"), *ends, status))
        columns = ["audience", "whom", "destination", "channel", "selected", "customers", "status"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def reconciliation(self) -> pd.DataFrame:
        """One row per audience: `audience, selected, must_not, need_not, held_out, no_use, on_the_list`.

        Between the two ends, those left out by the filters of each group of `STEPS`, in the order applied.
        """
        rows = []
        for name in self.names:
            counts = self.counts(name)
            out = dict.fromkeys(STEPS.values(), 0)
            for step, left_out in counts[["step", "left_out"]].iloc[1:].itertuples(index=False):
                out[next(group for start, group in STEPS.items() if step.startswith(start))] += int(left_out)
            ends = [int(counts["remaining"].iloc[i]) for i in (0, -1)]
            rows.append({"audience": name, "selected": ends[0], **out, "on_the_list": ends[1]})
        return pd.DataFrame(rows, columns=["audience", "selected", *dict.fromkeys(STEPS.values()), "on_the_list"])

    @cached_property
    def adds_up(self) -> bool:
        """Whether those left out and those on the list are those selected, for every audience."""
        table = self.reconciliation.set_index("audience")
        out = table.drop(columns=["selected", "on_the_list"]).sum(axis=1)
        return bool((table["selected"] == out + table["on_the_list"]).all())

    def advice(self, name: str = "") -> pd.DataFrame:
        """Return what the playbook says of the segments in an audience, or of the leading strategy's largest ones.

        `segment, customers, aim, offer_policy, message_idea`, the largest segments first.
        """
        if name:
            segments = self.audiences.prepared(name).groups["segment"].value_counts()
        else:
            segments = self.study.segments()["segment"].value_counts()
        known = [s for s in segments.index if playbook_entry(self.study.playbook, str(s))][:TOP_SEGMENTS]
        table = playbook_table(self.study.playbook, known).drop(columns="channels")
        table.insert(1, "customers", [int(segments[s]) for s in known])
        return table

    @cached_property
    def balance(self) -> pd.DataFrame:
        """Every hold-out by segment, as `holdout_balance`, with `audience`."""
        nobody = pd.DataFrame(columns=["group", "segment", "past_spend"])
        empty = holdout_balance(nobody).iloc[:0].assign(audience="")
        parts = [holdout_table(self.audiences, n).assign(audience=n) for n in self.names if self._held(n)]
        return pd.concat(parts, ignore_index=True) if parts else empty

    def _held(self, name: str) -> bool:
        return bool(self.audiences.prepared(name).groups["group"].eq(CONTROL).any())

    def profit(self, name: str = "", *, contact_cost: float) -> pd.DataFrame:
        """Return the expected profit of writing to the best of an audience, or of all customers, as `profit_curve`.

        By predicted spend; empty without predictions.

        Parameters
        ----------
        name
            An audience; empty for all customers.
        contact_cost
            Of one message, in currency.
        """
        if self.study.params.clv is None or self.study.why_no_predictions:
            return pd.DataFrame(columns=["response", "depth", "profit"])
        expected = self.study.predictions.groupby("customer_id")["expected_spend"].sum()
        chosen = expected[expected.index.isin(self._customers(name))].to_numpy()
        if len(chosen) == 0:
            return pd.DataFrame(columns=["response", "depth", "profit"])
        margin = self.study.params.clv.margin
        return profit_curve(chosen, chosen, margin=margin, contact_cost=contact_cost, response=RESPONSES)

    def power(self, name: str = "") -> pd.DataFrame:
        """Return how large a lift the list of an audience, or all customers, can show, as `power_table`.

        The last `campaign_results.window_days` stand in for the campaign's window, as many days before for the past.
        """
        return self._power(name, HOLDOUTS)

    @cached_property
    def shows(self) -> pd.DataFrame:
        """The least lift that each list with a hold-out can show, by the hold-out that was drawn.

        `audience, customers, held_out`, `orders_lift_share` and `spend_lift_share` (of the mean), and `spend_lift` per
        customer in currency. Missing where nobody ordered in the days that stand in, so that nothing can be said.
        """
        rows = []
        for name in self.names:
            drawn = self.audiences.prepared(name).groups["group"].eq(CONTROL)
            table = self._power(name, (float(drawn.mean()),)) if 0 < drawn.mean() < 1 else pd.DataFrame(columns=POWER)
            if table.empty:
                continue
            orders, spend = (table[table["outcome"] == o].iloc[0] for o in ("orders", "spend"))
            shares = (orders["detectable_share"], spend["detectable_share"])
            rows.append(
                (name, len(drawn), int(drawn.sum()), *shares, spend["detectable_lift"] if spend["mean"] else None)
            )
        columns = ["audience", "customers", "held_out", "orders_lift_share", "spend_lift_share", "spend_lift"]
        return pd.DataFrame(rows, columns=columns)

    def _power(self, name: str, holdouts: Sequence[float]) -> pd.DataFrame:
        ids = self._customers(name)
        if len(ids) < 2:
            return pd.DataFrame(columns=POWER)
        days = self.study.params.campaign_results.window_days
        targets = pd.DataFrame({"customer_id": ids, "day": self.study.as_of + dt.timedelta(days=1)})
        windows = {"now": (-days, 0), "past": (-2 * days, -days)}
        sums = window_sums(self.study.orders, targets, windows=windows)
        now, past = (sums[[f"{w}_orders", f"{w}_spend"]].set_axis(["orders", "spend"], axis=1) for w in windows)
        return power_table(now.astype(float), past=past.astype(float), holdouts=holdouts)

    def _customers(self, name: str) -> list[Any]:
        ids = self.study.customers["customer_id"].drop_duplicates()
        return ids[ids.isin(self.audiences.prepared(name).groups["customer_id"])].tolist() if name else ids.tolist()

    def _whom(self, name: str) -> str:
        given = self.audiences.given[name]
        found = ", ".join(given.segments or []) or given.dynamic or given.trigger or ""
        return found or (f"the best {given.top.n:,} by {given.top.by}" if given.top else "everybody")
