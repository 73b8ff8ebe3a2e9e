"""What earlier days have left in the folder of a study's reports: ledgers and frozen models."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.store import digest
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.ledger import COLUMNS

BACKFILLED = "ledger"
"""Folder of the days that no run has seen, beside those of the runs."""

BUILDING = ".building-"
"""Before its day, the name of the folder that a run is writing to."""

OF_A_DAY = ("customers", "hysteresis")
"""Sections of the params that a ledger rests on beside the model."""

LARGE_DRIFT = 0.25
"""PSI from which on the customers of a day are others than those the model was made on."""

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

    def being_made(self, day: date) -> bool:
        """Say whether a run of a day is under way."""
        return (self.folder / f"{BUILDING}{day}").exists()

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

    def rules(self, day: date) -> dict[str, Any]:
        """Return the params a day was published with, as far as they are written down."""
        place, by_run = self._places[day]
        written = json.loads((place / ("run.json" if by_run else "manifest.json")).read_text(encoding="utf-8"))
        return dict(written.get("params", {}))

    def drift(self, strategy: str, fingerprint: str) -> dict[date, float]:
        """Return how far the customers of backfilled days are from those a model was made on, as a PSI by day."""
        found = {}
        for day, (place, by_run) in self._places.items():
            if by_run:
                continue
            written = json.loads((place / "manifest.json").read_text(encoding="utf-8"))["strategies"].get(strategy, {})
            if written.get("fingerprint") == fingerprint and written.get("psi") is not None:
                found[day] = float(written["psi"])
        return found

    def digest(self, strategy: str) -> str:
        """Return 16 hex digits of the days that are there and of the content of the last."""
        files = self.files(strategy)
        last = next((f.read_bytes() for f in files.values()), b"")
        days = ",".join(map(str, files)).encode()
        return hashlib.sha256(days + hashlib.sha256(last).digest()).hexdigest()[:16]

    def content(self, strategy: str) -> str:
        """Return 16 hex digits of the content of all days: of every ledger, and of every model."""
        files = [*self.files(strategy).values(), *self.models(strategy).values()]
        return digest([(str(f.relative_to(self.folder)), hashlib.sha256(f.read_bytes()).hexdigest()) for f in files])

    def models(self, strategy: str) -> dict[date, Path]:
        """Return the frozen model of each day, whenever it was made, the latest day first."""
        kinds = [place / kind / f"{strategy}.json" for kind in ("models", "later_models") for place in self._folders]
        found = {date.fromisoformat(f.parts[-3]): f for f in reversed(kinds) if f.exists()}
        return {day: found[day] for day in sorted(found, reverse=True)}

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

    @property
    def _folders(self) -> list[Path]:
        return [place for place, _ in self._places.values()]


def _facts(model: Path) -> dict[str, Any]:
    """Return a frozen model as plain values, none of a damaged one: whoever needs it is told when he reads it."""
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
        f"(PSI up to: {figures}; {LARGE_DRIFT} is much). Moves between those days are largely the whole shop changing, "
        "not single customers."
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
        raise ParamsError(f"A month-end must lie between {start} and {end}. None does. Take every week, or other days.")
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
