"""What a model says of every history, cell by cell the model's own answer; and its parameters in words."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.models import NBD, BetaGeo, BetaGeoBetaBinom, GammaGamma, ModifiedBetaGeo, ParetoNBD
from rfm_ml.models.parameters import explain_parameters
from rfm_ml.models.tracking import prediction_surface


def at(kind: type, **params: float):
    model = kind()
    model.params_ = pd.Series(params)
    model.log_covariance_ = np.diag([0.01] * (len(params) - 1) + [np.inf])
    model.log_likelihood_, model.repeat_orders_, model.customers_, model.status_ = -1.0, 5.0, 3, "converged"
    return model


@pytest.mark.parametrize("kind", [ParetoNBD, BetaGeo, ModifiedBetaGeo])
def test_every_cell_is_the_models_own_answer(cdnow, kind):
    model = kind().fit(cdnow)
    got = prediction_surface(model, age_days=240, horizon_days=273, most_orders=3)
    assert got["repeat_orders"].unique().tolist() == [0, 1, 2, 3]
    assert got["recency_days"].unique().tolist() == [0, 30, 60, 90, 120, 150, 180, 210]
    cell = got[(got["repeat_orders"] == 2) & (got["recency_days"] == 90)].iloc[0]
    one = pd.DataFrame({"repeat_orders": [2], "active_days": [150], "age_days": [240]})
    assert cell["p_alive"] == pytest.approx(model.p_alive(one)[0])
    assert cell["expected_orders"] == pytest.approx(model.expected_orders(one, horizon_days=273)[0])
    once = got[(got["repeat_orders"] == 0) & (got["recency_days"] == 60)].iloc[0]
    new = pd.DataFrame({"repeat_orders": [0], "active_days": [0], "age_days": [60]})
    assert once["p_alive"] == pytest.approx(model.p_alive(new)[0])


def test_silence_makes_nobody_more_alive(cdnow):
    got = prediction_surface(ModifiedBetaGeo().fit(cdnow), age_days=240, horizon_days=273)
    falls = got.groupby("repeat_orders")["p_alive"].apply(lambda p: p.is_monotonic_decreasing)
    assert falls.all()


@pytest.mark.parametrize("age", [1, 2, 3, 700, 7300])
def test_any_age_gives_round_steps_and_few_of_them(cdnow, age):
    got = prediction_surface(ModifiedBetaGeo().fit(cdnow), age_days=age, horizon_days=30)
    silences = got["recency_days"].unique()
    assert 1 <= len(silences) <= 11
    assert silences.max() < age
    assert np.isfinite(got.to_numpy()).all()


def test_parameters_of_mbg_in_words():
    got = explain_parameters(at(ModifiedBetaGeo, r=0.5, alpha=40.0, a=1.0, b=3.0)).set_index("parameter")
    assert got["estimate"].tolist() == ["0.5", "40", "1", "3"]
    assert got["standard_error"].tolist() == ["0.05", "4", "0.1", "open"]
    assert "unevenly" in got.loc["r", "meaning"]
    assert "one order every 80 days" in got.loc["alpha", "meaning"]
    assert "leave after any order is 25.0%" in got.loc["a", "meaning"]
    assert "a + b is 4.0: customers differ much" in got.loc["b", "meaning"]
    bg = explain_parameters(at(BetaGeo, r=0.5, alpha=40.0, a=1.0, b=3.0))
    assert "after a repeat order is 25.0%" in bg["meaning"][2]


def test_parameters_of_the_others_in_words():
    pareto = explain_parameters(at(ParetoNBD, r=2.0, alpha=40.0, s=1.0, beta=100.0)).set_index("parameter")
    # (100 / (100 + t))^1 = 1/2 at t = 100 days.
    assert "half of the customers leave within 100 days" in pareto.loc["beta", "meaning"]
    assert "evenly" in pareto.loc["r", "meaning"]
    stays = explain_parameters(at(ParetoNBD, r=2.0, alpha=40.0, s=0.001, beta=100.0))
    assert "in no foreseeable time" in stays["meaning"][3]
    value = explain_parameters(at(GammaGamma, p=4.0, q=3.0, v=10.0), currency="EUR")["meaning"]
    assert "vary by about 50%" in value[0]
    assert "20.00 EUR" in value[2]
    assert explain_parameters(at(NBD, r=2.0, alpha=40.0))["parameter"].tolist() == ["r", "alpha"]


def test_a_model_without_words_is_refused():
    model = at(BetaGeoBetaBinom, alpha=1.0, beta=1.0, gamma=1.0, delta=1.0)
    with pytest.raises(DataError, match="have no words here"):
        explain_parameters(model)
