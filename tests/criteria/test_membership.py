"""Membership on frames small enough to answer by hand."""

from typing import Any

import ibis
import pandas as pd
import pytest
import yaml

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.criteria import count_members, membership, parse_criteria, unmatched_values, visit_source

AS_OF = "2025-06-30"


def frame(text: str, **dates: str) -> pd.DataFrame:
    lines = [line.split() for line in text.strip().splitlines()]
    found = pd.DataFrame(lines[1:], columns=lines[0]).replace("-", None)
    for column in ("ordered_on", "event_at", "sent_at", "born"):
        if column in found:
            found[column] = pd.to_datetime(found[column])
    numbers = {"amount", "order_id", "orders", "R"} & set(found.columns)
    return found.astype({n: float if n == "amount" else int for n in numbers})


ORDERS = frame("""
customer_id order_id ordered_on amount order_kind channel
ann 1 2025-06-30 20 order web
ann 2 2025-06-01 30 order web
ann 3 2025-05-31 50 order shop
bob 4 2025-01-31 200 order web
bob 5 2025-06-29 -150 return web
cat 6 2025-07-01 999 order web
dan 7 2025-06-20 -5 return web
""")
LINES = frame("""
customer_id order_id ordered_on amount order_kind product_id category
ann 1 2025-06-30 5 order p1 Shoes
ann 1 2025-06-30 15 order p2 Shoes
ann 2 2025-06-01 30 order p1 Hats
ann 3 2025-05-31 50 order p3 -
bob 4 2025-01-31 200 order p1 Shoes
bob 5 2025-06-29 -150 return p1 Shoes
""")
EVENTS = frame("""
customer_id event_at kind utm_medium value
ann 2025-06-30T23:59 visit cpc -
ann 2025-07-01T00:00 visit organic -
eve 2025-06-01T10:00 visit - -
eve 2025-06-10T10:00 cart_abandon - 120.50
""")
CAMPAIGNS = frame("""
customer_id campaign_id sent_at group
ann c1 2025-06-01 treatment
bob c1 2025-06-01 control
eve c2 2025-06-01 -
bob c3 2025-08-01 treatment
""")
CONTACTS = frame("""
customer_id country tags
ann DE press;app-user
bob - pressed
fay FR student|press
""")
CUSTOMERS = frame("""
customer_id orders buying_rhythm
ann 3 regular
bob 1 -
""")
PRODUCTS = frame("""
product_id brand margin category
p1 Acme 0.5 Shoes
p2 Best 0.2 Shoes
p2x Acme 0.2 Shoes
""")
LABELS = {
    "first": frame("""
customer_id segment R
ann Champions 5
bob Lost 1
"""),
    "second": frame("""
customer_id segment
ann Core
bob Gone
"""),
}
TABLES = {
    "orders": ORDERS,
    "lines": LINES,
    "events": EVENTS,
    "campaigns": CAMPAIGNS,
    "contacts": CONTACTS,
    "products": PRODUCTS,
}


def who(text: str, **changes: Any) -> str:
    """Return the first letters of the members."""
    tables = TABLES | changes
    found = membership(
        {"x": parse_criteria(yaml.safe_load(text))}, tables, as_of=AS_OF, customers=CUSTOMERS, labels=LABELS
    )
    return "".join(sorted(row["customer_id"][0] for row in found.to_pyarrow().to_pylist() if row["x"]))


EVERYBODY = "abef"  # cat orders after the day; dan only ever gave something back


