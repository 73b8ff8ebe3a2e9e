"""What was sent before this day, as far as a study knows it."""

from functools import cached_property
from typing import Final

import pandas as pd

from rfm_ml.campaigns.manifest import WRITTEN, PreviousList, previous_list, read_groups, read_manifest
from rfm_ml.study.study import Study

NO_MESSAGE: Final = (None, "in_house")
"""Channels of lists that reach nobody: suppression lists, and those for colleagues."""


class Sent:
    """Lists and messages of earlier days.

    Parameters
    ----------
    study
        With the folder of its reports settled.
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    def last(self, audience: str) -> PreviousList | None:
        """Return the last list of an audience that a run of an earlier day settled, None if there is none."""
        runs = self.study.earlier.runs()
        return previous_list({day: run.list_folder(audience) for day, run in runs.items()})

    @cached_property
    def messages(self) -> pd.DataFrame:
        """One row per message: `customer_id, sent_at`, and `group` where known.

        From the study's campaigns table; without one, each list of an earlier run that carries a message, of audiences
        and of triggers, counts as sent on its day.
        """
        campaigns = self.study.campaigns
        if campaigns is not None:
            columns = [c for c in ("customer_id", "sent_at", "group") if c in campaigns.columns]
            return campaigns.select(*columns).to_pyarrow().to_pandas()
        found = [pd.DataFrame({"customer_id": [], "sent_at": pd.to_datetime([])})]
        for day, published in self.study.earlier.runs().items():
            for folder in published.lists().values():
                manifest = read_manifest(folder)
                if manifest["status"] == WRITTEN and manifest.get("channel") not in NO_MESSAGE:
                    groups = read_groups(folder / "groups.parquet")
                    listed = groups.loc[groups["listed"], ["customer_id"]]
                    found.append(listed.assign(sent_at=pd.Timestamp(day)))
            for file in published.all_trigger_groups().values():
                groups = read_groups(file)
                found.append(groups.loc[groups["listed"], ["customer_id"]].assign(sent_at=pd.Timestamp(day)))
        return pd.concat(found[1:] or found, ignore_index=True)
