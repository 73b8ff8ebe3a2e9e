"""Segments that a few rules on R, F and M can tell, and those they cannot."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.words import tree_accuracy


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
    told = tree_accuracy(customers, rule)
    assert told.accuracy > 0.97
    assert told.baseline == pytest.approx(pd.Series(rule).value_counts(normalize=True).max())
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
    told = tree_accuracy(customers, customers["spend"] * customers["orders"] > 700)
    values = told.on(bootstrap_weights(600, repeats=200))
    low, high = interval(values)
    assert low < told.accuracy < high
    assert told.on(np.ones((1, 600)))[0] == told.accuracy


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