@pytest.mark.parametrize(
    ("criteria", "members"),
    [
        ("{orders: {count: '>= 0'}}", EVERYBODY),
        ("{orders: {count: '>= 3'}}", "a"),
        ("{orders: {count: 2, within_days: 30}}", "a"),  # 1 June is the thirtieth day
        ("{orders: {count: 3, within_days: 31}}", "a"),
        ("{orders: {count: 0}}", "ef"),
        ("{orders: {spend: 50}}", "b"),  # less what came back
        ("{orders: {spend: '< 100'}}", "bef"),
        ("{orders: {spend: -150, within_days: 30}}", "b"),
        ("{orders: {channel: shop}}", "a"),
        ("{orders: {order_value: '>= 100'}}", "b"),
        ("{orders: {from: 2025-01-01, to: 2025-01-31}}", "b"),
        ("{orders: {from: 2025-07-01}}", ""),
        ("{orders: {last_days_ago: 0}}", "a"),
        ("{orders: {first_days_ago: '> 30'}}", "b"),
        ("{orders: {last_days_ago: missing}}", "ef"),
        ("{orders: {category: Shoes, count: 1}}", "ab"),  # two lines of one order are one order
        ("{orders: {category: Shoes, spend: '<= 20', within_days: 1}}", "abef"),
        ("{orders: {product: p1, order_value: '< 25'}}", "a"),
        ("{orders: {products: 3}}", "a"),
        ("{orders: {categories: 2}}", "a"),
        ("{orders: {category: missing}}", "a"),
        ("{orders: {with: {product_id: [p2, p3]}, count: 2}}", "a"),
        ("{orders: {with: {order_kind: return}, spend: '< 0'}}", "b"),
        ("{orders: {with: {order_kind: return}}}", "b"),  # dan gave back, but is nobody we know
        ("{orders: {with: {order_kind: refund}}}", "b"),  # another word for it
        ("{orders: {with: {order_kind: '!= order'}, count: 1}}", "b"),
        ("{orders: {with: {order_kind: return}, count: 0}}", "aef"),
        ("{orders: {with: {order_kind: return}, count: 2}}", ""),
        ("{orders: {with: {order_kind: [order, return]}, count: 2}}", "b"),
        ("{orders: {with: {order_kind: not missing}, count: 2}}", "b"),
        ("{orders: {with: {order_kind: missing}}}", ""),
        ("{orders: {with: {order_kind: order}, count: 1}}", "b"),
        ("{orders: {with: {order_kind: order}, spend: 200}}", "b"),  # before what came back
        ("{orders: {with: {order_kind: return}, within_days: 1}}", ""),
        ("{orders: {with: {order_kind: return}, within_days: 2}}", "b"),
        ("{orders: {with: {order_kind: return}, last_days_ago: 1}}", "b"),
        ("{orders: {with: {order_kind: return}, first_days_ago: missing}}", "aef"),
        ("{orders: {with: {order_kind: return}, order_value: '<= -100'}}", "b"),
        ("{orders: {order_value: '<= -100'}}", ""),
        ("{orders: {with: {order_kind: return}, category: Shoes}}", "b"),
        ("{orders: {with: {order_kind: return}, category: Hats}}", ""),
        ("{orders: {with: {order_kind: return}, brand: Acme, products: 1, categories: 1}}", "b"),
        ("{orders: {products: 1}}", "b"),
        ("{last_order: {with: {order_kind: return}}}", "b"),
        ("{last_order: {with: {order_kind: return}, days_ago: 1}}", "b"),
        ("{last_order: {days_ago: 1}}", ""),
        ("{last_order: {with: {order_kind: [order, return]}, days_ago: '<= 1'}}", "ab"),
        ("{first_order: {with: {order_kind: return}, category: Shoes, days_ago: 1}}", "b"),
        ("{first_order: {with: {order_kind: order}, days_ago: 150}}", "b"),
        ("{first_order: {with: {order_kind: missing}}}", ""),
        ("{orders: {brand: Best}}", "a"),
        ("{orders: {brand: Acme, count: 2}}", "a"),
        ("{orders: {brand: missing}}", "a"),  # p3 is in no catalogue
        ("{last_order: {with: {margin: '0.2'}}}", "a"),
        ("{orders: {mean_order_value: 33.333333333, count: 3}}", ""),
        ("{orders: {mean_order_value: '> 33.3'}}", "ab"),
        ("{orders: {mean_order_value: 25, within_days: 30}}", "a"),
        ("{orders: {mean_order_value: missing}}", "ef"),
        ("{orders: {largest_order: 50}}", "a"),
        ("{orders: {largest_order: '>= 100'}}", "b"),
        ("{orders: {largest_order: 30, within_days: 30}}", "a"),
        ("{first_order: {channel: shop}}", "a"),
        ("{first_order: {days_ago: '>= 31'}}", "b"),
        ("{last_order: {category: Shoes, within_days: 1}}", "a"),
        ("{not: {last_order: {days_ago: '<= 30'}}}", "bef"),
        ("{measure: orders, is: '!= 3'}", "b"),
        ("{measure: orders, is: missing}", "ef"),
        ("{segment: Champions}", "a"),
        ("{segment: [Core, Gone], strategy: second}", "ab"),
        ("{score: R, is: '< 5'}", "b"),
        ("{tag: press}", "af"),
        ("{contact: country, is: '!= DE'}", "f"),
        ("{not: {contact: country, is: DE}}", "bef"),
        ("{contact: country, is: missing}", "be"),
        ("{contact: country, is: not missing}", "af"),
        ("{events: {kind: visit}}", "ae"),
        ("{events: {source: advert}}", "a"),  # the visit of the next day does not count
        ("{events: {source: direct, kind: visit}}", "e"),
        ("{events: {value: '>= 100'}}", "e"),
        ("{events: {total_value: 120.5}}", "e"),
        ("{campaigns: {campaign: c1}}", "a"),  # bob was held out
        ("{campaigns: {campaign: c1, group: control}}", "b"),
        ("{campaigns: {count: '>= 1'}}", "ae"),
        ("{any: [{tag: student}, {all: [{segment: Lost}, {not: {orders: {within_days: 90}}}]}]}", "bf"),
    ],
)
def test_by_hand(criteria: str, members: str) -> None:
    assert who(criteria) == members


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ("{measure: order, is: 3}", "where.measure needs the column 'order' of the customers. Did you mean 'orders'"),
        ("{measure: orders, is: many}", "where.is must be a number .* as orders holds numbers. Got 'many'"),
        ("{contact: country, is: 49}", "where.is must be text, as country holds text: put it in quotes. Got 49"),
        ("{segment: Core, strategy: third}", "where.segment must be of a strategy of the study. Got 'third'"),
        (
            "{orders: {with: {chanel: web}}}",
            "where.orders.with.chanel needs the column 'chanel' of the orders. Did you",
        ),
        ("{events: {product: p1}}", "where.events.product needs the column 'product_id' of the events"),
        ("{orders: {with: {order_kind: retrun}}}", "where.orders.with.order_kind must be one we know. .* 'return'"),
        (
            "{measure: orders, is: '< 0'}",
            "where.is must be a test that a whole number of 0 or more can pass",
        ),
        ("{orders: {mean_order_value: 3, brand: Acme}}", "where.orders.mean_order_value must be asked of whole orders"),
        ("{orders: {largest_order: 3, products: 2}}", "where.orders.largest_order must be asked of whole orders"),
        ("{orders: {with: {order_kind: '>= 3'}}}", "where.orders.with.order_kind must be one we know. Got '>= 3'"),
        ("{measure: buying_rhythm, is: '< 3'}", "where.is must be one we know. Got '< 3'. Known: .*regular"),
        (
            "{orders: {with: {order_kind: return}, largest_order: '> 3'}}",
            "where.orders.largest_order must be asked of orders. Got it with returns",
        ),
        (
            "{orders: {with: {order_kind: [order, return]}, mean_order_value: '> 3'}}",
            "where.orders.mean_order_value must be asked of orders. Got it with returns",
        ),
        ("{score: M, is: 3}", "where.score needs the column 'M' of the labels"),
    ],
)
def test_what_the_data_have_not_is_told(criteria: str, told: str) -> None:
    with pytest.raises(ParamsError, match=told):
        who(criteria)


