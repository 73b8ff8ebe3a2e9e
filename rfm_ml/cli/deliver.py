"""Handing over lists."""

from typing import Annotated

import typer

from rfm_ml.cli.app import AsOf, Out, ParamsFile, app, console, day_of


@app.command()
def deliver(
    params: ParamsFile,
    audiences: Annotated[
        list[str] | None, typer.Argument(metavar="[AUDIENCE]...", help="Whose lists; all if none is named.")
    ] = None,
    as_of: AsOf = None,
    out: Out = None,
    send: Annotated[bool, typer.Option("--send", help="Send; without it nothing leaves the machine.")] = False,  # noqa: FBT002
    again: Annotated[bool, typer.Option("--again", help="Also what was sent before.")] = False,  # noqa: FBT002
) -> None:
    """Hand over the lists of the latest report by mail or into a folder elsewhere, or say what would be sent."""
    from rfm_ml.features.audiences.delivery import PublishedLists, worst_fault

    lists = PublishedLists(params, as_of=day_of(as_of), out=out)
    done = []
    for handover in lists.deliver(audiences or (), send=send, again=again):
        console.print(f"{handover.audience} ({handover.delivery}): {handover.words}", markup=False)
        done.append(handover)
    if not send:
        console.print("Nothing was sent: that takes --send.")
    fault = worst_fault(done)
    if fault is not None:
        raise fault
