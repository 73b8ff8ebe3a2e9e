"""Conditions in which the keys, values and fragments that docs/criteria.md names are tried on the webshop."""

from datetime import date
from typing import Any, Final

Where = dict[str, Any]

RETURN: Final = {"with": {"order_kind": "return"}}

_VISITS: Final = {
    "source": ["advert", "social", "!= direct", ["email", "referral"], "missing"],
    "utm_source": ["google", "!= google", "missing"],
    "utm_medium": ["referral", "missing"],
    "utm_campaign": ["brand", "campaign-6", "not missing"],
    "referrer": ["https://m.facebook.com/", "search.example.com", "missing"],
}
_OF_ORDERS: Final = {
    "category": ["fashion", ["toys", "books"], "!= fashion"],
    "product": ["P0004", ["P0001", "P0002"]],
    "brand": ["brand-22", "!= brand-22"],
    "channel": ["shop", ["web", "app"], "!= shop"],
    "order_value": [">= 150", "between 20 and 30.5", "< 0"],
    **_VISITS,
}
_OF_EVENTS: Final = {
    "kind": ["visit", ["cart_add", "cart_abandon"], "!= email_open"],
    "product": ["P0004", "missing"],
    "category": ["fashion", "missing"],
    "brand": ["brand-22"],
    "value": [">= 80", "missing", "< 20"],
    **_VISITS,
}


def _filters(kind: str, tests: dict[str, list[Any]]) -> dict[tuple[str, str], list[Where]]:
    found: dict[tuple[str, str], list[Where]] = {}
    for key, wanted in tests.items():
        found[kind, key] = [{kind: {key: w}} for w in wanted]
        found[kind, key].append({kind: {key: wanted[0], "within_days": 180}})
        if kind in ("orders", "events"):
            found[kind, key].append({kind: {key: wanted[0], "count": ">= 2"}})
        if kind != "events":
            found[kind, key].append({kind: {key: wanted[0], **RETURN}})
        if kind == "orders":
            found[kind, key].append({kind: {key: wanted[0], "spend": ">= 100"}})
    return found


def _measures(kind: str, tests: dict[str, list[Any]]) -> dict[tuple[str, str], list[Where]]:
    return {
        (kind, key): [{kind: {key: w}} for w in wanted] + [{kind: {key: wanted[0], "within_days": 90}}]
        for key, wanted in tests.items()
    }


KEYS: Final[dict[tuple[str, str], list[Where]]] = {
    **_filters("orders", _OF_ORDERS),
    **_measures(
        "orders",
        {
            "count": [0, ">= 3", [1, 2], "!= 1"],
            "spend": [">= 200", "< 0", 0],
            "mean_order_value": [">= 60", "missing"],
            "largest_order": ["> 150", "missing"],
            "products": [">= 3", 0],
            "categories": ["between 2 and 3", 1],
            "first_days_ago": ["<= 60", "missing"],
            "last_days_ago": ["> 30", "missing"],
        },
    ),
    ("orders", ""): [
        {"orders": {"from": date(2025, 3, 1), "to": date(2025, 5, 31)}},
        {"orders": {"to": date(2023, 6, 30)}},
        {"orders": {"from": "2026-01-01"}},
        *({"orders": RETURN | more} for more in (
            {}, {"count": 0}, {"count": ">= 2"}, {"spend": "<= -50"}, {"spend": 0}, {"order_value": "<= -50"},
            {"within_days": 30}, {"from": date(2025, 1, 1)}, {"last_days_ago": "<= 90"}, {"first_days_ago": "missing"},
            {"products": ">= 2"}, {"categories": ">= 2"}, {"category": "fashion", "count": ">= 2"},
            {"category": "fashion", "spend": "< -20"}, {"channel": "shop", "spend": "< -20", "count": 1},
        )),
        *({"orders": {"with": {"order_kind": kind}, "count": ">= 3", "within_days": 365}} for kind in (
            "order", "return", "refund", "!= return", "!= order", ["order", "return"], "missing", "not missing",
        )),
        {"orders": {"with": {"order_kind": "order"}, "spend": ">= 200"}},
        {"orders": {"with": {"discount": "> 5"}, "count": ">= 2"}},
        {"orders": {"with": {"quantity": ">= 3"}}},
    ],
    **_filters("first_order", _OF_ORDERS),
    **_filters("last_order", _OF_ORDERS),
    **{(edge, "days_ago"): [{edge: {"days_ago": "<= 90"}}, {edge: RETURN | {"days_ago": "> 90"}}]
       for edge in ("first_order", "last_order")},
    ("first_order", ""): [{"first_order": {"from": date(2025, 1, 1)}}, {"first_order": RETURN}],
    ("last_order", ""): [
        {"last_order": {"within_days": 60}},
        {"last_order": RETURN},
        {"last_order": {"with": {"order_kind": ["order", "return"]}, "order_value": "< 0"}},
        {"last_order": RETURN | {"category": "fashion", "within_days": 90}},
    ],
    **_filters("events", _OF_EVENTS),
    **_measures(
        "events",
        {
            "count": [0, ">= 5"],
            "total_value": [">= 100", 0],
            "first_days_ago": ["<= 60", "missing"],
            "last_days_ago": ["> 30", "missing"],
        },
    ),
    ("events", ""): [{"events": {"from": date(2025, 6, 1)}}, {"not": {"events": {"within_days": 30}}}],
    ("campaigns", "campaign"): [{"campaigns": {"campaign": c}} for c in ("campaign-6", "!= campaign-6")],
    ("campaigns", "group"): [{"campaigns": {"group": g}} for g in ("control", "treatment", ["control", "treatment"])],
    **_measures(
        "campaigns",
        {"count": [0, ">= 2"], "first_days_ago": ["> 400", "missing"], "last_days_ago": ["<= 200", "missing"]},
    ),
    ("campaigns", ""): [{"campaigns": {"within_days": 365}}, {"campaigns": {"with": {"cost": "> 0"}}}],
    ("measure", ""): [
        {"measure": "spend", "is": ">= 200"},
        {"measure": "orders", "is": [1, 2]},
        {"measure": "recency_days", "is": "missing"},
        {"measure": "last_order_on", "is": "< 2025-01-01"},
        {"measure": "clicks_180d", "is": 0},
        {"measure": "visits_90d", "is": ">= 2"},
        {"measure": "engagement_score", "is": "< 1"},
    ],
    ("segment", ""): [
        {"segment": "Champions"},
        {"segment": "!= Lost"},
        {"segment": ["Devoted, active", "Prospect"], "strategy": "thresholds"},
    ],
    ("score", ""): [
        *({"score": score, "is": "<= 2"} for score in "RFM"),
        {"score": "R", "is": "missing"},
        {"score": "cell", "is": ["555", "554"]},
        {"score": "M", "is": 3, "strategy": "thresholds"},
    ],
    ("tag", ""): [{"tag": "student"}, {"tag": ["press", "app-user"]}, {"not": {"tag": "newsletter"}}],
    ("contact", ""): [
        {"contact": "source", "is": "referral"},
        {"contact": "birth_date", "is": ">= 1990-01-01"},
        {"contact": "suppressed", "is": True},
        *({"contact": "points", "is": w} for w in (">= 7", "< 10", ">= 2025-01-01", "many", "missing")),
    ],
    # Keys inside that every condition on a column has.
    ("measure", "is"): [{"measure": "recency_days", "is": "<= 30"}],
    ("segment", "strategy"): [{"segment": "Champions", "strategy": "quantiles"}],
    ("score", "is"): [{"score": "F", "is": 5}],
    ("score", "strategy"): [{"score": "R", "is": 1, "strategy": "thresholds"}],
    ("contact", "is"): [{"contact": "consent_email", "is": False}],
}  # fmt: skip
"""By condition and key of the table of conditions; "" for what the condition has beside them."""

