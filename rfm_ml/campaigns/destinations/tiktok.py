"""TikTok: a customer file for custom audiences.

Source: TikTok Ads Manager help, "How to create a Custom Audience with a customer file" and "About Customer File
audiences", both read 2025-2026.
"""

from collections.abc import Sequence

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import Field, hashed, phone_field


class TikTok(Destination):
    """TikTok's three columns of SHA-256; at least 1,000 entries, below 1 GB."""

    name = "tiktok"
    channel = "ads"
    needs = ("email", "phone", "madid")
    found_by = "e-mail, phone or advertising id"
    minimum = 1_000
    max_bytes = 1_000_000_000 - 1

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return exactly TikTok's columns."""
        return [
            hashed("Email_SHA256", "email", normalise.email),
            phone_field("Phone_SHA256", "phone", default_country=self.default_country, hashed=True),
            hashed("MAID_SHA256", "madid", normalise.ad_id),
        ]
