"""Everything a study knows of one customer, by their id alone: no name, no address, no phone."""

from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.customers.engagement import activity
from rfm_ml.customers.funnel import STAGES, funnel_stage
from rfm_ml.customers.table import customer_table
from rfm_ml.features.customer_360.channels import channel_measures, channel_scores
from rfm_ml.features.customer_360.contact import HELD_OUT, LEAVE_ALONE, RECEIVED, campaigns_received, contact_facts
from rfm_ml.features.customer_360.customer_id import known_id
from rfm_ml.features.customer_360.history import segment_history
from rfm_ml.features.customer_360.outlook import outlook
from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
from rfm_ml.features.panels.panels import RECENT_DAYS
from rfm_ml.features.products.products import customer_offers, product_words
from rfm_ml.features.triggers.triggers import Triggers
from rfm_ml.segments import PROSPECT
from rfm_ml.segments.overlays import prospects_explained
from rfm_ml.study.study import Study

MEASURES: Final = {
    "recency_days": "last order (days ago)",
    "orders": "orders",
    "spend": "spend",
    "mean_order_value": "mean order",
    "buying_rhythm": "rhythm",
    "gap_mean_days": "usual gap (days)",
    "overdue_days": "late by (days)",
}
"""Columns of the customers' table that are shown, and their headings."""


