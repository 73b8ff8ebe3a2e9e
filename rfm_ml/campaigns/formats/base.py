"""What every destination shares: what it needs, what it takes, and how a list is written for it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from rfm_ml.campaigns.formats.batches import Contacts, Row, batches_of
from rfm_ml.campaigns.formats.delivery import Delivery
from rfm_ml.campaigns.formats.fields import Field, plain, property_header, property_names, property_text
from rfm_ml.campaigns.formats.outcome import Written
from rfm_ml.campaigns.formats.sinks import LineSink, Sink, csv_line
from rfm_ml.campaigns.normalise import require_country


class Format(ABC):
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
        return None

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

    def property_fields(self, columns: Sequence[str], *, but: Sequence[str] = ()) -> list[Field]:
        """Return one column per property, named rfm_..."""
        names = [c for c in property_names(columns, chosen=self.properties) if c not in but]
        return [plain(property_header(c), c, property_text) for c in names]

    def write(
        self,
        contacts: Contacts,
        folder: str | Path,
        *,
        audience: str,
        as_of: date | None = None,
    ) -> Written:
        """Write a list, a batch at a time: memory does not grow with the number of contacts.

        Parameters
        ----------
        contacts
            One table or batches of it, with `customer_id` and any of `CONTACT_COLUMNS`, consents
            (`consent_<channel>`) and properties, one row per contact, already filtered.
        folder
            Where the files go, each with mode 0600.
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
        with Delivery(self, Path(folder), audience=audience) as delivery:
            for columns, rows in batches_of(contacts):
                delivery.take(columns, rows)
            return delivery.finish(as_of=as_of)


def any_of(filled: dict[str, Any], wanted: Sequence[str], *, what: str) -> str | None:
    """Return the refusal of a contact that has none of these cells."""
    return None if any(w in filled for w in wanted) else f"no {what} that can be used"


def present(fields: Sequence[Field], columns: Sequence[str]) -> list[Field]:
    """Return the columns of a list whose source the contacts have."""
    return [f for f in fields if f.source in columns]
