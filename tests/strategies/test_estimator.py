"""Clusterers of scikit-learn as strategies: named, frozen without pickle, equal customers with equal labels."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import DBSCAN, OPTICS, AffinityPropagation, AgglomerativeClustering, KMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.segments import SegmentModel
from rfm_ml.strategies import EstimatorGroups, Strategy, as_strategy, make_strategy, strategy_name
from rfm_ml.strategies.clusters.naming import VOCABULARY
from rfm_ml.strategies.clusters.scaling import Scaling

ESTIMATORS = {
    "k-means": KMeans(3, random_state=0),
    "agglomerative": AgglomerativeClustering(3),
    "mixture": GaussianMixture(3, random_state=0),
    "DBSCAN": DBSCAN(eps=0.4, min_samples=5),
    "OPTICS": OPTICS(min_samples=20),  # an argument that is infinite
    "pipeline": make_pipeline(StandardScaler(), KMeans(3, random_state=0)),
}
each = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)


@pytest.fixture
def planted() -> pd.DataFrame:
    """Three kinds of customers, far apart: 60 good ones, 50 who came once of late, 40 who are gone."""
    rng = np.random.default_rng(1)
    kinds = [(60, 10, 20, 2000.0), (50, 20, 1, 30.0), (40, 700, 2, 60.0)]
    frames = [
        pd.DataFrame(
            {
                "recency_days": days + rng.integers(0, 5, n),
                "orders": orders + rng.integers(0, 2, n),
                "spend": (money * rng.uniform(0.9, 1.1, n)).round(2),
            }
        )
        for n, days, orders, money in kinds
    ]
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(customer_id=range(len(frame)), kind=np.repeat([0, 1, 2], [n for n, *_ in kinds]))


@each
def test_groups_have_names_and_a_frozen_model_says_the_same(estimator, customers):
    model = SegmentModel(estimator).fit(customers)
    segments = model.predict(customers)
    assert set(segments) <= set(model.segments)
    assert {name.partition(",")[0] for name in model.segments} <= set(VOCABULARY)
    back = SegmentModel.from_json(model.to_json())
    assert back.to_json() == model.to_json()
    assert back.predict(customers).tolist() == segments.tolist()
    assert back.explain(customers).tolist() == model.explain(customers).tolist()
    assert (model.drift(customers)["psi"] == 0).all()
    assert "estimator" in json.loads(model.to_json())["state"]
    assert SegmentModel(clone(back.strategy)).fit(customers).to_json() == model.to_json()


@each
def test_equal_customers_have_equal_labels_in_any_order_and_alone(estimator, customers):
    model = SegmentModel(estimator).fit(customers)
    shuffled = customers.sample(frac=1, random_state=3)
    assert SegmentModel(estimator).fit(shuffled).fingerprint == model.fingerprint
    parts = [model.predict(customers.iloc[i : i + 50]) for i in range(0, len(customers), 50)]
    pd.testing.assert_series_equal(pd.concat(parts), model.predict(customers))
    twins = pd.concat([customers, customers], ignore_index=True)
    labels = SegmentModel(estimator).fit(twins).predict(twins)
    assert labels[:400].tolist() == labels[400:].tolist()


@pytest.mark.parametrize("name", ["k-means", "agglomerative", "mixture", "DBSCAN", "pipeline"])
def test_planted_kinds_are_found_and_named_best_first(name, planted):
    model = SegmentModel(ESTIMATORS[name]).fit(planted)
    table = pd.crosstab(model.predict(planted), planted["kind"])
    assert ((table > 0).sum() == 1).all()
    assert ((table > 0).sum(axis=1) == 1).all()
    assert model.segments[0] == "Champions"
    assert model.strategy_.reason_.startswith("3 groups, as ")
    assert model.strategy_.reason_.endswith("it says the same of 100.0% of customers.")


def test_the_labels_are_those_of_k_means_itself(customers):
    fitted = EstimatorGroups(KMeans(4, random_state=0)).fit(customers)
    scaled = Scaling.learn(customers, fitted.features).transform_in_order(customers)
    own = KMeans(4, random_state=0).fit(scaled)
    scaled = fitted.learned_.scaling.transform(customers)
    assert pd.crosstab(fitted.predict(customers), own.predict(scaled)).astype(bool).to_numpy().sum() == 4


def test_others_go_to_the_nearest_centroid(customers):
    """By hand: means of the groups of Ward, and the nearest of them."""
    fitted = EstimatorGroups(AgglomerativeClustering(4)).fit(customers)
    scaling = fitted.learned_.scaling
    ordered, scaled = scaling.transform_in_order(customers), scaling.transform(customers)
    labels = AgglomerativeClustering(4).fit_predict(ordered)
    centroids = np.array([ordered[labels == group].mean(axis=0) for group in range(4)])
    nearest = ((scaled[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    assert pd.crosstab(fitted.predict(customers), nearest).astype(bool).to_numpy().sum() == 4
    again = ((ordered[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    assert f"the same of {(again == labels).mean():.1%} of customers" in fitted.reason_


def test_noise_goes_to_the_nearest_group_and_nothing_but_noise_is_one_group(planted):
    far = pd.DataFrame({"customer_id": [999], "recency_days": [12], "orders": [14], "spend": [300.0]})
    everybody = pd.concat([planted, far], ignore_index=True)
    model = SegmentModel(DBSCAN(eps=0.4, min_samples=5)).fit(everybody)
    assert model.predict(far).tolist() == ["Champions"]
    assert model.strategy_.reason_.endswith(f"the same of {150 / 151:.1%} of customers.")
    assert SegmentModel(DBSCAN(eps=1e-9, min_samples=140)).fit(planted).predict(planted).nunique() == 1


@pytest.mark.filterwarnings("ignore")
def test_centres_that_did_not_converge_are_one_group(planted):
    few = AffinityPropagation(max_iter=1, random_state=0)
    assert SegmentModel(few).fit(planted).predict(planted).nunique() == 1


def test_other_features_and_a_refit_keep_names(customers):
    strategy = EstimatorGroups(KMeans(3, random_state=0), features=["spend", "age_days"])
    first = SegmentModel(strategy).fit(customers, fitted_on="2026-01-31")
    later = SegmentModel(strategy).fit(customers.iloc[20:], previous=first)
    assert later.alignment_ == "3 of 3 groups keep the name they had"
    assert "age_days" in first.explain(customers)[0]


def test_params_can_name_a_clusterer(customers):
    strategy = make_strategy("sklearn.cluster:KMeans", n_clusters=4, random_state=0)
    assert strategy_name(strategy) == "sklearn.cluster:KMeans"
    assert len(SegmentModel(strategy).fit(customers).segments) == 4
    with pytest.raises(ParamsError, match="Did you mean 'n_clusters'"):
        make_strategy("sklearn.cluster:KMeans", n_cluster=4)


class Plain(BaseEstimator):
    def fit(self, table, y=None):
        return self

    def predict(self, table):
        return np.where(table[:, 2] > np.median(table[:, 2]), "rich", "poor")


def test_fit_and_predict_are_enough_and_labels_may_be_text(customers):
    strategy = as_strategy(Plain())
    assert isinstance(strategy, Strategy)
    assert strategy.fit(customers).predict(customers).nunique() == 2


@pytest.mark.parametrize(
    ("candidate", "error", "message"),
    [
        (object(), ParamsError, "must inherit from Strategy, have the methods fit, predict"),
        (KMeans(init=lambda *_: None), ParamsError, "must be plain values, so that it can be frozen"),
        (KMeans(999), DataError, r"KMeans must find groups of 400 customers\. Got: n_samples=400 should be >="),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(candidate, error, message, customers):
    with pytest.raises(error, match=message):
        SegmentModel(candidate).fit(customers)
