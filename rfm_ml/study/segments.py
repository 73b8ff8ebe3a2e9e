"""The customers of a study and their segments: measured, labelled by settled models, followed over days."""

import inspect
import sys
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from rfm_ml.core.checks import require_known
from rfm_ml.core.store import code_digest, digest
from rfm_ml.customers import customer_table
from rfm_ml.customers.days import with_days
from rfm_ml.customers.engagement import ENGAGED, engagement, with_points
from rfm_ml.segments import SegmentModel, load_map, with_overlays, with_prospects
from rfm_ml.segments.ledger import hold_scores, ledger_rows
from rfm_ml.segments.rules import SegmentRules, rules_of
from rfm_ml.strategies import make_strategy
from rfm_ml.study.archive import Archive
from rfm_ml.study.context import Context
from rfm_ml.study.inputs import StudyInputs
from rfm_ml.study.ledgers import Ledgers
from rfm_ml.study.model_choice import ModelChoice, choose_model
from rfm_ml.study.outcomes import past_with_outcomes


class StudySegments(StudyInputs):
    """Customers, models, segments and ledger of one params file; arguments as in `Study`."""

    def __init__(self, params: str | Path, *, as_of: str | date | None = None, refresh: bool = False) -> None:
        super().__init__(params, as_of=as_of, refresh=refresh)
        self._choices: dict[str, ModelChoice] = {}
        self._segments: dict[str, pd.DataFrame] = {}
        self._rules: dict[str, SegmentRules] = {}
        self._ledgers: dict[str, pd.DataFrame] = {}

    @cached_property
    def _customers_key(self) -> str:
        events = [str(self._companion("events")), self.params.engagement.model_dump() if self.params.events else None]
        return digest(code_digest(), str(self.log.folder), self.as_of, self.params.customers.model_dump(), events)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One row per customer as of the day."""
        options = self.params.customers.model_dump()
        return self.store.frame(
            "customers",
            self._customers_key,
            lambda: customer_table(
                self.orders, as_of=self.as_of, lines=self.lines, events=self.scored_events, **options
            ),
        )

    @property
    def scored_events(self) -> Any:
        """Events with their points for engagement as the params say, None if the params name none."""
        rules = self.params.engagement.model_dump()
        return None if self.events is None else with_points(self.events, **rules)

    @cached_property
    def leads(self) -> pd.DataFrame:
        """Who is known by the day and never ordered: `customer_id` and, with events, `ENGAGED`, by customer.

        Known are the contacts, and who had an event or was sent a campaign.
        """
        day = ibis.literal(self.as_of)
        scores = None if self.events is None else engagement(self.scored_events, as_of=self.as_of)
        sent = None if self.campaigns is None else with_days(self.campaigns, day="sent_on", instant="sent_at")
        tables = [self.contacts, scores, None if sent is None else sent.filter(sent.sent_on <= day)]
        ids = [table.select("customer_id") for table in tables if table is not None]
        if not ids:
            return pd.DataFrame({"customer_id": self.customers["customer_id"].iloc[:0]})
        known = ibis.union(*ids, distinct=True) if len(ids) > 1 else ids[0].distinct()
        if scores is not None:
            joined = known.left_join(scores, "customer_id")
            known = joined.select(known.customer_id, *(joined[c].fill_null(0).name(c) for c in ENGAGED))
        frame: pd.DataFrame = known.order_by("customer_id").to_pyarrow().to_pandas()
        return frame[~frame["customer_id"].isin(self.customers["customer_id"])].reset_index(drop=True)

    @property
    def engagement_scores(self) -> pd.Series | None:
        """Engagement of customers and leads by `customer_id`; None without events."""
        if self.events is None:
            return None
        everybody = pd.concat([known[["customer_id", "engagement_score"]] for known in (self.customers, self.leads)])
        return everybody.drop_duplicates("customer_id").set_index("customer_id")["engagement_score"]

    @property
    def strategies(self) -> list[str]:
        """Names of the strategies; the first leads the report."""
        return list(self.params.strategies)

    def choice(self, name: str | None = None) -> ModelChoice:
        """Return the segment model of a strategy and how it was come by: settled by a run, or fitted now."""
        name = self._known(name)
        if name not in self._choices:
            settled = self.context.choice(name, key=self._rules_key(name))
            fresh = None if settled is None else ModelChoice.from_dict(settled)
            self._choices[name] = fresh or self.choose(name, customers=self.customers, as_of=self.as_of)
        return self._choices[name]

    def model(self, name: str | None = None) -> SegmentModel:
        """Return the segment model of a strategy, the leading one by default."""
        return self.choice(name).model

    def settle(self, archive: Archive, *, refit: bool = False) -> None:
        """Decide for every strategy between its frozen model and a new fit, for every later reader of the cache.

        Parameters
        ----------
        archive
            The study's reports; the models of earlier days lie in it.
        refit
            Learn anew whatever the params say.
        """
        self.context.save(reports=str(archive.folder.resolve()))
        settled = {}
        for name, strategy in self.params.strategies.items():
            previous = next(iter(self.earlier.model_files(name)), None)
            frozen = None if refit or strategy.refit else previous
            why = "the first run of this study"
            if refit or strategy.refit:
                why = "as the params ask for" if strategy.refit else "as asked for"
            files = {"frozen": frozen, "previous": previous}
            choice = self.choose(name, customers=self.customers, as_of=self.as_of, why=why, **files)
            settled[name] = {"key": self._rules_key(name), "choice": choice.to_dict()}
            self._choices[name] = choice
        self.context.save(models=settled)

    @cached_property
    def context(self) -> Context:
        """What the run of the day has written down for its pages."""
        key = digest(self.params.study, self._customers_key)
        return Context(self.store.root / f"context-{key}" / "context.json")

    @cached_property
    def archive(self) -> Archive:
        """The folder of the study's reports that the run writes to."""
        known = self.context.reports
        return Archive.of(self.params.study, base=self.base) if known is None else Archive(known)

    @cached_property
    def earlier(self) -> Ledgers:
        """Ledgers and models of earlier days, in the folder that the run writes to."""
        return Ledgers(self.archive, before=self.as_of)

    def choose(self, name: str, *, customers: pd.DataFrame, as_of: date, **how: Any) -> ModelChoice:
        """Return a strategy's frozen model or a new fit on the customers of a day; options as for `choose_model`."""
        blank = self.blank(name)
        past = partial(past_with_outcomes, self, blank.strategy, as_of=as_of)
        return choose_model(blank, customers, as_of=as_of, learn_from=past, **how)

    def blank(self, name: str) -> SegmentModel:
        """Return the model of a strategy as the params describe it, not fitted."""
        given = self.params.strategies[name]
        if str(self.base) not in sys.path:
            sys.path.append(str(self.base))  # where a user's own strategy lies
        strategy = make_strategy(given.use, **given.options)
        if given.map is None:
            return SegmentModel(strategy)
        own = given.map.endswith((".yml", ".yaml"))
        return SegmentModel(strategy, load_map(self._local(given.map) if own else given.map))

    def _rules_key(self, name: str) -> str:
        # A user's own map or class may have changed under the same name.
        blank, given = self.blank(name), self.params.strategies[name]
        names = blank.segment_map and blank.segment_map.to_dict()
        code = inspect.getsource(blank.strategy.kind) if ":" in given.use else ""
        return digest(self.params.study, self._customers_key, given.model_dump(), names, code)

    def _known(self, name: str | None) -> str:
        if name is None:
            return self.strategies[0]
        require_known(name, self.strategies, what="A strategy of this study")
        return name

    def segments(self, name: str | None = None) -> pd.DataFrame:
        """Return `customer_id, segment, R, F, M, cell`, with overlays and prospects where their inputs exist.

        With hysteresis in the params the segments are those of the ledger: who has not moved yet stays in place.
        """
        name = self._known(name)
        if name not in self._segments:
            assigned = self._labelled(name)
            if self.params.hysteresis is not None:
                assigned = assigned.assign(segment=self.ledger(name)["segment"].to_numpy())
            self._segments[name] = self._with_prospects(assigned)
        return self._segments[name]

    def rules(self, name: str | None = None) -> SegmentRules:
        """Return a strategy in words: its own rules, or those of a small tree that stands in for it, and how well."""
        name = self._known(name)
        if name not in self._rules:
            self._rules[name] = rules_of(self.model(name), self.customers)
        return self._rules[name]

    def ledger(self, name: str | None = None) -> pd.DataFrame:
        """Return the ledger of the day, as `ledger_rows`, following that of the last day before."""
        name = self._known(name)
        if name not in self._ledgers:
            self._ledgers[name] = self.follow(
                self._labelled(name),
                self.customers,
                model=self.model(name),
                strategy=name,
                as_of=self.as_of,
                earlier=self.last_ledger(name),
            )
        return self._ledgers[name]

    def follow(
        self,
        assigned: pd.DataFrame,
        customers: pd.DataFrame,
        *,
        model: SegmentModel,
        strategy: str,
        as_of: date,
        earlier: pd.DataFrame | None,
    ) -> pd.DataFrame:
        """Return the ledger of a day, as `ledger_rows`, under the hysteresis of the params.

        Parameters
        ----------
        assigned
            What the model says of the customers, as `label`.
        customers, model, strategy, as_of, earlier
            As for `ledger_rows`.
        """
        periods = self.params.hysteresis.periods if self.params.hysteresis else 1
        return ledger_rows(
            assigned, customers, model=model, strategy=strategy, as_of=as_of, earlier=earlier, periods=periods
        )

    def last_ledger(self, name: str) -> pd.DataFrame | None:
        """Return the published ledger of the last day before, None if there is none."""
        return self.earlier.latest(name, by=self.params.customers.by)

    def _labelled(self, name: str) -> pd.DataFrame:
        earlier = self.last_ledger(name) if self.params.hysteresis else None
        return self.label(self.model(name), self.customers, as_of=self.as_of, earlier=earlier)

    def label(
        self,
        model: SegmentModel,
        customers: pd.DataFrame,
        *,
        as_of: date,
        earlier: pd.DataFrame | None = None,
        events: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Return what a model says about customers as of a day, with overlays; one row per row of `customers`.

        Parameters
        ----------
        model
            Any fitted model.
        customers
            The customers' table of the day.
        as_of
            The day.
        earlier
            The ledger of an earlier day, for the margin of the params' hysteresis.
        events
            Those of these customers, where they are at hand; None looks among all.
        """
        assigned = model.assign(customers)
        by = self.params.customers.by
        if by is not None and by not in assigned:
            assigned.insert(1, by, customers[by])
        if earlier is not None and self.params.hysteresis is not None:
            margin = self.params.hysteresis.margin
            assigned = hold_scores(assigned, customers, model=model, earlier=earlier, margin=margin)
        if model.segment_map is not None:
            events = self.events if events is None else events
            assigned = with_overlays(assigned, events, segment_map=model.segment_map, as_of=as_of)
        return assigned

    def _with_prospects(self, assigned: pd.DataFrame) -> pd.DataFrame:
        if self.contacts is None:
            return assigned
        return with_prospects(assigned, self.contacts.select("customer_id").to_pandas())
