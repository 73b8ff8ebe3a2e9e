"""From YAML to a tree of conditions; what is wrong is told with the path to it."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria.conditions import Column, Condition, Every, Facts, Filter, Not, Period, Some, Tags
from rfm_ml.criteria.limits import CLOSED, COUNTED, require_listed, require_possible
from rfm_ml.criteria.values import Comparison, as_kind, in_short, read_test

MOST_LEVELS: Final = 100
MOST_CONDITIONS: Final = 10_000
"""Beyond these criteria are a slip: an alias of YAML that means itself, say."""

_PERIOD: Final = ("within_days", "from", "to")
_VISIT: Final = ("source", "utm_source", "utm_medium", "utm_campaign", "referrer")


def _tested(*keys: str) -> dict[str, str]:
    """Return the column that each key tests: its namesake, or the id of what it names."""
    return {key: f"{key}_id" if key in ("product", "campaign") else key for key in keys}


FILTERS: Final[dict[str, dict[str, str]]] = {
    **dict.fromkeys(
        ("orders", "first_order", "last_order"),
        _tested("category", "product", "brand", "channel", *_VISIT, "order_value"),
    ),
    "events": _tested("kind", "product", "category", "brand", "value", *_VISIT),
    "campaigns": _tested("campaign", "group"),
}
"""Keys that choose rows, and the columns they test; other columns are tested by `with`."""
_AGES: Final = ("first_days_ago", "last_days_ago")
MEASURES: Final[dict[str, tuple[str, ...]]] = {
    "orders": ("count", "spend", "mean_order_value", "largest_order", "products", "categories", *_AGES),
    "events": ("count", "total_value", *_AGES),
    "campaigns": ("count", *_AGES),
}
"""Keys that measure the chosen rows of a customer."""
_COLUMN_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "measure": ("is", "channel"),
    "contact": ("is",),
    "score": ("is", "strategy", "channel"),
    "segment": ("strategy", "channel"),
}
_COUNTS: Final = ("count", "products", "categories", "days_ago", *_AGES)
_AT_LEAST_ONE: Final = Comparison("at_least", (Decimal(1),))
"""What is asked where no measure is: that there is a row."""


def parse_criteria(criteria: Any, *, path: str = "where") -> Condition:
    """Read criteria as the params write them.

    Parameters
    ----------
    criteria
        A mapping with one condition, nested up to `MOST_LEVELS` levels; see docs/criteria.md.
    path
        Where the criteria stand, to begin messages with.

    Raises
    ------
    ParamsError
        With the path to the fault, what must hold there and what we got.

    Examples
    --------
    >>> parse_criteria({"not": {"tag": "press"}})
    Not(part=Tags(names=('press',), path='where.not.tag'))
    >>> parse_criteria({"all": [{"orders": {"count": "many"}}]}, path="dynamic_segments.vips.where")
    Traceback (most recent call last):
    ...
    rfm_ml.core.errors.ParamsError: dynamic_segments.vips.where.all[0].orders.count must be a number or a \
