"""Keys of a condition, read one by one; what is wrong is told with the path to it."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria.conditions import Filter, Period
from rfm_ml.criteria.possible import CLOSED, COUNTED, require_listed, require_possible
from rfm_ml.criteria.values import Comparison, as_kind, in_short, read_test

PERIOD: Final = ("within_days", "from", "to")
_VISIT: Final = {c: c for c in ("source", "utm_source", "utm_medium", "utm_campaign", "referrer")}
_ORDER_FILTERS: Final = {
    "category": "category",
    "product": "product_id",
    "brand": "brand",
    "channel": "channel",
    **_VISIT,
    "order_value": "order_value",
}
FILTERS: Final[dict[str, dict[str, str]]] = {
    "orders": _ORDER_FILTERS,
    "first_order": _ORDER_FILTERS,
    "last_order": _ORDER_FILTERS,
    "events": {
        "kind": "kind",
        "product": "product_id",
        "category": "category",
        "brand": "brand",
        "value": "value",
        **_VISIT,
    },
    "campaigns": {"campaign": "campaign_id", "group": "group"},
}
"""Keys that choose rows, and the columns they test; other columns are tested by `with`."""
_AGES: Final = ("first_days_ago", "last_days_ago")
MEASURES: Final[dict[str, tuple[str, ...]]] = {
    "orders": ("count", "spend", "mean_order_value", "largest_order", "products", "categories", *_AGES),
    "events": ("count", "total_value", *_AGES),
    "campaigns": ("count", *_AGES),
}
"""Keys that measure the chosen rows of a customer."""
_NUMBERS: Final = ("order_value", "value")
AT_LEAST_ONE: Final = Comparison("at_least", (Decimal(1),))
"""What is asked where no measure is: that there is a row."""
_COUNTED: Final = ("count", "products", "categories", "days_ago", *_AGES)


def read_filters(inside: dict[str, Any], kind: str, *, path: str) -> tuple[Filter, ...]:
    """Return the filters that a condition names, and those of `with`."""
    found = []
    for key, column in FILTERS[kind].items():
        if key in inside:
            place = f"{path}.{key}"
            test = read_number(inside[key], path=place) if key in _NUMBERS else read_test(inside[key], path=place)
            if key in CLOSED:
                require_listed(test, CLOSED[key], path=place)
            found.append(Filter(key, column, test, place))
    others = read_mapping(inside["with"], path=f"{path}.with") if "with" in inside else {}
    for column, given in others.items():
        place = f"{path}.with.{column}"
        found.append(Filter(f"with.{column}", str(column), read_test(given, path=place), place))
    return tuple(found)


def read_period(inside: dict[str, Any], *, path: str) -> Period:
    """Return the days that count."""
    days, first, last = (inside.get(k) for k in PERIOD)
    if days is not None and (first is not None or last is not None):
        raise ParamsError(f"{path} must have either within_days, or from and to. Got both.")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 36_500):
        raise ParamsError(f"{path}.within_days must be a whole number of days from 1 to 36500. Got {in_short(days)}.")
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
        raise ParamsError(f"{path} must be a day such as 2025-01-31. Got {in_short(given)}.") from None


def read_is(given: dict[str, Any], column: str, *, path: str) -> Filter:
    """Return the test of a column that `is` gives."""
    if "is" not in given:
        raise ParamsError(f"{path}.is must be given: what {column} must be, as in is: '>= 3'. It is not there.")
    return Filter("is", column, read_test(given["is"], path=f"{path}.is"), f"{path}.is")


def read_channel(given: dict[str, Any], *, path: str) -> tuple[Filter, ...]:
    """Return the filter by channel, none if no channel is named."""
    if "channel" not in given:
        return ()
    place = f"{path}.channel"
    return (Filter("channel", "channel", read_text(given["channel"], path=place), place),)


def read_strategy(given: dict[str, Any], *, path: str) -> str:
    """Return the source of labels a condition names, as `labels:<strategy>`."""
    return f"labels:{read_name(given['strategy'], path=f'{path}.strategy')}" if "strategy" in given else "labels:"


def read_number(given: Any, *, path: str) -> Comparison:
    """Return a test of numbers."""
    return as_kind(read_test(given, path=path), "number", path=path)


def read_measure(inside: dict[str, Any], measure: str, *, path: str) -> Comparison:
    """Return the test of a measure; a count cannot be below 0."""
    test = read_number(inside[measure], path=f"{path}.{measure}")
    if measure in _COUNTED:
        require_possible(test, COUNTED, path=f"{path}.{measure}")
    return test


def read_text(given: Any, *, path: str) -> Comparison:
    """Return a test of text."""
    return as_kind(read_test(given, path=path), "text", path=path)


def read_name(given: Any, *, path: str) -> str:
    """Return a name without blanks around it."""
    if not isinstance(given, str) or not given.strip():
        raise ParamsError(f"{path} must be a name. Got {in_short(given)}.")
    return given.strip()


def read_mapping(given: Any, *, path: str) -> dict[str, Any]:
    """Return a mapping that is not empty."""
    if not isinstance(given, dict) or not given:
        raise ParamsError(f"{path} must be a mapping such as {{within_days: 90}}. Got {in_short(given)}.")
    return given


def require_known_keys(given: Mapping[str, Any], known: tuple[str, ...], *, path: str) -> None:
    """Refuse keys that are not known."""
    for key in given:
        if key not in known:
            raise ParamsError(f"{path}.{key} is not a key we know here. {did_you_mean(str(key), known)}")
