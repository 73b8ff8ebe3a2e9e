import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.customers import engagement

AS_OF = "2024-12-31"


def event(kind: str, age: int, *, at: str = "12:00") -> dict:
    day = (pd.Timestamp(AS_OF) - pd.Timedelta(days=age)).date()
    return {"customer_id": "a", "event_at": pd.Timestamp(f"{day} {at}"), "kind": kind}


def found(*events: dict) -> list[tuple]:
    table = engagement(pd.DataFrame(events), as_of=AS_OF)
    return [tuple(row.values()) for row in table.to_pyarrow().to_pylist()]


def test_windows_of_clicks_and_visits() -> None:
    clicks = [event("email_click", n) for n in (0, 179, 180)]
    visits = [event("visit", n) for n in (0, 89, 90)]
    assert found(*clicks, *visits)[0][:3] == ("a", 2, 2)


def test_the_whole_as_of_day_counts_and_nothing_after() -> None:
    assert found(event("visit", 0, at="23:59:59"), event("visit", -1, at="00:00")) == [("a", 0, 1, 3.0)]
    assert found(event("visit", -1)) == []


@pytest.mark.parametrize(
    ("kind", "points"),
    [("email_open", 1), ("email_click", 3), ("visit", 3), ("cart_add", 5), ("cart_abandon", 5), ("other", 0)],
)
def test_points_halve_every_thirty_days(kind: str, points: int) -> None:
    assert found(event(kind, 0))[0][3] == points
    assert found(event(kind, 30))[0][3] == points / 2
    assert found(event(kind, 0), event(kind, 60))[0][3] == points * 1.25


def test_after_a_year_an_event_is_forgotten() -> None:
    # 2^(-364/30) x 5, to nine decimals
    assert found(event("cart_add", 364))[0][3] == round(5 / 2 ** (364 / 30), 9)
    assert found(event("cart_add", 365))[0][3] == 0.0
    assert found(event("cart_add", 40_000))[0][3] == 0.0


def test_missing_columns_are_named() -> None:
    events = pd.DataFrame([event("visit", 0)])
    with pytest.raises(DataError, match="The events table must have the column 'kind'"):
        engagement(events.drop(columns="kind"), as_of=AS_OF)
