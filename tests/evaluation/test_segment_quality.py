"""What segments tell about spend, their sizes, and trees that say them in words: by hand, by libraries, on weights."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import f_oneway
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation import segment_measures
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.segment_quality import (
    GroupedCustomers,
    GroupedSample,
    mutual_information,
    omega_squared,
    permuted_information,
    size_evenness,
    smallest_share,
    tree_accuracy,
    winsorised_omega_squared,
)

cases = st.integers(1, 14).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-2, 9).map(float), min_size=n, max_size=n),
        st.lists(st.sampled_from("abcd"), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def of(measure, spend, segment) -> float:
    """Return a measure of the customers themselves."""
    return float(measure(GroupedSample(GroupedCustomers(spend, segment)))[0])


def test_omega_squared_by_hand():
    # Means 2 and 5: SSB = 13.5, SSW = 4, SST = 17.5, MSW = 1; (13.5 - 1) / (17.5 + 1).
    assert of(omega_squared, [1, 2, 3, 4, 5, 6], list("aaabbb")) == pytest.approx(12.5 / 18.5)


def test_omega_squared_by_the_f_of_an_analysis_of_variance():
    rng = np.random.default_rng(3)
    segment = rng.integers(0, 4, 300)
    spend = rng.gamma(1, 20, 300) + 5 * segment
    f = f_oneway(*(spend[segment == k] for k in range(4))).statistic
    assert of(omega_squared, spend, segment) == pytest.approx(3 * (f - 1) / (3 * (f - 1) + 300))
    capped = np.minimum(spend, np.quantile(spend, 0.99))
    assert of(winsorised_omega_squared, spend, segment) == pytest.approx(of(omega_squared, capped, segment))


def test_segments_that_say_nothing_or_everything():
    rng = np.random.default_rng(0)
    spend, segment = rng.gamma(1, 20, 5000), rng.integers(0, 10, 5000)
    assert abs(of(omega_squared, spend, segment)) < 0.003
    assert of(omega_squared, [5, 5, 9, 9], list("aabb")) == pytest.approx(1)
    assert np.isnan(of(omega_squared, [5, 5, 5, 5], list("aabb")))
    assert np.isnan(of(omega_squared, [1, 2], list("ab")))
    assert of(omega_squared, [1, 2, 3], list("aaa")) == pytest.approx(0)


def test_information_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    segment = rng.integers(0, 5, 400)
    spend = (rng.random(400) < segment / 6) * 10.0
    assert of(mutual_information, spend, segment) == pytest.approx(mutual_info_score(spend > 0, segment) / np.log(2))


def test_information_by_hand():
    assert of(mutual_information, [0, 0, 1, 1], list("aabb")) == pytest.approx(1)
    # p = (a, buys) 1/4, (a, not) 1/4, (b, buys) 1/2: H = 1.5, margins 1 and H(1/4).
    wanted = 1 + (0.25 * 2 + 0.75 * np.log2(4 / 3)) - 1.5
    assert of(mutual_information, [1, 0, 1, 1], list("aabb")) == pytest.approx(wanted)
    assert of(mutual_information, [0, 0, 0], list("abc")) == 0


def test_permuted_information_is_the_expected_one():
    rng = np.random.default_rng(2)
    segment = rng.integers(0, 6, 150)
    spend = (rng.random(150) < 0.3) * 7.0
    chance = permuted_information(spend, segment, repeats=4000, seed=1)
    table = contingency_matrix(spend > 0, segment, sparse=True).astype(np.int64)
    wanted = expected_mutual_information(table, 150) / np.log(2)
    assert chance.mean == pytest.approx(wanted, rel=0.05)
    assert chance.high > chance.mean
    assert chance.p_value > 0.01
    assert permuted_information(spend, segment, repeats=50, seed=1) == permuted_information(
        spend, segment, repeats=50, seed=1
    )
    told = permuted_information(np.where(segment < 2, 5.0, 0.0), segment, repeats=199)
    assert told.p_value == pytest.approx(1 / 200)


def test_sizes_by_hand():
    assert of(size_evenness, np.zeros(6), list("aabbcc")) == pytest.approx(1)
    assert of(size_evenness, np.zeros(4), list("aabc")) == pytest.approx(1.5 / np.log2(3))
    assert of(smallest_share, np.zeros(100), ["x"] * 98 + ["y"] * 2) == pytest.approx(0.02)
    assert of(smallest_share, [0], ["x"]) == 1


@given(cases)
@settings(max_examples=150, deadline=None)
def test_weights_are_repeated_rows(case):
    spend, segment, counts = (np.array(a) for a in case)
    weighted = segment_measures(spend, segment, weights=counts[None, :])
    again = segment_measures(np.repeat(spend, counts), np.repeat(segment, counts))
    for name, value in again.items():
        assert weighted[name].shape == (1,)
        assert_allclose(weighted[name][0], value, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_99th_percentile_under_weights_is_that_of_the_rows():
    rng = np.random.default_rng(5)
    spend, segment = rng.gamma(0.3, 100, 700), rng.integers(0, 4, 700)
    rows = rng.multinomial(700, np.full(700, 1 / 700), size=5)
    found = segment_measures(spend, segment, weights=rows)["omega_squared_winsorised"]
    for value, row in zip(found, rows, strict=True):
        again = np.repeat(spend, row)
        capped = np.minimum(again, np.quantile(again, 0.99))
        assert value == pytest.approx(of(omega_squared, capped, np.repeat(segment, row)))


def test_labels_must_be_whole():
    with pytest.raises(DataError, match="1 of 2 without"):
        segment_measures([1, 2], ["a", None])
    with pytest.raises(DataError, match="2 labels"):
        segment_measures([1, 2], ["a"])


# --- a tree that says the segments in words -------------------------------------------------------------------------
def people(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "customer_id": rng.permutation(n),
        "recency_days": rng.integers(0, 365, n),
        "orders": rng.integers(1, 20, n),
        "spend": rng.gamma(1, 100, n),
    })  # fmt: skip


def test_rules_are_found_and_chance_is_not():
    customers = people()
    rule = np.where(customers["recency_days"] <= 90, "recent", np.where(customers["orders"] > 5, "loyal", "other"))
    tree = tree_accuracy(customers, rule)
    assert tree.accuracy > 0.97
    assert tree.baseline == pytest.approx(pd.Series(rule).value_counts(normalize=True).max())
    chance = tree_accuracy(customers, np.random.default_rng(1).integers(0, 4, 600))
    assert chance.accuracy == pytest.approx(0.25, abs=0.06)


def test_twelve_leaves_cannot_say_what_takes_more():
    customers = people()
    checkers = (customers["recency_days"] // 30 + customers["orders"]) % 2
    assert tree_accuracy(customers, checkers).accuracy < 0.65
    assert tree_accuracy(customers, customers["orders"]).accuracy < 0.75  # 19 segments, 12 leaves
    assert tree_accuracy(customers, customers["orders"], max_leaves=40).accuracy > 0.97


def test_row_order_does_not_matter():
    customers = people()
    segment = (customers["spend"] * customers["orders"] > 700).to_numpy().astype(str)
    order = np.random.default_rng(2).permutation(len(customers))
    one, two = tree_accuracy(customers, segment), tree_accuracy(customers.iloc[order], segment[order])
    assert (one.hits[order] == two.hits).all()


def test_accuracy_on_bootstrap_samples():
    customers = people()
    tree = tree_accuracy(customers, customers["spend"] * customers["orders"] > 700)
    values = tree.on(bootstrap_weights(600, repeats=200))
    low, high = interval(values)
    assert low < tree.accuracy < high
    assert tree.on(np.ones((1, 600)))[0] == tree.accuracy


def test_contacts_without_an_order_and_few_customers():
    customers = people(40).astype({"recency_days": float})
    customers.loc[:9, ["recency_days", "orders", "spend"]] = [np.nan, 0, 0]
    segment = np.where(customers["orders"] == 0, "prospect", "customer")
    assert tree_accuracy(customers, segment).accuracy >= 0.9
    nobody = customers.assign(recency_days=np.nan)
    assert tree_accuracy(nobody, segment).accuracy >= 0.9
    assert tree_accuracy(customers.iloc[:2], ["a", "a"]).accuracy == 1
    with pytest.raises(DataError, match="at least two"):
        tree_accuracy(customers.iloc[:1], ["a"])
    with pytest.raises(DataError, match="recency_days"):
        tree_accuracy(customers.drop(columns="recency_days"), segment)
