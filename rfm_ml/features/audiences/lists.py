"""Lists of a study's audiences as they are handed over: files, changes since the last one, groups, manifest."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns.destinations import WrittenList, read_rejects
from rfm_ml.campaigns.filters import Funnel
from rfm_ml.campaigns.gate import held_back, size_change
from rfm_ml.campaigns.holdout import CONTROL, TREATMENT, holdout_balance, salt_id
from rfm_ml.campaigns.manifest import (
    EMPTY,
    HELD,
    TOO_SHORT,
    WRITTEN,
    PreviousList,
    described,
    list_changes,
    write_groups,
    write_ids,
    write_manifest,
    write_reasons,
)
from rfm_ml.features.audiences.audiences import Audiences
from rfm_ml.study.messages import Sent

BELOW_MINIMUM: Final = "list below the destination's minimum"


def write_audience(audiences: Audiences, name: str, folder: Path, *, confirmed: Collection[str] = ()) -> dict[str, Any]:
    """Write the list of an audience into a folder that nobody else can read, and return its manifest.

    A list that moved too much since the last one, is too short or empty, leaves no file that could be sent. One that
    is too short or empty, and not held back, takes the place of the last list: everybody on that is to be removed.

    Parameters
    ----------
    audiences
        Those of the study.
    name
        Which one.
    folder
        Made with mode 0700; files have 0600.
    confirmed
        Audiences whose lists go whatever their size.

    Raises
    ------
    DataError
        If the destination cannot take the list.
    """
    folder.mkdir(mode=0o700, parents=True)
    study, prepared = audiences.study, audiences.prepared(name)
    written = audiences.make_destination(name).write(
        audiences.contacts_of(name), folder, audience=name, as_of=study.as_of
    )
    rejects = read_rejects(written.rejects_file)
    written.rejects_file.unlink()  # suppressed.csv holds them too
    write_reasons(folder / "suppressed.csv", _suppressed(prepared.funnel, rejects, written))
    last = Sent(study).last(name)
    limit = None if name in confirmed else study.params.activation.gate
    why = held_back(name, now=written.rows, last=None if last is None else len(last.customer_ids), limit=limit)
    status = HELD if why else TOO_SHORT if written.below_minimum else WRITTEN if written.rows else EMPTY
    listed = _listed(prepared.funnel.ids, rejects) if written.rows else prepared.funnel.ids.iloc[:0]
    changes = list_changes(listed, () if last is None else last.customer_ids)
    if status == WRITTEN or (status != HELD and last is not None):
        for kind, ids in changes._asdict().items():
            write_ids(folder / f"{kind}.csv", ids)
        write_groups(folder / "groups.parquet", _with_listed(prepared.groups, listed))
    if status != WRITTEN:
        for file in written.files:
            file.path.unlink()
    manifest = {
        "audience": name,
        "status": status,
        "why": why,
        **_asked(audiences, name),
        "counts": counts(prepared.funnel.table, written).to_dict("records"),
        "rows": written.rows,
        "changes": {kind: len(ids) for kind, ids in changes._asdict().items()},
        **_against(written.rows, last, limit=study.params.activation.gate, confirmed=name in confirmed),
        **_drawn(audiences, name),
        "fingerprints": {"run": study.basis, "strategy": audiences.model_of(name).fingerprint},
        "send_again_by": written.send_again_by and written.send_again_by.isoformat(),
        "files": described(written.files) if status == WRITTEN else [],
        "values": written.values_by_reason,
        "format": written.notes,
        "warnings": [*prepared.warnings, *written.warnings],
    }
    write_manifest(folder, manifest)
    return manifest


def counts(filters: pd.DataFrame, written: WrittenList) -> pd.DataFrame:
    """Return `step, left_out, remaining` from the selection to the list.

    Parameters
    ----------
    filters
        The same, up to the hold-out.
    written
        What became of those who were handed over.
    """
    left = int(filters["remaining"].iloc[-1])
    rows = []
    for step, out in {
        "of no use to the destination": written.rejected,
        "same address as another customer": written.merged,
        BELOW_MINIMUM: written.below_minimum,
    }.items():
        left -= out
        rows.append((step, out, left))
    return pd.concat([filters, pd.DataFrame(rows, columns=list(filters.columns))], ignore_index=True)


def holdout_table(audiences: Audiences, name: str) -> pd.DataFrame:
    """Return the hold-out of an audience by segment, as `holdout_balance`; empty without one."""
    groups = audiences.prepared(name).groups
    spend = audiences.study.customers.groupby("customer_id")["spend"].sum()
    past = groups["customer_id"].map(spend).fillna(0.0).astype(float)
    table = holdout_balance(groups.assign(past_spend=past))
    return table if audiences.given[name].holdout else table.iloc[:0]


def _listed(sent_to: pd.Series, rejects: pd.DataFrame) -> pd.Series:
    return sent_to[~sent_to.astype("str").isin(rejects["customer_id"])]


def _with_listed(groups: pd.DataFrame, listed: pd.Series) -> pd.DataFrame:
    return groups.assign(listed=groups["customer_id"].isin(listed))


def _suppressed(funnel: Funnel, rejects: pd.DataFrame, written: WrittenList) -> pd.DataFrame:
    parts = [funnel.suppressed.astype({"customer_id": "str"}), rejects]
    if written.below_minimum:
        short = _listed(funnel.ids, rejects).astype("str")
        parts.append(pd.DataFrame({"customer_id": short, "reason": BELOW_MINIMUM}))
    return pd.concat(parts, ignore_index=True)


def _asked(audiences: Audiences, name: str) -> dict[str, Any]:
    """Return what the params say of an audience."""
    study, given = audiences.study, audiences.given[name]
    selection = ("segments", "dynamic", "trigger", "top", "minus", "contact_frequency", "at_most", "rank_by")
    return {
        "study": study.params.study,
        "as_of": study.as_of.isoformat(),
        "description": given.description,
        "selection": given.model_dump(mode="json", include=set(selection)),
        "strategy": audiences.selection.strategy_of(name),
        "destination": given.destination,
        "channel": given.asks,
        "offer": given.offer,
        "notes": given.notes,
    }


def _against(rows: int, last: PreviousList | None, *, limit: float | None, confirmed: bool) -> dict[str, Any]:
    """Return how the list compares with the last one."""
    before = None if last is None else len(last.customer_ids)
    moved = size_change(rows, before)
    return {
        "last": None if last is None else {"as_of": last.as_of.isoformat(), "rows": before},
        "gate": {"limit": limit, "moved": None if moved is None else round(moved, 6), "confirmed": confirmed},
    }


def _drawn(audiences: Audiences, name: str) -> dict[str, Any]:
    """Return the hold-outs: shares and ids of the salts, never the salts."""
    found: dict[str, Any] = {"holdout": None, "global_holdout": None}
    if share := audiences.given[name].holdout:
        sizes = audiences.prepared(name).groups["group"].value_counts()
        groups = {g: int(sizes.get(g, 0)) for g in (TREATMENT, CONTROL)}
        found["holdout"] = {"share": share, "salt_id": salt_id(audiences.salt_of(name)), **groups}
    if share := audiences.study.params.activation.global_holdout:
        found["global_holdout"] = {"share": share, "salt_id": salt_id(audiences.salt)}
    return found
