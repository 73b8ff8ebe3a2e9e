"""What a run reports, and the limits it keeps."""

from typing import Any

from pydantic import Field

from rfm_ml.params.section import Section


class Notebook(Section):
    """A notebook of the report and its parameters."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Allow the name alone, as in `- 10_data_quality`."""
        return {"anyOf": [{"type": "string"}, handler(core_schema)]}


class Engine(Section):
    """Limits of the engine."""

    memory_gb: float = Field(6, gt=0.2, description="Beyond this the engine spills to disk.")
    threads: int | None = Field(None, ge=1, description="Null: all cores.")
    cache_gb: float = Field(
        20, ge=0, description="After a run, what was used longest ago leaves the cache beyond this."
    )
