"""The folder of a study's reports: what lies where in it, who may write, and how a day is published.

Every path, file name, day glob and lock of `reports/<study>/` is here. `Ledgers` reads what earlier days have left.
"""

import ctypes
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DataError, LockedError, ParamsError

REPORTS: Final = "reports"
_DAY: Final = "????-??-??"
_RUN: Final = "run.json"
_INDEX: Final = "index.html"
_BUILDING: Final = ".building-"
_ASIDE: Final = ".previous-"
_BACKFILLED: Final = "ledger"


class Day:
    """A day of the archive, written by a run.

    Parameters
    ----------
    place
        Its folder, named by the day, or the folder in which a run builds it.
    """

    by_run = True

    def __init__(self, place: Path) -> None:
        self.place = place

    @property
    def as_of(self) -> date:
        """The day."""
        return date.fromisoformat(self.place.name.removeprefix(_BUILDING))

    @property
    def is_published(self) -> bool:
        """Whether it is there."""
        return self._manifest_file.exists()

    @property
    def _manifest_file(self) -> Path:
        return self.place / _RUN

    def manifest(self) -> dict[str, Any]:
        """Return what was written down of it."""
        return dict(json.loads(self._manifest_file.read_text(encoding="utf-8")))

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write down what it rests on; it counts as published by it."""
        text = json.dumps(manifest, indent=1, default=str) + "\n"
        self._manifest_file.write_text(text, encoding="utf-8")

    def ledger(self, strategy: str) -> Path:
        """Return the file of a strategy's ledger."""
        return self.table(f"ledger_{strategy}", ending="parquet")

    def models(self, strategy: str) -> list[Path]:
        """Return the frozen models of a strategy that are there, whenever they were made."""
        return [file for file in (self.model(strategy),) if file.exists()]

    def model(self, strategy: str) -> Path:
        """Return the file of a strategy's frozen model."""
        return self.folder("models") / f"{strategy}.json"

    def folder(self, name: str) -> Path:
        """Return one of its folders: tables, segments, models, campaigns, pages, notebooks."""
        return self.place / name

    def table(self, name: str, *, ending: str = "csv") -> Path:
        """Return the file of a table."""
        return self.folder("tables") / f"{name}.{ending}"

    @property
    def index(self) -> Path:
        """The front page."""
        return self.place / _INDEX

    @property
    def failed(self) -> Path:
        """Where a run of the day that fails leaves what explains it, until the next one succeeds."""
        return self.place.with_name(f"{self.place.name.removeprefix(_BUILDING)}.failed")

    # --- lists ------------------------------------------------------------------------------------------------
    def list_folder(self, audience: str) -> Path:
        """Return the folder of an audience's list."""
        return self.folder("campaigns") / audience

    def lists(self) -> dict[str, Path]:
        """Return the folders of the lists that were written or held back, by audience."""
        return {f.parent.name: f.parent for f in sorted(self.folder("campaigns").glob("*/manifest.json"))}

    @property
    def global_groups(self) -> Path:
        """Who is held out of every list."""
        return self.folder("campaigns") / "global_groups.parquet"

    def actions(self, trigger: str) -> Path:
        """Return the file of a trigger's action list."""
        return self.list_folder("triggers") / f"{trigger}.csv"

    def trigger_groups(self, trigger: str) -> Path:
        """Return the file of who is on a trigger's list and who is held out of it."""
        return self.list_folder("triggers") / f"{trigger}.groups.parquet"

    def all_trigger_groups(self) -> dict[str, Path]:
        """Return those files by trigger."""
        files = sorted(self.trigger_groups("*").parent.glob(self.trigger_groups("*").name))
        return {file.name.removesuffix(".groups.parquet"): file for file in files}


class BackfilledDay(Day):
    """A day that no run has seen: a ledger and its model, no report."""

    by_run = False

    @property
    def _manifest_file(self) -> Path:
        return self.place / "manifest.json"

    def ledger(self, strategy: str) -> Path:
        """Return the file of a strategy's ledger."""
        return self.place / f"{strategy}.parquet"

    def later_model(self, strategy: str) -> Path:
        """Return the file of a model that was made after the day."""
        return self.folder("later_models") / f"{strategy}.json"

    def models(self, strategy: str) -> list[Path]:
        """Return the frozen models of a strategy that are there, whenever they were made."""
        return [file for file in (self.model(strategy), self.later_model(strategy)) if file.exists()]


