"""One run of a study: computed, written, executed, published whole."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from rfm_ml.core.errors import NotebookError, ParamsError
from rfm_ml.reporting.alerts import shortened
from rfm_ml.reporting.campaigns import (
    Manifests,
    held_sentences,
    list_warnings,
    require_confirmable,
    write_campaigns,
)
from rfm_ml.reporting.changes import Changes
from rfm_ml.reporting.index import heading, write_index
from rfm_ml.reporting.manifest import write_manifest
from rfm_ml.reporting.notebooks import NotebookRun, execute_all, notebook_folder, prepare
from rfm_ml.reporting.outputs import write_outputs
from rfm_ml.reporting.pages import write_pages
from rfm_ml.reporting.progress import Clock, Display
from rfm_ml.reporting.publish import building, failed_folder, locked
from rfm_ml.study import Study
from rfm_ml.study.audiences import Audiences
from rfm_ml.study.comparison import StrategyComparison, compares
from rfm_ml.study.customer_outlook import holdout_warnings
from rfm_ml.study.dynamic import DynamicSegments
from rfm_ml.study.offers import require_products

COMPARING = "Comparing strategies"


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
    audiences = _with_usable_campaigns(study, confirm=confirm)
    folder = (out or study.base / "reports") / study.params.study
    with locked(folder):
        with clock.stage("Reading orders"):
            study.waterfall  # noqa: B018 - computed here so that notebooks find it in the cache
        with clock.stage("Measuring customers"):
            study.customers  # noqa: B018
        place = folder / study.as_of.isoformat()
        with clock.stage("Naming segments"):
            study.settle(reports=folder, refit=refit)
            changes, dynamic = _usable_rules(study, audiences)
            changes.stop_if_asked(failed=failed_folder(place))
            warnings = [*study.warnings, *holdout_warnings(study), *dynamic.not_seen()]
        kept = _unchanged(place, study, only=only)
        if compares(study):
            with clock.stage(COMPARING):
                step = clock.display and partial(clock.display.step, COMPARING)
                StrategyComparison(study, jobs=jobs, progress=step or None).folder  # noqa: B018
        with building(place) as part:
            with clock.stage("Writing lists and tables"):
                write_outputs(study, part, changes=changes)
            lists: Manifests = {}
            if audiences.names:
                with clock.stage("Writing audiences"):
                    lists = write_campaigns(audiences, part, confirmed=confirm)
            runs = _execute(runs, study, part, jobs=jobs, clock=clock)
            with clock.stage("Writing pages"):
                runs = _with_kept(kept, runs, part, study)
                write_pages(runs, part / "notebooks", part / "pages", heading=heading(study))
                write_index(study, runs, part, changes=changes, lists=lists, warnings=warnings)
            write_manifest(study, runs, part, timings=clock.timings, changes=changes, lists=lists, warnings=warnings)
        shutil.rmtree(failed_folder(place), ignore_errors=True)
    study.store.prune(max_gb=study.params.engine.cache_gb)
    told = [*warnings, *shortened(changes.alerts, where="run.json"), *list_warnings(lists)]
    return RunResult(place, study.as_of, study.log.notes, told, clock.seconds, tuple(held_sentences(lists)))


def _with_usable_campaigns(study: Study, *, confirm: Sequence[str]) -> Audiences:
    """Return the audiences; a fault in what campaigns rest on is told before anything runs."""
    audiences = Audiences(study)
    require_confirmable(audiences, confirm)
    study.playbook  # noqa: B018
    require_products(study)
    return audiences


def _usable_rules(study: Study, audiences: Audiences) -> tuple[Changes, DynamicSegments]:
    """Return what changed and the dynamic segments; rules that the segments cannot answer are refused."""
    changes, dynamic = Changes(study), DynamicSegments(study)
    changes.triggers.require_usable()
    dynamic.require_usable()
    audiences.require_usable()
    return changes, dynamic


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


def _execute(runs: list[NotebookRun], study: Study, part: Path, *, jobs: int, clock: Clock) -> list[NotebookRun]:
    if clock.display:
        clock.display.notebooks([r.name for r in runs])
    try:
        with clock.timed("Executing notebooks"), _inside(study.base):
            cell = clock.display.cell if clock.display else None
            return execute_all(runs, part.resolve() / "notebooks", jobs=jobs, progress=cell)
    except NotebookError as error:
        failed = failed_folder(part.with_name(study.as_of.isoformat()))
        shutil.rmtree(failed, ignore_errors=True)
        shutil.copytree(part / "notebooks", failed)
        raise NotebookError(f"{error}\n\nThe notebooks as far as they came are in {failed}.") from None


def _unchanged(place: Path, study: Study, *, only: Sequence[str]) -> dict[str, Path]:
    """Return executed notebooks of the published report that may stay when only some are run again."""
    if not only or not (place / "run.json").exists():
        return {}
    manifest = json.loads((place / "run.json").read_text())
    if manifest["basis"] != study.basis:
        return {}
    named = [n.name for n in study.params.notebooks if n.name not in only]
    return {n: f for n in named if (f := place / "notebooks" / f"{n}.ipynb").exists()}


def _with_kept(kept: dict[str, Path], runs: list[NotebookRun], part: Path, study: Study) -> list[NotebookRun]:
    for name, file in kept.items():
        target = part / "notebooks" / f"{name}.ipynb"
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
