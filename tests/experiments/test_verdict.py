"""Every verdict, and that none says more than the data show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.experiments.lift import Lift
from rfm_ml.experiments.verdict import (
    LESS,
    MISMATCH,
    MORE,
    NO_EFFECT_SHOWN,
    NOT_COMPARABLE,
    NOT_OVER,
    TOO_FEW,
    detectable,
    judge,
)

SHOWN = Lift(0.12, 0.05, 0.19, 0.001, 0.036, 400, 800, 200, 0.5, 0.38)
OPEN = SHOWN._replace(low=-0.02, high=0.26, p_value=0.09)


def test_more_and_less() -> None:
    words = "More: +0.12 orders per customer, between +0.05 and +0.19."
    assert judge(SHOWN, unit="orders") == (MORE, words)
    less = judge(SHOWN._replace(difference=-12.0, low=-19.0, high=-5.0), unit="EUR of spend")
    assert less.verdict == LESS
    assert less.words.startswith("Less: -12 EUR of spend per customer")


def test_no_effect_shown_says_what_remains_possible() -> None:
    found = judge(OPEN, unit="orders")
    assert found.verdict == NO_EFFECT_SHOWN
    assert found.words == (
        "No effect shown: between -0.02 and +0.26 orders per customer; this list could have shown +0.101 or more."
    )
    assert detectable(OPEN) == pytest.approx(2.8016 * 0.036, abs=1e-5)


def test_one_segment_of_many_needs_more() -> None:
    assert judge(SHOWN, unit="orders", p_adjusted=0.01).verdict == MORE
    found = judge(SHOWN, unit="orders", p_adjusted=0.4)
    assert found.verdict == NO_EFFECT_SHOWN
    assert "of so many segments one is as far off by chance (p 0.40)" in found.words


@pytest.mark.parametrize("problem", [NOT_OVER, MISMATCH, NOT_COMPARABLE])
def test_a_problem_silences_the_figures(problem: str) -> None:
    found = judge(SHOWN, unit="orders", problem=problem, explanation="the reason")
    assert found == (problem, f"{problem.capitalize()}: the reason.")


def test_too_few_says_how_many() -> None:
    few = SHOWN._replace(low=np.nan, high=np.nan, treated=40, control=3)
    assert judge(few, unit="orders") == (
        TOO_FEW,
        "Too few customers: 40 treated and 3 held out or comparable; 10 are needed.",
    )
    still = judge(few._replace(control=30), unit="orders")
    assert still.words.endswith("and too few of them did anything.")


def test_observational_is_labelled_always() -> None:
    for lift in (SHOWN, OPEN):
        assert judge(lift, unit="orders", observational=True).words.startswith("Observational, no proof. ")


@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_no_claim_when_the_interval_covers_nothing(middle: float, reach: float) -> None:
    low, high = middle - reach, middle + reach
    found = judge(SHOWN._replace(difference=middle, low=low, high=high), unit="orders").verdict
    assert (found == NO_EFFECT_SHOWN) == (low <= 0 <= high)
    assert (found == MORE) == (low > 0)
