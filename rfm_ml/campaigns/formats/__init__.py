"""Destinations for lists, and the registry that params choose from."""

import inspect
from typing import Any, Final

from rfm_ml.campaigns.formats.base import Format
from rfm_ml.campaigns.formats.braze import Braze
from rfm_ml.campaigns.formats.fields import CONTACT_COLUMNS
from rfm_ml.campaigns.formats.generic import Csv, Excel, JsonLines, Parquet
from rfm_ml.campaigns.formats.google import Google
from rfm_ml.campaigns.formats.hubspot import HubSpot, HubSpotOptOuts
from rfm_ml.campaigns.formats.klaviyo import Klaviyo, KlaviyoSms, KlaviyoSuppression
from rfm_ml.campaigns.formats.linkedin import LinkedIn
from rfm_ml.campaigns.formats.mailchimp import Mailchimp
from rfm_ml.campaigns.formats.meta import Meta
from rfm_ml.campaigns.formats.outcome import ListFile, Written, read_rejects
from rfm_ml.campaigns.formats.phones import CallList, Sms
from rfm_ml.campaigns.formats.pinterest import Pinterest
from rfm_ml.campaigns.formats.tiktok import TikTok
from rfm_ml.campaigns.formats.web_feed import WebFeed
from rfm_ml.core.checks import require_known

FORMATS: Final[dict[str, type[Format]]] = {
    made.name: made
    for made in (
        Meta, Google, TikTok, Pinterest, LinkedIn, Klaviyo, KlaviyoSms, KlaviyoSuppression, Mailchimp, Braze,
        HubSpot, HubSpotOptOuts, Sms, CallList, WebFeed, Csv, Parquet, JsonLines, Excel,
    )
}  # fmt: skip
"""Every destination of this package by the name that params use."""


def make_format(name: str, **options: Any) -> Format:
    """Return a destination.

    Parameters
    ----------
    name
        A key of `FORMATS`.
    options
        The arguments of the class: `default_country`, `properties` and a few of its own.

    Raises
    ------
    ParamsError
        If the name or an option is not known; the message names the nearest one.

    Examples
    --------
    >>> make_format("tiktok", default_country="DE").minimum
    1000
    """
    require_known(name, FORMATS, what="A destination")
    arguments = inspect.signature(FORMATS[name]).parameters
    for option in options:
        require_known(option, arguments, what=f"An option of the destination {name!r}")
    return FORMATS[name](**options)


__all__ = ["CONTACT_COLUMNS", "FORMATS", "Format", "ListFile", "Written", "make_format", "read_rejects"]
