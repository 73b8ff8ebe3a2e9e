"""Trees read off as rules: round limits, the same customers on either side, whatever the order of the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from rfm_ml.strategies.rules import Condition
from rfm_ml.strategies.trees import grow, round_limit

NUMBERS = st.floats(-1e12, 1e12) | st.integers(-1000, 1000).map(float) | st.decimals(0, 10**6, places=2).map(float)


@pytest.mark.parametrize(
    ("low", "high", "limit"),
    [
        (99, 198, 100),
        (30, 71, 50),
        (30, 41, 40),
        (44, 46, 45),
        (45, 46, 45),
        (0, 30, 0),
        (-5, 300, 0),
        (-70, -20, -50),
        (14.96, 27.99, 20),
        (99.95, 99.96, 99.95),
        (3.14159, 3.1416, 3.14159),
        (-np.inf, 8, 0),
        (-np.inf, -3, -5),
        (7, np.inf, 10),
        (-np.inf, np.inf, 0),
    ],
)
def test_limits_by_hand(low, high, limit):
    assert round_limit(low, high) == limit


@settings(max_examples=300)
@given(a=NUMBERS, b=NUMBERS)
def test_a_limit_keeps_both_sides_apart(a, b):
    low, high = min(a, b), max(a, b)
    if low < high:
        assert low <= round_limit(low, high) < high


@st.composite
def tables(draw):
    n = draw(st.integers(2, 40))
    columns = {name: np.array(draw(st.lists(NUMBERS | st.just(np.nan), min_size=n, max_size=n))) for name in "abc"}
    return columns, np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))


@settings(max_examples=100, deadline=None)
@given(tables(), st.booleans())
def test_conditions_select_just_the_rows_of_their_leaf(table, classify):
    values, target = table
    kind = DecisionTreeClassifier if classify else DecisionTreeRegressor
    leaves = grow(kind(max_leaf_nodes=6, random_state=0), values, target=target)
    assert sorted(np.concatenate([leaf.rows for leaf in leaves])) == list(range(len(target)))
    for leaf in leaves:
        met = np.ones(len(target), dtype=bool)
        for condition in leaf.conditions:
            met &= condition.holds(values[condition.column])
        assert np.flatnonzero(met).tolist() == sorted(leaf.rows)


@settings(max_examples=50, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(table, random):
    values, target = table
    order = list(range(len(target)))
    random.shuffle(order)
    tree = DecisionTreeRegressor(max_leaf_nodes=6, random_state=0)
    one = grow(tree, values, target=target)
    other = grow(tree, {n: v[order] for n, v in values.items()}, target=target[order])
    assert [leaf.conditions for leaf in one] == [leaf.conditions for leaf in other]


def test_doubles_beyond_single_precision_are_told_apart():
    values = {"spend": np.array([16777216.0, 16777216.01, 16777216.02, 1e39, np.inf])}
    leaves = grow(DecisionTreeRegressor(random_state=0), values, target=np.arange(5.0))
    assert len(leaves) == 5
    assert leaves[0].conditions == (Condition("spend", at_most=16777216.0),)
