"""Levels over time, with three customers made by hand."""

from datetime import date

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from rfm_ml.customers import customer_table
from rfm_ml.customers.snapshots import each_snapshot
from rfm_ml.segments import SegmentModel, single_panel
from rfm_ml.segments.levels import best_months, level_purchases, levels_over_time
from rfm_ml.strategies import ThresholdRFM

# Three customers do not fill three levels.
pytestmark = pytest.mark.filterwarnings("ignore:.* distinct score")

ORDERS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b", "c"],
        "ordered_on": pd.to_datetime(["2024-01-10", "2024-02-10", "2024-03-10", "2024-01-20", "2024-03-01"]),
        "amount": [10.0, 20.0, 40.0, 100.0, 5.0],
        "channel": ["web", "shop", "web", "web", "web"],
    }
)
DAYS = [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 15)]


def model(orders: pd.DataFrame = ORDERS) -> SegmentModel:
    strategy = ThresholdRFM(recency=[15, 45], frequency=[2, 3], monetary=[20, 100])
    return SegmentModel(strategy).fit(customer_table(orders, as_of=DAYS[-1]), fitted_on=DAYS[-1])


def test_each_day_is_scored_by_the_same_rules() -> None:
    table = levels_over_time(model(), each_snapshot(ORDERS, as_of=DAYS))
    assert table["as_of"].unique().tolist() == [pd.Timestamp(d) for d in DAYS[1:]]  # nobody before the first order
    recency = table[table["measure"] == "R"].pivot(index="as_of", columns="score", values="customers")
    # January: a 21 days, b 11; February: a 19, b 40; March: a 5, b 55, c 14.
    assert recency.to_numpy().tolist() == [[0, 1, 1], [0, 2, 0], [1, 0, 2]]
    frequency = table[(table["measure"] == "F") & (table["as_of"] == "2024-03-15")]
    assert frequency["orders_each"].tolist()[0] == 1.0
    assert frequency["orders_each"].tolist()[2] == 3.0


def test_the_last_day_is_the_panel_of_today() -> None:
    fitted, customers = model(), customer_table(ORDERS, as_of=DAYS[-1])
    table = levels_over_time(fitted, each_snapshot(ORDERS, as_of=DAYS))
    for measure in "RFM":
        today = table[(table["measure"] == measure) & (table["as_of"] == "2024-03-15")].reset_index(drop=True)
        panel = single_panel(fitted.assign(customers), customers, measure=measure, levels=fitted.levels)
        assert_frame_equal(today[panel.columns.tolist()], panel)


def test_purchases_are_those_of_the_customers_of_today() -> None:
    assigned = model().assign(customer_table(ORDERS, as_of=DAYS[-1]))
    table = level_purchases(ORDERS, assigned, as_of=DAYS[-1])
    recency = table[table["measure"] == "R"]
    assert recency["month"].dt.strftime("%Y-%m").tolist() == ["2024-01", "2024-02", "2024-03"] * 2
    assert recency["complete"].tolist() == [True, True, False] * 2
    assert recency["score"].tolist() == [1] * 3 + [3] * 3
    assert recency["orders"].tolist() == [1, 0, 0, 1, 1, 2]
    assert recency["revenue"].tolist() == [100.0, 0.0, 0.0, 10.0, 20.0, 45.0]
    for measure in "RFM":
        assert table.loc[table["measure"] == measure, "revenue"].sum() == 175.0
    best = best_months(table).query("measure == 'R'")
    assert best[["score", "revenue"]].to_numpy().tolist() == [[1, 100.0], [3, 20.0]]
    assert best["month"].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]  # March is not over


def test_prospects_buy_nothing_and_channels_are_kept_apart() -> None:
    assigned = pd.DataFrame(
        {"customer_id": ["a", "a", "p"], "channel": ["web", "shop", "web"], "R": [2, 1, 0], "F": 1, "M": 1}
    )
    table = level_purchases(ORDERS, assigned, as_of=DAYS[-1], by="channel").query("measure == 'R'")
    assert table["score"].unique().tolist() == [1, 2]
    assert table.groupby("score")["revenue"].sum().tolist() == [20.0, 50.0]
