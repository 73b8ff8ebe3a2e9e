"""Audiences: who is put on which list, for whom, and what every list obeys."""

import os
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from rfm_ml.campaigns.destinations import DESTINATIONS, make_destination
from rfm_ml.campaigns.gate import FEW, GATE
from rfm_ml.campaigns.normalise import require_country
from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.params.section import Section

Share = Annotated[float, Field(ge=0, le=0.9, allow_inf_nan=False)]

CHANNELS: Final = ("email", "sms", "push", "ads", "call", "post", "web", "in_house")
SPELLINGS: Final = {"e-mail": "email", "in-house": "in_house"}

Channel = Annotated[
    Literal["email", "sms", "push", "ads", "call", "post", "web", "in_house"],
    BeforeValidator(lambda value: SPELLINGS.get(str(value), value)),
]
"""How somebody is reached, and so what consent is asked for; in_house: nobody is contacted."""

OWN_KEYS: Final = {
    "default_country": "Give it in activation:.",
    "properties": "Give columns: instead.",
    "channel": "Give channel: of the audience.",
}
"""Options of a destination that the params have keys of their own for, and which."""


class Top(Section):
    """The best customers by a figure."""

    n: int = Field(ge=1, description="How many.")
    by: str = Field("expected_spend", description="A column of the customers table or of the predictions.")


class Others(Section):
    """Customers who are left out because they are elsewhere."""

    segments: list[str] = Field(default_factory=list, description="Segments of the audience's strategy.")
    dynamic: list[str] = Field(default_factory=list, description="Dynamic segments.")
    audiences: list[str] = Field(default_factory=list, description="Everybody whom these audiences select.")


class Frequency(Section):
    """How often a customer may be written to."""

    most: int = Field(ge=1, description="A customer who got so many messages lately gets no further one.")
    within_days: int = Field(ge=1, le=3660, description="Days that count, up to the as-of day.")


class Contacting(Section):
    """What holds wherever customers are contacted: who is held out, and how often one may be written to."""

    holdout: Share = Field(0, description="Share held out of this list, to see what it brings about.")
    salt: str | None = Field(None, description="Another word gives another draw; null: the list's name.")
    contact_frequency: Frequency | None = Field(None, description="Leave out who was written to often.")


