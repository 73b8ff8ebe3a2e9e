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


class Alerts(Section):
    """Limits beyond which a run warns; null switches one off."""

    segment_size: float | None = Field(
        0.5, gt=0, description="Largest change of a segment's customers since the last day, as a share."
    )
    at_least: int = Field(30, ge=1, description="Segments with fewer customers on both days are not looked at.")
    drift_psi: float | None = Field(
        0.25, gt=0, description="Largest drift of a score or of the segments since the fit, as a PSI."
    )
    rows: float | None = Field(
        0.5, gt=0, description="Largest change of lines, orders or customers since the last run, as a share."
    )
    stop: bool = Field(False, description="An alert stops the run: nothing is published, exit code 5.")
    webhook: bool = Field(False, description="Send alerts to the webhook as well, when a run is told to send.")
