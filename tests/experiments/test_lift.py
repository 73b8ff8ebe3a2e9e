"""Lift against a hold-out: by hand, against scipy, and by simulation where the truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.experiments.cuped import cuped
from rfm_ml.experiments.lift import Lift, bootstrap_lift, cost_per_order, interaction_test, lift_by_segment, welch_lift
from rfm_ml.experiments.randomisation import balance_table, balance_test, sample_ratio

SENT = [3.0, 0.0, 2.0, 1.0, 0.0, 4.0, 1.0, 1.0, 0.0, 2.0, 3.0, 1.0]
HELD = [0.0, 1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]


def test_welch_as_scipy_has_it() -> None:
    lift = welch_lift(SENT + HELD, [True] * 12 + [False] * 10)
    theirs = ttest_ind(SENT, HELD, equal_var=False)
    ends = theirs.confidence_interval(0.95)
    assert lift.difference == pytest.approx(1.5 - 0.5)
    assert (lift.low, lift.high) == pytest.approx((ends.low, ends.high))
    assert (lift.p_value, lift.degrees) == pytest.approx((theirs.pvalue, theirs.df))
    assert (lift.treated, lift.control, lift.treated_mean, lift.control_mean) == (12, 10, 1.5, 0.5)


def test_welch_by_hand() -> None:
    sent, held = np.array([2.0, 4.0] * 10), np.array([1.0, 3.0] * 10)
    lift = welch_lift(np.concatenate([sent, held]), [True] * 20 + [False] * 20)
    # Variance of each: 20 / 19. Error: sqrt(2 x 1/19); t(38) at 97.5 %: 2.0244.
    assert lift.standard_error == pytest.approx(np.sqrt(2 / 19))
    assert lift.degrees == pytest.approx(38)
    assert lift.high - lift.difference == pytest.approx(2.0244 * np.sqrt(2 / 19), abs=1e-4)


@pytest.mark.parametrize("held", [0, 1, 9])
def test_few_customers_give_no_interval(held: int) -> None:
    lift = welch_lift([1.0] * 20 + HELD[:held], [True] * 20 + [False] * held)
    assert not lift.is_determined
    assert (lift.treated, lift.control) == (20, held)
    assert np.isnan(lift.difference) == (held == 0)
    assert bootstrap_lift([1.0] * 20 + HELD[:held], [True] * 20 + [False] * held).control == held


def test_nothing_varies_gives_no_interval() -> None:
    lift = welch_lift(np.zeros(40), [True] * 20 + [False] * 20)
    assert lift.difference == 0
    assert not lift.is_determined


def test_wrong_input_is_refused() -> None:
    with pytest.raises(DataError, match="True or False for each of the 3"):
        welch_lift([1, 2, 3], [True, False])
    with pytest.raises(DataError, match="Got 1 missing"):
        welch_lift([1, np.nan, 3], [True, False, True])
    with pytest.raises(DataError, match="one segment for each"):
        lift_by_segment([1, 2], [True, False], ["a"])
    with pytest.raises(DataError, match="past must be a number"):
        cuped([1.0, 2.0], [1.0, np.inf])
    with pytest.raises(ParamsError, match="cost must be between"):
        cost_per_order(-1, welch_lift(SENT + HELD, [True] * 12 + [False] * 10))


def skewed(rng: np.random.Generator, size: int, *, lift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spend of a shop: mostly nothing, sometimes much; past spend goes along; a fifth is held out."""
    taste = rng.gamma(0.8, 1.0, size)
    past = taste * rng.gamma(6, 10, size)
    treated = rng.random(size) >= 0.2
    spend = rng.poisson(0.4 * taste) * rng.gamma(6, 10, size) + treated * lift * rng.binomial(1, 0.5, size) * 2
    return spend, past, treated


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = {"Welch": 0, "CUPED": 0, "bootstrap": 0}
    widths = {"Welch": 0.0, "CUPED": 0.0}
    for k in range(400):
        spend, past, treated = skewed(rng, 1500, lift=5.0)
        every = {"Welch": welch_lift(spend, treated), "CUPED": welch_lift(cuped(spend, past).values, treated)}
        if k < 60:
            every["bootstrap"] = bootstrap_lift(spend, treated, repeats=200, seed=k)
        for name, lift in every.items():
            held[name] += lift.low <= 5.0 <= lift.high
            if name in widths:
                widths[name] += lift.high - lift.low
    # 95 % of 400 is 380, give or take 9 (two standard errors).
    assert 368 <= held["Welch"] <= 394
    assert 368 <= held["CUPED"] <= 394
    assert held["bootstrap"] >= 52
    assert widths["CUPED"] < 0.95 * widths["Welch"]


def test_cuped_is_the_formula() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    y = 2 * x + rng.normal(size=200)
    found = cuped(y, x)
    theta = np.cov(y, x)[0, 1] / np.var(x, ddof=1)
    assert found.theta[0] == pytest.approx(theta)
    np.testing.assert_allclose(found.values, y - theta * (x - x.mean()))
    assert found.reduction == pytest.approx(np.corrcoef(y, x)[0, 1] ** 2)
    assert found.values.mean() == pytest.approx(y.mean())


