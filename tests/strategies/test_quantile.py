import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.strategies import QuantileRFM

CHECK = [1, 1, 1, 1, 1, 1, 2, 2, 3, 9]


def frame(recency=None, orders=None, spend=None) -> pd.DataFrame:
    n = len(next(v for v in (recency, orders, spend) if v is not None))
    default = list(range(1, n + 1))
    return pd.DataFrame({"recency_days": recency or default, "orders": orders or default, "spend": spend or default})


def quiet(strategy, customers):
    """Fit on data whose ties are the point of the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(strategy), "_warn_if_collapsed", lambda self: None)
        return strategy.fit(customers)


def test_published_check_example():
    scores = QuantileRFM().fit(frame(orders=CHECK)).scores(frame(orders=CHECK))
    assert scores["F"].tolist() == [1, 1, 1, 1, 1, 1, 4, 4, 5, 5]


def test_all_three_measures_by_hand():
    customers = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "recency_days": [10, 20, 30, 40, 50],
            "orders": [5, 1, 4, 2, 3],
            "spend": [10.0, 50.0, 20.0, 40.0, 30.0],
        }
    )
    strategy = QuantileRFM().fit(customers)
    expected = pd.DataFrame(
        {"customer_id": list("abcde"), "R": [5, 4, 3, 2, 1], "F": [5, 1, 4, 2, 3], "M": [1, 5, 2, 4, 3]}
    )
    pd.testing.assert_frame_equal(strategy.scores(customers), expected)
    assert strategy.predict(customers).tolist() == ["551", "415", "342", "224", "133"]
    assert strategy.explain(customers)[0] == (
        "Last order 10 days ago (R 5: at most 18 days), 5 orders (F 5: more than 4), spend 10.00 (M 1: at most 18.00)."
    )


def test_ten_bins_are_joined_by_hyphens():
    customers = frame(recency=list(range(20)))
    cells = QuantileRFM(10).fit(customers).predict(customers)
    assert cells.iloc[0] == "10-1-1"
    assert cells.iloc[-1] == "1-10-10"


measure = st.lists(st.integers(0, 6) | st.floats(-100, 100, allow_nan=False), min_size=1, max_size=40)


@given(measure, st.integers(2, 10), st.sampled_from(["quantile", "equal_width", "natural_breaks"]))
def test_scores_count_edges_strictly_below(values, bins, binning):
    """The definition, counted one by one, in both directions; so equal values get equal scores, in order."""
    customers = frame(recency=values, orders=values, spend=values)
    strategy = quiet(QuantileRFM(bins, binning=binning), customers)
    scores = strategy.scores(customers)
    edges = strategy.scales_["monetary"].edges[0]
    below = [sum(e < x for e in edges) for x in values]
    assert scores["M"].tolist() == scores["F"].tolist() == [1 + b for b in below]
    assert scores["R"].tolist() == [bins - b for b in below]
    by_value = scores.assign(value=values).sort_values("value")
    assert by_value["M"].is_monotonic_increasing
    assert by_value["R"].is_monotonic_decreasing
    assert (by_value.groupby("value")["M"].nunique() == 1).all()


@given(measure, st.integers(2, 10))
def test_the_best_value_reaches_k_unless_more_than_its_share_ties(values, bins):
    """Recency always reaches k. Spend does unless so many share the best that the last edge falls on them."""
    customers = frame(recency=values, orders=values, spend=values)
    scores = quiet(QuantileRFM(bins), customers).scores(customers)
    assert scores["R"].max() == bins
    assert scores["M"].min() == 1
    best = sum(v == max(values) for v in values)
    last_edge_below_the_best = (len(values) - 1) * (bins - 1) // bins < len(values) - best
    assert (scores["M"].max() == bins) == last_edge_below_the_best


@given(st.lists(st.integers(1, 5), min_size=3, max_size=60), st.integers(2, 10))
def test_one_time_buyers_get_the_lowest_frequency(orders, bins):
    orders = [1, *orders]
    customers = frame(orders=orders)
    scores = quiet(QuantileRFM(bins), customers).scores(customers)
    assert set(scores["F"][np.array(orders) == 1]) == {1}


def test_ties_are_reported_and_warned_about():
    customers = frame(orders=[1] * 9 + [5])
    with pytest.warns(
        UserWarning, match="frequency has 2 distinct scores out of 5: most customers have the same orders"
    ):
        strategy = QuantileRFM().fit(customers)
    assert strategy.distinct_scores_ == {"recency": 5, "frequency": 2, "monetary": 5}


def test_two_bins_do_not_warn_about_two_scores():
    assert QuantileRFM(2).fit(frame(orders=CHECK)).distinct_scores_["frequency"] == 2


def test_summary_by_hand():
    summary = QuantileRFM().fit(frame(orders=CHECK)).summary().set_index("measure").loc["frequency"]
    assert summary["score"].tolist() == [1, 2, 3, 4, 5]
    assert summary["customers"].tolist() == [6, 0, 0, 2, 2]
    assert summary["share"].tolist() == [0.6, 0.0, 0.0, 0.2, 0.2]
    assert summary["from"].fillna(-1).tolist() == pytest.approx([-1, 1, 1, 1.4, 2.2])
    assert summary["to"].fillna(-1).tolist() == pytest.approx([1, 1, 1.4, 2.2, -1])
    assert summary["rule"].tolist() == [
        "at most 1",
        "nobody, as both edges are 1",
        "nobody, as both edges are 1",
        "more than 1 up to 2",
        "more than 2",
    ]


def test_nested_cuts_frequency_within_recency_and_spend_within_both():
    # Recent customers order 1 to 4 times, old ones 10 to 40 times: only nested scores tell each half apart.
    customers = frame(
        recency=[1, 1, 1, 1, 9, 9, 9, 9], orders=[1, 2, 3, 4, 10, 20, 30, 40], spend=[1, 2, 3, 4, 9, 8, 7, 6]
    )
    plain, nested = QuantileRFM(2).fit(customers), QuantileRFM(2, nested=True).fit(customers)
    assert plain.scores(customers)["F"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert nested.scores(customers)["F"].tolist() == [1, 1, 2, 2, 1, 1, 2, 2]
    assert nested.scores(customers)["M"].tolist() == [1, 2, 1, 2, 2, 1, 2, 1]
    groups = nested.summary().query("measure == 'monetary'")["group"].unique().tolist()
    assert groups == ["R1 F1", "R1 F2", "R2 F1", "R2 F2"]
    reasons = nested.explain(customers)
    assert "3 orders (F 2: more than 2)" in reasons[2]
    assert "20 orders (F 1: at most 25)" in reasons[5]


def test_nested_parents_nobody_was_in_use_the_edges_of_all():
    customers = frame(recency=[1] * 8, orders=[1, 2, 3, 4, 5, 6, 7, 8])
    strategy = quiet(QuantileRFM(4, nested=True), customers)
    assert strategy.distinct_scores_["recency"] == 1
    unseen = frame(recency=[900], orders=[8])
    assert strategy.scores(unseen)[["R", "F"]].to_numpy().tolist() == [[1, 4]]


def test_cut_points_are_percentiles_and_give_one_score_more():
    customers = frame(recency=list(range(101)))
    strategy = QuantileRFM(cut_points={"recency": [10, 30, 60, 90], "monetary": [99.5]}).fit(customers)
    assert strategy.scales_["recency"].edges.tolist() == [[10, 30, 60, 90]]
    assert strategy.scales_["monetary"].edges.tolist() == [[100.5]]
    assert strategy.n_scores == {"R": 5, "F": 5, "M": 2}
    assert strategy.scores(customers)["R"].value_counts().to_dict() == {5: 11, 4: 20, 3: 30, 2: 30, 1: 10}


def test_weighted_score_by_hand():
    customers = frame(recency=[1, 2, 3, 4, 5])
    strategy = QuantileRFM(weights={"recency": 1, "monetary": 3}).fit(customers)
    assert strategy.scores(customers)["score"].tolist() == [2.0, 2.5, 3.0, 3.5, 4.0]


def test_other_columns_can_be_scored():
    customers = frame(recency=[1, 2, 3, 4, 5]).rename(columns={"spend": "margin"})
    strategy = QuantileRFM(monetary="margin").fit(customers)
    assert strategy.scores(customers)["M"].tolist() == [1, 2, 3, 4, 5]
    assert "margin 5 (M 5: more than 4.2)" in strategy.explain(customers)[4]


def test_drift_index_by_hand():
    strategy = QuantileRFM(2, monetary="orders").fit(frame(orders=[1, 2, 3, 4], recency=[1, 2, 3, 4]))
    now = frame(orders=[1, 4, 4, 4], recency=[1, 2, 3, 4])
    drift = strategy.drift(now).set_index("measure")
    # shares .5 .5 became .25 .75
    assert drift.loc["frequency", "psi"] == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))
    assert drift["verdict"].tolist() == ["stable", "large drift", "large drift"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": 1}, r"bins must be between 2 and 10\. Got 1\."),
        ({"bins": 11}, r"Got 11\."),
        ({"bins": 2.5}, r"bins must be a whole number\. Got 2\.5"),
        ({"bins": "5"}, "Got '5'"),
        ({"binning": "quantil"}, "Did you mean 'quantile'"),
        ({"cut_points": {"recenty": [10]}}, "Did you mean 'recency'"),
        ({"cut_points": {"recency": [30, 10]}}, "cut_points of recency must increase"),
        ({"cut_points": {"recency": []}}, "a list of 1 to 9 percentiles"),
        ({"cut_points": {"recency": [0, 50]}}, r"between 0 and 100\. Got 0"),
        ({"cut_points": {"recency": [50]}, "binning": "equal_width"}, "need binning: quantile"),
        ({"weights": {"spend": 1}}, "A measure of weights"),
        ({"weights": {"monetary": -1}}, "The weight of monetary must be between 0"),
        ({"weights": {"monetary": 0}}, "must not all be 0"),
    ],
)
def test_bad_arguments_are_refused_at_fit(options, message):
    with pytest.raises(ParamsError, match=message):
        QuantileRFM(**options).fit(frame(orders=CHECK))


@pytest.mark.parametrize(
    ("customers", "message"),
    [
        (frame(orders=list("abc")), "orders must be a column of numbers"),
        (frame(spend=[None, None, None]), "spend must hold at least one number"),
        ([1, 2], "must be a pandas frame. Got list"),
    ],
)
def test_bad_data_are_refused(customers, message):
    with pytest.raises(DataError, match=message):
        QuantileRFM().fit(customers)


def test_nullable_and_decimal_columns_are_numbers_too():
    from decimal import Decimal

    plain = frame(recency=[1, 2, 3, 4, 5])
    other = plain.astype({"recency_days": "Int64"})
    other["spend"] = [Decimal(v) for v in plain["spend"]]
    other.loc[5] = [pd.NA, 0, None]
    strategy = QuantileRFM().fit(other)
    assert strategy.predict(other).tolist() == [*QuantileRFM().fit(plain).predict(plain), ""]