CHANNELS: Final[dict[tuple[str, str], list[Where]]] = {
    ("measure", "channel"): [
        {"measure": "spend", "is": ">= 100", "channel": "shop"},
        {"measure": "recency_days", "is": "<= 90", "channel": "web"},
        {"measure": "orders", "is": "missing", "channel": "app"},
    ],
    ("segment", "channel"): [{"segment": "Devoted, active", "channel": "web"}, {"segment": "Devoted, active"}],
    ("score", "channel"): [{"score": "R", "is": 3, "channel": "app"}, {"score": "F", "is": ">= 2"}],
}
"""By condition and key, for a study of customers by channel."""

VALUES: Final[dict[str, list[Where]]] = {
    "web": [{"orders": {"channel": "web"}}, {"orders": {"channel": "Web"}}],
    "3": [{"orders": {"count": 3}}],
    "true": [{"contact": "consent_email", "is": True}],
    "2025-01-31": [{"measure": "last_order_on", "is": date(2025, 1, 31)}],
    "[web, app]": [{"orders": {"channel": ["web", "app"]}}],
    '">= 3"': [{"orders": {"count": ">= 3"}}],
    '"> 3"': [{"orders": {"count": "> 3"}}],
    '"<= 3"': [{"orders": {"count": "<= 3"}}],
    '"< 3"': [{"orders": {"count": "< 3"}}],
    '"= 3"': [{"orders": {"count": "= 3"}}],
    '"!= 3"': [{"orders": {"count": "!= 3"}}],
    '"between 3 and 5"': [{"orders": {"count": "between 3 and 5"}}],
    '"missing"': [{"contact": "country", "is": "missing"}, {"events": {"value": "missing"}}],
    '"not missing"': [{"contact": "country", "is": "not missing"}, {"events": {"value": "not missing"}}],
}
"""By what the table of values shows."""

FRAGMENTS: Final[dict[str, list[Where]]] = {
    "within_days: 30": [{kind: {"within_days": 30}} for kind in ("orders", "events", "last_order")],
    "order_kind: [order, return]": [{"orders": {"with": {"order_kind": ["order", "return"]}, "count": 4}}],
    "order_kind: order": [{"orders": {"with": {"order_kind": "order"}, "spend": "between 50 and 100"}}],
}
"""Parts of conditions in the text, and conditions that have them."""

NO_CRITERIA: Final = {
    "with: {column: value}": "a pattern",
    "by: channel": "of the params",
    "returns: keep": "a policy",
    "returns: drop": "a policy",
}
"""Parts of other things in the text, and what they are of."""

REFUSED: Final[list[Where]] = [{"all": [{"orders": {"count": "many"}}]}, {"segment": "Champion"}]
"""What the page shows to be refused."""