comparison such as ">= 3", "between 2 and 5". Got 'many'.
    """
    return _Reader(path).read(criteria, path=path)


class _Reader:
    def __init__(self, root: str) -> None:
        self.root, self.conditions = root, 0

    def read(self, node: Any, *, path: str, level: int = 1) -> Condition:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise ParamsError(f"{self.root} must have at most {MOST_CONDITIONS:,} conditions. Put values into lists.")
        if level > MOST_LEVELS:
            raise ParamsError(
                f"{path[:80]}... must be nested at most {MOST_LEVELS} levels deep. Got more. "
                "Put conditions side by side under one all: or any:."
            )
        kind = _kind(node, path=path)
        if kind not in _GROUPS:
            return _READERS[kind](node, kind, path)
        _require_known_keys(node, (kind,), path=path)
        parts, place = node[kind], f"{path}.{kind}"
        if kind == "not":
            return Not(self.read(parts, path=place, level=level + 1))
        if not isinstance(parts, list) or not parts:
            raise ParamsError(f"{place} must be a list of at least one condition. Got {in_short(parts)}.")
        inside = [self.read(part, path=f"{place}[{i}]", level=level + 1) for i, part in enumerate(parts)]
        return Every(tuple(inside)) if kind == "all" else Some(tuple(inside))


def _kind(node: Any, *, path: str) -> str:
    if not isinstance(node, dict) or not node:
        got = "a list; put it under all: or any:" if isinstance(node, list) else in_short(node)
        raise ParamsError(f"{path} must be a condition such as orders: {{count: '>= 3'}}. Got {got}.")
    kinds = [k for k in node if k in KINDS]
    if not kinds:
        unknown = str(next(iter(node)))
        raise ParamsError(f"{path}.{unknown} is not a condition we know. {did_you_mean(unknown, KINDS)}")
    if len(kinds) > 1:
        raise ParamsError(f"{path} must have one condition. Got {', '.join(kinds)}. Put them under all: or any:.")
    return str(kinds[0])


def _facts(node: dict[str, Any], kind: str, path: str) -> Condition:
    _require_known_keys(node, (kind,), path=path)
    place = f"{path}.{kind}"
    inside = _mapping(node[kind], path=place)
    edge = kind.removesuffix("_order") if kind.endswith("_order") else None
    own = ("days_ago", *FILTERS[kind]) if edge else (*FILTERS[kind], *MEASURES[kind])
    _require_known_keys(inside, (*_PERIOD, "with", *own), path=place)
    names = [n for n in (("days_ago",) if edge else MEASURES[kind]) if n in inside]
    measures = tuple((n, _measure(inside[n], n, path=f"{place}.{n}")) for n in names)
    filters = _filters(inside, kind, path=place)
    period = _period(inside, path=place)
    if edge:
        return Facts("orders", filters, period, measures, place, edge)
    return Facts(kind, filters, period, measures or (("count", _AT_LEAST_ONE),), place)


def _column(node: dict[str, Any], kind: str, path: str) -> Condition:
    keys = _COLUMN_KEYS[kind]
    _require_known_keys(node, (kind, *keys), path=path)
    place = f"{path}.{kind}"
    if kind == "segment":
        test = Filter("segment", "segment", _test_of("text", node["segment"], path=place), place)
    else:
        column = _name(node[kind], path=place)
        if "is" not in node:
            raise ParamsError(f"{path}.is must be given: what {column} must be, as in is: '>= 3'. It is not there.")
        test = Filter("is", column, read_test(node["is"], path=f"{path}.is"), f"{path}.is")
    source = kind
    if "strategy" in keys:
        source = f"labels:{_name(node['strategy'], path=f'{path}.strategy') if 'strategy' in node else ''}"
    if "channel" not in node:
        return Column(source, (test,), place)
    where = f"{path}.channel"
    channel = Filter("channel", "channel", _test_of("text", node["channel"], path=where), where)
    return Column(source, (test, channel), place)


def _tag(node: dict[str, Any], kind: str, path: str) -> Condition:
    _require_known_keys(node, (kind,), path=path)
    place = f"{path}.{kind}"
    names = node[kind] if isinstance(node[kind], list) else [node[kind]]
    if not names:
        raise ParamsError(f"{place} must have at least one tag. Got none.")
    return Tags(tuple(_name(n, path=place) for n in names), place)


_GROUPS: Final = ("all", "any", "not")
_READERS: Final[dict[str, Callable[[dict[str, Any], str, str], Condition]]] = {
    **dict.fromkeys(("orders", "first_order", "last_order"), _facts),
    **dict.fromkeys(("measure", "segment", "score"), _column),
    "tag": _tag,
    "contact": _column,
    **dict.fromkeys(("events", "campaigns"), _facts),
}
KINDS: Final = (*_GROUPS, *_READERS)
"""Words a condition can begin with."""


def _filters(inside: dict[str, Any], kind: str, *, path: str) -> tuple[Filter, ...]:
    """Return the filters that a condition names, and those of `with`."""
    filters = []
    for key, column in FILTERS[kind].items():
        if key in inside:
            place = f"{path}.{key}"
            number = key in ("order_value", "value")
            test = _test_of("number", inside[key], path=place) if number else read_test(inside[key], path=place)
            if key in CLOSED:
                require_listed(test, CLOSED[key], path=place)
            filters.append(Filter(key, column, test, place))
    others = _mapping(inside["with"], path=f"{path}.with") if "with" in inside else {}
    for column, value in others.items():
        place = f"{path}.with.{column}"
        filters.append(Filter(f"with.{column}", str(column), read_test(value, path=place), place))
    return tuple(filters)


def _period(inside: dict[str, Any], *, path: str) -> Period:
    days, first, last = (inside.get(k) for k in _PERIOD)
    if days is not None and (first is not None or last is not None):
        raise ParamsError(f"{path} must have either within_days, or from and to. Got both.")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 36_500):
        raise ParamsError(f"{path}.within_days must be a whole number of days from 1 to 36500. Got {in_short(days)}.")
    period = Period(days, _day(first, path=f"{path}.from"), _day(last, path=f"{path}.to"))
    if period.first and period.last and period.first > period.last:
        raise ParamsError(f"{path}.from must not be after to. Got {period.first} and {period.last}.")
    return period


def _day(node: Any, *, path: str) -> dt.date | None:
    if node is None or (isinstance(node, dt.date) and not isinstance(node, dt.datetime)):
        return node
    try:
        return dt.date.fromisoformat(str(node))
    except ValueError:
        raise ParamsError(f"{path} must be a day such as 2025-01-31. Got {in_short(node)}.") from None


def _measure(node: Any, name: str, *, path: str) -> Comparison:
    """Return the test of a measure; a count cannot be below 0."""
    test = _test_of("number", node, path=path)
    if name in _COUNTS:
        require_possible(test, COUNTED, path=path)
    return test


def _test_of(kind: str, node: Any, *, path: str) -> Comparison:
    return as_kind(read_test(node, path=path), kind, path=path)


def _name(node: Any, *, path: str) -> str:
    """Return a name without blanks around it."""
    if not isinstance(node, str) or not node.strip():
        raise ParamsError(f"{path} must be a name. Got {in_short(node)}.")
    return node.strip()


def _mapping(node: Any, *, path: str) -> dict[str, Any]:
    if not isinstance(node, dict) or not node:
        raise ParamsError(f"{path} must be a mapping such as {{within_days: 90}}. Got {in_short(node)}.")
    return node


def _require_known_keys(node: Mapping[str, Any], known: tuple[str, ...], *, path: str) -> None:
    for key in node:
        if key not in known:
            raise ParamsError(f"{path}.{key} is not a key we know here. {did_you_mean(str(key), known)}")
