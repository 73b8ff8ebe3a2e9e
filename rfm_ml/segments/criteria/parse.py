"""From YAML to a tree of conditions; what is wrong is told with the path to it."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.segments.criteria.conditions import (
    Column,
    Condition,
    EdgeOrder,
    Every,
    Facts,
    Filter,
    Not,
    Period,
    Some,
    Tags,
)
from rfm_ml.segments.criteria.possible import CLOSED, COUNTED, require_listed, require_possible
from rfm_ml.segments.criteria.values import Comparison, as_kind, read_test

MOST_LEVELS: Final = 60
"""Nesting beyond this is refused: engines limit how deep an expression may be."""

PERIOD: Final = ("within_days", "from", "to")
_ORDER_FILTERS: Final = {"category": "category", "product": "product_id", "channel": "channel"}
FILTERS: Final[dict[str, dict[str, str]]] = {
    "orders": _ORDER_FILTERS | {"order_value": "order_value"},
    "first_order": _ORDER_FILTERS | {"order_value": "order_value"},
    "last_order": _ORDER_FILTERS | {"order_value": "order_value"},
    "events": {
        "kind": "kind",
        "source": "source",
        "product": "product_id",
        "value": "value",
        **{c: c for c in ("utm_source", "utm_medium", "utm_campaign", "referrer")},
    },
    "campaigns": {"campaign": "campaign_id", "group": "group"},
}
"""Keys that choose rows, and the columns they test; other columns are tested by `with`."""
_AGES: Final = ("first_days_ago", "last_days_ago")
MEASURES: Final[dict[str, tuple[str, ...]]] = {
    "orders": ("count", "spend", "products", "categories", *_AGES),
    "events": ("count", "total_value", *_AGES),
    "campaigns": ("count", *_AGES),
}
"""Keys that measure the chosen rows of a customer."""
_NUMBERS: Final = ("order_value", "value")
_AT_LEAST_ONE: Final = Comparison("at_least", (Decimal(1),))
_COUNTED: Final = ("count", "products", "categories", "days_ago", *_AGES)


def parse_criteria(given: Any, *, path: str = "where") -> Condition:
    """Read criteria as the params write them.

    Parameters
    ----------
    given
        A mapping with one condition; see docs/criteria.md.
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
    return _condition(given, path=path, level=1)


def _condition(given: Any, *, path: str, level: int) -> Condition:
    if level > MOST_LEVELS:
        raise ParamsError(f"{path[:80]}... must be nested at most {MOST_LEVELS} levels deep. Flatten it.")
    if not isinstance(given, dict) or not given:
        got = "a list; put it under all: or any:" if isinstance(given, list) else repr(given)
        raise ParamsError(f"{path} must be a condition such as orders: {{count: '>= 3'}}. Got {got}.")
    kinds = [k for k in given if k in _KINDS]
    if not kinds:
        unknown = str(next(iter(given)))
        raise ParamsError(f"{path}.{unknown} is not a condition we know. {did_you_mean(unknown, _KINDS)}")
    if len(kinds) > 1:
        raise ParamsError(f"{path} must have one condition. Got {', '.join(kinds)}. Put them under all: or any:.")
    kind = kinds[0]
    if kind in ("all", "any"):
        _only(given, (kind,), path=path)
        parts = given[kind]
        if not isinstance(parts, list) or not parts:
            raise ParamsError(f"{path}.{kind} must be a list of at least one condition. Got {parts!r}.")
        read = tuple(_condition(p, path=f"{path}.{kind}[{i}]", level=level + 1) for i, p in enumerate(parts))
        return Every(read) if kind == "all" else Some(read)
    if kind == "not":
        _only(given, ("not",), path=path)
        return Not(_condition(given["not"], path=f"{path}.not", level=level + 1))
    return _KINDS[kind](given, path)


def _facts(table: str) -> Callable[[dict[str, Any], str], Condition]:
    def read(given: dict[str, Any], path: str) -> Condition:
        _only(given, (table,), path=path)
        inside, place = _mapping(given[table], path=f"{path}.{table}"), f"{path}.{table}"
        _only(inside, (*PERIOD, "with", *FILTERS[table], *MEASURES[table]), path=place)
        measures = {n: _measured(inside, n, path=place) for n in MEASURES[table] if n in inside}
        return Facts(
            table,
            filters=_filters(inside, table, path=place),
            period=_period(inside, path=place),
            measures=tuple(measures.items()) or (("count", _AT_LEAST_ONE),),
            path=place,
        )

    return read


def _edge(edge: str) -> Callable[[dict[str, Any], str], Condition]:
    def read(given: dict[str, Any], path: str) -> Condition:
        kind = f"{edge}_order"
        _only(given, (kind,), path=path)
        place = f"{path}.{kind}"
        inside = _mapping(given[kind], path=place)
        _only(inside, (*PERIOD, "with", "days_ago", *FILTERS[kind]), path=place)
        days_ago = _measured(inside, "days_ago", path=place) if "days_ago" in inside else None
        filters = _filters(inside, kind, path=place)
        return EdgeOrder(edge, filters, _period(inside, path=place), days_ago=days_ago, path=place)

    return read


def _measure(given: dict[str, Any], path: str) -> Condition:
    _only(given, ("measure", "is", "channel"), path=path)
    column = _name(given["measure"], path=f"{path}.measure")
    return Column("measure", (_is(given, column, path=path), *_channel(given, path=path)), f"{path}.measure")