@pytest.mark.parametrize(
    ("criteria", "table", "told"),
    [
        ("{orders: {category: Shoes}}", "lines", "where.orders needs order lines with products or categories"),
        ("{events: {kind: visit}}", "events", "where.events needs events. The params name none"),
        ("{campaigns: {campaign: c1}}", "campaigns", "where.campaigns needs campaigns"),
        ("{tag: press}", "contacts", "where.tag needs contacts"),
    ],
)
def test_a_table_that_is_not_there(criteria: str, table: str, told: str) -> None:
    with pytest.raises(ParamsError, match=told):
        who(criteria, **{table: None})


def not_seen(text: str, **changes: Any) -> list[str]:
    criteria = {"x": parse_criteria(yaml.safe_load(text))}
    return unmatched_values(criteria, TABLES | changes, as_of=AS_OF, customers=CUSTOMERS, labels=LABELS)


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ("{orders: {category: [Shoes, shoe]}}", ["where.orders.category", "'shoe'", "mean 'Shoes'?"]),
        ("{not: {orders: {product: P1}}}", ["where.not.orders.product", "the product_id 'P1'", "Did you mean 'p1'?"]),
        ("{first_order: {channel: fax}}", ["where.first_order.channel", "Known: web, shop."]),
        ("{events: {kind: '!= vist'}}", ["where.events.kind", "Did you mean 'visit'?"]),
        ("{events: {utm_medium: organic}}", ["where.events.utm_medium", "'organic'. Known: cpc."]),  # of the next day
        ("{campaigns: {campaign: c4}}", ["where.campaigns.campaign", "campaign_id 'c4'. Known: c1, c2."]),
        ("{orders: {with: {customer_id: anne}}}", ["where.orders.with.customer_id", "customer_id 'anne'."]),
    ],
)
def test_values_that_are_not_there_are_told(criteria: str, told: list[str]) -> None:
    (sentence,) = not_seen(criteria)
    assert sentence.startswith(told[0] + ":")
    assert all(words in sentence for words in told)
    assert sentence.endswith(told[-1])


