"""Bad criteria are refused with the path to the fault."""

from typing import Any

import pytest
import yaml

from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import StrictLoader
from rfm_ml.criteria import parse_criteria

DEEP: dict[str, Any] = {"tag": "x"}
for _ in range(100):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[{tag: x}]", "where must be a condition such as orders: {count: '>= 3'}. Got a list; put it under all:"),
        ("{}", "where must be a condition such as"),
        ("{order: {count: 1}}", "where.order is not a condition we know. Did you mean 'orders'?"),
        ("{tag: x, contact: country, is: DE}", "where must have one condition. Got tag, contact. Put them under all:"),
        ("{all: []}", "where.all must be a list of at least one condition. Got []."),
        ("{any: {tag: x}}", "where.any must be a list of at least one condition."),
        ("{all: [{tag: x}], note: 1}", "where.note is not a key we know here."),
        (
            "{all: [{tag: x}, {not: {orders: {cuont: 3}}}]}",
            "where.all[1].not.orders.cuont is not a key",
        ),
        (
            "{any: [{tag: x}, {orders: {count: many}}]}",
            "where.any[1].orders.count must be a number or a comparison such",
        ),
        ("{orders: {count: '>='}}", "where.orders.count must have a value after >=. Got '>='."),
        (
            "{orders: {count: between 5 and 2}}",
            "where.orders.count must go from the lower to the higher value",
        ),
        ("{orders: {count: .nan}}", "where.orders.count must be a value, a list of values or a comparison"),
        ("{orders: {spend: 0.0000000001}}", "where.orders.spend must be"),
        ("{orders: {spend: null}}", "where.orders.spend must be a value, a list of values or a comparison"),
        (
            "{orders: {within_days: 0}}",
            "where.orders.within_days must be a whole number of days from 1 to 36500",
        ),
        ("{orders: {within_days: 9, from: 2025-01-01}}", "where.orders must have either within_days, or from and to."),
        ("{orders: {from: '2025-02-30'}}", "where.orders.from must be a day such as 2025-01-31. Got '2025-02-30'."),
        ("{orders: {from: 2025-02-03, to: 2025-01-01}}", "where.orders.from must not be after to."),
        ("{orders: {}}", "where.orders must be a mapping such as {within_days: 90}. Got {}."),
        ("{orders: 3}", "where.orders must be a mapping such as"),
        ("{orders: {channel: []}}", "where.orders.channel must have at least one value in its list."),
        ("{orders: {channel: [[a]]}}", "where.orders.channel[0] must be a value"),
        ("{orders: {with: 3}}", "where.orders.with must be a mapping"),
        ("{first_order: {count: 3}}", "where.first_order.count is not a key we know here."),
        ("{measure: spend}", "where.is must be given: what spend must be, as in is: '>= 3'. It is not there."),
        ("{measure: 3, is: 3}", "where.measure must be a name. Got 3."),
        ("{segment: 3}", "where.segment must be text: put it in quotes. Got 3."),
        ("{score: R}", "where.is must be given"),
        ("{tag: []}", "where.tag must have at least one tag."),
        ("{tag: x, strategy: y}", "where.strategy is not a key we know here."),
        ("{contact: country, is: ' '}", 'where.is must not be empty. Write "missing" for what is not there.'),
        ("{orders: {count: '>> 3'}}", "where.orders.count must have one sign of <, <=, >, >=, =, !=. Got '>> 3'."),
        ("{orders: {channel: => web}}", "where.orders.channel must have one sign of"),
        (
            "{orders: {count: '< 0'}}",
            "where.orders.count must be a test that a whole number of 0 or more can",
        ),
        (
            "{orders: {products: 2.5}}",
            "where.orders.products must be a test that a whole number of 0 or more can",
        ),
        ("{last_order: {days_ago: between -3 and -1}}", "where.last_order.days_ago must be a test that a whole number"),
        ("{events: {source: advrt}}", "where.events.source must be one we know. Got 'advrt'. Did you mean 'advert'?"),
        (
            "{events: {source: [email, fax]}}",
            "where.events.source must be one we know. Got 'fax'. Known: email,",
        ),
        ("{campaigns: {group: '!= contrl'}}", "where.campaigns.group must be one we know. Got 'contrl'. Did you mean"),
        ("{customer: 3}", "where.customer is not a condition we know. Known: all, any, not,"),
        ("{orders: {amount: 3}}", "where.orders.amount is not a key we know here. Known:"),
        ("{campaigns: {category: x}}", "where.campaigns.category is not a key we know here."),
    ],
)
def test_faults_are_told_with_their_place(text: str, told: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse_criteria(yaml.safe_load(text))
    assert str(caught.value).startswith(told) or told in str(caught.value)


def test_nesting_has_an_end_that_is_told() -> None:
    parse_criteria(DEEP["not"])
    with pytest.raises(ParamsError) as caught:
        parse_criteria(DEEP)
    assert str(caught.value) == (
        f"{('where' + '.not' * 100)[:80]}... must be nested at most 100 levels deep. Got more. "
        "Put conditions side by side under one all: or any:."
    )
    itself: dict[str, Any] = {}
    itself["not"] = itself
    with pytest.raises(ParamsError, match="nested at most 100 levels deep"):
        parse_criteria(itself)


def test_many_conditions_have_an_end_too() -> None:
    doubled: Any = {"tag": "x"}
    for _ in range(40):
        doubled = {"all": [doubled, doubled]}
    with pytest.raises(ParamsError, match="where must have at most 10,000 conditions"):
        parse_criteria(doubled)


def test_a_fault_far_down_is_told() -> None:
    deep: Any = {"orders": {"count": "many"}}
    for _ in range(99):
        deep = {"any": [deep]}
    with pytest.raises(ParamsError) as caught:
        parse_criteria(deep)
    assert "[0].orders.count must be a number" in str(caught.value)
    with pytest.raises(ParamsError, match=r"where.all must be a list of at least one condition. Got \{'any': \["):
        parse_criteria({"all": deep})


def test_deep_yaml_is_read_as_shallow_yaml_is() -> None:
    text = "{all: [{orders: {count: 3}}, {any: [&press {tag: press}, *press, {not: {tag: [a, 'b: c']}}]}]}"
    assert yaml.load(text, Loader=StrictLoader) == yaml.safe_load(text)
    deep = "{tag: x}"
    for _ in range(100):
        deep = f"{{any: [{deep}]}}"
    content, levels = yaml.load(deep, Loader=StrictLoader), 0
    while "any" in content:
        (content,), levels = content["any"], levels + 1
    assert (content, levels) == ({"tag": "x"}, 100)
    with pytest.raises(ParamsError, match=r"YAML must be nested at most 250 levels deep\. Line 2 goes deeper\."):
        yaml.load("study: x\nwhere: " + 10_000 * "{any: [", Loader=StrictLoader)
    for bad in ("{not: *a}", "{a: &x 1, b: &x 2}", "[1, 2", "{a: 1]"):
        with pytest.raises(yaml.YAMLError):
            yaml.load(bad, Loader=StrictLoader)
