import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.strategies import ThresholdRFM
from rfm_ml.strategies.reading import window_gain


def frame(recency, frequency, monetary, **more) -> pd.DataFrame:
    return pd.DataFrame({"recency_days": recency, "orders_per_year": frequency, "spend_per_year": monetary, **more})


GRID = frame([30, 31, 365, 366], [4.0, 3.99, 1, 0.5], [1000.0, 999.99, 100, 99.99])
GIVEN = {"recency": [30, 365], "frequency": [1, 4], "monetary": [100, 1000]}


def test_a_limit_belongs_to_the_better_score():
    strategy = ThresholdRFM(**GIVEN).fit(GRID)
    assert strategy.scores(GRID).to_numpy().tolist() == [[3, 3, 3], [2, 2, 2], [2, 2, 2], [1, 1, 1]]
    assert strategy.predict(GRID).tolist() == ["333", "222", "222", "111"]
    rules = strategy.summary()["rule"].tolist()
    assert rules[:3] == ["more than 365 days", "more than 30 up to 365 days", "at most 30 days"]
    assert rules[3:6] == ["below 1 a year", "at least 1, below 4 a year", "at least 4 a year"]
    assert rules[6:] == ["below 100.00 a year", "at least 100.00, below 1000.00 a year", "at least 1000.00 a year"]


limits = st.lists(st.integers(-50, 400), min_size=1, max_size=12, unique=True).map(sorted)


@given(limits, limits, st.lists(st.integers(-60, 420), min_size=3, max_size=30))
def test_any_number_of_limits_scored_as_defined(recency, spend, values):
    customers = frame(values, values, values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThresholdRFM, "_warn_if_collapsed", lambda self: None)
        strategy = ThresholdRFM(recency=recency, frequency=spend, monetary=spend).fit(customers)
    scores = strategy.scores(customers)
    assert scores["R"].tolist() == [1 + sum(v <= limit for limit in recency) for v in values]
    assert scores["M"].tolist() == scores["F"].tolist() == [1 + sum(v >= limit for limit in spend) for v in values]
    assert strategy.n_scores == {"R": len(recency) + 1, "F": len(spend) + 1, "M": len(spend) + 1}


def test_levels_name_the_cells_in_the_order_of_the_limits():
    levels = {
        "recency": ["short", "medium", "long"],
        "frequency": ["casual", "regular", "often"],
        "monetary": ["saver", "average", "spender"],
    }
    strategy = ThresholdRFM(**GIVEN, levels=levels).fit(GRID)
    cells = strategy.predict(GRID).tolist()
    assert cells[0] == "short-often-spender"
    assert cells[3] == "long-casual-saver"
    assert "(R 3 short: at most 30 days)" in strategy.explain(GRID)[0]
    assert strategy.level_names("recency") == ["long", "medium", "short"]


def test_terciles_by_default_keep_equal_customers_in_the_lower_level():
    customers = frame(range(9), [1, 1, 1, 1, 1, 2, 2, 3, 9], range(10, 100, 10))
    strategy = ThresholdRFM().fit(customers)
    assert strategy.scores(customers)["F"].tolist() == [1, 1, 1, 1, 1, 2, 2, 3, 3]
    assert strategy.scores(customers)["R"].tolist() == [3, 3, 3, 2, 2, 2, 1, 1, 1]
    assert strategy.summary()["rule"].tolist()[3:5] == ["at most 1 a year", "more than 1 up to 2 a year"]


CHANNELS = frame([40] * 4, [3.0] * 4, [50.0] * 4, channel=["web", "shop", "app", None])
PER_CHANNEL = {"recency": {"web": [30, 90], "shop": [60, 90], "default": [10, 20]}, "by": "channel"}


@pytest.mark.filterwarnings("ignore:.*distinct score:UserWarning")
def test_limits_per_channel_with_a_default_for_the_rest():
    strategy = ThresholdRFM(**PER_CHANNEL, frequency=[1], monetary=[1]).fit(CHANNELS)
    assert strategy.scores(CHANNELS)["R"].tolist() == [2, 3, 1, 1]
    assert strategy.summary()["group"].unique().tolist() == ["shop", "web", "default"]
    assert "more than 30 up to 90 days" in strategy.explain(CHANNELS)[0]
    assert "more than 20 days" in strategy.explain(CHANNELS)[2]