@pytest.mark.parametrize(
    "criteria",
    [
        "{orders: {category: [Shoes, Hats], product: p1}}",
        "{any: [{events: {kind: visit, source: social, utm_medium: cpc}}, {tag: [press, student]}]}",
        "{all: [{contact: country, is: [DE, FR]}, {campaigns: {campaign: c2, group: control}}, {segment: Lost}]}",
        "{all: [{orders: {category: missing, order_value: 7}}, {events: {value: 3}}, {score: R, is: 5}]}",
    ],
)
def test_values_that_are_there_are_not_told(criteria: str) -> None:
    assert not_seen(criteria) == []


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ("{orders: {channel: post}}", "where.orders.channel: no order so far has the channel 'post'."),
        ("{orders: {channel: post, count: 0}}", "where.orders.channel: no order so far has the channel 'post'."),
        ("{last_order: {channel: post}}", "where.last_order.channel: no order so far has the channel 'post'."),
        (
            "{orders: {channel: shop, with: {order_kind: return}}}",
            "where.orders.channel: no return so far has the channel 'shop'. Known: post.",
        ),
        (
            "{orders: {category: Hats, with: {order_kind: return}}}",
            "where.orders.category: no return so far has the category 'Hats'. Known: Shoes.",
        ),
        (
            "{campaigns: {campaign: c9}}",
            "where.campaigns.campaign: nothing outside the control group so far has the campaign_id 'c9'.",
        ),
    ],
)
def test_values_only_in_rows_a_condition_does_not_look_at_are_told(criteria: str, told: str) -> None:
    orders = ORDERS.assign(channel=ORDERS["channel"].mask(ORDERS["order_kind"] == "return", "post"))
    held_out = pd.DataFrame({"customer_id": ["ann"], "campaign_id": ["c9"], "group": ["control"]})
    campaigns = pd.concat([CAMPAIGNS, held_out.assign(sent_at=pd.Timestamp("2025-06-01"))])
    (sentence,) = not_seen(criteria, orders=orders, campaigns=campaigns)
    assert sentence.startswith(told)


@pytest.mark.parametrize(
    "criteria",
    [
        "{orders: {channel: post, spend: '< 0'}}",  # spend is net of returns, so it looks at them
        "{orders: {channel: post, with: {order_kind: return}}}",
        "{orders: {with: {order_kind: [order, refund]}}}",
        "{campaigns: {campaign: c9, group: control}}",
    ],
)
def test_values_in_rows_a_condition_looks_at_are_not_told(criteria: str) -> None:
    orders = ORDERS.assign(channel=ORDERS["channel"].mask(ORDERS["order_kind"] == "return", "post"))
    campaigns = CAMPAIGNS.assign(campaign_id=CAMPAIGNS["campaign_id"].mask(CAMPAIGNS["group"] == "control", "c9"))
    assert not_seen(criteria, orders=orders, campaigns=campaigns) == []


def test_a_kind_of_order_that_is_not_there_is_told() -> None:
    kept = ORDERS.assign(order_kind="order")  # as with policies: {returns: keep}
    told = "where.not.orders.with.order_kind: nothing so far has the order_kind 'return'. Known: order."
    assert not_seen("{not: {orders: {with: {order_kind: return}}}}", orders=kept) == [told]
    assert who("{not: {orders: {with: {order_kind: return}}}}", orders=kept) == "abdef"


def test_an_order_without_a_kind_is_an_order() -> None:
    orders = ORDERS.assign(order_kind=ORDERS["order_kind"].mask(ORDERS["order_id"] == 4, None))
    assert who("{orders: {with: {order_kind: order}}}", orders=orders) == "ab"
    assert who("{orders: {with: {order_kind: '!= return'}}}", orders=orders) == "ab"
    assert who("{orders: {with: {order_kind: return}}}", orders=orders) == "b"


def test_a_column_of_events_called_order_kind_is_just_a_column() -> None:
    events = EVENTS.assign(order_kind="return")
    assert who("{events: {kind: visit}}", events=events) == "ae"
    assert who("{events: {with: {order_kind: return}, count: 2}}", events=events) == "e"


