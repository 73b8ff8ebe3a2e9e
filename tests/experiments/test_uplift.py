"""Qini curve by hand, and rules for whom to contact where the truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError
from rfm_ml.experiments.uplift import policy_values, qini, qini_curve


def test_qini_curve_by_hand() -> None:
    values = [1, 0, 1, 1, 0, 1, 0, 0]
    treated = [True, False, True, False, True, False, True, False]
    score = [8, 7, 6, 5, 4, 3, 2, 1]
    curve = qini_curve(values, treated, score)
    # Down to each: treated sum less held-out sum times treated over held out; 0 before the first held out.
    expected = [0, 0, 1 - 0, 2 - 0, 2 - 1, 2 - 1 * 3 / 2, 2 - 2, 2 - 2 * 4 / 3, 2 - 2]
    np.testing.assert_allclose(curve["gain"], expected)
    np.testing.assert_allclose(curve["share"], np.arange(9) / 8)
    area = np.trapezoid(expected, np.arange(9) / 8)
    assert qini(values, treated, score, repeats=5).coefficient == pytest.approx(area / 4)


@given(st.permutations(range(12)))
def test_equal_scores_are_one_step_whatever_the_row_order(order: list[int]) -> None:
    values = np.array([1, 0, 2, 1, 0, 0, 3, 1, 0, 1, 0, 0.0])[order]
    treated = np.array([True, False, True, True, False, True] * 2)[order]
    score = np.array([3, 3, 3, 3, 1, 1, 1, 1, 1, 0, 0, 0])[order]
    curve = qini_curve(values, treated, score)
    assert curve["share"].tolist() == pytest.approx([0, 4 / 12, 9 / 12, 1])
    assert curve["gain"].tolist() == pytest.approx([0, 4 - 0, 7 - 1 * 6 / 3, 8 - 1 * 8 / 4])


def campaign(rng: np.random.Generator, size: int) -> tuple[np.ndarray, ...]:
    """Customers of whom the half with a score above 0.5 is moved by 2; everybody buys about 5."""
    score = rng.random(size)
    treated = rng.random(size) < 0.8
    return rng.normal(5, 2, size) + 2.0 * treated * (score > 0.5), treated, score


def test_a_score_that_finds_the_moved_beats_chance_and_one_that_does_not_does_not() -> None:
    rng = np.random.default_rng(0)
    y, treated, score = campaign(rng, 4000)
    good = qini(y, treated, score, repeats=200)
    # The curve rises to 1 per customer at half, then is level; the triangle above the diagonal is 1 / 4.
    assert good.coefficient == pytest.approx(0.25, abs=0.08)
    assert good.low > 0
    chance = qini(y, treated, rng.random(4000), repeats=200)
    assert chance.low < 0 < chance.high
    assert qini_curve(y, treated, np.zeros(4000))["share"].tolist() == [0, 1]


def test_policies_are_worth_what_they_are() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        y, treated, score = campaign(rng, 1000)
        rules = {
            "everybody": np.ones(1000, bool),
            "upper half": score > 0.5,
            "lower half": score <= 0.5,
            "nobody": score > 2,
        }
        table = policy_values(y, treated, rules, treated_share=0.8, cost=0.5).set_index("policy")
        truth = {"everybody": 1.0 - 0.5, "upper half": 1.0 - 0.25, "lower half": -0.25, "nobody": 0.0}
        held += sum(table.loc[n, "low"] <= v <= table.loc[n, "high"] for n, v in truth.items() if n != "nobody")
        assert table.loc["nobody", ["gain", "low", "high"]].tolist() == [0, 0, 0]
    assert 555 <= held <= 590  # 570 of 600


def test_groups_that_are_missing_are_refused() -> None:
    with pytest.raises(DataError, match="customers in both groups"):
        qini_curve([1, 2], [True, True], [1, 2])
    with pytest.raises(DataError, match="Got nobody"):
        policy_values([1, 2], [True, True], {"all": [True, True]}, treated_share=0.8)
