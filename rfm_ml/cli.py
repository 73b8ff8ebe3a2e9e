"""The command line: thin, every message a sentence, exit codes as documented.

0 done, 2 bad params, 3 bad data, 4 a notebook failed, 5 a gate stopped the export, 1 anything else.
"""

import json
import os
import sys
import webbrowser
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from rfm_ml.core.errors import ParamsError, RfmError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)

ParamsFile = Annotated[str, typer.Argument(metavar="PARAMS", help="The study's params file, as in params/cdnow.yml.")]
AsOf = Annotated[str | None, typer.Option(metavar="DATE", help="The day of the picture: 2025-06-30, or today.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the reports; reports/ if not given.")]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and end with the exit code of the error, if there is one."""
    try:
        code = app(args=argv, standalone_mode=False)
    except RfmError as error:
        errors.print(f"rfm-ml: {error}", markup=False)
        sys.exit(error.exit_code)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except OSError as error:
        told = f"{error.filename!r}: {error.strerror}" if error.filename else str(error)
        errors.print(f"rfm-ml: The place must be there and open to us. {told}.", markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        errors.print("rfm-ml: stopped; nothing was published.")
        sys.exit(130)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's own errors: a wrong option, a missing argument
            errors.print(f"rfm-ml: {error.format_message()} See rfm-ml --help.", markup=False)
            sys.exit(2)
        if os.environ.get("RFM_ML_DEBUG"):
            raise
        errors.print(f"rfm-ml: a fault of the program, not of yours: {type(error).__name__}: {error}", markup=False)
        errors.print("Please report it. With RFM_ML_DEBUG=1 in the environment you see where it happened.")
        sys.exit(1)
    sys.exit(code or 0)


@app.command()
def run(
    params: ParamsFile,
    as_of: AsOf = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NOTEBOOK", help="Only this notebook; repeatable.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks executed at the same time.")] = 2,
    out: Out = None,
    refit: Annotated[bool, typer.Option("--refit", help="Learn every strategy anew.")] = False,  # noqa: FBT002
) -> None:
    """Run a study: report, segment lists, models, tables."""
    from rfm_ml.reporting.run import run_study

    with _Display() as display:
        result = run_study(params, as_of=_day(as_of), only=only or (), jobs=jobs, out=out, refit=refit, display=display)
    _print_remarks(result.notes, result.warnings)
    console.print(f"Done in {result.seconds:.1f} s, as of {result.as_of}.")
    console.print(f"Report: {result.folder / 'index.html'}", markup=False)
    console.print(f"Lists:  {result.folder / 'segments'}", markup=False)


@app.command()
def check(params: ParamsFile, as_of: AsOf = None) -> None:
    """Check params, notebooks and data without running anything."""
    from rfm_ml.reporting.run import prepare_notebooks
    from rfm_ml.study import Study

    study = Study(params, as_of=_day(as_of))
    prepare_notebooks(study)
    study.playbook  # noqa: B018 - read here, so that its faults are told
    _print_table(study.waterfall, title=f"{study.params.study}: the log as of {study.as_of}")
    for name in study.strategies:
        study.choice(name)
    _print_remarks(study.log.notes, study.warnings)
    console.print(f"{study.customers['customer_id'].nunique():,} customers. The params and the data are usable.")


@app.command()
def score(
    params: ParamsFile,
    model: Annotated[Path, typer.Option(metavar="FILE", help="A frozen model: models/<strategy>.json of a run.")],
    as_of: AsOf = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV or Parquet; standard output if not given.")
    ] = None,
) -> None:
    """Score the study's customers with a frozen model, wherever it was fitted."""
    from rfm_ml.reporting.outputs import score_list
    from rfm_ml.study import Study

    frame = score_list(Study(params, as_of=_day(as_of)), model)
    if to is None:
        frame.to_csv(sys.stdout, index=False)
        return
    if to.suffix not in (".csv", ".parquet"):
        raise ParamsError(f"--to must end in .csv or .parquet. Got {to.name!r}.")
    if to.suffix == ".csv":
        frame.to_csv(to, index=False)
    else:
        frame.to_parquet(to, index=False)
    console.print(f"{len(frame):,} customers scored: {to}", markup=False)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the study, as in my_shop.")],
    data: Annotated[str, typer.Option(metavar="FILE", help="Your orders: CSV, Parquet or Excel.")],
    column: Annotated[
        list[str] | None, typer.Option(metavar="OURS=THEIRS", help="A column that is not recognised; repeatable.")
    ] = None,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where params files lie.")] = Path("params"),
) -> None:
    """Write params for your own orders by looking at the columns of the file."""
    from rfm_ml.study.new import write_params

    given = dict(c.partition("=")[::2] for c in column or ())
    place, told = write_params(name, data, folder, columns=given)
    for line in told:
        console.print(line, markup=False)
    console.print(f"Written: {place}. Read it, then: rfm-ml check {place}", markup=False)


