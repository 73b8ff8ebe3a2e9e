"""What earlier days have left in the folder of a study's reports: ledgers and frozen models."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

from rfm_ml.core.errors import DataError
from rfm_ml.core.store import digest
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.ledger import COLUMNS, relinked
from rfm_ml.study.archive import Archive, Day

OF_A_DAY = ("customers", "hysteresis")
"""Sections of the params that a ledger rests on beside the model."""

MOST_DAYS: Final = 24
"""Published days that a run looks back on, the latest."""

LARGE_DRIFT = 0.25
"""PSI from which on the customers of a day are others than those the model was made on."""


class Ledgers:
    """Published ledgers and models of the days before a day; those of a run win over backfilled ones.

    Parameters
    ----------
    archive
        The study's reports.
    before
        Only earlier days are seen, so that a day's figures never depend on later ones, nor on an earlier run of
        the same day.
    backfilled
        Where the backfilled days lie; None for their folder among the reports.
    """

    def __init__(self, archive: Archive, *, before: date, backfilled: Path | None = None) -> None:
        self.archive = archive
        self.before = before
        self._backfilled = backfilled
        self._latest: dict[str, pd.DataFrame | None] = {}

    @cached_property
    def days(self) -> dict[date, Day]:
        """The days there are, the latest first."""
        every = {day.as_of: day for day in (*self.archive.backfilled(self._backfilled), *self.archive.runs())}
        return {d: every[d] for d in sorted(every, reverse=True) if d < self.before}

    def files(self, strategy: str) -> dict[date, Path]:
        """Return the ledger files of a strategy by day, the latest first."""
        return {d: file for d, day in self.days.items() if (file := day.ledger(strategy)).exists()}

    def runs(self) -> dict[date, Day]:
        """Return the published runs by day, the latest first."""
        return {d: day for d, day in self.days.items() if day.by_run}

    def latest(self, strategy: str, *, by: str | None) -> pd.DataFrame | None:
        """Return the rows of the last day, None if there is none with the same kind of rows.

        Parameters
        ----------
        strategy
            Name of the strategy in the study.
        by
            "channel" if the study's rows are customers and channels.
        """
        if strategy not in self._latest:
            every = ((d, _by_channel(f)) for d, f in self.files(strategy).items())
            day = next((d for d, channels in every if channels == (by is not None)), None)
            self._latest[strategy] = None if day is None else self.rows(strategy, day)
        return self._latest[strategy]

    def rows(self, strategy: str, day: date) -> pd.DataFrame:
        """Return the ledger of a day.

        Where earlier days were written after it, `since`, `previous` and `label_periods` are taken from them; the
        file and its segments stay as published.
        """
        files = {d: f for d, f in self.files(strategy).items() if d <= day}
        channels, rows = _by_channel(files[day]), None
        alike = (d for d in files if _by_channel(files[d]) == channels)
        for d in reversed(self._back_to_knowing(strategy, alike, files=files)):
            rows = relinked(read_ledger(files[d]), rows)
        assert rows is not None
        return rows

    def follows(self, strategy: str) -> dict[str, Any]:
        """Return what a ledger written now notes down of the days before it: which there are, and a digest of the last.

        By it `rows` finds out whether the ledger knew all that is there later.
        """
        files = self.files(strategy)
        return {"days": [str(d) for d in sorted(files)], "last": _file_digest(next(iter(files.values()), None))}

    def knew(self, strategy: str, day: date) -> bool:
        """Say whether the ledger of a day was written with every earlier ledger at hand that is there now."""
        return self._knew(strategy, day, files=self.files(strategy))

    def _knew(self, strategy: str, day: date, *, files: Mapping[date, Path]) -> bool:
        last = next((d for d in files if d < day), None)
        if last is None:
            return True
        noted = self._told_of(strategy, day).get("follows", {"days": []})
        if not {str(d) for d in files if d < day} <= set(noted["days"]):
            return False
        return str(last) != noted["days"][-1] or noted["last"] == _file_digest(files[last])

    def _back_to_knowing(self, strategy: str, days: Iterable[date], *, files: Mapping[date, Path]) -> list[date]:
        """Return the days, the latest first, back to one whose ledger needs no other: it knew all days before it."""
        found = []
        for day in days:
            found.append(day)
            if self._knew(strategy, day, files=files):
                break
        return found

    def _told_of(self, strategy: str, day: date) -> dict[str, Any]:
        return dict(self.days[day].manifest().get("strategies", {}).get(strategy, {}))

    def rules(self, day: date) -> dict[str, Any]:
        """Return the params a day was published with, as far as they are written down."""
        return dict(self.days[day].manifest().get("params", {}))

    def drift(self, strategy: str) -> dict[date, float]:
        """Return how far the customers were from those the model was made on, as a PSI, for each backfilled day.

        Only days that a run looks back on count, the `MOST_DAYS` latest.
        """
        found = {}
        for day in list(self.files(strategy))[:MOST_DAYS]:
            psi = None if self.days[day].by_run else self._told_of(strategy, day).get("psi")
            if psi is not None:
                found[day] = float(psi)
        return found

    def digest(self, strategy: str) -> str:
        """Return 16 hex digits of the days that are there and of the content of those the last one rests on."""
        files = self.files(strategy)
        content = [_file_digest(files[d]) for d in self._back_to_knowing(strategy, files, files=files)]
        return hashlib.sha256(",".join([*map(str, files), *content]).encode()).hexdigest()[:16]

    def content(self, strategy: str) -> str:
        """Return 16 hex digits of the content of all days: of every ledger, and of every model."""
        files = [*self.files(strategy).values(), *self.models(strategy).values()]
        folder = self.archive.folder
        return digest([(str(f.relative_to(folder)), hashlib.sha256(f.read_bytes()).hexdigest()) for f in files])

    def models(self, strategy: str) -> dict[date, Path]:
        """Return the frozen model of each day, whenever it was made, the latest day first."""
        return {d: files[0] for d, day in self.days.items() if (files := day.models(strategy))}

    def model_files(self, strategy: str) -> list[Path]:
        """Return the frozen models of a strategy that were made before the day or on it, the latest day first."""
        last = self.before.isoformat()
        return [
            f
            for f in self.models(strategy).values()
            if f.parent.name == "models" or _facts(f).get("fitted_on", "9") <= last
        ]

    def nearest_model(self, strategy: str, day: date, *, of: Collection[date] | None = None) -> Path | None:
        """Return the model of the latest day on or before a day, else of the earliest after it; None without any.

        Parameters
        ----------
        strategy
            Name of the strategy in the study.
        day
            The day.
        of
            Look only at these days; None for all.
        """
        found = {d: f for d, f in self.models(strategy).items() if of is None or d in of}
        return next((f for d, f in found.items() if d <= day), None) or next(reversed(found.values()), None)

    def model(self, strategy: str, fingerprint: str) -> SegmentModel | None:
        """Return the model with this fingerprint, None if it is nowhere."""
        for file in self.models(strategy).values():
            if _facts(file).get("fingerprint") == fingerprint:
                return SegmentModel.from_json(file.read_text(encoding="utf-8"))
        return None


def _by_channel(file: Path) -> bool:
    """Say whether the rows of a ledger file are customers and channels."""
    try:
        return "channel" in pq.read_schema(file).names
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None


def _file_digest(file: Path | None) -> str:
    return "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _facts(model: Path) -> dict[str, Any]:
    """Return a frozen model as plain values, none of a damaged one: whoever needs it is told on reading it."""
    try:
        return dict(json.loads(model.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return {}


def drift_warnings(drift: Mapping[str, Mapping[date, float]]) -> list[str]:
    """Return a sentence if the customers of backfilled days differ much from those the models were made on.

    Parameters
    ----------
    drift
        By strategy the PSI of each day.

    Examples
    --------
    >>> drift_warnings({"quantiles": {date(2024, 1, 31): 2.5, date(2024, 2, 29): 0.1}})[0][:82]
    'On 1 of 2 backfilled days the customers differ much from those the models were mad'
    """
    worst = {name: max(psi.values()) for name, psi in drift.items() if max(psi.values(), default=0) > LARGE_DRIFT}
    if not worst:
        return []
    every = {day for psi in drift.values() for day in psi}
    much = {day for psi in drift.values() for day, value in psi.items() if value > LARGE_DRIFT}
    figures = ", ".join(f"{name} {psi:.2f}" for name, psi in worst.items())
    return [
        f"On {len(much)} of {len(every)} backfilled days the customers differ much from those the models were made on "
        f"(PSI up to: {figures}; {LARGE_DRIFT} is much). Moves from and to those days are in part the whole shop "
        "changing, not single customers."
    ]


def read_ledger(file: Path, *, customer_id: Any = None) -> pd.DataFrame:
    """Return the rows of a ledger file, or those of one customer.

    Raises
    ------
    DataError
        If the file is no ledger.
    """
    try:
        rows = pd.read_parquet(file, filters=None if customer_id is None else [("customer_id", "==", customer_id)])
    except (OSError, ValueError, NotImplementedError) as error:  # the last: ids of another kind
        raise _unreadable(file, error) from None
    missing = [c for c in COLUMNS if c not in rows.columns]
    if missing:
        raise DataError(
            f"A ledger must have the columns {', '.join(COLUMNS)}. {str(file)!r} lacks {', '.join(missing)}. "
            "Remove the folder of that day."
        )
    return rows


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(
        f"The ledger must be a file that can be read. {str(file)!r}: {error}. Remove the folder of that day."
    )
