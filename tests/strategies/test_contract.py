"""What holds for every strategy and for the segment model, whatever its arguments."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.strategies import (
    STRATEGIES,
    Clusters,
    CLVTiers,
    EstimatorGroups,
    QuantileRFM,
    RuleTree,
    ScoreStrategy,
    ThresholdRFM,
    make_strategy,
    strategy_from_dict,
    strategy_name,
)

LIMITS = {"recency": [90, 250], "frequency": [2, 4], "monetary": [20, 80.5]}
MADE = {
    **{name: make_strategy(name) for name in STRATEGIES},
    "clusters": Clusters(k_range=(4, 5)),  # fewer numbers to compare, for speed
    "ten bins": QuantileRFM(10),
    "nested": QuantileRFM(4, nested=True, weights={"recency": 1, "monetary": 3}),
    "equal width": QuantileRFM(binning="equal_width"),
    "natural breaks": QuantileRFM(binning="natural_breaks"),
    "cut points": QuantileRFM(cut_points={"recency": [10, 30, 60, 90], "monetary": [50, 99.5]}),
    "limits": ThresholdRFM(**LIMITS, levels={"recency": ["short", "medium", "long"]}),
    "limits per channel": ThresholdRFM(recency={"web": [30, 90], "shop": [60, 365]}, by="channel"),
    "terciles per channel": ThresholdRFM(by="channel"),
    "tiers, Pareto/NBD": CLVTiers("pareto_nbd", horizon_days=90, alive=0.6, names=("A", "B", "C", "D")),
    "k-means": Clusters(k=5, features=("recency_days", "spend", "age_days")),
    "mini-batch k-means": Clusters("mini_batch_kmeans", k=5),
    "mixture": Clusters("gaussian_mixture", k=5),
    "bisecting": Clusters("bisecting_kmeans", k=5),
    "Ward on a sample": Clusters("hierarchical", k=6, sample=150),
    "hdbscan": Clusters("hdbscan", smallest_share=0.02),
    "estimator": EstimatorGroups(KMeans(5, random_state=0)),
    "model, estimator": SegmentModel(GaussianMixture(5, random_state=0)),
    "model, clusters": SegmentModel(Clusters(k=6)),
    "four rules": RuleTree(4, min_share=0.1, features=("recency_days", "orders_per_year", "age_days")),
    "model, rules": SegmentModel(RuleTree()),
    "model, tiers": SegmentModel(CLVTiers()),
    "model, quantiles": SegmentModel(QuantileRFM(), load_map("twelve")),
    "model, terciles": SegmentModel(ThresholdRFM(), load_map("three_level")),
    "model, no map": SegmentModel(ThresholdRFM(**LIMITS)),
}
pytestmark = pytest.mark.parametrize("made", MADE.values(), ids=MADE)


def strategy_of(fitted):
    return getattr(fitted, "strategy_", fitted)


def frozen_and_back(fitted):
    """The same strategy after a trip through JSON text, as the next run would load it."""
    if isinstance(fitted, SegmentModel):
        return SegmentModel.from_json(fitted.to_json())
    return strategy_from_dict(strategy_name(fitted), json.loads(json.dumps(fitted.to_dict())))


def test_clone_has_the_same_arguments_and_is_not_fitted(made, customers):
    copy = clone(clone(made).fit(customers))
    assert repr(copy) == repr(made)
    assert {k: str(v) for k, v in copy.get_params().items()} == {k: str(v) for k, v in made.get_params().items()}
    with pytest.raises(NotFittedError, match=r"must be fitted before it can answer\. Call fit"):
        copy.predict(customers)


@pytest.mark.parametrize("method", ["predict", "explain", "drift"])
def test_not_fitted_is_said_in_a_sentence(made, customers, method):
    with pytest.raises(NotFittedError, match="Call fit"):
        getattr(clone(made), method)(customers)
    with pytest.raises(NotFittedError, match="Call fit"):
        clone(made).to_dict()


def test_one_label_per_customer_on_his_own_index(made, customers):
    customers = customers.set_index(pd.Index(range(1000, 1400)))
    labels = clone(made).fit(customers).predict(customers)
    assert labels.index.equals(customers.index)
    assert labels.notna().all()
    assert labels.map(type).eq(str).all()
    assert (labels != "").all()
    dense = getattr(strategy_of(made), "method", "") == "hdbscan"  # 400 customers of one kind: two dense groups
    assert labels.nunique() > (1 if dense else 3)


def test_row_order_of_fit_and_predict_does_not_matter(made, customers):
    shuffled = customers.sample(frac=1, random_state=3)
    one, other = clone(made).fit(customers), clone(made).fit(shuffled)
    assert one.fingerprint == other.fingerprint
    pd.testing.assert_series_equal(one.predict(customers), other.predict(shuffled).sort_index())


def test_a_label_needs_only_the_customers_own_row(made, customers):
    fitted = clone(made).fit(customers)
    whole = fitted.predict(customers)
    parts = pd.concat([fitted.predict(customers.iloc[i : i + 7]) for i in range(0, len(customers), 7)])
    pd.testing.assert_series_equal(whole, parts)
    reasons = pd.concat([fitted.explain(customers.iloc[i : i + 7]) for i in range(0, 70, 7)])
    pd.testing.assert_series_equal(fitted.explain(customers).iloc[:70], reasons)


def test_equal_customers_get_equal_labels(made, customers):
    twins = pd.concat([customers, customers.assign(customer_id="twin")], ignore_index=True)
    labels = clone(made).fit(twins).predict(twins)
    assert labels[:400].tolist() == labels[400:].tolist()


def test_frozen_equals_live(made, customers):
    fitted = clone(made).fit(customers)
    back = frozen_and_back(fitted)
    pd.testing.assert_series_equal(back.predict(customers), fitted.predict(customers))
    pd.testing.assert_series_equal(back.explain(customers), fitted.explain(customers))
    pd.testing.assert_frame_equal(back.drift(customers[:50]), fitted.drift(customers[:50]))
    assert back.fingerprint == fitted.fingerprint
    assert len(fitted.fingerprint) == 16
    assert repr(clone(back)) == repr(made)


def test_fingerprint_changes_with_the_fit(made, customers):
    older = customers.assign(recency_days=customers["recency_days"] * 3 + 1, spend=customers["spend"] * 2)
    assert clone(made).fit(customers).fingerprint != clone(made).fit(older[:300]).fingerprint


def test_unseen_customers_and_new_extremes_get_a_known_label(made, customers):
    fitted = clone(made).fit(customers)
    extreme = customers.iloc[[0, 0]].copy()
    number = ["recency_days", "orders", "spend", "orders_per_year", "spend_per_year"]
    extreme[number] = extreme[number].astype(float)
    extreme.loc[:, number] = [[0, 1e9, 1e12, 1e9, 1e12], [1e9, 0, -1e12, 0, -1e12]]
    infinite = extreme.copy()
    infinite.loc[:, number] = [[-np.inf, *[np.inf] * 4], [np.inf, *[-np.inf] * 4]]
    assert fitted.predict(infinite).tolist() == fitted.predict(extreme).tolist()
    strategy = strategy_of(fitted)
    if not isinstance(strategy, ScoreStrategy):  # what it reads can be extreme in other ways: see its own tests
        return
    scores, top = strategy.scores(extreme), strategy.n_scores
    assert scores[["R", "F", "M"]].to_numpy().tolist() == [[top["R"], top["F"], top["M"]], [1, 1, 1]]


def test_missing_values_have_the_lowest_score_and_no_order_has_none(made, customers):
    fitted = clone(made).fit(customers)
    strategy = strategy_of(fitted)
    gaps = customers.iloc[[0, 0]].astype({"recency_days": float, "orders": float}).reset_index(drop=True)
    gaps.loc[0, ["orders", "spend", "orders_per_year", "spend_per_year"]] = np.nan
    gaps.loc[1, "recency_days"] = np.nan
    assert fitted.predict(gaps)[1] == ("Prospect" if isinstance(fitted, SegmentModel) else "")
    assert fitted.explain(gaps)[1].lower().endswith("no order yet.")
    if not isinstance(strategy, ScoreStrategy):
        return
    scores = strategy.scores(gaps)
    assert scores.loc[0, ["F", "M"]].tolist() == [1, 1]
    assert scores.loc[1, ["R", "F", "M"]].tolist() == [0, 0, 0]
    assert "missing" in fitted.explain(gaps)[0]


def test_contacts_without_an_order_do_not_move_the_edges(made, customers):
    contacts = customers.assign(recency_days=np.nan, orders=0, spend=0.0, orders_per_year=0.0, spend_per_year=0.0)
    with_contacts = pd.concat([customers, contacts], ignore_index=True)
    assert clone(made).fit(with_contacts).fingerprint == clone(made).fit(customers).fingerprint


def test_input_is_not_modified(made, customers):
    before = customers.copy(deep=True)
    fitted = clone(made).fit(customers)
    fitted.predict(customers)
    fitted.explain(customers)
    fitted.drift(customers)
    pd.testing.assert_frame_equal(customers, before)


def test_nobody_to_score_gives_nothing(made, customers):
    fitted = clone(made).fit(customers)
    assert len(fitted.predict(customers[:0])) == len(fitted.explain(customers[:0])) == 0


def test_nobody_to_fit_on_is_refused(made, customers):
    with pytest.raises(DataError, match="at least one customer with an order"):
        clone(made).fit(customers[:0])


def test_a_missing_column_is_named_with_the_nearest(made, customers):
    with pytest.raises(DataError, match=r"'recency_days'.*Did you mean 'recency_dais'"):
        clone(made).fit(customers.rename(columns={"recency_days": "recency_dais"}))


def test_no_drift_on_the_customers_of_the_fit_and_large_drift_on_others(made, customers):
    fitted = clone(made).fit(customers)
    same = fitted.drift(customers)
    assert (same["psi"] == 0).all()
    assert (same["verdict"] == "stable").all()
    silent = customers.assign(recency_days=10_000, age_days=customers["active_days"] + 10_000)
    # The first line is of recency where there are scores, else of the strategy's own groups.
    assert fitted.drift(silent)["verdict"].iloc[0] == "large drift"


def test_a_damaged_or_foreign_state_is_refused(made, customers):
    state = clone(made).fit(customers).to_dict()
    kind = type(made)
    key = next(k for k in ("scales", "state", "model", "rules") if k in state)
    for bad in ({}, [], {**state, key: {}}, {k: v for k, v in state.items() if k != key}, {**state, "odd": 1}):
        with pytest.raises(ParamsError, match="A frozen"):
            kind.from_dict(bad)
