"""Lists of those who must not be written to, for HubSpot and for Klaviyo.

Source: HubSpot Knowledge Base, the page on importing an opt-out list; Klaviyo Help Center, the page on importing a
suppression list; both read 2025-2026.
"""

from collections.abc import Sequence

from rfm_ml.campaigns import normalise
from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.fields import Field, plain


class HubSpotOptOuts(Destination):
    """One column `Email` of those who opted out, whatever character their address starts with."""

    name = "hubspot_opt_outs"
    channel = "suppression"
    needs = ("email",)
    found_by = "e-mail"
    unique = "email"

    def fields(self, columns: Sequence[str]) -> list[Field]:
        """Return the one column."""
        return [plain("Email", "email", normalise.email, guarded=False)]


class KlaviyoSuppression(HubSpotOptOuts):
    """The same for Klaviyo, in parts of at most 50 MB."""

    name = "klaviyo_suppression"
    max_bytes = 50_000_000
    split = True