class CustomerView:
    """One customer of a study, from every side.

    What the inputs do not allow is None; `not_known` says what that is.

    Parameters
    ----------
    study
        Any study.
    customer_id
        As in the orders or the contacts; empty for the customer with the highest spend.

    Raises
    ------
    ParamsError
        If nobody has this id; the message names one that differs by a letter or two, if there is one.

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
            self.customer_id = known_id(study, str(customer_id))
        self.rows = study.customers[ids == self.customer_id].reset_index(drop=True)

    @property
    def is_prospect(self) -> bool:
        """Whether they have never ordered up to the day; they may have sent something back."""
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
        """Their rows of the customers' table: the measures, the rhythm and whether they are late; whole days."""
        shown = self.rows[[c for c in ("channel", *MEASURES) if c in self.rows]]
        if "channel" in shown:
            shown = shown.drop(columns="mean_order_value", errors="ignore")
            shown = shown.sort_values(["spend", "channel"], ascending=[False, True])
        days = {c: shown[c].round().astype("Int64") for c in ("gap_mean_days", "overdue_days")}
        return shown.assign(**days)

    # --- segments ---------------------------------------------------------------------------------------------
    @cached_property
    def segments(self) -> pd.DataFrame:
        """`strategy, segment, since, R, F, M, reason, next_step`, one row per strategy (and channel), as published.

        `since` is text, empty where no earlier day is known.
        """
        found = pd.concat([self._standing(name) for name in self.study.strategies], ignore_index=True)
        wanted = ("strategy", "channel", "segment", "since", "R", "F", "M", "cell", "reason", "next_step")
        return found[[c for c in wanted if c in found]]

    def _standing(self, name: str) -> pd.DataFrame:
        study = self.study
        if self.is_prospect:
            told = prospects_explained(study.contacts, [self.customer_id], as_of=study.as_of)
            return told.assign(strategy=name, segment=PROSPECT, since="")
        assigned, ledger = self._his(study.segments(name)), self._his(study.ledger(name))
        held = assigned["segment"]
        told = study.explained(study.model(name), self.rows, held, published=True, events=self._events)
        known = study.earlier.files(name)
        since = [
            f"{day:%Y-%m-%d}" + " or before" * (day.date() <= min(known)) if known else "" for day in ledger["since"]
        ]
        return assigned.assign(strategy=name, since=since, reason=told["reason"], next_step=told["next_step"])

    def _his(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["customer_id"] == self.customer_id].reset_index(drop=True)

    @cached_property
    def waiting(self) -> list[str]:
        """What the rules alone would say, where hysteresis holds them in another segment; one sentence each."""
        if self.study.params.hysteresis is None or self.is_prospect:
            return []
        return [told for name in self.study.strategies for told in self._waiting(name)]

    def _waiting(self, name: str) -> list[str]:
        study, rules = self.study, self.study.params.hysteresis
        assert rules is not None
        known = [study.as_of, *study.earlier.files(name)]
        alone = study.label(study.model(name), self.rows, as_of=study.as_of, events=self._events)["segment"]
        found = []
        for row, rule in zip(self._his(study.ledger(name)).to_dict("records"), alone, strict=True):
            where = f"{name} in {row['channel']}" if "channel" in row else name
            days = row["label_periods"]
            if row["segment"] != rule == row["label"]:
                found.append(
                    f"{where}: the rules alone would put this customer in {rule} since "
                    f"{known[min(days, len(known)) - 1]}. They move once the rules have said so on "
                    f"{rules.periods} days of the ledger in a row; so far on {days}."
                )
            elif row["segment"] != rule:
                found.append(
                    f"{where}: the rules alone would put this customer in {rule}. They stay while they are within "
                    f"{rules.margin:.0%} of the limit they crossed.".replace("%", " %")
                )
        return found

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """As `segment_history`; None for who never ordered."""
        if self.is_prospect:
            self.why_not["history"] = "A prospect has no history of segments yet."
            return None
        try:
            orders = self._of(self.study.orders)
            return segment_history(self.study, self.rows, orders=orders, events=self._events)
        except DataError as error:
            self.why_not["history"] = f"Earlier months cannot be labelled: {error}"
            return None

    @cached_property
    def dynamic(self) -> list[str]:
        """The dynamic segments they are in."""
        return self.study.feature(DynamicSegments).of_customer(self.customer_id)

    @cached_property
    def triggers(self) -> pd.DataFrame | None:
        """`rule, channel, reason, due_on` of the triggers that found them; None without triggers or an earlier day."""
        found = self.study.feature(Triggers)
        names = [n for n in found.names if found.since(n) is not None]
        if not names:
            return None
        every = pd.concat([found.actions(n) for n in names], ignore_index=True)
        return self._his(every)[["rule", "channel", "reason", "due_on"]]

    # --- channels, orders, predictions ------------------------------------------------------------------------
    @cached_property
    def _channels(self) -> pd.DataFrame | None:
        return None if self.is_prospect else channel_measures(self.study, self._of(self.study.orders))

    @property
    def channels(self) -> pd.DataFrame | None:
        """`channel` and the measures in each, the highest spend first.

        None where the log names no channels, or `measures` tell them already.
        """
        if self._channels is None or "channel" in self.rows:
            return None
        return self._channels[["channel", "recency_days", "orders", "spend", "first_order_on", "last_order_on"]]

    @cached_property
    def channel_scores(self) -> pd.DataFrame | None:
        """As `channel_scores`; None where the log names no channels."""
        if self._channels is None:
            return None
        return channel_scores(self.study, self._channels, segments=self.segments, events=self._events)

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """As `outlook`; None where nothing can be predicted."""
        if self.is_prospect:
            self.why_not["predictions"] = "They have no orders to predict from."
            return None
        found, notes = outlook(self.study, self.rows)
        if found is None:
            self.why_not["predictions"] = f"Nothing can be predicted. {' '.join(dict.fromkeys(notes))}".rstrip()
        return found

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Their orders and returns up to the day, the latest first."""
        table = self._of(self.study.orders)
        table = table.filter(table.ordered_on <= self.study.as_of)
        shown = [c for c in ("ordered_on", "order_id", "amount", "order_kind", "channel") if c in table.columns]
        frame = table.select(shown).order_by(shown).to_pyarrow().to_pandas().iloc[::-1].reset_index(drop=True)
        return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]), amount=frame["amount"].astype("float64"))

    @cached_property
    def offers(self) -> pd.DataFrame | None:
        """As `customer_offers`."""
        return customer_offers(self.study, self.customer_id)

    # --- besides ordering -------------------------------------------------------------------------------------
    @cached_property
    def _events(self) -> pd.DataFrame | None:
        if self.study.events is None:
            return None
        shown = self._of(self.study.events).select("customer_id", "event_at", "kind")
        frame: pd.DataFrame = shown.order_by(["event_at", "kind"]).to_pyarrow().to_pandas()
        return frame[frame["event_at"] < pd.Timestamp(self.study.as_of) + pd.Timedelta(days=1)]

    @cached_property
    def events(self) -> pd.DataFrame | None:
        """`kind, events, lately, last_on`: what they did besides orders, in all and in the last `RECENT_DAYS` days."""
        if self._events is None:
            return None
        since = pd.Timestamp(self.study.as_of) - pd.Timedelta(days=RECENT_DAYS - 1)
        grouped = self._events.assign(lately=self._events["event_at"] >= since).groupby("kind")
        table = grouped.agg(events=("kind", "size"), lately=("lately", "sum"), last_on=("event_at", "max"))
        return table.reset_index()

    @cached_property
    def engagement_score(self) -> float | None:
        """Their engagement on the day, with the points of the params; None without events."""
        if self._events is None:
            return None
        if self._events.empty:
            return 0.0
        lately = activity(self._of(self.study.scored_events), as_of=self.study.as_of)
        return float(lately["engagement_score"].iloc[0])

    @cached_property
    def campaigns(self) -> pd.DataFrame:
        """As `campaigns_received`."""
        return campaigns_received(self.study, self.customer_id)

    # --- in short ---------------------------------------------------------------------------------------------
    @cached_property
    def facts(self) -> pd.DataFrame:
        """`about, told`: what is said in a few words; only what the study has data of."""
        facts = {"stage of the funnel": self.stage} | contact_facts(self.study, self.customer_id)
        every = len(self.study.params.dynamic_segments)
        if every:
            facts["dynamic segments"] = ", ".join(self.dynamic) or f"none of {every}"
        if self.triggers is not None:
            found = self.triggers.to_dict("records")
            told = [f"{t['rule']} ({t['channel']}, until {t['due_on']}): {t['reason']}" for t in found]
            facts["found by triggers"] = "; ".join(told) or "none"
        if self.offers is not None and LEAVE_ALONE not in facts:
            facts["products to offer"] = "; ".join(map(product_words, self.offers.to_dict("records"))) or "none"
        if self.study.params.campaigns is not None:
            got = self.campaigns["got"].value_counts()
            facts["campaigns"] = f"{got.get(RECEIVED, 0)} received, held out of {got.get(HELD_OUT, 0)}"
        if self.engagement_score is not None:
            facts["engagement score"] = f"{self.engagement_score:.1f}"
        return pd.DataFrame(list(facts.items()), columns=["about", "told"])

    @property
    def not_known(self) -> str:
        """What the params do not name, in a sentence; empty if they name everything."""
        params = self.study.params
        given = {n: getattr(params, n) for n in ("contacts", "events", "campaigns", "recommendations", "triggers")}
        given["dynamic segments"] = params.dynamic_segments
        given["channels"] = "channel" in self.study.orders.columns
        missing = [name for name, value in given.items() if value is None or value is False or value == {}]
        return f"This study has no {', '.join(missing)}; nothing is said of them." if missing else ""
