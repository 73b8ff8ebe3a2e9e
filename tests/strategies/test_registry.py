import sys

import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies import QuantileRFM, make_strategy, strategy_from_dict, strategy_name

OWN = """
from sklearn.base import BaseEstimator
import pandas as pd

class SpendHalves(BaseEstimator):
    def __init__(self, limit=None):
        self.limit = limit
    def fit(self, customers, y=None):
        self.limit_ = float(self.limit or customers["spend"].median())
        return self
    def predict(self, customers):
        return pd.Series(["high" if s > self.limit_ else "low" for s in customers["spend"]], index=customers.index)
    def explain(self, customers):
        return pd.Series([f"Spend {s} against {self.limit_}." for s in customers["spend"]], index=customers.index)
    def to_dict(self):
        return {"limit": self.limit, "limit_": self.limit_}
    @classmethod
    def from_dict(cls, state):
        made = cls(state["limit"])
        made.limit_ = state["limit_"]
        return made

class Half(BaseEstimator):
    def fit(self, customers, y=None): return self
    def predict(self, customers): return customers["spend"]
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_strategies.py").write_text(OWN)
    (tmp_path / "broken_strategies.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_strategies"
    sys.modules.pop("own_strategies", None)


def test_options_reach_the_class():
    made = make_strategy("quantile_rfm", bins=7, nested=True)
    assert isinstance(made, QuantileRFM)
    assert (made.bins, made.nested) == (7, True)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("quantil_rfm", {}, r"Got 'quantil_rfm'\. Did you mean 'quantile_rfm'\?"),
        ("quantile_rfm", {"bin": 3}, r"Got 'bin'\. Did you mean 'bins'\?"),
        ("threshold_rfm", {"frequncy": [1]}, r"Got 'frequncy'\. Did you mean 'frequency'\?"),
        ("no_such_module:Mine", {}, "must come from a module that Python can import"),
        ("broken_strategies:Mine", {}, "ZeroDivisionError"),
        ("own_strategies:SpendHalf", {}, "Did you mean 'SpendHalves'"),
        ("own_strategies:Half", {}, r"Got none called explain, to_dict, from_dict\. Add them"),
        ("own_strategies:SpendHalves", {"limits": 3}, "Did you mean 'limit'"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(own_module, name, options, message):
    with pytest.raises(ParamsError, match=message):
        make_strategy(name, **options)


def test_a_users_own_class_takes_part(own_module, customers):
    from rfm_ml.segments import SegmentModel

    made = make_strategy("own_strategies:SpendHalves", limit=40)
    model = SegmentModel(made).fit(customers)
    assert set(model.predict(customers)) == {"high", "low"}
    assert model.segments == ["high", "low"]
    assert list(model.assign(customers).columns) == ["customer_id", "segment"]
    assert model.explain(customers)[0] == f"{model.predict(customers)[0]}: spend {customers['spend'][0]} against 40.0."
    assert model.move_up(customers).nunique() == 1
    back = SegmentModel.from_json(model.to_json())
    assert back.predict(customers).tolist() == model.predict(customers).tolist()
    assert back.drift(customers)["measure"].tolist() == ["segment"]
    name = strategy_name(made)
    assert name == "own_strategies:SpendHalves"
    assert strategy_from_dict(name, {"limit": 1, "limit_": 1.0}).limit_ == 1.0
