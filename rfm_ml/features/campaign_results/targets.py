"""What a study's campaigns cost and earned, and whether a score would have found the customers they moved."""

from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from rfm_ml.evaluation.inference import Interval
from rfm_ml.experiments.lift import Lift, cost_per_order
from rfm_ml.experiments.uplift import policy_values, qini, qini_curve
from rfm_ml.features.campaign_results.campaign_results import CampaignResults

SHARES: Final = {"everybody": 1.0, "best half by score": 0.5, "best fifth by score": 0.2}
"""Rules for whom to contact, as the share of customers with the highest score."""


COSTS: Final = [
    *("campaign", "cost", "orders", "cost_per_order", "low", "high", "margin", "profit", "profit_low", "profit_high"),
]
"""Columns of the table of costs."""


class CampaignTargets:
    """Costs, and the params' score, of the campaigns that were sent with a hold-out; no rows for all others.

    Parameters
    ----------
    results
        Of the study.
    """

    def __init__(self, results: CampaignResults) -> None:
        self.results = results
        self.score = results.asked.score

    @cached_property
    def apart(self) -> list[str]:
        """Campaigns with a hold-out that can be summed, by day: no two windows overlap, no two share a hold-out."""
        found: list[str] = []
        lots: set[str] = set()
        free_from = pd.Timestamp.min
        for send, _, _ in self.results.frames.values():
            known = self.results.drawn(send.campaign) is not None
            if not known or send.lot in lots or pd.Timestamp(send.sent_on) < free_from:
                continue
            found.append(send.campaign)
            lots.add(send.lot)
            free_from = send.customers["day"].max() + pd.Timedelta(days=self.results.asked.window_days)
        return found

    def in_all(self, outcome: str) -> Interval | None:
        """Return the ends of what the campaigns of `apart` brought together; None if there is none.

        Each was drawn anew and nobody's order counts in two, so the variances add.
        """
        totals = self.results.totals
        rows = totals[totals["campaign"].isin(self.apart) & (totals["outcome"] == outcome)].dropna(subset=["low"])
        if rows.empty:
            return None
        error = float(((rows["standard_error"] * rows["treated"]) ** 2).sum() ** 0.5)
        reach = float(norm.ppf((1 + self.results.asked.level) / 2)) * error
        return Interval(float(rows["total"].sum()) - reach, float(rows["total"].sum()) + reach)

    def curve(self, campaign: str, *, outcome: str = "spend") -> pd.DataFrame:
        """Return the Qini curve of a campaign, as `qini_curve`."""
        frame = self.results.drawn(campaign)
        if frame is None:
            return pd.DataFrame(columns=["share", "gain", "by_chance"])
        return qini_curve(frame[f"after_{outcome}"], frame["treated"], frame["score"])

    @cached_property
    def qini(self) -> pd.DataFrame:
        """`campaign, outcome, score, coefficient, low, high` of orders and spend: does the score find who was moved."""
        rows = []
        for name in self.results.frames:
            frame = self.results.drawn(name)
            if frame is None:
                continue
            for outcome in ("orders", "spend"):
                found = qini(frame[f"after_{outcome}"], frame["treated"], frame["score"], repeats=300)
                rows.append({"campaign": name, "outcome": outcome, "score": self.score, **found._asdict()})
        return pd.DataFrame(rows, columns=["campaign", "outcome", "score", "coefficient", "low", "high"])

    @cached_property
    def policies(self) -> pd.DataFrame:
        """`campaign` and the columns of `policy_values`: margin less cost per customer, by rule for whom to contact."""
        tables = []
        for name, (send, _, _) in self.results.frames.items():
            frame = self.results.drawn(name)
            if frame is None or send.cost is None or "after_margin" not in frame:
                continue
            got = frame["treated"].to_numpy(dtype=bool)
            place = frame["score"].rank(pct=True, ascending=False)
            terms = {"treated_share": float(got.mean()), "cost": send.cost / got.sum()}
            rules = {rule: place <= share for rule, share in SHARES.items()}
            values = policy_values(frame["after_margin"], got, rules, **terms, level=self.results.asked.level)
            tables.append(values.assign(campaign=name))
        columns = ["campaign", "policy", "contacted_share", "value", "gain", "low", "high"]
        return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)

    @cached_property
    def costs(self) -> pd.DataFrame:
        """What an incremental order cost and what was earned, `COSTS`; campaigns with a hold-out and known costs alone.

        `low` and `high` are the ends of the cost per order; `high` is missing where the orders may be none: then it is
        not determined. Profit is incremental margin less cost.
        """
        rows = []
        totals = self.results.totals
        for send, _, _ in self.results.frames.values():
            if send.cost is None or self.results.drawn(send.campaign) is None:
                continue
            lifts = totals[totals["campaign"] == send.campaign].set_index("outcome")
            cost = cost_per_order(send.cost, _lift_of(lifts.loc["orders"].to_dict()))
            row = {"campaign": send.campaign, "cost": send.cost, "orders": lifts.loc["orders", "total"]}
            row |= {"cost_per_order": cost.value, "low": cost.low, "high": cost.high}
            if "margin" in lifts.index:
                earned = lifts.loc["margin", ["total", "total_low", "total_high"]].astype(float)
                names = ("profit", "profit_low", "profit_high")
                row |= {"margin": earned.iloc[0], **dict(zip(names, earned - send.cost, strict=True))}
            rows.append(row)
        return pd.DataFrame(rows, columns=COSTS).replace(np.inf, np.nan)


def _lift_of(row: dict[Any, Any]) -> Lift:
    names = {"difference": "lift"}
    return Lift(**{f: row[names.get(f, f)] for f in Lift._fields})
