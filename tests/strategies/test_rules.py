"""Rules in words, in memory and as SQL: three ways to say the same, run on two engines."""

import math
import sqlite3

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.strategies.rules import Condition, Rule, RuleSet, number, quoted_name, rules_query, rules_sql

COLUMNS = ["recency_days", "orders", "spend", "order"]
"""The last is a keyword, as a column of somebody's own may be."""

BY_HAND = RuleSet(
    (
        Rule("Champions", (Condition("recency_days", at_most=45.0), Condition("orders", above=4.0))),
        Rule("Can't lose", (Condition("recency_days", above=45.0), Condition("spend", above=99.95))),
        Rule("Rest", (Condition("spend", at_most=99.95),)),
    )
)


def engines_say(sql: str, frame: pd.DataFrame) -> dict[str, list]:
    """Run a CASE over the frame's rows in DuckDB and in SQLite."""
    rows = [[None if pd.isna(v) else float(v) for v in row] for row in frame[COLUMNS].to_numpy(dtype=object)]
    columns = ", ".join(f'"{c}" DOUBLE' for c in COLUMNS)
    query = f"SELECT {sql} FROM customers ORDER BY position"
    said = {}
    for engine, con in {"duckdb": duckdb.connect(), "sqlite": sqlite3.connect(":memory:")}.items():
        con.execute(f"CREATE TABLE customers ({columns}, position INTEGER)")
        con.executemany(f"INSERT INTO customers VALUES (?, ?, ?, ?, {'?'})", [[*r, i] for i, r in enumerate(rows)])
        said[engine] = [r[0] for r in con.execute(query).fetchall()]
        con.close()
    return said


def frame_of(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame([(*r, 0.0) for r in rows], columns=COLUMNS).astype(float)


def test_labels_by_hand_in_memory_and_in_both_engines():
    frame = frame_of(
        (45, 5, 10),  # limits of days belong to the better side
        (45, 4, 10),
        (46, 9, 99.95),
        (46, 9, 99.96),
        (np.nan, 9, 99),  # never ordered
        (46, 9, np.nan),  # no rule holds: the last
        (45, np.nan, 100),
        (-1, 5, -20),
    )
    expected = ["Champions", "Rest", "Rest", "Can't lose", "", "Rest", "Rest", "Champions"]
    assert BY_HAND.predict(frame).tolist() == expected
    assert engines_say(rules_sql(BY_HAND), frame) == {"duckdb": expected, "sqlite": expected}


def test_sql_by_hand():
    assert rules_sql(BY_HAND, without_order="Prospect", column="my segment") == (
        "CASE\n"
        "  WHEN recency_days IS NULL THEN 'Prospect'\n"
        "  WHEN recency_days <= 45 AND orders > 4 THEN 'Champions'\n"
        "  WHEN recency_days > 45 AND spend > 99.95 THEN 'Can''t lose'\n"
        "  ELSE 'Rest'\n"
        'END AS "my segment"'
    )


def test_words_by_hand():
    assert [r.words() for r in BY_HAND.rules] == [
        "last order at most 45 days ago and 5 or more orders",
        "last order more than 45 days ago and spend above 99.95",
        "spend at most 99.95",
    ]
    between = [Condition("recency_days", 1.0, 2.0), Condition("orders", 1.0, 4.0), Condition("age_days", 10.0, 20.0)]
    assert [c.words() for c in between] == ["last order 2 days ago", "2 to 4 orders", "age_days above 10 up to 20"]
    assert Condition("gap_cv", at_most=0.5, or_missing=True).words() == "gap_cv at most 0.5 or missing"
    assert Condition("recency_days", at_most=1.0).words() == "last order at most 1 day ago"
    assert Rule("All", ()).words() == "every customer"


def test_one_rule_for_all_is_a_case_too():
    everyone = RuleSet((Rule("All", ()),))
    frame = frame_of((1, 1, 1), (np.nan, 0, 0))
    assert engines_say(rules_sql(everyone), frame) == {"duckdb": ["All", ""], "sqlite": ["All", ""]}
    assert everyone.predict(frame).tolist() == ["All", ""]


def test_a_whole_statement_names_its_keys_and_keeps_comments_on_their_lines(tmp_path):
    text = rules_query(BY_HAND, keys=["customer_id", "group"], comment=["made of\n'); DROP TABLE x; --", "second"])
    assert text.splitlines()[:5] == [
        "-- made of '); DROP TABLE x; --",
        "-- second",
        "SELECT",
        "  customer_id,",
        '  "group",',
    ]
    con = duckdb.connect()
    con.execute(
        'CREATE TABLE customers AS SELECT 7 AS customer_id, 1 AS "group", 3 AS recency_days, 9 AS orders, 1 AS spend'
    )
    assert con.execute(text).fetchall() == [(7, 1, "Champions")]
    con.close()


def test_a_label_of_several_lines_stays_as_it_is():
    rules = RuleSet((Rule("two\n  lines", (Condition("orders", above=1.0),)), Rule("x", ())))
    text = rules_query(rules, keys=[], comment=[])
    con = sqlite3.connect(":memory:")
    con.execute("CREATE TABLE customers AS SELECT 3 AS recency_days, 9 AS orders")
    assert con.execute(text).fetchall() == [("two\n  lines",)]
    con.close()


FINITE = st.floats(-1e9, 1e9, allow_nan=False) | st.sampled_from(
    [0.1, 0.1 + 0.2, 45.976, 1 / 3, 1e-7, 123456.789, 2.0**53]
)
LABELS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["Can't", '"', "--", "%s"]
)


