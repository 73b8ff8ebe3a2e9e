"""One customer from every side, in shops made by hand and in the synthetic one."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.cli import main
from rfm_ml.core.errors import ParamsError
from rfm_ml.study import Study
from rfm_ml.study.customer_view import CustomerView

ROOT = Path(__file__).parents[2]

ORDERS = """customer,order_no,date,total,channel
ann,1,2025-01-05,10.00,web
ann,2,2025-02-05,30.00,shop
ann,3,2025-03-05,20.00,web
ann,4,2025-03-20,-5.00,web
bob,5,2025-02-10,250.50,web
cat,6,2025-03-10,40.00,shop
cat,7,2025-06-01,99.00,web
"""
CONTACTS = "customer_id,email,first_name\nann,ann@example.com,Annabel\ndoe,doe@example.com,Doris\n"
EVENTS = """customer_id,event_at,kind
ann,2025-03-30 10:00,visit
ann,2024-12-01 10:00,visit
ann,2025-04-02 10:00,visit
doe,2025-03-31 22:00,email_click
"""
PARAMS = """study: four
as_of: 2025-03-31
orders:
  path: data/orders.csv
  columns: {customer_id: customer, order_id: order_no, ordered_at: date, amount: total}
contacts: {path: data/contacts.csv}
events: {path: data/events.csv}
customers: {by: null}
engagement: {half_life_days: 1, weights: {visit: 8}}
strategies:
  thresholds:
    use: threshold_rfm
    map: three_level
    options: {recency: [20, 40], frequency: [2, 3], monetary: [30, 100]}
notebooks: [10_data_quality]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("four")
    (base / "params").mkdir()
    (base / "data").mkdir()
    (base / "params" / "four.yml").write_text(PARAMS)
    for name, text in {"orders": ORDERS, "contacts": CONTACTS, "events": EVENTS}.items():
        (base / "data" / f"{name}.csv").write_text(text)
    return base / "params" / "four.yml"


@pytest.fixture(scope="module")
def ann(place: Path) -> CustomerView:
    return CustomerView(Study(place), "ann")


def test_segments_are_those_of_the_list(place: Path, ann: CustomerView) -> None:
    listed = Study(place).segment_list().set_index("customer_id")
    row = ann.segments.iloc[0]
    assert [row["segment"], row["reason"], row["next_step"]] == [
        listed.loc["ann", c] for c in ("segment", "reason", "next_step")
    ]
    assert ann.stage == listed.loc["ann", "funnel_stage"] == "second order"


def test_every_channel_is_measured(ann: CustomerView) -> None:
    assert ann.channels is not None
    assert ann.channels[["channel", "recency_days", "orders", "spend"]].to_numpy().tolist() == [
        ["shop", 54, 1, 30.0],
        ["web", 26, 2, 25.0],
    ]
    assert ann.channels["R"].tolist() == [1, 2]


def test_history_is_by_the_rules_of_today(ann: CustomerView) -> None:
    assert ann.history is not None
    assert ann.history[["R", "orders", "spend"]].to_numpy().tolist() == [[2, 1, 10.0], [2, 2, 40.0], [2, 3, 55.0]]
    assert ann.history["segment"].tolist()[-1] == ann.segments["segment"].tolist()[0]


def test_orders_and_events_end_with_the_day(place: Path, ann: CustomerView) -> None:
    assert ann.orders["amount"].tolist() == [-5.0, 20.0, 30.0, 10.0]
    assert ann.events is not None
    assert ann.events[["kind", "events", "lately"]].to_numpy().tolist() == [["visit", 2, 1]]
    assert ann.engagement_score == 4.0  # 8 points, a day old, half of it left
    assert len(CustomerView(Study(place), "cat").orders) == 1


def test_prospects_are_known_by_their_events(place: Path) -> None:
    doe = CustomerView(Study(place), "doe")
    assert doe.is_prospect
    assert doe.stage == "prospect"
    assert doe.segments[["segment", "reason", "next_step"]].to_numpy().tolist() == [["Prospect", "", ""]]
    assert doe.orders.empty
    assert doe.history is None
    assert doe.predictions is None
    assert doe.channels is None
    assert set(doe.why_not) == {"history", "predictions", "channels"}
    assert doe.events is not None
    assert doe.events["kind"].tolist() == ["email_click"]


def test_without_an_id_the_best_customer_is_shown(place: Path) -> None:
    assert CustomerView(Study(place)).customer_id == "bob"
    assert CustomerView(Study(ROOT / "params" / "cdnow.yml"), 2).customer_id == 2


def test_an_unknown_id_names_the_nearest(place: Path) -> None:
    with pytest.raises(ParamsError, match=r"Nobody has the id 'anne'\. The nearest is 'ann'\."):
        CustomerView(Study(place), "anne")
    with pytest.raises(ParamsError, match=r"The nearest is 'doe'\."):
        CustomerView(Study(place), "zzz")


def test_by_channel_every_row_is_kept(place: Path) -> None:
    split = place.with_name("split.yml")
    split.write_text(place.read_text().replace("by: null", "by: channel"))
    view = CustomerView(Study(split), "ann")
    assert view.segments["channel"].tolist() == ["shop", "web"]
    assert view.history is not None
    assert view.history["channel"].tolist() == ["web", "shop", "web", "shop", "web"]
    assert view.stage == "second order"


@pytest.mark.parametrize("who", ["ann", "doe"])
def test_command_shows_him_and_nothing_personal(place: Path, capsys: Any, who: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["customer", str(place), who])
    told = capsys.readouterr().out
    assert left.value.code == 0
    assert told.startswith(f"Customer {who} of four, as of 2025-03-31: ")
    for personal in ("example.com", "Annabel", "Doris"):
        assert personal not in told
    assert "Besides ordering" in told


def test_command_refuses_an_unknown_id(place: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as left:
        main(["customer", str(place), "anne"])
    assert left.value.code == 2
    assert "The nearest is 'ann'." in capsys.readouterr().err


def test_a_million_ids_are_not_all_compared() -> None:
    from rfm_ml.study.customer_view import _known

    with pytest.raises(ParamsError, match="The nearest is '500000'"):
        _known("500000x", pd.Series(range(1_000_000)), None)
