"""Every measure of a score, by known answers, and the same on weights as on repeated rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation import value_measures
from rfm_ml.evaluation.forecast_error import (
    bias,
    calibration_slope,
    decile_mape,
    decile_table,
    mae_over_mean,
    out_of_sample_r2,
    rmse_over_mean,
)
from rfm_ml.evaluation.ranking import capture, gains_curve, missed_top, normalised_gini, roc_auc, spearman, wrongly_in
from rfm_ml.evaluation.sample import Sample, ScoredCustomers

rng = np.random.default_rng(7)
N = 2000
SPEND = np.where(rng.random(N) < 0.4, rng.gamma(1.0, 50.0, N).round(2), 0.0)

amounts = st.integers(-3, 6).map(float)
cases = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(amounts, min_size=n, max_size=n),
        st.lists(amounts, min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def of(measure, spend, score, **how) -> float:
    """Return a measure of the customers themselves."""
    return float(measure(Sample(ScoredCustomers(spend, score)), **how)[0])


# --- known answers --------------------------------------------------------------------------------------------------
def test_a_perfect_score_a_reversed_one_and_a_constant_one():
    perfect = value_measures(SPEND, SPEND, mean_train=SPEND.mean())
    # 40 % bought, so the future top 20 % has no ties but by chance.
    wanted = {"normalised_gini": 1, "spearman": 1, "roc_auc": 1, "missed_top_20": 0, "wrongly_in_20": 0}
    wanted |= {"out_of_sample_r2": 1, "mae_over_mean": 0, "rmse_over_mean": 0, "bias": 0, "decile_mape": 0}
    wanted |= {"calibration_slope": 1}
    for name, value in wanted.items():
        assert perfect[name] == pytest.approx(value, abs=1e-9), name
    back = value_measures(SPEND, -SPEND, mean_train=None)
    assert [back["normalised_gini"], back["spearman"], back["roc_auc"]] == pytest.approx([-1, -1, 0], abs=1e-9)
    same = value_measures(SPEND, np.full(N, 20.0), mean_train=20.0)
    assert same["normalised_gini"] == pytest.approx(0, abs=1e-12)
    assert [same["roc_auc"], same["capture_10"], same["lift_20"]] == pytest.approx([0.5, 0.1, 1.0])
    assert [same["missed_top_20"], same["wrongly_in_20"]] == pytest.approx([0.8, 0.2])
    assert same["out_of_sample_r2"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(same["spearman"])
    assert np.isnan(same["calibration_slope"])


def test_random_scores_are_about_zero():
    """Under random order the gains area is 1/2 with variance cv(y)^2 / (12 n), and Spearman has 1 / (n - 1).

    The Gini is that area twice; normalised, over that of the order of the spend.
    """
    draws = [np.random.default_rng(100 + i).random(N) for i in range(40)]
    cv = SPEND.std() / SPEND.mean()
    curve = gains_curve(SPEND, SPEND)
    best = 2 * np.trapezoid(curve["spend_share"], curve["customer_share"]) - 1
    error = 2 * cv / np.sqrt(12 * N) / best
    ginis = np.array([of(normalised_gini, SPEND, s) for s in draws])
    assert abs(ginis.mean()) < 4 * error / np.sqrt(40)
    assert ginis.std() == pytest.approx(error, rel=0.35)
    ranks = np.array([of(spearman, SPEND, s) for s in draws])
    assert abs(ranks.mean()) < 4 / np.sqrt(40 * (N - 1))


def test_gini_by_hand():
    # Order by score: 60 | 0 and 40 tied | 0. Points (0, 0), (1/4, .6), (3/4, 1), (1, 1).
    # Area = .6/8 + (.6 + 1)/4 + 1/4 = .725; perfect: .6/8 + (.6 + 1)/8 + 1/2 = .775.
    spend, score = [60, 0, 40, 0], [3, 2, 2, 1]
    assert of(normalised_gini, spend, score) == pytest.approx(0.45 / 0.55)
    curve = gains_curve(spend, score)
    assert curve["customer_share"].tolist() == [0, 0.25, 0.75, 1]
    assert curve["spend_share"].tolist() == pytest.approx([0, 0.6, 1, 1])
    area = np.trapezoid(curve["spend_share"], curve["customer_share"])
    assert 2 * area - 1 == pytest.approx(0.45)
    assert of(capture, spend, score, share=0.5) == pytest.approx(0.8)  # half of the tie
    assert of(capture, spend, score, share=0.1) == pytest.approx(0.24)
    ten = value_measures([60, 0, 40, *[0] * 7], [3, 2, 2, *[1] * 7], mean_train=None)
    assert ten["lift_20"] == pytest.approx(4.0)  # 60 and half of the tie, over a fifth
    assert ten["lift_10"] == pytest.approx(6.0)


def test_missed_and_wrongly_taken_by_hand():
    spend = [90, 80, 10, 5, 0, 0, 0, 0, 0, 0]
    score = [9, 1, 8, 7, 2, 2, 2, 2, 2, 2]
    assert of(missed_top, spend, score, share=0.2) == pytest.approx(1 / 2)  # 80 is missed
    assert of(wrongly_in, spend, score, share=0.2) == pytest.approx(1 / 8)  # 10 is taken
    # One place for customers 2 and 3, who are tied: one of them is missed with chance 1/2.
    assert of(missed_top, spend, [9, 8, 8, 1, 1, 1, 1, 1, 1, 1], share=0.2) == pytest.approx(1 / 4)
    # Equal spend at the edge: lots decide which of 80 and 80 is in the top.
    assert of(
        missed_top, [90, 80, 80, 0, 0, 0, 0, 0, 0, 0], [9, 8, 1, 1, 1, 1, 1, 1, 1, 1], share=0.2
    ) == pytest.approx(1 / 4)
    # share x n is no whole number: the top 2.5 of 5 by spend 5, 4, 3 by half.
    assert of(missed_top, [5, 4, 3, 2, 1], [5, 4, 1, 3, 2], share=0.5) == pytest.approx(0.5 / 2.5)


def test_the_future_top_holds_buyers_alone():
    spend = [50, *[0] * 9]
    assert of(missed_top, spend, spend, share=0.2) == 0
    assert of(missed_top, spend, [1, *[2] * 9], share=0.2) == pytest.approx(1)
    # A top of two has one place too many for one buyer.
    assert of(wrongly_in, spend, spend, share=0.2) == pytest.approx(1 / 9)
    assert of(missed_top, spend, np.ones(10), share=0.2) == pytest.approx(0.8)
    assert np.isnan(of(missed_top, np.zeros(10), np.arange(10), share=0.2))
    assert np.isnan(of(wrongly_in, np.zeros(10), np.arange(10), share=0.2))


def test_errors_by_hand():
    spend, score = [0.0, 10.0, 20.0, 30.0], [5.0, 5.0, 25.0, 35.0]
    assert of(out_of_sample_r2, spend, score, mean_train=10) == pytest.approx(1 - 100 / 600)
    assert of(mae_over_mean, spend, score) == pytest.approx(5 / 15)
    assert of(rmse_over_mean, spend, score) == pytest.approx(5 / 15)
    assert of(bias, spend, score) == pytest.approx(70 / 60 - 1)
    slope = np.polyfit(score, spend, 1)[0]
    assert of(calibration_slope, spend, score) == pytest.approx(slope)


def test_deciles_by_hand():
    spend = np.arange(1.0, 21.0)
    score = spend.copy()
    score[-2:] = [30, 40]  # the best tenth: mean 35 instead of 19.5
    table = decile_table(spend, score)
    assert table["actual_mean"].tolist() == pytest.approx([1.5 + 2 * i for i in range(10)])
    assert table["expected_mean"].tolist()[-1] == pytest.approx(35)
    assert table["group"].tolist() == [str(i) for i in range(1, 11)]
    assert table["customers"].tolist() == [2] * 10
    assert table["actual_error"].tolist() == pytest.approx([0.5] * 10)
    assert of(decile_mape, spend, score) == pytest.approx(0.1 * (35 - 19.5) / 19.5)
    # One score for all: each tenth is like the whole.
    assert decile_table(spend, np.full(20, 12.0))["actual_mean"].tolist() == pytest.approx([10.5] * 10)
    assert of(decile_mape, spend, np.full(20, 12.0)) == pytest.approx(1.5 / 10.5)


def test_decile_error_is_the_mean_over_tenths_that_spent():
    spend = np.array([*[0.0] * 10, *[10.0] * 10])
    score = np.array([*[1.0] * 10, *[15.0] * 10])
    assert of(decile_mape, spend, score) == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(5))
def test_ranks_agree_with_scipy_and_scikit_learn(seed: int):
    draw = np.random.default_rng(seed)
    spend = np.maximum(draw.integers(-5, 6, 60), 0).astype(float)
    score = draw.integers(0, 8, 60)
    assert of(spearman, spend, score) == pytest.approx(spearmanr(spend, score).statistic)
    assert of(roc_auc, spend, score) == pytest.approx(roc_auc_score(spend > 0, score))


# --- properties -----------------------------------------------------------------------------------------------------
@given(cases)
@settings(max_examples=150, deadline=None)
def test_weights_are_repeated_rows(case):
    spend, score, counts = (np.array(a) for a in case)
    weighted = value_measures(spend, score, mean_train=1.5, weights=counts[None, :])
    again = value_measures(np.repeat(spend, counts), np.repeat(score, counts), mean_train=1.5)
    for name, value in again.items():
        assert weighted[name].shape == (1,)
        assert_allclose(weighted[name][0], value, rtol=1e-9, atol=1e-9, err_msg=name)


@given(cases, st.randoms())
@settings(max_examples=100, deadline=None)
def test_row_order_does_not_matter(case, random):
    spend, score, _ = (np.array(a) for a in case)
    order = np.array(random.sample(range(len(spend)), len(spend)))
    one = value_measures(spend, score, mean_train=1.5)
    two = value_measures(spend[order], score[order], mean_train=1.5)
    for name, value in one.items():
        assert_allclose(two[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


@given(cases)
@settings(max_examples=100, deadline=None)
def test_order_measures_do_not_mind_the_scale_of_the_score(case):
    spend, score, _ = (np.array(a) for a in case)
    one, two = value_measures(spend, score, mean_train=None), value_measures(spend, np.exp(score), mean_train=None)
    for name, value in one.items():
        assert_allclose(two[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
    if np.isfinite(one["normalised_gini"]):
        assert -1 - 1e-9 <= one["normalised_gini"] <= 1 + 1e-9


def test_many_rows_of_weights_are_judged_one_by_one():
    rows = np.random.default_rng(0).multinomial(N, np.full(N, 1 / N), size=3).astype(np.uint16)
    score = SPEND + np.random.default_rng(1).integers(0, 60, N)
    together = value_measures(SPEND, score, mean_train=20, weights=rows)
    for i, row in enumerate(rows):
        alone = value_measures(np.repeat(SPEND, row), np.repeat(score, row), mean_train=20)
        for name, value in alone.items():
            assert together[name][i] == pytest.approx(float(value), rel=1e-9), name


# --- odd data -------------------------------------------------------------------------------------------------------
def test_nothing_spent_is_not_a_number():
    found = value_measures(np.zeros(20), np.arange(20.0), mean_train=0.0)
    assert np.isnan([found[n] for n in ("normalised_gini", "capture_10", "roc_auc", "bias", "decile_mape")]).all()
    assert np.isnan(found["out_of_sample_r2"])


def test_net_returns_keep_the_measures_finite():
    spend = np.array([100.0, 20, 0, 0, -30, 0, 0, 0, 0, -5])
    found = value_measures(spend, np.arange(10.0), mean_train=10)
    assert np.isfinite(list(found.values())).all()
    assert of(normalised_gini, -spend, -np.arange(10.0)) == pytest.approx(of(normalised_gini, spend, np.arange(10.0)))


def test_a_single_customer():
    found = value_measures([10.0], [8.0], mean_train=5.0)
    assert found["bias"] == pytest.approx(-0.2)
    assert np.isnan(found["normalised_gini"])
    assert decile_table([10.0], [8.0])["actual_error"].isna().all()


@pytest.mark.parametrize(
    ("spend", "score", "words"),
    [
        ([], [], "at least one"),
        ([1, np.nan], [1, 2], "1 missing or infinite of 2"),
        ([1, 2], [1, np.inf], "score must be a number"),
        ([1, 2], [1], "2 numbers"),
    ],
)
def test_what_cannot_be_judged_is_refused(spend, score, words):
    with pytest.raises(DataError, match=words):
        value_measures(spend, score, mean_train=1)


def test_bad_weights_are_refused():
    with pytest.raises(DataError, match="2 columns"):
        value_measures([1, 2], [1, 2], mean_train=1, weights=[1, 1])
    with pytest.raises(DataError, match="negative"):
        value_measures([1, 2], [1, 2], mean_train=1, weights=[[1, -1]])


def test_columns_of_a_frame_will_do():
    frame = pd.DataFrame({"spend": [1.0, 0, 3], "score": [2, 1, 3]}, index=[7, 9, 7])
    assert of(normalised_gini, frame["spend"], frame["score"]) == pytest.approx(1)
