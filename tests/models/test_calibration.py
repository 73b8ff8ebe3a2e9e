"""Predictions held against what happened: tables written out by hand, and the published ones of CDNOW."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.models import NBD, BetaGeo, ParetoNBD
from rfm_ml.models.calibration import (
    calibration_by_frequency,
    calibration_by_prediction,
    choose_holdout,
    compare_forecasts,
    holdout_verdicts,
    past_rate,
)

HELD = pd.DataFrame(
    {
        "repeat_orders": [0, 0, 1, 3, 9],
        "active_days": [0, 0, 50, 80, 90],
        "age_days": [100, 0, 100, 100, 100],
        "mean_repeat_value": [0.0, 0.0, 20.0, 10.0, 5.0],
        "actual_order_days": [0, 1, 0, 4, 10],
    }
)
EXPECTED = np.array([0.2, 0.6, 1.0, 2.0, 12.0])


def log(*days: str) -> pd.DataFrame:
    return pd.DataFrame({"ordered_on": pd.to_datetime(list(days))})


def test_by_frequency_by_hand():
    got = calibration_by_frequency(HELD, EXPECTED, most=3)
    assert got["group"].tolist() == ["0", "1", "3+"]
    assert got["customers"].tolist() == [2, 1, 2]
    assert got["actual_mean"].tolist() == [0.5, 0.0, 7.0]
    assert got["expected_mean"].tolist() == [0.4, 1.0, 7.0]
    # The standard error of two values is half their distance.
    np.testing.assert_allclose(got["actual_error"], [0.5, np.nan, 3.0])


def test_by_prediction_by_hand():
    got = calibration_by_prediction(HELD, EXPECTED, groups=2)
    assert got["group"].tolist() == ["1", "2"]
    assert got["customers"].tolist() == [2, 3]
    np.testing.assert_allclose(got["expected_mean"], [0.4, 5.0])
    np.testing.assert_allclose(got["actual_mean"], [0.5, 14 / 3])


def test_equal_predictions_share_a_group_in_whatever_order_they_come():
    expected = np.array([1.0, 1.0, 1.0, 1.0, 2.0])
    got = calibration_by_prediction(HELD, expected)
    assert got["customers"].tolist() == [4, 1]
    assert got["group"].tolist() == ["5", "10"]
    turned = calibration_by_prediction(HELD[::-1], expected[::-1])
    pd.testing.assert_frame_equal(turned, got)


def test_predictions_of_other_customers_are_refused():
    with pytest.raises(DataError, match=r"must hold 5 values, one per customer\. Got 4"):
        calibration_by_frequency(HELD, EXPECTED[:4])
    with pytest.raises(DataError, match="actual_order_days"):
        calibration_by_prediction(HELD.drop(columns="actual_order_days"), EXPECTED)


def test_past_rate_goes_on_as_before():
    np.testing.assert_allclose(past_rate(HELD, horizon_days=50), [0, 0, 0.5, 1.5, 4.5])
    np.testing.assert_allclose(past_rate(HELD, horizon_days=50, spend=True), [0, 0, 10, 15, 22.5])


def test_comparison_by_hand():
    got = compare_forecasts([0, 2, 4], {"right": [0, 2, 4], "half": [0, 1, 2], "flat": [2, 2, 2]})
    assert got["model"].tolist() == ["right", "half", "flat"]
    assert got["predicted"].tolist() == [6, 3, 6]
    assert got["bias"].tolist() == [0.0, -0.5, 0.0]
    np.testing.assert_allclose(got["mae"], [0, 1, 4 / 3])
    np.testing.assert_allclose(got["rmse"], [0, np.sqrt(5 / 3), np.sqrt(8 / 3)])
    np.testing.assert_allclose(got["spearman"], [1, 1, np.nan])
    assert got.attrs["actual"] == 6


def test_comparison_without_orders_has_no_bias_and_no_ranking():
    got = compare_forecasts([0, 0], {"some": [1, 2]})
    assert got[["bias", "spearman"]].isna().all(axis=None)
    assert compare_forecasts([], {}).empty
    with pytest.raises(DataError, match="'some' must hold 2 values"):
        compare_forecasts([0, 0], {"some": [1]})


@pytest.mark.parametrize(
    ("kind", "total", "mae", "means"),
    [
        (ParetoNBD, 1665.5, 0.7545, [0.138, 0.599, 1.196, 1.714, 2.398, 2.907, 3.819, 6.403]),
        (BetaGeo, 1653.4, 0.7855, [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]),
    ],
)
def test_published_holdout_of_cdnow(cdnow, kind, total, mae, means):
    expected = kind().fit(cdnow).expected_orders(cdnow, horizon_days=273)
    got = calibration_by_frequency(cdnow, expected)
    assert got["group"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert got["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    np.testing.assert_allclose(got["expected_mean"], means, atol=6e-4)
    actual = [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
    np.testing.assert_allclose(got["actual_mean"], actual, atol=6e-4)
    judged = compare_forecasts(cdnow["actual_order_days"].to_numpy(), {"model": expected})
    assert judged.attrs["actual"] == 1882
    assert judged["predicted"][0] == pytest.approx(total, abs=0.06)
    assert judged["mae"][0] == pytest.approx(mae, abs=6e-5)
    tenths = calibration_by_prediction(cdnow, expected)
    assert tenths["customers"].between(220, 255).all()
    assert (tenths["expected_mean"] * tenths["customers"]).sum() == pytest.approx(expected.sum())
    assert tenths["expected_mean"].is_monotonic_increasing


def test_published_error_of_nobody_leaving(cdnow):
    expected = NBD().fit(cdnow).expected_orders(cdnow, horizon_days=273)
    judged = compare_forecasts(cdnow["actual_order_days"].to_numpy(), {"NBD": expected})
    assert judged["predicted"][0] == pytest.approx(2929.8, abs=0.06)
    assert judged["mae"][0] == pytest.approx(1.041, abs=6e-4)


def test_holdout_is_the_last_horizon_of_a_long_log():
    got = choose_holdout(log("2023-01-01", "2024-12-20"), as_of=date(2024, 12, 31), horizon_days=90)
    # Judged up to the last order: the log says nothing of the days after it.
    assert (got.as_of, got.until, got.days) == (date(2024, 9, 21), date(2024, 12, 20), 90)


def test_holdout_of_a_study_of_the_past_comes_after_its_day():
    days = log("1997-01-01", "1997-09-30", "1998-06-25", "1998-06-30")
    got = choose_holdout(days, as_of=date(1997, 9, 30), horizon_days=273)
    assert (got.as_of, got.until) == (date(1997, 9, 30), date(1998, 6, 30))
    assert "after the as-of day" in got.why


def test_a_mistyped_year_makes_no_holdout():
    days = log("2024-01-01", "2024-12-31", "2055-01-01")
    got = choose_holdout(days, as_of=date(2024, 12, 31), horizon_days=365)
    assert (got.as_of, got.until) == (date(2024, 7, 2), date(2024, 12, 31))
    assert "too short to hold back the whole horizon of 365" in got.why


@pytest.mark.parametrize("days", [["2024-12-05", "2024-12-31"], ["2024-12-31"], ["2025-01-05"]])
def test_no_holdout_in_a_few_days(days: list[str]):
    assert choose_holdout(log(*days), as_of=date(2024, 12, 31), horizon_days=365) is None


def test_a_horizon_of_nothing_is_refused():
    with pytest.raises(ParamsError, match="horizon_days must be between"):
        choose_holdout(log("2024-01-01"), as_of=date(2024, 12, 31), horizon_days=0)


@pytest.mark.parametrize(
    ("predicted", "actual", "verdict", "words"),
    [
        (
            897,
            100,
            "fails",
            "A fails its own holdout: it predicted 8.97 times the orders that came (897 instead of 100).",
        ),
        (201, 100, "fails", "2.01 times"),
        (
            200,
            100,
            "holds",
            "A holds in its holdout: it predicted 2.00 times the orders that came (200 instead of 100).",
        ),
        (50, 100, "holds", "0.50 times"),
        (49, 100, "fails", "0.49 times"),
        (0, 100, "fails", "less than 0.01 times"),
        (30, 0, "fails", "it predicted 30 orders, and none came. Do not rely on it."),
        (0, 0, "too few", "fewer than 20 orders came or were expected"),
        (19, 2, "too few", "A cannot be judged by the holdout"),
        (20, 2, "fails", "10.00 times"),
        (19, 20, "holds", "0.95 times"),
    ],
)
def test_a_total_beyond_twice_or_half_fails_its_holdout(predicted, actual, verdict, words):
    compared = compare_forecasts(np.array([actual / 4, actual * 3 / 4]), {"A": np.full(2, predicted / 2)})
    (row,) = holdout_verdicts(compared).to_dict("records")
    assert row["verdict"] == verdict
    assert words in row["words"]
    assert ("Do not rely on" in row["words"]) == (verdict == "fails")


def test_spend_is_judged_where_orders_were_enough():
    compared = compare_forecasts(np.array([30.0, 70.0]), {"boosted trees": np.array([500.0, 400.0])})
    many = holdout_verdicts(compared, what="EUR of spend", orders=20)
    told = "they predicted 9.00 times the EUR of spend that came (900 instead of 100)."
    assert many["words"].tolist() == [f"Boosted trees fail their own holdout: {told} Do not rely on them."]
    assert holdout_verdicts(compared, what="EUR of spend", orders=19)["verdict"].tolist() == ["too few"]
    returned = compare_forecasts(np.array([-30.0]), {"A": np.array([5.0])})
    assert (
        "predicted 5 EUR of spend, and more came back"
        in holdout_verdicts(returned, what="EUR of spend", orders=20)["words"].item()
    )


def test_no_forecast_no_verdict():
    assert holdout_verdicts(compare_forecasts(np.zeros(0), {})).empty
