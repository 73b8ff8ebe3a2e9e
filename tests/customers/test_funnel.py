"""The way from prospect to loyal customer, with people made by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from rfm_ml.customers.funnel import first_month_cohorts, funnel, funnel_stage, kaplan_meier


def orders(**days: list[str]) -> pd.DataFrame:
    rows = [(customer, day) for customer, on in days.items() for day in on]
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_on"])
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]), amount=10.0)


LOG = orders(
    ann=["2024-01-01", "2024-01-11", "2024-02-01", "2024-03-01"],
    bob=["2024-01-01", "2024-03-31", "2025-01-01"],  # the last order is after the day
    cid=["2024-06-01"],
    dan=["2024-03-01", "2024-03-01"],  # two orders on a day are one step
)


def test_steps_count_order_days_up_to_the_day() -> None:
    table = funnel(LOG, as_of="2024-06-30").set_index("step")
    assert table.index.tolist() == ["first order to second order", "second order to loyal"]
    assert table[["entered", "reached"]].to_numpy().tolist() == [[4, 2], [2, 1]]
    assert table["conversion"].tolist() == [0.5, 0.5]


def test_times_are_fair_to_those_who_had_little() -> None:
    """Second orders after 10 and 90 days; cid was seen for 29 days, dan for 121: 1/4, then 1/4 + 3/4 x 1/2."""
    second = funnel(LOG, as_of="2024-06-30").iloc[0]
    assert second["median_days"] == 90
    assert second["share_90d"] == pytest.approx(1 / 4 + 3 / 4 / 2)
    assert second["share_180d"] != second["share_180d"]  # nobody was seen that long without or with a second order
    assert funnel(LOG, as_of="2024-06-30").iloc[1]["median_days"] == 50


def test_half_without_a_second_order_has_no_median() -> None:
    table = funnel(orders(a=["2024-01-01", "2024-01-02"], b=["2024-01-01"], c=["2024-01-01"]), as_of="2024-06-30")
    assert np.isnan(table.loc[0, "median_days"])
    assert table.loc[0, "share_90d"] == pytest.approx(1 / 3)
    assert table.loc[1, ["entered", "reached"]].tolist() == [1, 0]


def test_prospects_are_contacts_and_visitors_before_their_first_order() -> None:
    contacts = pd.DataFrame({"customer_id": ["ann", "cid", "eva", "fay", "fay"]})
    events = pd.DataFrame({
        "customer_id": ["cid", "eva", "gil", "ann", "hal"],
        "event_at": pd.to_datetime(["2024-05-22", "2024-06-10", "2024-03-02", "2024-01-01", "2024-07-01"]),
        "kind": "visit",
    })  # fmt: skip
    table = funnel(LOG, as_of="2024-06-30", contacts=contacts, events=events).set_index("step")
    first = table.loc["prospect to first order"]
    # cid came by on 22 May and ordered; eva, fay and gil never did; ann was first seen on the day of her order.
    # Nobody knows since when fay has been a contact, so she tells nothing about who goes on.
    assert first[["entered", "reached"]].tolist() == [3, 1]
    assert first["conversion"] == pytest.approx(1 / 3)
    assert first["share_90d"] == pytest.approx(1 / 3)  # cid after 10 days, of cid, eva (20 days) and gil (120)
    assert table.loc["first order to second order", "entered"] == 4


def test_prospects_who_are_known_only_because_they_never_ordered_tell_no_conversion() -> None:
    table = funnel(LOG, as_of="2024-06-30", contacts=pd.DataFrame({"customer_id": ["ann", "eva"]}))
    assert table.loc[0, ["entered", "reached"]].tolist() == [1, 0]
    assert table.loc[0, ["conversion", "median_days", "share_90d"]].isna().all()
    # Events that begin with the first order do not help: eva has one, and nobody like her has ordered.
    late = pd.DataFrame(
        {"customer_id": ["ann", "eva"], "event_at": pd.to_datetime(["2024-05-01"] * 2), "kind": "visit"}
    )
    assert np.isnan(funnel(LOG, as_of="2024-06-30", events=late).loc[0, "conversion"])


def test_the_day_a_contact_was_created_tells_who_goes_on() -> None:
    created = pd.DataFrame({"customer_id": ["ann", "eva", "cid"], "created_at": ["2023-12-22", "2024-02-01", None]})
    first = funnel(LOG, as_of="2024-06-30", contacts=created).iloc[0]
    assert first[["entered", "reached", "conversion"]].tolist() == [2, 1, 0.5]
    assert first["share_90d"] == 0.5


def test_stages_follow_from_the_days_with_an_order() -> None:
    stages = funnel_stage(pd.DataFrame({"repeat_orders": [0, 1, 2, 3, 9, np.nan]}))
    assert stages.tolist() == ["first order", "second order", "second order", "loyal", "loyal", "prospect"]


def test_cohorts_are_months_that_were_seen_long_enough() -> None:
    expected = pd.DataFrame({
        "month": pd.to_datetime(["2024-01-01", "2024-03-01"]),
        "new_customers": [2, 1],
        "second_orders": [2, 0],
        "second_order_share": [1.0, 0.0],
    })  # fmt: skip
    assert_frame_equal(first_month_cohorts(LOG, as_of="2024-06-30", days=90), expected, check_dtype=False)
    assert first_month_cohorts(LOG, as_of="2024-06-30", days=89)["second_orders"].tolist() == [1, 0]


def test_kaplan_meier_gives_the_published_curve() -> None:
    """Freireich et al. (1963), 6-MP: weeks of remission of 21 patients, as in every textbook of survival analysis."""
    weeks = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
    relapsed = np.arange(21) < 9
    at, share = kaplan_meier(weeks, relapsed)
    assert at.tolist() == [6, 7, 10, 13, 16, 22, 23]
    np.testing.assert_allclose(1 - share, [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=5e-4)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_without_censoring_the_curve_is_the_plain_share(days: list[int]) -> None:
    at, share = kaplan_meier(np.array(days), np.ones(len(days), dtype=bool))
    np.testing.assert_allclose(share, [np.mean(np.array(days) <= t) for t in at], atol=1e-12)
