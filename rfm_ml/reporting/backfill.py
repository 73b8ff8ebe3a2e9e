"""Backfill: the ledger of days that no run has seen, computed from the log at once."""

import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import pandas as pd

from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import DataError
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.model import decided
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive, BackfilledDay
from rfm_ml.study.ledgers import OF_A_DAY, Ledgers, drift_warnings
from rfm_ml.study.model_choice import ModelChoice
from rfm_ml.study.past import PastDay, as_of_days, past_days
from rfm_ml.transactions.quality import STALE_DAYS

MODELS: Final = ("published", "last", "first")
"""Which model labels the days of a backfill."""


@dataclass
class Backfilled:
    """What a backfill has written, and what one must know about it."""

    folder: Path
    days: list[date] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def backfill(
    params: str | Path,
    *,
    start: date,
    end: date,
    every: str = "month",
    model: str = "published",
    out: Path | None = None,
) -> Backfilled:
    """Write the segment ledger of many days, reading the log once.

    Every strategy is scored with one model for all days. A strategy that the params refit at every run is fitted on
    every day. Days that a run has published are left as they are. What was backfilled between the two days before is
    replaced.

    Parameters
    ----------
    params
        Path of the params file.
    start, end
        First and last as-of day.
    every
        "month", "week" or "30 days", see `as_of_days`.
    model
        "published": of the latest run on or before `end`, else of the earliest run after it, else of the backfilled
        days that stay, else as with "last". "last" and "first": fitted on that day of those with orders.
    out
        Folder of the reports; None for `reports/` beside `params/`.

    Returns
    -------
    Backfilled
        Where `<as_of>/<strategy>.parquet`, `<as_of>/models/` and `<as_of>/manifest.json` lie, the days, and notes.

    Raises
    ------
    ParamsError, DataError, LockedError
        Nothing is written then, and what was there before is untouched.
    """
    days = as_of_days(start, end, every=every)
    require_known(model, MODELS, what="The model of a backfill")
    study = Study(params, as_of=end, refresh=True)
    archive = Archive.of(study.params.study, base=study.base, out=out)
    with archive.locked():
        done = _Backfill(study, archive, days=days, model=model)
        with archive.publish_backfill() as part:
            done.keep(part, start=start, end=end)
            done.write(part)
        done.tell_followers()
    study.store.prune(max_gb=study.params.engine.cache_gb)
    return done.result


