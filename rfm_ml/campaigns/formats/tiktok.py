"""TikTok: a customer file for custom audiences.

Source: TikTok Ads Manager help, "How to create a Custom Audience with a customer file" and "About Customer File
audiences", both read 2025-2026.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.formats.base import Format, any_of
from rfm_ml.campaigns.formats.fields import Field, hashed, phone_field


class TikTok(Format):
    """TikTok's three columns of SHA-256; at least 1,000 entries, below 1 GB."""

    name: ClassVar[str] = "tiktok"
    channel: ClassVar[str] = "ads"
    needs: ClassVar[tuple[str, ...]] = ("email", "phone", "madid")
    minimum: ClassVar[int] = 1_000
    max_bytes: ClassVar[int | None] = 1_000_000_000 - 1

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return exactly TikTok's columns."""
        return [
            hashed("Email_SHA256", "email", normalise.email),
            phone_field("Phone_SHA256", "phone", default_country=self.default_country, hashed=True),
            hashed("MAID_SHA256", "madid", normalise.ad_id),
        ]

    def refusal(self, filled: dict[str, Any]) -> str | None:
        """Refuse a contact that TikTok could not find."""
        return any_of(filled, self.needs, what="e-mail, phone or advertising id")
