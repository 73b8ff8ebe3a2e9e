"""A tree that stands in for a strategy: what it repeats, how far it can be trusted, as SQL on real customers."""

import sqlite3
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.segments.rules import Surrogate, rules_of
from rfm_ml.strategies import RuleTree, ThresholdRFM
from rfm_ml.strategies.rules import Condition, Rule, RuleSet
from rfm_ml.study import Study
from rfm_ml.study.statement import rules_statement

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 1000
    frame = pd.DataFrame({"customer_id": range(n), "recency_days": rng.integers(0, 400, n)})
    frame["orders"] = rng.geometric(0.3, n)
    frame["spend"] = (frame["orders"] * rng.lognormal(3, 0.6, n)).round(2)
    return frame


def two_by_two(frame: pd.DataFrame) -> pd.Series:
    late, loyal = frame["recency_days"] > 120, frame["orders"] >= 4
    return pd.Series(np.select([~late & loyal, ~late, loyal], ["Best", "New", "At risk"], "Lost"), index=frame.index)


def test_limits_of_another_strategy_are_found(many):
    surrogate = Surrogate().fit(many, two_by_two(many), order=["Best", "New", "At risk", "Lost"])
    assert [(r.label, r.words()) for r in surrogate.rules_.rules] == [
        ("Best", "last order at most 120 days ago and 4 or more orders"),
        ("New", "last order at most 120 days ago and at most 3 orders"),
        ("At risk", "last order more than 120 days ago and 4 or more orders"),
        ("Lost", "last order more than 120 days ago and at most 3 orders"),
    ]
    assert surrogate.predict(many).tolist() == two_by_two(many).tolist()
    assert surrogate.cross_validated_ > 0.98


def test_labels_drawn_at_random_are_not_explained_to_unseen_customers(many):
    rng = np.random.default_rng(1)
    labels = pd.Series(rng.choice(["a", "b", "c", "d"], len(many)))
    surrogate = Surrogate().fit(many, labels)
    seen = (surrogate.predict(many) == labels).mean()
    assert surrogate.cross_validated_ < 0.32 < seen + 0.05


