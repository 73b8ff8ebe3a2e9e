"""The campaigns that a study knows of: who was sent what on which day, and who was held out of it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from rfm_ml.study.study import Study

OWN_GROUPS: Final = "campaigns/*/groups.parquet"
"""Where a run leaves the groups of the audiences it has drawn, in the folder of its report."""

NEEDED: Final = ("campaign_id", "customer_id", "sent_at")


@dataclass(frozen=True)
class Send:
    """One campaign.

    Attributes
    ----------
    campaign
        Its id.
    sent_on
        The first day on which it was sent.
    customers
        `customer_id, day` (on which it was sent to him, or would have been) and `treated`, each customer once.
    has_holdout
        Whether some were held out by lot.
    cost
        Of all messages, in currency; None if it is not known.
    notes
        What was left out.
    """

    campaign: str
    sent_on: date
    customers: pd.DataFrame
    has_holdout: bool
    cost: float | None
    notes: tuple[str, ...] = ()


def find_sends(study: Study) -> list[Send]:
    """Return the campaigns of the params' `campaigns:` table and of the study's own earlier audiences, by day.

    Campaigns sent after the day of the study are left out.
    """
    tables = [own_groups(folder, day) for day, folder in sorted(study.earlier.runs().items())]
    if study.campaigns is not None:
        known = [c for c in (*NEEDED, "group", "cost") if c in study.campaigns.columns]
        tables.append(study.campaigns.select(*known).to_pyarrow().to_pandas())
    sends = [made for table in tables if len(table) for made in _sends_of(table, as_of=study.as_of)]
    return sorted(sends, key=lambda s: (s.sent_on, s.campaign))


def own_groups(report: Path, day: date) -> pd.DataFrame:
    """Return the groups that a run has drawn, in the form of the `campaigns:` table; no rows if it has drawn none.

    Groups are drawn at the end of the report's day, so a campaign begins on the day after. Lists that were held back
    went to nobody: they are left out.
    """
    found = []
    for file in sorted(report.glob(OWN_GROUPS)):
        drawn = pd.read_parquet(file)
        if "listed" in drawn and not drawn["listed"].any():
            continue
        found.append(
            pd.DataFrame({
                "campaign_id": f"{file.parent.name} {day}",
                "customer_id": drawn["customer_id"],
                "sent_at": pd.to_datetime(drawn["assigned_at"]).dt.tz_localize(None) + pd.Timedelta(days=1),
                "group": drawn["group"],
            })
        )  # fmt: skip
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*NEEDED, "group"])


def _sends_of(table: pd.DataFrame, *, as_of: date) -> list[Send]:
    days = pd.to_datetime(table["sent_at"]).dt.normalize()
    table = table.assign(day=days)[days <= pd.Timestamp(as_of)]
    return [_send(str(name), rows) for name, rows in table.groupby("campaign_id", sort=True)]


def _send(name: str, rows: pd.DataFrame) -> Send:
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
        notes.append(f"It was sent on {customers['day'].nunique()} days; each customer counts from his own first day.")
    first = customers["day"].min().date()
    return Send(name, first, customers, grouped and bool(customers["treated"].any()), cost, tuple(notes))


def _sum(values: Any) -> Any:
    """Sum money exactly where it is decimal."""
    return values.dropna().sum()
