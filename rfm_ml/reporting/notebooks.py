"""Notebooks: found, checked against their parameters, executed side by side by papermill."""

import ast
import logging
import os
import re
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import NotebookError, ParamsError

Progress = Callable[[str, int, int], None]
"""Called with notebook, cells done, cells in all."""


@dataclass(frozen=True)
class NotebookRun:
    """A notebook to execute, and after it was: how long it took, what went wrong.

    `parameters` are those it is given, `effective` also those it keeps from its own defaults.
    """

    name: str
    source: Path
    parameters: dict[str, Any]
    title: str
    effective: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    fault: str | None = None


def notebook_folder(base: Path) -> Path:
    """Return the folder of notebooks: the study's own, the repository's, or the installed copy."""
    candidates = (
        base / "notebooks",
        Path(__file__).parents[2] / "notebooks",
        Path(sysconfig.get_path("data")) / "share" / "rfm_ml" / "notebooks",
    )
    for folder in candidates:
        if any(folder.glob("*.ipynb")):
            return folder
    raise ParamsError(f"There must be a folder of notebooks. None is at {candidates[0]}. Clone the repository.")


def prepare(folder: Path, name: str, parameters: dict[str, Any], *, given: dict[str, Any]) -> NotebookRun:
    """Check a notebook and its parameters before anything runs.

    Parameters
    ----------
    folder
        Where notebooks lie.
    name
        As in `30_rfm_quantiles`.
    parameters
        From the params; each must be declared by the notebook.
    given
        What every run gives to the notebooks that declare it (study, as_of).

    Raises
    ------
    ParamsError
        If there is no such notebook, or it does not declare a parameter.
    """
    source = folder / f"{name}.ipynb"
    if not source.exists():
        known = sorted(str(p.relative_to(folder))[:-6] for p in folder.rglob("*.ipynb"))
        raise ParamsError(f"A notebook must exist. There is no {name!r}. {did_you_mean(name, known)}")
    notebook = nbformat.read(source, as_version=4)
    declared = declared_parameters(notebook)
    for parameter in parameters:
        if parameter not in declared:
            raise ParamsError(
                f"{name} must declare every parameter it is given. It has no {parameter!r}. "
                f"{did_you_mean(parameter, declared)}"
            )
    every = {k: v for k, v in given.items() if k in declared} | parameters
    return NotebookRun(name, source, every, title_of(notebook, name), declared | every)


def declared_parameters(notebook: Any) -> dict[str, Any]:
    """Return what the cell tagged `parameters` assigns, with defaults where they are literals."""
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        if "parameters" not in cell.metadata.get("tags", []):
            continue
        for statement in ast.parse(cell.source).body:
            if isinstance(statement, ast.Assign):
                targets, value = statement.targets, statement.value
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                targets, value = [statement.target], statement.value
            else:
                continue
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id] = ast.literal_eval(value)
    return found


def title_of(notebook: Any, name: str) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (heading := re.match(r"#\s+(.+)", cell.source)):
            return heading[1].strip()
    return name


def execute_all(runs: list[NotebookRun], to: Path, *, jobs: int, progress: Progress | None = None) -> list[NotebookRun]:
    """Execute notebooks, `jobs` at a time, writing each to `to/<name>.ipynb`; after a failure no new one starts.

    Raises
    ------
    NotebookError
        If one failed, with the failing cell and its error; the half-executed notebook stays in `to`.
    """
    to.mkdir(parents=True, exist_ok=True)
    waiting, running = list(runs), set[Future[NotebookRun]]()
    done: list[NotebookRun] = []
    with _quiet(), ThreadPoolExecutor(max_workers=jobs) as pool:
        while waiting or running:
            while waiting and len(running) < jobs and not any(r.fault for r in done):
                running.add(pool.submit(_execute, waiting.pop(0), to, progress=progress))
            if not running:
                break
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            done += [f.result() for f in finished]
    faults = [r for r in done if r.fault]
    if faults:
        raise NotebookError("\n\n".join(f"{r.name} failed. {r.fault}" for r in faults))
    order = {r.name: i for i, r in enumerate(runs)}
    return sorted(done, key=lambda r: order[r.name])


def _execute(run: NotebookRun, to: Path, *, progress: Progress | None) -> NotebookRun:
    from jupyter_core.utils import ensure_event_loop
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook
    from traitlets.config import Config

    out, start, fault = to / f"{run.name}.ipynb", time.perf_counter(), None
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="rfm-") as sockets:
            execute_notebook(
                str(run.source),
                str(out),
                parameters=run.parameters,
                engine_name="rfm_ml",
                kernel_name="python3",
                progress_bar=False,
                # Sockets of the file system: no open port that others on the machine could listen to.
                config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
                # What a kernel logs about itself is not the user's business; errors of cells come back to us.
                extra_arguments=["--IPKernelApp.log_level=50"],
                on_cell=(lambda done, total: progress(run.name, done, total)) if progress else None,
            )
    except PapermillExecutionError as error:
        frames = "\n".join(error.traceback[-1:]) if error.traceback else ""
        clean = re.sub(r"\x1b\[[0-9;]*m", "", frames or f"{error.ename}: {error.evalue}")
        fault = f"Cell {error.exec_count}:\n{_indent(error.source)}\nended with\n{_indent(clean)}"
    except Exception as error:  # a kernel that dies or hangs is a failed notebook, not a crash of ours
        fault = f"The notebook could not be executed: {type(error).__name__}: {error}"
    finally:
        ensure_event_loop().close()  # each thread has its own, and nobody else closes it
    _forget_places(out, run.source.name)
    return replace(run, seconds=time.perf_counter() - start, fault=fault)


def _forget_places(out: Path, name: str) -> None:
    """Take the folders of this machine, which papermill notes down, out of an executed notebook."""
    if out.exists():
        notebook = nbformat.read(out, as_version=4)
        notebook.metadata.get("papermill", {}).update(input_path=name, output_path=name)
        nbformat.write(notebook, out)


def register_engine() -> None:
    """Make papermill report each finished cell, which its own engines only do as a progress bar."""
    from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

    class CountingEngine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(
            cls, nb_man: NotebookExecutionManager, kernel_name: str, *, on_cell: Any = None, **kwargs: Any
        ) -> None:
            whole, total = nb_man.cell_complete, len(nb_man.nb.cells)

            def cell_complete(cell: Any, cell_index: int | None = None, **more: Any) -> None:
                whole(cell, cell_index, **more)
                if on_cell is not None and cell_index is not None:
                    on_cell(cell_index + 1, total)

            nb_man.cell_complete = cell_complete
            nb_man.autosave_cell_every = 0
            super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("rfm_ml", CountingEngine)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep kernels and papermill from talking into the progress display, and give kernels this Python."""
    register_engine()
    loggers = [logging.getLogger(n) for n in ("papermill", "papermill.translators", "traitlets")]
    levels = [(log, log.level) for log in loggers]
    for log in loggers:
        log.setLevel(logging.ERROR)
    # The kernelspec says "python": it must be the one that runs us, also where the environment is not active.
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    try:
        yield
    finally:
        os.environ["PATH"] = path
        for log, level in levels:
            log.setLevel(level)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())
