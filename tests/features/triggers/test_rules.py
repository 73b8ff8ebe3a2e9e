"""Rules between two days, on hand-made ledgers."""

from datetime import date

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.features.triggers import rules

BEFORE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "e"],
        "segment": ["Champions", "Loyal", "Loyal", "Lost", "Loyal"],
        "value": [100.0, 50.0, 40.0, 5.0, 60.0],
        "R": [5, 4, 4, 1, 0],
        "p_alive": [0.9, 0.6, 0.5, 0.1, 0.8],
        "overdue": [False, False, True, True, False],
    }
)
AFTER = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "f"],
        "segment": ["Loyal", "Champions", "Loyal", "Loyal", "Champions"],
        "value": [100.0, 80.0, 40.0, 25.0, 70.0],
        "R": [3, 5, 3, 5, 5],
        "p_alive": [0.5, 0.49, 0.4, 0.9, 0.2],
        "overdue": [True, False, True, False, True],
    }
)


def ids(found: pd.DataFrame) -> list[str]:
    return found["customer_id"].tolist()


def test_entering_leaving_moving() -> None:
    assert ids(rules.entered(BEFORE, AFTER, segments=["Champions"])) == ["b", "f"]
    assert ids(rules.entered(BEFORE, AFTER, segments=["Champions", "Loyal"])) == ["d", "f"]
    assert ids(rules.left(BEFORE, AFTER, segments=["Champions"])) == ["a"]
    assert ids(rules.left(BEFORE, AFTER, segments=["Loyal"])) == ["b"]  # e is no customer any more
    found = rules.moved(BEFORE, AFTER, from_segments=["Loyal", "new"], to_segments=["Champions", "Loyal"])
    assert found[["customer_id", "from_segment", "to_segment", "happened"]].to_numpy().tolist() == [
        ["b", "Loyal", "Champions", "Moved from Loyal to Champions"],
        ["f", "new", "Champions", "New, in Champions"],
    ]


def test_scores_and_measures_that_fall() -> None:
    assert rules.score_dropped(BEFORE, AFTER, score="R", by=1)["happened"].tolist() == [
        "R fell from 5 to 3",
        "R fell from 4 to 3",
    ]
    assert ids(rules.score_dropped(BEFORE, AFTER, score="R", by=2)) == ["a"]
    below = rules.fell_below(BEFORE, AFTER, measure="p_alive", below=0.5)
    assert below[["customer_id", "happened"]].to_numpy().tolist() == [
        ["b", "P(alive) fell from 0.6 to 0.49"],
        ["c", "P(alive) fell from 0.5 to 0.4"],
    ]
    assert ids(rules.found_overdue(BEFORE, AFTER)) == ["a"]
    with pytest.raises(DataError, match="must have the column 'F'"):
        rules.score_dropped(BEFORE, AFTER, score="F", by=1)


def test_overdue_fires_on_the_day_that_passes_the_usual_gap() -> None:
    customers = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4, 5],
            "segment": "Loyal",
            "recency_days": [40, 60, 20, 99, 30],
            "overdue_days": [7.0, 8.0, 0.0, None, 0.5],
        }
    )
    found = rules.became_overdue(customers, elapsed_days=7)
    assert ids(found) == [1, 5]  # 2 was late by a day already
    assert found["happened"].tolist()[0] == "No order for 40 days, 7 more than usual"
    assert ids(rules.became_overdue(customers, elapsed_days=7, days_late=1)) == [1, 2]


def test_sizes() -> None:
    ledger = pd.DataFrame({"segment": ["A"] * 100 + ["B"] * 10 + ["D"] * 50})
    later = pd.DataFrame({"segment": ["A"] * 79 + ["B"] * 19 + ["C"] * 30 + ["D"] * 60})
    found = rules.size_changed(ledger, later, segments=["A", "B", "C", "D"])
    assert found["happened"].tolist() == ["A went from 100 to 79 customers", "C went from 0 to 30 customers"]
    assert len(rules.size_changed(ledger, later, segments=["A", "B"], share=0.21, at_least=10)) == 1
    actions = rules.action_list(found, rule="size", channel="lead", as_of=date(2024, 6, 30))
    assert actions["customer_id"].isna().all()
    assert actions["rule"].tolist() == ["size", "size"]


def test_action_list() -> None:
    found = rules.entered(BEFORE, AFTER, segments=["Champions"])
    actions = rules.action_list(found, rule="up", channel="email", reason="Thank", as_of=date(2024, 12, 30), due_days=3)
    assert list(actions.columns) == rules.ACTIONS
    assert actions.iloc[0].tolist() == [
        *("b", "up", "email", "Thank: Moved from Loyal to Champions", "2025-01-02", "Loyal", "Champions"),
    ]


def test_a_customer_of_two_sales_channels_is_on_the_list_once() -> None:
    before = pd.DataFrame(
        {"customer_id": [1, 1, 2], "channel": ["shop", "web", "web"], "segment": "Loyal", "value": 1.0}
    )
    after = before.assign(segment="Lost").iloc[::-1]
    actions = rules.action_list(
        rules.left(before, after, segments=["Loyal"]), rule="r", channel="sms", as_of=date(2024, 1, 1)
    )
    assert actions[["customer_id", "channel", "reason"]].to_numpy().tolist() == [
        [1, "sms", "Moved from Loyal to Lost (shop)"],
        [2, "sms", "Moved from Loyal to Lost (web)"],
    ]


def test_nobody_moves_between_equal_days_whatever_the_order_of_rows() -> None:
    turned = BEFORE.iloc[::-1].reset_index(drop=True)
    assert rules.entered(BEFORE, turned, segments=["Loyal"]).empty
    assert rules.left(BEFORE, turned, segments=["Loyal"]).empty
    assert rules.score_dropped(BEFORE, turned, score="R", by=1).empty
    mixed = AFTER.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        rules.entered(BEFORE, AFTER, segments=["Loyal"]), rules.entered(turned, mixed, segments=["Loyal"])
    )
