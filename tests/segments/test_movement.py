"""Movement, stays and ways between segments, by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.features.migration.sentences import movement_words, up_and_down_words
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.ledger import ledger_rows
from rfm_ml.segments.movement import (
    fallen,
    movement_by_segment,
    movement_causes,
    movement_matrix,
    moves,
    net_by_cause,
    segment_sizes,
    share_moved,
    up_and_down,
)
from rfm_ml.segments.spells import days_in_segment, paths_to, spells

ORDER = ["Best", "Middle", "Lost"]


def ledger(rows: list[tuple[int, str, float]], *, as_of: str = "2024-01-31") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "segment", "value"])
    return frame.assign(as_of=pd.Timestamp(as_of))


BEFORE = ledger([(1, "Best", 100.0), (2, "Best", 60.0), (3, "Middle", 20.0), (4, "Lost", 10.0), (5, "Lost", 6.0)])
AFTER = ledger([(1, "Best", 110.0), (2, "Lost", 60.0), (3, "Best", 50.0), (4, "Lost", 10.0), (6, "Middle", 5.0)])


def test_matrix_by_hand() -> None:
    matrix = movement_matrix(BEFORE, AFTER, order=ORDER)
    # Mean spend before: Best 80, Middle 20, Lost 8.
    assert matrix.to_numpy().tolist() == [
        ["new", "Middle", "new", 1, 0.0, 5.0, 0.0],
        ["Best", "Best", "stayed", 1, 100.0, 110.0, 0.0],
        ["Best", "Lost", "down", 1, 60.0, 60.0, -72.0],
        ["Middle", "Best", "up", 1, 20.0, 50.0, 60.0],
        ["Lost", "Lost", "stayed", 1, 10.0, 10.0, 0.0],
        ["Lost", "gone", "gone", 1, 6.0, 0.0, 0.0],
    ]
    assert share_moved(matrix) == 0.5  # 2 and 3, of 1, 2, 3, 4


def test_by_segment_by_hand() -> None:
    table = movement_by_segment(BEFORE, AFTER, order=ORDER).set_index("segment")
    columns = ["before", "added", "dropped", "kept", "after", "net"]
    assert table.loc["Best", columns].tolist() == [2, 1, 1, 1, 2, 0]
    assert table.loc["Middle", columns].tolist() == [1, 1, 1, 0, 1, 0]
    assert table.loc["Lost", columns].tolist() == [2, 1, 1, 1, 2, 0]
    assert table["revenue_in"].tolist() == [50.0, 5.0, 60.0]
    assert table["revenue_out"].tolist() == [60.0, 20.0, 6.0]
    assert table["value_up"].tolist() == [60.0, 0.0, 0.0]
    assert table["value_down"].tolist() == [0.0, 0.0, -72.0]


def test_up_goes_by_the_order_of_the_segments_and_not_by_money() -> None:
    # Lost have spent more than Middle so far: who comes back from there has risen, to customers of less spend.
    before = ledger([(1, "Lost", 90.0), (2, "Middle", 20.0), (3, "Best", 200.0), (4, "Odd", 5.0)])
    after = ledger([(1, "Middle", 90.0), (2, "Lost", 20.0), (3, "Best", 200.0), (4, "Best", 5.0)])
    matrix = movement_matrix(before, after, order=ORDER).set_index(["from_segment", "to_segment"])
    assert matrix["direction"].to_dict() == {
        ("Best", "Best"): "stayed",
        ("Middle", "Lost"): "down",
        ("Lost", "Middle"): "up",
        ("Odd", "Best"): "other",
    }
    ways = up_and_down(matrix.reset_index())
    assert ways == {"up": {"customers": 1, "value": -70.0}, "down": {"customers": 1, "value": 70.0}}
    told = movement_words(matrix.reset_index(), currency="EUR")
    assert "1 customer moved up, worth 70.00 EUR less (better segments by their outlook" in told
    assert "1 customer moved down, worth 70.00 EUR more (worse segments by their outlook" in told


def test_a_way_that_nobody_went_has_no_worth() -> None:
    risen = movement_matrix(BEFORE, AFTER[AFTER["customer_id"] != 2], order=ORDER)
    assert up_and_down_words(risen, currency="EUR") == "1 customer moved up, worth 60.00 EUR more; nobody moved down"


def test_value_of_a_segment_that_was_empty_is_that_of_the_second_day() -> None:
    after = ledger([(1, "Risen", 300.0), (2, "Best", 60.0)])
    matrix = movement_matrix(BEFORE[BEFORE["customer_id"] < 3], after, order=ORDER)
    assert matrix.set_index("to_segment").loc["Risen", "value_change"] == 300.0 - 80.0


ROWS = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from([*ORDER, "Odd"]), st.integers(0, 500)),
    min_size=1,
    max_size=12,
    unique_by=lambda r: r[0],
)


@settings(max_examples=40, deadline=None)
@given(one=ROWS, other=ROWS, old_model=st.lists(st.sampled_from(ORDER), min_size=12, max_size=12))
def test_what_came_less_what_left_is_what_is_there(one: list, other: list, old_model: list[str]) -> None:
    before, after = ledger(one), ledger(other)
    table = movement_by_segment(before, after, order=ORDER)
    assert (table["before"] + table["added"] - table["dropped"] == table["after"]).all()
    assert (table["kept"] + table["added"] == table["after"]).all()
    assert table["after"].sum() == len(after)
    matrix = movement_matrix(before, after, order=ORDER)
    assert matrix["customers"].sum() == len(set(before["customer_id"]) | set(after["customer_id"]))
    assert matrix["value_after"].sum() == pytest.approx(after["value"].sum())

    counterfactual = after.assign(segment=old_model[: len(after)])
    net = net_by_cause(movement_causes(before, after, counterfactual, order=ORDER), order=ORDER).set_index("segment")
    for name in [*ORDER, "Odd"]:
        came = net.loc[name].sum() if name in net.index else 0
        assert (before["segment"] == name).sum() + came == (after["segment"] == name).sum()


def test_causes_by_hand() -> None:
    # The old model would still call 2 Best: he is Lost only because the limits moved. 3 has risen by himself.
    counterfactual = AFTER.assign(segment=["Best", "Best", "Best", "Lost", "Middle"])
    causes = movement_causes(BEFORE, AFTER, counterfactual, order=ORDER)
    assert causes.to_numpy().tolist() == [
        ["customers", "new", "Middle", 1],
        ["customers", "Middle", "Best", 1],
        ["customers", "Lost", "gone", 1],
        ["refit", "Best", "Lost", 1],
    ]
    assert net_by_cause(causes, order=ORDER).to_numpy().tolist() == [["Best", 1, -1], ["Middle", 0, 0], ["Lost", -1, 1]]


SEGMENTS = st.dictionaries(st.integers(1, 9), st.sampled_from(["Champions", "Loyal", "New", "Lost"]), min_size=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(SEGMENTS, min_size=2, max_size=4), new_model=SEGMENTS, periods=st.integers(1, 3))
def test_causes_add_up_to_what_the_held_segments_won_and_lost(
    days: list[dict[int, str]], new_model: dict[int, str], periods: int, model: SegmentModel
) -> None:
    def follow(labels: dict[int, str], number: int, earlier: pd.DataFrame | None) -> pd.DataFrame:
        ids = sorted(labels)
        assigned = pd.DataFrame({"customer_id": ids, "segment": [labels[i] for i in ids]})
        customers = pd.DataFrame({"customer_id": ids, "spend": [10.0 * i for i in ids]})
        given = {"earlier": earlier, "periods": periods, "as_of": date(2024, number, 1)}
        return ledger_rows(assigned, customers, model=model, strategy="quantiles", **given)

    last = None
    for number, labels in enumerate(days[:-1], start=1):
        last = follow(labels, number, last)
    today = days[-1]
    gone_on = follow(today, len(days), last)
    fitted_anew = follow({i: new_model.get(i, label) for i, label in today.items()}, len(days), last)

    order = ["Champions", "Loyal", "New", "Lost"]
    matrix = movement_matrix(last, gone_on, order=order)
    moved = matrix[matrix["from_segment"] != matrix["to_segment"]]
    columns = ["from_segment", "to_segment", "customers"]
    same = movement_causes(last, gone_on, gone_on, order=order)
    assert set(same["cause"]) <= {"customers"}
    assert same[columns].to_numpy().tolist() == moved[columns].to_numpy().tolist()
    for after in (gone_on, fitted_anew):
        net = net_by_cause(movement_causes(last, after, gone_on, order=order), order=order).set_index("segment")
        table = movement_by_segment(last, after, order=order).set_index("segment")
        assert (net.sum(axis=1) == table["added"] - table["dropped"]).all()
        own = net_by_cause(same, order=order).set_index("segment")["by_customers"]
        assert (net["by_customers"] == own).all()


def test_same_model_means_no_refit() -> None:
    causes = movement_causes(BEFORE, AFTER, AFTER, order=ORDER)
    assert set(causes["cause"]) == {"customers"}
    assert net_by_cause(causes.iloc[:0], order=ORDER)["by_refit"].tolist() == [0, 0, 0]


def test_fallen_are_those_worth_most() -> None:
    after = ledger([(1, "Lost", 100.0), (2, "Middle", 160.0), (3, "Lost", 100.0), (4, "Best", 999.0), (9, "Lost", 1.0)])
    assert fallen(BEFORE, after, order=ORDER).to_numpy().tolist() == [
        [2, "Best", "Middle", 1, 160.0],
        [1, "Best", "Lost", 2, 100.0],
        [3, "Middle", "Lost", 1, 100.0],
    ]
    assert len(fallen(BEFORE, after, order=ORDER, count=1)) == 1
    assert fallen(BEFORE, BEFORE, order=ORDER).empty


def test_sizes_name_every_segment_every_day() -> None:
    both = pd.concat([BEFORE, AFTER.assign(as_of=pd.Timestamp("2024-02-29"))])
    sizes = segment_sizes(both, order=["Best", "Middle", "Never", "Lost"])
    assert sizes["customers"].tolist() == [2, 1, 0, 2, 2, 1, 0, 2]
    assert sizes["revenue"].tolist() == [160.0, 20.0, 0.0, 16.0, 160.0, 5.0, 0.0, 70.0]


def test_channels_are_matched_where_both_days_know_them() -> None:
    web = BEFORE.assign(channel="web")
    both = pd.concat([web, web.assign(channel="shop", segment="Lost")])
    assert len(moves(both, both)) == 10
    assert (moves(web, web)["from_segment"] == moves(web, web)["to_segment"]).all()


DAYS = pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"])
HISTORY = pd.DataFrame(
    [
        (1, 0, "Middle"),
        (1, 1, "Middle"),
        (1, 2, "Best"),
        (1, 3, "Best"),
        (2, 1, "Middle"),
        (2, 2, "Best"),
        (2, 3, "Middle"),
        (3, 0, "Best"),
        (3, 1, "Best"),
        (3, 2, "Best"),
        (3, 3, "Lost"),
        (4, 3, "Best"),
    ],
    columns=["customer_id", "day", "segment"],
).assign(as_of=lambda f: DAYS[f["day"]])


def test_spells_by_hand() -> None:
    table = spells(HISTORY.sample(frac=1, random_state=0))
    rows = table[["customer_id", "segment", "days", "ended", "open_start"]].to_numpy().tolist()
    assert rows == [
        [1, "Middle", 60, True, True],
        [1, "Best", 30, False, False],
        [2, "Middle", 31, True, False],
        [2, "Best", 30, True, False],
        [2, "Middle", 0, False, False],
        [3, "Best", 90, True, True],
        [3, "Lost", 0, False, False],
        [4, "Best", 0, False, False],
    ]


def half_have_left(days: list[int], ended: list[bool]) -> float:
    """Kaplan-Meier by its definition: the first day on which the product of the shares who go on is at most a half."""
    going_on = 1.0
    for day in sorted({d for d, e in zip(days, ended, strict=True) if e}):
        at_risk = sum(d >= day for d in days)
        going_on *= 1 - sum(d == day and e for d, e in zip(days, ended, strict=True)) / at_risk
        if going_on <= 0.5 + 1e-12:
            return day
    return float("nan")


def test_median_days_count_those_still_there_and_drop_unseen_beginnings() -> None:
    table = days_in_segment(spells(HISTORY), order=ORDER).set_index("segment")
    assert table["stays"].tolist() == [4, 3, 1]
    assert table["ended"].tolist() == [2, 2, 0]
    seen = spells(HISTORY)
    seen = seen[~seen["open_start"]]  # customer 3 was in Best before the ledger began
    for segment in ORDER:
        days, ended = (seen.loc[seen["segment"] == segment, c].tolist() for c in ("days", "ended"))
        assert table.loc[segment, "median_days"] == pytest.approx(half_have_left(days, ended), nan_ok=True)
    assert table["median_days"].notna().tolist() == [True, True, False]
    assert np.isnan(table.loc["Lost", "median_days"])
    assert table.loc["Best", "median_days_so_far"] == 15


def test_median_days_of_many_stays_against_kaplan_meier_by_definition() -> None:
    rng = np.random.default_rng(3)
    days = pd.date_range("2024-01-31", periods=9, freq="ME")
    rows = [(c, day, rng.choice(ORDER, p=[0.6, 0.3, 0.1])) for c in range(60) for day in days[rng.integers(0, 5) :]]
    table = spells(pd.DataFrame(rows, columns=["customer_id", "as_of", "segment"]))
    medians = days_in_segment(table, order=ORDER).set_index("segment")["median_days"]
    for segment, stayed in table[~table["open_start"]].groupby("segment"):
        assert medians[segment] == half_have_left(stayed["days"].tolist(), stayed["ended"].tolist())


def test_ways_by_hand() -> None:
    table = paths_to(spells(HISTORY), "Best")
    assert table.to_numpy().tolist() == [
        ["Middle > Best", 1, 0.25, 60.0],
        ["already there", 1, 0.25, 0.0],
        ["new > Best", 1, 0.25, 0.0],
        ["new > Middle > Best", 1, 0.25, 31.0],
    ]
    assert paths_to(spells(HISTORY), "Middle", steps=1)["path"].tolist() == [
        "Best > Middle",
        "already there",
        "new > Middle",
    ]
    assert len(paths_to(spells(HISTORY), "Best", count=2)) == 2


def test_bad_input() -> None:
    with pytest.raises(ParamsError, match="Did you mean 'Best'"):
        paths_to(spells(HISTORY), "Bst")
    with pytest.raises(ParamsError, match="steps must be between"):
        paths_to(spells(HISTORY), "Best", steps=0)
    with pytest.raises(DataError, match="'value'"):
        moves(BEFORE.drop(columns="value"), AFTER)
    with pytest.raises(DataError, match="'as_of'"):
        spells(HISTORY.drop(columns="as_of"))
