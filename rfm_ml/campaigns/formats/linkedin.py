"""LinkedIn: a contact list for matched audiences.

Source: LinkedIn Marketing Solutions help, "Requirements for contact targeting lists in Campaign Manager", read
2025-2026.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.formats.base import Format, any_of
from rfm_ml.campaigns.formats.fields import Field, plain


class LinkedIn(Format):
    """LinkedIn's seven columns, readable; 300 to 300,000 rows in one file of at most 20 MB.

    One audience is made from one file, so that a longer list is refused instead of written in parts. A contact is
    found by an e-mail, both names, or an Android advertising id.
    """

    name: ClassVar[str] = "linkedin"
    channel: ClassVar[str] = "ads"
    needs: ClassVar[tuple[str, ...]] = ("email", "last_name", "madid")
    minimum: ClassVar[int] = 300
    maximum: ClassVar[int | None] = 300_000
    max_bytes: ClassVar[int | None] = 20_000_000

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return exactly LinkedIn's columns."""
        return [
            plain("email", "email", normalise.email),
            plain("firstname", "first_name", normalise.name),
            plain("lastname", "last_name", normalise.name),
            plain("jobtitle", "job_title", normalise.name),
            plain("employeecompany", "company", normalise.name),
            plain("country", "country", normalise.iso_country),
            plain("googleaid", "madid", normalise.ad_id),
        ]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact that LinkedIn could not find."""
        named = {"first_name", "last_name"} <= filled.keys()
        return None if named else any_of(filled, ["email", "madid"], what="e-mail, full name or advertising id")