def _contact(given: dict[str, Any], path: str) -> Condition:
    _only(given, ("contact", "is"), path=path)
    column = _name(given["contact"], path=f"{path}.contact")
    return Column("contact", (_is(given, column, path=path),), f"{path}.contact")


def _score(given: dict[str, Any], path: str) -> Condition:
    _only(given, ("score", "is", "strategy", "channel"), path=path)
    column = _name(given["score"], path=f"{path}.score")
    test = _is(given, column, path=path)
    return Column(_strategy(given, path=path), (test, *_channel(given, path=path)), f"{path}.score")


def _segment(given: dict[str, Any], path: str) -> Condition:
    _only(given, ("segment", "strategy", "channel"), path=path)
    place = f"{path}.segment"
    test = _text(given["segment"], path=place)
    named = Filter("segment", "segment", test, place)
    return Column(_strategy(given, path=path), (named, *_channel(given, path=path)), place)


def _tag(given: dict[str, Any], path: str) -> Condition:
    _only(given, ("tag",), path=path)
    place = f"{path}.tag"
    names = given["tag"] if isinstance(given["tag"], list) else [given["tag"]]
    if not names:
        raise ParamsError(f"{place} must have at least one tag. Got none.")
    return Tags(tuple(_name(n, path=place) for n in names), place)


_KINDS: Final[dict[str, Any]] = {
    "all": None,
    "any": None,
    "not": None,
    "orders": _facts("orders"),
    "first_order": _edge("first"),
    "last_order": _edge("last"),
    "measure": _measure,
    "segment": _segment,
    "score": _score,
    "tag": _tag,
    "contact": _contact,
    "events": _facts("events"),
    "campaigns": _facts("campaigns"),
}
KINDS: Final = tuple(_KINDS)
"""Words a condition can begin with."""


def _filters(inside: dict[str, Any], kind: str, *, path: str) -> tuple[Filter, ...]:
    found = []
    for key, column in FILTERS[kind].items():
        if key in inside:
            place = f"{path}.{key}"
            test = _number(inside[key], path=place) if key in _NUMBERS else read_test(inside[key], path=place)
            if key in CLOSED:
                require_listed(test, CLOSED[key], path=place)
            found.append(Filter(key, column, test, place))
    others = _mapping(inside["with"], path=f"{path}.with") if "with" in inside else {}
    for column, given in others.items():
        place = f"{path}.with.{column}"
        found.append(Filter(f"with.{column}", str(column), read_test(given, path=place), place))
    return tuple(found)


def _period(inside: dict[str, Any], *, path: str) -> Period:
    days, first, last = (inside.get(k) for k in PERIOD)
    if days is not None and (first is not None or last is not None):
        raise ParamsError(f"{path} must have either within_days, or from and to. Got both.")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 36_500):
        raise ParamsError(f"{path}.within_days must be a whole number of days from 1 to 36500. Got {days!r}.")
    period = Period(days, _day(first, path=f"{path}.from"), _day(last, path=f"{path}.to"))
    if period.first and period.last and period.first > period.last:
        raise ParamsError(f"{path}.from must not be after to. Got {period.first} and {period.last}.")
    return period


def _day(given: Any, *, path: str) -> dt.date | None:
    if given is None or (isinstance(given, dt.date) and not isinstance(given, dt.datetime)):
        return given
    try:
        return dt.date.fromisoformat(str(given))
    except ValueError:
        raise ParamsError(f"{path} must be a day such as 2025-01-31. Got {given!r}.") from None


def _is(given: dict[str, Any], column: str, *, path: str) -> Filter:
    if "is" not in given:
        raise ParamsError(f"{path}.is must be given: what {column} must be, as in is: '>= 3'. It is not there.")
    return Filter("is", column, read_test(given["is"], path=f"{path}.is"), f"{path}.is")


def _channel(given: dict[str, Any], *, path: str) -> tuple[Filter, ...]:
    if "channel" not in given:
        return ()
    place = f"{path}.channel"
    return (Filter("channel", "channel", _text(given["channel"], path=place), place),)


def _strategy(given: dict[str, Any], *, path: str) -> str:
    return f"labels:{_name(given['strategy'], path=f'{path}.strategy')}" if "strategy" in given else "labels:"


def _number(given: Any, *, path: str) -> Comparison:
    return as_kind(read_test(given, path=path), "number", path=path)


def _measured(inside: dict[str, Any], measure: str, *, path: str) -> Comparison:
    test = _number(inside[measure], path=f"{path}.{measure}")
    if measure in _COUNTED:
        require_possible(test, COUNTED, path=f"{path}.{measure}")
    return test


def _text(given: Any, *, path: str) -> Comparison:
    return as_kind(read_test(given, path=path), "text", path=path)


def _name(given: Any, *, path: str) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ParamsError(f"{path} must be a name. Got {given!r}.")
    return given.strip()


def _mapping(given: Any, *, path: str) -> dict[str, Any]:
    if not isinstance(given, dict) or not given:
        raise ParamsError(f"{path} must be a mapping such as {{within_days: 90}}. Got {given!r}.")
    return given


def _only(given: Mapping[str, Any], known: tuple[str, ...], *, path: str) -> None:
    for key in given:
        if key not in known:
            raise ParamsError(f"{path}.{key} is not a key we know here. {did_you_mean(str(key), known)}")
