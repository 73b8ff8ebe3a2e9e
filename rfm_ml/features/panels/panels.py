"""The panels of a study: levels today and over time, and what each segment does besides ordering."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import pandas as pd

from rfm_ml.core.columns import row_keys
from rfm_ml.core.errors import DataError
from rfm_ml.customers.engagement import ENGAGED, activity
from rfm_ml.customers.funnel import STAGES, first_month_cohorts, funnel
from rfm_ml.customers.panels import recent_and_before
from rfm_ml.customers.regularity import RHYTHMS
from rfm_ml.customers.snapshots import each_snapshot
from rfm_ml.features.feature import Feature
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.activity import abandoned_carts, order_and_cart_values, responsiveness, retention
from rfm_ml.segments.levels import level_purchases, levels_over_time
from rfm_ml.segments.profile import SUMS
from rfm_ml.study.study import Study

MOST_MONTHS: Final = 24
"""Month ends looked back on."""

RECENT_DAYS: Final = 90
CART_DAYS: Final = 30


class Panels(Feature):
    """What the panels of one strategy show. What the inputs do not allow is None; `why_not` says why.

    Parameters
    ----------
    study
        Any study.
    strategy
        A strategy of it; None for the leading one.

    Examples
    --------
    >>> panels = Panels(Study("params/cdnow.yml"), "thresholds")
    >>> panels.over_time.query("measure == 'R' and level == 'short'")["customers"].tail(2).tolist()
    [455, 411]
    >>> panels.why_not["responsiveness"]
    'The params name no events, so nobody can tell who opens, clicks, visits or fills carts.'
    """

    def __init__(self, study: Study, strategy: str | None = None) -> None:
        super().__init__(study)
        self._strategy = strategy
        self.why_not: dict[str, str] = {}
        if study.events is None:
            none = "The params name no events, so nobody can tell who"
            self.why_not["responsiveness"] = f"{none} opens, clicks, visits or fills carts."
            self.why_not["carts"] = f"{none} left a cart behind."
            self.why_not["leads"] = f"{none} looked around without an order."

    @cached_property
    def model(self) -> SegmentModel:
        """The segment model of the strategy."""
        return self.study.model(self._strategy)

    @cached_property
    def assigned(self) -> pd.DataFrame:
        """The segments of the strategy, as `Study.segments`."""
        return self.study.segments(self._strategy)

    @property
    def _order(self) -> list[str]:
        return self.model.segment_map.all_names() if self.model.segment_map else self.model.segments

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return what the segments do besides ordering, as far as the inputs tell."""
        every = {"funnel": self.funnel, "responsiveness": self.responsiveness, "abandoned_carts": self.carts}
        every["portrait"] = self.portrait
        return {name: table for name, table in every.items() if table is not None}

    @cached_property
    def month_ends(self) -> list[date]:
        """The last month ends with a customer, at most `MOST_MONTHS`, and the day of the study."""
        return month_ends(self.study.customers["first_order_on"].min().date(), self.study.as_of, most=MOST_MONTHS)

    @cached_property
    def over_time(self) -> pd.DataFrame:
        """As `levels_over_time` at the month ends, by the rules of today; no rows where these need more columns."""
        try:
            return levels_over_time(self.model, self._snapshots(self.month_ends))
        except DataError as error:
            self.why_not["over_time"] = f"Earlier months cannot be scored: {error}"
            columns = ["as_of", "measure", "score", "level", *SUMS, *SUMS.values(), "orders_each"]
            return pd.DataFrame(columns=columns)

    def _snapshots(self, days: list[date]) -> Iterator[tuple[date, pd.DataFrame]]:
        return each_snapshot(self.study.orders, as_of=days, **self.study.params.customers.model_dump())

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """As `level_purchases`."""
        by = self.study.params.customers.by
        return level_purchases(self.study.orders, self.assigned, as_of=self.study.as_of, by=by)

    def levels(self, measure: str) -> pd.DataFrame:
        """Return the rows of `over_time` of one measure: "R", "F" or "M"."""
        return self.over_time[self.over_time["measure"] == measure]

    def bought(self, measure: str) -> pd.DataFrame:
        """Return the rows of `purchases` of one measure, of the last `MOST_MONTHS` months that are over, if any are."""
        over = self.purchases[self.purchases["complete"]]
        known = over if len(over) else self.purchases
        months = known["month"].drop_duplicates().sort_values().tail(MOST_MONTHS)
        return self.purchases[(self.purchases["measure"] == measure) & self.purchases["month"].isin(months)]

    @cached_property
    def recent(self) -> pd.DataFrame:
        """As `recent_and_before`, of the last `RECENT_DAYS` days."""
        by = self.study.params.customers.by
        return recent_and_before(self.study.orders, as_of=self.study.as_of, days=RECENT_DAYS, by=by)

    @cached_property
    def retention(self) -> pd.DataFrame | None:
        """As `retention`, of the segments `RECENT_DAYS` days ago; None where there were no customers yet."""
        then = self.study.as_of - timedelta(days=RECENT_DAYS)
        customers = next(self._snapshots([then]))[1]
        if customers.empty:
            self.why_not["retention"] = f"There were no customers {RECENT_DAYS} days before {self.study.as_of}."
            return None
        try:
            assigned = self.study.label(self.model, customers, as_of=then)
        except DataError as error:
            self.why_not["retention"] = f"Earlier segments cannot be told: {error}"
            return None
        return retention(assigned, self.recent, order=self._order)

    @cached_property
    def funnel(self) -> pd.DataFrame:
        """As `funnel`."""
        study = self.study
        table = funnel(study.orders, as_of=study.as_of, contacts=study.contacts, events=study.events)
        first = table.iloc[0]
        if first["step"].startswith(STAGES[0]) and first["conversion"] != first["conversion"]:
            self.why_not["prospects"] = (
                f"There are {first['entered']:,} prospects, but no customer was seen before their first order, so "
                "nobody can tell how many prospects order. It takes events from before the first order, or the column "
                "created_at of the contacts."
            )
        return table

    @cached_property
    def cohorts(self) -> pd.DataFrame:
        """As `first_month_cohorts`, of the last `MOST_MONTHS` months that were seen long enough."""
        return first_month_cohorts(self.study.orders, as_of=self.study.as_of, days=RECENT_DAYS).tail(MOST_MONTHS)

    @cached_property
    def rhythms(self) -> pd.DataFrame:
        """Share of each segment's customers by buying rhythm, and of those late among those with a rhythm.

        `segment, regular, cyclic, seasonal, occasional, cannot_tell, late`; the last is NaN where nobody has a rhythm.
        """
        keys = row_keys(self.assigned, self.study.customers)
        known = self.study.customers[[*keys, "buying_rhythm", "overdue_days"]]
        joined = self.assigned[[*keys, "segment"]].merge(known, on=keys)
        rhythm = joined["buying_rhythm"].replace({"too few orders": "cannot_tell", "one-time": "cannot_tell"})
        names = [*(r for r in RHYTHMS if r in ("regular", "cyclic", "seasonal", "occasional")), "cannot_tell"]
        shares = pd.crosstab(joined["segment"], rhythm, normalize="index").reindex(columns=names, fill_value=0.0)
        told = joined.dropna(subset="overdue_days")
        table = shares.assign(late=(told["overdue_days"] > 0).groupby(told["segment"]).mean())
        return table.reindex([s for s in self._order if s in table.index]).rename_axis("segment").reset_index()

    @cached_property
    def responsiveness(self) -> pd.DataFrame | None:
        """As `responsiveness` over the last `RECENT_DAYS` days; None without events."""
        if self.study.events is None:
            return None
        lately = activity(self.study.scored_events, as_of=self.study.as_of, days=RECENT_DAYS)
        return responsiveness(self.assigned, lately, order=self._order)

    @cached_property
    def portrait(self) -> pd.DataFrame:
        """As `order_and_cart_values`, with the carts of the last `RECENT_DAYS` days and all that was bought."""
        study, carts, bought = self.study, None, None
        events, lines = study.events, study.lines  # each asks anew, so they are bound once
        if events is not None and "value" in events.columns:
            since = pd.Timestamp(study.as_of) - timedelta(days=RECENT_DAYS - 1)
            until = pd.Timestamp(study.as_of) + timedelta(days=1)
            events = events.filter(events.kind == "cart_add")
            events = events.filter(events.event_at >= since.to_pydatetime(), events.event_at < until.to_pydatetime())
            carts = events.select("customer_id", value=events.value.try_cast("float64")).to_pyarrow().to_pandas()
        if lines is not None and "category" in lines.columns:
            lines = lines.filter(lines.ordered_on <= study.as_of)
            bought = lines.select("customer_id", "category").distinct().to_pyarrow().to_pandas()
        return order_and_cart_values(self.assigned, study.customers, carts=carts, bought=bought, order=self._order)

    @cached_property
    def leads(self) -> pd.DataFrame | None:
        """Who never ordered, the most engaged first: `customer_id, clicks_180d, visits_90d, engagement_score` above 0.

        None without events.
        """
        if self.study.events is None:
            return None
        leads = self.study.leads[["customer_id", *ENGAGED]]
        warm = leads[leads["engagement_score"] > 0]
        return warm.sort_values(["engagement_score", "customer_id"], ascending=[False, True], ignore_index=True)

    @cached_property
    def carts(self) -> pd.DataFrame | None:
        """As `abandoned_carts` of the last `CART_DAYS` days; None without scores, or events with a value."""
        study = self.study
        if study.events is None:
            return None
        try:
            return abandoned_carts(self.assigned, study.customers, study.events, as_of=study.as_of, days=CART_DAYS)
        except DataError as error:
            self.why_not["carts"] = f"Carts cannot be listed: {error}"
            return None


def month_ends(first: date, last: date, *, most: int) -> list[date]:
    """Return the ends of months from `first` on that lie before `last`, the latest `most` of them, and `last`.

    Examples
    --------
    >>> [str(d) for d in month_ends(date(2024, 1, 15), date(2024, 3, 10), most=24)]
    ['2024-01-31', '2024-02-29', '2024-03-10']
    """
    ends: list[date] = []
    day = last.replace(day=1) - timedelta(days=1)
    while day >= first and len(ends) < most:
        ends.append(day)
        day = day.replace(day=1) - timedelta(days=1)
    return [*reversed(ends), last]
