"""Intervals hold the truth as often as they say: parameters, customers, segments."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.models import BetaGeo, GammaGamma, ModifiedBetaGeo, ParetoNBD
from rfm_ml.models.intervals import draw_orders, draw_spend, segment_totals

TRUTHS = {
    BetaGeo: {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.5},
    ModifiedBetaGeo: {"r": 0.9, "alpha": 60.0, "a": 0.7, "b": 2.0},
    ParetoNBD: {"r": 0.8, "alpha": 60.0, "s": 0.7, "beta": 90.0},
}


def population(kind: type, size: int, rng: np.random.Generator):
    model = kind()
    model.params_ = pd.Series(TRUTHS[kind])
    frame = model.simulate(rng.integers(200, 500, size).astype(float), rng=rng)
    return model, frame.assign(customer_id=np.arange(size))


@pytest.mark.parametrize("kind", list(TRUTHS))
def test_parameter_intervals_cover_the_truth(kind):
    rng = np.random.default_rng(11)
    held = []
    for _ in range(40):
        truth, frame = population(kind, 1500, rng)
        table = kind().fit(frame).summary(level=0.9)
        held.append((table["low"] <= truth.params_) & (truth.params_ <= table["high"]))
    # 160 intervals, correlated in fours: 90 % +- 3 standard errors of 40 independent ones
    assert np.mean(held) == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize("kind", list(TRUTHS))
def test_customer_intervals_cover_what_customers_do(kind):
    rng = np.random.default_rng(12)
    truth, frame = population(kind, 20_000, rng)
    fitted = kind().fit(frame)
    rows = tuple(frame[c].to_numpy(float) for c in ("repeat_orders", "active_days", "age_days"))
    done = draw_orders(truth, rows, horizon=180.0, rng=rng)
    got = fitted.predict(frame, horizon_days=180, level=0.8)
    inside = (got["orders_low"] <= done) & (done <= got["orders_high"])
    assert inside.mean() >= 0.8 - 0.01
    # orders are whole numbers, so the intervals hold more than 80 %: as much as they say they do
    active = frame["repeat_orders"].to_numpy() >= 4
    assert 0.8 - 0.03 <= inside[active].mean() <= 0.97


def test_segment_totals_cover_what_segments_do():
    rng = np.random.default_rng(13)
    held = []
    for seed in range(12):
        truth, frame = population(ModifiedBetaGeo, 1200, rng)
        rows = tuple(frame[c].to_numpy(float) for c in ("repeat_orders", "active_days", "age_days"))
        done = draw_orders(truth, rows, horizon=180.0, rng=rng)
        segments = pd.Series(np.where(frame["repeat_orders"] > 1, "often", "rarely"))
        table = segment_totals(
            ModifiedBetaGeo().fit(frame),
            frame,
            horizon_days=180,
            segments=segments,
            level=0.8,
            draws=40,
            random_state=seed,
        )
        total = pd.Series(done).groupby(segments).sum()
        held.append((table["orders_low"] <= total) & (total <= table["orders_high"]))
    assert 0.6 <= np.mean(held) <= 0.98


def test_segment_totals_add_up_and_repeat(cdnow):
    model, spend = ModifiedBetaGeo().fit(cdnow), GammaGamma().fit(cdnow)
    segments = cdnow["repeat_orders"].clip(upper=2).map({0: "one", 1: "two", 2: "more"})
    options = {"horizon_days": 273, "segments": segments, "spend_model": spend, "draws": 30}
    table = segment_totals(model, cdnow, **options)
    assert table.index.tolist() == ["more", "one", "two"]
    assert table["customers"].tolist() == [507, 1411, 439]
    assert table["expected_orders"].sum() == pytest.approx(model.expected_orders(cdnow, horizon_days=273).sum())
    for name in ("orders", "spend"):
        assert (table[f"{name}_low"] < table[f"expected_{name}"]).all()
        assert (table[f"expected_{name}"] < table[f"{name}_high"]).all()
    pd.testing.assert_frame_equal(segment_totals(model, cdnow, **options), table)


def test_drawn_spend_has_the_expected_mean(cdnow):
    spend = GammaGamma().fit(cdnow)
    rng = np.random.default_rng(0)
    rows = cdnow["repeat_orders"].to_numpy(float), cdnow["mean_repeat_value"].to_numpy()
    orders = np.full(len(cdnow), 3.0)
    drawn = np.mean([draw_spend(spend, orders, rows, rng=rng).mean() for _ in range(150)])
    assert drawn == pytest.approx(3 * spend.expected_order_value(cdnow).mean(), rel=0.02)
    assert (draw_spend(spend, orders * 0, rows, rng=rng) == 0).all()


def test_labels_must_be_as_many_as_customers(cdnow):
    with pytest.raises(DataError, match=r"2,357 labels.*Got 1\."):
        segment_totals(ModifiedBetaGeo().fit(cdnow), cdnow, horizon_days=30, segments=pd.Series(["x"]))