class Audience(Contacting):
    """A list: whom it selects, where it goes, who is held out."""

    description: str = Field("", description="What the list is for, in words.")
    segments: list[str] | None = Field(None, min_length=1, description="Segments of a strategy, one or several.")
    strategy: str | None = Field(None, description="The strategy of the segments; null: the leading one.")
    dynamic: str | None = Field(None, description="A dynamic segment, in place of segments.")
    trigger: str | None = Field(None, description="Whom a trigger found since the last published day.")
    top: Top | None = Field(None, description="Only the best of those selected, or of everybody.")
    minus: Others = Field(default_factory=Others, description="Leave these out.")
    destination: str = Field("csv", description="Where the list goes, as in docs/lists.md: meta, klaviyo, csv, ...")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the destination, as tag_by.")
    channel: Channel | None = Field(
        None, description="What consent is asked for; null: the destination's. in_house: nobody is contacted."
    )
    columns: list[str] | None = Field(None, description="Columns of the list beside the contact's own; null: all.")
    at_most: int | None = Field(None, ge=1, description="Most customers, those held out included: the best.")
    rank_by: str = Field("spend", description="Who the best are, and the value in lists: as top.by.")
    offer: str = Field("", description="What is offered; kept in the manifest.")
    notes: str = Field("", description="Anything else; kept in the manifest.")

    @field_validator("destination")
    @classmethod
    def _known(cls, value: str) -> str:
        require_known(value, DESTINATIONS, what="")
        return value

    @field_validator("options")
    @classmethod
    def _of_destination(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for own, instead in OWN_KEYS.items():
            if own in value:
                raise ValueError(f"must not hold {own}. Got {value[own]!r}. {instead}")
        try:
            if "destination" in info.data:
                make_destination(info.data["destination"], **value)
        except (ParamsError, TypeError) as error:
            raise ValueError(f": {error}") from None
        return value

    @model_validator(mode="after")
    def _usable(self) -> "Audience":
        sources = [k for k in ("segments", "dynamic", "trigger") if getattr(self, k) is not None]
        if len(sources) > 1:
            raise ValueError(f"must have one of segments, dynamic and trigger. Got {' and '.join(sources)}.")
        if not sources and self.top is None and not self.suppression:
            raise ValueError("must select somebody by segments, dynamic, trigger or top. Got none of them.")
        if self.suppression and self.holdout:
            raise ValueError(f"must have no holdout: {self.destination} is for those who must not be written to.")
        if self.channel == "in_house" and DESTINATIONS[self.destination].channel != "people":
            raise ValueError(f"must not be in_house: {self.destination} reaches people. Leave channel out.")
        if self.asks is None and not self.suppression:
            raise ValueError(
                f"must have a channel with the destination {self.destination}, so that consent can be asked for. "
                f"Got none. Choose of {', '.join(CHANNELS)}; in_house if nobody is contacted."
            )
        return self

    @property
    def suppression(self) -> bool:
        """Whether the list is of those who must not be written to."""
        return DESTINATIONS[self.destination].channel == "suppression"

    @property
    def asks(self) -> str | None:
        """The channel whose consent is asked for, None where only the params could tell and do not."""
        own = DESTINATIONS[self.destination].channel
        return self.channel or (own if own in CHANNELS else None)


class Activation(Section):
    """What every list obeys."""

    salt: SecretStr | None = Field(None, description="Secret that makes the draws; better salt_env.")
    salt_env: str | None = Field(None, description="Environment variable that holds the salt.")
    global_holdout: Share = Field(0, description="Share of all customers who are on no list at all.")
    gate: float | None = Field(
        GATE,
        gt=0,
        description="Hold a list back that moved by more than this share since the last "
        f"(of {FEW} customers, where it was shorter); null: never.",
    )
    default_country: str | None = Field(None, description="Country of phones without a country code, as in DE.")
    consents: dict[Literal["email", "sms", "push", "ads", "call", "post", "web"], str] = Field(
        default_factory=dict, description="Column of contacts with a channel's consent, where not consent_<channel>."
    )
    objections_elsewhere: bool = Field(
        False, description="Without contacts: in-house lists of ids may be written, objections are kept elsewhere."
    )

    @property
    def secret(self) -> str | None:
        """The salt, from the params or the environment; None where neither has it."""
        if self.salt is not None:
            return self.salt.get_secret_value() or None
        return os.environ.get(self.salt_env) or None if self.salt_env else None

    @field_validator("default_country")
    @classmethod
    def _a_country(cls, value: str | None) -> str | None:
        try:
            require_country(value)
        except ParamsError as error:
            raise ValueError(str(error).removeprefix("default_country ")) from None
        return value

    @model_validator(mode="after")
    def _one_salt(self) -> "Activation":
        if self.salt is not None and self.salt_env is not None:
            raise ValueError("must have salt or salt_env, not both.")
        return self


def require_whole(
    audiences: dict[str, Audience],
    *,
    strategies: Collection[str],
    dynamic_segments: Collection[str],
    triggers: Collection[str],
) -> None:
    """Refuse audiences that name what the params do not have, or that leave each other out in a circle."""
    for name, audience in audiences.items():
        path = f".{name}"
        if audience.strategy is not None:
            require_known(audience.strategy, strategies, what=f"{path}.strategy: a strategy of this study")
        for place, one in [("dynamic", audience.dynamic), *(("minus.dynamic", d) for d in audience.minus.dynamic)]:
            if one is not None:
                require_known(one, dynamic_segments, what=f"{path}.{place}: a dynamic segment of this study")
        if audience.trigger is not None:
            require_known(audience.trigger, triggers, what=f"{path}.trigger: a trigger of this study")
        for other in audience.minus.audiences:
            require_known(other, audiences, what=f"{path}.minus.audiences: an audience of this study")
        _require_no_circle(name, audiences, ())


def _require_no_circle(name: str, audiences: dict[str, Audience], seen: tuple[str, ...]) -> None:
    if name in seen:
        circle = " minus ".join([*seen[seen.index(name) :], name])
        raise ParamsError(f".{name}.minus must not lead back to itself. Got {circle}. Leave one out.")
    for other in audiences[name].minus.audiences:
        if other in audiences:
            _require_no_circle(other, audiences, (*seen, name))
