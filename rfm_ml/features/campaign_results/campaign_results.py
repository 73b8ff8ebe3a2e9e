"""Whether a study's campaigns worked: lift, cost, who was moved, and whether the comparison can be trusted."""

from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from rfm_ml.evaluation.inference import holm
from rfm_ml.experiments.campaign_lift import (
    ALL,
    COLUMNS,
    MAIN,
    PLACEBO,
    Found,
    Outcome,
    holdout_lifts,
    observational_lifts,
)
from rfm_ml.experiments.cuped import cuped
from rfm_ml.experiments.lift import interaction_test
from rfm_ml.experiments.randomisation import balance_table, balance_test, sample_ratio
from rfm_ml.experiments.verdict import LESS, MISMATCH, MORE, NO_EFFECT_SHOWN, Verdict, among
from rfm_ml.features.campaign_results.frames import COVARIATES, PAST, WEIGHTED_BY, CampaignFrames, Frame
from rfm_ml.features.campaign_results.sends import Send, Sends, find_sends
from rfm_ml.features.feature import Feature
from rfm_ml.study.study import Study

HOLDOUT: Final = "hold-out"
OBSERVATIONAL: Final = "observational"

CAMPAIGNS: Final = [
    *("campaign", "sent_on", "design", "treated", "control", "cost", "problem", "ratio_p_value", "balance_p_value"),
    *("worst_balance", "concurrent_treated", "concurrent_control"),
]
"""Columns of the table of campaigns."""


