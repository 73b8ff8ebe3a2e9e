"""Bootstrap draws, intervals, verdicts and ranks by hand, and how often intervals cover."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation import value_measures
from rfm_ml.evaluation.inference import (
    bootstrap_weights,
    holm,
    interval,
    mean_ranks,
    paired_difference,
)


def test_weights_are_samples_with_replacement():
    rows = bootstrap_weights(50, repeats=400, seed=3)
    assert rows.shape == (400, 50)
    assert (rows.sum(axis=1) == 50).all()
    # The share never drawn is (1 - 1/n)^n.
    assert (rows == 0).mean() == pytest.approx(0.98**50, abs=0.01)
    assert rows.mean(axis=0).std() < 0.1
    assert (bootstrap_weights(50, repeats=400, seed=4) != rows).any()


def test_weights_drawn_in_pieces_are_the_same():
    whole = bootstrap_weights(30, repeats=10, seed=3)
    pieces = [bootstrap_weights(30, repeats=5, seed=3, first=i) for i in (0, 5)]
    assert (np.vstack(pieces) == whole).all()


def test_the_interval_of_a_mean_covers_as_often_as_it_says():
    inside = 0
    for seed in range(200):
        spend = np.random.default_rng(1000 + seed).gamma(2, 10, 150)
        means = bootstrap_weights(150, repeats=200, seed=seed) @ spend / 150
        low, high = interval(means, level=0.9)
        inside += low <= 20 <= high
    assert 0.83 <= inside / 200 <= 0.95


def test_an_interval_without_values():
    assert np.isnan(interval([np.nan, np.nan])).all()
    assert interval([1.0, np.nan, 3.0], level=0.5) == pytest.approx((1.5, 2.5))


def test_verdicts_by_hand():
    a = np.linspace(0.70, 0.80, 99)
    better = paired_difference(a, a - 0.01, estimate=0.011)
    assert better.verdict == "better"
    assert better.difference == 0.011
    assert better.p_value == pytest.approx(2 / 100)
    assert better.pairs == 99
    assert paired_difference(a - 0.01, a).verdict == "worse"
    assert paired_difference(a, a - 0.01, higher_is_better=False).verdict == "worse"
    same = paired_difference(a, a)
    assert (same.verdict, same.p_value, same.difference) == ("no difference", 1.0, 0.0)
    # Differences -49 to 49: the interval covers 0.
    covers = paired_difference(np.arange(-49.0, 50), np.zeros(99))
    assert covers.verdict == "no difference"
    assert covers.p_value == 1
    assert np.isnan(paired_difference([np.nan], [1.0]).difference)
    assert paired_difference([np.nan], [1.0]).verdict == "no difference"
    with pytest.raises(DataError, match="same bootstrap samples"):
        paired_difference([1.0, 2.0], [1.0])


def test_pairing_sees_what_two_intervals_do_not():
    """The score without noise is better on nearly every sample, though the two intervals overlap widely."""
    rng = np.random.default_rng(0)
    taste = rng.gamma(0.5, 2, 1500)
    spend = rng.poisson(taste) * 10.0
    rows = bootstrap_weights(1500, repeats=200, seed=1)
    noisy = taste * np.exp(0.5 * rng.normal(size=1500))
    a, b = (value_measures(spend, s, mean_train=None, weights=rows)["normalised_gini"] for s in (taste, noisy))
    assert interval(a).low < interval(b).high
    assert paired_difference(a, b).verdict == "better"


def test_holm_by_hand():
    # Sorted .005 x 4, .01 x 3, .03 x 2, .04 x 1, then the running maximum.
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([]).tolist() == []
    with_gap = holm([0.01, np.nan, 0.04])
    assert with_gap[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert np.isnan(with_gap[1])
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_p_value_and_bonferroni(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(np.array(p) * len(p), 1)).all()
    assert (np.argsort(p, kind="stable") == np.argsort(adjusted, kind="stable")).all() or len(set(adjusted)) < len(p)


def test_mean_ranks_by_hand():
    rows = [
        (1, "a", 0.7),
        (1, "b", 0.8),
        (1, "c", 0.7),
        (2, "a", 0.9),
        (2, "b", 0.5),
        (2, "c", np.nan),
        (3, "a", np.nan),
        (3, "b", np.nan),
        (3, "c", np.nan),
    ]
    scores = pd.DataFrame(rows, columns=["origin", "strategy", "value"])
    table = mean_ranks(scores)
    assert table["strategy"].tolist() == ["b", "a", "c"]
    assert table["mean_rank"].tolist() == [1.5, 1.75, 2.75]
    assert table["best_rank"].tolist() == [1, 1, 2.5]
    assert table["origins"].tolist() == [2, 2, 2]
    assert mean_ranks(scores, higher_is_better=False)["strategy"].tolist() == ["a", "b", "c"]
    assert mean_ranks(scores.iloc[6:])["mean_rank"].isna().all()
    with pytest.raises(DataError, match="once per origin"):
        mean_ranks(pd.concat([scores, scores]))
