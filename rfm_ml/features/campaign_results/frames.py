"""The customers of each campaign with what they did before it and in its window."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.customers.windows import days_with_margin, window_sums
from rfm_ml.experiments.campaign_lift import ALL
from rfm_ml.experiments.verdict import NOT_COMPARABLE, NOT_OVER, Verdict
from rfm_ml.features.campaign_results.sent_campaigns import SentCampaign, SentCampaigns
from rfm_ml.study.past import past_days
from rfm_ml.study.study import Study

BEFORE_FIRST: Final = "No order before"
"""Segment of customers who had not ordered before a campaign."""

MOST_COMPARED: Final = 100_000
"""Customers without the campaign that are compared where nobody was held out; of more, a draw."""

OTHERS_DAYS: Final = 91
"""Days in which other campaigns received before count as known of a customer."""

KNOWN: Final = ("recency_days", "orders", "spend", "age_days")
"""Columns of the customers' table on the day before a campaign."""

PAST: Final = ["before_orders", "before_spend"]
"""What CUPED takes out."""

COVARIATES: Final = [*KNOWN, *PAST, "recent_orders", "recent_spend", "other_campaigns"]
"""What both groups are to be alike in; amounts without a hold-out are cut at their 99th percentile."""

WEIGHTED_BY: Final = [*COVARIATES, *(f"log_{c}" for c in COVARIATES)]
"""What both groups are made alike in where nobody was held out: amounts and their logarithms (of one more).

With logarithms alone, placebos of Complete Journey's campaigns were below 0 in 18 of 20; with both, in 7 of 20."""


class Frame(NamedTuple):
    """One campaign's customers: in its window, and as seen from one window earlier (None if the log has no such time).

    Both have `customer_id, treated, segment, after_orders, after_spend` (`after_margin` where margins are known), the
    covariates (those of `WEIGHTED_BY` for campaigns without a hold-out) and the score. `concurrent` is the share of
    the treated and of the others who were sent another campaign in the window.
    """

    now: pd.DataFrame
    earlier: pd.DataFrame | None
    concurrent: tuple[float, float]


