import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers import engagement
from rfm_ml.customers.engagement import activity, with_points

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


def scored(*events: dict, **rules: object) -> float:
    table = engagement(with_points(pd.DataFrame(events), **rules), as_of=AS_OF)  # type: ignore[arg-type]
    return table.to_pyarrow().to_pylist()[0]["engagement_score"]


def test_points_and_half_life_are_the_users() -> None:
    week_old = [event("visit", 7), event("download", 7), event("email_click", 7)]
    assert scored(*week_old, half_life_days=7, weights={"download": 8, "visit": 0.5}) == 4.25
    assert scored(*week_old, weights={}) == 0.0
    assert scored(*week_old) == found(*week_old)[0][3]


def test_what_is_forgotten_moves_with_the_half_life() -> None:
    assert scored(event("visit", 729), half_life_days=60) > 0
    assert scored(event("visit", 730), half_life_days=60) == 0
    assert scored(event("visit", 120), half_life_days=10) > 0
    assert scored(event("visit", 122), half_life_days=10) == 0


@pytest.mark.parametrize("half_life", [0, -1, float("nan"), 10_000])
def test_a_half_life_is_a_number_of_days(half_life: float) -> None:
    with pytest.raises(ParamsError, match="half_life_days must be"):
        with_points(pd.DataFrame([event("visit", 0)]), half_life_days=half_life)


def test_activity_counts_each_kind_in_the_days_asked_for() -> None:
    days = [event("visit", 0), event("visit", 89), event("visit", 90), event("email_open", 3), event("email_click", 3)]
    carts = [event("cart_add", 5), event("cart_add", 5), event("cart_abandon", 5), event("visit", -1)]
    other = {**event("visit", 400), "customer_id": "b"}
    table = activity(pd.DataFrame([*days, *carts, other]), as_of=AS_OF, days=90)
    assert table.columns.tolist() == [
        "customer_id", "opens", "clicks", "visits", "carts", "abandoned_carts", "engagement_score"
    ]  # fmt: skip
    assert table.iloc[:, :6].to_numpy().tolist() == [["a", 1, 1, 2, 2, 1], ["b", 0, 0, 0, 0, 0]]
    assert table.loc[1, "engagement_score"] == 0.0
