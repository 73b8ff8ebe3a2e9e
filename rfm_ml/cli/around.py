"""Commands around a study: its params, its schedule, its data, its report."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from rfm_ml.cli.app import Out, ParamsFile, app, console


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
    from rfm_ml.cli.new import write_params

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
    from rfm_ml.study.archive import latest_report

    index = latest_report(out or Path("reports"), study)
    console.print(str(index), markup=False)
    webbrowser.open(index.resolve().as_uri())
