"""What a study is about to send: who gets what, what it may pay, and how large a lift it could show."""

import datetime as dt
import json
from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns import playbook_entry, playbook_table
from rfm_ml.campaigns.holdout import CONTROL, holdout_balance
from rfm_ml.customers.windows import window_sums
from rfm_ml.evaluation.power import power_table
from rfm_ml.evaluation.profit import profit_curve
from rfm_ml.study.audiences import Audiences
from rfm_ml.study.deliveries import holdout_table, lists_file
from rfm_ml.study.study import Study

RESPONSES: Final = (0.05, 0.1, 0.2)
"""Shares of a customer's spend that a message is taken to bring about, for the profit by depth."""

TOP_SEGMENTS: Final = 3

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
        self.audiences = Audiences(study)

    @property
    def names(self) -> list[str]:
        """Names of the audiences."""
        return self.audiences.names

    @cached_property
    def _written(self) -> dict[str, dict[str, Any]]:
        """The manifests of the run that this is part of; empty outside of one."""
        file = lists_file(self.study)
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def counts(self, name: str) -> pd.DataFrame:
        """Return `step, left_out, remaining` of an audience; what its destination rejects is known only in a run."""
        if not name:
            return pd.DataFrame(columns=["step", "left_out", "remaining"])
        if name in self._written:
            return pd.DataFrame(self._written[name]["counts"])
        return self.audiences.prepared(name).funnel.table

    @cached_property
    def largest(self) -> str:
        """The audience with most customers on its list; empty if there is none."""
        sizes = {name: int(self.counts(name)["remaining"].iloc[-1]) for name in self.names}
        return max(sizes, key=lambda n: sizes[n]) if sizes else ""

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
        """One row per audience: `audience, selected`, a column per filter with those it left out, `on_the_list`."""
        rows = {}
        for name in self.names:
            counts = self.counts(name)
            steps = ["no consent" if str(s).startswith("no consent") else s for s in counts["step"]]
            out = {step: int(n) for step, n in zip(steps[1:], counts["left_out"].iloc[1:], strict=True)}
            ends = {"selected": int(counts["remaining"].iloc[0]), "on_the_list": int(counts["remaining"].iloc[-1])}
            rows[name] = {"selected": ends["selected"], **out, "on_the_list": ends["on_the_list"]}
        table = pd.DataFrame.from_dict(rows, orient="index").fillna(0).astype("int64")
        if table.empty:
            return pd.DataFrame(columns=["audience", "selected", "on_the_list"])
        steps = [c for c in table.columns if c not in ("selected", "on_the_list") and table[c].any()]
        return table[["selected", *steps, "on_the_list"]].rename_axis("audience").reset_index()

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
        if self.study.params.clv is None:
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
        ids = self._customers(name)
        if len(ids) < 2:
            return pd.DataFrame(columns=POWER)
        days = self.study.params.campaign_results.window_days
        targets = pd.DataFrame({"customer_id": ids, "day": self.study.as_of + dt.timedelta(days=1)})
        windows = {"now": (-days, 0), "past": (-2 * days, -days)}
        sums = window_sums(self.study.orders, targets, windows=windows)
        now, past = (sums[[f"{w}_orders", f"{w}_spend"]].set_axis(["orders", "spend"], axis=1) for w in windows)
        return power_table(now.astype(float), past=past.astype(float))

    def _customers(self, name: str) -> list[Any]:
        ids = self.study.customers["customer_id"].drop_duplicates()
        return ids[ids.isin(self.audiences.prepared(name).groups["customer_id"])].tolist() if name else ids.tolist()

    def _whom(self, name: str) -> str:
        given = self.audiences.given[name]
        found = ", ".join(given.segments or []) or given.dynamic or given.trigger or ""
        return found or (f"the best {given.top.n:,} by {given.top.by}" if given.top else "everybody")
