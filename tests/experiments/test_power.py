"""Power: published figures, and what it promises holds when campaigns are simulated."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.experiments.power import minimum_detectable_lift, power_table


def test_bloom_multiplier_of_equal_groups() -> None:
    # Bloom (1995): two-sided test at 5 %, power 80 %: 2.80 standard errors.
    assert minimum_detectable_lift(1.0, treated=200, control=200) / np.sqrt(2 / 200) == pytest.approx(2.80, abs=0.005)


def test_textbook_sample_size_of_half_a_standard_deviation() -> None:
    # Cohen (1988): d = 0.5, alpha 5 % two-sided, power 80 %: 64 per group by t, 63 by the normal distribution.
    few, enough = (minimum_detectable_lift(1.0, treated=n, control=n) for n in (62, 63))
    assert enough <= 0.5 < few


def test_power_is_what_simulated_campaigns_show() -> None:
    rng = np.random.default_rng(5)
    treated, control = 300, 100
    lift = minimum_detectable_lift(1.0, treated=treated, control=control, power=0.7)
    means = rng.normal(lift, 1 / np.sqrt(treated), 20_000) - rng.normal(0, 1 / np.sqrt(control), 20_000)
    shown = np.abs(means) > 1.959964 * np.sqrt(1 / treated + 1 / control)
    assert shown.mean() == pytest.approx(0.7, abs=0.012)


def test_table_by_hand() -> None:
    outcomes = pd.DataFrame({"orders": [0.0, 2.0, 0.0, 2.0], "spend": [0.0, 0.0, 0.0, 0.0]})
    past = pd.DataFrame({"orders": [0.0, 2.0, 2.0, 0.0], "spend": [1.0, 2.0, 3.0, 4.0]})
    table = power_table(outcomes, past=past, holdouts=[0.1, 0.5], customers=1000)
    assert table["treated"].tolist() == [900, 500, 900, 500]
    assert table["control"].tolist() == [100, 500, 100, 500]
    spread = np.sqrt(4 / 3)
    expected = 2.8015852 * spread * np.sqrt([1 / 900 + 1 / 100, 2 / 500])
    np.testing.assert_allclose(table["detectable_lift"][:2], expected, rtol=1e-6)
    np.testing.assert_allclose(table["detectable_share"][:2], expected, rtol=1e-6)
    # Nobody spends: the past explains nothing, and a share of nothing is missing.
    assert table["reduction"].tolist() == [0, 0, 0, 0]
    assert table["detectable_share"][2:].isna().all()


def test_the_past_makes_a_list_show_smaller_lifts() -> None:
    rng = np.random.default_rng(1)
    past = rng.normal(size=5000)
    outcomes = pd.DataFrame({"spend": 0.8 * past + 0.6 * rng.normal(size=5000)})
    plain = power_table(outcomes)["detectable_lift"]
    helped = power_table(outcomes, past=pd.DataFrame({"spend": past}))
    assert helped["reduction"].iloc[0] == pytest.approx(0.64, abs=0.03)
    np.testing.assert_allclose(helped["detectable_lift"], plain * np.sqrt(1 - helped["reduction"]))


def test_without_a_holdout_nothing_can_be_shown() -> None:
    assert minimum_detectable_lift(1.0, treated=100, control=0) == np.inf
    assert power_table(pd.DataFrame({"orders": [0, 1, 0]}), holdouts=[0.1])["detectable_lift"].tolist() == [np.inf]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ParamsError, match="reduction must be between"):
        minimum_detectable_lift(1.0, treated=5, control=5, reduction=1.2)
    with pytest.raises(ParamsError, match="treated and control must be 0 or more"):
        minimum_detectable_lift(1.0, treated=-1, control=5)
    with pytest.raises(DataError, match="at least two customers"):
        power_table(pd.DataFrame({"orders": [1]}))
    with pytest.raises(DataError, match="must have the column 'orders'"):
        power_table(pd.DataFrame({"orders": [1, 2]}), past=pd.DataFrame({"spend": [1, 2]}))
