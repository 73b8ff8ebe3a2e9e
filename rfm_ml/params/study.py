"""The whole of the params: one model for one YAML file."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from rfm_ml.core.checks import did_you_mean, require_known
from rfm_ml.params.analysis import (
    CampaignResults,
    Clv,
    Comparison,
    Customers,
    DynamicSegment,
    Engagement,
    Hysteresis,
    Recommendations,
    Strategy,
)
from rfm_ml.params.campaigns import Activation, Audience, require_whole
from rfm_ml.params.delivery import Delivery
from rfm_ml.params.section import Name, Section
from rfm_ml.params.tables import Orders, Table
from rfm_ml.params.triggers import Trigger, Webhook


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


class Params(Section):
    """Everything a study needs to know."""

    study: Name = Field(description="Name of the study; the folder of its reports.")
    title: str | None = Field(None, description="Heading of the report.")
    as_of: date | Literal["latest", "month-end", "yesterday"] = Field(
        description="The day of the picture: a date; latest (last day with an order); month-end or yesterday (clock)."
    )
    currency: str = Field("", max_length=8, description="Shown behind amounts.")
    time_zone: str = Field("UTC", description="Days are cut here, as in Europe/Berlin.")
    orders: Orders
    contacts: Table | None = Field(None, description="Contacts; those without an order become Prospects.")
    events: Table | None = Field(None, description="Clicks, visits, carts: who is still engaged.")
    campaigns: Table | None = Field(None, description="Who was sent what and when, and who was held out of it.")
    campaign_results: CampaignResults = Field(default_factory=CampaignResults)
    products: Table | None = Field(None, description="Category, brand and margin of each product.")
    customers: Customers = Field(default_factory=Customers)
    engagement: Engagement = Field(default_factory=Engagement)
    strategies: dict[Name, Strategy] = Field(min_length=1, description="Ways to segment; the first leads the report.")
    hysteresis: Hysteresis | None = Field(None, description="Customers move later; left out: they move at once.")
    dynamic_segments: dict[Name, DynamicSegment] = Field(
        default_factory=dict, description="Segments by criteria, evaluated at each run; a customer may be in many."
    )
    clv: Clv | None = Field(None, description="Predict orders and value per customer; left out: no predictions.")
    comparison: Comparison | None = Field(
        None, description="Compare strategies on past days; left out: only if 50_strategy_comparison is a page."
    )
    recommendations: Recommendations | None = Field(
        None, description="Products for each customer, as columns of the lists; left out: none."
    )
    playbook: str | None = Field(None, description="YAML with your own aims and offers per segment.")
    alerts: Alerts | None = Field(
        default_factory=Alerts, description="Warn when sizes, scores or data move; null: no alerts."
    )
    triggers: dict[Name, Trigger] = Field(
        default_factory=dict, description="Actions on what changed since the last published day: see docs/triggers.md."
    )
    webhook: Webhook = Field(default_factory=Webhook)
    audiences: dict[Name, Audience] = Field(
        default_factory=dict, description="Lists for campaign tools: who is on them, where they go, who is held out."
    )
    delivery: dict[Name, Delivery] = Field(
        default_factory=dict, description="Where lists go beside files; sent by rfm-ml deliver --send alone."
    )
    activation: Activation = Field(default_factory=Activation, description="What every list obeys.")
    notebooks: list[Notebook] = Field(min_length=1, description="Pages of the report, in order.")
    engine: Engine = Field(default_factory=Engine)

    @field_validator("notebooks", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        return [{"name": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value

    @field_validator("as_of", mode="before")
    @classmethod
    def _a_day(cls, value: Any) -> Any:
        if value in ("latest", "month-end", "yesterday") or (isinstance(value, date) and not hasattr(value, "hour")):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise ValueError(
                f"must be a day such as 2025-06-30, latest, month-end or yesterday. Got {value!r}."
            ) from None

    @field_validator("dynamic_segments")
    @classmethod
    def _distinct_names(cls, value: dict[str, DynamicSegment]) -> dict[str, DynamicSegment]:
        _require_distinct(value, customer_id="the column customer_id")
        return value

    @field_validator("triggers")
    @classmethod
    def _usable_triggers(cls, value: dict[str, Trigger], info: ValidationInfo) -> dict[str, Trigger]:
        _require_distinct(value)
        for name, trigger in value.items():
            known = info.data.get("strategies", {})
            if known and trigger.strategy is not None and trigger.strategy not in known:
                raise ValueError(
                    f".{name}.strategy must be a strategy of this study. Got {trigger.strategy!r}. "
                    f"{did_you_mean(trigger.strategy, known)}"
                )
            if trigger.needs_predictions and info.data.get("clv") is None:
                raise ValueError(f".{name} needs predictions. There is no clv: in the params. Add clv: {{}}.")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"must be a time zone such as Europe/Berlin. Got {value!r}.") from None
        return value

    @field_validator("audiences")
    @classmethod
    def _whole(cls, value: dict[str, Audience], info: ValidationInfo) -> dict[str, Audience]:
        _require_distinct(value, triggers="the folder of the triggers")
        if all(known in info.data for known in ("strategies", "dynamic_segments", "triggers")):
            # The place of the section comes before what it says, as in audiences.vips.minus.audiences.
            require_whole(value, **{k: info.data[k] for k in ("strategies", "dynamic_segments", "triggers")})
        return value

    @field_validator("delivery")
    @classmethod
    def _of_audiences(cls, value: dict[str, Delivery], info: ValidationInfo) -> dict[str, Delivery]:
        for name, way in value.items() if "audiences" in info.data else ():
            for audience in way.audiences:
                require_known(audience, info.data["audiences"], what=f".{name}.audiences: an audience of this study")
        return value


def _require_distinct(names: Iterable[str], **taken: str) -> None:
    """Refuse names that differ in capitals alone: they name files, which some systems do not tell apart."""
    for name in names:
        other = taken.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"must have names that differ, also in small letters. Got {name} and {other}.")
