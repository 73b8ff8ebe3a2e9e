import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.segments import SegmentMap, SegmentModel, load_map
from rfm_ml.segments.explain import cheapest_way_up
from rfm_ml.strategies import QuantileRFM, ThresholdRFM


def test_why_by_hand(model, customers):
    reasons = model.explain(customers)
    assert reasons[0] == (
        "Champions: last order 5 days ago (R 5: at most 30 days), 8 orders a year (F 5: at least 6 a year), "
        "spend 800.00 a year (M 5: at least 500.00 a year)."
    )
    assert reasons[3] == (
        "Hibernating: last order 200 days ago (R 2: more than 180 up to 365 days), 2 orders a year "
        "(F 2: at least 2, below 3 a year), spend 40.00 a year (M 1: below 50.00 a year)."
    )
    assert reasons[5] == "Prospect: no order yet."


def test_what_moves_up_by_hand(model, customers):
    """R becomes 5. Limits: orders 2, 3, 4, 6 a year; spend 50, 100, 200, 500 a year; one order adds one."""
    assert model.move_up(customers).tolist() == [
        "Already in the top segment.",
        # New with 1 order and 20.00: a second order is F 2, M 1.
        "1 more order now would lead to Potentially loyal.",
        # Needs attention (R 3, F 3, M 3): F 4, M 3 is Loyal.
        "1 more order now would lead to Loyal.",
        # Hibernating with 2 orders and 40.00: F 3, M 1.
        "1 more order now would lead to Potentially loyal.",
        # At risk with 1 order and 400.00: F 2, M 4.
        "1 more order now would lead to Promising.",
        "A first order now would lead to New.",
    ]


def test_money_is_asked_for_where_it_is_needed(model, customers):
    near = customers.iloc[[0]].assign(recency_days=10, orders=3, orders_per_year=3.0, spend_per_year=64.9)
    # Potentially loyal (R 5, F 3, M 2): with F 4, 35.10 more make M 3, which is Loyal.
    assert model.move_up(near).tolist() == ["1 more order worth at least 35.10 now would lead to Loyal."]


def test_several_orders_are_counted_together():
    customers = pd.DataFrame({"recency_days": [1.0, 20.0, np.nan], "orders": [2, 9, 0], "spend": [10.0, 90.0, 0.0]})
    low = [{"F": 1}, {"F": 2, "M": 1}]
    segment_map = SegmentMap(
        {
            "name": "two",
            "scores": {"R": 2, "F": 2, "M": 2},
            "segments": [{"name": "A", "cells": [{"F": 2, "M": 2}]}, {"name": "B", "cells": low}],
        }
    )
    strategy = ThresholdRFM([9], [5], [45.1], frequency_column="orders", monetary_column="spend")
    model = SegmentModel(strategy, segment_map).fit(customers)
    assert model.move_up(customers).tolist() == [
        "3 more orders worth at least 35.10 in total now would lead to A.",
        "Already in the top segment.",
        "A first order now would lead to B.",
    ]


def test_a_window_of_half_a_year_makes_an_order_count_twice(limits, customers):
    twice = customers.assign(
        orders_per_year=customers["orders"] * 2.0,
        spend_per_year=customers["spend"] * 2,
    )
    model = SegmentModel(limits, load_map("twelve")).fit(twice)
    low = twice.iloc[[1]].assign(orders=1, orders_per_year=2.0, spend=30.0, spend_per_year=60.0)
    # R 5, F 2, M 2; one order makes 4 a year (F 4), 20.00 more make 100 a year (M 3): Loyal.
    assert model.move_up(low).tolist() == ["1 more order worth at least 20.00 now would lead to Loyal."]


def test_rates_that_do_not_tell_give_the_limit_to_reach(limits, customers):
    annualised = customers.assign(orders_per_year=[8.0, 12.1, 3.3, 2.0, 1.7, 0.0])
    model = SegmentModel(limits, load_map("twelve")).fit(annualised)
    low = annualised.iloc[[1]].assign(orders_per_year=2.5, spend_per_year=60.0)
    assert model.move_up(low).tolist() == [
        "1 more order now that brings at least 3 orders per year and at least 100.00 spend per year "
        "would lead to Loyal."
    ]


