"""Dynamic segments: criteria that are evaluated anew at each run."""

from typing import Any

from pydantic import Field, field_validator

from rfm_ml.core.errors import ParamsError
from rfm_ml.criteria import parse_criteria
from rfm_ml.params.section import Section


class DynamicSegment(Section):
    """A segment by criteria; one customer may be in many."""

    where: dict[str, Any] = Field(
        description="Conditions under all, any and not, nested up to 100 levels: see docs/criteria.md."
    )
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
