"""Levels: limits in words, recent buying, and who is near a limit."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from rfm_ml.core.errors import DataError
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.segments.levels import level_figures, level_labels, level_table, limit_steps, recent_by_level
from rfm_ml.strategies import QuantileRFM, ThresholdRFM

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [1, 2, 3, 4],
        "recency_days": [10, 29, 32, 400],
        "orders": [9, 4, 2, 1],
        "spend": [900.0, 100.0, 60.0, 40.0],
        "orders_per_year": [9.0, 4.0, 2.0, 1.0],
        "spend_per_year": [900.0, 100.0, 60.0, 40.0],
    }
)
LIMITS = {"recency": [30, 365], "frequency": [2, 4], "monetary": [50, 500]}


@pytest.fixture
def model() -> SegmentModel:
    return SegmentModel(ThresholdRFM(**LIMITS), load_map("three_level")).fit(CUSTOMERS, fitted_on="2025-01-31")


def test_levels_are_listed_best_first_with_their_rule(model: SegmentModel) -> None:
    table = level_table(model)
    assert table["measure"].tolist() == ["recency"] * 3 + ["frequency"] * 3 + ["monetary"] * 3
    assert table["level"].tolist()[:3] == ["short", "medium", "long"]
    assert table["rule"].tolist()[:3] == ["at most 30 days", "more than 30 up to 365 days", "more than 365 days"]
    assert table["customers"].tolist() == [2, 1, 1, 2, 1, 1, 1, 2, 1]


@pytest.mark.filterwarnings("ignore:.*distinct scores? out of:UserWarning")
def test_levels_nobody_can_have_are_left_out() -> None:
    ties = CUSTOMERS.assign(orders=[1, 1, 1, 5])
    fitted = SegmentModel(QuantileRFM()).fit(ties)
    frequency = level_table(fitted).query("measure == 'frequency'")
    assert frequency["score"].tolist() == [5, 4, 1]
    assert list(level_labels(fitted)["F"]) == [5, 4, 1]


def test_labels_tell_name_and_rule(model: SegmentModel) -> None:
    assert level_labels(model)["R"] == {
        3: "short (at most 30 days)",
        2: "medium (more than 30 up to 365 days)",
        1: "long (more than 365 days)",
    }


@pytest.mark.filterwarnings("ignore:.*distinct scores? out of:UserWarning")
def test_labels_are_names_alone_where_limits_differ_by_channel() -> None:
    given = {"web": [30, 365], "shop": [60, 365]}
    split = CUSTOMERS.assign(channel=["web", "web", "shop", "shop"])
    strategy = ThresholdRFM(recency=given, frequency=[2, 4], monetary=[50, 500], by="channel")
    fitted = SegmentModel(strategy, load_map("three_level")).fit(split)
    assert level_labels(fitted)["R"] == {3: "short", 2: "medium", 1: "long"}
    figures = level_figures(fitted, fitted.assign(split), split)
    assert figures["rule"].tolist()[:3] == ["differs by group"] * 3
    assert len(figures) == 9


def test_level_figures_are_those_of_today(model: SegmentModel) -> None:
    figures = level_figures(model, model.assign(CUSTOMERS), CUSTOMERS)
    recency = figures[figures["measure"] == "recency"].drop(columns=["measure", "rule"]).reset_index(drop=True)
    expected = pd.DataFrame(
        {
            "level": ["short", "medium", "long"],
            "customers": [2, 1, 1],
            "customer_share": [0.5, 0.25, 0.25],
            "orders_share": [13 / 16, 2 / 16, 1 / 16],
            "revenue_share": [1000 / 1100, 60 / 1100, 40 / 1100],
        }
    )
    assert_frame_equal(recency, expected, check_dtype=False)


def test_recent_buying_is_summed_by_level_and_prospects_do_not_count(model: SegmentModel) -> None:
    assigned = pd.concat(
        [model.assign(CUSTOMERS), pd.DataFrame({"customer_id": [9], "segment": ["Prospect"], "R": [0]})]
    )
    recent = pd.DataFrame(
        {
            "customer_id": [1, 2, 9],
            "orders_recent": [3, 1, 50],
            "orders_before": [1, 2, 50],
            "revenue_recent": [30.0, 10.0, 1.0],
            "revenue_before": [20.0, 40.0, 1.0],
        }
    )
    expected = pd.DataFrame(
        {
            "score": [1, 2, 3],
            "orders_before": [0, 0, 3],
            "orders_recent": [0, 0, 4],
            "orders_change": [0, 0, 1],
            "revenue_before": [0.0, 0.0, 60.0],
            "revenue_recent": [0.0, 0.0, 40.0],
            "revenue_change": [0.0, 0.0, -20.0],
        }
    )
    assert_frame_equal(recent_by_level(assigned, recent), expected, check_dtype=False, check_column_type=False)


def test_recent_buying_by_channel_needs_scores_by_channel(model: SegmentModel) -> None:
    recent = pd.DataFrame({"customer_id": [1], "channel": ["web"], "orders_recent": [1]})
    with pytest.raises(DataError, match="The scores lack 'channel'"):
        recent_by_level(model.assign(CUSTOMERS), recent)


def test_limit_steps_count_who_would_move(model: SegmentModel) -> None:
    steps = limit_steps(model, CUSTOMERS, step=0.1).drop(columns="group")
    expected = pd.DataFrame(
        [
            ("recency", 30.0, 1, 1, 0.5),  # 32 days would be enough at 33, 29 too many at 27
            ("recency", 365.0, 1, 0, 0.25),  # 400 days would be enough at 401.5
            ("frequency", 2.0, 0, 1, 0.25),  # 2 orders are too few at 2.2; nobody has 1.8
            ("frequency", 4.0, 0, 1, 0.25),
            ("monetary", 50.0, 0, 0, 0.0),
            ("monetary", 500.0, 0, 0, 0.0),
        ],
        columns=["measure", "limit", "rise", "fall", "share"],
    )
    assert_frame_equal(steps, expected, check_dtype=False)


@pytest.mark.filterwarnings("ignore:.*distinct scores? out of:UserWarning")
def test_a_limit_is_never_moved_past_its_neighbour() -> None:
    near = ThresholdRFM(recency=[30, 31], frequency=[2, 4], monetary=[50, 500])
    fitted = SegmentModel(near, load_map("three_level")).fit(CUSTOMERS)
    steps = limit_steps(fitted, CUSTOMERS, step=0.5).query("measure == 'recency'")
    assert steps["rise"].tolist() == [0, 1]
    assert steps["fall"].tolist() == [1, 0]
