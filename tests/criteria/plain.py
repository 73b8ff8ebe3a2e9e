"""Criteria in plain Python: every rule of docs/criteria.md once more, row by row, with no engine and no parser."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

OPERATORS = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
}
ORDER_FILTERS = {
    "category": "category",
    "product": "product_id",
    "brand": "brand",
    "channel": "channel",
    "source": "source",
    "utm_source": "utm_source",
    "order_value": "order_value",
}
EVENT_FILTERS = {
    "kind": "kind",
    "source": "source",
    "product": "product_id",
    "category": "category",
    "brand": "brand",
    "value": "value",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
    "referrer": "referrer",
}
CAMPAIGN_FILTERS = {"campaign": "campaign_id", "group": "group"}


class Shop:
    """All rows of all tables, and one customer to ask about."""

    def __init__(self, tables: dict[str, list[Row]], as_of: date) -> None:
        self.as_of = as_of
        self.tables = {name: [r for r in rows if "day" not in r or r["day"] <= as_of] for name, rows in tables.items()}
        worth = {o["order_id"]: o["amount"] for o in tables["orders"]}
        for row in self.tables["orders"] + self.tables["lines"]:
            row["order_value"] = worth.get(row["order_id"])
        catalogue = {p["product_id"]: p for p in tables["products"]}
        for row in self.tables["lines"] + self.tables["events"]:
            known = catalogue.get(row["product_id"], {})
            row |= {c: known.get(c) for c in ("brand", "category", "margin") if c not in row}
        for row in self.tables["orders"] + self.tables["lines"] + self.tables["events"]:
            row["source"] = source(row)
        for event in self.tables["events"]:
            event["value"] = number(event.get("value"))  # a number's text; anything else says nothing

    def everybody(self) -> set[Any]:
        ordered = {r["customer_id"] for r in self.tables["orders"] if r["order_kind"] == "order"}
        return ordered | {r["customer_id"] for n in ("events", "campaigns", "contacts") for r in self.tables[n]}

    def rows(self, table: str, customer: Any) -> list[Row]:
        return [r for r in self.tables[table] if r["customer_id"] == customer]

    def holds(self, given: Row, customer: Any) -> bool:
        if "all" in given:
            return all(self.holds(part, customer) for part in given["all"])
        if "any" in given:
            return any(self.holds(part, customer) for part in given["any"])
        if "not" in given:
            return not self.holds(given["not"], customer)
        for kind in ("orders", "events", "campaigns"):
            if kind in given:
                return self.facts(kind, given[kind], customer)
        for edge in ("first_order", "last_order"):
            if edge in given:
                return self.edge(edge, given[edge], customer)
        if "tag" in given:
            wanted = given["tag"] if isinstance(given["tag"], list) else [given["tag"]]
            texts = [r["tags"] or "" for r in self.rows("contacts", customer)]
            return any(t.strip(" \t") in wanted for text in texts for t in re.split("[;,|]", text))
        return self.column(given, customer)

    def column(self, given: Row, customer: Any) -> bool:
        if "measure" in given:
            table, column, wanted = "customers", given["measure"], given["is"]
        elif "contact" in given:
            table, column, wanted = "contacts", given["contact"], given["is"]
        elif "segment" in given:
            table, column, wanted = "labels", "segment", given["segment"]
        else:
            table, column, wanted = "labels", given["score"], given["is"]
        values = [r[column] for r in self.rows(table, customer)]
        if wanted == "missing":
            return all(v is None for v in values)
        return any(passes(v, wanted) for v in values)

    def chosen(self, kind: str, given: Row, customer: Any, filters: Row) -> list[Row]:
        named = {*given, *given.get("with", {})}
        by_line = kind == "orders" and named & {"category", "product", "products", "categories", "brand", "margin"}
        rows = self.rows("lines" if by_line else kind, customer)
        for key, column in filters.items():
            if key in given:
                rows = [r for r in rows if passes(r.get(column), given[key])]
        for column, wanted in given.get("with", {}).items():
            rows = [r for r in rows if passes(r.get(column), wanted)]
        if "within_days" in given:
            rows = [r for r in rows if r["day"] > self.as_of - timedelta(days=given["within_days"])]
        if "from" in given:
            rows = [r for r in rows if str(r["day"]) >= str(given["from"])]
        if "to" in given:
            rows = [r for r in rows if str(r["day"]) <= str(given["to"])]
        return rows

    def facts(self, kind: str, given: Row, customer: Any) -> bool:
        filters = {"orders": ORDER_FILTERS, "events": EVENT_FILTERS, "campaigns": CAMPAIGN_FILTERS}[kind]
        rows = self.chosen(kind, given, customer, filters)
        if kind == "campaigns" and "group" not in given:
            rows = [r for r in rows if r["group"] != "control"]
        kinds = asked_kinds(given)
        kept = [r for r in rows if kind != "orders" or r["order_kind"] in kinds]
        ages = [(self.as_of - r["day"]).days for r in kept]
        found = {
            "count": len({r["order_id"] for r in kept}) if kind == "orders" else len(kept),
            "spend": sum(r["amount"] for r in rows) if kind == "orders" else 0,
            "mean_order_value": sum(r["amount"] for r in kept) / len(kept) if kind == "orders" and kept else None,
            "largest_order": max((r["amount"] for r in kept), default=None) if kind == "orders" else None,
            "products": len({r.get("product_id") for r in kept} - {None}),
            "categories": len({r.get("category") for r in kept} - {None}),
            "total_value": sum(number(r.get("value")) or 0 for r in rows),
            "first_days_ago": max(ages, default=None),
            "last_days_ago": min(ages, default=None),
        }
        asked = {m: given[m] for m in found if m in given} or {"count": ">= 1"}
        return all(passes(found[m], wanted) for m, wanted in asked.items())

    def edge(self, edge: str, given: Row, customer: Any) -> bool:
        kinds = asked_kinds(given)
        days = [r["day"] for r in self.rows("orders", customer) if r["order_kind"] in kinds]
        if not days:
            return False
        day = min(days) if edge == "first_order" else max(days)
        rows = self.chosen("orders", given, customer, ORDER_FILTERS)
        rows = [r for r in rows if r["day"] == day and r["order_kind"] in kinds]
        return bool(rows) and ("days_ago" not in given or passes((self.as_of - day).days, given["days_ago"]))


def asked_kinds(given: Row) -> set[str]:
    """Return what counts as an order: without a kind asked for what is one, else the kinds asked for."""
    wanted = given.get("with", {}).get("order_kind", "order")
    return {kind for kind in ("order", "return") if passes(kind, wanted)}


def number(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool | date):
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}([.][0-9]{1,9})?", value):
        return None
    return Decimal(str(value))


def passes(value: Any, wanted: Any) -> bool:
    """Say whether a value passes; None passes nothing but "missing"."""
    if wanted in ("missing", "not missing") and not isinstance(wanted, list):
        return (value is None) == (wanted == "missing")
    if value is None:
        return False
    if isinstance(wanted, list):
        return any(compare(value, "=", w) for w in wanted)
    if isinstance(wanted, str):
        between = re.fullmatch("between (.+) and (.+)", wanted)
        if between:
            return compare(value, ">=", between[1]) and compare(value, "<=", between[2])
        sign = re.match("(>=|<=|!=|>|<|=) *", wanted)
        if sign:
            return compare(value, sign[1], wanted[sign.end() :])
    return compare(value, "=", wanted)


def compare(value: Any, sign: str, wanted: Any) -> bool:
    operator = OPERATORS[sign]
    if isinstance(value, str) and sign not in ("=", "!=") and number(str(wanted)) is not None:
        found = number(value)
        return found is not None and operator(found, number(str(wanted)))
    if isinstance(value, bool):
        return operator(value, wanted in (True, "true"))
    if isinstance(value, str) and isinstance(wanted, bool):
        told = {"true": True, "yes": True, "false": False, "no": False}.get(value.lower())
        return told is not None and operator(told, wanted)
    if isinstance(value, date):
        return operator(str(value), str(wanted))
    if isinstance(value, str):
        return operator(value, str(wanted))
    return operator(Decimal(str(value)), number(wanted if isinstance(wanted, str) else str(wanted)))


SEARCH = {"google", "bing", "yahoo", "duckduckgo", "ecosia", "qwant", "yandex", "baidu", "startpage"}
SOCIAL = {
    "facebook", "instagram", "tiktok", "pinterest", "linkedin", "youtube", "reddit", "twitter", "x", "threads",
    "snapchat",
}  # fmt: skip
MAIL = {"email", "e-mail", "e_mail", "mail", "newsletter"}
PAID = {
    "cpc", "ppc", "cpm", "cpv", "cpa", "ads", "banner", "display", "interstitial", "paid", "remarketing",
    "retargeting", "sea", "shopping",
}  # fmt: skip


def source(event: Row) -> str:
    told = [(event.get(c) or "").strip().lower() for c in ("utm_source", "utm_medium", "utm_campaign", "referrer")]
    origin, medium, _, referrer = told
    host = re.sub("^[a-z+.-]+://", "", referrer)
    site = re.split("[/:?#]", host)[0].split(".")[:-1]
    if medium in MAIL or origin in MAIL:
        return "email"
    if medium in PAID or medium.startswith("paid"):
        return "advert"
    if medium in ("organic", "search") or (not medium and (origin in SEARCH or SEARCH & set(site))):
        return "search"
    if medium.startswith("social") or (not medium and (origin in SOCIAL or SOCIAL & set(site))):
        return "social"
    if medium in ("referral", "affiliate") or referrer:
        return "referral"
    return "utm" if any(told) else "direct"
