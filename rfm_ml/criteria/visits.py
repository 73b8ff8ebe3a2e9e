"""Where a visit came from, told by its utm parameters and its referrer."""

from typing import Final

import ibis
import ibis.expr.types as ir

COLUMNS: Final = ("utm_source", "utm_medium", "utm_campaign", "referrer")
EMAIL: Final = ("email", "e-mail", "e_mail", "mail", "newsletter")
ADVERT: Final = (
    "cpc", "ppc", "cpm", "cpv", "cpa", "ads", "banner", "display", "interstitial", "paid", "remarketing",
    "retargeting", "sea", "shopping",
)  # fmt: skip
SEARCH: Final = "google|bing|yahoo|duckduckgo|ecosia|qwant|yandex|baidu|startpage"
SOCIAL: Final = "facebook|instagram|tiktok|pinterest|linkedin|youtube|reddit|twitter|x|threads|snapchat"
SOURCES: Final = ("email", "advert", "search", "social", "referral", "utm", "direct")
"""What a source can be."""


def visit_source(events: ir.Table) -> ir.StringValue:
    """Return the source of each event; the first rule that fits decides, small and capital letters alike.

    1. email: utm_medium or utm_source is one of `EMAIL`;
    2. advert: utm_medium is one of `ADVERT` or begins with "paid";
    3. search: utm_medium is organic or search, or, without one, utm_source or the referrer's site is a search engine;
    4. social: utm_medium begins with "social", or, without one, utm_source or the referrer's site is a social network;
    5. referral: utm_medium is referral or affiliate, or there is a referrer;
    6. utm: any utm parameter is there;
    7. direct: nothing is.

    Blank text is nothing. A column that is not there is missing in every row.

    Parameters
    ----------
    events
        With at least one of `COLUMNS`.

    Notes
    -----
    The order follows the default channel groups of web analytics (paid before organic), with e-mail first because
    newsletters are often tagged both ways.

    Examples
    --------
    >>> import pandas as pd
    >>> events = ibis.memtable(pd.DataFrame({"utm_medium": ["cpc"], "referrer": ["https://www.google.com/"]}))
    >>> visit_source(events).to_pyarrow().to_pylist()
    ['advert']
    """
    texts = {c: events[c].cast("string").strip().lower() for c in COLUMNS if c in events.columns}
    source, medium, campaign, referrer = (texts.get(c, ibis.null("string")).fill_null("") for c in COLUMNS)
    untold = medium == ""
    return ibis.cases(
        (medium.isin(EMAIL) | source.isin(EMAIL), "email"),
        (medium.isin(ADVERT) | medium.startswith("paid"), "advert"),
        (medium.isin(["organic", "search"]) | (untold & _known(source, referrer, sites=SEARCH)), "search"),
        (medium.startswith("social") | (untold & _known(source, referrer, sites=SOCIAL)), "social"),
        (medium.isin(["referral", "affiliate"]) | (referrer != ""), "referral"),
        ((source != "") | (medium != "") | (campaign != ""), "utm"),
        else_="direct",
    )


def _known(source: ir.StringValue, referrer: ir.StringValue, *, sites: str) -> ir.BooleanValue:
    """Say whether the source is a site, or the referrer is a page of it (google.com, www.google.co.uk)."""
    page = rf"^([a-z+.-]+://)?([a-z0-9-]+[.])*({sites})[.][a-z]"
    return source.re_search(rf"^({sites})$") | referrer.re_search(page)
