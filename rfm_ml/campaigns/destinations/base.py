"""What every destination shares: what it needs, what it takes, and how a list is written for it."""

import hashlib
import re
import sqlite3
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final

from rfm_ml.campaigns.destinations.contacts import Contacts, Row, batches_of, require_any
from rfm_ml.campaigns.destinations.fields import Field, Refused, any_of, property_fields
from rfm_ml.campaigns.destinations.files import LineSink, ReasonLog, Sink, WrittenList, csv_line
from rfm_ml.campaigns.normalise import require_country
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import DataError

MAX_FILES: Final = 200
"""Files of one list that can be open at once, one per tag."""


class Destination(ABC):
    """A destination for lists.

    A destination of one's own is a class with `name`, `channel`, `fields` and whatever else differs from here.

    Parameters
    ----------
    default_country
        ISO code of the country that phone numbers without country code are of. Without it they are rejected.
    properties
        Columns beside the contact's own that go along where the destination takes more; None for all of them.
    """

    name: ClassVar[str]
    channel: ClassVar[str]
    """What consent is asked for: email, sms, ads, call, web; people for files that stay in the house, suppression
    for lists of those who must not be written to."""
    suffix: ClassVar[str] = ".csv"
    needs: ClassVar[tuple[str, ...]] = ()
    """Columns of which the contacts must have at least one."""
    found_by: ClassVar[str] = ""
    """The same in words; where it is given, a contact without any of them is refused."""
    minimum: ClassVar[int] = 0
    """Shortest list the destination takes; a shorter one is not written."""
    warn_below: ClassVar[int] = 0
    maximum: ClassVar[int | None] = None
    """Most rows of a list; a longer one is refused."""
    max_bytes: ClassVar[int | None] = None
    split: ClassVar[bool] = False
    """Whether a list above `max_bytes` is written in parts; otherwise it is refused."""
    serves_channels: ClassVar[bool] = False
    """Whether people are reached in several ways, so that it takes the option `channel`: the one of the list."""
    expires_days: ClassVar[int | None] = None
    """Days after which the destination forgets the list."""
    api_batch_rows: ClassVar[int | None] = None
    """Most rows of one call, when a list is sent to an interface instead of uploaded."""
    unique: ClassVar[str | None] = None
    """Column of an address that no two rows may share; later ones are merged into the first."""

    def __init__(self, *, default_country: str | None = None, properties: Sequence[str] | None = None) -> None:
        require_country(default_country)
        self.default_country = default_country
        self.properties = properties

    @abstractmethod
    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the columns of the list for contacts that have these columns."""

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Say why a contact cannot be on the list, from the cells that are not empty, by source column."""
        return any_of(filled, self.needs, what=self.found_by) if self.found_by else None

    def settle(self, cells: list[Any], notes: list[str]) -> list[Any]:
        """Return the cells with those emptied that are of use only together; say so in `notes`."""
        return cells

    def labels(self, row: Row) -> tuple[str, ...]:
        """Return the files a contact belongs to; "" is the list itself."""
        return ("",)

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open a file of the list."""
        header = csv_line([f.header for f in fields])
        return LineSink(path, encode=csv_line, header=header, max_bytes=self.max_bytes, split=self.split)

    def notes(self) -> dict[str, Any]:
        """Return what the manifest should say of this destination."""
        return {} if self.api_batch_rows is None else {"api_batch_rows": self.api_batch_rows}

    def warnings(self) -> list[str]:
        """Return doubts about the settings."""
        return []

    def property_fields(self, columns: Sequence[str]) -> list[Field]:
        """Return one column per property, named rfm_..."""
        return property_fields(columns, chosen=self.properties)

    def write(self, contacts: Contacts, folder: str | Path, *, audience: str, as_of: date | None = None) -> WrittenList:
        """Write a list, a batch at a time: memory does not grow with the number of contacts.

        Parameters
        ----------
        contacts
            One table or batches of it, with `customer_id` and any of `CONTACT_COLUMNS`, consents
            (`consent_<channel>`) and properties, one row per contact, already filtered.
        folder
            Where the files go, each with mode 0600; made with mode 0700 if it is not there.
        audience
            Name of the audience, the start of every file's name.
        as_of
            Day of the list, for `send_again_by`.

        Raises
        ------
        DataError
            If the contacts have no column the destination finds people by, batches differ in their columns, or
            the list is larger than the destination takes. No file is left then.
        """
        with ListWriter(self, Path(folder), audience=audience) as writer:
            for columns, rows in batches_of(contacts):
                writer.add(columns, rows)
            return writer.finish(as_of=as_of)


class ListWriter:
    """One list being written: every contact ends on a file, or in the rejects, once. A failure leaves no file."""

    def __init__(self, destination: Destination, folder: Path, *, audience: str) -> None:
        self.destination, self.folder = destination, folder
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.stem = f"{slug(audience)}-{destination.name}"
        self.rejects = ReasonLog(self.folder / f"{self.stem}-rejects.csv")
        self.values = ReasonLog(self.folder / f"{self.stem}-values.csv")
        self.addresses = Addresses(self.folder / f".{self.stem}-seen") if destination.unique else None
        self.fields: list[Field] = []
        self.sinks: dict[str, Sink] = {}
        self.rows_in = self.rows = 0
        self.rejected: Counter[str] = Counter()
        self.merged: Counter[str] = Counter()

    def add(self, columns: tuple[str, ...], rows: Iterator[Row]) -> None:
        """Write a batch."""
        if not self.fields:
            require_any(columns, self.destination.needs, what=f"the destination {self.destination.name!r}")
            self.fields = self.destination.fields(columns)
        for row in rows:
            self.rows_in += 1
            try:
                self._write(row)
            except Refused as reason:
                self._leave_out(row, str(reason), self.rejected)

    def _write(self, row: Row) -> None:
        if row["customer_id"] is None:
            raise Refused("customer_id is missing")
        to, notes = self.destination, list[str]()
        cells = to.settle([f.cell(row, notes) for f in self.fields], notes)
        filled = {f.source: c for f, c in zip(self.fields, cells, strict=True) if c is not None}
        missing = to.refusal(filled)
        if missing is not None:
            # Of the values that failed, only those a contact could have been found by are a reason.
            decisive = {n for n in notes if n.partition(":")[0] in to.needs}
            raise Refused("; ".join([missing, *sorted(decisive)]))
        labels = to.labels(row)
        if self.addresses is not None and to.unique in filled and self.addresses.has(filled[to.unique]):
            self._leave_out(row, f"{to.unique} is that of an earlier customer on the list", self.merged)
            return
        for label in labels:
            self._sink(label).add(cells)
        self.rows += 1
        if to.maximum is not None and self.rows > to.maximum:
            raise DataError(
                f"A list for {to.name!r} must have at most {to.maximum:,} rows. Got more. Cap the audience."
            )
        for note in notes:
            self.values.add(row["customer_id"], note)

    def _leave_out(self, row: Row, reason: str, counts: Counter[str]) -> None:
        counts[reason] += 1
        self.rejects.add(row["customer_id"], reason)

    def _sink(self, label: str) -> Sink:
        if label not in self.sinks:
            if len(self.sinks) == MAX_FILES:
                raise DataError(
                    f"A list must be at most {MAX_FILES} files, one per tag. Got more tags. "
                    "Choose a column with fewer values."
                )
            self.sinks[label] = self.destination.sink(self._path(label), self.fields)
        return self.sinks[label]

    def _path(self, label: str) -> Path:
        stem = f"{self.stem}-{slug(label)}" if label else self.stem
        taken = {s.path.name for s in self.sinks.values()}
        names = (f"{stem}{'' if k == 1 else f'_{k}'}{self.destination.suffix}" for k in range(1, MAX_FILES + 2))
        return self.folder / next(n for n in names if n not in taken)

    def finish(self, *, as_of: date | None) -> WrittenList:
        """Close every file and return what happened."""
        to = self.destination
        if not self.fields:
            self.fields = to.fields(("customer_id", *to.needs))
        if not self.sinks:
            self._sink("")
        for sink in self.sinks.values():
            sink.close()
        files = tuple(f for s in sorted(self.sinks.values(), key=lambda s: s.path.name) for f in s.files)
        short = self.rows < to.minimum
        if short:
            for file in files:
                file.path.unlink()
        return WrittenList(
            format=to.name,
            rows_in=self.rows_in,
            rows=0 if short else self.rows,
            rejected=self.rejected.total(),
            merged=self.merged.total(),
            below_minimum=self.rows if short else 0,
            rejected_by_reason=dict(sorted(self.rejected.items())),
            merged_by_reason=dict(self.merged),
            values_by_reason=dict(sorted(self.values.counts.items())),
            files=() if short else files,
            rejects_file=self.rejects.path,
            values_file=self.values.path,
            warnings=tuple(self._warnings()),
            send_again_by=as_of + timedelta(to.expires_days) if as_of and to.expires_days else None,
            notes=to.notes(),
        )

    def _warnings(self) -> Iterator[str]:
        to, rows = self.destination, self.rows
        if rows < to.minimum:
            yield f"{to.name} takes lists of at least {to.minimum:,}. Got {rows:,}: no list was written."
        elif rows < to.warn_below:
            yield f"{to.name} asks for lists of at least {to.warn_below:,}. Got {rows:,}."
        yield from to.warnings()

    def __enter__(self) -> "ListWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        if self.addresses is not None:
            self.addresses.close()
        self.rejects.close()
        self.values.close()
        if kind is not None:  # half a list must not be sent
            for sink in self.sinks.values():
                with suppress(Exception):
                    sink.close()
            written = [f.path for s in self.sinks.values() for f in s.files]
            paths = [s.path for s in self.sinks.values()]
            for path in (*written, *paths, self.rejects.path, self.values.path):
                path.unlink(missing_ok=True)


class Addresses:
    """Addresses on a list so far, as digests on disk: memory does not grow with the list."""

    def __init__(self, path: Path) -> None:
        self.path = path
        open_private(path).close()
        self._con = sqlite3.connect(path, isolation_level=None)
        # The file is thrown away: it needs no journal, and a cache of 16 MB.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000", "temp_store = MEMORY"):
            self._con.execute(f"PRAGMA {pragma}")
        self._con.execute("CREATE TABLE seen (address BLOB PRIMARY KEY) WITHOUT ROWID")
        self._con.execute("BEGIN")

    def has(self, address: str) -> bool:
        """Say whether the address was there before, and remember it."""
        key = hashlib.sha256(address.encode(errors="replace")).digest()[:16]
        return self._con.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 0

    def close(self) -> None:
        """Throw the file away."""
        self._con.close()
        self.path.unlink(missing_ok=True)


def slug(text: str) -> str:
    """Return a name that is safe as part of a file's name.

    Examples
    --------
    >>> slug("Can't lose / März"), slug("../..")
    ('can-t-lose-marz', 'list')
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-")[:80] or "list"
