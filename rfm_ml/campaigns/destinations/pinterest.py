"""Pinterest: a customer list audience.

Source: Pinterest Business help, the page on customer list audiences, read 2025-2026.
"""

from collections.abc import Sequence
from pathlib import Path

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import Field, hashed
from rfm_ml.campaigns.destinations.files import LineSink, Sink, csv_line


class Pinterest(Destination):
    """One column of hashed e-mails without a header; at least 100 must match, so fewer than 100 cannot."""

    name = "pinterest"
    channel = "ads"
    needs = ("email",)
    found_by = "e-mail"
    minimum = 100

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [hashed("email", "email", normalise.email)]

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open the file, without a header."""
        return LineSink(path, encode=csv_line)
