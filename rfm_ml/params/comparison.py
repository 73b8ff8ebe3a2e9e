"""How strategies are compared."""

from typing import Annotated

from pydantic import Field

from rfm_ml.params.section import Section


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
