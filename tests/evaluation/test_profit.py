"""Profit by depth and the best depth, by hand and on weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import ParamsError
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.profit import best_depth, profit_curve

SPEND, SCORE = [100.0, 40.0, 10.0, 0.0], [4, 3, 2, 1]
HOW = {"margin": 0.5, "contact_cost": 3.0}

cases = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-2, 30).map(float), min_size=n, max_size=n),
        st.lists(st.integers(0, 4).map(float), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def test_profit_by_hand():
    # 100 x .5 x .2 - 3 = 7; 40: +4 - 3 = +1; 10: +1 - 3 = -2; 0: -3.
    table = profit_curve(SPEND, SCORE, **HOW, response=0.2, steps=4)
    assert table["profit"].tolist() == pytest.approx([0, 7, 8, 6, 3])
    assert table["customers"].tolist() == [0, 1, 2, 3, 4]
    assert table["spend"].tolist() == [0, 100, 140, 150, 150]
    best = best_depth(SPEND, SCORE, **HOW, response=0.2)
    assert (float(best.depth), float(best.profit)) == pytest.approx((0.5, 8))


def test_the_response_is_swept():
    table = profit_curve(SPEND, SCORE, **HOW, response=[0.02, 0.2, 1], steps=4)
    assert table.groupby("response")["profit"].max().tolist() == pytest.approx([0, 8, 66])
    assert float(best_depth(SPEND, SCORE, **HOW, response=0.02).depth) == 0
    assert float(best_depth(SPEND, SCORE, **HOW, response=1).depth) == 0.75


def test_equal_scores_are_one_line_and_one_decision():
    table = profit_curve(SPEND, [4, 2, 2, 1], **HOW, response=0.2, steps=4)
    assert table["profit"].tolist() == pytest.approx([0, 7, 6.5, 6, 3])
    assert float(best_depth(SPEND, [4, 2, 2, 1], **HOW, response=0.2).depth) == 0.25
    assert float(best_depth(SPEND, [1, 1, 1, 1], **HOW, response=0.2).profit) == pytest.approx(3)


@given(cases)
@settings(max_examples=100, deadline=None)
def test_weights_are_repeated_rows(case):
    spend, score, counts = (np.array(a) for a in case)
    weighted = best_depth(spend, score, **HOW, response=0.37, weights=counts[None, :])
    again = best_depth(np.repeat(spend, counts), np.repeat(score, counts), **HOW, response=0.37)
    assert weighted.profit[0] == pytest.approx(float(again.profit))
    assert weighted.depth[0] == pytest.approx(float(again.depth))


@given(cases)
@settings(max_examples=50, deadline=None)
def test_no_depth_of_the_curve_is_better_than_the_best(case):
    spend, score, _ = case
    best = best_depth(spend, score, **HOW, response=0.5)
    table = profit_curve(spend, score, **HOW, response=0.5, steps=37)
    assert table["profit"].max() <= float(best.profit) + 1e-9
    assert best.profit >= 0


def test_the_interval_of_the_best_depth_holds_the_true_one():
    """The best third spends 100 and pays, the rest spends 20 and does not."""
    n = 900
    score = np.repeat([3.0, 2.0, 1.0], n // 3)
    spend = np.where(score == 3, 100.0, 20.0) * np.random.default_rng(0).poisson(1, n)
    best = best_depth(spend, score, **HOW, response=0.2, weights=bootstrap_weights(n, repeats=200))
    low, high = interval(best.depth)
    assert low < 1 / 3 < high
    assert high < 0.45


@pytest.mark.parametrize("wrong", [{"margin": 30}, {"contact_cost": -1}, {"response": 20}, {"response": []}])
def test_assumptions_out_of_range_are_refused(wrong):
    with pytest.raises(ParamsError, match=next(iter(wrong))):
        profit_curve(SPEND, SCORE, **({**HOW, "response": 0.1} | wrong))
