"""Sending what the triggers of a published report ask for, and its alerts."""

import os
from datetime import date
from pathlib import Path

import pandas as pd

from rfm_ml.campaigns.carriers.webhook import Webhook
from rfm_ml.core.errors import ParamsError
from rfm_ml.features.migration.alerts import FILE
from rfm_ml.features.triggers.outbox import Outbox, Permitted, Sent, send_waiting
from rfm_ml.params import Params
from rfm_ml.params.campaigns import CHANNELS, SPELLINGS, Contacting
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive
from rfm_ml.study.permission import IN_HOUSE, Permission

ALERTS = "(alerts)"
"""The alerts among the triggers, when they are counted; no trigger can have this name."""


def webhook_of(params: Params) -> Webhook:
    """Return the webhook of a study; address and secret come from the environment.

    Raises
    ------
    ParamsError
        If one of them is not set or cannot be used, or neither a trigger nor the alerts ask for it.
    """
    asked = params.webhook
    if not any(t.webhook for t in params.triggers.values()) and not sends_alerts(params):
        raise ParamsError("A trigger, or alerts, must have webhook: true to be sent. None has. Add it in the params.")
    found = {}
    for what, name in {"address": asked.url_env, "secret": asked.secret_env}.items():
        if not os.environ.get(name):
            raise ParamsError(f"The webhook's {what} must be in the environment variable {name}. It is not set.")
        found[what] = os.environ[name]
    limits = asked.model_dump(include={"allow_http", "timeout_seconds", "tries"})
    return Webhook(found["address"], found["secret"], **limits)


def sends_alerts(params: Params) -> bool:
    """Say whether the params ask for alerts to be sent."""
    return params.alerts is not None and params.alerts.webhook


def send_stopped(params: str | Path, *, as_of: str | date | None = None, out: Path | None = None) -> Sent | None:
    """Send the alerts of a run that they have stopped; None if the params do not ask for it.

    Parameters
    ----------
    params, as_of, out
        As the run had them.

    Raises
    ------
    ParamsError
        If the webhook cannot be used as it is set up.
    LockedError
        If a run is writing to the study.
    """
    study = Study(params, as_of=as_of)
    if not sends_alerts(study.params):
        return None
    archive = Archive.of(study.params.study, base=study.base, out=out)
    alerts = (archive.day(study.as_of).failed / FILE).read_text(encoding="utf-8").splitlines()
    with archive.locked():
        outbox = Outbox(archive.sent)
        outbox.queue_alerts(alerts, study=study.params.study, as_of=study.as_of.isoformat())
        total_seconds = study.params.webhook.total_seconds
        # Actions may wait since an earlier report.
        permitted = permitted_by(study)
        return send_waiting(outbox, webhook_of(study.params), permitted=permitted, total_seconds=total_seconds)


def permitted_by(study: Study) -> Permitted:
    """Return who may be contacted by a trigger today, whatever was allowed when its action was queued."""
    permission = Permission(study)

    def permitted(trigger: str, channel: str, customer_ids: list[str]) -> list[str]:
        rules = study.params.triggers.get(trigger, Contacting())
        channel = SPELLINGS.get(channel, channel)
        if channel not in CHANNELS or (study.contacts is None and channel != IN_HOUSE):
            return []
        ids = permission.typed(customer_ids)
        return [str(i) for i in permission.permitted(ids, trigger, rules, channel=channel).funnel.remaining]

    return permitted


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
        self.archive = Archive.of(first.params.study, base=first.base, out=out)
        self.day = self.archive.published(None if as_of is None else first.as_of)
        self.study = Study(params, as_of=self.day.as_of)
        self._table = self.day.table("triggers")
        if not self._table.exists() and not sends_alerts(self.study.params):
            raise ParamsError(f"The report of {self.day.as_of} must know triggers. It has none. Run the study again.")

    def status(self) -> pd.DataFrame:
        """Return `trigger, actions, to send`: to send are those of webhook triggers that were never queued or wait.

        Alerts have a row of their own if the params send them.
        """
        outbox = Outbox(self.archive.sent)
        waiting = {str(row["name"]): 0 for row in self._rows}
        for batch in outbox.waiting:
            name = batch["trigger"] or ALERTS
            waiting[name] = waiting.get(name, 0) + len(batch["items"])
        for name, since, as_of in self._sendable():
            waiting[name] += len(outbox.fresh(self._actions(name), trigger=name, since=since, as_of=as_of))
        actions = {str(row["name"]): int(row["actions"]) for row in self._rows}
        if sends_alerts(self.study.params):
            actions[ALERTS] = len(self._alerts)
            known = outbox.knows_alerts(self._alerts, study=self.study.params.study, as_of=self.day.as_of.isoformat())
            waiting[ALERTS] = waiting.get(ALERTS, 0) + (0 if known else len(self._alerts))
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
        with self.archive.locked():
            outbox = Outbox(self.archive.sent)
            for name, since, as_of in self._sendable():
                outbox.queue(
                    self._actions(name),
                    study=self.study.params.study,
                    trigger=name,
                    since=since,
                    as_of=as_of,
                    batch_size=asked.batch_size,
                )
            if sends_alerts(self.study.params):
                outbox.queue_alerts(self._alerts, study=self.study.params.study, as_of=self.day.as_of.isoformat())
            permitted = permitted_by(self.study)
            return send_waiting(outbox, webhook, permitted=permitted, total_seconds=asked.total_seconds)

    @property
    def what(self) -> str:
        """What is sent, in words."""
        return "actions and alerts" if sends_alerts(self.study.params) else "actions"

    @property
    def _alerts(self) -> list[str]:
        return list(self.day.manifest()["alerts"])

    @property
    def _rows(self) -> list[dict[str, str]]:
        if not self._table.exists():
            return []
        table = pd.read_csv(self._table, dtype="str", keep_default_na=False)
        return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]

    def _sendable(self) -> list[tuple[str, str, str]]:
        """Return name and both days of the triggers that go to the webhook, by the report and by the params."""
        asked = self.study.params.triggers
        rows = [r for r in self._rows if r["since"] and r["name"] in asked and asked[r["name"]].webhook]
        return [(r["name"], r["since"], r["as_of"]) for r in rows]

    def _actions(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.day.actions(name), dtype="str", keep_default_na=False)
