"""Predictions: their identities, their intervals, their dates, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.models import NBD, BetaGeo, GammaGamma, ModifiedBetaGeo, ParetoNBD
from rfm_ml.models.prediction import by_distinct

KINDS = [BetaGeo, ModifiedBetaGeo, ParetoNBD, NBD]


@pytest.fixture(scope="module")
def fitted(cdnow):
    return {kind: kind().fit(cdnow) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("x", "T", "horizon"), [(0, 100, 30), (3, 250, 273), (60, 260, 400), (1, 0.5, 5000)])
def test_expected_orders_are_the_sum_of_the_tail_probabilities(fitted, kind, x, T, horizon):
    """E[N] = P(N >= 1) + P(N >= 2) + ...: two computations with nothing in common."""
    model = fitted[kind]
    n = np.arange(1, 6000.0)
    rows = np.full(len(n), float(x)), np.full(len(n), float(T))
    tails = model._at_least(n, *rows, float(horizon))
    assert (np.diff(tails) <= 1e-9).all()
    mean = model._orders_if_alive(np.array([float(x)]), np.array([float(T)]), float(horizon), (0.0,))[0, 0]
    assert tails.sum() == pytest.approx(mean, rel=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_tail_probabilities_are_those_of_drawn_futures(fitted, kind):
    model, rng = fitted[kind], np.random.default_rng(0)
    size = 40_000
    x, T = np.full(size, 4.0), np.full(size, 200.0)
    drawn = model._draw_future(x, T, 180.0, rng)
    for n in (1, 2, 4, 8):
        expected = model._at_least(np.array([float(n)]), x[:1], T[:1], 180.0)[0]
        assert (drawn >= n).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / size) + 1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_what_they_promise_and_no_more_than_needed(fitted, cdnow, kind):
    model = fitted[kind]
    frame = cdnow.iloc[:300]
    got = model.predict(frame, horizon_days=200, level=0.8)
    alive = got["p_alive"].to_numpy()
    x, T = frame["repeat_orders"].to_numpy(float), frame["age_days"].to_numpy(float)

    def at_least(n):
        return np.where(n <= 0, 1.0, alive * model._at_least(np.maximum(n, 1.0), x, T, 200.0))

    low, high = got["orders_low"].to_numpy(), got["orders_high"].to_numpy()
    inside = at_least(low) - at_least(high + 1)
    assert (inside >= 0.8 - 1e-9).all()
    assert (at_least(high + 1) <= 0.1 + 1e-9).all()
    assert (at_least(high)[high > 0] > 0.1).all()
    assert (1 - at_least(low) <= 0.1 + 1e-9).all()
    assert (1 - at_least(low + 1) > 0.1).all()


def test_simulated_customers_behave_as_predicted():
    """P(alive) and expected orders, averaged over groups, against what drawn customers went on to do."""
    model = ModifiedBetaGeo()
    model.params_ = pd.Series({"r": 0.9, "alpha": 60.0, "a": 0.7, "b": 2.0})
    rng = np.random.default_rng(4)
    drawn = model.simulate(np.full(60_000, 600.0), rng=rng)
    # cut one long history in two: what was seen by day 300, and how many orders followed
    early = drawn[drawn["repeat_orders"] <= 1]
    seen = early["active_days"] <= 300
    x = (early["repeat_orders"] * seen).to_numpy()
    frame = pd.DataFrame({
        "customer_id": np.arange(len(early)),
        "repeat_orders": x,
        "active_days": np.where(x > 0, early["active_days"], 0.0),
        "age_days": 300.0,
    })  # fmt: skip
    # among those with at most one order in 600 days the later one is the only one in the holdout
    later = (early["repeat_orders"] * ~seen).to_numpy()
    expected = model._at_least(np.ones(len(x)), x, frame["age_days"].to_numpy(), 300.0)
    two = model._at_least(np.full(len(x), 2.0), x, frame["age_days"].to_numpy(), 300.0)
    none_yet = x == 0
    alive = model.p_alive(frame)[none_yet]
    p_one, p_two = (alive * p[none_yet] for p in (expected, two))
    # given no order by day 300 and at most one after, that there was one
    predicted = ((p_one - p_two) / (1 - p_two)).mean()
    assert later[none_yet].mean() == pytest.approx(predicted, abs=0.006)


@pytest.mark.parametrize("kind", KINDS)
def test_discounting(fitted, cdnow, kind):
    model = fitted[kind]
    frame = cdnow.iloc[:50]
    plain = model.expected_orders(frame, horizon_days=365)
    slight = model.expected_orders(frame, horizon_days=365, daily_discount=1e-9)
    np.testing.assert_allclose(slight, plain, rtol=1e-6)
    # a sum over days, each day's orders discounted from its middle
    days = np.arange(0, 366)
    until = np.array([np.zeros(50) if d == 0 else model.expected_orders(frame, horizon_days=d) for d in days])
    factor = 1.002 ** -(days[1:] - 0.5)
    np.testing.assert_allclose(
        model.expected_orders(frame, horizon_days=365, daily_discount=0.002),
        factor @ np.diff(until, axis=0),
        rtol=1e-5,
    )
    endless = model.expected_orders(frame, horizon_days=np.inf, daily_discount=0.002)
    long = model.expected_orders(frame, horizon_days=20_000, daily_discount=0.002)
    np.testing.assert_allclose(endless, long, rtol=1e-8)


def test_money_columns(fitted, cdnow):
    spend = GammaGamma().fit(cdnow)
    model = fitted[ModifiedBetaGeo]
    options = {"horizon_days": 180, "daily_discount": 0.0005, "margin": 0.25}
    got = model.predict(cdnow, spend_model=spend, **options)
    value = spend.expected_order_value(cdnow)
    np.testing.assert_allclose(got["expected_order_value"], value)
    np.testing.assert_allclose(got["expected_spend"], got["expected_orders"] * value)
    worth = model.expected_orders(cdnow, horizon_days=180, daily_discount=0.0005)
    np.testing.assert_allclose(got["clv"], 0.25 * worth * value)
    assert (got["clv"] < 0.25 * got["expected_spend"]).all()
    assert list(got.columns) == [
        "customer_id",
        "expected_orders",
        "p_alive",
        "expected_order_value",
        "expected_spend",
        "clv",
        "expected_next_order_on",
        "overdue",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_stay_with_their_customers(fitted, cdnow, kind):
    model = fitted[kind]
    whole = model.predict(cdnow, horizon_days=90)
    assert whole["customer_id"].tolist() == cdnow["customer_id"].tolist()
    some = cdnow.sample(200, random_state=1)
    alone = model.predict(some, horizon_days=90)
    expected = whole.set_index("customer_id").loc[some["customer_id"]].reset_index()
    pd.testing.assert_frame_equal(alone, expected, rtol=1e-9)


def test_next_order_and_overdue_by_hand():
    """With r = 1, alpha = 10 a customer with x = 1 has Lomax(2) gaps: median (A)(sqrt 2 - 1)."""
    model = NBD(overdue_below=0.1)
    model.params_ = pd.Series({"r": 1.0, "alpha": 10.0})
    frame = pd.DataFrame({
        "customer_id": ["a", "b", "c"],
        "first_order_on": pd.to_datetime(["2024-01-01"] * 3),
        "repeat_orders": [1, 1, 0],
        "active_days": [20, 20, 0],
        "age_days": [90, 20, 0],
    })  # fmt: skip
    got = model.predict(frame, horizon_days=30)
    # a: 100 * .4142 = 41.4 -> 42 days after 2024-03-31; b: 30 * .4142 = 12.4 -> 13 after 01-21; c: 10 days
    assert got["expected_next_order_on"].astype(str).tolist() == ["2024-05-12", "2024-02-03", "2024-01-11"]
    # a: P(gap > 70 | A = 30) = (30 / 100)^2 = .09 < .1
    assert got["overdue"].tolist() == [True, False, False]


def test_no_date_is_invented_for_who_hardly_ever_orders():
    model = NBD()
    model.params_ = pd.Series({"r": 0.02, "alpha": 400.0})
    frame = pd.DataFrame({
        "customer_id": [1],
        "first_order_on": pd.to_datetime(["2024-01-01"]),
        "repeat_orders": [0],
        "active_days": [0],
        "age_days": [100],
    })  # fmt: skip
    assert model.predict(frame, horizon_days=30)["expected_next_order_on"].isna().all()


def test_bg_flags_the_p_alive_of_one_time_buyers(fitted, cdnow):
    got = fitted[BetaGeo].predict(cdnow, horizon_days=30)
    once = cdnow["repeat_orders"] == 0
    assert (got.loc[once, "p_alive"] == 1).all()
    assert got.attrs["note"] == "p_alive is 1 by construction for the 1,411 one-time buyers under BG/NBD"
    better = fitted[ModifiedBetaGeo].predict(cdnow, horizon_days=30).loc[once, "p_alive"]
    assert better.max() < 0.9
    assert better.nunique() > 50


@pytest.mark.parametrize("kind", KINDS)
def test_customers_seen_today(fitted, kind):
    today = pd.DataFrame({"customer_id": [1], "repeat_orders": [0], "active_days": [0], "age_days": [0]})
    got = fitted[kind].predict(today, horizon_days=365, level=0.9)
    assert np.isfinite(got["expected_orders"]).all()
    assert got["expected_orders"][0] > 0
    assert not got["overdue"][0]
    back = pd.DataFrame({"customer_id": [1], "repeat_orders": [2], "active_days": [60], "age_days": [60]})
    assert fitted[kind].predict(back, horizon_days=365)["p_alive"][0] > 0.7


def test_prospects_are_refused_with_the_fix(fitted, cdnow):
    frame = cdnow.iloc[:3].astype({"age_days": float})
    frame.loc[frame.index[1], "age_days"] = np.nan
    with pytest.raises(DataError, match=r"1 customers without them .*customers\['orders'\] > 0"):
        fitted[ParetoNBD].predict(frame, horizon_days=30)


@pytest.mark.parametrize("options", [{"horizon_days": 0}, {"horizon_days": np.inf}, {"horizon_days": -3}])
def test_senseless_horizons_are_refused(fitted, cdnow, options):
    with pytest.raises(ParamsError, match="horizon_days must be above 0"):
        fitted[BetaGeo].predict(cdnow, **options)


def test_distinct_pairs_are_computed_once_and_handed_back():
    calls = []

    def compute(x, T):
        calls.append(len(x))
        return x + 100 * T

    rng = np.random.default_rng(0)
    x, T = rng.integers(0, 3, 500).astype(float), rng.integers(0, 4, 500).astype(float)
    np.testing.assert_array_equal(by_distinct(x, T, compute), x + 100 * T)
    np.testing.assert_array_equal(by_distinct(x, T / 2, compute), x + 50 * T)
    assert calls == [12, 12]
    assert by_distinct(np.zeros(0), np.zeros(0), compute).shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_heavy_buyers_over_twenty_years(fitted, kind):
    heavy = pd.DataFrame({
        "customer_id": [1, 2, 3],
        "repeat_orders": [1000, 1000, 0],
        "active_days": [7305, 3000, 0],
        "age_days": [7305, 7305, 7305],
    })  # fmt: skip
    got = fitted[kind].predict(heavy, horizon_days=365, level=0.95)
    assert np.isfinite(got[["expected_orders", "p_alive", "orders_high"]].to_numpy()).all()
    assert got["expected_orders"][0] == pytest.approx(50, rel=0.1)
    assert got["orders_low"][0] < got["expected_orders"][0] < got["orders_high"][0]
    if kind is not NBD:
        assert got["p_alive"][1] < 1e-6
        assert got["overdue"][1]
