"""Texts for the cells of a list: cleaned, counted where changed, and harmless in a spreadsheet."""

import hashlib
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""First characters at which a spreadsheet takes a cell for a formula."""


class Unusable(ValueError):  # noqa: N818 - it tells what the value is, and nobody but the writer of a list sees it
    """A value cannot be written; the message says why, without the value."""


class Noted(NamedTuple):
    """A value that was changed in a way that is counted."""

    value: Any
    reason: str


def sha256(text: str) -> str:
    """Return the SHA-256 of the UTF-8 text, as lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_formula(value: Any) -> bool:
    """Say whether a spreadsheet would run this text."""
    return isinstance(value, str) and value.startswith(FORMULA_STARTS)


def guarded(value: Any) -> Any:
    """Return the value with ' before a text that a spreadsheet would run, for files that people open.

    Examples
    --------
    >>> guarded("=1+1"), guarded("Anna"), guarded(-5)
    ("'=1+1", 'Anna', -5)
    """
    return f"'{value}" if is_formula(value) else value


def as_text(value: Any) -> str:
    """Return any value as text: ISO dates, numbers without an exponent, true or false, lists as "a;b".

    Examples
    --------
    >>> as_text(12.0), as_text(0.1), as_text(True), as_text(["a", "b;c"])
    ('12', '0.1', 'true', 'a;b,c')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        whole_day = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if whole_day else value.isoformat(sep=" ")
    if isinstance(value, float | Decimal):
        text = format(Decimal(str(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return ";".join(as_text(v).replace(";", ",") for v in value)
    return value.isoformat() if isinstance(value, date) else str(value)


def clean(value: Any) -> str:
    r"""Return the text in Unicode's composed form (NFC), trimmed, without control and invisible characters.

    White space of every kind becomes one space. Half surrogates go as well: no file can hold them. The two joiners
    that Persian and Indic names and emoji are written with stay.
    """
    text = as_text(value)
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text)
        text = "".join(
            c for c in text if c.isspace() or c in "\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
        )
    return " ".join(text.split()).strip("\u200c\u200d ")


def cut(text: str, *, max_bytes: int) -> str | Noted:
    """Return the text cut to a number of UTF-8 bytes, never within a character."""
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    return Noted(raw[:max_bytes].decode(errors="ignore"), f"cut to {max_bytes} bytes")


Normalise = Callable[[Any], Any]
"""From a value to what a list holds; may raise `Unusable` or return `Noted`."""
