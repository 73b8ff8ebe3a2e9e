"""A feed for a web site that shows each visitor what suits his segment.

Source: none but this page; the file is one JSON object, `{"<hash of the id>": {"segment": ..., ...}, ...}`. The site
looks a visitor up by the lower-case hexadecimal SHA-256 of `salt:customer_id` in UTF-8.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rfm_ml.campaigns.cells import as_text, sha256
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.contacts import CONTACT_COLUMNS
from rfm_ml.campaigns.destinations.fields import Field, property_names
from rfm_ml.campaigns.destinations.files import Cells, LineSink, Sink, plain
from rfm_ml.core.errors import ParamsError


class WebFeed(Destination):
    """Properties of each customer by his hashed id; nothing of his contact data.

    Parameters
    ----------
    salt
        Text before the id in what is hashed; without one, ids that are counted up can be found by trying.
    default_country
        As in `Destination`.
    properties
        Columns of the feed. A feed can be read by who visits the site, so None means not all, but those that are made
        for it: `segment`, `next_step`, `funnel_stage` and what starts with `product`.

    Raises
    ------
    ParamsError
        If a column of contact data is chosen as a property.
    """

    name = "web_feed"
    channel = "web"
    suffix = ".json"
    unique = "customer_id"

    def __init__(
        self, *, salt: str = "", default_country: str | None = None, properties: Sequence[str] | None = None
    ) -> None:
        super().__init__(default_country=default_country, properties=properties)
        self.salt = salt
        personal = [p for p in properties or () if p in CONTACT_COLUMNS or p.startswith("consent_")]
        if personal:
            raise ParamsError(f"A web feed must hold nothing of the contact. Got {', '.join(personal)}. Leave it out.")

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the hashed id and the properties."""
        key = Field("id", "customer_id", lambda value, row: f"{self.salt}:{as_text(value)}", hashed=True)
        names = [c for c in property_names(columns, chosen=self.properties) if self.properties is not None or public(c)]
        return [key, *(Field(n, n, lambda value, row: plain(value), guarded=False) for n in names)]

    def sink(self, path: Path, fields: Sequence[Field]) -> Sink:
        """Open the file as one JSON object."""
        names = [f.header for f in fields[1:]]

        def encode(cells: Cells) -> bytes:
            content = {n: c for n, c in zip(names, cells[1:], strict=True) if c is not None}
            text = json.dumps(content, ensure_ascii=False, allow_nan=False)
            # A page may hold the feed within its own markup: no text may close it.
            for mark in "<>&\u2028\u2029":
                text = text.replace(mark, f"\\u{ord(mark):04x}")
            return f'"{cells[0]}": {text}'.encode(errors="replace")

        return LineSink(path, encode=encode, header=b"{\n", footer=b"\n}\n", between=b",\n")

    def notes(self) -> dict[str, Any]:
        """Return the id of the salt, which tells whether two feeds go together and nothing more."""
        return {"salt_id": sha256(self.salt)[:8]} if self.salt else {}

    def warnings(self) -> list[str]:
        """Warn of ids hashed without a salt."""
        return [] if self.salt else ["Ids are hashed without a salt: who knows how ids look can find them by trying."]


def public(column: str) -> bool:
    """Say whether a column is made to be shown to the customer himself."""
    return column in ("segment", "next_step", "funnel_stage") or column.startswith("product")