@st.composite
def rule_sets(draw) -> RuleSet:
    def condition() -> Condition:
        above, at_most = draw(st.none() | FINITE), draw(st.none() | FINITE)
        return Condition(draw(st.sampled_from(COLUMNS)), above, at_most, or_missing=draw(st.booleans()))

    rules = [
        Rule(draw(LABELS), tuple(condition() for _ in range(draw(st.integers(0, 3)))))
        for _ in range(draw(st.integers(1, 5)))
    ]
    return RuleSet(tuple(rules))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules=rule_sets(), data=st.data())
def test_sql_equals_predict_for_any_rules_and_rows(rules, data):
    limits = [v for r in rules.rules for c in r.conditions for v in (c.above, c.at_most) if v is not None]
    # Values on a limit, and next to it on either side, are where a comparison can go wrong.
    near = [math.nextafter(v, way) for v in limits for way in (-math.inf, math.inf)]
    values = st.none() | FINITE | (st.sampled_from(limits + near) if limits else st.nothing())
    rows = data.draw(st.lists(st.tuples(*[values] * len(COLUMNS)), min_size=1, max_size=12))
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=float)
    expected = rules.predict(frame, without_order="Prospect").tolist()
    said = engines_say(rules_sql(rules, without_order="Prospect"), frame)
    assert said == {"duckdb": expected, "sqlite": expected}


@settings(max_examples=300, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_the_same_double(value):
    assert float(number(value)) == value


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 45.976, 1 / 3, 5e-324, 1.7e308, 123456789.12345678, -2.5, 1e15, 1e22, 1e23]
)
def test_both_engines_read_a_number_as_the_same_double(value):
    con = duckdb.connect()
    assert con.execute("SELECT ? = " + number(value), [value]).fetchall() == [(True,)]
    con.close()
    lite = sqlite3.connect(":memory:")
    if abs(value) < 1e300 and abs(value) > 1e-300:  # SQLite reads the last digits of the utmost numbers differently
        assert lite.execute("SELECT ? = " + number(value), [value]).fetchall() == [(1,)]
    lite.close()


@pytest.mark.parametrize(
    "name", ["recency_days", "orders", "Spend", "order", "a b", 'a"b', "current_date", "select", "gap_cv"]
)
def test_any_column_can_be_named(name):
    stored = '"' + name.replace('"', '""') + '"'
    for con in (duckdb.connect(), sqlite3.connect(":memory:")):
        con.execute(f"CREATE TABLE t ({stored} INTEGER)")
        con.execute("INSERT INTO t VALUES (7)")
        assert con.execute(f"SELECT {quoted_name(name)} FROM t").fetchall() == [(7,)]
        con.close()


def test_frozen_and_back():
    assert RuleSet.from_dict(BY_HAND.to_dict()) == BY_HAND
    for bad in ([], [{"label": "x"}], [{"label": "x", "conditions": [{"colum": "orders"}]}], [3], 3):
        with pytest.raises(ParamsError, match="A list of rules must hold"):
            RuleSet.from_dict(bad)


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match=r"must have the column 'spend'.*Did you mean 'spent'"):
        BY_HAND.predict(pd.DataFrame({"recency_days": [1], "orders": [1], "spent": [1]}))
