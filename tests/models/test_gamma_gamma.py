"""Gamma-Gamma: shrinkage, what it leaves out, and the verdict on its main assumption."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.models import FitWarning, GammaGamma


def repeaters(size: int = 2000, *, tied: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Customers whose value depends on frequency as strongly as `tied` says."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 10, size)
    value = rng.gamma(5.0 * x) / x / rng.gamma(4.0, 1 / 20.0, size) * x**tied
    return pd.DataFrame({"customer_id": np.arange(size), "repeat_orders": x, "mean_repeat_value": value})


def test_independence_is_judged_and_quantified():
    model = GammaGamma().fit(repeaters())
    assert abs(model.independence_["spearman"]) < 0.08
    assert model.independence_["verdict"].startswith("independence holds (rank correlation ")


@pytest.mark.filterwarnings("ignore:.*do not determine p")  # what the misfit does to p is another matter
def test_dependence_is_warned_of():
    with pytest.warns(FitWarning, match=r"does not hold.*frequent buyers place larger orders"):
        GammaGamma().fit(repeaters(tied=0.4))
    with pytest.warns(FitWarning, match=r"does not hold.*frequent buyers place smaller orders"):
        GammaGamma().fit(repeaters(tied=-0.4))


def test_expected_values_lie_between_own_and_everybodys():
    frame = repeaters(300)
    model = GammaGamma().fit(frame)
    p, q, v = model.params_
    everybody = p * v / (q - 1)
    own = frame["mean_repeat_value"].to_numpy()
    weight = model.shrinkage(frame["repeat_orders"].to_numpy())
    np.testing.assert_allclose(model.expected_order_value(frame), weight * everybody + (1 - weight) * own, rtol=1e-12)
    assert model.shrinkage(np.array([0.0])) == 1
    assert (np.diff(model.shrinkage(np.arange(20.0))) < 0).all()


def test_returns_that_ate_up_the_orders_are_left_out_and_counted():
    frame = repeaters(500)
    broken = pd.concat(
        [frame, pd.DataFrame({"customer_id": [-1, -2], "repeat_orders": [3, 1], "mean_repeat_value": [-5.0, 0.0]})],
        ignore_index=True,
    )
    model = GammaGamma().fit(broken)
    assert model.left_out_ == 2
    pd.testing.assert_series_equal(model.params_, GammaGamma().fit(frame).params_)
    value = model.expected_order_value(broken)
    assert value[-2:] == pytest.approx(model.params_["p"] * model.params_["v"] / (model.params_["q"] - 1))


def test_one_time_buyers_teach_nothing_about_value():
    frame = repeaters(500)
    more = frame.assign(repeat_orders=0, mean_repeat_value=0.0)
    both = GammaGamma().fit(pd.concat([frame, more], ignore_index=True))
    pd.testing.assert_series_equal(both.params_, GammaGamma().fit(frame).params_)


def test_the_currency_only_scales_v():
    frame = repeaters(500)
    cents = frame.assign(mean_repeat_value=frame["mean_repeat_value"] * 100)
    one, other = GammaGamma().fit(frame), GammaGamma().fit(cents)
    np.testing.assert_allclose(other.params_ / one.params_, [1, 1, 100], rtol=1e-6)
    assert other.log_likelihood_ == pytest.approx(one.log_likelihood_ - 500 * np.log(100), rel=1e-10)


def test_heavy_tails_never_give_negative_values():
    """Values so spread that the best q is below 1, where the population has no mean."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"repeat_orders": 1, "mean_repeat_value": rng.pareto(0.5, 400) + 0.01})
    with pytest.warns(FitWarning, match="do not determine q"):
        model = GammaGamma().fit(frame)
    assert model.params_["q"] >= 1.01 - 1e-9
    assert (model.expected_order_value(frame) > 0).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [([5.0, 5.0, 5.0, 5.0], "4 usable"), ([1.0, 2.0], "2 usable"), ([-1.0, -2.0, 0.0], "0 usable")],
)
def test_too_little_to_learn_from_is_refused(values, message):
    frame = pd.DataFrame({"repeat_orders": np.ones(len(values)), "mean_repeat_value": values})
    with pytest.raises(DataError, match=message):
        GammaGamma().fit(frame)


def test_missing_values_are_refused():
    frame = pd.DataFrame({"repeat_orders": [1.0, 2.0], "mean_repeat_value": [np.nan, 3.0]})
    with pytest.raises(DataError, match="1 customers without them"):
        GammaGamma().fit(frame)
    with pytest.raises(ParamsError, match="engine"):
        GammaGamma(engine="excel").fit(repeaters(10))
