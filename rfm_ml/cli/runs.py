"""Commands that run, check and score a study."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rfm_ml.cli.app import AsOf, Out, ParamsFile, app, console, day_of, errors
from rfm_ml.cli.display import RunDisplay, print_remarks, print_table
from rfm_ml.cli.triggers import Send, require_webhook, send_report, tell_stopped
from rfm_ml.core.errors import AlertError, GateError, ParamsError


@app.command()
def run(
    params: ParamsFile,
    as_of: AsOf = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NOTEBOOK", help="Only this notebook; repeatable.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks executed at the same time.")] = 2,
    out: Out = None,
    refit: Annotated[bool, typer.Option("--refit", help="Learn every strategy anew.")] = False,  # noqa: FBT002
    send: Send = False,  # noqa: FBT002
    confirm: Annotated[
        list[str] | None, typer.Option(metavar="AUDIENCE", help="Let its list go although its size moved; repeatable.")
    ] = None,
) -> None:
    """Run a study: report, segment lists, models, tables."""
    from rfm_ml.reporting.run import run_study

    if send:
        require_webhook(params)
    try:
        with RunDisplay() as display:
            result = run_study(
                params,
                as_of=day_of(as_of),
                only=only or (),
                jobs=jobs,
                out=out,
                refit=refit,
                confirm=confirm or (),
                display=display,
            )
    except AlertError:
        if send:
            tell_stopped(params, as_of=day_of(as_of), out=out)
        raise
    print_remarks(result.notes, result.warnings)
    console.print(f"Done in {result.seconds:.1f} s, as of {result.as_of}.")
    console.print(f"Report: {result.folder / 'index.html'}", markup=False)
    console.print(f"Lists:  {result.folder / 'segments'}", markup=False)
    send_report(params, result.folder, send=send)
    if result.held:
        raise GateError("\n".join(result.held))


@app.command()
def check(params: ParamsFile, as_of: AsOf = None) -> None:
    """Check params, notebooks and data without running anything."""
    from rfm_ml.reporting.run import prepare_notebooks, usable_features
    from rfm_ml.study import Study

    study = Study(params, as_of=day_of(as_of))
    prepare_notebooks(study)
    print_table(study.waterfall, title=f"{study.params.study}: the log as of {study.as_of}")
    features = usable_features(study)
    print_remarks(study.log.notes, study.warnings)
    for told in (told for feature in features for told in feature.remarks()):
        errors.print(f"Note: {told}", markup=False)
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

    frame = score_list(Study(params, as_of=day_of(as_of)), model)
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
