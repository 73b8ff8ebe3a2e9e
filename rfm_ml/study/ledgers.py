"""What earlier days have left in the folder of a study's reports: ledgers and frozen models."""

import hashlib
import json
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.ledger import COLUMNS

BACKFILLED = "ledger"
"""Folder of the days that no run has seen, beside those of the runs."""

_DAY = "????-??-??"


class Ledgers:
    """Published ledgers and models of the days before a day; those of a run win over backfilled ones.

    Parameters
    ----------
    folder
        Where the study's reports lie; it need not exist.
    before
        Only earlier days are seen, so that a day's figures never depend on later ones, nor on an earlier run of
        the same day.
    """

    def __init__(self, folder: Path, *, before: date) -> None:
        self.folder = folder
        self.before = before
        self._latest: dict[str, pd.DataFrame | None] = {}

    @cached_property
    def _places(self) -> dict[date, tuple[Path, bool]]:
        """Where each day's results lie, and whether a run wrote them; the latest day first."""
        found = {p: False for p in self.folder.glob(f"{BACKFILLED}/{_DAY}") if (p / "manifest.json").exists()}
        found |= {p: True for p in self.folder.glob(_DAY) if (p / "run.json").exists()}
        days = {date.fromisoformat(p.name): (p, by_run) for p, by_run in found.items()}
        return {d: days[d] for d in sorted(days, reverse=True) if d < self.before}

    def files(self, strategy: str) -> dict[date, Path]:
        """Return the ledger files of a strategy by day, the latest first."""
        names = {True: f"tables/ledger_{strategy}.parquet", False: f"{strategy}.parquet"}
        every = {d: place / names[by_run] for d, (place, by_run) in self._places.items()}
        return {d: f for d, f in every.items() if f.exists()}

    def runs(self) -> dict[date, Path]:
        """Return the folders of published runs by day, the latest first."""
        return {d: place for d, (place, by_run) in self._places.items() if by_run}

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
            every = (read_ledger(f) for f in self.files(strategy).values())
            self._latest[strategy] = next((r for r in every if ("channel" in r.columns) == (by is not None)), None)
        return self._latest[strategy]

    def digest(self, strategy: str) -> str:
        """Return 16 hex digits of the days that are there and of the content of the last."""
        files = self.files(strategy)
        last = next((f.read_bytes() for f in files.values()), b"")
        days = ",".join(map(str, files)).encode()
        return hashlib.sha256(days + hashlib.sha256(last).digest()).hexdigest()[:16]

    def model_files(self, strategy: str) -> list[Path]:
        """Return the frozen models of a strategy that were known on their day, the latest first."""
        files = [place / "models" / f"{strategy}.json" for place, _ in self._places.values()]
        return [f for f in files if f.exists()]

    def model(self, strategy: str, fingerprint: str) -> SegmentModel | None:
        """Return the model with this fingerprint, None if it is nowhere."""
        for kind in ("models", "later_models"):
            for place, _ in self._places.values():
                file = place / kind / f"{strategy}.json"
                if file.exists() and json.loads(file.read_text(encoding="utf-8")).get("fingerprint") == fingerprint:
                    return SegmentModel.from_json(file.read_text(encoding="utf-8"))
        return None


def read_ledger(file: Path) -> pd.DataFrame:
    """Return the rows of a ledger file.

    Raises
    ------
    DataError
        If the file is no ledger.
    """
    try:
        rows = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise DataError(
            f"The ledger must be a file that can be read. {str(file)!r}: {error}. Remove the folder of that day."
        ) from None
    missing = [c for c in COLUMNS if c not in rows.columns]
    if missing:
        raise DataError(
            f"A ledger must have the columns {', '.join(COLUMNS)}. {str(file)!r} lacks {', '.join(missing)}. "
            "Remove the folder of that day."
        )
    return rows


def as_of_days(start: date, end: date, *, every: str) -> list[date]:
    """Return the as-of days of a period.

    Parameters
    ----------
    start, end
        First and last day that may be among them.
    every
        "month" for the month-ends, "week" for the last day and every seventh before it, or a number of days as in
        "30 days".

    Raises
    ------
    ParamsError
        If `every` is something else, the period is turned around, or no day, or more than 1,000, lie in it.

    Examples
    --------
    >>> [str(d) for d in as_of_days(date(2024, 1, 15), date(2024, 3, 31), every="month")]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    """
    if start > end:
        raise ParamsError(f"The first day must not be after the last. Got {start} and {end}. Turn them around.")
    step = _step(every)
    if step is None:
        days = [d.date() for d in pd.date_range(start, end, freq="ME")]
    else:
        days = [date.fromordinal(n) for n in range(end.toordinal(), start.toordinal() - 1, -step)][::-1]
    if not days:
        raise ParamsError(f"A month-end must lie between {start} and {end}. None does. Choose other days.")
    if len(days) > 1000:
        raise ParamsError(f"At most 1,000 days can be asked for. Got {len(days):,}. Choose a longer step.")
    return days


def _step(every: str) -> int | None:
    """Return the days of a step, None for months."""
    words = every.strip().lower().removesuffix("s").removesuffix("day").strip()
    if words in ("month", "week"):
        return 7 if words == "week" else None
    if words.isdigit() and 1 <= int(words) <= 3660:
        return int(words)
    raise ParamsError(f"every must be month, week, or a number of days such as '30 days'. Got {every!r}.")
