"""Fits: against lifetimes on real data, against the truth on synthetic data, and on data that teach nothing."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.models import (
    NBD,
    BetaGeo,
    BetaGeoBetaBinom,
    FitWarning,
    GammaGamma,
    ModifiedBetaGeo,
    ParetoNBD,
    repeat_buying,
)

TIMED = [BetaGeo, ModifiedBetaGeo, ParetoNBD]
TRUTHS = {
    BetaGeo: [0.6, 40.0, 0.8, 2.5],
    ModifiedBetaGeo: [0.9, 60.0, 0.7, 2.0],
    ParetoNBD: [0.8, 60.0, 0.7, 90.0],
    NBD: [0.5, 80.0],
    BetaGeoBetaBinom: [1.2, 1.5, 0.9, 5.0],
}


def truth(kind: type):
    model = kind()
    model.params_ = pd.Series(TRUTHS[kind], index=kind.names)
    return model


def synthetic(kind: type, size: int, *, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ages = rng.integers(3, 13, size) if kind is BetaGeoBetaBinom else rng.integers(100, 700, size)
    frame = truth(kind).simulate(ages.astype(float), rng=rng)
    return frame.assign(customer_id=np.arange(size))


def customers(x, t_x, T) -> pd.DataFrame:
    n = len(x)
    return pd.DataFrame({
        "customer_id": np.arange(n),
        "repeat_orders": np.asarray(x),
        "active_days": np.broadcast_to(t_x, n),
        "age_days": np.broadcast_to(T, n),
    })  # fmt: skip


# --- agreement with the reference ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["cdnow", "cdnow_master", "complete_journey"])
@pytest.mark.parametrize("kind", [*TIMED, GammaGamma])
@pytest.mark.filterwarnings("ignore::rfm_ml.models.FitWarning")
def test_lifetimes_and_native_agree_on_real_data(data, kind, request):
    frame = request.getfixturevalue(data)
    native, reference = kind().fit(frame), kind(engine="lifetimes").fit(frame)
    gain = native.log_likelihood_ - native.log_likelihood(frame, reference.params_.to_numpy())
    assert gain >= -1e-9 * abs(native.log_likelihood_)
    if (data, kind) == ("complete_journey", ParetoNBD):
        # hardly anybody leaves: s and beta run off together, and lifetimes stops on the way
        assert gain > 1
        assert "do not determine" in native.status_
        return
    np.testing.assert_allclose(native.params_, reference.params_, rtol=1e-4)
    assert native.status_ == "converged"


@pytest.mark.parametrize("kind", TIMED)
def test_lifetimes_and_native_agree_on_synthetic_data(kind):
    frame = synthetic(kind, 3000)
    native, reference = kind().fit(frame), kind(engine="lifetimes").fit(frame)
    np.testing.assert_allclose(native.params_, reference.params_, rtol=1e-4)
    assert native.log_likelihood_ >= reference.log_likelihood_ - 1e-9 * abs(native.log_likelihood_)
    np.testing.assert_allclose(native.summary()["standard_error"], reference.summary()["standard_error"], rtol=2e-3)


def test_lifetimes_and_native_agree_on_donors(donors):
    native, reference = BetaGeoBetaBinom().fit(donors), BetaGeoBetaBinom(engine="lifetimes").fit(donors)
    np.testing.assert_allclose(native.params_, reference.params_, rtol=1e-4)
    assert native.log_likelihood_ >= reference.log_likelihood_ - 1e-9


def test_the_log_likelihood_is_the_one_lifetimes_means(cdnow):
    """Theirs is a mean, with time scaled to the oldest age; ours is the sum, in days."""
    from lifetimes import BetaGeoFitter

    fitter = BetaGeoFitter().fit(cdnow["repeat_orders"], cdnow["active_days"], cdnow["age_days"])
    scale = cdnow["repeat_orders"].sum() * np.log(1 / cdnow["age_days"].max())
    theirs = -fitter._negative_log_likelihood_ * len(cdnow) + scale
    assert BetaGeo().fit(cdnow).log_likelihood_ == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("kind", [BetaGeo, ModifiedBetaGeo, ParetoNBD])
def test_what_is_handed_to_lifetimes_predicts_the_same(cdnow, kind):
    model = kind().fit(cdnow)
    fitter = model.to_lifetimes()
    x, t_x, T = cdnow["repeat_orders"], cdnow["active_days"], cdnow["age_days"]
    ours = model.predict(cdnow, horizon_days=90)
    np.testing.assert_allclose(fitter.predict(90, x, t_x, T), ours["expected_orders"], rtol=1e-7)
    alive = np.ravel(fitter.conditional_probability_alive(x, t_x, T))
    np.testing.assert_allclose(alive, ours["p_alive"], rtol=1e-8, atol=1e-14)
    assert fitter.data["weights"].sum() == len(cdnow)
    assert fitter.standard_errors_.to_numpy() == pytest.approx(model.summary()["standard_error"].to_numpy())


def test_gamma_gamma_handed_to_lifetimes_predicts_the_same(cdnow):
    model = GammaGamma().fit(cdnow)
    theirs = model.to_lifetimes().conditional_expected_average_profit(
        cdnow["repeat_orders"], cdnow["mean_repeat_value"]
    )
    np.testing.assert_allclose(theirs, model.expected_order_value(cdnow), rtol=1e-12)


# --- the truth ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(TRUTHS))
def test_parameters_are_recovered_within_three_standard_errors(kind):
    model = kind().fit(synthetic(kind, 20_000, seed=5))
    table = model.summary()
    off = (table["estimate"] - TRUTHS[kind]) / table["standard_error"]
    assert off.abs().max() < 3
    assert (table["low"] < table["estimate"]).all()
    assert (table["high"] > table["estimate"]).all()


def test_gamma_gamma_parameters_are_recovered():
    rng = np.random.default_rng(2)
    x = rng.integers(1, 8, 20_000)
    value = rng.gamma(5.0 * x) / x / rng.gamma(4.0, 1 / 20.0, 20_000)
    table = GammaGamma().fit(pd.DataFrame({"repeat_orders": x, "mean_repeat_value": value})).summary()
    assert ((table["estimate"] - [5.0, 4.0, 20.0]) / table["standard_error"]).abs().max() < 3


@pytest.mark.parametrize("kind", [*TIMED, NBD])
def test_the_sample_for_the_starts_does_not_show(kind, monkeypatch):
    frame = synthetic(kind, 5000)
    whole = kind().fit(frame)
    monkeypatch.setattr(repeat_buying, "PILOT", 1000)
    np.testing.assert_allclose(kind().fit(frame).params_, whole.params_, rtol=1e-5)


@pytest.mark.parametrize("kind", [*TIMED, NBD])
def test_row_order_and_the_unit_of_time_do_not_matter(cdnow, kind):
    model = kind().fit(cdnow)
    shuffled = kind().fit(cdnow.sample(frac=1, random_state=3))
    np.testing.assert_array_equal(shuffled.params_, model.params_)
    weekly = cdnow.assign(active_days=cdnow["active_days"] / 7, age_days=cdnow["age_days"] / 7)
    in_weeks = kind().fit(weekly)
    np.testing.assert_allclose(in_weeks.params_, model.summary("W")["estimate"], rtol=1e-6)
    assert in_weeks.log_likelihood_ == pytest.approx(model.summary("W").attrs["log_likelihood"], rel=1e-12)
    errors = model.summary("W")["standard_error"].to_numpy()
    np.testing.assert_allclose(in_weeks.summary()["standard_error"], errors, rtol=1e-5)


# --- data that teach little or nothing -------------------------------------------------------------------------

rng = np.random.default_rng(0)
x20 = np.array([0] * 14 + [1, 1, 2, 3, 1, 5])
heavy_x = np.where(rng.random(400) < 0.4, 0, rng.integers(1, 1001, 400))
heavy_x[0] = 1000
heavy_age = rng.integers(1100, 7306, 400)
DEGENERATE = {
    "everybody buys daily": customers(np.full(200, 365), 365, 365),
    "twenty customers": customers(x20, np.minimum(x20 * 30, 250), 300),
    "one repeat order in all": customers([1] + [0] * 19, np.array([5] + [0] * 19), 300),
    "one customer": customers([3], 10, 20),
    "all gone at once": customers(np.ones(300, dtype=int), 1, 700),
    "x to 1000 over 20 years": customers(
        heavy_x, np.where(heavy_x > 0, np.maximum(heavy_x, heavy_age * 9 // 10), 0), heavy_age
    ),
    "mostly seen today": customers([0] * 50 + [1, 2, 3], np.array([0] * 50 + [10, 20, 30]), [0] * 50 + [100, 20, 30]),
    "five whales among one-time buyers": customers([1000] * 5 + [0] * 500, np.array([7300] * 5 + [0] * 500), 7305),
}


@pytest.mark.parametrize("name", list(DEGENERATE))
@pytest.mark.parametrize("kind", [*TIMED, NBD])
def test_degenerate_data_give_finite_answers(name, kind):
    frame = DEGENERATE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        model = kind().fit(frame)
    table = model.summary()
    assert np.isfinite(table["estimate"]).all()
    assert (table["estimate"] > 0).all()
    assert not table.isna().any().any()
    got = model.predict(frame, horizon_days=365, level=0.9)
    numbers = got[["expected_orders", "p_alive", "orders_low", "orders_high"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (got["p_alive"] <= 1).all()
    assert model.status_.startswith("converged")


def test_an_open_parameter_is_said_so():
    with pytest.warns(FitWarning, match="do not determine"):
        model = BetaGeo().fit(DEGENERATE["everybody buys daily"])
    assert np.isinf(model.summary()["standard_error"]).any()
    expected = model.expected_orders(DEGENERATE["everybody buys daily"], horizon_days=30)
    np.testing.assert_allclose(expected, 30, rtol=1e-3)


@pytest.mark.parametrize("kind", [*TIMED, NBD, BetaGeoBetaBinom])
@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (customers(np.zeros(100, dtype=int), 0, 300), "ordered on two days.*100 one-time buyers"),
        (customers([0, 0], 0, 0), "before the as-of day.*age 0"),
        (customers([1, 2], np.array([5, 9]), [4, 20]), "between 0 and age_days.*row 0"),
        (customers([1.0, np.nan], np.array([5, 9]), [10, 20]), "must be numbers.*1 customers"),
        (customers([1, 0], np.array([5, 3]), [10, 20]), "both 0 together.*row 1"),
        (customers([1, 2], np.array([5, 9]), [10, 20]).drop(columns="age_days"), "must have the column 'age_days'"),
        (customers([], 0, 0), "Got 0 customers"),
    ],
)
def test_unusable_data_are_refused(kind, frame, message):
    with pytest.raises(DataError, match=message):
        kind().fit(frame)


def test_unknown_engines_and_units_are_refused(cdnow):
    with pytest.raises(ParamsError, match="Did you mean 'native'"):
        BetaGeo(engine="nativ").fit(cdnow)
    with pytest.raises(ParamsError, match=r"NBD.*has no such model"):
        NBD(engine="lifetimes").fit(cdnow)
    with pytest.raises(ParamsError, match="unit must be"):
        BetaGeo().fit(cdnow).summary("month")
    with pytest.raises(NotFittedError, match="fitted before it is used"):
        BetaGeo().summary()


# --- freezing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*TIMED, NBD])
def test_a_frozen_model_is_small_and_predicts_the_same(cdnow, kind):
    model = kind(overdue_below=0.2).fit(cdnow)
    text = json.dumps(model.to_dict(), allow_nan=False)
    assert len(text) < 2000
    again = kind.from_dict(json.loads(text))
    pd.testing.assert_frame_equal(again.predict(cdnow, horizon_days=90), model.predict(cdnow, horizon_days=90))
    pd.testing.assert_frame_equal(again.summary("W"), model.summary("W"))


def test_an_infinite_error_survives_freezing():
    with pytest.warns(FitWarning):
        model = BetaGeo().fit(DEGENERATE["everybody buys daily"])
    again = BetaGeo.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.summary(), model.summary())


def test_another_models_json_is_refused(cdnow):
    with pytest.raises(DataError, match="A frozen BetaGeo must say so"):
        BetaGeo.from_dict(ModifiedBetaGeo().fit(cdnow).to_dict())


def test_estimators_clone_and_list_their_arguments(cdnow):
    from sklearn.base import clone

    model = ModifiedBetaGeo(overdue_below=0.05).fit(cdnow)
    again = clone(model)
    assert not hasattr(again, "params_")
    assert again.get_params() == {"engine": "native", "overdue_below": 0.05, "random_state": 0}
