"""Known holdout errors on CDNOW: 2,357 customers, 39 weeks of calibration, 39 of holdout."""

import pandas as pd
import pytest

from rfm_ml.evaluation.gains import missed_top, wrongly_in
from rfm_ml.evaluation.ranking import activity_accuracy
from rfm_ml.models import BetaGeo, ParetoNBD

WEEK = 7
HOLDOUT = 39 * WEEK


def test_the_future_top_fifth_missed(cdnow: pd.DataFrame):
    """Past spend: all spend up to the day, the first order included. Pareto/NBD: expected orders of the holdout."""
    spend = cdnow["actual_spend"]
    assert missed_top(spend, cdnow["spend"]) == pytest.approx(0.501, abs=0.0005)
    expected = ParetoNBD().fit(cdnow).expected_orders(cdnow, horizon_days=HOLDOUT)
    assert missed_top(spend, expected) == pytest.approx(0.461, abs=0.0005)
    assert wrongly_in(spend, cdnow["spend"]) == pytest.approx(missed_top(spend, cdnow["spend"]) / 4)


def test_active_told_from_inactive(cdnow: pd.DataFrame):
    """Active is who orders in the holdout. Hiatus: no order for over 12 weeks; models: P(alive) below 1/2."""
    orders = cdnow["actual_order_days"]
    hiatus = cdnow["recency_days"] <= 12 * WEEK
    assert float(activity_accuracy(orders, hiatus)) == pytest.approx(0.781, abs=0.0005)
    for kind, wanted in [(ParetoNBD, 0.774), (BetaGeo, 0.339)]:
        alive = kind().fit(cdnow).predict(cdnow, horizon_days=HOLDOUT)["p_alive"]
        assert float(activity_accuracy(orders, alive >= 0.5)) == pytest.approx(wanted, abs=0.0005), kind
