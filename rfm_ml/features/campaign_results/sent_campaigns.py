"""The campaigns that a study knows of: who was sent what on which day, and who was held out of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from rfm_ml.campaigns.manifest import WRITTEN, read_groups, read_manifest
from rfm_ml.study.archive import Day
from rfm_ml.study.messages import NO_MESSAGE
from rfm_ml.study.study import Study

NEEDED: Final = ("campaign_id", "customer_id", "sent_at")


@dataclass(frozen=True)
class SentCampaign:
    """One campaign.

    Attributes
    ----------
    campaign
        Its id.
    sent_on
        The first day on which it was sent.
    customers
        `customer_id, day` (on which it was sent to them, or would have been) and `treated`, each customer once.
    has_holdout
        Whether some were held out by lot.
    cost
        Of all messages, in currency; None if it is not known.
    notes
        What was left out.
    holdout
        Share that was to be held out; None if it is not known.
    lot
        Campaigns with the same lot hold out the same customers: its id, or the name of a standing audience.
    """

    campaign: str
    sent_on: date
    customers: pd.DataFrame
    has_holdout: bool
    cost: float | None
    notes: tuple[str, ...] = ()
    holdout: float | None = None
    lot: str = ""


class SentCampaigns(NamedTuple):
    """Campaigns to judge, by day; lists that are not judged but may disturb them; and why those are not judged."""

    judged: list[SentCampaign]
    others: list[SentCampaign]
    notes: list[str]


def sent_campaigns(study: Study) -> SentCampaigns:
    """Return the campaigns of the params' `campaigns:` table and of the study's own earlier audiences.

    Campaigns sent after the day of the study are left out. Of its own audiences those are judged that hold customers
    out themselves; of a standing one, lists whose windows do not overlap.
    """
    asked = study.params.campaign_results
    drawn = [send for day, report in sorted(study.earlier.runs().items()) for send in own_campaigns(report, day)]
    found = apart([s for s in drawn if s.sent_on <= study.as_of], window_days=asked.window_days)
    if study.campaigns is None:
        return found
    known = [c for c in (*NEEDED, "group", "cost") if c in study.campaigns.columns]
    table = _sends_of(study.campaigns.select(*known).to_pyarrow().to_pandas(), as_of=study.as_of)
    judged = [*found.judged, *(replace(s, holdout=asked.holdout) for s in table)]
    return found._replace(judged=sorted(judged, key=lambda s: (s.sent_on, s.campaign)))


def own_campaigns(report: Day, day: date) -> list[SentCampaign]:
    """Return the lists with a message that a run has written, by audience.

    Groups are drawn at the end of the report's day, so a campaign begins on the day after. Lists that were held back
    went to nobody, and suppression lists and those for colleagues carry no message: they are left out.
    """
    found = []
    for audience, folder in report.lists().items():
        manifest = read_manifest(folder)
        if manifest["status"] != WRITTEN or manifest.get("channel") in NO_MESSAGE:
            continue
        rows = _drawn(folder / "groups.parquet")
        if len(rows):
            holdout = (manifest.get("holdout") or {}).get("share")
            found.append(replace(_send(f"{audience} {day}", rows), holdout=holdout, lot=audience))
    for name, file in report.all_trigger_groups().items():
        rows, trigger = _drawn(file), f"trigger {name}"
        if len(rows):
            found.append(replace(_send(f"{trigger} {day}", rows), lot=trigger))
    return found


def _drawn(file: Path) -> pd.DataFrame:
    """Return who was sent to and who was held out, from the day after the draw."""
    drawn = read_groups(file)
    sent_at = pd.to_datetime(drawn["assigned_at"]).dt.tz_localize(None) + pd.Timedelta(days=1)
    return drawn[["customer_id", "group"]].assign(sent_at=sent_at, day=sent_at.dt.normalize())


def apart(own: Iterable[SentCampaign], *, window_days: int) -> SentCampaigns:
    """Choose which lists of own audiences are judged.

    Of each audience the first list counts, then the next one that begins after its window, and so on: orders in two
    windows at once would count twice.
    """
    judged, others = [], []
    free_from: dict[str, date] = {}
    overlapping: Counter[str] = Counter()
    for send in sorted(own, key=lambda s: (s.sent_on, s.campaign)):
        if not send.has_holdout:
            others.append(send)
        elif send.sent_on < free_from.get(send.lot, send.sent_on):
            others.append(send)
            overlapping[send.lot] += 1
        else:
            judged.append(send)
            free_from[send.lot] = send.sent_on + timedelta(days=window_days)
    without = sorted({s.lot for s in others if not s.has_holdout})
    notes = [f"Lists that nobody was held out of are not judged: {', '.join(without)}."] if without else []
    if overlapping:
        told = ", ".join(f"{n:,} of {lot}" for lot, n in sorted(overlapping.items()))
        notes.append(
            f"Lists within {window_days} days after a judged one of the same audience are not judged, as their windows "
            f"overlap: {told}. They hold out the same customers, so a lift is that of being on the lists of its window."
        )
    return SentCampaigns(judged, others, notes)


def _sends_of(table: pd.DataFrame, *, as_of: date) -> list[SentCampaign]:
    days = pd.to_datetime(table["sent_at"]).dt.normalize()
    table = table.assign(day=days)[days <= pd.Timestamp(as_of)]
    return [_send(str(name), rows) for name, rows in table.groupby("campaign_id", sort=True)]


def _send(name: str, rows: pd.DataFrame) -> SentCampaign:
    notes = []
    group = rows["group"] if "group" in rows else pd.Series(np.nan, index=rows.index)
    grouped = bool((group == "control").any())
    if grouped:
        unknown = int(group.isna().sum())
        rows = rows[group.notna()]
        both = rows.groupby("customer_id")["group"].nunique()
        spoilt = both.index[both > 1]
        rows = rows[~rows["customer_id"].isin(spoilt)]
        told = {"rows without a group": unknown, "customers in both groups": len(spoilt)}
        notes = [f"{n:,} {what} were left out." for what, n in told.items() if n]
    treated = (rows["group"] == "treatment") if grouped else pd.Series(data=True, index=rows.index)
    cost = float(_sum(rows.loc[treated, "cost"])) if "cost" in rows and rows["cost"].notna().any() else None
    customers = rows.assign(treated=treated).sort_values(["customer_id", "day"])
    customers = customers.drop_duplicates("customer_id")[["customer_id", "day", "treated"]].reset_index(drop=True)
    if customers["day"].nunique() > 1:
        notes.append(
            f"It was sent on {customers['day'].nunique()} days; each customer counts from their own first day."
        )
    first = customers["day"].min().date()
    return SentCampaign(
        name, first, customers, grouped and bool(customers["treated"].any()), cost, tuple(notes), lot=name
    )


def _sum(values: Any) -> Any:
    """Sum money exactly where it is decimal."""
    return values.dropna().sum()