class CampaignResults(Feature):
    """What the campaigns of a study brought.

    Who was held out by lot is what the treated would have been without the campaign. Where nobody was held out,
    comparable customers stand in, and everything is labelled observational.

    What the data do not allow has no rows; `notes` say why.

    Parameters
    ----------
    study
        With a `campaigns:` table, or with groups that its own earlier runs have drawn; else there are no campaigns.

    Examples
    --------
    >>> CampaignResults(Study("params/cdnow.yml")).campaigns.empty
    True
    """

    notebooks = ("71_campaign_results",)

    def __init__(self, study: Study) -> None:
        super().__init__(study)
        self.asked = study.params.campaign_results
        self._found: dict[tuple[str, str], Found] = {}

    @cached_property
    def _campaigns_sent(self) -> Sends:
        return find_sends(self.study)

    @property
    def sends(self) -> list[Send]:
        """The campaigns that are judged, by day."""
        return self._campaigns_sent.judged

    @cached_property
    def _frames(self) -> CampaignFrames:
        return CampaignFrames(self.study, self._campaigns_sent)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return lifts, campaigns and how alike the groups are, if there are campaigns to judge."""
        if not self.sends:
            return {}
        return {"campaign_lift": self.lift, "campaigns": self.campaigns, "campaign_balance": self.balance}

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What is compared: orders, spend, and margin where it is known."""
        unit = self.study.params.currency or "units"
        found = [Outcome("after_orders", "orders", "orders"), Outcome("after_spend", f"{unit} of spend", "spend")]
        if "margin" in self._frames.days.columns or self._frames.margin_share is not None:
            found.append(Outcome("after_margin", f"{unit} of margin", "margin"))
        return found

    @cached_property
    def frames(self) -> dict[str, tuple[Send, Frame | None, Verdict | None]]:
        """Each campaign with its customers, or None and why there is nothing to compare."""
        return {send.campaign: (send, frame, why) for send, frame, why in self._frames.each()}

    @cached_property
    def notes(self) -> list[str]:
        """What to know before relying on the figures."""
        if not self.sends:
            why = "There are no campaigns to judge. Name a campaigns: table in the params, with a group per customer."
            return [why, *self._campaigns_sent.notes]
        found = [*self._campaigns_sent.notes, *self._frames.notes]
        if self._frames.margin_share is not None:
            found.append(f"Margin is assumed to be {self._frames.margin_share:.0%} of spend, as in clv: of the params.")
        if any(s.has_holdout and s.holdout is None for s in self.sends):
            found.append("Some group sizes are not tested: the params do not say which share was to be held out.")
        if self.study.params.customers.by is not None:
            found.append("Customers have a segment in each channel, so campaigns are judged in all, not by segment.")
        return found + [f"{s.campaign}: {note}" for s in self.sends for note in s.notes]

    @cached_property
    def campaigns(self) -> pd.DataFrame:
        """One row per campaign, `CAMPAIGNS`: how it can be judged, or why not."""
        return pd.DataFrame([self._campaign(*parts) for parts in self.frames.values()], columns=CAMPAIGNS)

    def _campaign(self, send: Send, frame: Frame | None, why: Verdict | None) -> dict[str, Any]:
        row: dict[str, Any] = {
            "campaign": send.campaign,
            "sent_on": pd.Timestamp(send.sent_on),
            "design": HOLDOUT if send.has_holdout else OBSERVATIONAL,
            "treated": int(send.customers["treated"].sum()),
            "control": int((~send.customers["treated"]).sum()) if frame is None else int((~frame.now["treated"]).sum()),
            "cost": np.nan if send.cost is None else send.cost,
            "problem": why.words if why else "",
        }
        if frame is None:
            return row
        row |= dict(zip(("concurrent_treated", "concurrent_control"), frame.concurrent, strict=True))
        if not send.has_holdout:
            found = [self._observational(send, frame, o) for o in self.outcomes]
            overlaps = [f.overlap for f in found if f.overlap is not None]
            doubts = [f.problem for f in found if f.problem]
            return row | {
                "problem": doubts[0] if doubts else "",
                "worst_balance": overlaps[0].worst_balance if overlaps else np.nan,
            }
        mismatch = self._mismatch(send)
        ratio = self._ratio(send)
        got = frame.now["treated"].to_numpy()
        if got.any() and not got.all():
            table = balance_table(frame.now[COVARIATES], got)
            row["balance_p_value"] = balance_test(frame.now[COVARIATES], got)
            row["worst_balance"] = float(table["standardised_difference"].abs().max())
        return row | {"problem": mismatch[1] if mismatch else "", "ratio_p_value": ratio}

    def _ratio(self, send: Send) -> float:
        if send.holdout is None:
            return float("nan")
        return sample_ratio(send.customers["treated"], holdout=send.holdout).p_value

    def _mismatch(self, send: Send) -> tuple[str, str] | None:
        if send.holdout is None or not send.has_holdout:
            return None
        found = sample_ratio(send.customers["treated"], holdout=send.holdout)
        if not found.mismatch:
            return None
        return MISMATCH, f"{found.holdout:.1%} were held out, {found.expected:.1%} were to be (p {found.p_value:.1g})"

    def _observational(self, send: Send, frame: Frame, outcome: Outcome) -> Found:
        key = (send.campaign, outcome.name)
        if key not in self._found:
            self._found[key] = observational_lifts(
                frame.now, outcome, covariates=WEIGHTED_BY, before=frame.earlier, level=self.asked.level
            )
        return self._found[key]

    @cached_property
    def lift(self) -> pd.DataFrame:
        """`campaign, sent_on, design` and `evaluation.campaign_lift.COLUMNS`, per segment, outcome and method."""
        parts = []
        for send, frame, why in self.frames.values():
            design = HOLDOUT if send.has_holdout else OBSERVATIONAL
            for outcome in self.outcomes:
                rows = self._without(send, outcome, why) if frame is None else self._rows(send, frame, outcome)
                first = {"campaign": send.campaign, "sent_on": pd.Timestamp(send.sent_on), "design": design}
                parts.append(pd.concat([pd.DataFrame([first] * len(rows)), rows.reset_index(drop=True)], axis=1))
        columns = ["campaign", "sent_on", "design", *COLUMNS]
        if not parts:
            return pd.DataFrame(columns=columns)
        table = pd.concat(parts, ignore_index=True)[columns]
        # Campaigns are many, too: the chance of any false claim about one of them.
        whole = (table["segment"] == ALL) & table["decides"].astype(bool)
        for _, rows in table[whole].groupby("outcome"):
            looks = int(rows["p_value"].notna().sum())
            for at, p in zip(rows.index, holm(rows["p_value"].astype(float)), strict=True):
                table.loc[at, "p_holm"] = p
                if table.loc[at, "verdict"] in (MORE, LESS):
                    said = str(table.loc[at, "words"])
                    table.loc[at, "words"] = among(said, looks=looks, p_adjusted=float(p), level=self.asked.level)
        return table

    def _rows(self, send: Send, frame: Frame, outcome: Outcome) -> pd.DataFrame:
        if not send.has_holdout:
            return self._observational(send, frame, outcome).rows
        return holdout_lifts(
            frame.now, outcome, past=PAST, level=self.asked.level, problem=self._mismatch(send), seed=len(send.campaign)
        )

    def _without(self, send: Send, outcome: Outcome, why: Verdict | None) -> pd.DataFrame:
        return pd.DataFrame([{
            "segment": ALL,
            "outcome": outcome.name,
            "method": MAIN[0 if send.has_holdout else 1],
            "decides": True,
            "treated": int(send.customers["treated"].sum()),
            "control": int((~send.customers["treated"]).sum()),
            "verdict": why.verdict if why else "",
            "words": f"Nothing to say: {why.words}." if why else "",
        }]).reindex(columns=COLUMNS)  # fmt: skip

    @cached_property
    def totals(self) -> pd.DataFrame:
        """The rows of `lift` that the verdicts on whole campaigns rest on."""
        return self.lift[(self.lift["segment"] == ALL) & self.lift["decides"].astype(bool)].reset_index(drop=True)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """The rows of `lift` on single segments."""
        return self.lift[self.lift["segment"] != ALL].reset_index(drop=True)

    @cached_property
    def interactions(self) -> pd.DataFrame:
        """`campaign, outcome, segments, statistic, p_value, p_holm`: whether lifts differ between segments."""
        rows = []
        for (campaign, outcome), part in self.segments.groupby(["campaign", "outcome"], sort=False):
            found = interaction_test(part.rename(columns={"lift": "difference"}))
            if found.segments >= 2:
                rows.append({"campaign": campaign, "outcome": outcome, **found._asdict()})
        table = pd.DataFrame(rows, columns=["campaign", "outcome", "segments", "statistic", "p_value"])
        return table.assign(p_holm=holm(table["p_value"]))

    @cached_property
    def reductions(self) -> pd.DataFrame:
        """`campaign, outcome, reduction`: share of the variance that past orders and spend explain (CUPED)."""
        rows = []
        for send, frame, _ in self.frames.values():
            if frame is not None and send.has_holdout:
                past = frame.now[PAST].to_numpy(dtype=float)
                rows += [
                    {
                        "campaign": send.campaign,
                        "outcome": o.name,
                        "reduction": cuped(frame.now[o.column], past).reduction,
                    }
                    for o in self.outcomes
                ]
        return pd.DataFrame(rows, columns=["campaign", "outcome", "reduction"])

    @cached_property
    def balance(self) -> pd.DataFrame:
        """`campaign, covariate, before, after`: standardised differences; after weighting without a hold-out alone."""
        parts = []
        for send, frame, _ in self.frames.values():
            if frame is None or frame.now["treated"].nunique() < 2:
                continue
            if send.has_holdout:
                table = balance_table(frame.now[COVARIATES], frame.now["treated"])
                table = table.rename(columns={"standardised_difference": "before"}).assign(after=np.nan)
            else:
                overlap = self._observational(send, frame, self.outcomes[0]).overlap
                if overlap is None:
                    continue
                table = overlap.balance
            parts.append(table.assign(campaign=send.campaign)[["campaign", "covariate", "before", "after"]])
        columns = ["campaign", "covariate", "before", "after"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def drawn(self, campaign: str) -> pd.DataFrame | None:
        """Return the customers of a campaign, None if it cannot be judged against a hold-out."""
        send, frame, _ = self.frames[campaign]
        if frame is None or not send.has_holdout or self._mismatch(send) or frame.now["treated"].nunique() < 2:
            return None
        return frame.now

    @property
    def largest(self) -> str:
        """The campaign with the most customers among those that can be compared; empty if there is none."""
        sizes = {n: len(send.customers) for n, (send, frame, _) in self.frames.items() if frame is not None}
        return max(sizes, key=lambda name: (sizes[name], name), default="")

    @cached_property
    def placebos(self) -> tuple[int, int]:
        """How many placebos on orders are below 0, of how many; no test, as campaigns share customers and weeks."""
        found = self.lift[(self.lift["method"] == PLACEBO) & (self.lift["outcome"] == "orders")]["lift"].dropna()
        return int((found < 0).sum()), len(found)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many campaigns have which verdict on orders."""
        found = self.totals.loc[self.totals["outcome"] == "orders", "verdict"].value_counts()
        order = [MORE, NO_EFFECT_SHOWN]
        return {k: int(found[k]) for k in sorted(found.index, key=lambda v: (v not in order, v))}
