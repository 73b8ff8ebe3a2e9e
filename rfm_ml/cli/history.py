"""Commands about earlier days."""

from datetime import date
from typing import Annotated

import typer

from rfm_ml.cli.app import Out, ParamsFile, app, console
from rfm_ml.cli.display import print_remarks
from rfm_ml.core.errors import ParamsError


@app.command()
def backfill(
    params: ParamsFile,
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day, as in 2024-01-31.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, as in 2025-06-30.")],
    every: Annotated[str, typer.Option(metavar="STEP", help='month, week, or as in "30 days".')] = "month",
    model: Annotated[
        str,
        typer.Option(metavar="WHICH", help="published (else as last), last or first: of which day."),
    ] = "published",
    out: Out = None,
) -> None:
    """Write the segment ledger of earlier days, as if a run had been made on each."""
    from rfm_ml.reporting.backfill import backfill as write

    done = write(params, start=_day(start, "--from"), end=_day(end, "--to"), every=every, model=model, out=out)
    print_remarks(done.notes, done.warnings)
    if done.days:
        many = len(done.days) > 1
        console.print(
            f"{len(done.days)} days written, {done.days[0]} to {done.days[-1]}."
            if many
            else f"1 day written, {done.days[0]}."
        )
    console.print(f"Ledger: {done.folder}", markup=False)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParamsError(f"{option} must be a day such as 2025-06-30. Got {text!r}.") from None
