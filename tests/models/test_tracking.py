"""Orders over time: sums over arrivals against brute force, published totals, and the weeks to come."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.customers.calendar import first_and_repeat_days
from rfm_ml.models import NBD, BetaGeo, ModifiedBetaGeo, ParetoNBD
from rfm_ml.models.tracking import next_order_calendar, orders_by_age, track_orders

NEW = pd.DataFrame({"repeat_orders": [0.0], "active_days": [0.0], "age_days": [0.0]})
CALENDAR = pd.DataFrame(
    {
        "ordered_on": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-08", "2024-01-16"]),
        "new_customers": [2, 1, 1, 5],
        "repeat_orders": [0, 1, 2, 0],
    }
)


def steady() -> NBD:
    """A customer orders once in ten days and never leaves, so E[X(t)] = t / 10."""
    model = NBD()
    model.params_ = pd.Series([2.0, 20.0], index=["r", "alpha"])
    return model


@pytest.mark.parametrize("kind", [ParetoNBD, BetaGeo, ModifiedBetaGeo])
@pytest.mark.parametrize("days", [1, 40, 546, 4000])
def test_orders_by_age_are_the_models_own(cdnow, kind, days):
    model = kind().fit(cdnow)
    got = orders_by_age(model, days)
    at = np.unique(np.linspace(1, days, 23).round().astype(int))
    exact = [model.expected_orders(NEW, horizon_days=float(t))[0] for t in at]
    np.testing.assert_allclose(got[at], exact, rtol=1e-5)
    assert len(got) == days + 1
    assert got[0] == 0


def test_tracking_by_hand():
    got = track_orders(steady(), CALENDAR, until="2024-01-15", fitted_on="2024-01-07")
    assert got["from_day"].astype(str).tolist() == ["2024-01-01", "2024-01-08"]
    assert got["to_day"].astype(str).tolist() == ["2024-01-07", "2024-01-14"]
    assert got["new_customers"].tolist() == [3, 1]
    assert got["actual_orders"].tolist() == [1, 2]
    assert got["actual_total"].tolist() == [1, 3]
    # By the 7th: 2 customers of 6 days, 1 of 4; by the 14th: 2 of 13, 1 of 11, 1 of 6 days.
    np.testing.assert_allclose(got["expected_total"], [1.6, 4.3])
    np.testing.assert_allclose(got["expected_orders"], [1.6, 2.7])
    assert got["seen"].tolist() == [True, False]


def test_tracking_leaves_out_a_rest_and_later_orders():
    whole = track_orders(steady(), CALENDAR, until="2024-01-21")
    assert len(whole) == 3
    assert whole["seen"].all()
    early = track_orders(steady(), CALENDAR, until="2024-01-15")
    pd.testing.assert_frame_equal(
        early[["actual_total", "expected_total"]], whole.loc[:1, ["actual_total", "expected_total"]]
    )
    with pytest.raises(DataError, match="an order on or before 2023-12-31"):
        track_orders(steady(), CALENDAR, until="2023-12-31")


@pytest.mark.parametrize(("kind", "off"), [(ParetoNBD, -0.015), (BetaGeo, -0.040)])
def test_cdnow_at_week_78(cdnow, cdnow_orders, kind, off):
    """Published: actual 4,339, Pareto/NBD -1.5 %, BG/NBD -4.0 %. The log ends one day short of week 78."""
    calendar = first_and_repeat_days(cdnow_orders)
    got = track_orders(kind().fit(cdnow), calendar, until="1998-06-30", fitted_on="1997-09-30")
    last = got.iloc[-1]
    assert len(got) == 78
    assert last["actual_total"] == 4339
    assert last["expected_total"] / 4339 - 1 == pytest.approx(off, abs=0.0015)
    assert got["new_customers"].sum() == 2357
    assert got["seen"].sum() == 39
    np.testing.assert_allclose(got["expected_orders"].cumsum(), got["expected_total"])


def test_next_orders_by_hand():
    customers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "repeat_orders": [2, 0, 8],
            "active_days": [15, 0, 75],
            "age_days": [20, 10, 80],
            "first_order_on": pd.to_datetime(["2024-01-11", "2024-01-21", "2023-11-12"]),
        }
    )
    predictions = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "expected_next_order_on": pd.to_datetime(["2024-02-07", "2024-02-08", "2024-02-01"]),
            "overdue": [False, False, True],
        }
    )
    got = next_order_calendar(steady(), customers, predictions, as_of="2024-01-31", weeks=3)
    assert got["week"].tolist() == [1, 2, 3]
    assert got["from_day"].astype(str).tolist() == ["2024-02-01", "2024-02-08", "2024-02-15"]
    assert got["to_day"].astype(str).tolist() == ["2024-02-07", "2024-02-14", "2024-02-21"]
    # Rates (r + x) / (alpha + T) are 4/40, 2/30 and 10/100 orders a day.
    np.testing.assert_allclose(got["expected_orders"], [7 * (0.2 + 2 / 30)] * 3)
    assert got["customers_due"].tolist() == [1, 1, 0]
    np.testing.assert_allclose(got["running_share"], [1 / 3, 2 / 3, 2 / 3])


def test_weeks_add_up_to_the_horizon_and_missing_dates_are_nobody(cdnow):
    model = ModifiedBetaGeo().fit(cdnow)
    predictions = model.predict(cdnow, horizon_days=84)
    got = next_order_calendar(model, cdnow, predictions, as_of="1997-09-30")
    assert got["expected_orders"].sum() == pytest.approx(predictions["expected_orders"].sum())
    assert got["expected_orders"].is_monotonic_decreasing
    soon = predictions["expected_next_order_on"] <= pd.Timestamp("1997-12-23")
    assert got["customers_due"].sum() == (soon & ~predictions["overdue"]).sum()
    never = predictions.assign(expected_next_order_on=pd.NaT)
    assert next_order_calendar(model, cdnow, never, as_of="1997-09-30")["customers_due"].sum() == 0