def test_at_most_twelve_rules_and_neighbours_are_joined(many):
    # Two segments in many stripes cannot be told by few leaves; the leaves of one segment that touch become one rule.
    stripes = pd.Series(np.where(many["recency_days"] // 20 % 2, "odd", "even"))
    rules = Surrogate(max_leaves=12).fit(many, stripes).rules_
    assert len(rules.rules) <= 12
    ends = sorted((c.above or 0, r.label) for r in rules.rules for c in r.conditions if c.column == "recency_days")
    assert all(a[1] != b[1] for a, b in pairwise(ends))


def test_row_order_and_identity_do_not_matter(many):
    labels = two_by_two(many)
    order = np.random.default_rng(2).permutation(len(many))
    one, other = Surrogate(sample=300), Surrogate(sample=300)
    one.fit(many, labels)
    other.fit(many.iloc[order], labels.iloc[order])
    assert one.rules_ == other.rules_
    assert one.cross_validated_ == other.cross_validated_


def test_customers_without_an_order_are_prospects(many):
    contacts = many.iloc[:5].assign(recency_days=np.nan)
    both = pd.concat([many, contacts], ignore_index=True)
    labels = pd.concat([two_by_two(many), pd.Series(["Prospect"] * 5)], ignore_index=True)
    surrogate = Surrogate().fit(both, labels)
    assert surrogate.predict(both).tolist()[-5:] == ["Prospect"] * 5
    assert "Prospect" not in surrogate.rules_.labels


def test_few_customers_and_one_segment_have_an_answer(many):
    one = Surrogate().fit(many.iloc[:1], pd.Series(["All"]))
    assert one.rules_ == RuleSet((Rule("All", ()),))
    assert np.isnan(one.cross_validated_)
    assert Surrogate().fit(many, pd.Series(["All"] * 1000)).cross_validated_ == 1.0


def test_what_cannot_be_learned_from_is_refused(many):
    with pytest.raises(DataError, match=r"one segment per customer \(1000\)\. Got 3"):
        Surrogate().fit(many, pd.Series(["a"] * 3))
    with pytest.raises(DataError, match="must see a customer with an order"):
        Surrogate().fit(many.assign(recency_days=np.nan), pd.Series(["a"] * 1000))
    with pytest.raises(ParamsError, match="max_leaves must be between 2 and 50"):
        Surrogate(max_leaves=1).fit(many, pd.Series(["a"] * 1000))
    with pytest.raises(NotFittedError):
        Surrogate().predict(many)


def test_a_segment_without_a_rule_is_named(many):
    limits = [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330, 360, 380]
    strategy = ThresholdRFM(recency=limits, frequency=[2], monetary=[50], recency_column="recency_days")
    frame = many.assign(orders_per_year=many["orders"], spend_per_year=many["spend"])
    rules = rules_of(SegmentModel(strategy).fit(frame), frame)
    untold = rules.table[rules.table["rule"] == "no rule leads here"]
    assert len(untold) > 20
    assert (untold["customers"] == 0).all()
    assert rules.segments["customers"].sum() == rules.table["customers"].sum() == 1000
    assert rules.segments.set_index("segment").loc[untold["segment"], "found"].eq(0).all()
    assert rules.fidelity == pytest.approx((rules.table["customers"] * rules.table["right"].fillna(0)).sum() / 1000)


class Loyalists(RuleTree):
    """A strategy of somebody's own whose rules are known, but do not tell what it does."""

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        return super().predict(customers).where(customers["spend"] < 500, "big")


def test_own_rules_count_as_such_only_where_they_agree(many):
    y = np.where(many["recency_days"] < 100, many["spend"], 0.0)
    own = rules_of(SegmentModel(RuleTree()).fit(many, y), many)
    assert (own.exact, own.fidelity, own.cross_validated) == (True, 1.0, 1.0)
    assert "strategy's own rules" in own.told
    other = rules_of(SegmentModel(Loyalists()).fit(many, y), many)
    assert not other.exact
    assert "stands in for the strategy" in other.told


def said_by(engine: str, statement: str, frame: pd.DataFrame) -> pd.Series:
    columns = ["customer_id", "recency_days", "orders", "spend"]
    con = duckdb.connect() if engine == "duckdb" else sqlite3.connect(":memory:")
    con.execute("CREATE TABLE customers (customer_id INTEGER, recency_days DOUBLE, orders DOUBLE, spend DOUBLE)")
    rows = [[None if pd.isna(v) else float(v) for v in row] for row in frame[columns].to_numpy()]
    con.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
    found = dict(con.execute(statement).fetchall())
    con.close()
    return frame["customer_id"].map(found)


@pytest.fixture(scope="module")
def cdnow() -> Study:
    return Study(ROOT / "params" / "cdnow.yml")


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
@pytest.mark.parametrize("name", ["quantiles", "thresholds", "clv"])
def test_statements_give_what_the_surrogate_gives_on_cdnow(cdnow, engine, name):
    frame = cdnow.customers
    expected = cdnow.rules(name).rules.predict(frame, without_order="Prospect")
    assert said_by(engine, rules_statement(cdnow, name), frame).tolist() == expected.tolist()
    agree = (expected == cdnow.segments(name)["segment"]).mean()
    assert agree == pytest.approx(cdnow.rules(name).fidelity)
    assert f"{agree:.1%} of the customers" in rules_statement(cdnow, name)


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_statements_of_a_rule_tree_give_what_predict_gives(cdnow, engine):
    frame = cdnow.customers
    y = (frame["spend"] / (1 + frame["recency_days"])).to_numpy()
    model = SegmentModel(RuleTree(12, min_share=0.01)).fit(frame, y)
    odd = pd.DataFrame(
        {
            "customer_id": range(10**6, 10**6 + 6),
            "recency_days": [np.nan, 3, 3, 1e9, 0, -1],
            "orders": [0, np.nan, 2, 1, 1e9, 1],
            "spend": [0, 5, np.nan, -1e9, 1e12, -0.01],
        }
    )
    every = pd.concat([frame[odd.columns], odd], ignore_index=True)
    said = said_by(engine, rules_of(model, every).statement(about=[]), every)
    assert said.tolist() == model.predict(every).tolist()


def test_published_segments_are_told_nearly_fully(cdnow):
    rules = cdnow.rules("quantiles")
    assert rules.fidelity > 0.95
    assert abs(rules.fidelity - rules.cross_validated) < 0.03
    assert set(rules.table["segment"]) == set(load_map("twelve").segments)
    assert all(isinstance(c, Condition) for r in rules.rules.rules for c in r.conditions)
