"""An oracle for criteria: docs/criteria.md once more in pandas and plain Python, row by row, from the raw files.

It shares no code with the package and knows only what the page says. What it has no answer for is a KeyError.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pandas as pd

Row = dict[str, Any]
OF_PRODUCTS = ("category", "brand", "margin")
COLUMNS = {
    **{c: c for c in ("category", "brand", "channel", "source", "kind", "group", "order_value", "value", "referrer")},
    **{c: c for c in ("utm_source", "utm_medium", "utm_campaign")},
    "product": "product_id",
    "campaign": "campaign_id",
}
POINTS = {"email_open": 1, "email_click": 3, "visit": 3, "cart_add": 5, "cart_abandon": 5}
SEARCH, SOCIAL = ("google", "bing"), ("facebook", "instagram")


class Oracle:
    """What the page says of one day.

    Parameters
    ----------
    raw
        `orders` (the lines of a log as the shop wrote them), `events`, `campaigns`, `contacts`, `products`.
    as_of
        The last day that counts.
    labels
        Segments and scores by strategy, the first one first: another stage's work, taken as they are.
    """

    def __init__(self, raw: Mapping[str, pd.DataFrame], *, as_of: date, labels: Mapping[str, pd.DataFrame]) -> None:
        self.as_of = as_of
        products = {row["product_id"]: row for row in rows(raw["products"])}
        lines = raw["orders"][raw["orders"]["customer_id"].notna()].drop_duplicates()
        self.lines = [dated(row, "ordered_at") for row in rows(lines)]
        worth: dict[Any, Decimal] = {}
        for line in self.lines:
            worth[line["order_id"]] = worth.get(line["order_id"], Decimal(0)) + line["amount"]
        for line in self.lines:
            line["order_value"] = worth[line["order_id"]]
            line["order_kind"] = "return" if line["order_value"] < 0 else "order"
            line["source"] = visit_source(line)
            line |= {c: products[line["product_id"]][c] for c in OF_PRODUCTS if c not in line}
        # What sums to nothing is no order, as docs/glossary.md says.
        self.lines = [line for line in self.lines if line["day"] <= as_of and line["order_value"] != 0]
        # The first line of an order says what there is to say of the whole; money is summed.
        firsts = {line["order_id"]: line for line in reversed(self.lines)}
        off: dict[Any, Decimal] = {}
        for line in self.lines:
            off[line["order_id"]] = off.get(line["order_id"], Decimal(0)) + line["discount"]
        sums = {number: {"amount": worth[number], "discount": off[number]} for number in firsts}
        self.orders = [line | sums[number] for number, line in firsts.items()]
        self.events = [dated(row, "event_at") for row in rows(raw["events"])]
        for event in self.events:
            event["source"] = visit_source(event)
            event |= {c: products.get(event["product_id"], {}).get(c) for c in OF_PRODUCTS}
        self.events = [event for event in self.events if event["day"] <= as_of]
        self.campaigns = [dated(row, "sent_at") for row in rows(raw["campaigns"])]
        self.campaigns = [sent for sent in self.campaigns if sent["day"] <= as_of]
        self.contacts = by_customer(rows(raw["contacts"]))
        self.labels = {name: by_customer(rows(table)) for name, table in labels.items()}
        self.bought = by_customer([order for order in self.orders if order["order_kind"] == "order"])
        self.seen = by_customer(self.events)
        self.paid = by_customer(self.orders)
        self.known = {*self.bought, *self.seen, *by_customer(self.campaigns), *self.contacts}

    def members(self, where: Row) -> set[str]:
        """Return who fulfils a condition."""
        ((kind, asked),) = [(k, v) for k, v in where.items() if k not in ("is", "strategy", "channel")]
        if kind == "all":
            return set.intersection(*map(self.members, asked))
        if kind == "any":
            return set.union(*map(self.members, asked))
        if kind == "not":
            return self.known - self.members(asked)
        if kind in ("orders", "events", "campaigns"):
            return self.facts(kind, asked)
        if kind in ("first_order", "last_order"):
            return self.edge(min if kind == "first_order" else max, asked)
        if kind == "tag":
            wanted = asked if isinstance(asked, list) else [asked]
            return {who for who in self.contacts if tags(self.contacts[who]) & set(wanted)}
        values = {"measure": self.measure, "contact": self.contact, "segment": self.label, "score": self.label}[kind]
        wanted = asked if kind == "segment" else where["is"]
        column = "segment" if kind == "segment" else asked
        return {who for who in self.known if any(passes(v, wanted) for v in values(who, column, where) or [None])}

    def chosen(self, kind: str, asked: Row) -> dict[str, list[Row]]:
        """Return the rows of each customer that pass the filters and lie in the days."""
        more = asked.get("with", {})
        by_line = {"category", "product", "brand", "products", "categories", "margin", "quantity"} & {*asked, *more}
        table = {"orders": self.lines if by_line else self.orders, "events": self.events, "campaigns": self.campaigns}
        filters = {COLUMNS[key]: wanted for key, wanted in asked.items() if key in COLUMNS}
        filters |= {column: wanted for column, wanted in more.items() if column != "order_kind"}
        first, last = as_day(asked.get("from", date.min)), as_day(asked.get("to", date.max))
        if "within_days" in asked:
            first = self.as_of - timedelta(days=asked["within_days"] - 1)
        held = [row for row in table[kind] if first <= row["day"] <= last]
        return by_customer([row for row in held if all(passes(row[c], wanted) for c, wanted in filters.items())])

    def facts(self, kind: str, asked: Row) -> set[str]:
        by_who = self.chosen(kind, asked)
        known = {"with", "from", "to", "within_days", *COLUMNS, *MEASURES}
        assert set(asked) <= known, f"There is no oracle for {set(asked) - known}."
        measures = {name: asked[name] for name in MEASURES if name in asked} or {"count": ">= 1"}
        found, of_kinds = set(), kinds(asked)
        for who in self.known:
            own = by_who.get(who, [])
            counted = own
            if kind == "orders":
                counted = [row for row in own if row["order_kind"] in of_kinds]
            elif kind == "campaigns" and "group" not in asked:
                counted = [row for row in own if row["group"] != "control"]
            # Spend is net, so it is of returns too, unless kinds are asked for.
            net = kind == "orders" and "order_kind" not in asked.get("with", {})
            of = {name: own if name == "spend" and net else counted for name in measures}
            if all(passes(MEASURES[name](of[name], self.as_of), wanted) for name, wanted in measures.items()):
                found.add(who)
        return found

    def edge(self, pick: Any, asked: Row) -> set[str]:
        by_who = self.chosen("orders", {key: wanted for key, wanted in asked.items() if key != "days_ago"})
        found, of_kinds = set(), kinds(asked)
        for who in by_who:
            days = [row["day"] for row in self.paid.get(who, []) if row["order_kind"] in of_kinds]
            there = [r for r in by_who[who] if days and r["day"] == pick(days) and r["order_kind"] in of_kinds]
            if any("days_ago" not in asked or passes((self.as_of - r["day"]).days, asked["days_ago"]) for r in there):
                found.add(who)
        return found & self.known

    def contact(self, who: str, column: str, _: Row) -> list[Any]:
        return [row[column] for row in self.contacts.get(who, [])]

    def label(self, who: str, column: str, where: Row) -> list[Any]:
        mine = self.labels[where.get("strategy", next(iter(self.labels)))].get(who, [])
        mine = [row for row in mine if "channel" not in where or row["channel"] == where["channel"]]
        return [row[column] for row in mine if column == "segment" or row["segment"] != "Prospect"]

    def measure(self, who: str, column: str, where: Row) -> list[Any]:
        """Return a column of the customers table, as docs/glossary.md describes it."""
        paid = [o for o in self.paid.get(who, []) if where.get("channel", o["channel"]) == o["channel"]]
        return [self.measured(who, column, paid)]

    def measured(self, who: str, column: str, paid: list[Row]) -> Any:
        days = [order["day"] for order in paid if order["order_kind"] == "order"]
        seen = [((self.as_of - event["day"]).days, event["kind"]) for event in self.seen.get(who, [])]
        if column == "clicks_180d":
            return sum(kind == "email_click" and age < 180 for age, kind in seen)
        if column == "visits_90d":
            return sum(kind == "visit" and age < 90 for age, kind in seen)
        if column == "engagement_score":
            return round(sum(POINTS[kind] * 2 ** (-age / 30) for age, kind in seen if age < 365), 6)
        if not days:
            return None
        if column == "spend":
            return sum(order["amount"] for order in paid)
        return {
            "recency_days": (self.as_of - max(days)).days,
            "orders": len(days),
            "first_order_on": min(days),
            "last_order_on": max(days),
        }[column]


MEASURES: dict[str, Any] = {
    "count": lambda own, _: (
        len({row["order_id"] for row in own if "order_id" in row}) + sum("order_id" not in row for row in own)
    ),
    "spend": lambda own, _: sum(row["amount"] for row in own),
    "total_value": lambda own, _: sum(row["value"] for row in own if not missing(row["value"])),
    "mean_order_value": lambda own, _: sum(row["amount"] for row in own) / len(own) if own else None,
    "largest_order": lambda own, _: max((row["amount"] for row in own), default=None),
    "products": lambda own, _: len({row["product_id"] for row in own}),
    "categories": lambda own, _: len({row["category"] for row in own}),
    "first_days_ago": lambda own, as_of: max(((as_of - row["day"]).days for row in own), default=None),
    "last_days_ago": lambda own, as_of: min(((as_of - row["day"]).days for row in own), default=None),
}


def kinds(asked: Row) -> set[str]:
    """Return what counts: orders, or the kinds that `order_kind` asks for in their place."""
    wanted = asked.get("with", {}).get("order_kind", "order")
    return {kind for kind in ("order", "return") if passes(kind, "return" if wanted == "refund" else wanted)}


def rows(table: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def dated(row: Row, instant: str) -> Row:
    return row | {"day": row[instant].date()}


def by_customer(found: list[Row]) -> dict[str, list[Row]]:
    mine: dict[str, list[Row]] = {}
    for row in found:
        mine.setdefault(row["customer_id"], []).append(row)
    return mine


def tags(contact: list[Row]) -> set[str]:
    text = contact[0]["tags"]
    return set() if missing(text) else {tag.strip() for tag in re.split("[;,|]", text)}


def missing(value: Any) -> bool:
    return (not isinstance(value, str | Decimal | date) and bool(pd.isna(value))) or value is pd.NaT


def passes(value: Any, wanted: Any) -> bool:
    """Say whether a value is as asked for: by the table of values of the page."""
    if isinstance(wanted, list):
        return any(passes(value, one) for one in wanted)
    if wanted in ("missing", "not missing"):
        return missing(value) == (wanted == "missing")
    sign, operand = read(str(wanted))
    if sign == "between":
        low, high = operand.split(" and ")
        return passes(value, f">= {low}") and passes(value, f"<= {high}")
    there = None if missing(value) else in_kind(value, operand, ordered=sign in (">=", "<=", ">", "<"))
    if there is None:
        return False
    value, other = there
    signs = {"": value == other, "=": value == other, "!=": value != other}
    if sign in signs:
        return signs[sign]
    return {">=": value >= other, "<=": value <= other, ">": value > other, "<": value < other}[sign]


@cache
def read(wanted: str) -> tuple[str, str]:
    """Return the sign and what stands behind it."""
    sign, operand = re.fullmatch("(between|>=|<=|!=|>|<|=|) ?(.*)", wanted).groups()  # type: ignore[union-attr]
    return sign, operand


def in_kind(value: Any, operand: str, *, ordered: bool) -> tuple[Any, Any] | None:
    """Return a value and what it is compared with as numbers, days, yes and no, or texts; None if it says nothing."""
    if isinstance(value, bool):
        return value, operand.lower() == "true"
    if isinstance(value, datetime | date):
        return as_day(value), date.fromisoformat(operand)
    if not isinstance(value, str):
        return Decimal(str(value)), Decimal(operand)
    if not ordered:
        return value, operand
    if re.fullmatch(r"-?\d+([.]\d+)?", operand):
        return (Decimal(value), Decimal(operand)) if re.fullmatch(r"-?\d+([.]\d+)?", value) else None
    return (value, operand) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None


def as_day(given: Any) -> date:
    if isinstance(given, datetime):
        return given.date()
    return given if isinstance(given, date) else date.fromisoformat(str(given))


def visit_source(row: Row) -> str:
    """Return where a visit came from: by the table of sources of the page, from its top down."""
    told = {c: row.get(c) for c in ("utm_source", "utm_medium", "utm_campaign", "referrer")}
    origin, medium, campaign, referrer = ("" if missing(text) else str(text).lower() for text in told.values())
    site = referrer.removeprefix("https://").split("/")[0].split(".")
    mail = ("email", "e-mail", "mail", "newsletter")
    paid = ("cpc", "ppc", "cpm", "cpv", "cpa", "ads", "banner", "display", "interstitial", "sea", "shopping")
    paid += ("remarketing", "retargeting")
    if medium in mail or origin in mail:
        return "email"
    if medium in paid or medium.startswith("paid"):
        return "advert"
    if medium in ("organic", "search") or (medium == "" and any(s == origin or s in site[:-1] for s in SEARCH)):
        return "search"
    if medium.startswith("social") or (medium == "" and any(s == origin or s in site[:-1] for s in SOCIAL)):
        return "social"
    if medium in ("referral", "affiliate") or referrer:
        return "referral"
    return "utm" if origin or medium or campaign else "direct"
