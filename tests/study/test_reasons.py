"""Why people are in segments that their orders alone do not explain."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.cli import main
from rfm_ml.features.customer_360.customer_view import CustomerView
from rfm_ml.reporting.backfill import backfill
from rfm_ml.study import Study
from rfm_ml.study.published import PublishedStudy

ORDERS = """customer_id,order_id,ordered_at,amount
ann,1,2022-01-05,5
bea,2,2022-01-05,5
cat,3,2024-11-05,90
cat,4,2024-12-05,90
dan,5,2024-12-10,40
eve,6,2024-06-10,30
eve,7,2024-07-10,30
fay,8,2024-03-10,70
"""
EVENTS = """customer_id,event_at,kind
ann,2024-09-30 10:00,email_click
ann,2024-10-02 10:00,email_click
ann,2024-10-03 10:00,email_click
ann,2024-11-30 10:00,visit
bea,2024-11-30 10:00,email_open
gus,2024-11-30 10:00,visit
"""
CONTACTS = """customer_id,created_at
ann,2021-12-01
doe,2024-05-06
may,2025-01-02
"""
PARAMS = """study: reasons
as_of: 2024-12-31
orders: {path: orders.csv}
contacts: {path: contacts.csv}
events: {path: events.csv}
strategies:
  limits:
    use: threshold_rfm
    map: twelve
    options: {recency: [30, 90, 180, 365], frequency: [2, 3, 4, 5], monetary: [20, 50, 80, 100]}
notebooks: [10_data_quality]
"""
WHY = "; but clicked 3 times in the last 180 days and visited once in the last 90 days."


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in {"orders": ORDERS, "contacts": CONTACTS, "events": EVENTS}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    (tmp_path / "params.yml").write_text(PARAMS)
    return tmp_path / "params.yml"


def test_every_reason_begins_with_the_segment(place: Path) -> None:
    listed = Study(place).segment_list().set_index("customer_id")
    assert listed.loc["ann", "segment"] == "Lost but engaged"
    assert listed.loc["bea", "reason"].startswith("Lost: last order ")
    assert listed["reason"].str.split(":").str[0].tolist() == listed["segment"].tolist()
    assert listed.loc["ann", "reason"].startswith("Lost but engaged: last order 1091 days ago")
    assert listed.loc["ann", "reason"].endswith(WHY)


def test_prospects_are_known_as_contacts_or_not(place: Path, capsys: Any) -> None:
    study = Study(place)
    listed = study.segment_list().set_index("customer_id")
    assert listed.loc[["doe", "may"], "reason"].tolist() == [
        "Prospect: never ordered; known as a contact since 2024-05-06.",
        "Prospect: never ordered; known as a contact.",  # created after the day
    ]
    told = CustomerView(study, "doe").segments.iloc[0]
    assert told[["reason", "next_step"]].tolist() == listed.loc["doe", ["reason", "next_step"]].tolist()
    assert CustomerView(study, "gus").segments["reason"].tolist() == [
        "Prospect: never ordered; not among the contacts."
    ]
    with pytest.raises(SystemExit):
        main(["customer", str(place), "doe"])
    assert "By every strategy Prospect: never ordered; known as a contact since 2024-05-06." in capsys.readouterr().out


@pytest.mark.parametrize("more", ["", "hysteresis: {periods: 2}\n"])
def test_a_published_overlay_is_explained_too(place: Path, more: str) -> None:
    place.write_text(PARAMS + more)
    backfill(place, start=date(2024, 9, 30), end=date(2024, 12, 31), every="month")
    view = CustomerView(PublishedStudy(place), "ann")
    row = view.segments.iloc[0]
    assert row["segment"] == "Lost but engaged"
    assert row["reason"].startswith("Lost but engaged: last order ")
    assert row["reason"].endswith(WHY)
    assert Study(place).segment_list().set_index("customer_id").loc["ann", "reason"] == row["reason"]


def test_who_has_just_come_back_is_told_where_he_stays_and_where_he_would_be(place: Path) -> None:
    place.write_text(PARAMS + "hysteresis: {periods: 2}\n")
    backfill(place, start=date(2024, 8, 31), end=date(2024, 8, 31), every="month")
    row = CustomerView(Study(place), "ann").segments.iloc[0]
    assert row["segment"] == "Lost"
    assert row["reason"].startswith("Lost, until the move is sure. By today's figures: Lost but engaged: last order ")
    assert row["reason"].endswith(WHY)
