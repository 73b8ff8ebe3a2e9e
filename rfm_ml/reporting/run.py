"""One run of a study: computed, written, executed, published whole."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import NotebookError, ParamsError
from rfm_ml.features import features_of
from rfm_ml.features.feature import Facts, Feature, Report
from rfm_ml.features.migration.alerts import shortened
from rfm_ml.reporting.index import heading, write_index
from rfm_ml.reporting.manifest import write_manifest
from rfm_ml.reporting.notebooks import NotebookRun, execute_all, notebook_folder, prepare
from rfm_ml.reporting.outputs import write_outputs
from rfm_ml.reporting.pages import write_pages
from rfm_ml.reporting.progress import Clock, Display
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive, Day


@dataclass(frozen=True)
class RunResult:
    """A published run: its folder and day, how the log was read, what to know before relying on it."""

    folder: Path
    as_of: date
    notes: tuple[str, ...]
    warnings: list[str]
    seconds: float
    held: tuple[str, ...] = ()
    """Lists that were held back by the size gate, a sentence each."""


def run_study(
    params: str | Path,
    *,
    as_of: str | date | None = None,
    only: Sequence[str] = (),
    jobs: int = 2,
    out: Path | None = None,
    refit: bool = False,
    confirm: Sequence[str] = (),
    display: Display | None = None,
) -> RunResult:
    """Run a study and publish its report, lists, models and tables.

    Parameters
    ----------
    params
        Path of the params file.
    as_of
        Overrides the day of the params.
    only
        Execute only these notebooks; the others' pages stay if nothing they rest on has changed.
    jobs
        Notebooks executed at the same time.
    out
        Folder of the reports; None for `reports/` beside `params/`.
    refit
        Learn every strategy anew.
    confirm
        Audiences whose lists go although their size moved more than the params allow.
    display
        Told about the progress.

    Returns
    -------
    Where the report lies: `<out>/<study>/<as_of>/`.

    Raises
    ------
    ParamsError, DataError, NotebookError, LockedError, GateError
        Nothing is published then, and what was published before is untouched.
    """
    clock = Clock(display)
    study = Study(params, as_of=as_of, refresh=True)
    runs = prepare_notebooks(study, only=only)
    for name in confirm:
        require_known(name, study.params.audiences, what="--confirm: an audience of this study")
    archive = Archive.of(study.params.study, base=study.base, out=out)
    with archive.locked():
        features = usable_features(study, clock=clock, archive=archive, refit=refit)
        warnings = [*study.warnings, *(told for feature in features for told in feature.remarks())]
        published = archive.day(study.as_of)
        kept = _unchanged(published, study, only=only)
        with archive.publish(study.as_of) as day:
            facts = _write(features, Report(day, tuple(confirm), jobs=jobs), clock=clock)
            warnings += [told for one in facts for told in one.warnings]
            runs = _execute(runs, study, day, jobs=jobs, clock=clock)
            with clock.stage("Writing pages"):
                runs = _with_kept(kept, runs, day, study)
                write_pages(runs, day.folder("notebooks"), day.folder("pages"), heading=heading(study))
                write_index(study, runs, day, facts=facts, warnings=warnings)
            write_manifest(study, runs, day, timings=clock.timings, facts=facts, warnings=warnings)
        shutil.rmtree(published.failed, ignore_errors=True)
    study.store.prune(max_gb=study.params.engine.cache_gb)
    alerts = [alert for one in facts for alert in one.alerts]
    warnings += shortened(alerts, where="run.json")
    held = tuple(sentence for one in facts for sentence in one.held)
    return RunResult(published.place, study.as_of, study.log.notes, warnings, clock.seconds, held)


def usable_features(
    study: Study, *, clock: Clock | None = None, archive: Archive | None = None, refit: bool = False
) -> list[Feature]:
    """Return the features of a study after each has looked whether its params can be met: the first half of a run.

    Parameters
    ----------
    study
        The study; its log, customers and models are made here.
    clock
        Told about the stages.
    archive
        The reports to settle the models for; None settles nothing.
    refit
        Learn every strategy anew.

    Raises
    ------
    ParamsError, DataError
        If something is asked for that this study cannot give.
    """
    clock = clock or Clock(None)
    study.playbook  # noqa: B018 - read here, so that its faults are told
    features = features_of(study)
    with clock.stage("Reading orders"):
        study.waterfall  # noqa: B018 - computed here so that notebooks find it in the cache
    with clock.stage("Measuring customers"):
        study.customers  # noqa: B018
    with clock.stage("Naming segments"):
        if archive is not None:
            study.settle(archive, refit=refit)
        for name in study.strategies:
            study.choice(name)
        for feature in features:
            feature.require_usable()
    return features


def _write(features: Sequence[Feature], report: Report, *, clock: Clock) -> list[Facts]:
    """Write tables, lists and models, and return what every feature has to say."""
    study = features[0].study
    with clock.stage("Writing lists and tables"):
        write_outputs(study, report.day)
    for feature in features:
        step = clock.display and feature.stage and partial(clock.display.step, feature.stage)
        with clock.stage(feature.stage) if feature.stage else nullcontext():
            feature.write(replace(report, progress=step or None))
    return [feature.facts() for feature in features]


def prepare_notebooks(study: Study, *, only: Sequence[str] = ()) -> list[NotebookRun]:
    """Check every notebook the params name, and those asked for, before anything runs."""
    source = notebook_folder(study.base)
    given = {
        "params": os.path.relpath(study.path, study.base),
        "as_of": study.as_of.isoformat(),
    }
    named = {n.name: n.parameters for n in study.params.notebooks}
    wanted = {n: named.get(n, {}) for n in only} or named
    runs = [prepare(source, name, parameters, given=given) for name, parameters in wanted.items()]
    for run in runs:
        asked = run.effective.get("strategy")
        left_open = asked == "" and "strategy" not in run.parameters  # a page that chooses for itself
        if asked is not None and asked not in study.strategies and not left_open:
            raise ParamsError(
                f"{run.name} must be given a strategy of this study ({', '.join(study.strategies)}). "
                f"Got {asked!r}. In the params write "
                f"{{name: {run.name}, parameters: {{strategy: {study.strategies[0]}}}}}."
            )
    return runs


def _execute(runs: list[NotebookRun], study: Study, day: Day, *, jobs: int, clock: Clock) -> list[NotebookRun]:
    if clock.display:
        clock.display.notebooks([r.name for r in runs])
    try:
        with clock.timed("Executing notebooks"), _inside(study.base):
            cell = clock.display.cell if clock.display else None
            return execute_all(runs, day.folder("notebooks").resolve(), jobs=jobs, progress=cell)
    except NotebookError as error:
        shutil.rmtree(day.failed, ignore_errors=True)
        shutil.copytree(day.folder("notebooks"), day.failed)
        raise NotebookError(f"{error}\n\nThe notebooks as far as they came are in {day.failed}.") from None


def _unchanged(published: Day, study: Study, *, only: Sequence[str]) -> dict[str, Path]:
    """Return executed notebooks of the published report that may stay when only some are run again."""
    if not only or not published.is_published or published.manifest()["basis"] != study.basis:
        return {}
    named = [n.name for n in study.params.notebooks if n.name not in only]
    return {n: f for n in named if (f := published.folder("notebooks") / f"{n}.ipynb").exists()}


def _with_kept(kept: dict[str, Path], runs: list[NotebookRun], day: Day, study: Study) -> list[NotebookRun]:
    for name, file in kept.items():
        target = day.folder("notebooks") / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    order = [n.name for n in study.params.notebooks]
    every = [*runs, *prepare_notebooks(study, only=list(kept))] if kept else runs
    return sorted(every, key=lambda r: order.index(r.name) if r.name in order else len(order))


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Kernels start in the current folder: make it the study's, so that no page names an absolute path."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