class CampaignFrames:
    """Looks up what the campaigns' customers did.

    Parameters
    ----------
    study
        Its orders, and its model of `strategy` as of today, by which customers are labelled as of the day before.
    sends
        Campaigns to judge, and lists besides: each may be another's disturbance.
    """

    def __init__(self, study: Study, sends: SentCampaigns) -> None:
        self.study = study
        self.sends = sends.judged
        self.all_sends = [*sends.judged, *sends.others]
        self.asked = study.params.campaign_results
        self.notes: list[str] = []
        self.days = self._days()
        self._seen: dict[date, pd.DataFrame] = {}

    def _days(self) -> Any:
        """Return orders, or customer-days with margins where products have them."""
        study = self.study
        lines, products = study.lines, study.products
        if lines is None or products is None or not {"margin"} <= set(products.columns):
            return study.orders
        if not {"product_id", "order_id"} <= set(lines.columns):
            return study.orders
        share = study.params.clv.margin if study.params.clv else 0.0
        self.notes.append(f"Margins are those of the products; one without a margin counts with {share:.0%}.")
        return days_with_margin(lines, products, otherwise=share)

    @property
    def margin_share(self) -> float | None:
        """Margin as a share of spend where the products have none; None if neither is known."""
        if "margin" in self.days.columns:
            return None
        return self.study.params.clv.margin if self.study.params.clv else None

    def each(self) -> Iterator[tuple[SentCampaign, Frame | None, Verdict | None]]:
        """Yield each campaign with its customers, or None and why there is nothing to compare."""
        judged = {s.campaign: self._why_not(s) for s in self.sends}
        wanted = [s for s in self.sends if judged[s.campaign] is None]
        window = timedelta(days=self.asked.window_days)
        eves = {s.sent_on - timedelta(days=1) for s in wanted}
        eves |= {s.sent_on - window - timedelta(days=1) for s in wanted if not s.has_holdout}
        self._look_at(sorted(eves))
        for send in self.sends:
            why = judged[send.campaign]
            yield send, self._frame(send) if why is None else None, why

    def _why_not(self, send: SentCampaign) -> Verdict | None:
        last = send.customers["day"].max().date() + timedelta(days=self.asked.window_days - 1)
        if last > self.study.as_of:
            return Verdict(NOT_OVER, f"its {self.asked.window_days} days end on {last}, after {self.study.as_of}")
        if not send.has_holdout and send.sent_on - self.first_day < timedelta(days=self.asked.window_days):
            why = f"the log begins on {self.first_day}, too late to know the customers before the campaign"
            return Verdict(NOT_COMPARABLE, why)
        return None

    @property
    def first_day(self) -> date:
        """Day of the first order."""
        found: date = self.study.orders.ordered_on.min().to_pyarrow().as_py()
        return found

    def _look_at(self, eves: list[date]) -> None:
        """Keep what was known of all customers on the evenings before campaigns, with their segments."""
        study, name = self.study, self.asked.strategy
        if not eves:
            return
        model, split = study.model(name), study.params.customers.by
        for past in past_days(study, eves):
            known = past.customers
            if split is None:
                assigned = past.use(partial(study.label, model, as_of=past.as_of))
                segment = assigned["segment"].astype(str).to_numpy()
                table = known[["customer_id", *KNOWN]].assign(segment=segment, score=self._score(past.customers))
            else:  # a segment in each channel: no single one is the customer's
                totals = {"recency_days": "min", "orders": "sum", "spend": "sum", "age_days": "max"}
                table = known.groupby("customer_id").agg(totals).reset_index()
                table = table.assign(segment=ALL, score=table["spend"])
            self._seen[past.as_of] = table

    def _score(self, customers: pd.DataFrame) -> pd.Series:
        score = self.asked.score
        if score not in customers.columns or not pd.api.types.is_numeric_dtype(customers[score]):
            known = ", ".join(c for c in customers.columns if pd.api.types.is_numeric_dtype(customers[c]))
            raise DataError(f"campaign_results.score must be a number known of every customer: {known}. Got {score!r}.")
        return customers[score].astype(float)

    def _frame(self, send: SentCampaign) -> Frame:
        # Lists of the same lot are the campaign itself, repeated: its hold-out got none of them.
        other = [s for s in self.all_sends if s.lot != send.lot]
        window = timedelta(days=self.asked.window_days)
        if send.has_holdout:
            now = self._measured(send.customers, eve=send.sent_on - timedelta(days=1), others=other)
            return Frame(now, None, _concurrent(now, other, send.sent_on, window))
        day = pd.Timestamp(send.sent_on)
        now = self._compared(send, day, other)
        earlier = None
        if send.sent_on - self.first_day >= 2 * window and (day - window).date() - timedelta(days=1) in self._seen:
            earlier = self._compared(send, day - window, other)
        return Frame(now, earlier, _concurrent(now, other, send.sent_on, window))

    def _compared(self, send: SentCampaign, day: pd.Timestamp, others: list[SentCampaign]) -> pd.DataFrame:
        """Return all customers of a day, those with the campaign and those without."""
        eve = day.date() - timedelta(days=1)
        everybody = self._seen[eve]["customer_id"]
        treated = everybody.isin(send.customers["customer_id"]).to_numpy()
        chosen = treated | _drawn(~treated, most=MOST_COMPARED)
        targets = pd.DataFrame({"customer_id": everybody[chosen], "day": day, "treated": treated[chosen]})
        frame = self._measured(targets.reset_index(drop=True), eve=eve, others=others)
        amounts = {
            c: np.clip(frame[c].to_numpy(dtype=float), 0, max(0.0, float(frame[c].quantile(0.99)))) for c in COVARIATES
        }
        return frame.assign(**amounts, **{f"log_{c}": np.log1p(v) for c, v in amounts.items()})

    def _measured(self, targets: pd.DataFrame, *, eve: date, others: list[SentCampaign]) -> pd.DataFrame:
        window = self.asked.window_days
        windows = {"after": (0, window), "before": (-self.asked.past_days, 0), "recent": (-window, 0)}
        sums = window_sums(self.days, targets[["customer_id", "day"]], windows=windows)
        seen = self._seen.get(eve, pd.DataFrame(columns=["customer_id", *KNOWN, "segment", "score"]))
        known = targets[["customer_id"]].merge(seen, on="customer_id", how="left")
        known["segment"] = known["segment"].fillna(BEFORE_FIRST)
        numbers = {c: pd.to_numeric(known[c]).fillna(0.0).astype(float).to_numpy() for c in (*KNOWN, "score")}
        day = pd.Timestamp(eve + timedelta(days=1))
        received = _received(others, since=day - timedelta(days=OTHERS_DAYS), until=day)
        other_campaigns = targets["customer_id"].map(received).fillna(0).to_numpy(dtype=float)
        frame = sums.assign(treated=targets["treated"].to_numpy(), segment=known["segment"].to_numpy(), **numbers)
        if self.margin_share is not None:
            frame["after_margin"] = frame["after_spend"] * self.margin_share
        return frame.assign(other_campaigns=other_campaigns)


def _received(sends: Sequence[SentCampaign], *, since: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
    """Count the campaigns that each customer was sent from one day until the day before another."""
    parts = [s.customers.loc[s.customers["treated"] & s.customers["day"].between(since, until, inclusive="left")]
             for s in sends]  # fmt: skip
    ids = [p["customer_id"] for p in parts if len(p)]
    return pd.concat(ids).value_counts() if ids else pd.Series(dtype=float)


def _concurrent(
    frame: pd.DataFrame, others: list[SentCampaign], sent_on: date, window: timedelta
) -> tuple[float, float]:
    day = pd.Timestamp(sent_on)
    received = _received(others, since=day, until=day + window)
    hit = frame["customer_id"].isin(received.index).to_numpy()
    got = frame["treated"].to_numpy(dtype=bool)
    return tuple(float(hit[who].mean()) if who.any() else 0.0 for who in (got, ~got))  # type: ignore[return-value]


def _drawn(wanted: Any, *, most: int) -> Any:
    """Choose at most so many of those wanted, always the same."""
    places = np.flatnonzero(wanted)
    if len(places) > most:
        places = np.random.default_rng(0).choice(places, most, replace=False)
    chosen = np.zeros(len(wanted), dtype=bool)
    chosen[places] = True
    return chosen
