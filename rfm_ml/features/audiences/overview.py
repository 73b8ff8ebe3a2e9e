"""The lists of a run: written for each audience, and what the report tells of them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.campaigns.manifest import HELD, write_groups
from rfm_ml.core.checks import require_known
from rfm_ml.features.audiences.audiences import Audiences
from rfm_ml.features.audiences.lists import deliver, holdout_table, lists_file

Manifests = dict[str, dict[str, Any]]
"""What was written for each audience, by its name."""


def require_confirmable(audiences: Audiences, confirmed: Collection[str]) -> None:
    """Refuse to confirm what is no audience.

    Raises
    ------
    ParamsError
        Names the nearest one.
    """
    for name in confirmed:
        require_known(name, audiences.names, what="--confirm: an audience of this study")


def write_campaigns(audiences: Audiences, to: Path, *, confirmed: Collection[str] = ()) -> Manifests:
    """Write `campaigns/<audience>/` for every audience, and tables about them; the same input gives the same bytes.

    Parameters
    ----------
    audiences
        Those of the study.
    to
        Folder of the report; `tables/` lies in it already.
    confirmed
        Audiences whose lists go whatever their size.
    """
    if not audiences.names:
        return {}
    campaigns, tables = to / "campaigns", to / "tables"
    campaigns.mkdir(mode=0o700, exist_ok=True)
    found = {name: deliver(audiences, name, campaigns / name, confirmed=confirmed) for name in audiences.names}
    overview(found).to_csv(tables / "audiences.csv", index=False)
    lists_file(audiences.study).write_text(json.dumps(found), encoding="utf-8")
    filters = [pd.DataFrame(m["counts"]).assign(audience=name) for name, m in found.items()]
    columns = ["audience", "step", "left_out", "remaining"]
    pd.concat(filters)[columns].to_csv(tables / "audience_filters.csv", index=False)
    audiences.overlap.to_csv(tables / "audience_overlap.csv", index=False)
    balance = {name: holdout_table(audiences, name) for name in found if audiences.given[name].holdout}
    if balance:
        pd.concat(balance, names=["audience"]).reset_index(level=0).to_csv(
            tables / "audience_holdouts.csv", index=False
        )
    if audiences.study.params.activation.global_holdout:
        write_groups(campaigns / "global_groups.parquet", audiences.global_groups)
    return found


def overview(manifests: Manifests) -> pd.DataFrame:
    """Return one row per audience: where it goes, how many it selects, how many are on the list, what became of it."""
    columns = ["audience", "destination", "channel", "selected", "held_out", "rows", "add", "remove", "keep", "status"]
    rows = [
        (
            name,
            m["destination"],
            m["channel"],
            m["counts"][0]["remaining"],
            m["holdout"]["control"] if m["holdout"] else 0,
            m["rows"],
            *m["changes"].values(),
            m["status"],
        )
        for name, m in manifests.items()
    ]
    return pd.DataFrame(rows, columns=columns)


def held_sentences(manifests: Manifests) -> list[str]:
    """Return why lists were held back, and how to let each go."""
    return [
        f"{m['why']} It was held back; look at it, then run again with --confirm {name}."
        for name, m in manifests.items()
        if m["status"] == HELD
    ]


def list_warnings(manifests: Manifests) -> list[str]:
    """Return what a reader must know of lists that are not held back, one sentence each."""
    return [f"{name}: {warning}" for name, m in manifests.items() for warning in m["warnings"]]


def for_index(manifests: Manifests) -> list[dict[str, Any]]:
    """Return a row per audience for the front page."""
    words = {"held": "held back", "too short": "not written: too short", "empty": "not written: empty"}
    return [
        {
            "name": name,
            "description": m["description"],
            "destination": m["destination"],
            "channel": str(m["channel"] or "").replace("_", "-"),
            "selected": f"{m['counts'][0]['remaining']:,}",
            "held_out": f"{m['holdout']['control']:,}" if m["holdout"] else "",
            "rows": f"{m['rows']:,}",
            "changes": f"+{m['changes']['add']:,} -{m['changes']['remove']:,}" if m["last"] else "first list",
            "status": words.get(m["status"], m["status"]),
            "held": m["status"] == HELD,
        }
        for name, m in manifests.items()
    ]


def for_manifest(manifests: Manifests) -> dict[str, Any]:
    """Return the lists in figures, for `run.json`."""
    keys = ("status", "destination", "channel", "rows", "changes", "counts", "holdout", "send_again_by")
    return {name: {k: m[k] for k in keys} for name, m in manifests.items()}
