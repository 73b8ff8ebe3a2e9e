import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.strategies.binning import equal_width_edges, even_fractions, natural_break_edges, quantile_edges

VALUES = st.lists(st.one_of(st.integers(0, 12), st.floats(-1e6, 1e6, allow_nan=False)), min_size=1, max_size=60).map(
    lambda some: np.array(some, dtype=float)
)
BINS = st.integers(2, 10)


def test_published_check_of_the_edges():
    orders = np.array([1, 1, 1, 1, 1, 1, 2, 2, 3, 9.0])
    np.testing.assert_allclose(quantile_edges(orders, even_fractions(5)), [1.0, 1.0, 1.4, 2.2])


@given(VALUES, BINS)
def test_edges_are_numpys_linear_quantiles(values, bins):
    expected = np.quantile(values, [i / bins for i in range(1, bins)])
    np.testing.assert_allclose(quantile_edges(values, even_fractions(bins)), expected, rtol=1e-9, atol=1e-6)


@given(st.integers(1, 200), BINS)
def test_an_edge_on_a_customer_is_exactly_his_value(n, bins):
    """Where (n - 1) * i / k is whole the edge is the data point, however ugly the float."""
    values = np.arange(n) * 0.1 + 0.1
    edges = quantile_edges(values, even_fractions(bins))
    for i, edge in enumerate(edges, start=1):
        place, rest = divmod((n - 1) * i, bins)
        assert (edge == values[place]) if rest == 0 else (values[place] <= edge < values[place + 1])


@pytest.mark.parametrize("gap", [5e-324, 1e-300, 2.220446049250313e-16])
def test_rounding_never_lifts_an_edge_onto_the_value_above(gap):
    low = 1.0 if gap > 1e-20 else 0.0
    values = np.array([low, low + gap])
    assert (quantile_edges(values, even_fractions(10)) < values[1]).all()
    huge = np.array([-1.7e308, 1.7e308])
    edges = quantile_edges(huge, even_fractions(5))
    assert (edges >= huge[0]).all()
    assert (edges < huge[1]).all()


def test_equal_width_by_hand():
    assert equal_width_edges(np.array([0, 3, 10.0]), 5).tolist() == [2, 4, 6, 8]


@given(st.floats(-1e9, 1e9), BINS)
def test_equal_width_of_one_value_is_that_value(value, bins):
    assert (equal_width_edges(np.array([value, value]), bins) == value).all()


def test_natural_breaks_fall_into_the_gaps():
    values = np.array([1, 2, 3, 50, 51, 52, 53, 900, 901.0])
    assert natural_break_edges(values, 3).tolist() == [3, 53]


def test_natural_breaks_with_fewer_values_than_bins_skip_scores_evenly():
    assert natural_break_edges(np.array([1, 1, 4, 9.0]), 5).tolist() == [1, 1, 4, 4]
    assert natural_break_edges(np.array([4, 4.0]), 3).tolist() == [4, 4]


@given(VALUES, BINS)
def test_natural_breaks_are_values_in_order_and_reach_every_class(values, bins):
    edges = natural_break_edges(values, bins)
    assert len(edges) == bins - 1
    assert (np.diff(edges) >= 0).all()
    assert np.isin(edges, values).all()
    distinct = np.unique(values)
    if len(distinct) >= bins:
        assert len(np.unique(np.searchsorted(edges, distinct, side="left"))) == bins
