"""What every section of the params is made of."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def also_allow(alternative: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Let the JSON Schema of a key allow what a validator turns into its type."""
    return lambda schema: schema["anyOf"].append(alternative)


class Section(BaseModel):
    """A part of the params: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
