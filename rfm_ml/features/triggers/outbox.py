"""The outbox: actions and alerts on their way to a webhook, each sent once, remembered across runs and kills."""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.campaigns.carriers.webhook import Webhook
from rfm_ml.core.errors import DeliveryError, DeliveryRefusedError
from rfm_ml.core.journal import Journal

Span = tuple[str, str]


@dataclass
class Sent:
    """What came of sending: batches and actions (or alerts) that arrived, actions that wait, faults in words."""

    batches: int
    actions: int
    waiting: int
    faults: list[str]


class Outbox:
    """A journal of batches; call it with the study's lock held.

    A batch is written down before it is sent and marked when it has arrived. A process that is killed in between
    sends the batch again with the same idempotency key, so the receiver can drop it.

    Parameters
    ----------
    file
        File of the journal.

    Raises
    ------
    DataError
        If the journal is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._batches: dict[str, dict[str, Any]] = {}
        self._settled: set[str] = set()
        self._spans: dict[tuple[str, str], list[Span]] = defaultdict(list)
        what, without = "what was sent", "actions would be sent twice"
        self._journal = Journal(file, what=what, without=without, take=self._take)

    def queue(self, actions: pd.DataFrame, *, study: str, trigger: str, since: str, as_of: str, batch_size: int) -> int:
        """Write down the actions that are new, in batches; return how many there are.

        Parameters
        ----------
        actions
            `customer_id` (as text; empty where a rule is about a segment), `channel`, `due_on`, `from_segment`,
            `to_segment`.
        study, trigger
            Their names.
        since, as_of
            The two days of the movement. A customer of whom the trigger has told a movement that overlaps with these
            days is left out: it is the same movement, seen from another day.
        batch_size
            Largest number of actions in a batch.

        Raises
        ------
        DeliveryRefusedError
            If customers are identified by their e-mail addresses, which must not be sent.
        """
        fresh = self.fresh(actions, trigger=trigger, since=since, as_of=as_of)
        if fresh["customer_id"].astype("str").str.contains("@").any():
            raise DeliveryRefusedError(
                f"Customer ids must not be e-mail addresses to be sent. Those of {trigger} are. Use the file instead, "
                "or ids of the shop."
            )
        for start in range(0, len(fresh), batch_size):
            part = fresh.iloc[start : start + batch_size]
            columns = ["customer_id", "channel", "due_on", "from_segment", "to_segment"]
            items = [{str(k): v for k, v in row.items()} for row in part[columns].to_dict("records")]
            for item in items:
                item["id"] = _digest(study, trigger, _subject(item), since, as_of)
            key = _digest(study, trigger, *(item["id"] for item in items))
            about = {"study": study, "trigger": trigger, "since": since, "as_of": as_of}
            self._journal.append({"queued": key, **about, "items": items})
        return len(fresh)

    def queue_alerts(self, alerts: Sequence[str], *, study: str, as_of: str) -> None:
        """Write down the alerts of a day as one batch, unless the same ones of that day were written down before."""
        key = _digest(study, "alerts", as_of, *alerts)
        if not self.knows_alerts(alerts, study=study, as_of=as_of):
            items = [{"customer_id": "", "alert": alert} for alert in alerts]
            self._journal.append({"queued": key, "study": study, "trigger": None, "as_of": as_of, "items": items})

    def knows_alerts(self, alerts: Sequence[str], *, study: str, as_of: str) -> bool:
        """Say whether there is nothing to queue: no alert, or the same ones of that day were written down before."""
        return not alerts or _digest(study, "alerts", as_of, *alerts) in self._batches

    def fresh(self, actions: pd.DataFrame, *, trigger: str, since: str, as_of: str) -> pd.DataFrame:
        """Return the actions of whose movement the trigger has not told yet; arguments as in `queue`."""
        columns = ["customer_id", "to_segment"]
        subjects = [_subject(dict(zip(columns, row, strict=True))) for row in actions[columns].itertuples(index=False)]
        new = [
            not any(since < end and start < as_of for start, end in self._spans.get((trigger, subject), ()))
            for subject in subjects
        ]
        return actions[pd.Series(new, actions.index, dtype="bool")]

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Batches that were queued and have not arrived, the oldest first."""
        return [b for key, b in self._batches.items() if key not in self._settled]

    def settle(self, key: str, *, how: str) -> None:
        """Mark a batch as done: `how` is "sent", or "dropped" if nobody is left in it."""
        self._journal.append({how: key, "at": datetime.now(UTC).isoformat(timespec="seconds")})

    def _take(self, entry: dict[str, Any]) -> None:
        if "queued" not in entry:
            self._settled.add(entry["sent"] if "sent" in entry else entry["dropped"])
            return
        self._batches[entry["queued"]] = entry
        for item in entry["items"] if entry["trigger"] is not None else ():
            self._spans[entry["trigger"], _subject(item)].append((entry["since"], entry["as_of"]))


Permitted = Callable[[str, str, list[str]], Collection[str]]
"""From a trigger's name, a channel and customers to those of them who may be contacted so today."""


def send_waiting(outbox: Outbox, webhook: Webhook, *, permitted: Permitted, total_seconds: float = 120) -> Sent:
    """Send every batch that waits, one POST each, the oldest first.

    Parameters
    ----------
    outbox
        What waits.
    webhook
        Where to.
    permitted
        Who may be contacted; all others are taken out of batches that wait. The key stays: whoever got the batch
        before is not to act on it again.
    total_seconds
        Time limit of everything.

    Returns
    -------
    Sent
        A batch that is refused waits on, and the next one is tried; where nobody answers, all others wait too.
    """
    deadline = time.monotonic() + total_seconds
    result = Sent(0, 0, 0, [])
    for batch in outbox.waiting:
        items = _sendable(batch, permitted)
        if not items:
            outbox.settle(batch["queued"], how="dropped")
            continue
        try:
            webhook.post(payload(batch, items), key=batch["queued"], deadline=deadline)
        except DeliveryError as error:
            if str(error) not in result.faults:
                result.faults.append(str(error))
            if isinstance(error, DeliveryRefusedError):
                continue
            break
        outbox.settle(batch["queued"], how="sent")
        result.batches += 1
        result.actions += len(items)
    result.waiting = sum(len(b["items"]) for b in outbox.waiting)
    return result


def _sendable(batch: dict[str, Any], permitted: Permitted) -> list[dict[str, Any]]:
    """Return the items about no customer, and those about customers who may be contacted."""
    by_channel: dict[str, list[str]] = defaultdict(list)
    for item in batch["items"]:
        if item["customer_id"]:
            by_channel[item["channel"]].append(item["customer_id"])
    reach = {(c, i) for c, ids in by_channel.items() for i in permitted(batch["trigger"], c, ids)}
    return [i for i in batch["items"] if not i["customer_id"] or (i["channel"], i["customer_id"]) in reach]


def payload(batch: dict[str, Any], items: Collection[dict[str, Any]]) -> bytes:
    """Return the body of a batch: alerts, or ids, rule, segments and due days and nothing else of a person."""
    if batch["trigger"] is None:
        body = {"study": batch["study"], "as_of": batch["as_of"], "batch": batch["queued"]}
        return _json(body | {"alerts": [item["alert"] for item in items]})
    about = {name: batch[name] for name in ("study", "trigger", "since", "as_of")}
    return _json(about | {"batch": batch["queued"], "actions": list(items)})


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _subject(item: dict[str, Any]) -> str:
    """Return who or what moved: the customer, or the segment where there is none."""
    return f"customer {item['customer_id']}" if item["customer_id"] else f"segment {item['to_segment']}"


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
