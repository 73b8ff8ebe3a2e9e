"""BG/BB on orders: from a log to opportunities, and predictions that follow from them."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.models import BetaGeoBetaBinom, opportunities


def test_opportunities_by_hand():
    orders = pd.DataFrame({
        "customer_id": ["a", "a", "a", "a", "b", "c", "c", "d"],
        "ordered_on": pd.to_datetime([
            "2024-01-01", "2024-01-05", "2024-01-09", "2024-01-25",  # periods 0, 0, 1, 3
            "2024-01-10",  # alone
            "2024-01-01", "2024-01-30",  # period 4, which has not ended on 2024-01-31
            "2024-02-10",  # after the as-of day
        ]),
    })  # fmt: skip
    got = opportunities(orders, as_of="2024-01-31", period_days=7)
    expected = pd.DataFrame({
        "customer_id": ["a", "b", "c"],
        "repeat_orders": [2, 0, 1],
        "active_days": [21, 0, 28],
        "age_days": [28, 21, 28],
    })  # fmt: skip
    pd.testing.assert_frame_equal(got, expected, check_dtype=False)


@pytest.mark.filterwarnings("ignore::rfm_ml.models.FitWarning")  # gamma and delta run off: all leave alike
def test_real_orders_in_months(cdnow_orders):
    frame = opportunities(cdnow_orders, as_of="1997-12-31", period_days=30)
    model = BetaGeoBetaBinom(period_days=30).fit(frame)
    assert model.converged_
    # from the first order on, as if nothing were known of anybody, the model gives back what was seen
    new = frame.assign(repeat_orders=0, active_days=0, age_days=0)
    expected = [
        model.expected_orders(new.iloc[:1], horizon_days=days)[0] * count
        for days, count in frame["age_days"].value_counts().items()
    ]
    assert sum(expected) == pytest.approx(frame["repeat_orders"].sum(), rel=0.03)


def test_expected_orders_are_the_sum_of_the_tail_probabilities(donors):
    model = BetaGeoBetaBinom().fit(donors)
    n = np.arange(1, 11.0)
    x, T = np.full(10, 3.0), np.full(10, 6.0)
    assert model._at_least(n, x, T, 10.0).sum() == pytest.approx(model._orders_if_alive(x, T, 10.0, (0.0,))[0, 0])


def test_half_a_period_counts_half(donors):
    model = BetaGeoBetaBinom().fit(donors)
    three, four, between = (model.expected_orders(donors.iloc[:5], horizon_days=h) for h in (3, 4, 3.5))
    np.testing.assert_allclose(between, (three + four) / 2)


def test_the_period_is_only_a_unit(donors):
    days = BetaGeoBetaBinom().fit(donors)
    years = donors.assign(active_days=donors["active_days"] * 365, age_days=donors["age_days"] * 365)
    scaled = BetaGeoBetaBinom(period_days=365).fit(years)
    pd.testing.assert_series_equal(scaled.params_, days.params_)
    np.testing.assert_allclose(
        scaled.expected_orders(years, horizon_days=5 * 365), days.expected_orders(donors, horizon_days=5)
    )
    got = scaled.predict(years.iloc[[0, -1]], horizon_days=730, level=0.8)
    assert got["overdue"].tolist() == [True, False]
    assert got["orders_high"].tolist()[1] == 2


def test_several_orders_in_a_period_are_refused_with_the_way_out():
    frame = pd.DataFrame({"repeat_orders": [5], "active_days": [14], "age_days": [28]})
    with pytest.raises(DataError, match=r"Got 5 orders in 2 of 4 periods.*opportunities\("):
        BetaGeoBetaBinom(period_days=7).fit(frame)
    with pytest.raises(DataError, match="whole periods of 7 days"):
        BetaGeoBetaBinom(period_days=7).fit(frame.assign(repeat_orders=1, age_days=30))
