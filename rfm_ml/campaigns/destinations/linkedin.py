"""LinkedIn: a contact list for matched audiences.

Source: LinkedIn Marketing Solutions help, "Requirements for contact targeting lists in Campaign Manager", read
2025-2026.
"""

from collections.abc import Sequence
from typing import Any

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import Field, any_of, plain


class LinkedIn(Destination):
    """LinkedIn's seven columns, readable; 300 to 300,000 rows in one file of at most 20 MB.

    One audience is made from one file, so that a longer list is refused instead of written in parts. A contact is
    found by an e-mail, both names, or an Android advertising id.
    """

    name = "linkedin"
    channel = "ads"
    needs = ("email", "last_name", "madid")
    minimum = 300
    maximum = 300_000
    max_bytes = 20_000_000

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
