"""Everything a study knows of one customer, by his id alone: no name, no address, no phone."""

from bisect import bisect_left
from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.core.checks import nearest
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.engagement import activity
from rfm_ml.customers.funnel import STAGES, funnel_stage
from rfm_ml.customers.snapshots import snapshots
from rfm_ml.customers.table import customer_table
from rfm_ml.segments import SegmentModel, with_overlays, with_prospects
from rfm_ml.study.forecast import Forecast
from rfm_ml.study.panels import MOST_MONTHS, RECENT_DAYS, month_ends
from rfm_ml.study.study import Study

NEIGHBOURS: Final = 200
"""Ids looked at on either side of an unknown one, to name the nearest."""

MEASURES: Final = ("recency_days", "orders", "spend", "orders_per_year", "spend_per_year", "mean_order_value")


class CustomerView:
    """One customer of a study, from every side.

    What the inputs do not allow is None; `why_not` says why.

    Parameters
    ----------
    study
        Any study.
    customer_id
        As in the orders or the contacts; empty for the customer with the highest spend.

    Raises
    ------
    ParamsError
        If nobody has this id; the message names the nearest one.

    Examples
    --------
    >>> view = CustomerView(Study("params/cdnow.yml"), "2")
    >>> view.segments[["strategy", "segment"]].to_numpy().tolist()[0]
    ['quantiles', 'At risk']
    >>> view.stage
    'second order'
    """

    def __init__(self, study: Study, customer_id: str | int = "") -> None:
        self.study = study
        self.why_not: dict[str, str] = {}
        ids = study.customers["customer_id"]
        if str(customer_id) == "":
            spend = study.customers.groupby("customer_id")["spend"].transform("sum")
            self.customer_id: Any = ids.iloc[int(spend.to_numpy().argmax())]
        else:
            self.customer_id = _known(str(customer_id), ids, study.contacts)
        self.rows = study.customers[ids == self.customer_id].reset_index(drop=True)

    @property
    def is_prospect(self) -> bool:
        """Whether he has never ordered up to the day."""
        return self.rows.empty

    def _of(self, table: Any) -> Any:
        return table.filter(table.customer_id == self.customer_id)

    @cached_property
    def stage(self) -> str:
        """The stage of the funnel, over all channels."""
        if self.is_prospect:
            return STAGES[0]
        whole = customer_table(self._of(self.study.orders), as_of=self.study.as_of, with_features=False)
        return str(funnel_stage(whole).iloc[0])

    @cached_property
    def measures(self) -> pd.DataFrame:
        """His rows of the customers' table: the measures, his rhythm and whether he is late, his engagement."""
        wanted = ("channel", *MEASURES, "buying_rhythm", "gap_mean_days", "overdue_days", "engagement_score")
        return self.rows[[c for c in wanted if c in self.rows]]

    @cached_property
    def segments(self) -> pd.DataFrame:
        """`strategy, segment, R, F, M, reason, next_step`, one row per strategy (and channel), as in the lists."""
        tables = []
        for name in self.study.strategies:
            model = self.study.model(name)
            table = self._labelled(model, self.rows, as_of=pd.Timestamp(self.study.as_of))
            more: dict[str, Any] = {"reason": "", "next_step": ""}
            if not self.is_prospect:
                more = {"reason": model.explain(self.rows), "next_step": model.move_up(self.rows)}
            tables.append(table.assign(**more).assign(strategy=name))
        found = pd.concat(tables, ignore_index=True)
        wanted = ("strategy", "channel", "segment", "R", "F", "M", "reason", "next_step")
        return found[[c for c in wanted if c in found]]

    def _labelled(self, model: SegmentModel, rows: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
        if rows.empty:
            return with_prospects(pd.DataFrame(columns=["customer_id", "segment"]), self._himself)
        assigned = model.assign(rows)
        if "channel" in rows and "channel" not in assigned:
            assigned.insert(1, "channel", rows["channel"])
        if model.segment_map is None:
            return assigned
        return with_overlays(assigned, self._events, segment_map=model.segment_map, as_of=as_of)

    @property
    def _himself(self) -> pd.DataFrame:
        return pd.DataFrame({"customer_id": [self.customer_id]})

    @cached_property
    def channels(self) -> pd.DataFrame | None:
        """`channel`, the measures and the leading strategy's scores in each channel; None without channels.

        Where the strategy does not tell channels apart, a channel is scored as if it were all he buys.
        """
        if self.is_prospect or "channel" not in self.study.orders.columns:
            self.why_not["channels"] = "There are no orders, or the log names no channels."
            return None
        options = self.study.params.customers.model_dump(exclude={"by"})
        orders = self._of(self.study.orders)
        table = customer_table(orders, as_of=self.study.as_of, by="channel", with_features=False, **options)
        measured = table[["channel", "recency_days", "orders", "spend"]]
        try:
            assigned = self.study.model().assign(table)
        except DataError:
            return measured  # the strategy needs more than recency, frequency and spend
        return measured.join(assigned[[c for c in ("segment", "R", "F", "M", "cell") if c in assigned]])

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """`as_of, segment`, scores, `orders, spend` at the last month ends, by the rules of the leading strategy."""
        if self.is_prospect:
            self.why_not["history"] = "A prospect has no history of segments yet."
            return None
        options = self.study.params.customers.model_dump()
        ends = month_ends(self.rows["first_order_on"].min().date(), self.study.as_of, most=MOST_MONTHS)
        model, tables = self.study.model(), []
        try:
            for day, rows in snapshots(self._of(self.study.orders), as_of=ends, **options).groupby("as_of"):
                rows = rows.reset_index(drop=True)
                labelled = self._labelled(model, rows, as_of=pd.Timestamp(str(day)))
                shown = [c for c in ("channel", "segment", "R", "F", "M") if c in labelled]
                tables.append(rows[["as_of"]].join(labelled[shown]).join(rows[["orders", "spend"]]))
        except DataError as error:
            self.why_not["history"] = f"Earlier months cannot be labelled: {error}"
            return None
        return pd.concat(tables, ignore_index=True)

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """His rows of the predictions; None where nothing can be predicted."""
        forecast = Forecast(self.study)
        found = None if self.is_prospect else forecast.predictions
        if found is None:
            told = " ".join(dict.fromkeys(forecast.notes)) or "He has no orders to predict from."
            self.why_not["predictions"] = f"Nothing can be predicted. {told}"
            return None
        return found[found["customer_id"] == self.customer_id].reset_index(drop=True)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """His orders and returns up to the day, the latest first."""
        table = self._of(self.study.orders)
        table = table.filter(table.ordered_on <= self.study.as_of)
        shown = [c for c in ("ordered_on", "order_id", "amount", "order_kind", "channel") if c in table.columns]
        frame = table.select(shown).order_by(shown).to_pyarrow().to_pandas().iloc[::-1].reset_index(drop=True)
        return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]), amount=frame["amount"].astype("float64"))

    @cached_property
    def _events(self) -> pd.DataFrame | None:
        if self.study.events is None:
            return None
        shown = self._of(self.study.events).select("customer_id", "event_at", "kind")
        frame: pd.DataFrame = shown.order_by(["event_at", "kind"]).to_pyarrow().to_pandas()
        return frame[frame["event_at"] < pd.Timestamp(self.study.as_of) + pd.Timedelta(days=1)]

    @cached_property
    def events(self) -> pd.DataFrame | None:
        """`kind, events, lately, last_on`: what he did besides ordering, in all and in the last `RECENT_DAYS` days."""
        if self._events is None:
            self.why_not["events"] = "The params name no events."
            return None
        since = pd.Timestamp(self.study.as_of) - pd.Timedelta(days=RECENT_DAYS - 1)
        grouped = self._events.assign(lately=self._events["event_at"] >= since).groupby("kind")
        table = grouped.agg(events=("kind", "size"), lately=("lately", "sum"), last_on=("event_at", "max"))
        return table.reset_index()

    @cached_property
    def engagement_score(self) -> float | None:
        """His engagement on the day, with the points of the params; None without events."""
        if self._events is None:
            return None
        if self._events.empty:
            return 0.0
        lately = activity(self._of(self.study.scored_events), as_of=self.study.as_of)
        return float(lately["engagement_score"].iloc[0])


def _known(asked: str, ids: pd.Series, contacts: Any | None) -> Any:
    """Return the id as the tables write it."""
    found = ids[ids.astype("str") == asked]
    if len(found):
        return found.iloc[0]
    every = ids.astype("str")
    if contacts is not None:
        known = contacts.select("customer_id").to_pyarrow()["customer_id"].to_pandas()
        there = known[known.astype("str") == asked]
        if len(there):
            return there.iloc[0]
        every = pd.concat([every, known.astype("str")])
    ordered = sorted(set(every))
    place = bisect_left(ordered, asked)
    around = ordered[max(0, place - NEIGHBOURS) : place + NEIGHBOURS]
    close = nearest(asked, around) or ordered[min(place, len(ordered) - 1)]
    raise ParamsError(f"The customer must be one of this study. Nobody has the id {asked!r}. The nearest is {close!r}.")