def test_cuped_of_several_columns_and_of_none_that_vary() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2))
    y = x @ [1.0, -2.0] + rng.normal(size=300)
    alone = max(cuped(y, x[:, 0]).reduction, cuped(y, x[:, 1]).reduction)
    assert cuped(y, x).reduction > alone
    constant = cuped(y, np.full(300, 7.0))
    assert (constant.reduction, constant.theta.tolist()) == (pytest.approx(0), [0.0])
    np.testing.assert_allclose(constant.values, y)
    assert cuped(np.ones(10), np.arange(10.0)).reduction == 0


@given(st.floats(0.001, 1000), st.floats(-1000, 1000))
def test_cuped_does_not_depend_on_the_unit_of_the_past(scale: float, shift: float) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=50), rng.normal(size=50)
    np.testing.assert_allclose(cuped(y, x * scale + shift).values, cuped(y, x).values, atol=1e-6)


def test_lift_by_segment_is_the_lift_within_each() -> None:
    values = np.array(SENT + HELD + SENT + [2.0, 3.0])
    treated = np.array([True] * 12 + [False] * 10 + [True] * 12 + [False] * 2)
    segments = ["B"] * 22 + ["A"] * 14
    table = lift_by_segment(values, treated, segments)
    assert table["segment"].tolist() == ["A", "B"]
    assert table["difference"].tolist() == [1.5 - 2.5, 1.0]
    assert np.isnan(table["p_holm"][0])
    # One test is not several.
    assert table["p_holm"][1] == table["p_value"][1]


def test_interaction_test_keeps_its_size_and_finds_a_difference() -> None:
    rng = np.random.default_rng(4)
    false_alarms = finds = 0
    segments = np.repeat(["a", "b", "c", "d"], 150)
    for _ in range(400):
        treated = rng.random(600) < 0.75
        spend = rng.gamma(1, 10, 600) * (1 + (segments == "d")) + 3.0 * treated
        false_alarms += interaction_test(lift_by_segment(spend, treated, segments)).p_value < 0.05
        spend += 8 * treated * (segments == "b")
        finds += interaction_test(lift_by_segment(spend, treated, segments)).p_value < 0.05
    assert 8 <= false_alarms <= 34  # 20 of 400, give or take three standard errors
    assert finds > 320


def test_interaction_of_two_segments_by_hand() -> None:
    lifts = pd.DataFrame({"difference": [3.0, 1.0], "standard_error": [0.6, 0.8], "degrees": [50.0, 50.0]})
    found = interaction_test(lifts)
    # (3 - 1)^2 / (0.36 + 0.64) = 4, and with two segments F is the square of Welch's t.
    assert found.statistic == pytest.approx(4.0)
    assert found.degrees == 1
    assert np.isnan(interaction_test(lifts[:1]).p_value)


def test_cost_per_order_turns_the_interval_over() -> None:
    lift = Lift(0.1, 0.05, 0.2, 0.01, 0.03, 99, 1000, 250, 0.5, 0.4)
    assert cost_per_order(500, lift) == pytest.approx((5.0, 2.5, 10.0))
    unsure = cost_per_order(500, lift._replace(low=-0.05))
    assert unsure == pytest.approx((5.0, 2.5, np.inf))
    assert not unsure.is_determined
    none = cost_per_order(500, lift._replace(difference=-0.1, low=-0.2, high=-0.01))
    assert none == (np.inf, np.inf, np.inf)


def test_sample_ratio_alarms_rarely_and_when_it_should() -> None:
    rng = np.random.default_rng(6)
    alarms = [sample_ratio(rng.random(2000) >= 0.2, holdout=0.2).mismatch for _ in range(300)]
    assert sum(alarms) <= 2
    lost = sample_ratio([True] * 1500 + [False] * 500, holdout=0.2)
    assert lost.mismatch
    assert (lost.treated, lost.control, lost.holdout) == (1500, 500, 0.25)


def test_balance_by_hand() -> None:
    covariates = pd.DataFrame({"spend": [1.0, 3.0, 2.0, 4.0], "same": [1, 1, 1, 1]})
    table = balance_table(covariates, [True, True, False, False])
    assert table["standardised_difference"].tolist() == [-1.0, 0.0]
    weighted = balance_table(covariates, [True, True, False, False], weights=[0, 1, 1, 1])
    assert weighted["treated_mean"].tolist() == [3.0, 1.0]
    assert weighted["standardised_difference"].tolist() == [0.0, 0.0]
    with pytest.raises(DataError, match="Both groups must have customers"):
        balance_table(covariates, [True] * 4)


def test_balance_test_keeps_its_size_and_finds_a_chosen_group() -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        x = pd.DataFrame(rng.gamma(1, 1, (400, 3)), columns=list("abc")).assign(same=1, twice=lambda t: 2 * t["a"])
        alarms += balance_test(x, rng.random(400) < 0.8) < 0.05
    assert 4 <= alarms <= 27
    assert balance_test(x, x["a"] > 1) < 1e-6
    assert balance_test(x[["same"]], x["a"] > 1) == 1
