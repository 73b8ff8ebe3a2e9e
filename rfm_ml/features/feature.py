"""What a report can contain: the protocol that every feature answers, so that check and run need know none by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from rfm_ml.study import Study
from rfm_ml.study.archive import Day


@dataclass(frozen=True)
class Report:
    """The report that a run is building.

    Attributes
    ----------
    day
        Where it is built; `tables/` and `segments/` lie in it already.
    confirmed
        Audiences whose lists go whatever their size.
    jobs
        Processes for long work.
    progress
        Told how much of how much is done.
    """

    day: Day
    confirmed: tuple[str, ...] = ()
    jobs: int = 2
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True)
class Facts:
    """What a feature has to say, once it is written.

    Attributes
    ----------
    page
        For the front page, by the names of its template.
    run
        Figures for `run.json`.
    warnings
        What a reader must know.
    alerts
        What moved beyond the limits of the params.
    held
        What was held back and waits to be confirmed, a sentence each.
    """

    page: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


class Feature:
    """A part of the report, of one study; `study.feature(Kind)` gives the one that everybody else asks too.

    Parameters
    ----------
    study
        Any study: a feature that the params do not ask for has nothing to write and nothing to say.
    """

    notebooks: ClassVar[tuple[str, ...]] = ()
    """The notebooks that show it."""

    def __init__(self, study: Study) -> None:
        self.study = study

    @property
    def stage(self) -> str:
        """What a run shows while it is written; nothing for what takes no time."""
        return ""

    def require_usable(self) -> None:
        """Refuse params that cannot be met, before anything runs.

        Raises
        ------
        ParamsError
            With the path to the fault.
        """

    def remarks(self) -> list[str]:
        """Say what is to be known of the params and the data before anything is written."""
        return []

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tidy tables of the report, by name."""
        return {}

    def write(self, report: Report) -> None:
        """Write tables, and whatever else it gives, into the report; the same input gives the same bytes."""
        for name, table in self.tables().items():
            table.to_csv(report.day.table(name), index=False)

    def facts(self) -> Facts:
        """Return what the front page and `run.json` say of it."""
        return Facts()
