"""Tiers by P(alive) and predicted spend: hand-checked against formulas, small when frozen, true when they advise."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.segments.levels import level_labels
from rfm_ml.strategies import CLVTiers

COLUMNS = ["customer_id", "recency_days", "repeat_orders", "active_days", "age_days", "mean_repeat_value"]


def frozen_model(name: str, params: dict[str, float]) -> dict:
    return {
        "model": name,
        "arguments": {},
        "params": params,
        "log_covariance": np.zeros((len(params), len(params))).tolist(),
        "log_likelihood": -1.0,
        "customers": 4,
        "repeat_orders": 5.0,
        "converged": True,
        "status": "converged",
        "evaluations": 1,
    }


# MBG/NBD with r = 1, alpha = 10, a = b = 1: after x orders up to t_x, with T days seen,
# P(gone) : P(alive) = ((10 + T) / (10 + t_x))^(1 + x) : (1 + x), as a / (b + x) = 1 / (1 + x).
STATE = {
    "strategy": "clv_tiers",
    "params": {
        "model": "mbg_nbd",
        "horizon_days": 30,
        "alive": 0.5,
        "gone": 0.2,
        "core_share": 0.25,
        "names": ["Core", "Rising", "Fading", "Gone"],
    },
    "model": frozen_model("ModifiedBetaGeo", {"r": 1.0, "alpha": 10.0, "a": 1.0, "b": 1.0}),
    # Expected order value: 2 (10 + x m) / (2 x + 1).
    "spend_model": frozen_model("GammaGamma", {"p": 2.0, "q": 2.0, "v": 10.0}),
    "core_from": 20.0,
    "counts": [1, 1, 1, 1],
}
ROWS = pd.DataFrame(
    [
        # T = t_x: P(alive) = 1 / (1 + 1/4) = 0.8
        ("core", 0, 3, 20, 20, 30.0),
        ("rising", 0, 3, 20, 20, 1.0),
        # x = 1, (50/20)^2 / 2 = 3.125: P(alive) = 0.242
        ("fading", 30, 1, 10, 40, 30.0),
        # x = 1, (90/20)^2 / 2 = 10.125: P(alive) = 0.090
        ("gone", 70, 1, 10, 80, 30.0),
        # x = 0, T = 0: P(alive) = 1/2, the limit belongs to the alive; T = 10: 1/3.
        ("new", 0, 0, 0, 0, 0.0),
        ("silent", 10, 0, 0, 10, 0.0),
        ("contact", np.nan, 0, 0, 0, 0.0),
    ],
    columns=COLUMNS,
)


@pytest.fixture
def tiers() -> CLVTiers:
    return CLVTiers.from_dict(json.loads(json.dumps(STATE)))


def test_probabilities_by_hand(tiers):
    got = tiers.details(ROWS)["p_alive"]
    expected = [0.8, 0.8, 1 / 4.125, 1 / 11.125, 1 / 2, 1 / 3, np.nan]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_order_values_by_hand(tiers):
    found = tiers.details(ROWS)
    value = found["expected_spend"] / found["expected_orders"]
    np.testing.assert_allclose(value, [200 / 7, 26 / 7, 80 / 3, 80 / 3, 20, 20, np.nan], rtol=1e-12)


def test_tiers_by_hand(tiers):
    spend = tiers.details(ROWS)["expected_spend"]
    assert spend[0] > 20 > spend[1]
    assert tiers.predict(ROWS).tolist() == ["Core", "Rising", "Fading", "Gone", "Rising", "Fading", ""]


def test_limits_belong_to_the_better_tier(tiers):
    spend = tiers.details(ROWS)["expected_spend"][0]
    tiers.core_from_ = spend
    assert tiers.predict(ROWS)[0] == "Core"
    tiers.core_from_ = np.nextafter(spend, np.inf)
    assert tiers.predict(ROWS)[0] == "Rising"


def test_reasons_name_the_figures_and_the_limits(tiers):
    told = tiers.explain(ROWS)
    spend = tiers.details(ROWS)["expected_spend"]
    assert told[0] == (
        f"Still a customer with probability 0.80 (at least 0.5), expected to spend {spend[0]:.2f} in the next 30 days "
        "(at least 20.00)."
    )
    assert told[1].endswith(f"expected to spend {spend[1]:.2f} in the next 30 days (below 20.00).")
    assert "probability 0.24 (at least 0.2, below 0.5)" in told[2]
    assert "probability 0.09 (below 0.2)" in told[3]
    assert told[6] == "No order yet."


def test_equal_rows_have_equal_labels_and_reasons_whoever_they_are(tiers):
    twins = pd.concat([ROWS, ROWS.assign(customer_id="twin")], ignore_index=True).sample(frac=1, random_state=1)
    for column in (tiers.predict(twins), tiers.explain(twins), tiers.move_up(twins)):
        together = column.sort_index()
        assert together[:7].tolist() == together[7:].tolist()


@pytest.mark.parametrize("model", ["mbg_nbd", "pareto_nbd", "bg_nbd"])
def test_extreme_customers_have_a_tier(customers, model):
    fitted = CLVTiers(model).fit(customers)
    extreme = pd.DataFrame(
        [("daily", 0, 7300, 7300, 7300, 1e6), ("left", 7200, 100, 100, 7300, 1e6), ("free", 0, 3, 90, 90, -5.0)],
        columns=COLUMNS,
    )
    assert fitted.predict(extreme).tolist()[:2] == ["Core", "Gone"]
    assert np.isfinite(fitted.details(extreme)).all(axis=None)
    with pytest.raises(DataError, match="must be numbers"):
        fitted.predict(extreme.assign(active_days=np.inf))


def test_panels_of_levels_say_that_tiers_have_none(customers):
    with pytest.raises(DataError, match=r"strategy with scores\. CLVTiers gives none\. Choose another"):
        level_labels(SegmentModel(CLVTiers()).fit(customers))


def test_core_has_its_share_of_the_fitted(customers):
    fitted = CLVTiers(alive=0.0001, gone=0.00005, core_share=0.1).fit(customers)
    assert fitted.counts_.tolist() == [40, 360, 0, 0]
    spend = fitted.details(customers)["expected_spend"]
    assert spend[fitted.predict(customers) == "Core"].min() >= spend[fitted.predict(customers) == "Rising"].max()


@pytest.mark.parametrize("model", ["mbg_nbd", "pareto_nbd"])
def test_what_moves_a_customer_up_truly_leads_there(customers, model):
    fitted = CLVTiers(model).fit(customers)
    labels, advice = fitted.predict(customers), fitted.move_up(customers)
    value = fitted.spend_model_.expected_order_value(customers)
    checked = 0
    for i, words in advice.items():
        now = customers.loc[[i]].copy()
        x, m = now["repeat_orders"].iloc[0], now["mean_repeat_value"].iloc[0]
        new = now["active_days"].iloc[0] < now["age_days"].iloc[0]
        if new:
            now["mean_repeat_value"] = (x * m + value[i]) / (x + 1)
            now["repeat_orders"] = x + 1
        now["active_days"], now["recency_days"] = now["age_days"], 0
        after = fitted.predict(now).iloc[0]
        place = fitted.labels.index
        if (led := re.fullmatch(r"1 more order now would lead to (\w+)\.", words)) is not None:
            assert after == led[1]
            assert place(after) < place(labels[i])
            checked += 1
        elif labels[i] == "Core":
            assert words == "Already in the top segment."
        else:
            assert place(after) >= place(labels[i])
            assert words.startswith("1 more order now is not enough; Core starts at")
    assert checked > 100


def test_a_contact_needs_a_first_order(tiers):
    assert tiers.move_up(ROWS)[6] == "A first order."


def test_the_frozen_file_is_small_however_many_customers(customers):
    many = pd.concat([customers] * 20, ignore_index=True)
    text = json.dumps(CLVTiers().fit(many).to_dict())
    assert len(text) < 3000
    assert "c0001" not in text


def test_names_are_the_users(customers):
    names = ("Keep", "Grow", "Save", "Leave")
    fitted = SegmentModel(CLVTiers(names=names)).fit(customers)
    assert fitted.segments == list(names)
    assert set(fitted.predict(customers)) <= set(names)


def test_segment_model_has_tiers_in_order_and_details_beside(customers):
    fitted = SegmentModel(CLVTiers()).fit(customers)
    assigned = fitted.assign(customers)
    assert fitted.segments == ["Core", "Rising", "Fading", "Gone"]
    assert fitted.levels == {}
    assert assigned.columns.tolist() == ["customer_id", "segment", "p_alive", "expected_orders", "expected_spend"]


def test_summary_holds_both_models(customers):
    table = CLVTiers().fit(customers).summary()
    assert table["parameter"].tolist() == ["r", "alpha", "a", "b", "p", "q", "v"]
    assert table["model"].unique().tolist() == ["ModifiedBetaGeo", "GammaGamma"]
    assert (table["standard_error"] > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "mgb_nbd"}, "Did you mean 'mbg_nbd'"),
        ({"horizon_days": 0}, r"horizon_days must be between 1 and 36500\. Got 0"),
        ({"core_share": 1.5}, r"core_share must be between 0 and 1\. Got 1\.5"),
        ({"alive": 0.2, "gone": 0.5}, r"0 < gone < alive < 1\. Got gone 0\.5, alive 0\.2"),
        ({"alive": 1.0}, r"0 < gone < alive < 1\."),
        ({"names": ("a", "b", "c")}, "must be four different names"),
        ({"names": ("a", "b", "c", "c")}, "must be four different names"),
    ],
)
def test_arguments_that_cannot_be_are_refused(customers, options, message):
    with pytest.raises(ParamsError, match=message):
        CLVTiers(**options).fit(customers)


def test_customers_without_a_second_order_are_refused(customers):
    once = customers.assign(repeat_orders=0, active_days=0, mean_repeat_value=0.0)
    with pytest.raises(DataError, match=r"must have ordered on two days\. Got 400 one-time buyers"):
        CLVTiers().fit(once)


def test_customers_without_values_are_refused(customers):
    with pytest.raises(DataError, match="At least 3 customers must have repeat orders of positive"):
        CLVTiers().fit(customers.assign(mean_repeat_value=0.0))


def test_columns_that_are_missing_are_named(customers, tiers):
    with pytest.raises(DataError, match="'age_days'"):
        CLVTiers().fit(customers.drop(columns="age_days"))
    with pytest.raises(DataError, match="'repeat_orders'"):
        tiers.predict(ROWS.drop(columns="repeat_orders"))


def test_a_map_needs_scores(customers):
    with pytest.raises(ParamsError, match=r"CLVTiers gives none\. Leave the map out"):
        SegmentModel(CLVTiers(), load_map("twelve")).fit(customers)


def test_not_fitted_is_said(customers):
    for ask in ("predict", "explain", "move_up", "drift", "details"):
        with pytest.raises(NotFittedError, match="Call fit"):
            getattr(CLVTiers(), ask)(customers)
    with pytest.raises(NotFittedError, match="Call fit"):
        CLVTiers().summary()


@pytest.mark.parametrize(
    "state",
    [
        {**STATE, "spend_model": {}},
        {**STATE, "model": frozen_model("ParetoNBD", {"r": 1.0, "alpha": 1.0, "s": 1.0, "beta": 1.0})},
        {**STATE, "strategy": "quantile_rfm"},
        {**STATE, "params": {**STATE["params"], "gone": 0.9}},
    ],
)
def test_a_frozen_strategy_that_does_not_fit_together_is_refused(state):
    with pytest.raises(ParamsError):
        CLVTiers.from_dict(state)
