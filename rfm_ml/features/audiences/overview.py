"""The lists of a report: written for each audience, and what the report says of them."""

from typing import Any

import pandas as pd

from rfm_ml.campaigns.manifest import HELD, write_groups
from rfm_ml.features.audiences.audiences import Audiences
from rfm_ml.features.audiences.lists import holdout_table, write_audience
from rfm_ml.features.feature import Facts, Feature, Report
from rfm_ml.study import Study

Manifests = dict[str, dict[str, Any]]
"""What was written for each audience, by its name."""


class AudienceLists(Feature):
    """The lists of a study's audiences in its report."""

    notebooks = ("70_campaigns",)

    def __init__(self, study: Study) -> None:
        super().__init__(study)
        self.audiences = study.feature(Audiences)
        self._manifests: Manifests = {}

    @property
    def stage(self) -> str:
        """What a run shows while lists are written."""
        return "Writing audiences" if self.audiences.names else ""

    def require_usable(self) -> None:
        """Refuse what this study cannot select, rank by or write, see `Audiences.require_usable`."""
        self.audiences.require_usable()

    def write(self, report: Report) -> None:
        """Write `campaigns/<audience>/` for every audience, and tables about them."""
        if not self.audiences.names:
            return
        report.day.folder("campaigns").mkdir(mode=0o700, exist_ok=True)
        self._manifests = {
            name: write_audience(self.audiences, name, report.day.list_folder(name), confirmed=report.confirmed)
            for name in self.audiences.names
        }
        super().write(report)
        self.study.context.save(lists={"basis": self.study.basis, "manifests": self._manifests})
        if self.study.params.activation.global_holdout:
            write_groups(report.day.global_groups, self.audiences.global_groups)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the lists, each filter, the overlap and the hold-outs by segment, once the lists are written."""
        lists, audiences = self._manifests, self.audiences
        if not lists:
            return {}
        filters = [pd.DataFrame(m["counts"]).assign(audience=name) for name, m in lists.items()]
        tables = {
            "audiences": overview(lists),
            "audience_filters": pd.concat(filters)[["audience", "step", "left_out", "remaining"]],
            "audience_overlap": audiences.overlap,
        }
        balance = {name: holdout_table(audiences, name) for name in lists if audiences.given[name].holdout}
        if balance:
            tables["audience_holdouts"] = pd.concat(balance, names=["audience"]).reset_index(level=0)
        return tables

    def facts(self) -> Facts:
        """Return a row per list for the front page, figures for `run.json`, warnings and what was held back."""
        lists = self._manifests
        run = {"audiences": for_manifest(lists)}
        return Facts({"audiences": for_index(lists)}, run, list_warnings(lists), held=held_sentences(lists))


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
