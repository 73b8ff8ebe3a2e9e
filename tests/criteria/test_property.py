"""The compiled answer and a plain Python evaluation agree, on random data and random criteria."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm_ml.criteria import membership, parse_criteria

_SPEC = spec_from_file_location("plain", Path(__file__).with_name("plain.py"))
assert _SPEC
assert _SPEC.loader
plain = module_from_spec(_SPEC)
_SPEC.loader.exec_module(plain)

AS_OF = date(2025, 6, 30)
MONEY = pa.decimal128(18, 4)
SCHEMAS = {
    "orders": {"customer_id": pa.int64(), "order_id": pa.int64(), "day": pa.date32(), "amount": MONEY}
    | {c: pa.string() for c in ("order_kind", "channel", "utm_source", "utm_medium", "referrer")},
    "lines": {"customer_id": pa.int64(), "order_id": pa.int64(), "day": pa.date32(), "amount": MONEY}
    | {c: pa.string() for c in ("order_kind", "channel", "utm_source", "utm_medium", "referrer")}
    | {"product_id": pa.int64(), "category": pa.string()},
    "events": {"customer_id": pa.int64(), "day": pa.timestamp("us"), "kind": pa.string(), "value": pa.string()}
    | {c: pa.string() for c in ("utm_source", "utm_medium", "utm_campaign", "referrer")}
    | {"product_id": pa.int64()},
    "campaigns": {"customer_id": pa.int64(), "campaign_id": pa.string(), "day": pa.timestamp("us")}
    | {"group": pa.string(), "cost": MONEY},
    "products": {"product_id": pa.int64(), "brand": pa.string(), "category": pa.string(), "margin": pa.float64()},
    "contacts": {"customer_id": pa.int64(), "country": pa.string(), "tags": pa.string(), "consent": pa.bool_()}
    | {"points": pa.string(), "told": pa.string(), "born": pa.date32()},
    "customers": {"customer_id": pa.int64(), "recency_days": pa.int64(), "spend": pa.float64()}
    | {"buying_rhythm": pa.string(), "first_order_on": pa.timestamp("us")},
    "labels": {"customer_id": pa.int64(), "segment": pa.string(), "R": pa.int64(), "cell": pa.string()},
}
DAYS = {"orders": "ordered_on", "lines": "ordered_on", "events": "event_at", "campaigns": "sent_at"}

customer = st.integers(1, 4)
day = st.integers(-2, 12).map(lambda n: AS_OF - timedelta(days=n))
amount = st.sampled_from([Decimal(n) / 4 for n in (-30, -1, 0, 1, 40, 41, 99)])
channel = st.sampled_from(["web", "shop", None])
maybe = st.one_of


def rows(**fields: Any) -> Any:
    return st.lists(st.fixed_dictionaries({"customer_id": customer, **fields}), max_size=7)


@st.composite
def shops(draw: Any) -> dict[str, list[dict[str, Any]]]:
    kinds = st.sampled_from(["order", "order", "return"])
    origin = {
        "utm_source": st.sampled_from(["google", "newsletter", None]),
        "utm_medium": st.sampled_from(["cpc", "organic", "", None]),
        "referrer": st.sampled_from(["https://www.google.de/?q=x", "blog.org", None]),
    }
    orders = draw(rows(day=day, amount=amount, order_kind=kinds, channel=channel, **origin))
    for number, order in enumerate(orders):
        order["order_id"] = number
    facts = st.fixed_dictionaries(
        {"product_id": st.sampled_from([1, 2, None]), "category": st.sampled_from(["Hats", "Shoes", None])}
    )
    lines = [o | {"amount": draw(amount)} | f for o in orders for f in draw(st.lists(facts, min_size=1, max_size=2))]
    events = rows(
        day=day,
        kind=st.sampled_from(["visit", "email_click", "cart_abandon"]),
        value=st.sampled_from(["10", "10.50", "-3", "much", "", None]),
        utm_source=st.sampled_from(["google", "newsletter", "partner", None]),
        utm_medium=st.sampled_from(["cpc", "organic", "Paid-social", "email", "social", "referral", "x", "", None]),
        utm_campaign=st.sampled_from(["brand", None]),
        referrer=st.sampled_from(
            ["https://www.google.de/?q=x", "bing.com", "https://t.x.com/1", "https://netflix.com/x", "blog.org", None]
        ),
        product_id=st.sampled_from([1, None]),
    )
    contacts = st.fixed_dictionaries(
        {
            "country": st.sampled_from(["DE", "FR", None]),
            "tags": st.sampled_from(["press", "app-user;press", " press , student|x", "pressed", "", None]),
            "consent": st.sampled_from([True, False, None]),
            "points": st.sampled_from(["5", "12.5", "-1", "many", None]),
            "told": st.sampled_from(["yes", "False", "perhaps", None]),
            "born": st.sampled_from([date(1990, 1, 1), date(2000, 2, 29), None]),
        }
    )
    measures = st.fixed_dictionaries(
        {
            "recency_days": st.sampled_from([0, 5, 12]),
            "spend": st.sampled_from([0.0, 10.25, 99.5, None]),
            "buying_rhythm": st.sampled_from(["regular", "cyclic", None]),
            "first_order_on": day,
        }
    )
    labels = st.fixed_dictionaries(
        {
            "segment": st.sampled_from(["Champions", "Lost"]),
            "R": st.sampled_from([1, 5, None]),
            "cell": st.sampled_from(["555", "111"]),
        }
    )
    keyed = {
        name: [{"customer_id": i, **row} for i, row in draw(st.dictionaries(customer, one, max_size=4)).items()]
        for name, one in {"contacts": contacts, "customers": measures, "labels": labels}.items()
    }
    about = {"brand": ["Acme", "Best", None], "category": ["Hats", "Coats", None], "margin": [0.25, 0.5, None]}
    product = st.fixed_dictionaries({c: st.sampled_from(values) for c, values in about.items()})
    products = draw(st.dictionaries(st.sampled_from([1, 2]), product))
    groups = st.sampled_from(["treatment", "control", None])
    sent = rows(day=day, campaign_id=st.sampled_from(["c1", "c2"]), group=groups, cost=amount)
    return {"orders": orders, "lines": lines, "events": draw(events), "campaigns": draw(sent), **keyed} | {
        "products": [{"product_id": i, **row} for i, row in products.items()]
    }


def compared(*values: str) -> Any:
    """Return tests that order: comparisons, ends of a range, a value, missing or not."""
    value = st.sampled_from(values)
    sign = st.sampled_from([">=", "<=", ">", "<", "=", "!="])
    ordered = st.tuples(value, value).map(lambda v: sorted(v, key=lambda x: x if len(x) == 10 else float(x)))
    return maybe(
        st.tuples(sign, value).map(" ".join),
        ordered.map(lambda v: f"between {v[0]} and {v[1]}"),
        st.sampled_from(["missing", "not missing"]),
    )


def chosen(*values: Any) -> Any:
    """Return tests of equality: a value, some of them, not this one, missing or not."""
    value = st.sampled_from(values)
    texts = [f"!= {v}" for v in values if isinstance(v, str)]
    return maybe(
        value,
        st.lists(value, min_size=1, max_size=2),
        st.sampled_from(["missing", "not missing", *texts]),
    )


numbers = maybe(compared("0", "1", "2", "3.5", "10"), st.sampled_from([0, 1, 2, 10.25, [1, 2]]))
money = maybe(compared("0", "10.25", "-1", "50"), st.sampled_from([0, 10.25, 24.75]))
counts = maybe(
    compared("0", "1", "2", "10").filter(lambda g: g != "< 0"), st.sampled_from([0, 1, 2, [1, 2], "> 1.5", "!= 3.5"])
)
period = maybe(
    st.just({}),
    st.integers(1, 10).map(lambda n: {"within_days": n}),
    day.map(lambda d: {"from": d}),
    day.map(lambda d: {"to": str(d)}),
    st.tuples(day, day).map(lambda d: {"from": min(d), "to": max(d)}),
)


def facts(**keys: Any) -> Any:
    some = st.fixed_dictionaries({}, optional=keys)
    return st.tuples(some, period).map(lambda p: p[0] | p[1]).filter(bool)


ages = {"first_days_ago": counts, "last_days_ago": counts}
order_filters = {
    "category": chosen("Hats", "Shoes"),
    "product": chosen(1, 2),
    "brand": chosen("Acme", "Best"),
    "channel": chosen("web", "shop"),
    "source": chosen("email", "advert", "search", "referral", "direct"),
    "utm_source": chosen("google"),
    "order_value": money,
    "with": maybe(
        st.fixed_dictionaries({"margin": compared("0.25", "0.4")}),
        st.fixed_dictionaries({"order_kind": chosen("order", "return")}),
    ),
}
by_day = {"channel": order_filters["channel"], "order_value": money}
leaf = maybe(
    facts(count=counts, spend=money, products=counts, categories=counts, **ages, **order_filters).map(
        lambda g: {"orders": g}
    ),
    facts(count=counts, mean_order_value=money, largest_order=money, **by_day).map(lambda g: {"orders": g}),
    facts(days_ago=counts, **order_filters).map(lambda g: {"first_order": g}),
    facts(days_ago=counts, **order_filters).map(lambda g: {"last_order": g}),
    facts(
        count=counts,
        total_value=money,
        kind=chosen("visit", "email_click"),
        source=chosen("email", "advert", "search", "social", "referral", "utm", "direct"),
        product=chosen(1),
        category=chosen("Hats", "Coats"),
        brand=chosen("Acme"),
        value=money,
        utm_source=chosen("google"),
        utm_medium=chosen("cpc", "email"),
        utm_campaign=chosen("brand"),
        referrer=chosen("blog.org"),
        **ages,
    ).map(lambda g: {"events": g}),
    facts(
        count=counts,
        campaign=chosen("c1", "c2"),
        group=chosen("treatment", "control"),
        **{"with": st.fixed_dictionaries({"cost": money})},
        **ages,
    ).map(lambda g: {"campaigns": g}),
    counts.map(lambda g: {"measure": "recency_days", "is": g}),
    maybe(numbers, money).map(lambda g: {"measure": "spend", "is": g}),
    chosen("regular", "cyclic").map(lambda g: {"measure": "buying_rhythm", "is": g}),
    maybe(day, compared("2025-06-20", "2025-06-28")).map(lambda g: {"measure": "first_order_on", "is": g}),
    chosen("DE", "FR").map(lambda g: {"contact": "country", "is": g}),
    chosen(True, False).map(lambda g: {"contact": "consent", "is": g}),
    chosen(True, False).map(lambda g: {"contact": "told", "is": g}),
    compared("5", "12.5", "0")
    .filter(lambda g: "=" not in g.replace(">=", "").replace("<=", ""))
    .map(lambda g: {"contact": "points", "is": g}),
    compared("1990-01-01", "2000-02-29").map(lambda g: {"contact": "born", "is": g}),
    st.sampled_from(["press", "student", "x", ["app-user", "x"]]).map(lambda g: {"tag": g}),
    st.sampled_from(["Champions", ["Champions", "Lost"], "!= Lost"]).map(lambda g: {"segment": g}),
    numbers.map(lambda g: {"score": "R", "is": g}),
    chosen("555", "111").map(lambda g: {"score": "cell", "is": g}),
)
criteria = st.recursive(
    leaf,
    lambda inner: maybe(
        st.lists(inner, min_size=1, max_size=3).map(lambda p: {"all": p}),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: {"any": p}),
        inner.map(lambda p: {"not": p}),
    ),
    max_leaves=8,
)


@st.composite
def towers(draw: Any) -> dict[str, Any]:
    """Criteria of up to a hundred levels, in which no two levels can be made one."""
    tower = draw(leaf)
    parts = draw(st.lists(leaf, min_size=4, max_size=4))
    words = draw(st.lists(st.sampled_from(["all", "any", "not"]), min_size=2, max_size=5))
    for number in range(draw(st.integers(60, 77))):
        word = words[number % len(words)]
        tower = {"not": tower} if word == "not" else {word: [parts[number % 4], tower]}
        tower = {"any": [{"all": [tower, parts[number % 3]]}, parts[number % 2]]} if number % 7 == 0 else tower
    return tower


def tables_of(shop: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    tables = {}
    for name, schema in SCHEMAS.items():
        instants = [c for c, kind in schema.items() if kind == pa.timestamp("us")]
        afternoon = [r | {c: datetime.combine(r[c], time(13, 30)) for c in instants} for r in shop[name]]
        table = pa.Table.from_pylist(afternoon, schema=pa.schema(schema))
        tables[name] = ibis.memtable(table.rename_columns([DAYS.get(name, c) if c == "day" else c for c in schema]))
    return tables


def check(shop: dict[str, list[dict[str, Any]]], asked: list[dict[str, Any]]) -> None:
    tables = tables_of(shop)
    parsed = {f"s{i}": parse_criteria(g) for i, g in enumerate(asked)}
    customers, labels = tables.pop("customers"), {"quantiles": tables.pop("labels")}
    found = membership(parsed, tables, as_of=AS_OF, customers=customers, labels=labels).to_pyarrow().to_pylist()
    judge = plain.Shop({name: [dict(r) for r in rows] for name, rows in shop.items()}, AS_OF)
    held = [[judge.holds(g, row["customer_id"]) for g in asked] for row in found]
    assert {row["customer_id"] for row in found} == judge.everybody()
    assert len(found) == len(judge.everybody())
    assert [[row[name] for name in parsed] for row in found] == held


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(shop=shops(), asked=st.lists(criteria, min_size=5, max_size=5))
def test_compiled_is_plain(shop: dict[str, list[dict[str, Any]]], asked: list[dict[str, Any]]) -> None:
    check(shop, asked)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(shop=shops(), asked=towers(), beside=criteria)
def test_compiled_is_plain_down_to_the_last_level(
    shop: dict[str, list[dict[str, Any]]], asked: dict[str, Any], beside: dict[str, Any]
) -> None:
    check(shop, [asked, beside])
