"""The triggers of a study: whom each finds between the last published day and today, and what to do."""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns.holdout import CONTROL
from rfm_ml.campaigns.manifest import write_groups
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.columns import row_keys
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.text import listed
from rfm_ml.features.feature import Facts, Feature, Report
from rfm_ml.features.triggers import rules
from rfm_ml.params.triggers import Trigger
from rfm_ml.segments import PROSPECT
from rfm_ml.segments.movement import NEW
from rfm_ml.study.messages import NO_MESSAGE
from rfm_ml.study.past import PastDay, past_days
from rfm_ml.study.permission import Permission, Permitted
from rfm_ml.study.study import Study

SUMMARY: Final = [
    "name",
    "when",
    "watches",
    "strategy",
    "since",
    "as_of",
    "channel",
    "actions",
    "left_out",
    "webhook",
]
FILTERS: Final = ["trigger", "step", "left_out", "remaining"]


class Triggers(Feature):
    """What the triggers of a study found since the last published day, run or backfilled.

    Both days are seen with the same model: after a refit the customers of the last day are labelled anew with today's
    model, so that a trigger speaks of customers who changed, never of a model that did. Without an earlier day no
    trigger finds anything.

    Parameters
    ----------
    study
        With `triggers` in its params, or without.

    Examples
    --------
    >>> Triggers(Study("params/cdnow.yml")).names
    []
    """

    def __init__(self, study: Study) -> None:
        super().__init__(study)
        self.permission = Permission(study)
        self._found: dict[str, pd.DataFrame] = {}
        self._permitted: dict[str, Permitted] = {}
        self._compared: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the triggers, in the order of the params."""
        return list(self.study.params.triggers)

    def require_usable(self) -> None:
        """Refuse a rule that can never find anybody.

        Raises
        ------
        ParamsError
            If a segment is not one of the strategy's, or the strategy has no such score.
        """
        for name, asked in self.study.params.triggers.items():
            if asked.asks is not None:
                self.permission.require_possible(f"triggers.{name}", asked, channel=asked.asks)
            strategy = self.strategy(name)
            known = self._segments_of(strategy)
            for key in ("segments", "from_segments", "to_segments"):
                possible = [*known, NEW] if key == "from_segments" else known
                for segment in getattr(asked, key) or ():
                    if segment not in possible:
                        raise ParamsError(
                            f"triggers.{name}.{key} must be segments of {strategy}. Got {segment!r}. "
                            f"{did_you_mean(segment, possible)}"
                        )
            if asked.score is not None and asked.score not in self.study.ledger(strategy).columns:
                raise ParamsError(
                    f"triggers.{name}.score must be a score of {strategy}. It gives no {asked.score}. Choose a "
                    "strategy with scores, or a measure."
                )

    def strategy(self, name: str) -> str:
        """Return the strategy whose segments a trigger watches."""
        return self._asked(name).strategy or self.study.strategies[0]

    def since(self, name: str) -> date | None:
        """Return the earlier day that a trigger compares with, None if there is none."""
        last = self.study.last_ledger(self.strategy(name))
        return None if last is None or last.empty else pd.Timestamp(last["as_of"].iloc[0]).date()

    def actions(self, name: str) -> pd.DataFrame:
        """Return the action list of a trigger: `customer_id, rule, channel, reason, due_on, from_segment, to_segment`.

        One row per customer, sorted; only those who may be contacted on its channel and are not held out, as for a
        list of an audience. The list of a `size_change` has one row per segment and no customer.

        Raises
        ------
        ParamsError
            If there is no trigger of this name.
        """
        actions = self.found(name)
        if self._asked(name).asks is None:
            return actions
        return actions[actions["customer_id"].isin(self._permission(name).funnel.ids)].reset_index(drop=True)

    def found(self, name: str) -> pd.DataFrame:
        """Return the actions for everybody whom a trigger found, those who must not be contacted too."""
        if name not in self._found:
            asked, since = self._asked(name), self.since(name)
            found = pd.DataFrame(columns=["customer_id", *rules.FOUND])
            if since is not None:
                found = self._rule(asked, name, since=since)
            words = {"rule": name, "channel": asked.channel, "reason": asked.reason}
            self._found[name] = rules.action_list(found, as_of=self.study.as_of, due_days=asked.due_days, **words)
        return self._found[name]

    def carries_messages(self, name: str) -> bool:
        """Say whether a trigger reaches customers."""
        return self._asked(name).asks not in NO_MESSAGE

    def groups(self, name: str) -> pd.DataFrame:
        """Return who is on the list of a trigger and who is held out of it alone, as the groups of an audience."""
        asked, found = self._asked(name), self.found(name)
        segments = found[["customer_id", "to_segment"]].rename(columns={"to_segment": "segment"})
        groups = self._permission(name).groups.merge(segments, on="customer_id", how="left")
        assigned = self.permission.assigned(groups, name, asked, strategy=self.strategy(name))
        return assigned.assign(listed=assigned["group"].ne(CONTROL))

    @cached_property
    def filters(self) -> pd.DataFrame:
        """`trigger, step, left_out, remaining` of every trigger that is about customers; the counts add up."""
        asked = [name for name in self.names if self._asked(name).asks is not None]
        parts = [self._permission(name).funnel.table.assign(trigger=name) for name in asked]
        return pd.concat(parts, ignore_index=True)[FILTERS] if parts else pd.DataFrame(columns=FILTERS)

    @property
    def warnings(self) -> list[str]:
        """What a reader must know of the lists, one sentence each."""
        asked = [name for name in self.names if self._asked(name).asks is not None]
        return [f"{name}: {told}" for name in asked for told in self._permission(name).warnings]

    def _permission(self, name: str) -> Permitted:
        if name not in self._permitted:
            asked, ids = self._asked(name), self.found(name)["customer_id"]
            self._permitted[name] = self.permission.permitted(ids, name, asked, channel=str(asked.asks))
        return self._permitted[name]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per trigger: what it watches, since when, how many actions, how many customers were left out."""
        rows = []
        for name, asked in self.study.params.triggers.items():
            actions = self.actions(name)
            since = self.since(name)
            row: dict[str, Any] = {
                "name": name,
                "when": asked.when,
                "watches": in_words(asked),
                "strategy": self.strategy(name),
            }
            row |= {"since": since.isoformat() if since else "", "as_of": self.study.as_of.isoformat()}
            row |= {"channel": asked.channel, "actions": len(actions), "left_out": len(self.found(name)) - len(actions)}
            rows.append(row | {"webhook": asked.webhook})
        return pd.DataFrame(rows, columns=SUMMARY)

    @property
    def figures(self) -> dict[str, Any]:
        """The summary by trigger, for the manifest."""
        columns = ["when", "strategy", "since", "actions", "left_out"]
        return {str(name): row for name, row in self.summary.set_index("name")[columns].to_dict("index").items()}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return `triggers` with the counts and `trigger_filters` with each step, if the params have any."""
        return {"triggers": self.summary, "trigger_filters": self.filters} if self.names else {}

    def write(self, report: Report) -> None:
        """Write the tables, and the action list of each trigger with its groups, for nobody but the owner to read."""
        super().write(report)
        if not self.names:
            return
        folder = report.day.list_folder("triggers")
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        for name in self.names:
            with open_private(report.day.actions(name)) as stream:
                self.actions(name).to_csv(stream, index=False)
            if self.carries_messages(name):
                write_groups(report.day.trigger_groups(name), self.groups(name))

    def facts(self) -> Facts:
        """Return the summary for the front page, figures for `run.json`, and what to know of the lists."""
        return Facts({"triggers": self.summary.to_dict("records")}, {"triggers": self.figures}, self.warnings)

    # --- one trigger ------------------------------------------------------------------------------------------
    def _asked(self, name: str) -> Trigger:
        if name not in self.names:
            raise ParamsError(
                f"A trigger of this study must be one we know. Got {name!r}. {did_you_mean(name, self.names)}"
            )
        return self.study.params.triggers[name]

    def _rule(self, asked: Trigger, name: str, *, since: date) -> pd.DataFrame:
        strategy = self.strategy(name)
        if asked.when == "overdue" and asked.against != "model":
            segments = self.study.ledger(strategy)["segment"].to_numpy()
            elapsed = (self.study.as_of - since).days
            return rules.became_overdue(
                self.study.customers.assign(segment=segments), elapsed_days=elapsed, days_late=asked.days_late or 0
            )
        if asked.needs_predictions:
            column = asked.measure or "overdue"
            before, after = self._predicted(strategy, column, since=since)
            if asked.measure is None:
                return rules.found_overdue(before, after)
            assert asked.below is not None
            return rules.fell_below(before, after, measure=column, below=asked.below)
        before, after = self._days(strategy, since=since)
        if asked.when == "move":
            pair = {"from_segments": asked.from_segments or [], "to_segments": asked.to_segments or []}
            return rules.moved(before, after, **pair)
        if asked.when == "score_drop":
            return rules.score_dropped(before, after, score=str(asked.score), by=asked.by or 1)
        if asked.when == "size_change":
            limits = {"share": asked.share, "at_least": asked.at_least}
            given: dict[str, Any] = {k: v for k, v in limits.items() if v is not None}
            return rules.size_changed(before, after, segments=asked.segments or [], **given)
        rule: Callable[..., pd.DataFrame] = {"enter": rules.entered, "leave": rules.left}[asked.when]
        return rule(before, after, segments=asked.segments or [])

    # --- two days ---------------------------------------------------------------------------------------------
    def _days(self, strategy: str, *, since: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the ledger of the last day and of today, both by today's model."""
        if strategy not in self._compared:
            study, last = self.study, self.study.last_ledger(strategy)
            today, model = study.ledger(strategy), study.model(strategy)
            assert last is not None
            if not last["model"].eq(model.fingerprint).all():
                past = self._past(since)
                last = past.use(lambda customers: study.label(model, customers, as_of=since))
                last = last.assign(value=past.customers["spend"].to_numpy())
                today = today.assign(segment=today["label"])
            self._compared[strategy] = (last, today)
        return self._compared[strategy]

    def _predicted(self, strategy: str, column: str, *, since: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the segments of both days with a prediction of today's model for each."""
        study, asked = self.study, self.study.params.clv
        assert asked is not None
        model, spend = study.clv_models
        past = self._past(since).customers
        then = model.predict(past, spend_model=spend, **asked.model_dump(exclude={"model"}))
        frames = []
        pairs = zip(self._days(strategy, since=since), (past, study.customers), (then, study.predictions), strict=True)
        for ledger, customers, predictions in pairs:
            keys = row_keys(ledger)
            values = customers[keys].assign(**{column: predictions[column].to_numpy()})
            frames.append(ledger[[*keys, "segment"]].merge(values, on=keys, validate="one_to_one"))
        return frames[0], frames[1]

    def _past(self, day: date) -> PastDay:
        """Return the customers of an earlier day, by the log of today."""
        if day not in self._snapshots:
            empty = PastDay(self.study, day, self.study.customers.iloc[:0])
            self._snapshots[day] = next(past_days(self.study, [day]), empty)
        return self._snapshots[day]

    @cached_property
    def _snapshots(self) -> dict[date, PastDay]:
        return {}

    # --- names ------------------------------------------------------------------------------------------------
    def _segments_of(self, strategy: str) -> list[str]:
        """Return every segment the ledger of a strategy can have: prospects are no customers yet."""
        model, seen = self.study.model(strategy), self.study.ledger(strategy)["segment"].unique()
        names = model.segment_map.all_names() if model.segment_map is not None else model.segments
        return [n for n in dict.fromkeys([*map(str, names), *map(str, seen)]) if n != PROSPECT]


def in_words(asked: Trigger) -> str:
    """Return what a trigger watches, in words."""
    into, out_of, named = (listed(s or [], "or") for s in (asked.to_segments, asked.from_segments, asked.segments))
    overdue = "by the model" if asked.against == "model" else f"by more than {asked.days_late or 0} days"
    dropped = f"{asked.score} falls by {asked.by or 1} or more"
    words = {
        "enter": f"enters {named}",
        "leave": f"leaves {named}",
        "move": f"moves from {out_of} to {into}",
        "score_drop": f"{rules.MEASURES[asked.measure]} falls below {asked.below:g}" if asked.measure else dropped,
        "overdue": f"the next order is overdue {overdue}",
        "size_change": f"the size of {named} changes by more than {asked.share or 0.2:.0%}",
    }
    return words[asked.when]
