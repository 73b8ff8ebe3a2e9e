"""The published and recomputed numbers of the literature, for every model (time in weeks, as there)."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.models import NBD, BetaGeo, BetaGeoBetaBinom, GammaGamma, ModifiedBetaGeo, ParetoNBD

WEEK = 7.0
HOLDOUT = 39 * WEEK
FITS = [
    (ParetoNBD, [0.55328, 10.57768, 0.60624, 11.66874], -9594.9762, 1.4551, 0.8691, 1665.5, 0.7545),
    (BetaGeo, [0.24259, 4.41360, 0.79292, 2.42591], -9582.4292, 1.2259, 0.7266, 1653.4, 0.7855),
    (ModifiedBetaGeo, [0.52484, 6.18308, 0.89136, 1.61400], -9582.1357, 1.2627, 0.7061, 1576.7, 0.7648),
]


def history(x: float, t_x: float, T: float) -> pd.DataFrame:
    """One customer, in weeks."""
    row = {"customer_id": 1, "repeat_orders": x, "active_days": t_x * WEEK, "age_days": T * WEEK}
    return pd.DataFrame([row])


def at(kind: type, params: list[float], *, unit: float = WEEK):
    """A model with given parameters, in weeks."""
    model = kind()
    scale = np.where(np.isin(model.names, model.times), unit, 1.0)
    model.params_ = pd.Series(np.array(params) * scale, index=model.names)
    return model


def test_the_cdnow_sample_is_the_published_one(cdnow: pd.DataFrame):
    assert len(cdnow) == 2357
    assert cdnow["repeat_orders"].sum() == 2457
    assert cdnow["actual_order_days"].sum() == 1882
    by_x = cdnow["repeat_orders"].clip(upper=7).value_counts().sort_index()
    assert by_x.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]


@pytest.mark.parametrize(("kind", "params", "ll", "orders", "alive", "total", "mae"), FITS)
def test_fit_and_holdout_on_cdnow(cdnow, kind, params, ll, orders, alive, total, mae):
    model = kind().fit(cdnow)
    table = model.summary("W")
    np.testing.assert_allclose(table["estimate"], params, rtol=2e-5)
    assert table.columns[0] == "estimate"
    assert table.attrs["log_likelihood"] == pytest.approx(ll, abs=6e-5)
    assert model.status_ == "converged"
    one = model.predict(history(2, 30.43, 38.86), horizon_days=HOLDOUT)
    assert one["expected_orders"][0] == pytest.approx(orders, abs=6e-5)
    assert one["p_alive"][0] == pytest.approx(alive, abs=6e-5)
    expected = model.expected_orders(cdnow, horizon_days=HOLDOUT)
    assert expected.sum() == pytest.approx(total, abs=0.06)
    assert np.abs(expected - cdnow["actual_order_days"]).mean() == pytest.approx(mae, abs=6e-5)


def test_nbd_without_leaving_predicts_far_too_much(cdnow: pd.DataFrame):
    model = NBD().fit(cdnow)
    table = model.summary("W")
    np.testing.assert_allclose(table["estimate"], [0.38477, 12.07202], rtol=2e-5)
    assert table.attrs["log_likelihood"] == pytest.approx(-9763.6576, abs=6e-5)
    expected = model.expected_orders(cdnow, horizon_days=HOLDOUT)
    assert expected.sum() == pytest.approx(2929.8, abs=0.06)
    assert np.abs(expected - cdnow["actual_order_days"]).mean() == pytest.approx(1.041, abs=6e-4)


def test_pareto_standard_errors(cdnow: pd.DataFrame):
    errors = ParetoNBD().fit(cdnow).summary("W")["standard_error"]
    np.testing.assert_allclose(errors, [0.0476, 0.8427, 0.1873, 6.2105], rtol=6e-4)


@pytest.mark.parametrize(("kind", "ll"), [(BetaGeo, -15.32935235570709), (ModifiedBetaGeo, -15.487436077892465)])
def test_point_log_likelihood(kind, ll):
    model = at(kind, [0.243, 4.414, 0.793, 2.426])
    days = model.log_likelihood(history(4, 30.7, 38.9))
    assert days + 4 * np.log(WEEK) == pytest.approx(ll, abs=1e-11)


def test_bg_expected_orders_of_a_new_customer(cdnow: pd.DataFrame):
    model = BetaGeo().fit(cdnow)
    new = history(0, 0, 0)
    weeks = [0.1429, 1, 3, 31.8571, 32, 78]
    got = [model.expected_orders(new, horizon_days=w * WEEK)[0] for w in weeks]
    np.testing.assert_allclose(got, [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.858], atol=6e-5)


@pytest.mark.parametrize(("kind", "expected"), [(ParetoNBD, 1.4734), (BetaGeo, 1.4440)])
def test_expected_orders_in_a_year(cdnow, kind, expected):
    model = kind().fit(cdnow)
    assert model.expected_orders(history(0, 0, 0), horizon_days=52 * WEEK)[0] == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("kind", "orders", "alive", "tolerance"),
    [(ParetoNBD, 25.46, 0.99787, 6e-3), (BetaGeo, 25.757, 0.96885, 6e-4)],
)
def test_a_heavy_buyer(cdnow, kind, orders, alive, tolerance):
    got = kind().fit(cdnow).predict(history(26, 30.857, 31), horizon_days=52 * WEEK)
    assert got["expected_orders"][0] == pytest.approx(orders, abs=tolerance)
    assert got["p_alive"][0] == pytest.approx(alive, abs=6e-6)


@pytest.mark.parametrize(
    ("kind", "published"),
    [(ParetoNBD, [0.706, 0.144, 0.0225, 0.0031]), (BetaGeo, [0.3475, 0.0428, 0.00416, 0.00036])],
)
def test_the_increasing_frequency_paradox(cdnow, kind, published):
    """Expected orders in 52 weeks fall with x after nineteen weeks of silence (Fader, Hardie & Lee 2005)."""
    model = kind().fit(cdnow)
    got = [model.expected_orders(history(x, 20, 39), horizon_days=52 * WEEK)[0] for x in (10, 15, 20, 25)]
    np.testing.assert_allclose(got, published, rtol=7e-3)


@pytest.mark.parametrize("kind", [ParetoNBD, BetaGeo, ModifiedBetaGeo])
def test_the_more_orders_the_surer_a_silent_customer_has_gone(cdnow, kind):
    """Twenty weeks of orders, then nineteen of silence: the reference package's values, and their order."""
    model = kind().fit(cdnow)
    reference = model.to_lifetimes()
    got = [model.p_alive(history(x, 20, 39))[0] for x in (10, 15, 20, 25)]
    theirs = [
        float(np.squeeze(reference.conditional_probability_alive(x, 20 * WEEK, 39 * WEEK))) for x in (10, 15, 20, 25)
    ]
    np.testing.assert_allclose(got, theirs, rtol=1e-9)
    assert got == sorted(got, reverse=True)