def test_a_map_without_a_way_up_says_so(limits, customers):
    document = {
        "name": "past glory",
        "scores": {"R": 5, "F": 5, "M": 5},
        "segments": [{"name": "Once", "cells": [{"R": "1-4"}]}, {"name": "Now", "cells": [{"R": 5}]}],
    }
    model = SegmentModel(limits, SegmentMap(document)).fit(customers)
    assert model.move_up(customers).tolist()[0] == "No further order leads to a higher segment of this map."


rows = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 12), st.integers(-500, 50_000)), min_size=12, max_size=40)
ways = {
    "quantiles": (QuantileRFM(), "twelve"),
    "nested": (QuantileRFM(nested=True), "twelve"),
    "classic": (QuantileRFM(binning="equal_width"), "classic"),
    "limits": (
        ThresholdRFM(
            recency=[30, 90],
            frequency=[3, 6],
            monetary=[99.99, 250],
            frequency_column="orders",
            monetary_column="spend",
        ),
        "three_level",
    ),
}


@pytest.mark.parametrize("way", ways)
@settings(max_examples=25, deadline=None)
@given(rows)
def test_the_effort_named_reaches_the_segment_named_and_nothing_cheaper_does(way, some):
    strategy, map_name = ways[way]
    segment_map = load_map(map_name)
    customers = pd.DataFrame([(d, o, c / 100) for d, o, c in some], columns=["recency_days", "orders", "spend"]).astype(
        {"spend": float}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(strategy), "_warn_if_collapsed", lambda self: None)
        model = SegmentModel(strategy, segment_map).fit(customers)
    best = cheapest_way_up(customers, strategy=model.strategy_, segment_map=segment_map)
    rank = {name: i for i, name in enumerate(segment_map.segments)}
    now = model.predict(customers).map(rank).to_numpy()

    def rank_after(orders, money):
        bought = customers.assign(recency_days=0, orders=customers["orders"] + orders, spend=customers["spend"] + money)
        return model.predict(bought).map(rank).to_numpy()

    found = np.isfinite(best.orders)
    reached = rank_after(np.where(found, best.orders, 0), np.where(found, best.money, 0))
    assert (reached[found] == best.code[found]).all()
    assert (reached[found] < now[found]).all()
    # Every other effort: up to 14 orders, and just enough money for each edge of spend.
    edges = np.unique(model.strategy_.scales_["monetary"].edges)
    for orders in range(1, 15):
        for money in [0.0, *(np.ceil(np.maximum(e + 0.02 - customers["spend"], 0) * 100) / 100 for e in edges)]:
            higher = rank_after(orders, money) < now
            fewer = ~found | (orders < best.orders)
            assert not (higher & fewer).any()
            cheaper = found & (orders == best.orders) & (np.asarray(money) < best.money - 0.03)
            assert not (higher & cheaper).any()


def test_the_way_up_begins_where_hysteresis_holds_a_customer(model, customers):
    """By the rules: Champions, New, Needs attention, Hibernating, At risk, Prospect."""
    held = pd.Series(["Loyal", "New", "Loyal", "Champions", "Promising", "Prospect"])
    up = model.move_up(customers, segments=held).tolist()
    alone = model.move_up(customers).tolist()
    assert up[0] == "No order is needed: the move to Champions follows once it is sure."
    assert up[1] == alone[1]
    # Needs attention by today's figures would go to Loyal, but he is there: Champions come next.
    assert alone[2] == "1 more order now would lead to Loyal."
    assert up[2].endswith("would lead to Champions.")
    assert up[3] == "Already in the top segment."
    assert up[5] == alone[5]


def test_an_overlay_is_not_another_segment(model, customers):
    lost = customers.iloc[[3]].assign(recency_days=900, orders=1, orders_per_year=1.0, spend_per_year=10.0)
    assert model.predict(lost).tolist() == ["Lost"]
    engaged = pd.Series(["Lost but engaged"], index=lost.index)
    assert model.move_up(lost, segments=engaged).tolist() == model.move_up(lost).tolist()


def test_tiers_say_from_where_their_way_up_begins():
    from rfm_ml.segments.explain import held_sentences

    told = [
        "Already in the top segment.",
        "1 more order now would lead to Core.",
        "1 more order now would lead to Core.",
    ]
    order = ["Core", "Rising", "Fading"]
    options = {"segments": ["Rising", "Rising", "Core"], "rules": ["Core", "Fading", "Fading"], "order": order}
    assert held_sentences(told, from_segment=False, **options) == [
        "No order is needed: the move to Core follows once it is sure.",
        "From Fading, where today's figures lead: 1 more order now would lead to Core.",
        "Already in the top segment.",
    ]
