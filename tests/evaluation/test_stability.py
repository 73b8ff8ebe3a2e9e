"""Whether segments stay: by hand, by scikit-learn, and on weights."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.inference import bootstrap_weights
from rfm_ml.evaluation.stability import bootstrap_rand_index, kept_share, migration_entropy

cases = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from("abc"), min_size=n, max_size=n),
        st.lists(st.sampled_from("abd"), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def people(n: int = 90, *, gap: float = 20.0) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"customer_id": np.arange(n), "spend": rng.normal(size=n) + gap * (np.arange(n) % 3)})


def clusters(fitted: pd.DataFrame, every: pd.DataFrame) -> np.ndarray:
    model = KMeans(3, n_init=3, random_state=0).fit(fitted[["spend"]].to_numpy())
    return model.predict(every[["spend"]].to_numpy())


def test_clear_groups_are_found_again_whatever_they_are_called():
    found = bootstrap_rand_index(clusters, people(), repeats=10, seed=1)
    assert found.mean == pytest.approx(1)
    assert (found.low, found.high) == pytest.approx((1, 1))
    assert found.failed == 0


def test_groups_without_a_gap_are_less_stable_and_random_ones_not_at_all():
    blurred = bootstrap_rand_index(clusters, people(gap=0.5), repeats=10)
    assert 0.1 < blurred.low < blurred.mean < 0.97
    rng = np.random.default_rng(0)
    random = bootstrap_rand_index(lambda _, every: rng.integers(0, 3, len(every)), people(), repeats=30)
    assert abs(random.mean) < 0.02


def test_the_values_are_those_of_refits_on_samples():
    customers = people(gap=0.5)
    found = bootstrap_rand_index(clusters, customers, repeats=2, seed=5)
    rows = np.random.default_rng([5, 1]).integers(0, 90, 90)
    again = adjusted_rand_score(clusters(customers, customers), clusters(customers.iloc[rows], customers))
    assert found.values[1] == pytest.approx(again)


def test_refits_that_fail_are_counted():
    calls = []

    def moody(fitted: pd.DataFrame, every: pd.DataFrame) -> np.ndarray:
        calls.append(len(fitted))
        if len(calls) % 2 == 0:
            raise DataError("too few of a kind")
        return (every["spend"] > 10).to_numpy()

    found = bootstrap_rand_index(moody, people(), repeats=4)
    assert (found.failed, len(found.values)) == (2, 2)
    assert found.mean == 1
    with pytest.raises(DataError, match="at least one customer"):
        bootstrap_rand_index(clusters, people().iloc[:0])


def test_movement_by_hand():
    before, after = list("aaaabbcc"), list("aabbbbxa")
    assert float(kept_share(before, after)) == pytest.approx(4 / 8)
    # a: half moves, 1 bit on 4 of 8; b: none; c: 1 bit on 2 of 8.
    assert float(migration_entropy(before, after)) == pytest.approx(0.75)
    assert float(migration_entropy(before, before)) == 0
    assert float(migration_entropy(list("aabb"), list("xxyy"))) == 0
    assert float(migration_entropy(list("aaaa"), list("abcd"))) == pytest.approx(2)


@given(cases)
@settings(max_examples=100, deadline=None)
def test_weights_are_repeated_rows(case):
    before, after, counts = (np.array(a) for a in case)
    for measure in (kept_share, migration_entropy):
        weighted = measure(before, after, weights=counts[None, :])
        again = measure(np.repeat(before, counts), np.repeat(after, counts))
        assert weighted.tolist() == pytest.approx([float(again)], abs=1e-12)


def test_the_interval_of_the_kept_share():
    rng = np.random.default_rng(0)
    before = rng.integers(0, 4, 500)
    after = np.where(rng.random(500) < 0.8, before, 9)
    values = kept_share(before, after, weights=bootstrap_weights(500, repeats=400))
    share = float(kept_share(before, after))
    assert values.mean() == pytest.approx(share, abs=0.005)
    assert values.std() == pytest.approx(np.sqrt(share * (1 - share) / 500), rel=0.15)


def test_both_days_need_the_same_customers():
    with pytest.raises(DataError, match="3 and 2"):
        kept_share(list("abc"), list("ab"))
    with pytest.raises(DataError, match="without"):
        migration_entropy(["a", None], ["a", "b"])