class _Backfill:
    """One backfill: the models chosen, then each day following the one before."""

    def __init__(self, study: Study, archive: Archive, *, days: list[date], model: str) -> None:
        self.study, self.archive, self.days, self.model = study, archive, days, model
        self.ledgers = Ledgers(archive, before=date.max)
        self.runs = self.ledgers.runs()
        self.kept: set[date] = set()
        self.result = Backfilled(archive.backfill_folder)
        self.choices: dict[str, ModelChoice] = {}
        self.told: dict[str, list[str]] = defaultdict(list)
        self.drift: dict[str, dict[date, float]] = {name: {} for name in study.strategies}
        self.last: dict[str, tuple[date, pd.DataFrame]] = {}
        self.written: dict[str, Path] = {}

    def keep(self, part: Path, *, start: date, end: date) -> None:
        """Keep the backfilled days outside the period in the folder that takes the place of them all."""
        for day in self.archive.backfilled():
            if not start <= day.as_of <= end:
                shutil.copytree(day.place, part / day.place.name)
                self.kept.add(day.as_of)

    def write(self, part: Path) -> None:
        """Write every day."""
        one_by_one = 0
        for day in past_days(self.study, self.days):
            before = Ledgers(self.archive, before=day.as_of, backfilled=part)
            for name in self.study.strategies:
                self._follow(name, day, part, ledgers=before)
            one_by_one += day.needed_features
            if day.as_of in self.runs:
                self.result.notes.append(f"{day.as_of} is left out: a run has published that day.")
            else:
                self._write_manifest(BackfilledDay(part / day.as_of.isoformat()), day, ledgers=before)
                self.result.days.append(day.as_of)
        if not self.choices:
            first = self.study.span[0] if self.study.span else "never"
            raise DataError(
                f"There must be an order on or before the last day. Got {self.days[-1]}; "
                f"the first order is of {first}. Choose later days."
            )
        if one_by_one:
            self.result.notes.append(f"A strategy needs features: {one_by_one} days were measured one by one (slower).")
        self._tell_skipped()
        self.result.notes[:0] = [f"{', '.join(names)}: {words}" for words, names in self.told.items()]
        self.result.warnings += drift_warnings(self.drift)

    def tell_followers(self) -> None:
        """Say which runs could not know the days that are written now."""
        ledgers = Ledgers(self.archive, before=date.max)
        days = [d for d in sorted(self.runs) if self.result.days and d > self.result.days[0]]
        late = [d for d in days if not all(ledgers.knew(n, d) for n in self.study.strategies if d in ledgers.files(n))]
        if not late:
            return
        more = len(late) - 1
        others = f" and {more} later {'day' if more == 1 else 'days'} were" if more else " was"
        self.result.notes.append(
            f"{late[0]}{others} published before these days were known. From now on they say since when a "
            "customer was in their segment. The segments stay as published."
        )

    def _follow(self, name: str, day: PastDay, part: Path, *, ledgers: Ledgers) -> None:
        """Write one strategy's ledger of a day, unless a run has."""
        place = BackfilledDay(part / day.as_of.isoformat())
        model = self._model(name, day)
        if day.as_of in self.runs:
            return
        before = self._before(name, ledgers)
        assigned = day.use(lambda customers: self.study.label(model, customers, as_of=day.as_of, earlier=before))
        rows = self.study.follow(assigned, day.customers, model=model, strategy=name, as_of=day.as_of, earlier=before)
        self.last[name] = (day.as_of, rows)
        self.drift[name][day.as_of] = day.use(lambda customers: float(model.drift(customers)["psi"].max()))
        hindsight = str(model.fitted_on_) > day.as_of.isoformat()
        self.written[name] = place.later_model(name) if hindsight else place.model(name)
        self.written[name].parent.mkdir(parents=True, exist_ok=True)
        self.written[name].write_text(model.to_json(), encoding="utf-8")
        rows.to_parquet(place.ledger(name), index=False, compression="zstd")

    def _before(self, name: str, ledgers: Ledgers) -> pd.DataFrame | None:
        """Return the ledger to follow: of the last day before, whoever wrote it."""
        written, rows = self.last.get(name, (None, None))
        if written is not None and written == next(iter(ledgers.files(name)), None):
            return rows  # the same as in its file
        return ledgers.latest(name, by=self.study.params.customers.by)

    def _model(self, name: str, day: PastDay) -> SegmentModel:
        if name not in self.choices or self.study.params.strategies[name].refit:
            first = name not in self.choices
            self.choices[name] = self._choose(name, day)
            if first:
                self._tell_model(name)
        return self.choices[name].model

    def _choose(self, name: str, day: PastDay) -> ModelChoice:
        """Return the model for all days, or for this day alone where the params refit."""
        refit, where = self.study.params.strategies[name].refit, "first" if self.model == "first" else "last"
        frozen = None if refit or self.model != "published" else self._published(name)
        stays = frozen is not None and decided(SegmentModel.from_json(frozen.read_text())) == decided(
            self.study.blank(name)
        )
        on = day if refit or stays or where == "first" else self._last_day
        earlier = [self.written.get(name), *Ledgers(self.archive, before=on.as_of).model_files(name)]
        previous = next((f for f in earlier if f is not None), None)
        with_data = " with data" if where == "last" and on.as_of < self.days[-1] else ""
        why = "as the params ask for" if refit else f"the {where} day of the backfill{with_data}"
        choose = partial(self.study.choose, name, as_of=on.as_of, frozen=frozen, previous=previous, why=why)
        try:
            return on.use(lambda customers: choose(customers=customers))
        except DataError as error:
            advice = " With --model last it is fitted on the last day." if self.model == "first" and not refit else ""
            raise DataError(f"{name} must learn from the customers of {on.as_of}. {error}{advice}") from None

    def _published(self, name: str) -> Path | None:
        """Return the model of a run, else of the backfilled days that stay: the days then go on from one another."""
        near = partial(self.ledgers.nearest_model, name, self.days[-1])
        return near(of=self.runs) or near(of=self.kept)

    @cached_property
    def _last_day(self) -> PastDay:
        """The last day, but not one after the data: everybody would seem to have stopped."""
        end = self.study.span[1] if self.study.span else self.days[-1]
        in_time = [day for day in self.days if day <= end]
        return next(past_days(self.study, [*in_time[-1:], self.days[-1]]))

    def _tell_model(self, name: str) -> None:
        choice = self.choices[name]
        if self.study.params.strategies[name].refit:
            self.told["fitted on every day, as the params ask for."].append(name)
        else:
            self.told[f"one model for all days, {choice.why}."].append(name)
            if str(choice.model.fitted_on_) > self.days[0].isoformat():
                self.told[
                    f"days before {choice.model.fitted_on_} are labelled by rules that were made later. They show how "
                    "customers came to where they are, not what was known on the day."
                ].append(name)
        self.result.warnings += [f"{name}: {told}" for told in choice.warnings]

    def _tell_skipped(self) -> None:
        seen = {*self.result.days, *self.runs}
        skipped = [d for d in self.days if d not in seen]
        if skipped:
            self.result.notes.append(f"No order up to {skipped[-1]}: {len(skipped)} of the days are left out.")
        end = self.study.span[1] if self.study.span else self.days[-1]
        late = [d for d in self.result.days if (d - end).days > STALE_DAYS]
        if late:
            self.result.warnings.append(
                f"The data end on {end}. On the days from {late[0]} on nobody has ordered since, only time has passed."
            )

    def _write_manifest(self, place: BackfilledDay, day: PastDay, *, ledgers: Ledgers) -> None:
        manifest = {
            "study": self.study.params.study,
            "as_of": day.as_of.isoformat(),
            "input": self.study.source.fingerprint,
            "customers": len(day.customers),
            "strategies": {
                name: {
                    "fingerprint": c.model.fingerprint,
                    "fitted_on": c.model.fitted_on_,
                    "psi": round(psi, 4) if (psi := self.drift[name][day.as_of]) == psi else None,
                    "follows": ledgers.follows(name),
                }
                for name, c in self.choices.items()
            },
            "params": self.study.params.model_dump(mode="json", include=set(OF_A_DAY)),
        }
        place.write_manifest(manifest)
