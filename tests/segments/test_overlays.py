import ibis
import pandas as pd
import pyarrow as pa
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.segments import engaged, load_map, overlay_reasons, with_overlays, with_prospects
from rfm_ml.segments.overlays import touches

AS_OF = "2026-06-30"
EVENTS = pd.DataFrame(
    [
        (1, "2026-01-02 00:00", "email_click"),  # first of the last 180 days: counts
        (2, "2026-01-01 23:59", "email_click"),  # the day before
        (3, "2026-04-02 00:00", "visit"),  # first of the last 90 days: counts
        (4, "2026-04-01 23:59", "visit"),  # the day before
        (5, "2026-06-30 23:59", "visit"),  # on the day: counts
        (6, "2026-07-01 00:00", "visit"),  # later
        (7, "2026-06-01 12:00", "email_open"),  # of another kind
        (3, "2026-05-01 12:00", "visit"),  # once more
    ],
    columns=["customer_id", "event_at", "kind"],
).astype({"event_at": "datetime64[us]"})
LOST = pd.DataFrame({"customer_id": range(1, 9), "segment": ["Lost"] * 7 + ["At risk"], "R": 1, "F": 1, "M": 1})


def as_ibis(frame: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pandas(frame))


@pytest.mark.parametrize("read", [lambda frame: frame, as_ibis], ids=["pandas", "ibis"])
def test_windows_include_their_first_and_last_day(read):
    assert engaged(read(EVENTS), as_of=AS_OF).tolist() == [1, 3, 5]
    assert engaged(read(EVENTS), as_of=AS_OF, click_days=181, visit_days=5).tolist() == [1, 2, 5]


@pytest.mark.parametrize("read", [lambda frame: frame, as_ibis], ids=["pandas", "ibis"])
def test_clicks_and_visits_are_counted(read):
    counts = touches(read(EVENTS), as_of=AS_OF)
    assert counts.reset_index().to_numpy().tolist() == [[1, 1, 0], [3, 0, 2], [5, 0, 1]]
    assert touches(read(EVENTS[:0].astype({"customer_id": "int64"})), as_of=AS_OF).empty


@pytest.mark.parametrize("read", [lambda frame: frame, as_ibis], ids=["pandas", "ibis"])
def test_the_reason_of_an_overlay_names_it_and_what_put_him_there(read):
    twelve, more = load_map("twelve"), pd.concat([EVENTS, EVENTS[2:3].assign(kind="email_click")])
    laid = with_overlays(LOST, read(more), segment_map=twelve, as_of=AS_OF)
    reasons = pd.Series([f"{s}: last order 800 days ago." for s in LOST["segment"]], index=range(10, 18))
    told = overlay_reasons(reasons, laid, read(more), segment_map=twelve, as_of=AS_OF)
    engaged_ = "Lost but engaged: last order 800 days ago; but"
    assert told.tolist() == [
        f"{engaged_} clicked once in the last 180 days.",
        "Lost: last order 800 days ago.",
        f"{engaged_} clicked once in the last 180 days and visited twice in the last 90 days.",
        "Lost: last order 800 days ago.",
        f"{engaged_} visited once in the last 90 days.",
        *["Lost: last order 800 days ago."] * 2,
        "At risk: last order 800 days ago.",
    ]
    assert told.index.tolist() == reasons.index.tolist()
    assert overlay_reasons(reasons, LOST, None, segment_map=twelve, as_of=AS_OF).tolist() == reasons.tolist()


def test_only_the_lost_become_lost_but_engaged():
    more = pd.concat([EVENTS, EVENTS[4:5].assign(customer_id=8)])
    laid = with_overlays(LOST, more, segment_map=load_map("twelve"), as_of=AS_OF)
    engaged_, lost = "Lost but engaged", "Lost"
    assert laid["segment"].tolist() == [engaged_, lost, engaged_, lost, engaged_, lost, lost, "At risk"]
    pd.testing.assert_frame_equal(laid.drop(columns="segment"), LOST.drop(columns="segment"))


def test_without_events_or_overlays_customers_stay():
    pd.testing.assert_frame_equal(with_overlays(LOST, None, segment_map=load_map("twelve"), as_of=AS_OF), LOST)
    pd.testing.assert_frame_equal(with_overlays(LOST, EVENTS, segment_map=load_map("classic"), as_of=AS_OF), LOST)
    nobody = with_overlays(LOST, EVENTS[:0], segment_map=load_map("twelve"), as_of=AS_OF)
    pd.testing.assert_frame_equal(nobody, LOST)


def test_contacts_without_an_order_are_prospects_once():
    contacts = pd.DataFrame({"customer_id": [8, 11, 10, 11, None]}, dtype="Int64")
    added = with_prospects(LOST.assign(cell="111"), contacts)
    assert added["customer_id"].tolist() == [*range(1, 9), 11, 10]
    assert added.tail(2)[["segment", "R", "F", "M", "cell"]].to_numpy().tolist() == [["Prospect", 0, 0, 0, ""]] * 2
    pd.testing.assert_frame_equal(with_prospects(LOST, None), LOST)
    pd.testing.assert_frame_equal(with_prospects(LOST, contacts[:1]), LOST)


def test_ids_of_two_types_are_refused_rather_than_never_matched():
    text = EVENTS.astype({"customer_id": str})
    with pytest.raises(DataError, match="Got whole numbers in the orders and text in the events"):
        with_overlays(LOST, text, segment_map=load_map("twelve"), as_of=AS_OF)
    with pytest.raises(DataError, match="text in the contacts"):
        with_prospects(LOST, pd.DataFrame({"customer_id": ["a"]}))


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match=r"The events table must have the column 'event_at'.*'event_on'"):
        engaged(EVENTS.rename(columns={"event_at": "event_on"}), as_of=AS_OF)
