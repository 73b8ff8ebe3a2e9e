"""How a study's customers have moved: between two days, and over all the days that are known."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property, partial
from typing import Final

import pandas as pd

from rfm_ml.core.columns import row_keys
from rfm_ml.core.store import digest
from rfm_ml.segments.maps import PROSPECT
from rfm_ml.segments.movement import (
    fallen,
    full_order,
    movement_by_segment,
    movement_causes,
    movement_matrix,
    net_by_cause,
    segment_sizes,
)
from rfm_ml.segments.spells import days_in_segment, paths_to, spells
from rfm_ml.study.ledgers import MOST_DAYS, read_ledger
from rfm_ml.study.past import as_of_days, past_days
from rfm_ml.study.study import Study

MONTHS: Final = 12
"""Month-ends that are computed from the log where no days have been published."""

ENOUGH: Final = 3
"""Published days from which on they are the history; below, the days before them are computed from the log."""

SHORT_LOG_DAYS: Final = 62
"""Logs up to this length are cut into weeks, where month-ends would be too few."""


class History:
    """The ledgers of a study up to its day, for one strategy.

    What is known of earlier days is what runs and backfills have published. Where that is less than `ENOUGH` days,
    the days before them are computed from the log, with today's model. What is not known has no rows; `notes` say why.

    Parameters
    ----------
    study
        The study.
    strategy
        One of its strategies; the leading one by default.

    Examples
    --------
    >>> history = History(Study("params/cdnow.yml"), "quantiles")
    >>> history.order[0], history.order[-1]
    ('Champions', 'Lost')
    """

    def __init__(self, study: Study, strategy: str | None = None) -> None:
        self.study = study
        self.strategy = study.strategies[0] if strategy is None else strategy
        self.model = study.model(self.strategy)
        self.today = study.ledger(self.strategy)
        self.notes: list[str] = []

    @property
    def keys(self) -> list[str]:
        """What identifies a customer: with channels, each of their channels is one."""
        return row_keys(self.today)

    @cached_property
    def segments(self) -> list[str]:
        """The segments of today's model, best first: as the map or the strategy has them, else by mean spend."""
        if self.model.segment_map is not None:
            found = {name for rows in (self.today, self.published) for name in rows["segment"].unique()}
            if self.study.events is not None:  # an overlay that is empty today keeps its place
                found.update(overlay["name"] for overlay in self.model.segment_map.overlays)
            names = self.model.segment_map.display_order(found)
        elif self.model.strategy_.labels:
            names = self.model.segments
        else:
            means = self.today.groupby("segment")["value"].mean()
            names = sorted(self.model.segments, key=lambda n: (-means.get(n, 0.0), n))
        return [n for n in names if n != PROSPECT]

    @cached_property
    def order(self) -> list[str]:
        """The segments, and after them those that only earlier days had."""
        return full_order(self.segments, self.ledger)

    # --- the days ---------------------------------------------------------------------------------------------
    @cached_property
    def published(self) -> pd.DataFrame:
        """Rows of the latest published days before today, with the same kind of rows; maybe none."""
        columns = [*self.keys, "as_of", "segment", "value"]
        files = list(self.study.earlier.files(self.strategy).values())[:MOST_DAYS]
        frames = [f for f in map(read_ledger, reversed(files)) if ("channel" in f.columns) == ("channel" in self.keys)]
        return pd.concat([f[columns] for f in frames], ignore_index=True) if frames else self.today[columns].iloc[:0]

    @property
    def first_published(self) -> date | None:
        """The first of the published days before today that are read, None without any."""
        return None if self.published.empty else pd.Timestamp(self.published["as_of"].min()).date()

    @property
    def from_log(self) -> bool:
        """Whether the days before the first published one were computed from the log."""
        return self.published["as_of"].nunique() < ENOUGH

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """Rows of every known day: `customer_id`, (`channel`,) `as_of`, `segment`, `value`, sorted by day."""
        columns = [*self.keys, "as_of", "segment", "value"]
        known = [self.published, self.today[columns]]
        return pd.concat([self._computed(), *known] if self.from_log else known, ignore_index=True)

    def _computed(self) -> pd.DataFrame:
        study, days = self.study, self._log_days()
        names = (
            self.strategy,
            self.model.fingerprint,
            study.params.hysteresis and study.params.hysteresis.model_dump(),
        )
        frames = self.study.store.frame("history", digest(study.basis, names, days), lambda: self._label_all(days))
        if frames.empty and self.published.empty:
            self.notes.append("The log is too short to look back: there is only today.")
        return frames

    def _log_days(self) -> list[date]:
        first, today = self.study.customers["first_order_on"].min().date(), self.study.as_of
        if (today - first).days > SHORT_LOG_DAYS:
            days = as_of_days(first, today - timedelta(days=1), every="month")[-MONTHS:]
        else:
            days = [d for d in (today - timedelta(days=7 * n) for n in range(9, 0, -1)) if d >= first]
        published = self.first_published
        return [d for d in days if published is None or d < published]

    def _label_all(self, days: list[date]) -> pd.DataFrame:
        columns = [*self.keys, "as_of", "segment", "value"]
        frames = [rows[columns] for rows in self._label_each(days)] if days else []
        return pd.concat(frames, ignore_index=True) if frames else self.today[columns].iloc[:0]

    def _label_each(self, days: list[date]) -> Iterator[pd.DataFrame]:
        """Give the ledger of each day, seen with today's model, following the day before."""
        study, last = self.study, None
        for day in past_days(study, days):
            assigned = day.use(partial(study.label, self.model, as_of=day.as_of, earlier=last))
            last = study.follow(
                assigned, day.customers, model=self.model, strategy=self.strategy, as_of=day.as_of, earlier=last
            )
            yield last

    @property
    def days(self) -> list[date]:
        """The known days, today the last."""
        return [pd.Timestamp(d).date() for d in sorted(self.ledger["as_of"].unique())]

    def at(self, day: date) -> pd.DataFrame:
        """Return the rows of a known day; none for another day."""
        return self.ledger[self.ledger["as_of"] == pd.Timestamp(day)]

    @property
    def before(self) -> pd.DataFrame:
        """The last known day before today; no rows if there is none."""
        return self.at(self.days[-2]) if len(self.days) > 1 else self.ledger.iloc[:0]

    # --- between the last day before and today ----------------------------------------------------------------
    @cached_property
    def matrix(self) -> pd.DataFrame:
        """As `movement_matrix`."""
        return movement_matrix(self.before, self.at(self.days[-1]), order=self.segments)

    @cached_property
    def by_segment(self) -> pd.DataFrame:
        """As `movement_by_segment`."""
        return movement_by_segment(self.before, self.at(self.days[-1]), order=self.segments)

    def fallen(self, *, count: int = 20) -> pd.DataFrame:
        """Return who fell since the day before, as `movement.fallen`, with the days since their last order."""
        rows = fallen(self.before, self.at(self.days[-1]), order=self.segments, count=count)
        return rows.merge(self.study.customers[[*self.keys, "orders", "recency_days"]], on=self.keys, how="left")

    @cached_property
    def last_run(self) -> pd.DataFrame | None:
        """The ledger of the last published day, None if there is none."""
        return self.study.last_ledger(self.strategy)

    @cached_property
    def causes(self) -> pd.DataFrame:
        """What customers and what a new model did since the last day before, as `movement_causes`.

        Both add up to `matrix`: days that were computed have the model of today, so there all movement is customers'.
        """
        last = self.last_run
        if last is None or last.empty:
            after = self.at(self.days[-1])
            return movement_causes(self.before, after, after, order=self.segments)
        return movement_causes(last, self.today, self._by_model_of(last), order=self.segments)

    def _by_model_of(self, last: pd.DataFrame) -> pd.DataFrame:
        """Return what today's ledger would be if the model of the last day had gone on."""
        study, fingerprint = self.study, str(last["model"].iloc[0])
        if fingerprint == self.model.fingerprint:
            return self.today
        model = study.earlier.model(self.strategy, fingerprint)
        if model is None:
            self.notes.append("The model of the last day is gone, so all movement counts as that of customers.")
            return self.today
        assigned = study.label(model, study.customers, as_of=study.as_of, earlier=last)
        return study.follow(
            assigned, study.customers, model=model, strategy=self.strategy, as_of=study.as_of, earlier=last
        )

    @property
    def net_causes(self) -> pd.DataFrame:
        """As `net_by_cause`."""
        return net_by_cause(self.causes, order=self.segments)

    # --- over all days ----------------------------------------------------------------------------------------
    @cached_property
    def sizes(self) -> pd.DataFrame:
        """As `segment_sizes`."""
        return segment_sizes(self.ledger, order=self.order)

    @cached_property
    def stays(self) -> pd.DataFrame:
        """As `spells`."""
        return spells(self.ledger)

    @property
    def days_in_segment(self) -> pd.DataFrame:
        """As `days_in_segment`."""
        return days_in_segment(self.stays, order=self.order)

    @property
    def best(self) -> str:
        """The best segment that anybody has ever been in."""
        return next(n for n in self.order if n in set(self.stays["segment"]))

    @property
    def worst(self) -> str:
        """The worst segment that anybody has ever been in."""
        return next(n for n in reversed(self.order) if n in set(self.stays["segment"]))

    def paths(self, segment: str, *, count: int = 6) -> pd.DataFrame:
        """Return the most common ways into a segment, as `paths_to`."""
        return paths_to(self.stays, segment, count=count)
