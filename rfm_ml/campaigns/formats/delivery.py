"""Writing one list: every contact ends on a file, or in the rejects with a reason, and is counted once."""

import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from rfm_ml.campaigns.formats.batches import Row, require_any
from rfm_ml.campaigns.formats.fields import Field, Refused
from rfm_ml.campaigns.formats.outcome import ListFile, ReasonLog, Written
from rfm_ml.campaigns.formats.sinks import Sink
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import DataError

if TYPE_CHECKING:
    from rfm_ml.campaigns.formats.base import Format

MAX_FILES: Final = 200
"""Files of one list that can be open at once, one per tag."""


def slug(text: str) -> str:
    """Return a name that is safe as part of a file's name.

    Examples
    --------
    >>> slug("Can't lose / März"), slug("../..")
    ('can-t-lose-marz', 'list')
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-")[:80] or "list"


class Seen:
    """Addresses met so far, as digests on disk: memory does not grow with the list."""

    def __init__(self, path: Path) -> None:
        self.path = path
        open_private(path).close()
        self._con = sqlite3.connect(path, isolation_level=None)
        # The file is thrown away: it needs no journal, and a cache of 16 MB.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000", "temp_store = MEMORY"):
            self._con.execute(f"PRAGMA {pragma}")
        self._con.execute("CREATE TABLE seen (address BLOB PRIMARY KEY) WITHOUT ROWID")
        self._con.execute("BEGIN")

    def before(self, address: str) -> bool:
        """Say whether the address was met before, and remember it."""
        key = hashlib.sha256(address.encode(errors="replace")).digest()[:16]
        return self._con.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 0

    def close(self) -> None:
        """Throw the file away."""
        self._con.close()
        self.path.unlink(missing_ok=True)


class Delivery:
    """One list being written; a `with` block that fails leaves no file behind.

    Parameters
    ----------
    form
        The format.
    folder
        Where the files go; made with mode 0700 if it is not there.
    audience
        Name of the audience, the start of every file's name.
    """

    def __init__(self, form: "Format", folder: Path, *, audience: str) -> None:
        self.form = form
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.stem = f"{slug(audience)}-{form.name}"
        self.rejects = ReasonLog(self.folder / f"{self.stem}-rejects.csv")
        self.values = ReasonLog(self.folder / f"{self.stem}-values.csv")
        self.seen = Seen(self.folder / f".{self.stem}-seen") if form.unique else None
        self.columns: tuple[str, ...] = ()
        self.fields: list[Field] = []
        self.sinks: dict[str, Sink] = {}
        self.rows_in = self.rows = self.rejected = 0
        self.rejected_by_reason: dict[str, int] = {}
        self.merged_by_reason: dict[str, int] = {}

    def take(self, columns: tuple[str, ...], rows: Iterator[Row]) -> None:
        """Write a batch."""
        if not self.fields:
            require_any(columns, self.form.needs, what=f"the destination {self.form.name!r}")
            self.columns, self.fields = columns, self.form.fields(columns)
        for row in rows:
            self.rows_in += 1
            notes: list[str] = []
            try:
                self._write(row, notes)
            except Refused as reason:
                self._leave_out(row, str(reason), self.rejected_by_reason)

    def _write(self, row: Row, notes: list[str]) -> None:
        if row["customer_id"] is None:
            raise Refused("customer_id is missing")
        cells = self.form.settle([f.cell(row, notes) for f in self.fields], notes)
        filled = {f.source: c for f, c in zip(self.fields, cells, strict=True) if c is not None}
        missing = self.form.refusal(filled)
        if missing is not None:
            # Of the values that failed, only those a contact could have been found by are a reason.
            decisive = {n for n in notes if n.partition(":")[0] in self.form.needs}
            raise Refused("; ".join([missing, *sorted(decisive)]))
        labels = self.form.labels(row)
        if self.seen is not None and self.form.unique in filled and self.seen.before(filled[self.form.unique]):
            reason = f"{self.form.unique} is that of an earlier customer on the list"
            self._leave_out(row, reason, self.merged_by_reason)
            return
        for label in labels:
            self._sink(label).add(cells)
        self.rows += 1
        if self.form.maximum is not None and self.rows > self.form.maximum:
            raise DataError(
                f"A list for {self.form.name!r} must have at most {self.form.maximum:,} rows. Got more. "
                "Cap the audience."
            )
        for note in notes:
            self.values.add(row["customer_id"], note)

    def _leave_out(self, row: Row, reason: str, counts: dict[str, int]) -> None:
        counts[reason] = counts.get(reason, 0) + 1
        self.rejects.add(row["customer_id"], reason)

    def _sink(self, label: str) -> Sink:
        if label not in self.sinks:
            if len(self.sinks) == MAX_FILES:
                raise DataError(
                    f"A list must be at most {MAX_FILES} files, one per tag. Got more tags. "
                    "Choose a column with fewer values."
                )
            self.sinks[label] = self.form.sink(self._path(label), self.fields)
        return self.sinks[label]

    def _path(self, label: str) -> Path:
        stem = f"{self.stem}-{slug(label)}" if label else self.stem
        taken = {s.path.name for s in self.sinks.values()}
        names = (f"{stem}{'' if k == 1 else f'_{k}'}{self.form.suffix}" for k in range(1, MAX_FILES + 2))
        return self.folder / next(n for n in names if n not in taken)

    def finish(self, *, as_of: date | None) -> Written:
        """Close every file and return what happened."""
        if not self.fields:
            self.fields = self.form.fields(("customer_id", *self.form.needs))
        if not self.sinks:
            self._sink("")
        for sink in self.sinks.values():
            sink.close()
        files = [f for s in sorted(self.sinks.values(), key=lambda s: s.path.name) for f in s.files]
        short = self.rows < self.form.minimum
        if short:
            self._remove(files)
        expires = None if as_of is None or self.form.expires_days is None else timedelta(self.form.expires_days)
        return Written(
            format=self.form.name,
            rows_in=self.rows_in,
            rows=0 if short else self.rows,
            rejected=sum(self.rejected_by_reason.values()),
            merged=sum(self.merged_by_reason.values()),
            below_minimum=self.rows if short else 0,
            rejected_by_reason=dict(sorted(self.rejected_by_reason.items())),
            merged_by_reason=self.merged_by_reason,
            values_by_reason=dict(sorted(self.values.counts.items())),
            files=() if short else tuple(files),
            rejects_file=self.rejects.path,
            values_file=self.values.path,
            warnings=tuple(self._warnings()),
            send_again_by=as_of + expires if as_of is not None and expires is not None else None,
            notes=self.form.notes(),
        )

    def _warnings(self) -> Iterator[str]:
        name, rows = self.form.name, self.rows
        if rows < self.form.minimum:
            yield f"{name} takes lists of at least {self.form.minimum:,}. Got {rows:,}: no list was written."
        elif rows < self.form.warn_below:
            yield f"{name} asks for lists of at least {self.form.warn_below:,}. Got {rows:,}."
        yield from self.form.warnings()

    @staticmethod
    def _remove(files: list[ListFile]) -> None:
        for file in files:
            file.path.unlink(missing_ok=True)

    def __enter__(self) -> "Delivery":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        if self.seen is not None:
            self.seen.close()
        self.rejects.close()
        self.values.close()
        if kind is not None:
            self._undo()

    def _undo(self) -> None:
        """Remove what was written: half a list must not be sent."""
        for sink in self.sinks.values():
            with suppress(Exception):
                sink.close()
            self._remove(sink.files)
            sink.path.unlink(missing_ok=True)
        for log in (self.rejects, self.values):
            log.path.unlink(missing_ok=True)
