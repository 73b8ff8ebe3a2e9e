"""Profit by depth and the best depth, by hand and on weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import ParamsError
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.profit import Economics, best_depth, profit_curve, profit_measures
from rfm_ml.evaluation.sample import Sample, ScoredCustomers

SPEND, SCORE = [100.0, 40.0, 10.0, 0.0], [4, 3, 2, 1]
HOW = {"margin": 0.5, "contact_cost": 3.0}

cases = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-2, 30).map(float), min_size=n, max_size=n),
        st.lists(st.integers(0, 4).map(float), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def best_of(spend, score, *, response: float, weights=None) -> tuple[np.ndarray, np.ndarray]:
    return best_depth(Sample(ScoredCustomers(spend, score), weights), **HOW, response=response)


def test_profit_by_hand():
    # 100 x .5 x .2 - 3 = 7; 40: +4 - 3 = +1; 10: +1 - 3 = -2; 0: -3.
    table = profit_curve(SPEND, SCORE, **HOW, response=0.2, steps=4)
    assert table["profit"].tolist() == pytest.approx([0, 7, 8, 6, 3])
    assert table["customers"].tolist() == [0, 1, 2, 3, 4]
    assert table["spend"].tolist() == [0, 100, 140, 150, 150]
    depth, profit = best_of(SPEND, SCORE, response=0.2)
    assert (float(depth[0]), float(profit[0])) == pytest.approx((0.5, 8))


def test_the_response_is_swept():
    table = profit_curve(SPEND, SCORE, **HOW, response=[0.02, 0.2, 1], steps=4)
    assert table.groupby("response")["profit"].max().tolist() == pytest.approx([0, 8, 66])
    assert best_of(SPEND, SCORE, response=0.02)[0] == 0
    assert best_of(SPEND, SCORE, response=1)[0] == 0.75


def test_equal_scores_are_one_line_and_one_decision():
    table = profit_curve(SPEND, [4, 2, 2, 1], **HOW, response=0.2, steps=4)
    assert table["profit"].tolist() == pytest.approx([0, 7, 6.5, 6, 3])
    assert best_of(SPEND, [4, 2, 2, 1], response=0.2)[0] == 0.25
    assert best_of(SPEND, [1, 1, 1, 1], response=0.2)[1] == pytest.approx(3)


@given(cases)
@settings(max_examples=100, deadline=None)
def test_weights_are_repeated_rows(case):
    spend, score, counts = (np.array(a) for a in case)
    weighted = best_of(spend, score, response=0.37, weights=counts[None, :])
    again = best_of(np.repeat(spend, counts), np.repeat(score, counts), response=0.37)
    np.testing.assert_allclose(weighted, again)


@given(cases)
@settings(max_examples=50, deadline=None)
def test_no_depth_of_the_curve_is_better_than_the_best(case):
    spend, score, _ = case
    (profit,) = best_of(spend, score, response=0.5)[1]
    table = profit_curve(spend, score, **HOW, response=0.5, steps=37)
    assert table["profit"].max() <= profit + 1e-9
    assert profit >= 0


def test_the_interval_of_the_best_depth_holds_the_true_one():
    """The best third spends 100 and pays, the rest spends 20 and does not."""
    n = 900
    score = np.repeat([3.0, 2.0, 1.0], n // 3)
    spend = np.where(score == 3, 100.0, 20.0) * np.random.default_rng(0).poisson(1, n)
    weights, economics = bootstrap_weights(n, repeats=200), Economics(0.5, 3.0, (0.2,))
    draws = profit_measures(spend, score, weights=weights, economics=economics, mean_spend=0)
    low, high = interval(draws["best_depth_0.2"])
    assert low < 1 / 3 < high
    assert high < 0.45


@pytest.mark.parametrize("wrong", [{"margin": 30}, {"contact_cost": -1}, {"response": 20}, {"response": []}])
def test_assumptions_out_of_range_are_refused(wrong):
    with pytest.raises(ParamsError, match=next(iter(wrong))):
        profit_curve(SPEND, SCORE, **({**HOW, "response": 0.1} | wrong))
