import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.segments import (
    concentration,
    load_map,
    pair_panel,
    segment_profile,
    share_of_customers_for,
    single_panel,
    with_prospects,
)

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "recency_days": [10, 20, 300, 400],
        "orders": [6, 2, 1, 1],
        "spend": [600.0, 200.0, 150.0, 50.0],
    }
)
ASSIGNED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "segment": ["Champions", "Champions", "Lost", "Lost but engaged"],
        "R": [5, 5, 1, 1],
        "F": [5, 3, 1, 1],
        "M": [5, 4, 2, 1],
    }
)
ORDER = ["Champions", "Loyal", "Lost", "Lost but engaged"]


def test_profile_by_hand():
    expected = pd.DataFrame(
        {
            "segment": ORDER,
            "customers": [2, 0, 1, 1],
            "customer_share": [0.5, 0.0, 0.25, 0.25],
            "orders": [8, 0, 1, 1],
            "orders_share": [0.8, 0.0, 0.1, 0.1],
            "revenue": [800.0, 0.0, 150.0, 50.0],
            "revenue_share": [0.8, 0.0, 0.15, 0.05],
            "mean_order_value": [100.0, np.nan, 150.0, 50.0],
            "median_recency_days": [15.0, np.nan, 300.0, 400.0],
            "median_orders": [4.0, np.nan, 1.0, 1.0],
            "median_spend": [400.0, np.nan, 150.0, 50.0],
        }
    )
    pd.testing.assert_frame_equal(segment_profile(ASSIGNED, CUSTOMERS, order=ORDER), expected)
    shuffled = CUSTOMERS.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(segment_profile(ASSIGNED, shuffled, order=ORDER), expected)


def test_order_follows_the_map_with_overlay_and_prospect():
    contacts = pd.DataFrame({"customer_id": ["a", "x", "y"]})
    assigned = with_prospects(ASSIGNED, contacts)
    profile = segment_profile(assigned, CUSTOMERS, order=load_map("twelve"))
    assert profile["segment"].tolist() == load_map("twelve").all_names()
    prospect = profile.iloc[-1]
    assert prospect[["customers", "orders", "revenue"]].tolist() == [2, 0, 0.0]
    assert np.isnan(prospect["median_recency_days"])
    assert profile["customers"].sum() == 6
    # Prospects are no customers: shares are of those who have ordered, with prospects or without.
    shares = profile.set_index("segment")["customer_share"]
    assert np.isnan(shares["Prospect"])
    without = segment_profile(ASSIGNED, CUSTOMERS, order=load_map("twelve")).set_index("segment")["customer_share"]
    assert shares.drop("Prospect").to_dict() == without.to_dict()
    assert shares.sum() == 1


def test_without_an_order_the_largest_revenue_comes_first_and_unlisted_names_are_kept():
    assert segment_profile(ASSIGNED, CUSTOMERS)["segment"].tolist() == ["Champions", "Lost", "Lost but engaged"]
    assert segment_profile(ASSIGNED, CUSTOMERS, order=["Lost"])["segment"].tolist() == [
        "Lost",
        "Champions",
        "Lost but engaged",
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 9), st.integers(-(10**6), 10**6)),
        min_size=1,
        max_size=40,
    )
)
def test_shares_sum_to_one(rows):
    n = len(rows)
    customers = pd.DataFrame(
        {
            "customer_id": range(n),
            "recency_days": range(n),
            "orders": [o for _, o, _ in rows],
            "spend": [c / 100 for *_, c in rows],
        }
    )
    assigned = pd.DataFrame({"customer_id": range(n), "segment": [s for s, *_ in rows]})
    profile = segment_profile(assigned, customers, order=["A", "B", "C", "D"])
    for column in ("customer", "orders", "revenue"):
        figure = "customers" if column == "customer" else column
        total = profile[figure].sum()
        share = profile[f"{column}_share"]
        assert share.isna().all() if total == 0 else share.sum() == pytest.approx(1)
    assert profile["revenue"].sum() == pytest.approx(customers["spend"].sum())


def test_tables_about_different_customers_are_refused():
    with pytest.raises(DataError, match=r"Every customer must have a segment\. Got 1 without one"):
        segment_profile(ASSIGNED[:3], CUSTOMERS)
    with pytest.raises(DataError, match=r"one row per customer_id\. Got 1 repeated"):
        segment_profile(ASSIGNED, pd.concat([CUSTOMERS, CUSTOMERS[:1]]))
    with pytest.raises(DataError, match="must have the column 'segment'"):
        segment_profile(ASSIGNED.drop(columns="segment"), CUSTOMERS)


