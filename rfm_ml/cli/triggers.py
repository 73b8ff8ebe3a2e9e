"""Triggers of a published report: what they found, and sending it."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rfm_ml.cli.app import AsOf, Out, ParamsFile, app, console, day_of, errors
from rfm_ml.cli.display import print_table
from rfm_ml.core.errors import DeliveryError
from rfm_ml.core.text import count

if TYPE_CHECKING:
    from rfm_ml.features.triggers.outbox import Sent
    from rfm_ml.features.triggers.sending import PublishedTriggers

Send = Annotated[bool, typer.Option("--send", help="Send to the webhook; without it nothing leaves the machine.")]


@app.command()
def triggers(params: ParamsFile, as_of: AsOf = None, out: Out = None, send: Send = False) -> None:  # noqa: FBT002
    """Show what the triggers of the latest report found; send it with --send."""
    from rfm_ml.features.triggers.sending import PublishedTriggers

    published = PublishedTriggers(params, as_of=day_of(as_of), out=out)
    if send:
        tell_sent(published)
        return
    status = published.status()
    print_table(status, title=f"{published.study.params.study}: triggers as of {published.study.as_of}")
    console.print(f"Lists: {published.day.list_folder('triggers')}", markup=False)
    if status["to send"].sum():
        console.print("Nothing was sent: that takes --send.")


def tell_sent(published: "PublishedTriggers") -> None:
    """Send and print what came of it.

    Raises
    ------
    DeliveryError
        If something did not arrive.
    """
    sent = published.send()
    _tell(sent, published.what)
    if sent.faults:
        told = f"The report is published; {sent.waiting:,} {published.what} wait for the next --send."
        raise DeliveryError(f"{' '.join(sent.faults)} {told}")


def tell_stopped(params: str, *, as_of: date | str | None, out: Path | None) -> None:
    """Send the alerts that have stopped a run, if the params ask for it, and print what came of it."""
    from rfm_ml.features.triggers.sending import send_stopped

    sent = send_stopped(params, as_of=as_of, out=out)
    if sent is None:
        return
    _tell(sent, "actions and alerts")
    for fault in sent.faults:
        errors.print(f"rfm-ml: {fault} {sent.waiting:,} actions and alerts wait for the next --send.", markup=False)


def _tell(sent: "Sent", what: str) -> None:
    console.print(f"Webhook: {sent.actions:,} {what} sent in {count(sent.batches, 'batch')}.")


def require_webhook(params: str) -> None:
    """Refuse a webhook that is not set up before anything runs."""
    from rfm_ml.core.places import find_params
    from rfm_ml.features.triggers.sending import webhook_of
    from rfm_ml.params import load_params

    webhook_of(load_params(find_params(params)))


def send_report(params: str, place: Path, *, send: bool) -> None:
    """After a run: send the triggers of the report it made, or say that nothing was sent."""
    from rfm_ml.core.places import find_params
    from rfm_ml.features.triggers.sending import PublishedTriggers, sends_alerts
    from rfm_ml.params import load_params
    from rfm_ml.study.archive import Day

    if not Day(place).table("triggers").exists() and not sends_alerts(load_params(find_params(params))):
        return
    published = PublishedTriggers(params, as_of=place.name, out=place.parents[1])
    if send:
        tell_sent(published)
    elif waiting := published.status()["to send"].sum():
        console.print(
            f"Webhook: {waiting:,} {published.what} wait; nothing was sent. rfm-ml triggers {params} --send sends them."
        )
