import json
from datetime import date

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.strategies import QuantileRFM, ThresholdRFM


def test_assigned_by_hand(model, customers):
    expected = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4, 5, 6],
            "segment": ["Champions", "New", "Needs attention", "Hibernating", "At risk", "Prospect"],
            "R": [5, 5, 3, 2, 1, 0],
            "F": [5, 1, 3, 2, 1, 0],
            "M": [5, 1, 3, 1, 4, 0],
            "cell": ["555", "511", "333", "221", "114", ""],
        }
    )
    assigned = model.assign(customers)
    pd.testing.assert_frame_equal(assigned, expected)
    reverse = customers[::-1]
    pd.testing.assert_frame_equal(model.assign(reverse), expected[::-1])
    assert model.predict(customers).tolist() == expected["segment"].tolist()


def test_the_frozen_file_says_when_and_on_whom_and_is_the_same_bytes_again(model, customers):
    state = json.loads(model.to_json())
    assert state["fitted_on"] == "2026-01-31"
    assert state["customers"] == 5
    assert state["shares"] == {"At risk": 1, "Champions": 1, "Hibernating": 1, "Needs attention": 1, "New": 1}
    again = SegmentModel(model.strategy, load_map("twelve")).fit(customers, fitted_on=date(2026, 1, 31))
    assert again.to_json() == model.to_json() == SegmentModel.from_json(model.to_json()).to_json()
    assert list(state) == sorted(state)


def test_fitting_leaves_the_strategy_it_was_given_alone(limits, model):
    assert not hasattr(limits, "scales_")
    assert hasattr(model.strategy_, "scales_")


def test_levels_come_from_the_map_or_the_strategy(model, customers):
    assert model.levels["R"] == ["1", "2", "3", "4", "5"]
    three = SegmentModel(ThresholdRFM(), load_map("three_level")).fit(customers)
    assert three.levels["F"] == ["casual", "regular", "often"]
    own = ThresholdRFM(levels={"recency": ["fresh", "fading", "gone"]})
    assert SegmentModel(own).fit(customers).levels["R"] == ["gone", "fading", "fresh"]


def test_without_a_map_the_cell_is_the_segment(limits, customers):
    model = SegmentModel(limits).fit(customers)
    assert model.assign(customers)["segment"].tolist() == ["555", "511", "333", "221", "114", "Prospect"]
    assert model.segments == ["114", "221", "333", "511", "555"]
    assert model.explain(customers)[0].startswith("555: last order 5 days ago")
    assert set(model.move_up(customers)) == {"These segments have no order, so none is higher."}


def test_scores_per_channel_keep_the_channel(customers):
    per_channel = pd.concat([customers.assign(channel="web"), customers.assign(channel="shop", recency_days=400)])
    strategy = ThresholdRFM(by="channel", recency={"web": [30, 90], "shop": [365, 500]})
    assigned = SegmentModel(strategy, load_map("three_level")).fit(per_channel).assign(per_channel)
    assert list(assigned.columns) == ["customer_id", "channel", "segment", "R", "F", "M", "cell"]
    assert assigned["R"].tolist() == [3, 3, 1, 1, 1, 0, 2, 2, 2, 2, 2, 2]


def test_drift_tells_scores_and_segments(model, customers):
    now = customers.assign(recency_days=[400.0] * 5 + [None])
    drift = model.drift(now).set_index("measure")
    assert list(drift.index) == ["recency", "frequency", "monetary", "segment"]
    assert drift.loc["frequency", "psi"] == 0
    assert drift.loc[["recency", "segment"], "verdict"].tolist() == ["large drift", "large drift"]


@pytest.mark.parametrize(
    ("strategy", "map_name", "message"),
    [
        (ThresholdRFM(), "twelve", r"'twelve' must get 5 scores of R\. The strategy gives 3\."),
        (QuantileRFM(), "three_level", r"must get 3 scores of R\. The strategy gives 5\."),
        (QuantileRFM(3, cut_points={"monetary": [50]}), "three_level", "3 scores of M. The strategy gives 2"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*distinct score:UserWarning")
def test_a_map_for_another_number_of_scores_is_refused(strategy, map_name, message, customers):
    with pytest.raises(ParamsError, match=message):
        SegmentModel(strategy, load_map(map_name)).fit(customers)


def test_assigning_needs_the_customer(model, customers):
    with pytest.raises(DataError, match="'customer_id'"):
        model.assign(customers.drop(columns="customer_id"))


def test_a_file_that_is_damaged_foreign_or_edited_is_refused(model):
    text = model.to_json()
    cases = {
        text[: len(text) // 2]: "must be JSON",
        "": "must be JSON",
        "[]": r"must have the format.*Got \[\]",
        "{}": "must have the format.*Got None",
        text.replace("segment model 1", "segment model 0"): "segment model 0",
        text.replace('"customers":5,', ""): "fingerprint|Missing or foreign: customers",
        text.replace("30.0", "31.0"): "must be as it was written",
        text.replace('"fitted_on":"2026-01-31",', ""): "Missing or foreign: fitted_on",
    }
    for bad, message in cases.items():
        assert bad != text
        with pytest.raises(ParamsError, match=message):
            SegmentModel.from_json(bad)