@pytest.mark.parametrize(
    ("kind", "means"),
    [
        (ParetoNBD, [0.138, 0.599, 1.196, 1.714, 2.398, 2.907, 3.819, 6.403]),
        (BetaGeo, [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]),
    ],
)
def test_holdout_mean_by_frequency(cdnow, kind, means):
    expected = pd.Series(kind().fit(cdnow).expected_orders(cdnow, horizon_days=HOLDOUT))
    group = cdnow["repeat_orders"].clip(upper=7)
    np.testing.assert_allclose(expected.groupby(group).mean(), means, atol=6e-4)
    actual = cdnow["actual_order_days"].groupby(group).mean()
    np.testing.assert_allclose(actual, [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359], atol=6e-4)


@pytest.mark.parametrize(("kind", "off"), [(ParetoNBD, -0.015), (BetaGeo, -0.040)])
def test_cumulative_repeat_orders_at_week_78(cdnow, kind, off):
    model = kind().fit(cdnow)
    last = pd.Timestamp("1997-01-01") + pd.Timedelta(weeks=78)
    age = (last - cdnow["first_order_on"]).dt.days
    ages, count = np.unique(age, return_counts=True)
    expected = sum(
        n * model.expected_orders(history(0, 0, 0), horizon_days=t)[0] for t, n in zip(ages, count, strict=True)
    )
    actual = cdnow["repeat_orders"].sum() + cdnow["actual_order_days"].sum()
    assert actual == 4339
    assert expected / actual - 1 == pytest.approx(off, abs=6e-4)


@pytest.mark.parametrize(("row", "expected"), [((2, 30.43, 38.86), 6.48203), ((0, 0, 39), 0.474764)])
def test_discounted_expected_residual_orders(cdnow, row, expected):
    model = ParetoNBD().fit(cdnow)
    discount = np.expm1(0.0027 / WEEK)
    got = model.expected_orders(history(*row), horizon_days=np.inf, daily_discount=discount)[0]
    assert got == pytest.approx(expected, rel=2e-6)


def test_gamma_gamma(cdnow: pd.DataFrame):
    model = GammaGamma().fit(cdnow)
    np.testing.assert_allclose(model.params_, [6.24958, 3.74422, 15.44351], rtol=2e-6)
    assert model.log_likelihood_ == pytest.approx(-4055.9177, abs=6e-5)
    assert model.customers_ == 946
    repeaters = cdnow[cdnow["repeat_orders"] > 0]
    assert repeaters["mean_repeat_value"].mean() == pytest.approx(35.08, abs=6e-3)
    value = model.expected_order_value(cdnow)
    assert value[0] == pytest.approx(24.65, abs=6e-3)
    assert value[cdnow["repeat_orders"] == 0] == pytest.approx(35.17, abs=6e-3)


def test_bg_bb_donations(donors: pd.DataFrame):
    model = BetaGeoBetaBinom().fit(donors)
    np.testing.assert_allclose(model.params_, [1.20352, 0.74972, 0.65672, 2.78344], rtol=6e-6)
    assert model.log_likelihood_ == pytest.approx(-33225.5813, abs=6e-5)
    assert model.summary().index.tolist() == ["alpha", "beta", "gamma", "delta"]
    expected = pd.Series(model.expected_orders(donors, horizon_days=5)).groupby(donors["repeat_orders"]).mean()
    np.testing.assert_allclose(expected, [0.0729, 0.3249, 0.7090, 1.3337, 2.0312, 2.7845, 3.7525], atol=6e-5)