def test_contact_details_of_others_are_not_told() -> None:
    ids = [f"c{i}" for i in range(40)]
    contacts = pd.DataFrame({"customer_id": ids, "country": ["DE"] * 39 + ["DK"], "tags": ["press;vip"] * 40})
    contacts["email"] = contacts["nick"] = [f"nick{i}@example.org" for i in range(40)]
    asked = "{any: [{contact: email, is: nick@example.org}, {contact: nick, is: nick}, {contact: country, is: de}]}"
    assert not_seen(asked, contacts=contacts) == [
        "where.any[0].is: nothing so far has the email asked for.",
        "where.any[1].is: nothing so far has the nick asked for.",
        "where.any[2].is: nothing so far has the country 'de'. Did you mean 'DE'?",
    ]
    (rare,) = not_seen("{contact: country, is: dk}", contacts=contacts)  # one contact is no group
    assert "DK" not in rare
    assert not_seen("{tag: [vip, presse]}", contacts=contacts) == [
        "where.tag: nothing so far has the tags 'presse'. Did you mean 'press'?"
    ]
    listed = contacts.assign(tags=[["press", "vip"]] * 40)
    assert not_seen("{tag: [vip, presse]}", contacts=listed) == not_seen("{tag: [vip, presse]}", contacts=contacts)


def test_ids_of_another_kind_are_refused() -> None:
    with pytest.raises(DataError, match="customer_id must be of one kind"):
        who("{tag: x}", contacts=CONTACTS.assign(customer_id=[1, 2, 3]))


def test_many_segments_are_counted_at_once() -> None:
    criteria = {f"s{n}": parse_criteria({"orders": {"count": n}}) for n in range(4)}
    members = membership(criteria, {"orders": ORDERS}, as_of=AS_OF)
    assert count_members(members, list(criteria)) == {"s0": 0, "s1": 1, "s2": 0, "s3": 1}


def test_tags_may_be_lists() -> None:
    contacts = CONTACTS.assign(tags=[["press", "vip"], [], None])
    assert who("{tag: [vip, x]}", contacts=contacts) == "a"


def test_long_lists_run() -> None:
    names = [f"x{i}" for i in range(3_000)]
    many = [{"orders": {"product": [*names, "p3"]}}, {"tag": [*names[:200], "student"]}]
    assert who(yaml.safe_dump({"any": many})) == "af"
    counts = {"orders": {"count": list(range(2, 1_500))}}
    assert who(yaml.safe_dump({"any": [counts, {"all": [{"tag": "press"}] * 100}]})) == "af"


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "pyspark"])
def test_compiles_for_other_engines(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ibis.config import Config

    class SparkOptions(Config):
        treat_nan_as_null: bool = False

    if ibis.options.pyspark is None:
        monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    tables = {
        "orders": ibis.table({"customer_id": "string", "ordered_on": "date", "amount": "float64"}, name="orders"),
        "events": ibis.table(
            {
                "customer_id": "string",
                "event_at": "timestamp",
                "kind": "string",
                "referrer": "string",
                "value": "string",
            },
            name="events",
        ),
        "contacts": ibis.table({"customer_id": "string", "tags": "string", "points": "string"}, name="contacts"),
    }
    asked = [
        {"orders": {"spend": "> 2.5"}},
        {"events": {"source": "search", "value": 3}},
        {"tag": "x"},
        {"contact": "points", "is": "> 3"},
    ]
    found = membership({"vip": parse_criteria({"all": asked})}, tables, as_of=AS_OF)
    assert "vip" in ibis.to_sql(found, dialect=dialect)


def test_sources_of_visits() -> None:
    seen = frame("""
customer_id utm_source utm_medium utm_campaign referrer
1 google cpc brand https://www.google.com/
1 newsletter social weekly -
1 google organic - -
1 bing - - -
1 - - - https://www.google.co.uk/search?q=hats
1 facebook paid-social - -
1 - - - https://m.facebook.com/
1 - - - android-app://com.pinterest.com/
1 partner referral - -
1 - - - https://netflix.com/google.com
1 print qr - -
1 - - spring -
1 - - - -
""")
    found = visit_source(ibis.memtable(seen)).to_pyarrow().to_pylist()
    assert found == [
        "advert",
        "email",
        "search",
        "search",
        "search",
        "advert",
        "social",
        "social",
        "referral",
        "referral",
        "utm",
        "utm",
        "direct",
    ]
