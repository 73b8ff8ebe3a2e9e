"""Campaigns without a hold-out: a planted confounder misleads the plain comparison, not the weighted one."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.experiments.lift import welch_lift
from rfm_ml.experiments.observational import overlap_weights, weighted_lift


def chosen(rng: np.random.Generator, size: int = 1500, *, lift: float = 2.0) -> tuple[np.ndarray, ...]:
    """Good customers get the campaign more often, and spend more with it or without."""
    past = pd.DataFrame({"orders": rng.gamma(2, 1, size), "recency": rng.normal(size=size)})
    good = past["orders"] - 0.5 * past["recency"]
    treated = rng.random(size) < 1 / (1 + np.exp(3.5 - good))
    spend = 3 * good + rng.normal(0, 3, size) + lift * treated
    return spend.to_numpy(), treated.to_numpy(), past


def test_naive_is_biased_and_weighted_is_not() -> None:
    rng = np.random.default_rng(0)
    naive, weighted, held = [], [], 0
    for _ in range(150):
        spend, treated, past = chosen(rng)
        naive.append(welch_lift(spend, treated).difference)
        found = weighted_lift(spend, treated, past, overlap=overlap_weights(past, treated))
        weighted.append(found.difference)
        held += found.low <= 2.0 <= found.high
    assert np.mean(naive) > 5
    assert np.mean(weighted) == pytest.approx(2.0, abs=0.06)
    assert 135 <= held <= 149


def test_right_if_only_the_regression_or_only_the_propensity_is() -> None:
    rng = np.random.default_rng(1)
    errors: dict[str, list[float]] = {"curved outcome": [], "flat weights": []}
    for _ in range(60):
        spend, treated, past = chosen(rng)
        overlap = overlap_weights(past, treated)
        curved = spend + past["orders"].to_numpy() ** 2
        errors["curved outcome"].append(weighted_lift(curved, treated, past, overlap=overlap).difference - 2)
        flat = overlap._replace(weights=np.full(len(spend), 0.5))
        errors["flat weights"].append(weighted_lift(spend, treated, past, overlap=flat).difference - 2)
    assert np.mean(errors["flat weights"]) == pytest.approx(0, abs=0.1)
    # Overlap weights balance means, not squares: a curve costs some, not the bias of the plain comparison (above 8).
    assert abs(np.mean(errors["curved outcome"])) < 0.5


def test_weights_make_the_groups_alike() -> None:
    _, treated, past = chosen(np.random.default_rng(2))
    found = overlap_weights(past, treated)
    assert found.balance["before"].abs().max() > 0.5
    assert found.worst_balance < 0.01
    assert found.weights.max() <= 1
    assert 10 < found.treated <= treated.sum()
    assert found.control < (~treated).sum()


def test_a_placebo_without_confounding_left_is_about_nothing() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(100):
        spend, treated, past = chosen(rng, lift=0.0)
        found = weighted_lift(spend, treated, past, overlap=overlap_weights(past, treated))
        held += found.low <= 0 <= found.high
    assert held >= 89


def test_few_treated_and_separable_groups_give_no_false_certainty() -> None:
    rng = np.random.default_rng(4)
    past = pd.DataFrame({"orders": np.concatenate([rng.normal(0, 1, 200), rng.normal(60, 1, 40)]), "same": 1.0})
    treated = np.arange(240) >= 200
    found = overlap_weights(past, treated)
    lift = weighted_lift(past["orders"], treated, past, overlap=found)
    assert not (lift.low > 0)
    few = weighted_lift(past["orders"], np.arange(240) < 5, past, overlap=overlap_weights(past, np.arange(240) < 5))
    assert not few.is_determined


def test_wrong_input_is_refused() -> None:
    with pytest.raises(DataError, match="Both groups must have customers"):
        overlap_weights(pd.DataFrame({"a": [1, 2]}), [True, True])
    with pytest.raises(DataError, match="missing ones"):
        overlap_weights(pd.DataFrame({"a": [1, np.nan]}), [True, False])
    constant = pd.DataFrame({"a": np.ones(40)})
    even = overlap_weights(constant, np.arange(40) < 20)
    assert even.treated == even.control == 20