def test_per_channel_rows_are_told_apart_by_the_channel():
    customers = pd.concat([CUSTOMERS.assign(channel="web"), CUSTOMERS.assign(channel="shop", spend=1.0)])
    assigned = pd.concat([ASSIGNED.assign(channel="web"), ASSIGNED.assign(channel="shop", segment="Lost")])
    profile = segment_profile(assigned, customers[::-1]).set_index("segment")
    assert profile.loc["Champions", "revenue"] == 800
    assert profile.loc["Lost", ["customers", "revenue"]].tolist() == [5, 154.0]


def test_single_panel_by_hand():
    panel = single_panel(ASSIGNED, CUSTOMERS, measure="F", levels={"F": ["one", "two", "three", "four", "five"]})
    expected = pd.DataFrame(
        {
            "score": [1, 2, 3, 4, 5],
            "level": ["one", "two", "three", "four", "five"],
            "customers": [2, 0, 1, 0, 1],
            "customer_share": [0.5, 0, 0.25, 0, 0.25],
            "orders": [2, 0, 2, 0, 6],
            "orders_share": [0.2, 0, 0.2, 0, 0.6],
            "revenue": [200.0, 0, 200, 0, 600],
            "revenue_share": [0.2, 0, 0.2, 0, 0.6],
        }
    )
    pd.testing.assert_frame_equal(panel, expected)


def test_pair_panel_by_hand_leaves_prospects_out():
    assigned = with_prospects(ASSIGNED, pd.DataFrame({"customer_id": ["x"]}))
    panel = pair_panel(assigned, CUSTOMERS, rows="R", columns="M")
    assert len(panel) == 25
    filled = panel[panel["customers"] > 0]
    assert filled[["row_score", "column_score", "customers", "orders", "revenue"]].to_numpy().tolist() == [
        [1, 1, 1, 1, 50],
        [1, 2, 1, 1, 150],
        [5, 4, 1, 2, 200],
        [5, 5, 1, 6, 600],
    ]
    assert panel[["row_level", "column_level"]].iloc[-1].tolist() == ["5", "5"]
    assert panel["revenue_share"].sum() == pytest.approx(1)


def test_panels_refuse_what_makes_no_panel():
    with pytest.raises(DataError, match=r"two measures\. Got R twice"):
        pair_panel(ASSIGNED, CUSTOMERS, rows="R", columns="R")
    with pytest.raises(DataError, match="Got 3 names and a score of 5"):
        single_panel(ASSIGNED, CUSTOMERS, levels={"R": ["a", "b", "c"]})
    with pytest.raises(DataError, match="must have the column 'Q'"):
        single_panel(ASSIGNED, CUSTOMERS, measure="Q")


def test_concentration_by_hand():
    curve = concentration(CUSTOMERS)
    assert curve["customers"].tolist() == [0, 1, 2, 3, 4]
    assert curve["customer_share"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve["revenue"].tolist() == [0, 600, 800, 950, 1000]
    assert curve["revenue_share"].tolist() == [0, 0.6, 0.8, 0.95, 1]
    assert share_of_customers_for(CUSTOMERS) == 0.5
    assert share_of_customers_for(CUSTOMERS, 0.81) == 0.75
    assert share_of_customers_for(CUSTOMERS, 1.0) == 1.0


def test_equal_customers_bring_equal_shares_despite_rounding():
    assert share_of_customers_for(pd.DataFrame({"spend": [0.1] * 10}), 0.8) == 0.8


def test_negative_spend_lets_the_curve_rise_above_one_and_fall_back():
    customers = pd.DataFrame({"spend": [100.0, -20.0, 20.0, None]})
    curve = concentration(customers)
    assert curve["revenue_share"].tolist() == [0, 1.0, 1.2, 1.2, 1.0]
    assert share_of_customers_for(customers) == 0.25


@pytest.mark.parametrize("spend", [[], [0.0], [-5.0, 2.0]])
def test_without_revenue_there_is_no_share(spend):
    customers = pd.DataFrame({"spend": pd.Series(spend, dtype=float)})
    assert np.isnan(share_of_customers_for(customers))
    assert concentration(customers)["revenue_share"].isna().all()


def test_a_long_curve_is_thinned_and_keeps_both_ends():
    customers = pd.DataFrame({"spend": np.arange(1000.0)})
    curve = concentration(customers, points=10)
    assert curve["customers"].tolist() == list(range(0, 1001, 100))
    assert curve["revenue"].iloc[-1] == 499_500
    with pytest.raises(ParamsError, match=r"revenue_share must be between 0 and 1\. Got 80"):
        share_of_customers_for(customers, 80)