class Archive:
    """The reports of one study.

    Parameters
    ----------
    folder
        Where they lie; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, study: str, *, base: Path, out: Path | None = None) -> "Archive":
        """Return the archive of a study: in `out`, or in `reports/` beside its `params/`."""
        return cls((out or base / REPORTS) / study)

    def day(self, as_of: date | str) -> Day:
        """Return a day, published or not."""
        return Day(self.folder / str(as_of))

    def runs(self) -> list[Day]:
        """Return the days that a run has published, the earliest first."""
        return [day for place in sorted(self.folder.glob(_DAY)) if (day := Day(place)).is_published]

    def backfilled(self, folder: Path | None = None) -> list[BackfilledDay]:
        """Return the backfilled days, the earliest first; `folder` in place of their own."""
        places = sorted((folder or self.backfill_folder).glob(_DAY))
        return [day for place in places if (day := BackfilledDay(place)).is_published]

    @property
    def backfill_folder(self) -> Path:
        """The folder of the backfilled days, beside those of the runs."""
        return self.folder / _BACKFILLED

    def published(self, as_of: date | str | None = None) -> Day:
        """Return a published day, the latest if none is named.

        Raises
        ------
        ParamsError
            If there is none.
        """
        days = [day.place.name for day in self.runs()]
        name = str(as_of) if as_of is not None else max(days, default="")
        if name not in days:
            known = f"There are {', '.join(days[-3:])}." if days else "There is none."
            raise ParamsError(f"A report {f'of {name} ' if name else ''}must have been made first. {known}")
        return self.day(name)

    # --- what a study remembers of what has left the machine ------------------------------------------------------
    @property
    def deliveries(self) -> Path:
        """The journal of the lists that were handed over."""
        return self.folder / "deliveries.jsonl"

    @property
    def sent(self) -> Path:
        """The journal of what triggers and alerts have sent to the webhook."""
        return self.folder / "triggers" / "sent.jsonl"

    # --- writing --------------------------------------------------------------------------------------------------
    def is_building(self, as_of: date) -> bool:
        """Say whether a run of a day is under way."""
        return (self.folder / f"{_BUILDING}{as_of}").exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the reports; the system frees it even if the holder is killed.

        Raises
        ------
        LockedError
            If another run holds it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stream = (self.folder / ".lock").open("w")
        except OSError as error:
            raise DataError(
                f"The folder of the reports must be writable. {str(self.folder)!r}: {error.strerror}. "
                "Choose another --out."
            ) from None
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LockedError(
                    f"Only one run may write to a study at a time. Another one is writing to {str(self.folder)!r}. "
                    "Wait until it has finished."
                ) from None
            self._recover()
            yield

    @contextmanager
    def publish(self, as_of: date | str) -> Iterator[Day]:
        """Give a folder to build a day in; if the block ends well it takes the day's place, else it is removed.

        A reader of the day sees the old content or the new one, never a mixture; if the process is killed the old
        content stays. Call it with the lock held.
        """
        with _building(self.folder / str(as_of)) as part:
            yield Day(part)

    @contextmanager
    def publish_backfill(self) -> Iterator[Path]:
        """Give a folder to build the backfilled days in, as `publish`."""
        with _building(self.backfill_folder) as part:
            yield part

    def _recover(self) -> None:
        """Tidy up after a killed run: half-built folders go, a report that was set aside comes back."""
        for aside in self.folder.glob(f"{_ASIDE}*"):
            place = self.folder / aside.name.removeprefix(_ASIDE)
            if not place.exists():
                aside.rename(place)
        for left in [*self.folder.glob(f"{_BUILDING}*"), *self.folder.glob(f"{_ASIDE}*")]:
            shutil.rmtree(left)


def latest_report(out: Path, study: str | None = None) -> Path:
    """Return the front page of a study's latest day, or of the report published last of all studies.

    Raises
    ------
    ParamsError
        If there is none.
    """
    found = [p for p in out.glob(f"*/{_DAY}/{_INDEX}") if study in (None, p.parts[-3])]
    if not found:
        known = sorted({p.parts[-3] for p in out.glob(f"*/{_DAY}/{_INDEX}")})
        what = f"of {study!r} " if study else ""
        raise ParamsError(f"A report {what}must have been made in {str(out)!r}. {did_you_mean(study or '', known)}")
    if study is None:
        return max(found, key=lambda p: p.stat().st_mtime)
    return max(found, key=lambda p: p.parts[-2])


@contextmanager
def _building(place: Path) -> Iterator[Path]:
    part = place.with_name(f"{_BUILDING}{place.name}")
    part.mkdir()
    try:
        yield part
        _move_into_place(part, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _move_into_place(part: Path, place: Path) -> None:
    if not place.exists():
        part.rename(place)
        return
    if _exchange(part, place):
        return  # the old report now lies at `part` and is removed with it
    aside = place.with_name(f"{_ASIDE}{place.name}")
    place.rename(aside)
    part.rename(place)
    shutil.rmtree(aside)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step of the file system (Linux); False where that cannot be done."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    at_cwd, swap = -100, 2
    return bool(renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), swap) == 0)
