"""How customers are measured, labelled, predicted, and how ways to do so are compared."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from rfm_ml.criteria import parse_criteria
from rfm_ml.customers.engagement import EVENT_WEIGHTS
from rfm_ml.models import MODELS
from rfm_ml.params.section import Section


class Customers(Section):
    """How customers are measured."""

    window_days: int | None = Field(None, ge=1, description="Orders and spend of the last days; null: all.")
    annualise: bool = Field(False, description="Scale yearly rates of customers younger than the window.")
    by: Literal["channel"] | None = Field(None, description="One row per customer and channel.")


class Strategy(Section):
    """A way to label customers, and the map that names the labels."""

    use: str = Field(
        description="quantile_rfm, threshold_rfm, clv_tiers, clusters, rule_tree, or your own class as my_module:Class."
    )
    map: str | None = Field(None, description="twelve, three_level, classic, or a YAML file of your own.")
    options: dict[str, Any] = Field(default_factory=dict, description="Arguments of the strategy.")
    refit: bool = Field(False, description="Learn anew at every run; false: keep the frozen model.")


class DynamicSegment(Section):
    """A segment by criteria; one customer may be in many."""

    where: dict[str, Any] = Field(
        description="Conditions under all, any and not, nested up to 100 levels: see docs/criteria.md."
    )
    description: str = Field("", description="What the segment is for, in words.")

    @field_validator("where")
    @classmethod
    def _criteria(cls, value: dict[str, Any]) -> dict[str, Any]:
        parse_criteria(value, path="")  # the place of the section comes before it, as in dynamic_segments.vips.where
        return value


class Clv(Section):
    """Predictions of orders and value per customer."""

    model: Literal[tuple(MODELS)] = Field("mbg_nbd", description="The repeat-buying model.")  # type: ignore[valid-type]
    horizon_days: int = Field(365, ge=1, le=36_500, description="How far to look ahead.")
    daily_discount: float = Field(0.0003, ge=0, le=0.1, description="What money loses a day: 0.0003 is 11 % a year.")
    margin: float = Field(1.0, gt=0, le=1, description="Share of an order's value that is earned.")


class Engagement(Section):
    """How clicks, visits and carts count in the engagement score."""

    half_life_days: float = Field(30, ge=1, le=3650, description="An event counts half after as many days.")
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=lambda: dict(EVENT_WEIGHTS),
        description="Points of an event of today by its kind; kinds not named here give none.",
    )


class Hysteresis(Section):
    """When a customer has moved: not at every touch of a limit."""

    periods: int = Field(
        1, ge=1, le=100, description="Customers move after as many as-of days in a row in the new segment."
    )
    margin: float = Field(
        0, ge=0, le=0.99, description="A limit is crossed only by more than this share of it; scores of R, F, M alone."
    )


class Recommendations(Section):
    """Products for each customer: what their segment buys more than others and they never bought."""

    per_customer: int = Field(3, ge=1, le=20, description="How many; the columns product_1, product_2, ... of lists.")
    by: Literal["product", "category"] = Field("product", description="Offer products or categories.")
    season_days: int | None = Field(
        60, ge=1, le=364, description="Purchases of the last days, and of as many after this day a year ago; null: all."
    )
    least_buyers: int = Field(5, ge=1, description="A segment's product needs as many buyers to be ranked by its lift.")
    among: int = Field(10, ge=1, description="Lift ranks as many products that the segment buys most.")
    shrinkage: float = Field(5, ge=0.01, description="Buyers added to those found and to those expected.")


class CampaignResults(Section):
    """How the campaigns that were sent are judged."""

    window_days: int = Field(28, ge=1, le=730, description="Orders count from the day of sending, for as many days.")
    past_days: int = Field(182, ge=1, le=3650, description="Behaviour of as many days before makes lifts sharper.")
    holdout: float | None = Field(
        None, gt=0, lt=1, description="Share that was to be held out; null: group sizes are not tested."
    )
    strategy: str | None = Field(None, description="Strategy whose segments are compared; null: the leading one.")
    score: str = Field("spend", description="Column of the customers by which the best would have been contacted.")
    level: float = Field(0.95, ge=0.5, le=0.999, description="Of the intervals.")


class Comparison(Section):
    """How the backtest judges strategies, models and baselines."""

    horizon_days: int | None = Field(
        None, ge=7, le=3660, description="Days to judge by; null: 91, or 28 where the log is short."
    )
    origins: int = Field(4, ge=1, le=24, description="Days of the past on which strategies are put to the test.")
    bootstraps: int = Field(1000, ge=100, le=100_000, description="Bootstrap samples behind every interval.")
    refits: int = Field(50, ge=10, le=1000, description="Refits on bootstrap samples, for the stability of segments.")
    candidates: list[str] | None = Field(
        None,
        min_length=1,
        description="Strategies of the study and built-in candidates by name; null: all. Baselines always take part.",
    )
    customers: int = Field(50_000, ge=1000, description="Beyond so many customers a sample of them is compared.")
    margin: float = Field(0.3, gt=0, le=1, description="Share of an order's value that is earned.")
    contact_cost: float | None = Field(
        None, ge=0, description="Cost of one contact, in currency; null: contacting everybody just breaks even."
    )
    response: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [0.05, 0.1, 0.2],
        min_length=1,
        description="Share of a customer's spend that a contact brings about. An assumption: each one is worked out.",
    )
    seed: int = Field(1, ge=0, description="Seed of the bootstrap samples.")
