"""Sending what the triggers of a published report ask for."""

import os
from datetime import date
from pathlib import Path

import pandas as pd

from rfm_ml.campaigns.objections import objectors
from rfm_ml.campaigns.outbox import Outbox, Sent, send_waiting
from rfm_ml.campaigns.webhook import Webhook
from rfm_ml.core.errors import ParamsError
from rfm_ml.params import Params
from rfm_ml.reporting.publish import locked
from rfm_ml.study import Study

JOURNAL = Path("triggers") / "sent.jsonl"
"""Where a study remembers what it has sent, beside its reports."""


def webhook_of(params: Params) -> Webhook:
    """Return the webhook of a study; address and secret come from the environment.

    Raises
    ------
    ParamsError
        If one of them is not set or cannot be used, or no trigger asks for it.
    """
    asked = params.webhook
    if not any(t.webhook for t in params.triggers.values()):
        raise ParamsError("A trigger must have webhook: true to be sent. None has. Add it in the params.")
    found = {}
    for what, name in {"address": asked.url_env, "secret": asked.secret_env}.items():
        if not os.environ.get(name):
            raise ParamsError(f"The webhook's {what} must be in the environment variable {name}. It is not set.")
        found[what] = os.environ[name]
    limits = asked.model_dump(include={"allow_http", "timeout_seconds", "tries"})
    return Webhook(found["address"], found["secret"], **limits)


class PublishedTriggers:
    """The triggers of a published report, and what of them has been sent.

    Parameters
    ----------
    params
        Path of the params file.
    as_of
        Day of the report; None for the latest.
    out
        Folder of the reports; None for `reports/` beside `params/`.

    Raises
    ------
    ParamsError
        If no report of the day has been published, or it knows no triggers.
    """

    def __init__(self, params: str | Path, *, as_of: str | date | None = None, out: Path | None = None) -> None:
        first = Study(params, as_of=as_of)
        self.folder = (out or first.base / "reports") / first.params.study
        published = {p.parent.name for p in self.folder.glob("????-??-??/run.json")}
        day = max(published, default="") if as_of is None else first.as_of.isoformat()
        if day not in published:
            known = f"There are {', '.join(sorted(published)[-3:])}." if published else "There is none."
            raise ParamsError(f"A report {f'of {day} ' if day else ''}must have been made first. {known}")
        self.place = self.folder / day
        self.study = Study(params, as_of=day)
        if not (self.place / "tables" / "triggers.csv").exists():
            raise ParamsError(f"The report of {day} must know triggers. It has none. Run the study again.")

    def status(self) -> pd.DataFrame:
        """Return `trigger, actions, to_send`: to send are those of webhook triggers that were never queued or wait."""
        outbox = Outbox(self.folder / JOURNAL)
        waiting = {str(row["name"]): 0 for row in self._rows}
        for batch in outbox.waiting:
            waiting[batch["trigger"]] = waiting.get(batch["trigger"], 0) + len(batch["items"])
        for name, since, as_of in self._sendable():
            waiting[name] += len(outbox.fresh(self._actions(name), trigger=name, since=since, as_of=as_of))
        actions = {str(row["name"]): int(row["actions"]) for row in self._rows}
        return pd.DataFrame([{"trigger": n, "actions": actions.get(n, 0), "to send": w} for n, w in waiting.items()])

    def send(self) -> Sent:
        """Queue what is new in the report, then send all that waits.

        Returns
        -------
        Sent
            With the faults in words; what did not arrive waits for the next time.

        Raises
        ------
        ParamsError
            If the webhook cannot be used as it is set up.
        LockedError
            If a run is writing to the study.
        """
        asked = self.study.params.webhook
        webhook = webhook_of(self.study.params)
        with locked(self.folder):
            outbox = Outbox(self.folder / JOURNAL)
            for name, since, as_of in self._sendable():
                outbox.queue(
                    self._actions(name),
                    study=self.study.params.study,
                    trigger=name,
                    since=since,
                    as_of=as_of,
                    batch_size=asked.batch_size,
                )
            left_alone = map(str, objectors(self.study.contacts))
            return send_waiting(outbox, webhook, left_alone=left_alone, total_seconds=asked.total_seconds)

    @property
    def _rows(self) -> list[dict[str, str]]:
        table = pd.read_csv(self.place / "tables" / "triggers.csv", dtype="str", keep_default_na=False)
        return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]

    def _sendable(self) -> list[tuple[str, str, str]]:
        """Return name and both days of the triggers that go to the webhook, by the report and by the params."""
        asked = self.study.params.triggers
        rows = [r for r in self._rows if r["since"] and r["name"] in asked and asked[r["name"]].webhook]
        return [(r["name"], r["since"], r["as_of"]) for r in rows]

    def _actions(self, name: str) -> pd.DataFrame:
        file = self.place / "campaigns" / "triggers" / f"{name}.csv"
        return pd.read_csv(file, dtype="str", keep_default_na=False)
