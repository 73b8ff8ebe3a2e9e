"""Known holdout errors on CDNOW: 2,357 customers, 39 weeks of calibration, 39 of holdout."""

import pandas as pd
import pytest

from rfm_ml.evaluation import value_measures
from rfm_ml.models import BetaGeo, ParetoNBD

WEEK = 7
HOLDOUT = 39 * WEEK


def test_the_future_top_fifth_missed(cdnow: pd.DataFrame):
    """Past spend: all spend up to the day, the first order included. Pareto/NBD: expected orders of the holdout."""
    spend = cdnow["actual_spend"]
    past = value_measures(spend, cdnow["spend"], mean_train=None)
    assert past["missed_top_20"] == pytest.approx(0.501, abs=0.0005)
    expected = ParetoNBD().fit(cdnow).expected_orders(cdnow, horizon_days=HOLDOUT)
    assert value_measures(spend, expected, mean_train=None)["missed_top_20"] == pytest.approx(0.461, abs=0.0005)
    assert past["wrongly_in_20"] == pytest.approx(past["missed_top_20"] / 4)


def test_active_told_from_inactive(cdnow: pd.DataFrame):
    """Share rightly told; active is who orders in the holdout (Wuebben & von Wangenheim 2008).

    Hiatus: no order for over 12 weeks; models: P(alive) below 1/2.
    """
    active = cdnow["actual_order_days"] > 0
    hiatus = cdnow["recency_days"] <= 12 * WEEK
    assert (hiatus == active).mean() == pytest.approx(0.781, abs=0.0005)
    for kind, wanted in [(ParetoNBD, 0.774), (BetaGeo, 0.339)]:
        alive = kind().fit(cdnow).predict(cdnow, horizon_days=HOLDOUT)["p_alive"]
        assert ((alive >= 0.5) == active).mean() == pytest.approx(wanted, abs=0.0005), kind
