"""Dynamic segments: criteria that are evaluated anew at each run."""

import json
from typing import Any, Final

from pydantic import Field, field_serializer, field_validator

from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria import parse_criteria
from rfm_ml.params.section import Section

SHALLOW: Final = 50
"""Levels of mappings and lists that every writer of JSON takes."""


class DynamicSegment(Section):
    """A segment by criteria; one customer may be in many."""

    where: dict[str, Any] = Field(description="Conditions under all, any and not, of any depth: see docs/criteria.md.")
    description: str = Field("", description="What the segment is for, in words.")

    @field_validator("where")
    @classmethod
    def _criteria(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            parse_criteria(value, path="")
        except ParamsError as error:
            # The place of the section comes before it, as in dynamic_segments.vips.where.all[0].
            raise ValueError(str(error)) from None
        return value

    @field_serializer("where")
    def _flat(self, value: dict[str, Any]) -> dict[str, Any] | str:
        """Writers of JSON go some hundred levels deep, criteria as deep as one likes: deep ones are written as text."""
        return value if levels(value) <= SHALLOW else as_text(value)


def levels(value: Any) -> int:
    """Return how deep mappings and lists lie in each other.

    Examples
    --------
    >>> levels({"all": [{"tag": "x"}]})
    3
    """
    found, left = 0, [(value, 1)]
    while left:
        one, level = left.pop()
        if isinstance(one, dict | list):
            found = max(found, level)
            left.extend((part, level + 1) for part in (one.values() if isinstance(one, dict) else one))
    return found


def as_text(value: Any) -> str:
    """Return mappings and lists of any depth as JSON.

    Examples
    --------
    >>> as_text({"all": [{"tag": "x"}, {"not": {"orders": {"count": 3}}}]})
    '{"all": [{"tag": "x"}, {"not": {"orders": {"count": 3}}}]}'
    """
    told: list[str] = []
    left: list[tuple[str, Any]] = [("value", value)]
    while left:
        kind, one = left.pop()
        if kind == "text" or not isinstance(one, dict | list):
            told.append(one if kind == "text" else json.dumps(one, default=str))
            continue
        named = [(f"{json.dumps(str(k))}: ", v) for k, v in one.items()] if isinstance(one, dict) else []
        inside = named or [("", v) for v in one]
        left.append(("text", "}" if isinstance(one, dict) else "]"))
        for i, (name, part) in reversed(list(enumerate(inside))):
            left += [("value", part), ("text", f"{', ' if i else ''}{name}")]
        left.append(("text", "{" if isinstance(one, dict) else "["))
    return "".join(told)