@pytest.mark.filterwarnings("ignore:.*distinct score:UserWarning")
def test_channels_may_be_numbers():
    shops = CHANNELS.assign(channel=[1, 2, 1, 2])
    strategy = ThresholdRFM(recency={1: [30], 2: [60]}, frequency=[1], monetary=[1], by="channel").fit(shops)
    assert strategy.scores(shops)["R"].tolist() == [1, 2, 1, 2]
    assert ThresholdRFM.from_dict(strategy.to_dict()).predict(shops).tolist() == ["122", "222"] * 2


@pytest.mark.filterwarnings("ignore:.*distinct score:UserWarning")
def test_a_channel_without_limits_is_refused_by_name():
    named = {"recency": {"web": [30], "shop": [60]}, "by": "channel", "frequency": [1], "monetary": [1]}
    strategy = ThresholdRFM(**named).fit(CHANNELS[:2])
    with pytest.raises(DataError, match=r"Every channel must have limits\. Got 'app'.*under 'default'"):
        strategy.predict(CHANNELS[:3])
    never = CHANNELS[2:3].assign(recency_days=np.nan)
    assert strategy.predict(never).tolist() == [""]


def test_terciles_are_learned_per_channel_and_pooled_for_the_unseen():
    web, shop = range(1, 10), range(101, 110)
    days = [*web, *shop]
    customers = frame(days, days, days, channel=["web"] * 9 + ["shop"] * 9)
    strategy = ThresholdRFM(by="channel").fit(customers)
    assert strategy.scores(customers)["M"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3] * 2
    unseen = customers.assign(channel="phone")
    assert strategy.scores(unseen)["M"].tolist() == [1] * 6 + [2] * 6 + [3] * 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recency": [90, 30]}, r"recency limits must increase\. Got 30 after 90 in \[90, 30\]"),
        ({"monetary": [10, 10]}, "Got 10 after 10"),
        ({"frequency": []}, "must be a list of numbers, at least one"),
        ({"frequency": 4}, "must be a list of numbers"),
        ({"frequency": ["4"]}, "frequency limits must be numbers. Got '4'"),
        ({"frequency": [float("inf")]}, "Got inf"),
        ({"recency": {"web": [30]}}, "Limits per channel need by: channel"),
        ({"recency": {"web": [30], "shop": [30, 60]}, "by": "channel"}, "the same number of limits in every channel"),
        (
            {"recency": {"web": [30]}, "monetary": {"shop": [9]}, "by": "channel"},
            "must name the same channels for every measure",
        ),
        ({"recency": {"web": [60, 30]}, "by": "channel"}, "recency limits of 'web' must increase"),
        ({"recency": [30], "levels": {"recency": ["short", "medium", "long"]}}, "must be 2 different names"),
        ({"levels": {"recency": ["a", "a", "b"]}}, "3 different names"),
        ({"levels": {"recncy": ["a", "b", "c"]}}, "Did you mean 'recency'"),
    ],
)
def test_bad_limits_are_refused_and_named(options, message):
    with pytest.raises(ParamsError, match=message):
        ThresholdRFM(**options).fit(CHANNELS)


def test_the_channel_column_must_be_there():
    with pytest.raises(DataError, match="must have the column 'channel'"):
        ThresholdRFM(by="channel").fit(GRID)


@pytest.mark.parametrize(
    ("orders", "rates", "gain"),
    [
        ([1, 2, 5], [2.0, 4.0, 10.0], 2.0),  # a window of half a year
        ([1, 2, 5], [1.0, 0.0, 3.0], 1.0),  # counts of the last 365 days beside orders of all time
        ([1, 2, 5], [1.5, 7.3, 2.2], None),  # annualised by each customer's own age
        ([0, 0], [0.0, 0.0], None),
    ],
)
def test_what_an_order_adds_per_year_is_read_from_the_frame(orders, rates, gain):
    customers = pd.DataFrame({"orders": orders, "orders_per_year": rates})
    assert window_gain(customers, "spend_per_year") == gain
    assert window_gain(customers, "orders") == 1.0
    assert window_gain(customers.drop(columns="orders"), "orders_per_year") is None
