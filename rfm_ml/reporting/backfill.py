"""Backfill: the ledger of days that no run has seen, computed from the log at once."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.reporting.publish import building, locked
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.choice import ModelChoice
from rfm_ml.segments.ledger import ledger_rows
from rfm_ml.study import Study
from rfm_ml.study.ledgers import BACKFILLED, Ledgers, as_of_days
from rfm_ml.study.past import PastDay, past_days


@dataclass
class Backfilled:
    """What a backfill has written, and what one must know about it."""

    folder: Path
    days: list[date] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def backfill(
    params: str | Path, *, start: date, end: date, every: str = "month", out: Path | None = None
) -> Backfilled:
    """Write the segment ledger of many days, reading the log once.

    Every strategy is scored with one model for all days: that of the latest published run on or before `end`; if there
    is none, one fitted on the first day. A strategy that the params refit at every run is fitted on every day. Days
    that a run has published are left as they are. What was backfilled between the two days before is replaced.

    Parameters
    ----------
    params
        Path of the params file.
    start, end
        First and last as-of day.
    every
        "month", "week" or "30 days", see `as_of_days`.
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
    study = Study(params, as_of=end, refresh=True)
    folder = (out or study.base / "reports") / study.params.study
    with locked(folder):
        done = _Backfill(study, folder, days=days)
        with building(folder / BACKFILLED) as part:
            done.write(part, start=start, end=end)
    study.store.prune(max_gb=study.params.engine.cache_gb)
    return done.result


class _Backfill:
    """One backfill: the models chosen on the first day, then each day following the one before."""

    def __init__(self, study: Study, folder: Path, *, days: list[date]) -> None:
        self.study, self.folder, self.days = study, folder, days
        self.runs = Ledgers(folder, before=date.max).runs()
        self.result = Backfilled(folder / BACKFILLED)
        self.choices: dict[str, ModelChoice] = {}
        self.last: dict[str, pd.DataFrame | None] = {}
        self.written: dict[str, Path] = {}

    def write(self, part: Path, *, start: date, end: date) -> None:
        """Write every day into a folder that takes the place of the backfilled days there are."""
        for place in sorted((self.folder / BACKFILLED).glob("????-??-??")):
            if not start <= date.fromisoformat(place.name) <= end:
                shutil.copytree(place, part / place.name)
        one_by_one = 0
        for day in past_days(self.study, self.days):
            for name in self.study.strategies:
                self._follow(name, day, part)
            one_by_one += day.needed_features
            if day.as_of in self.runs:
                self.result.notes.append(f"{day.as_of} is left out: a run has published that day.")
            else:
                self._write_manifest(part / day.as_of.isoformat(), day)
                self.result.days.append(day.as_of)
        if not self.choices:
            raise DataError(
                f"There must be an order on or before the last day. Got {self.days[-1]}. Choose later days."
            )
        if one_by_one:
            self.result.notes.append(f"A strategy needs features: {one_by_one} days were measured one by one (slower).")
        self._tell_skipped()

    def _follow(self, name: str, day: PastDay, part: Path) -> None:
        """Write one strategy's ledger of a day, unless a run has."""
        place = part / day.as_of.isoformat()
        before = self._before(name, day.as_of)
        model = day.use(lambda customers: self._model(name, customers, as_of=day.as_of))
        if day.as_of in self.runs:
            self.last[name] = Ledgers(self.folder, before=date.fromordinal(day.as_of.toordinal() + 1)).latest(
                name, by=self.study.params.customers.by
            )
            return
        assigned = day.use(lambda customers: self.study.label(model, customers, as_of=day.as_of, earlier=before))
        hysteresis = self.study.params.hysteresis
        rows = ledger_rows(
            assigned,
            day.customers,
            model=model,
            strategy=name,
            as_of=day.as_of,
            earlier=before,
            periods=hysteresis.periods if hysteresis else 1,
        )
        self.last[name] = rows
        hindsight = str(model.fitted_on_) > day.as_of.isoformat()
        models = place / ("later_models" if hindsight else "models")
        models.mkdir(parents=True, exist_ok=True)
        self.written[name] = models / f"{name}.json"
        self.written[name].write_text(model.to_json(), encoding="utf-8")
        rows.to_parquet(place / f"{name}.parquet", index=False, compression="zstd")

    def _before(self, name: str, as_of: date) -> pd.DataFrame | None:
        """Return the ledger to follow: that of the last day of this backfill, or a published one if it is later."""
        if name not in self.last:
            self.last[name] = Ledgers(self.folder, before=as_of).latest(name, by=self.study.params.customers.by)
        return self.last[name]

    def _model(self, name: str, customers: pd.DataFrame, *, as_of: date) -> SegmentModel:
        refit = self.study.params.strategies[name].refit
        if name not in self.choices or refit:
            first = name not in self.choices
            files = [place / "models" / f"{name}.json" for place in self.runs.values()]
            frozen = None if refit else next((f for f in files if f.exists() and self._on_time(f)), None)
            why = "as the params ask for" if refit else "the first day of the backfill"
            earlier = [self.written.get(name), *Ledgers(self.folder, before=as_of).model_files(name)]
            previous = next((f for f in earlier if f is not None), None)
            self.choices[name] = self.study.choose(
                name, customers=customers, as_of=as_of, frozen=frozen, previous=previous, why=why
            )
            if first:
                self._tell_model(name, refit=refit)
        return self.choices[name].model

    def _on_time(self, model: Path) -> bool:
        return date.fromisoformat(model.parts[-3]) <= self.days[-1]

    def _tell_model(self, name: str, *, refit: bool) -> None:
        choice = self.choices[name]
        words = "fitted on every day, as the params ask for" if refit else f"one model for all days, {choice.why}"
        self.result.notes.append(f"{name}: {words}.")
        if str(choice.model.fitted_on_) > self.days[0].isoformat():
            self.result.notes.append(
                f"{name}: days before {choice.model.fitted_on_} are seen with a model that was made later."
            )
        self.result.notes += [f"{name}: {told}" for told in choice.warnings]

    def _tell_skipped(self) -> None:
        seen = {*self.result.days, *self.runs}
        skipped = [d for d in self.days if d not in seen]
        if skipped:
            self.result.notes.append(f"No order up to {skipped[-1]}: {len(skipped)} of the days are left out.")

    def _write_manifest(self, place: Path, day: PastDay) -> None:
        manifest: Mapping[str, object] = {
            "study": self.study.params.study,
            "as_of": day.as_of.isoformat(),
            "input": self.study.source.fingerprint,
            "customers": len(day.customers),
            "strategies": {
                name: {"fingerprint": c.model.fingerprint, "fitted_on": c.model.fitted_on_}
                for name, c in self.choices.items()
            },
        }
        (place / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
