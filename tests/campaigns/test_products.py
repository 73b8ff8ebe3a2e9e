"""Products per segment: lifts by hand, and the three of each customer against a plain evaluation."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm_ml.campaigns.products import ProductRules, next_products, product_columns, product_lift
from rfm_ml.core.errors import DataError, ParamsError

DAY = date(2025, 6, 30)
EASY = ProductRules(least_buyers=1, shrinkage=1, among=100)


def lines(*bought: tuple[Any, ...]) -> pd.DataFrame:
    """Return order lines from (customer, product, days ago)."""
    rows = [(c, p, DAY - timedelta(days)) for c, p, days in bought]
    frame = pd.DataFrame(rows, columns=["customer_id", "product_id", "ordered_on"])
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]))


def people(**segments: str) -> pd.DataFrame:
    return pd.DataFrame([(c, s) for s, ids in segments.items() for c in ids], columns=["customer_id", "segment"])


def ranked(log: pd.DataFrame, segments: pd.DataFrame, segment: str, rules: ProductRules = EASY) -> list[str]:
    found = product_lift(log, segments, as_of=DAY, rules=rules)
    return found.filter(found.segment == segment).order_by("rank").to_pandas()["product"].tolist()


def offered(log: pd.DataFrame, segments: pd.DataFrame, rules: ProductRules = EASY) -> dict[str, list[str]]:
    found = next_products(log, segments, as_of=DAY, rules=rules).order_by("customer_id", "place").to_pandas()
    return {c: rows["product"].tolist() for c, rows in found.groupby("customer_id")}


def test_lift_is_the_shrunk_ratio_of_buyers_to_those_expected() -> None:
    log = lines(*[(c, "tea", 1) for c in "abc"], ("a", "tea", 9), ("d", "jam", 1), ("a", "jam", 1), ("e", "jam", 1))
    found = product_lift(log, people(A="abc", B="def"), as_of=DAY, rules=EASY).order_by("segment", "rank").to_pandas()
    assert found[["segment", "product", "buyers", "segment_buyers", "shop_buyers"]].to_numpy().tolist() == [
        ["A", "tea", 3, 3, 3],
        ["A", "jam", 1, 3, 3],
        ["B", "jam", 2, 2, 3],
        ["B", "tea", 0, 2, 3],
    ]
    # Five people bought; of A are three, so 3 * 3 / 5 = 1.8 are expected, of B 1.2.
    assert found["lift"].tolist() == pytest.approx([4 / 2.8, 2 / 2.8, 3 / 2.2, 1 / 2.2], abs=1e-9)
    assert found["by_lift"].tolist() == [True, False, True, False]
    assert found["share"].tolist() == [1, 1 / 3, 1, 0]


def test_a_rare_product_does_not_win_and_too_few_buyers_are_not_ranked_by_lift() -> None:
    log = lines(*[(c, "tea", 1) for c in "abcdefg"], *[(c, "bread", 1) for c in "abcduvwxyz"], ("a", "gold", 1))
    segments = people(A="abcdefg", B="uvwxyz")
    assert ranked(log, segments, "A")[0] == "tea"  # lift of gold without shrinkage is the same, 13/7
    strict = ProductRules(least_buyers=2, shrinkage=0.01, among=100)
    assert ranked(log, segments, "A", strict) == ["tea", "bread", "gold"]


def test_only_what_the_segment_buys_most_is_ranked_by_lift() -> None:
    bought = [(c, "milk", 1) for c in "abcdefgh"] + [(c, "tea", 1) for c in "abc"]
    log, segments = lines(*bought), people(A="abcd", B="efgh")
    assert ranked(log, segments, "A") == ["tea", "milk"]
    assert ranked(log, segments, "A", ProductRules(least_buyers=1, shrinkage=1, among=1)) == ["milk", "tea"]


def test_the_season_is_the_last_days_and_the_same_weeks_of_last_year() -> None:
    ago = {"today": 0, "edge": 59, "gone": 60, "then": 364, "begins": 363, "ends": 304, "over": 303, "future": -1}
    log = lines(*[("a", what, days) for what, days in ago.items()])
    rules = ProductRules(least_buyers=1, season_days=60)
    assert set(ranked(log, people(A="ab"), "A", rules)) == {"today", "edge", "begins", "ends"}
    ever = ProductRules(least_buyers=1, season_days=None)
    assert set(ranked(log, people(A="ab"), "A", ever)) == set(ago) - {"future"}


def test_nobody_is_offered_what_he_ever_bought_and_returns_are_no_purchases() -> None:
    log = lines(("a", "tea", 300), ("b", "tea", 1), ("b", "jam", 1), ("b", "gin", 2), ("a", "gin", 5), ("c", "jam", 3))
    log["order_kind"] = ["order", "order", "order", "order", "return", "order"]
    assert offered(log, people(A="abc")) == {"a": ["jam", "gin"], "c": ["gin", "tea"]}


def test_a_segment_without_purchases_is_offered_what_the_shop_sells_most() -> None:
    log = lines(("a", "tea", 1), ("a", "jam", 1), ("b", "jam", 1))
    found = next_products(log, people(A="ab", Prospect="z"), as_of=DAY, rules=EASY)
    rows = found.filter(found.customer_id == "z").order_by("place").to_pandas()
    assert rows[["product", "lift", "by_lift"]].to_numpy().tolist() == [["jam", 1.0, False], ["tea", 1.0, False]]


def test_columns_of_a_list_with_what_is_known_of_the_products() -> None:
    log = lines(("a", 7, 1), ("b", 8, 1), ("b", 9, 1))
    found = next_products(log, people(A="ab"), as_of=DAY, rules=ProductRules(per_customer=2))
    known = pd.DataFrame({"product_id": [8, 9], "category": ["x", None], "margin": [0.1, 0.2]})
    wide = product_columns(found, per_customer=2, products=known).order_by("customer_id").to_pandas()
    assert wide.columns.tolist() == [
        "customer_id",
        "segment",
        "product_1",
        "product_1_category",
        "product_2",
        "product_2_category",
    ]
    wide = wide.astype(object).where(wide.notna(), None)
    assert wide.to_numpy().tolist() == [["a", "A", "8", "x", "9", None], ["b", "A", "7", None, None, None]]


def test_categories_in_place_of_products() -> None:
    log = lines(("a", 1, 1), ("b", 2, 1)).rename(columns={"product_id": "category"})
    log["category"] = ["shoes", "hats"]
    assert offered(log, people(A="ab"), ProductRules(by="category")) == {"a": ["hats"], "b": ["shoes"]}
    with pytest.raises(DataError, match="must have the column 'product_id'"):
        product_lift(log, people(A="ab"), as_of=DAY)


@pytest.mark.parametrize(
    "wrong", [{"by": "colour"}, {"per_customer": 0}, {"season_days": 0}, {"shrinkage": 0}, {"among": 0}]
)
def test_rules_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParamsError, match=next(iter(wrong))):
        ProductRules(**wrong)


def test_products_that_are_neither_text_nor_numbers_are_refused() -> None:
    log = lines(("a", 1.5, 1))
    with pytest.raises(DataError, match="text or whole numbers"):
        product_lift(log, people(A="a"), as_of=DAY)


purchases = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("pqrstuv"), st.integers(0, 420)), min_size=1, max_size=60
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bought=purchases, split=st.integers(1, 7), season=st.sampled_from([None, 30, 200]), seed=st.randoms())
def test_the_same_as_a_plain_evaluation_whatever_the_order_of_the_rows(
    bought: list[tuple[str, str, int]], split: int, season: int | None, seed: Any
) -> None:
    who = "abcdefgh"
    rules = ProductRules(per_customer=2, season_days=season, least_buyers=2, shrinkage=2, among=3)
    shuffled = sorted(bought, key=lambda _: seed.random())
    in_two = people(A=who[:split], B=who[split:])
    assert offered(lines(*shuffled), in_two, rules) == plainly(bought, split=split, rules=rules)


def plainly(bought: list[tuple[str, str, int]], *, split: int, rules: ProductRules) -> dict[str, list[str]]:
    ever = {(c, p) for c, p, _ in bought}
    days = rules.season_days
    season = {(c, p) for c, p, d in bought if days is None or d < days or 364 - days <= d < 364}
    sold, everybody = Counter(p for _, p in season), {c for c, _ in season}
    answer = {}
    for segment in ("abcdefgh"[:split], "abcdefgh"[split:]):
        mine = Counter(p for c, p in season if c in segment)
        buyers = len({c for c, _ in season if c in segment})
        most = sorted(sold, key=lambda p: (-mine[p], p))[: rules.among]
        lift = {p: round((mine[p] + 2) / (buyers * n / len(everybody) + 2), 9) for p, n in sold.items()}
        chosen = {p for p in most if mine[p] >= rules.least_buyers and lift[p] > 1}
        order = sorted(sold, key=lambda p: (p not in chosen, -lift[p] if p in chosen else 0, -sold[p], p))
        for c in segment:
            if left := [p for p in order if (c, p) not in ever][: rules.per_customer]:
                answer[c] = left
    return answer
