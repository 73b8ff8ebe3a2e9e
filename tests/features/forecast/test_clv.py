"""Predictions of a study: asked for in the params, kept by content, judged by what happened."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.features.forecast.forecast import Forecast, Predictions
from rfm_ml.models import GammaGamma, ModifiedBetaGeo, ParetoNBD
from rfm_ml.params import load_params
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cdnow() -> Study:
    return Study(ROOT / "params" / "cdnow.yml")


@pytest.fixture(scope="module")
def forecast(cdnow: Study) -> Forecast:
    return Forecast(cdnow)


def write(shop: Any, more: str = "", *, orders: list[tuple[str, str, float]] | None = None) -> Study:
    """A study of the tiny shop, or of orders given as (customer, day, amount)."""
    shop.write_params(more=more)
    if orders is not None:
        lines = [f"{who},{i},{day},{amount}" for i, (who, day, amount) in enumerate(orders)]
        shop.orders.write_text("\n".join(["customer_id,order_id,ordered_at,amount", *lines]) + "\n")
    return Study(shop.params)


def test_predictions_of_cdnow_are_the_published_ones(cdnow: Study) -> None:
    found = cdnow.predictions
    assert found["customer_id"].equals(cdnow.customers["customer_id"])
    # The whole horizon of 273 days: published 1576.7 orders for MBG/NBD.
    assert found["expected_orders"].sum() == pytest.approx(1576.7, abs=0.06)
    assert found["p_alive"].between(0, 1).all()
    assert (found["orders_low"] <= found["orders_high"]).all()
    np.testing.assert_allclose(found["expected_spend"], found["expected_orders"] * found["expected_order_value"])
    # Margin 0.3 and a daily discount of 0.0003 over 273 days.
    worth = found["clv"] / (0.3 * found["expected_spend"])
    assert worth.between(1.0003**-273, 1).all()
    assert (found["expected_next_order_on"].dropna() > pd.Timestamp("1997-09-30")).all()


def test_models_of_the_params_are_fitted(cdnow: Study) -> None:
    orders, spend = cdnow.clv_models
    assert type(orders).__name__ == "ModifiedBetaGeo"
    assert orders.customers_ == 2357
    assert spend.customers_ == 946


def test_predictions_are_kept_by_what_was_asked(cdnow: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = cdnow.predictions

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("rfm_ml.models.repeat_buying.RepeatBuyingModel.predict", refuse)
    again = Study(ROOT / "params" / "cdnow.yml")
    pd.testing.assert_frame_equal(again.predictions, expected)
    longer = again.params.clv.model_copy(update={"horizon_days": 10})
    again.params = again.params.model_copy(update={"clv": longer})
    del again.predictions
    with pytest.raises(AssertionError, match="computed again"):
        _ = again.predictions


def test_without_clv_there_are_no_predictions(shop: Any) -> None:
    study = write(shop)
    with pytest.raises(ParamsError, match=r"There is no clv: in them\. Add clv: \{\}"):
        _ = study.predictions


def test_clv_of_the_params_has_defaults_and_limits(shop: Any) -> None:
    shop.write_params(more="clv: {}\n")
    asked = load_params(shop.params).clv
    assert asked is not None
    assert (asked.model, asked.horizon_days, asked.margin) == ("mbg_nbd", 365, 1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{horizon_day: 90}", "horizon_days"),
        ("{model: mgb_nbd}", "mbg_nbd"),
        ("{horizon_days: 0}", "horizon_days"),
        ("{margin: 0}", "margin"),
        ("{margin: 1.2}", "margin"),
        ("{daily_discount: 0.5}", "daily_discount"),
    ],
)
def test_wrong_clv_is_refused_with_its_name(shop: Any, given: str, message: str) -> None:
    shop.write_params(more=f"clv: {given}\n")
    with pytest.raises(ParamsError, match=message):
        load_params(shop.params)


def test_forecast_of_cdnow_is_judged_by_the_published_holdout(forecast: Forecast) -> None:
    assert (str(forecast.holdout.as_of), str(forecast.holdout.until)) == ("1997-09-30", "1998-06-30")
    table = forecast.order_comparison.set_index("model")
    assert table.index[0] == "MBG/NBD"
    assert forecast.order_comparison.attrs["actual"] == 1882
    published = {"Pareto/NBD": 1665.5, "BG/NBD": 1653.4, "MBG/NBD": 1576.7, "NBD (nobody leaves)": 2929.8}
    for name, total in published.items():
        assert table.loc[name, "predicted"] == pytest.approx(total, abs=0.06)
    assert table.loc["Pareto/NBD", "mae"] == pytest.approx(0.7545, abs=6e-5)
    assert table.loc["past rate", "mae"] > table.loc["MBG/NBD", "mae"]
    assert "boosted trees" not in forecast.spend_comparison["model"].tolist()
    assert any("Boosted trees are left out" in note for note in forecast.holdout_notes)


def test_forecast_of_cdnow_tracks_78_weeks(forecast: Forecast) -> None:
    assert len(forecast.tracked) == 78
    assert forecast.tracked["actual_total"].iloc[-1] == 4339
    assert forecast.tracked["seen"].sum() == 39
    assert forecast.by_frequency["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert forecast.by_prediction["customers"].sum() == 2357


def test_forecast_says_the_same_as_the_study(cdnow: Study, forecast: Forecast) -> None:
    pd.testing.assert_frame_equal(forecast.predictions, cdnow.predictions, check_dtype=False)
    assert not forecast.by_default
    assert forecast.notes == []


def test_nothing_of_the_holdout_reaches_the_fit(shop: Any) -> None:
    rng = np.random.default_rng(3)
    days = [f"{d:%Y-%m-%d}" for d in pd.date_range("2024-01-01", "2024-06-30")]
    past = [(f"c{i}", d, 10.0 + i) for i in range(80) for d in rng.choice(days[:100], i % 6 + 1, replace=False)]
    past += [("c0", "2024-01-01", 9.0), ("c1", "2024-06-30", 9.0)]
    late = [(f"c{i}", d, 20.0) for i in range(60) for d in rng.choice(days[122:], 2, replace=False)]
    quiet = Forecast(write(shop, "clv: {horizon_days: 60}\n", orders=past))
    expected, actual = quiet.expected, quiet.order_comparison.attrs["actual"]
    predicted = quiet.spend_comparison["predicted"]
    busy = Forecast(write(shop, "clv: {horizon_days: 60}\n", orders=past + late))
    assert (str(busy.holdout.as_of), str(busy.holdout.until)) == ("2024-05-01", "2024-06-30")
    # Orders after 2024-05-01 change what is judged, not the forecast.
    assert list(busy.expected) == ["MBG/NBD", "Pareto/NBD", "BG/NBD", "NBD (nobody leaves)", "past rate"]
    for name, given in busy.expected.items():
        np.testing.assert_array_equal(given, expected[name])
    assert (actual, busy.order_comparison.attrs["actual"]) == (1, 121)
    spend = busy.spend_comparison
    assert "boosted trees" in spend["model"].tolist()
    np.testing.assert_array_equal(spend["predicted"], predicted)


def test_a_shop_of_one_time_buyers_is_told_why_there_is_no_forecast(shop: Any) -> None:
    orders = [("ann", "2024-03-01", 5.0), ("bob", "2024-06-01", 7.0)]
    found = Forecast(write(shop, orders=orders))
    assert found.by_default
    assert found.model is None
    assert found.spend_model is None
    assert found.predictions is None
    assert "must have ordered on two days" in found.notes[0]
    for table in (found.next_orders, found.surface, found.by_frequency, found.by_prediction, found.tracked):
        assert table.empty
    assert found.order_comparison["model"].tolist() == ["past rate"]
    told = [note for note in found.holdout_notes if "must have ordered on two days" in note]
    assert len(told) == 1
    assert told[0].startswith("MBG/NBD, Pareto/NBD, BG/NBD, NBD (nobody leaves): ")


def test_a_log_of_a_few_days_has_no_holdout(shop: Any) -> None:
    found = Forecast(write(shop, orders=[("ann", "2024-06-20", 5.0), ("ann", "2024-06-25", 5.0)]))
    assert found.holdout is None
    assert found.held is None
    assert found.order_comparison.empty
    assert found.spend_comparison.empty
    assert found.holdout_notes == ["The log is too short to hold back some weeks and judge the models by them."]


def test_asking_for_predictions_of_one_time_buyers_is_refused(shop: Any) -> None:
    study = write(shop, "clv: {}\n", orders=[("ann", "2024-03-01", 5.0), ("bob", "2024-06-01", 7.0)])
    with pytest.raises(DataError, match="use a longer history or segment by recency"):
        _ = study.predictions


@pytest.mark.filterwarnings("ignore:.*distinct score:UserWarning")
def test_doubts_about_the_fit_are_warnings_of_the_report(shop: Any) -> None:
    daily = [(f"c{c}", f"2024-02-{day:02d}", 10.0 + c) for c in range(20) for day in range(1, 29)]
    study = write(shop, "clv: {}\n", orders=daily)
    doubts = [w for w in study.warnings if w.startswith("Predictions: ")]
    assert any("ModifiedBetaGeo: converged, but the data do not determine" in w for w in doubts)


def test_tiers_of_cdnow_as_recorded(cdnow: Study) -> None:
    profile = cdnow.profile("clv")
    assert profile["segment"].tolist() == ["Core", "Rising", "Fading", "Gone"]
    assert profile["customers"].sum() == 2357
    assert dict(zip(profile["segment"], profile["customers"], strict=True)) == {
        "Core": 474,
        "Rising": 48,
        "Fading": 1708,
        "Gone": 127,
    }
    listed = cdnow.segment_list("clv")
    assert {"customer_id", "segment", "p_alive", "expected_spend", "reason", "next_step"} <= set(listed.columns)
    assert cdnow.aim("Core").startswith("Keep them")


# --- one model that fails costs its own row -----------------------------------------------------------------------
def half_year(*, until: str = "2024-06-30", customers: int = 80) -> list[tuple[str, str, float]]:
    """Customers who order up to six times between January and a day, and one who ordered on the first and last day."""
    rng = np.random.default_rng(3)
    days = [f"{d:%Y-%m-%d}" for d in pd.date_range("2024-01-01", until)]
    some = [(f"c{i}", d, 10.0 + i) for i in range(customers) for d in rng.choice(days, i % 6 + 1, replace=False)]
    return [*some, ("z", "2024-01-01", 9.0), ("z", "2024-06-30", 9.0)]


def broken(error: Exception) -> Any:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


ERRORS = [ValueError("window shape"), np.linalg.LinAlgError("Singular matrix"), RuntimeError("not converged")]
ORDERS = ["MBG/NBD", "Pareto/NBD", "BG/NBD", "NBD (nobody leaves)", "past rate"]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("method", ["fit", "expected_orders"])
def test_a_model_that_cannot_be_fitted_costs_its_row(
    shop: Any, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
) -> None:
    monkeypatch.setattr(ParetoNBD, method, broken(error))
    found = Forecast(write(shop, "clv: {horizon_days: 60}\n", orders=half_year()))
    assert found.order_comparison["model"].tolist() == [n for n in ORDERS if n != "Pareto/NBD"]
    assert "Pareto/NBD" not in found.spend_comparison["model"].tolist()
    told = [note for note in found.holdout_notes if "could not be computed" in note]
    assert told == [told[0]]
    assert told[0].startswith("Pareto/NBD")
    assert told[0].endswith(f"could not be computed ({type(error).__name__}: {error}).")


def test_numbers_that_are_none_cost_the_row(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParetoNBD, "expected_orders", lambda self, held, **_: np.full(len(held), np.nan))
    found = Forecast(write(shop, "clv: {horizon_days: 60}\n", orders=half_year()))
    assert "Pareto/NBD" not in found.order_comparison["model"].tolist()
    assert any(note.startswith("Pareto/NBD gives no number for ") for note in found.holdout_notes)


@pytest.mark.parametrize("method", ["fit", "predict", "expected_orders"])
def test_the_chosen_model_may_fail_as_well(shop: Any, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr(ModifiedBetaGeo, method, broken(ValueError("no")))
    found = Forecast(write(shop, orders=half_year()))
    predicted = method == "expected_orders"
    assert (found.predictions is not None) == predicted
    assert ("MBG/NBD could not be computed (ValueError: no)." in found.notes) != predicted
    for table in (found.next_orders, found.surface, found.by_frequency, found.tracked):
        assert list(table.columns)
    assert ("MBG/NBD" in found.order_comparison["model"].tolist()) == (method == "predict")
    assert "past rate" in found.order_comparison["model"].tolist()


def test_a_spend_model_that_fails_costs_the_money(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GammaGamma, "fit", broken(ValueError("no")))
    found = Forecast(write(shop, "clv: {horizon_days: 60}\n", orders=half_year()))
    assert found.spend_model is None
    assert "clv" not in found.predictions
    assert "The spend model could not be computed (ValueError: no)." in found.notes
    assert found.order_comparison["model"].tolist() == ORDERS
    assert set(found.spend_comparison["model"]) <= {"past rate", "boosted trees"}
    assert "could not predict" not in found.study.why_no_predictions
    assert "The models of clv: must be fitted" in found.study.why_no_predictions


def test_boosted_trees_learn_where_nobody_has_a_rhythm_yet(shop: Any) -> None:
    """A log of one year: the day they learn from is the second, on which nobody has ordered three times."""
    rng = np.random.default_rng(2)
    days = [f"{d:%Y-%m-%d}" for d in pd.date_range("2023-12-20", "2024-12-31")]
    orders = [(f"c{i}", days[i % 2], 10.0 + i % 9) for i in range(300)]
    orders += [(f"c{i}", days[d], 12.0 + i % 5) for i in range(0, 300, 3) for d in rng.integers(95, 378, 5)]
    shop.write_params(as_of="2024-12-31")
    lines = [f"{who},{i},{day},{amount}" for i, (who, day, amount) in enumerate(orders)]
    shop.orders.write_text("\n".join(["customer_id,order_id,ordered_at,amount", *lines]) + "\n")
    found = Forecast(Study(shop.params))
    assert "boosted trees" in found.spend_comparison["model"].tolist()
    assert any(n.startswith("Boosted trees: Nothing is learned from") and "gap_cv" in n for n in found.holdout_notes)


# --- a model that fails its own holdout is named so -----------------------------------------------------------------
def test_a_model_that_fails_its_holdout_is_named_wherever_it_is_relied_on(shop: Any) -> None:
    """Everybody orders until April, and in May and June nobody."""
    shutil.copy(ROOT / "notebooks" / "33_clv.ipynb", shop.base / "notebooks")
    write(shop, orders=half_year(until="2024-04-30"))
    shop.write_params(notebooks="33_clv", more="clv: {horizon_days: 60}\n")
    study = Study(shop.params)
    found = Forecast(study)
    (verdict,) = found.verdict.to_dict("records")
    assert (verdict["model"], verdict["verdict"]) == ("MBG/NBD", "fails")
    assert set(found.failed["model"]) >= {"MBG/NBD", "NBD (nobody leaves)", "past rate"}
    assert Predictions(study).facts().warnings == [f"Predictions: {verdict['words']}"]
    result = run_study(shop.params)
    assert f"Predictions: {verdict['words']}" in result.warnings
    assert f"Predictions: {verdict['words']}" in json.loads((result.folder / "run.json").read_text())["warnings"]
    assert "MBG/NBD fails its own holdout" in (result.folder / "index.html").read_text()
    page = (result.folder / "pages" / "33_clv.html").read_text()
    assert "<strong>Keep in mind:</strong> MBG/NBD fails its own holdout" in page
    assert "NBD (nobody leaves) fails its own holdout" in page


def test_tiers_go_by_a_model_as_well(shop: Any) -> None:
    tiers = PARAMS_OF_TIERS.format(base=shop.params.read_text().split("strategies:")[0])
    orders = half_year(until="2024-04-30")
    write(shop, orders=orders)
    shop.params.write_text(tiers)
    (told,) = Predictions(Study(shop.params)).facts().warnings
    assert told.startswith("tiers: Pareto/NBD fails its own holdout: it predicted")


PARAMS_OF_TIERS = """{base}strategies:
  quantiles: {{use: quantile_rfm, map: twelve}}
  tiers: {{use: clv_tiers, options: {{model: pareto_nbd, horizon_days: 60}}}}
notebooks: [hello]
"""


def test_who_holds_is_no_warning(cdnow: Study, forecast: Forecast) -> None:
    (verdict,) = forecast.verdict.to_dict("records")
    assert verdict["words"] == (
        "MBG/NBD holds in its holdout: it predicted 0.84 times the orders that came (1,577 instead of 1,882)."
    )
    assert Predictions(cdnow).facts().warnings == []


def test_a_run_goes_on_without_the_predictions_that_cannot_be_made(shop: Any) -> None:
    shutil.copy(ROOT / "notebooks" / "33_clv.ipynb", shop.base / "notebooks")
    orders = [("ann", "2024-03-01", 5.0), ("bob", "2024-06-01", 7.0)]
    write(shop, "clv: {}\n", orders=orders)
    shop.write_params(notebooks="33_clv", more="clv: {}\n")
    result = run_study(shop.params)
    assert any("Predictions: there are none, nor a table of them. At least one" in w for w in result.warnings)
    assert not (result.folder / "tables" / "predictions.parquet").exists()
    page = (result.folder / "pages" / "33_clv.html").read_text()
    assert "<strong>Keep in mind:</strong> At least one customer must have ordered on two days." in page
    assert "No repeat-buying model could be fitted; the reason is given above." in page
