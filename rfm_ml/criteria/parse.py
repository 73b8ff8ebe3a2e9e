"""From YAML to a tree of conditions; what is wrong is told with the path to it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria import keys
from rfm_ml.criteria.conditions import Column, Condition, EdgeOrder, Every, Facts, Filter, Not, Some, Tags
from rfm_ml.criteria.values import in_short

MOST_LEVELS: Final = 1_000
MOST_CONDITIONS: Final = 10_000
"""Beyond these criteria are a slip: an alias of YAML that means itself, say."""


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
    left: list[_Asked | _Join] = [_Asked(given, path, level=1)]
    done: list[Condition] = []
    read = 0
    while left:
        task = left.pop()
        if isinstance(task, _Join):
            parts = tuple(done[-task.parts :])
            done[-task.parts :] = [task.kind(parts)]
            continue
        read += 1
        if read > MOST_CONDITIONS:
            raise ParamsError(f"{path} must have at most {MOST_CONDITIONS:,} conditions. Put values into lists.")
        kind = _kind(task)
        if kind in _GROUPS:
            inside = _inside(task, kind)
            left.append(_Join(_GROUPS[kind], len(inside)))
            left.extend(reversed(inside))
        else:
            done.append(_KINDS[kind](task.given, task.path))
    return done[0]


class _Asked(NamedTuple):
    """A condition still to be read."""

    given: Any
    path: str
    level: int


class _Join(NamedTuple):
    """A group to be made of the last conditions read."""

    kind: Callable[[tuple[Condition, ...]], Condition]
    parts: int


_GROUPS: Final[dict[str, Callable[[tuple[Condition, ...]], Condition]]] = {
    "all": Every,
    "any": Some,
    "not": lambda parts: Not(parts[0]),
}


def _kind(asked: _Asked) -> str:
    given, path = asked.given, asked.path
    if asked.level > MOST_LEVELS:
        raise ParamsError(f"{path[:80]}... must be nested at most {MOST_LEVELS:,} levels deep. Flatten it.")
    if not isinstance(given, dict) or not given:
        got = "a list; put it under all: or any:" if isinstance(given, list) else in_short(given)
        raise ParamsError(f"{path} must be a condition such as orders: {{count: '>= 3'}}. Got {got}.")
    kinds = [k for k in given if k in _KINDS]
    if not kinds:
        unknown = str(next(iter(given)))
        raise ParamsError(f"{path}.{unknown} is not a condition we know. {did_you_mean(unknown, _KINDS)}")
    if len(kinds) > 1:
        raise ParamsError(f"{path} must have one condition. Got {', '.join(kinds)}. Put them under all: or any:.")
    return str(kinds[0])


def _inside(asked: _Asked, kind: str) -> list[_Asked]:
    keys.require_known_keys(asked.given, (kind,), path=asked.path)
    parts, path, level = asked.given[kind], f"{asked.path}.{kind}", asked.level + 1
    if kind == "not":
        return [_Asked(parts, path, level)]
    if not isinstance(parts, list) or not parts:
        raise ParamsError(f"{path} must be a list of at least one condition. Got {in_short(parts)}.")
    return [_Asked(part, f"{path}[{i}]", level) for i, part in enumerate(parts)]


def _facts(table: str) -> Callable[[dict[str, Any], str], Condition]:
    def read(given: dict[str, Any], path: str) -> Condition:
        keys.require_known_keys(given, (table,), path=path)
        inside, place = keys.read_mapping(given[table], path=f"{path}.{table}"), f"{path}.{table}"
        keys.require_known_keys(inside, (*keys.PERIOD, "with", *keys.FILTERS[table], *keys.MEASURES[table]), path=place)
        measures = {n: keys.read_measure(inside, n, path=place) for n in keys.MEASURES[table] if n in inside}
        return Facts(
            table,
            filters=keys.read_filters(inside, table, path=place),
            period=keys.read_period(inside, path=place),
            measures=tuple(measures.items()) or (("count", keys.AT_LEAST_ONE),),
            path=place,
        )

    return read


def _edge(edge: str) -> Callable[[dict[str, Any], str], Condition]:
    def read(given: dict[str, Any], path: str) -> Condition:
        kind = f"{edge}_order"
        keys.require_known_keys(given, (kind,), path=path)
        place = f"{path}.{kind}"
        inside = keys.read_mapping(given[kind], path=place)
        keys.require_known_keys(inside, (*keys.PERIOD, "with", "days_ago", *keys.FILTERS[kind]), path=place)
        days_ago = keys.read_measure(inside, "days_ago", path=place) if "days_ago" in inside else None
        filters = keys.read_filters(inside, kind, path=place)
        return EdgeOrder(edge, filters, keys.read_period(inside, path=place), days_ago=days_ago, path=place)

    return read


def _measure(given: dict[str, Any], path: str) -> Condition:
    keys.require_known_keys(given, ("measure", "is", "channel"), path=path)
    column = keys.read_name(given["measure"], path=f"{path}.measure")
    return Column(
        "measure", (keys.read_is(given, column, path=path), *keys.read_channel(given, path=path)), f"{path}.measure"
    )


def _contact(given: dict[str, Any], path: str) -> Condition:
    keys.require_known_keys(given, ("contact", "is"), path=path)
    column = keys.read_name(given["contact"], path=f"{path}.contact")
    return Column("contact", (keys.read_is(given, column, path=path),), f"{path}.contact")


def _score(given: dict[str, Any], path: str) -> Condition:
    keys.require_known_keys(given, ("score", "is", "strategy", "channel"), path=path)
    column = keys.read_name(given["score"], path=f"{path}.score")
    test = keys.read_is(given, column, path=path)
    return Column(keys.read_strategy(given, path=path), (test, *keys.read_channel(given, path=path)), f"{path}.score")


def _segment(given: dict[str, Any], path: str) -> Condition:
    keys.require_known_keys(given, ("segment", "strategy", "channel"), path=path)
    place = f"{path}.segment"
    test = keys.read_text(given["segment"], path=place)
    named = Filter("segment", "segment", test, place)
    return Column(keys.read_strategy(given, path=path), (named, *keys.read_channel(given, path=path)), place)


def _tag(given: dict[str, Any], path: str) -> Condition:
    keys.require_known_keys(given, ("tag",), path=path)
    place = f"{path}.tag"
    names = given["tag"] if isinstance(given["tag"], list) else [given["tag"]]
    if not names:
        raise ParamsError(f"{place} must have at least one tag. Got none.")
    return Tags(tuple(keys.read_name(n, path=place) for n in names), place)


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
