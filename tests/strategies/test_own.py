"""One's own classes: what they have is used, what they lack has the default of `Strategy`."""

import pandas as pd
import pytest

from rfm_ml.core.errors import NotFittedError, ParamsError
from rfm_ml.segments import SegmentModel
from rfm_ml.segments.rules import rules_of
from rfm_ml.strategies import QuantileRFM, Strategy, as_strategy, strategy_class, strategy_from_dict, strategy_name
from rfm_ml.strategies.rules import Condition, Rule, RuleSet


class Child(Strategy):
    """Inherits from `Strategy` and has what it must have."""

    def __init__(self, limit=2):
        self.limit = limit

    def fit(self, customers, y=None):
        self.seen_ = len(customers)
        return self

    def predict(self, customers):
        self._learned("seen_")
        labels = (customers["orders"] >= self.limit).map({True: "often", False: "seldom"})
        return labels.where(customers["recency_days"].notna(), "")

    def to_dict(self):
        return {"limit": self.limit, "seen": self.seen_}

    @classmethod
    def from_dict(cls, state):
        made = cls(state["limit"])
        made.seen_ = state["seen"]
        return made


class Bare:
    """Has the methods alone: no arguments, no base."""

    def fit(self, customers):
        self.fitted = True
        return self

    def predict(self, customers):
        return pd.Series("all", index=customers.index)

    def explain(self, customers):
        return pd.Series("Everybody.", index=customers.index)

    def to_dict(self):
        return {}

    @classmethod
    def from_dict(cls, state):
        return cls().fit(None)


class Rich(Bare):
    """Has all that a class may have."""

    labels = ("best", "rest")
    needs_outcome = True
    horizon_days = 30
    by = "channel"

    def __init__(self, k="auto"):
        self.k = k

    def get_params(self, deep=True):
        return {"k": self.k}

    def set_params(self, **params):
        self.k = params["k"]
        return self

    def fit(self, customers, y=None):
        self.outcome = y
        self.rules_ = RuleSet((Rule("best", (Condition("orders", above=2.0),)), Rule("rest", ())))
        return self

    def predict(self, customers):
        return self.rules_.predict(customers)

    def details(self, customers):
        return pd.DataFrame({"twice": customers["orders"] * 2}, index=customers.index)

    def move_up(self, customers):
        return pd.Series("Order.", index=customers.index)

    def drift(self, customers):
        return pd.DataFrame({"measure": ["own"], "psi": [0.5], "verdict": ["large drift"]})

    def summary(self):
        return pd.DataFrame({"rule": ["more than 2"]})

    def align(self, previous, customers):
        return f"as {type(previous).__name__}"


def test_a_child_has_every_default(customers):
    nobody = customers.iloc[:1].assign(recency_days=float("nan"))
    model = SegmentModel(Child(3)).fit(customers)
    strategy = model.strategy_
    assert model.segments == ["often", "seldom"]
    assert model.explain(customers.iloc[:1]).tolist() == [
        f"{model.predict(customers).iloc[0]}: labelled by Child.",
    ]
    assert model.explain(nobody).tolist() == ["Prospect: no order yet."]
    assert model.assign(customers).columns.tolist() == ["customer_id", "segment"]
    assert model.move_up(customers).unique().tolist() == ["These segments have no order, so none is higher."]
    assert model.drift(customers)["measure"].tolist() == ["segment"]
    assert (model.levels, strategy.cells, strategy.n_scores, strategy.score_arrays(customers)) == ({}, [], {}, {})
    assert (strategy.summary(), strategy.exact_rules, strategy.by, strategy.needs_outcome) == (None, None, None, False)
    assert strategy.align(Child().fit(customers), customers) == ""
    assert SegmentModel.from_json(model.to_json()).to_json() == model.to_json()
    with pytest.raises(
        NotFittedError, match=r"Child must be fitted before it can answer\. Call fit\(customers\) first"
    ):
        Child().predict(customers)


def test_a_child_that_lacks_a_method_is_refused_by_name(tmp_path, monkeypatch):
    (tmp_path / "half_done.py").write_text(
        "from rfm_ml.strategies import Strategy\nclass Half(Strategy):\n    def fit(self, customers, y=None): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ParamsError, match=r"Got none called predict, to_dict, from_dict\. Add them"):
        strategy_class("half_done:Half")


def test_a_class_of_its_own_with_nothing_optional_has_the_defaults(customers):
    model = SegmentModel(Bare()).fit(customers)
    assert model.strategy_.fitted
    assert not hasattr(model.strategy.own, "fitted")
    assert (model.strategy.options, model.strategy.fixed_labels, model.strategy.horizon_days) == ({}, [], 91)
    assert model.explain(customers).unique().tolist() == ["all: everybody."]
    assert model.move_up(customers).nunique() == 1
    assert model.strategy_.summary() is None
    assert strategy_name(Bare()).endswith(":Bare")
    with pytest.raises(AttributeError):
        model.strategy_.no_such_thing  # noqa: B018


def test_all_that_a_class_has_is_used(customers):
    blank = SegmentModel(Rich())
    assert blank.strategy.fixed_labels == ["best", "rest"]
    assert (blank.strategy.needs_outcome, blank.strategy.horizon_days) == (True, 30)
    model = blank.fit(customers, customers["actual_spend"], previous=SegmentModel(QuantileRFM()).fit(customers))
    assert model.alignment_ == "as QuantileRFM"
    assert model.strategy_.outcome.equals(customers["actual_spend"])
    assert model.assign(customers).columns.tolist() == ["customer_id", "channel", "segment", "twice"]
    assert model.move_up(customers).unique().tolist() == ["Order."]
    assert model.drift(customers)["measure"].tolist() == ["own", "segment"]
    assert model.strategy_.summary()["rule"].tolist() == ["more than 2"]
    assert rules_of(model, customers).exact
    again = model.strategy.for_refit(1)
    assert again.options == {"k": 2}
    assert model.strategy.options == {"k": "auto"}


def test_a_strategy_is_taken_as_it_is():
    child = Child()
    assert as_strategy(child) is child
    assert as_strategy(as_strategy(Bare())).kind is Bare
    name = strategy_name(Child())
    assert name.endswith(":Child")
    assert strategy_from_dict("quantile_rfm", QuantileRFM().fit(_five()).to_dict()).predict(_five()).nunique() == 5


def _five():
    numbers = [1, 2, 3, 4, 5]
    return pd.DataFrame({"recency_days": numbers, "orders": numbers, "spend": numbers})
