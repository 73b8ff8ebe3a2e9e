"""Columns of a list: where a cell comes from and how it is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from rfm_ml.campaigns.cells import Normalise, Noted, Unusable, as_text, clean, is_formula, sha256
from rfm_ml.campaigns.destinations.contacts import CONTACT_COLUMNS, Row
from rfm_ml.campaigns.normalise import birth_date, email, phone

FORMULA: Final = "starts with a character that a spreadsheet would run"


class Refused(ValueError):  # noqa: N818 - a verdict on a contact, seen only by the writer of a list
    """A contact cannot be on the list; the message says why, without any of their data."""


@dataclass(frozen=True)
class Field:
    """One column of a list.

    Parameters
    ----------
    header
        Its name at the destination.
    source
        The column of the contacts.
    write
        From the value and the whole contact to the cell; may raise `Unusable` or return `Noted`.
    hashed
        Whether the cell is the SHA-256 of the text.
    guarded
        Whether a text that a spreadsheet would run refuses the contact. Not for phones, which start with +, nor
        for the addresses of those who opted out, who must not be lost.
    always
        Whether a missing value is written as well.
    """

    header: str
    source: str
    write: Callable[[Any, Row], Any]
    hashed: bool = False
    guarded: bool = True
    always: bool = False

    def cell(self, row: Row, notes: list[str]) -> Any:
        """Return the cell of a contact, None if it stays empty; what happened to the value goes to `notes`."""
        value = row.get(self.source)
        if not self.always and (value is None or (isinstance(value, str) and not value)):
            return None
        try:
            cell = self.write(value, row)
        except Unusable as reason:
            notes.append(f"{self.source}: {reason}")
            return None
        if type(cell) is Noted:
            notes.append(f"{self.source}: {cell.reason}")
            cell = cell.value
        if self.hashed:
            return sha256(cell)
        if self.guarded and not isinstance(value, int | float | Decimal) and (is_formula(cell) or is_formula(value)):
            raise Refused(f"{self.source} {FORMULA}")
        return cell


def plain(
    header: str, source: str, normalise: Normalise = clean, *, hashed: bool = False, guarded: bool = True
) -> Field:
    """Return a column made of the value alone, readable if nothing else is said."""
    return Field(header, source, lambda value, row: normalise(value), hashed=hashed, guarded=guarded)


def hashed(header: str, source: str, normalise: Normalise) -> Field:
    """Return a column of hashes."""
    return plain(header, source, normalise, hashed=True)


def phone_field(
    header: str,
    source: str,
    *,
    default_country: str | None,
    hashed: bool = False,
    shape: Callable[[str], str] = str,
) -> Field:
    """Return a column of phone numbers in E.164, or in another `shape` of it."""

    def write(value: Any, row: Row) -> str:
        return shape(phone(value, country=row.get("country"), default_country=default_country))

    return Field(header, source, write, hashed=hashed, guarded=False)


def opt_out_field(header: str, source: str) -> Field:
    """Return a column of e-mails of people who opted out, whatever character they start with."""
    return plain(header, source, email, guarded=False)


def consent_field(header: str, source: str, *, granted: str, refused: str, unknown: str | None = None) -> Field:
    """Return a column of consent: a word for granted, for refused and for never asked (None leaves it empty)."""
    words = {True: granted, False: refused}
    return Field(header, source, lambda value, row: words.get(value, unknown), always=True)


def property_fields(columns: Iterable[str], *, chosen: Sequence[str] | None) -> list[Field]:
    """Return a column per property, named rfm_... to be kept apart from the destination's own fields."""
    names = property_names(columns, chosen=chosen)
    return [plain(n if n.startswith("rfm_") else f"rfm_{n}", n, property_text) for n in names]


def property_names(columns: Iterable[str], *, chosen: Sequence[str] | None) -> list[str]:
    """Return the columns that go along as properties: those chosen, or all that are not contact data."""
    if chosen is not None:
        return [c for c in columns if c in chosen]
    return [c for c in columns if c not in CONTACT_COLUMNS and not c.startswith("consent_")]


def property_text(value: Any) -> str:
    """Return a property as text without invisible characters; line breaks stay, an instant becomes its day."""
    text = as_text(value.date() if isinstance(value, datetime) else value)
    return "\n".join(map(clean, text.split("\n")))


def iso_date(value: Any) -> str:
    """Return a day as YYYY-MM-DD."""
    return birth_date(value).isoformat()


def any_of(filled: dict[str, Any], wanted: Sequence[str], *, what: str) -> str | None:
    """Return the refusal of a contact that has none of these cells."""
    return None if any(w in filled for w in wanted) else f"no {what} that can be used"


def present(fields: Sequence[Field], columns: Sequence[str]) -> list[Field]:
    """Return the columns of a list whose source the contacts have."""
    return [f for f in fields if f.source in columns]
