"""The ledger of segments: since when, from where, and hysteresis, by hand."""

from datetime import date

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.ledger import COLUMNS, hold_scores, ledger_rows, relinked


def labels(segments: dict[int, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a model says, and the customers' table with a spend of 10 for each id."""
    ids = sorted(segments)
    assigned = pd.DataFrame({"customer_id": ids, "segment": [segments[i] for i in ids], "R": 1, "cell": "111"})
    return assigned, pd.DataFrame({"customer_id": ids, "spend": [10.0 * i for i in ids]})


def follow(model: SegmentModel, days: list[dict[int, str]], *, periods: int = 1) -> pd.DataFrame:
    """The ledger of the last of some days, a month apart from January 2024."""
    earlier = None
    for month, segments in enumerate(days, start=1):
        assigned, customers = labels(segments)
        earlier = ledger_rows(
            assigned,
            customers,
            model=model,
            strategy="quantiles",
            as_of=date(2024, month, 1),
            earlier=earlier,
            periods=periods,
        )
    assert earlier is not None
    return earlier


def told(ledger: pd.DataFrame) -> list[tuple]:
    rows = ledger[["customer_id", "segment", "since", "previous", "label", "label_periods"]]
    return [(r[0], r[1], r[2].month, *r[3:]) for r in rows.itertuples(index=False)]


def test_first_day_has_no_past(model: SegmentModel) -> None:
    ledger = follow(model, [{1: "Loyal", 3: "New"}])
    assert told(ledger) == [(1, "Loyal", 1, "", "Loyal", 1), (3, "New", 1, "", "New", 1)]
    assert [c for c in ledger.columns if c in COLUMNS] == COLUMNS
    assert ledger["value"].tolist() == [10.0, 30.0]
    assert ledger[["R", "cell"]].to_numpy().tolist() == [[1, "111"]] * 2
    assert set(ledger["model"]) == {model.fingerprint}
    assert str(ledger["since"].dtype) == str(ledger["as_of"].dtype) == "datetime64[us]"


def test_since_and_previous_follow_the_moves(model: SegmentModel) -> None:
    ledger = follow(
        model,
        [
            {1: "New", 2: "Loyal", 3: "New"},
            {1: "Loyal", 2: "Loyal", 3: "Lost"},
            {1: "Loyal", 2: "Loyal", 3: "New", 4: "New"},
        ],
    )
    assert told(ledger) == [
        (1, "Loyal", 2, "New", "Loyal", 2),
        (2, "Loyal", 1, "", "Loyal", 3),
        (3, "New", 3, "Lost", "New", 1),
        (4, "New", 3, "", "New", 1),
    ]


def test_prospects_are_no_customers(model: SegmentModel) -> None:
    assigned, customers = labels({1: "Loyal"})
    assigned.loc[1] = [2, "Prospect", 0, ""]
    ledger = ledger_rows(assigned, customers, model=model, strategy="s", as_of=date(2024, 1, 1))
    assert ledger["customer_id"].tolist() == [1]


def test_two_periods_hold_a_customer_until_he_is_there_twice_in_a_row(model: SegmentModel) -> None:
    days = [
        {1: "New", 2: "New", 3: "New"},
        {1: "Loyal", 2: "Loyal", 3: "Loyal"},
        {1: "Loyal", 2: "New", 3: "Lost", 4: "Loyal"},
    ]
    assert told(follow(model, days[:2], periods=2)) == [(i, "New", 1, "", "Loyal", 1) for i in (1, 2, 3)]
    assert told(follow(model, days, periods=2)) == [
        (1, "Loyal", 3, "New", "Loyal", 2),
        (2, "New", 1, "", "New", 1),  # came back before he had moved
        (3, "New", 1, "", "Lost", 1),  # another label: the count begins again
        (4, "Loyal", 3, "", "Loyal", 1),  # a new customer waits for nothing
    ]


def test_nobody_is_held_in_a_segment_that_the_model_does_not_know(model: SegmentModel) -> None:
    ledger = follow(model, [{1: "Of another map"}, {1: "Loyal"}], periods=3)
    assert told(ledger) == [(1, "Loyal", 2, "Of another map", "Loyal", 1)]


def test_a_day_that_did_not_know_the_one_before_goes_on_from_it(model: SegmentModel) -> None:
    before = follow(model, [{1: "New", 2: "New", 3: "Loyal"}, {1: "New", 2: "Loyal", 3: "Loyal"}])
    assigned, customers = labels({1: "New", 2: "New", 3: "Loyal", 4: "New"})
    options = {"model": model, "strategy": "quantiles", "as_of": date(2024, 3, 1)}
    alone = ledger_rows(assigned, customers, **options)
    assert {(since, previous) for _, _, since, previous, _, _ in told(alone)} == {(3, "")}
    assert told(relinked(alone, before)) == [
        (1, "New", 1, "", "New", 3),
        (2, "New", 3, "Loyal", "New", 1),
        (3, "Loyal", 1, "", "Loyal", 3),
        (4, "New", 3, "", "New", 1),
    ]
    pd.testing.assert_frame_equal(relinked(alone, before), ledger_rows(assigned, customers, earlier=before, **options))
    # Segments that were given out stay, though hysteresis would have held them.
    assert relinked(alone, before)["segment"].tolist() == alone["segment"].tolist()
    held = ledger_rows(assigned, customers, earlier=before, periods=2, **options)
    assert held["segment"].tolist() == ["New", "Loyal", "Loyal", "New"]
    assert relinked(held, before).equals(held)
    assert relinked(alone, None) is alone


def test_channels_of_one_customer_are_told_apart(model: SegmentModel) -> None:
    rows = pd.DataFrame({"customer_id": [1, 1], "channel": ["shop", "web"], "segment": ["New", "Loyal"]})
    customers = rows[["customer_id", "channel"]].assign(spend=1.0)
    first = ledger_rows(rows, customers, model=model, strategy="s", as_of=date(2024, 1, 1))
    second = ledger_rows(
        rows.assign(segment=["New", "Lost"]),
        customers,
        model=model,
        strategy="s",
        as_of=date(2024, 2, 1),
        earlier=first,
    )
    assert second[["channel", "segment", "previous"]].to_numpy().tolist() == [
        ["shop", "New", ""],
        ["web", "Lost", "Loyal"],
    ]


def test_bad_input(model: SegmentModel) -> None:
    assigned, customers = labels({1: "Loyal", 2: "New"})
    options = {"model": model, "strategy": "s", "as_of": date(2024, 2, 1)}
    first = ledger_rows(assigned, customers, **options)
    with pytest.raises(ParamsError, match=r"day before 2024-02-01. Got 2024-02-01"):
        ledger_rows(assigned, customers, **options, earlier=first)
    with pytest.raises(ParamsError, match="periods must be between 1 and 100"):
        ledger_rows(assigned, customers, **options, periods=0)
    with pytest.raises(DataError, match="one label"):
        ledger_rows(assigned, customers.iloc[::-1], **options)
    text = first.assign(customer_id=first["customer_id"].astype("str"), as_of=pd.Timestamp("2024-01-01"))
    with pytest.raises(DataError, match="of one kind"):
        ledger_rows(assigned, customers, **options, earlier=text)


# The fixture's limits: recency 30, 90, 180, 365; orders 2, 3, 4, 6; spend 50, 100, 200, 500, each inclusive below.
def customer(recency: float, orders: float, spend: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [1],
            "recency_days": [recency],
            "orders": [orders],
            "spend": [spend],
            "orders_per_year": [orders],
            "spend_per_year": [spend],
        }
    )


@pytest.mark.parametrize(
    ("spend", "margin", "held"),
    [
        (95.0, 0.1, 3),  # below the limit of 100, but by less than a tenth
        (89.0, 0.1, 2),
        (205.0, 0.1, 3),  # above 200 by less than a tenth
        (230.0, 0.1, 4),
        (205.0, 0.0, 4),
        (5.0, 0.1, 1),  # beyond all margins
        (150.0, 0.5, 3),
    ],
)
def test_margin_holds_a_score_near_its_limit(model: SegmentModel, spend: float, margin: float, held: int) -> None:
    start = customer(60, 3, 150.0)
    first = ledger_rows(model.assign(start), start, model=model, strategy="s", as_of=date(2024, 1, 1))
    assert first[["R", "F", "M"]].to_numpy().tolist() == [[4, 3, 3]]
    now = customer(60, 3, spend)
    found = hold_scores(model.assign(now), now, model=model, earlier=first, margin=margin)
    assert found["M"].tolist() == [held]
    assert found["cell"].tolist() == [f"43{held}"]
    assert found["segment"].tolist() == model.segment_map.segment_of(found).tolist()


def test_margin_of_recency_counts_from_the_other_side(model: SegmentModel) -> None:
    start = customer(80, 3, 150.0)
    first = ledger_rows(model.assign(start), start, model=model, strategy="s", as_of=date(2024, 1, 1))
    held = {
        days: int(hold_scores(model.assign(c), c, model=model, earlier=first, margin=0.1)["R"].iloc[0])
        for days in (95, 99, 100, 29, 27, 26)
        for c in [customer(days, 3, 150.0)]
    }
    assert held == {95: 4, 99: 4, 100: 3, 29: 4, 27: 5, 26: 5}


def test_margin_leaves_others_alone(model: SegmentModel) -> None:
    now = customer(95, 3, 150.0)
    assigned = model.assign(now)
    stranger = ledger_rows(assigned, now, model=model, strategy="s", as_of=date(2024, 1, 1)).assign(customer_id=2)
    assert hold_scores(assigned, now, model=model, earlier=stranger, margin=0.2).equals(assigned)
    assert hold_scores(assigned, now, model=model, earlier=None, margin=0.2) is assigned
    with pytest.raises(ParamsError, match="margin must be between 0 and"):
        hold_scores(assigned, now, model=model, earlier=None, margin=1.0)