@app.command()
def schedule(
    params: ParamsFile,
    cron: Annotated[str, typer.Option(metavar="CRON", help='Five fields, as in "0 6 * * 1": Mondays at six.')],
) -> None:
    """Print the crontab line that runs a study unattended."""
    from rfm_ml.reporting.schedule import crontab_line

    console.print(crontab_line(params, cron), markup=False)


@app.command()
def datasets() -> None:
    """List the data sets that come with the package."""
    from rfm_ml.transactions.datasets import DATASETS

    table = Table("name", "rows", "what it is", box=None, pad_edge=False)
    for dataset in DATASETS.values():
        table.add_row(dataset.name, dataset.rows, dataset.title)
    console.print(table)


@app.command()
def schema(
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")] = Path("params/params.schema.json"),
) -> None:
    """Write the JSON Schema of params files, which editors use to complete and check them."""
    from rfm_ml.params import Params

    to.write_text(json.dumps(Params.model_json_schema(), indent=1) + "\n", encoding="utf-8")
    console.print(f"Written: {to}", markup=False)


@app.command(name="open")
def open_report(
    study: Annotated[
        str | None, typer.Argument(help="Name of the study; the latest report of all if not given.")
    ] = None,
    out: Out = None,
) -> None:
    """Open the latest report of a study in the browser."""
    from rfm_ml.reporting.published import latest_report

    index = latest_report(out or Path("reports"), study)
    console.print(str(index), markup=False)
    webbrowser.open(index.resolve().as_uri())


def _day(text: str | None) -> date | str | None:
    return date.today() if text == "today" else text


def _print_remarks(notes: Sequence[str], warnings: Sequence[str]) -> None:
    for kind, sentences in {"Note": notes, "Warning": warnings}.items():
        for sentence in sentences:
            console.print(f"{kind}: {sentence}", markup=False)


def _print_table(frame: "object", *, title: str) -> None:
    import pandas as pd

    assert isinstance(frame, pd.DataFrame)
    table = Table(*frame.columns, title=title, title_justify="left", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in frame.itertuples(index=False):
        table.add_row(
            *(f"{v:,.2f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else str(v) for v in row)
        )
    console.print(table)


class _Display:
    """Stages and cells as they happen: bars in a terminal, plain lines in a log."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
        self.progress = Progress(*columns, console=errors, transient=True)
        self.live = errors.is_terminal
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Display":
        if self.live:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.progress.stop()

    def stage(self, words: str) -> None:
        for task in list(self.tasks.values()):
            self.progress.update(task, total=1, completed=1)
        self.tasks = {words: self.progress.add_task(words, total=None)}
        if not self.live:
            errors.print(f"{words} ...")

    def notebooks(self, names: Sequence[str]) -> None:
        self.stage("Executing notebooks")
        for name in names:
            self.tasks[name] = self.progress.add_task(f"  {name}", total=None)

    def cell(self, name: str, done: int, total: int) -> None:
        self.progress.update(self.tasks[name], completed=done, total=total)
        if not self.live and done == total:
            errors.print(f"  {name}: {total} cells")


if __name__ == "__main__":
    main()
