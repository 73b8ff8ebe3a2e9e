"""A study as it was published: the segments of a day are those of its ledger, not new ones."""

from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from rfm_ml.core.columns import row_keys
from rfm_ml.core.text import count
from rfm_ml.segments import PROSPECT, SegmentModel
from rfm_ml.study.archive import Archive
from rfm_ml.study.ledgers import OF_A_DAY, Ledgers
from rfm_ml.study.model_choice import ModelChoice, decided
from rfm_ml.study.study import Study
from rfm_ml.transactions.quality import STALE_DAYS


class PublishedStudy(Study):
    """A study for who asks about a day after the fact, while a run makes the day's figures anew.

    A day that a run or a backfill has published has the segments of its ledger, hysteresis included, and its model.
    Any other day is labelled by the model of the latest published day before it, else of the earliest after it. Only
    where nothing is published by the rules of the params, a model is fitted. `notes` say which it was. On the pages of
    a run that is under way it is the study of that run.

    Parameters
    ----------
    params, as_of
        As for `Study`.
    out
        Folder of the reports; None for where the run of the day wrote to, `reports/` beside `params/` without one.

    Examples
    --------
    >>> PublishedStudy("params/cdnow.yml", as_of="1997-05-31", out=Path("nowhere")).choice().why
    'fitted on 1997-05-31, as no model has been published'
    """

    def __init__(self, params: str | Path, *, as_of: str | date | None = None, out: Path | None = None) -> None:
        super().__init__(params, as_of=as_of)
        self._out = out
        self._notes: dict[str, list[str]] = {}
        self._of_day: dict[str, pd.DataFrame | None] = {}

    @property
    def notes(self) -> list[str]:
        """Where the segments that were asked for come from, and how the day lies to the data."""
        by_words: dict[str, list[str]] = {}
        for name, every in self._notes.items():
            for told in every:
                by_words.setdefault(told, []).append(name)
        return [*self._day_notes, *(f"{', '.join(names)}: {told}" for told, names in by_words.items())]

    @cached_property
    def archive(self) -> Archive:
        """As of `Study`, in the folder that was asked for."""
        known = super().archive
        return known if self._out is None else Archive.of(self.params.study, base=self.base, out=self._out)

    @cached_property
    def _published(self) -> Ledgers:
        return Ledgers(self.archive, before=date.max)

    def choice(self, name: str | None = None) -> ModelChoice:
        """Return the published model that labels the day, or a new fit."""
        name = self._known(name)
        if name not in self._choices:
            self._notes[name] = []
            if self.archive.is_building(self.as_of):
                return super().choice(name)
            self._choices[name] = self._of_ledger(name) or self._nearest(name) or self._fitted(name)
        return self._choices[name]

    def _of_ledger(self, name: str) -> ModelChoice | None:
        """Return the model of the day's own ledger, None if there is none, or its rules are not today's."""
        there = self.as_of in self._published.files(name)
        rows = self._published.rows(name, self.as_of) if there else None
        if rows is None or rows.empty:
            return None
        model = self._published.model(name, str(rows["model"].iloc[0]))
        written, now = self._published.rules(self.as_of), self.params.model_dump(mode="json", include=set(OF_A_DAY))
        if model is None or not self._same_rules(name, model) or any(written.get(k, now[k]) != now[k] for k in now):
            self._tell(name, f"the rules have changed since the ledger of {self.as_of} was written.")
            return None
        self._of_day[name] = rows
        source = "run" if self.as_of in self._published.runs() else "backfill"
        self._tell(name, f"segments of {self.as_of} as the ledger of the {source} has them.")
        return ModelChoice(model, frozen=True, why=f"of the ledger of {self.as_of}")

    def _nearest(self, name: str) -> ModelChoice | None:
        """Return the model of the nearest published day, None without one by the rules of the params."""
        file = None if self.params.strategies[name].refit else self._published.nearest_model(name, self.as_of)
        model = None if file is None else SegmentModel.from_json(file.read_text(encoding="utf-8"))
        if file is None or model is None or not self._same_rules(name, model):
            return None
        told = f"segments of {self.as_of} by the model that labelled {file.parts[-3]}, made on {model.fitted_on_}."
        self._tell(name, told)
        return ModelChoice(model, frozen=True, why=f"frozen since {model.fitted_on_}")

    def _fitted(self, name: str) -> ModelChoice:
        why = "as the params ask for" if self.params.strategies[name].refit else "as no model has been published"
        choice = self.choose(name, customers=self.customers, as_of=self.as_of, why=why)
        self._tell(name, f"segments of {self.as_of} by a model {choice.why}.")
        return choice

    def _same_rules(self, name: str, model: SegmentModel) -> bool:
        return decided(model) == decided(self.blank(name))

    def segments(self, name: str | None = None) -> pd.DataFrame:
        """As of `Study`, with the segments and scores that were published."""
        name = self._known(name)
        if name not in self._segments:
            self._segments[name] = self._as_published(super().segments(name), name)
        return self._segments[name]

    def ledger(self, name: str | None = None) -> pd.DataFrame:
        """As of `Study`; the rows that were published as they are."""
        name = self._known(name)
        if name not in self._ledgers:
            self._ledgers[name] = self._as_published(super().ledger(name), name)
        return self._ledgers[name]

    def _as_published(self, rows: pd.DataFrame, name: str) -> pd.DataFrame:
        """Return rows per customer with what the ledger of the day says of each; others stay as they are."""
        self.choice(name)
        published = self._of_day.get(name)
        if published is None:
            return rows
        keys = row_keys(rows, published)
        place = pd.MultiIndex.from_frame(published[keys]).get_indexer(pd.MultiIndex.from_frame(rows[keys]))
        known = place >= 0
        came, gone = int((~known & (rows["segment"] != PROSPECT)).sum()), len(published) - int(known.sum())
        if came:
            self._tell(name, f"{came:,} new in the log of that day since, labelled by the same model.")
        if gone:
            self._tell(name, f"{gone:,} of that ledger no longer in the log of that day.")
        changed = {}
        for column in rows.columns.intersection(published.columns).difference(keys):
            theirs = pd.Series(published[column].to_numpy()[place], index=rows.index)
            changed[column] = rows[column].where(~known, theirs).astype(rows[column].dtype)
        return rows.assign(**changed)

    def _tell(self, name: str, sentence: str) -> None:
        if sentence not in self._notes[name]:
            self._notes[name].append(sentence)

    @property
    def _day_notes(self) -> list[str]:
        """Return where the day lies outside the data."""
        if self.archive.is_building(self.as_of):
            return []  # the run tells it in its own words
        if self.span is None:
            return ["The log has no orders."]
        first, last = self.span
        if self.as_of < first:
            return [f"The data begin on {first}, after {self.as_of}: nobody is a customer yet."]
        silent = (self.as_of - last).days
        if silent > (STALE_DAYS if str(self._asked) == str(self.params.as_of) else 0):
            return [f"The data end on {last}, {count(silent, 'day')} before {self.as_of}."]
        return []


class EarlierDay(PublishedStudy):
    """An earlier day as a study sees it: as `PublishedStudy`, of what was published before the day of the study.

    Where nothing was, the model of the study labels the day, as it will once the study's own day is published.

    Parameters
    ----------
    study
        The study that looks back.
    as_of
        The day.
    """

    def __init__(self, study: Study, *, as_of: date) -> None:
        super().__init__(study.path, as_of=as_of)
        self._share(study)
        self._study = study

    @cached_property
    def archive(self) -> Archive:
        """The folder that the study knows."""
        return self._study.archive

    @cached_property
    def _published(self) -> Ledgers:
        return self._study.earlier

    def _fitted(self, name: str) -> ModelChoice:
        return self._study.choice(name)
