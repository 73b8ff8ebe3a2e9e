"""Pinterest: a customer list audience.

Source: Pinterest Business help, the page on customer list audiences, read 2025-2026.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.formats.base import Format, any_of
from rfm_ml.campaigns.formats.fields import Field, hashed
from rfm_ml.campaigns.formats.sinks import LineSink, Sink, csv_line


class Pinterest(Format):
    """One column of hashed e-mails without a header; at least 100 must match, so fewer than 100 cannot."""

    name: ClassVar[str] = "pinterest"
    channel: ClassVar[str] = "ads"
    needs: ClassVar[tuple[str, ...]] = ("email",)
    minimum: ClassVar[int] = 100

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [hashed("email", "email", normalise.email)]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact without a usable e-mail."""
        return any_of(filled, self.needs, what="e-mail")

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open the file, without a header."""
        return LineSink(path, encode=csv_line)
