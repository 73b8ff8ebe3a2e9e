"""Destinations for lists, and the registry that params choose from."""

import inspect
from typing import Any, Final

from rfm_ml.campaigns.destinations.base import Destination
from rfm_ml.campaigns.destinations.braze import Braze
from rfm_ml.campaigns.destinations.contacts import CONTACT_COLUMNS
from rfm_ml.campaigns.destinations.excel import Excel
from rfm_ml.campaigns.destinations.files import ListFile, WrittenList, read_rejects
from rfm_ml.campaigns.destinations.generic import Csv, JsonLines, Parquet
from rfm_ml.campaigns.destinations.google import Google
from rfm_ml.campaigns.destinations.hubspot import HubSpot, HubSpotOptOuts
from rfm_ml.campaigns.destinations.klaviyo import Klaviyo, KlaviyoSms, KlaviyoSuppression
from rfm_ml.campaigns.destinations.linkedin import LinkedIn
from rfm_ml.campaigns.destinations.mailchimp import Mailchimp
from rfm_ml.campaigns.destinations.meta import Meta
from rfm_ml.campaigns.destinations.phones import CallList, Sms
from rfm_ml.campaigns.destinations.pinterest import Pinterest
from rfm_ml.campaigns.destinations.tiktok import TikTok
from rfm_ml.campaigns.destinations.web_feed import WebFeed
from rfm_ml.core.checks import require_known

DESTINATIONS: Final[dict[str, type[Destination]]] = {
    made.name: made
    for made in (
        Meta, Google, TikTok, Pinterest, LinkedIn, Klaviyo, KlaviyoSms, KlaviyoSuppression, Mailchimp, Braze,
        HubSpot, HubSpotOptOuts, Sms, CallList, WebFeed, Csv, Parquet, JsonLines, Excel,
    )
}  # fmt: skip
"""Every destination of this package by the name that params use."""


def make_destination(name: str, **options: Any) -> Destination:
    """Return a destination.

    Parameters
    ----------
    name
        A key of `DESTINATIONS`.
    options
        The arguments of the class: `default_country`, `properties` and a few of its own.

    Raises
    ------
    ParamsError
        If the name or an option is not known; the message names the nearest one.

    Examples
    --------
    >>> make_destination("tiktok", default_country="DE").minimum
    1000
    """
    require_known(name, DESTINATIONS, what="A destination")
    arguments = inspect.signature(DESTINATIONS[name]).parameters
    for option in options:
        require_known(option, arguments, what=f"An option of the destination {name!r}")
    return DESTINATIONS[name](**options)


__all__ = [
    "CONTACT_COLUMNS",
    "DESTINATIONS",
    "Destination",
    "ListFile",
    "WrittenList",
    "make_destination",
    "read_rejects",
]
