"""Triggers: what to do when customers move, and where it is sent."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from rfm_ml.params.campaigns import CHANNELS, SPELLINGS, Contacting
from rfm_ml.params.section import Section, also_allow

Segment = Annotated[str, StringConstraints(min_length=1)]
Segments = Annotated[list[Segment], Field(min_length=1)]

RULES: Final[dict[str, tuple[set[str], set[str]]]] = {
    "enter": ({"segments"}, {"strategy"}),
    "leave": ({"segments"}, {"strategy"}),
    "move": ({"from_segments", "to_segments"}, {"strategy"}),
    "score_drop": (set(), {"strategy", "score", "by", "measure", "below"}),
    "overdue": (set(), {"against", "days_late"}),
    "size_change": ({"segments"}, {"strategy", "share", "at_least"}),
}
"""Keys that each kind of rule needs, and those it may have."""

_ONE = also_allow({"type": "string"})


class Trigger(Contacting):
    """A rule on what changed since the last published day, and the action it asks for."""

    when: Literal["enter", "leave", "move", "score_drop", "overdue", "size_change"] = Field(
        description="What to watch."
    )
    strategy: str | None = Field(None, description="Whose segments and scores; null: the first one's.")
    segments: Segments | None = Field(
        None, description="enter, leave, size_change: the segments.", json_schema_extra=_ONE
    )
    from_segments: Segments | None = Field(
        None, description="move: where they were; new for who was no customer.", json_schema_extra=_ONE
    )
    to_segments: Segments | None = Field(None, description="move: where they are.", json_schema_extra=_ONE)
    score: Literal["R", "F", "M"] | None = Field(None, description="score_drop: a score that fell.")
    by: int | None = Field(None, ge=1, le=100, description="score_drop: by how much at least; null: 1.")
    measure: Literal["p_alive", "expected_orders", "expected_spend", "clv"] | None = Field(
        None, description="score_drop: a prediction that fell below a limit; needs clv."
    )
    below: float | None = Field(None, gt=0, allow_inf_nan=False, description="score_drop: the limit of the measure.")
    against: Literal["usual_gap", "model"] | None = Field(
        None, description="overdue: by their own gaps between orders (null too), or by the model of clv."
    )
    days_late: int | None = Field(None, ge=0, le=3660, description="overdue: more days late than this; null: 0.")
    share: float | None = Field(None, gt=0, allow_inf_nan=False, description="size_change: beyond this; null: 0.2.")
    at_least: int | None = Field(None, ge=1, description="size_change: customers on one of the days; null: 20.")
    channel: Segment = Field(
        description="What consent is asked for: email, sms, push, ads, call, post or web; in_house: nobody is "
        "contacted. size_change, which is about no customer: whom to tell, in your own words."
    )
    reason: str = Field("", description="Words for whoever acts on it; what happened is added.")
    due_days: int = Field(0, ge=0, le=365, description="Days after the as-of day by which to act.")
    webhook: bool = Field(False, description="Send it to the webhook as well, when a run is told to send.")

    @field_validator("segments", "from_segments", "to_segments", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _keys_of_its_kind(self) -> "Trigger":
        needed, allowed = RULES[self.when]
        every = {k for keys in RULES.values() for k in (*keys[0], *keys[1])}
        keys = {k for k in every if getattr(self, k) is not None}
        missing, wrong = sorted(needed - keys), sorted(keys - needed - allowed)
        if missing:
            raise ValueError(f"must have {' and '.join(missing)} with when: {self.when}. It is not there.")
        if wrong:
            raise ValueError(f"must not have {', '.join(wrong)} with when: {self.when}. Remove it.")
        if self.when == "score_drop":
            if (self.score is None) == (self.measure is None):
                raise ValueError("must have a score or a measure with when: score_drop, one of the two.")
            if (self.measure is None) != (self.below is None):
                raise ValueError("must have below with a measure, and a measure with below.")
            if self.by is not None and self.score is None:
                raise ValueError("must not have by with a measure. Remove it.")
            if self.measure is not None and self.strategy is not None:
                raise ValueError("must not have a strategy with a measure. Remove it.")
        if self.when == "size_change" and (self.holdout or self.contact_frequency is not None):
            raise ValueError("must have no holdout and no contact_frequency with when: size_change. Remove them.")
        if self.against == "model" and self.days_late is not None:
            raise ValueError("must not have days_late with against: model. Remove it.")
        return self

    @model_validator(mode="after")
    def _known_channel(self) -> "Trigger":
        if self.asks is not None and self.asks not in CHANNELS:
            raise ValueError(
                f"must have a channel that consent can be asked for. Got {self.channel!r}. Choose of "
                f"{', '.join(CHANNELS)}; in_house if nobody is contacted."
            )
        return self

    @property
    def asks(self) -> str | None:
        """The channel whose consent is asked for; None where a rule is about no customer."""
        return None if self.when == "size_change" else SPELLINGS.get(self.channel, self.channel)

    @property
    def needs_predictions(self) -> bool:
        """Whether the rule rests on the predictions of clv."""
        return self.measure is not None or self.against == "model"


class Webhook(Section):
    """Where triggers are sent, and how patiently. Address and secret come from the environment."""

    url_env: str = Field("RFM_ML_WEBHOOK_URL", description="Environment variable that holds the address (https).")
    secret_env: str = Field("RFM_ML_WEBHOOK_SECRET", description="Environment variable that holds the signing secret.")
    batch_size: int = Field(500, ge=1, le=10_000, description="Largest number of actions in one POST.")
    timeout_seconds: float = Field(10, gt=0, le=300, description="Time limit of one try.")
    total_seconds: float = Field(120, gt=0, le=3600, description="Time limit of everything that is sent.")
    tries: int = Field(5, ge=1, le=20, description="Tries per batch.")
    allow_http: bool = Field(False, description="Allow an address without encryption beyond this machine.")
