from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.strategies.scale import bound, range_words, value_phrase


def test_ranges_by_hand():
    def days(low, high):
        return range_words(low, high, column="recency_days", at_least=False)

    assert days(None, 30) == "at most 30 days"
    assert days(30.0, 60.5) == "more than 30 up to 60 days"
    assert days(200, None) == "more than 200 days"
    assert range_words(2, 4, column="orders_per_year", at_least=True) == "at least 2, below 4 a year"
    assert range_words(None, 2.5, column="orders_per_year", at_least=True) == "below 2.5 a year"
    assert range_words(100, None, column="spend_per_year", at_least=True) == "at least 100.00 a year"
    assert range_words(None, None, column="points", at_least=True) == "any"


def test_values_by_hand():
    assert value_phrase("recency_days")(1) == "last order 1 day ago"
    assert value_phrase("recency_days")(0) == "last order 0 days ago"
    assert value_phrase("orders")(1) == "1 order"
    assert value_phrase("spend")(-3.5) == "spend -3.50"
    assert value_phrase("orders_per_year")(2.0) == "2 orders a year"
    assert value_phrase("points")(2.25) == "points 2.25"


@given(st.integers(-(10**9), 10**9), st.floats(-1e7, 1e7))
def test_a_written_edge_is_true_for_every_amount_in_cents(cents, edge):
    amount = cents / 100
    assert (amount > edge) == (amount > float(bound(edge, "spend")))
    assert (amount >= edge) == (amount >= float(bound(edge, "spend", at_least=True)))


@given(st.integers(0, 1000), st.floats(0, 1000))
def test_a_written_edge_is_true_for_every_count(orders, edge):
    assert (orders > edge) == (orders > float(bound(edge, "orders")))
