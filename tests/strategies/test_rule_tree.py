"""Rules learned from what customers did next: found where they were planted, round, true when they advise."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.strategies import RuleTree

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, np.ndarray]:
    """Who ordered at most 43 days ago spends 100 next if he has 5 orders or more, else 20; the others spend nothing."""
    n = 600
    frame = pd.DataFrame(
        {
            "customer_id": range(n),
            "recency_days": RNG.choice([*range(1, 44), *range(58, 300)], n),
            "orders": RNG.integers(1, 10, n),
            "spend": RNG.lognormal(4, 1, n).round(2),
        }
    )
    recent = frame["recency_days"] <= 43
    return frame, np.where(recent, np.where(frame["orders"] >= 5, 100.0, 20.0), 0.0)


@pytest.fixture(scope="module")
def fitted(planted) -> RuleTree:
    return RuleTree().fit(*planted)


def test_planted_rules_are_found_and_their_limits_are_round(fitted, planted):
    frame, y = planted
    top, middle, none = fitted.labels
    assert top == "last order at most 50 days ago and 5 or more orders"
    assert middle == "last order at most 50 days ago and at most 4 orders"
    assert none == "last order more than 50 days ago"
    assert fitted.means_.tolist() == [100, 20, 0]
    assert fitted.counts_.tolist() == [(y == v).sum() for v in (100, 20, 0)]
    assert (fitted.predict(frame) == np.select([y == 100, y == 20], [top, middle], none)).all()


def test_summary_is_the_table_of_rules(fitted):
    table = fitted.summary()
    assert table.columns.tolist() == ["rule", "customers", "share", "mean_actual_spend"]
    assert table["rule"].tolist() == fitted.labels
    assert table["customers"].sum() == 600
    assert table["share"].sum() == pytest.approx(1)


def test_reasons_name_what_decided(fitted):
    rows = pd.DataFrame({"recency_days": [50, 51, np.nan], "orders": [1, 9, 0], "spend": [3.0, 4.0, 0.0]})
    assert fitted.explain(rows).tolist() == [
        "Last order 50 days ago, 1 order; such customers spent 20.00 on average in 91 days.",
        "Last order 51 days ago; such customers spent 0.00 on average in 91 days.",
        "No order yet.",
    ]
    assert fitted.details(rows)["expected_spend"].tolist()[:2] == [20, 0]
    assert fitted.details(rows)["expected_spend"].isna().tolist() == [False, False, True]


def test_advice_by_hand_is_true(fitted):
    rows = pd.DataFrame({"recency_days": [9, 9, 90, 90, np.nan], "orders": [6, 3, 4, 1, 0], "spend": [1.0] * 4 + [0.0]})
    top, middle, _ = fitted.labels
    assert fitted.move_up(rows).tolist() == [
        "Already in the top segment.",
        f"2 more orders now, of their usual value, would lead to: {top}.",
        f"1 more order now, of his usual value, would lead to: {top}.",
        f"1 more order now, of his usual value, would lead to: {middle}.",
        "A first order.",
    ]


def test_where_no_order_helps_it_says_so():
    frame = pd.DataFrame({"recency_days": [5] * 100, "orders": [1] * 100, "spend": np.arange(100.0)})
    y = np.where(frame["spend"] < 50, 100.0, 0.0)  # the cheap ones come back
    told = RuleTree().fit(frame, y).move_up(frame.iloc[[99]])
    assert told.tolist() == ["Up to 5 usual orders now would not lead higher."]


def test_limits_on_size_are_kept(customers):
    few = RuleTree(3).fit(customers)
    assert len(few.labels) == 3
    large = RuleTree(50, min_share=0.2).fit(customers)
    assert 2 <= len(large.labels) <= 5
    assert (large.counts_ >= 80).all()


def test_y_goes_before_the_column(customers):
    y = customers["orders"].to_numpy(dtype=float)
    by_y = RuleTree().fit(customers, y)
    by_column = RuleTree(target="orders_next").fit(customers.assign(orders_next=y))
    assert by_y.rules_ == by_column.rules_
    assert by_y.rules_ != RuleTree().fit(customers).rules_
    assert "had orders_next" in by_column.explain(customers)[0]
    assert by_column.details(customers).columns.tolist() == ["expected_orders_next"]
    counted = RuleTree(target="actual_orders").fit(customers.assign(actual_orders=y))
    assert "orders on average in 91 days" in counted.explain(customers)[0]


def test_missing_features_have_a_rule_of_their_own_or_the_last():
    frame = pd.DataFrame({"recency_days": [5] * 90, "gap_mean_days": [np.nan] * 30 + [10.0] * 30 + [99.0] * 30})
    tree = RuleTree(features=["gap_mean_days"]).fit(frame, np.repeat([5.0, 90.0, 20.0], 30))
    assert tree.labels == [
        "gap_mean_days above 0 up to 50",
        "gap_mean_days above 50",
        "gap_mean_days at most 0 or missing",
    ]
    assert tree.predict(frame).tolist() == np.repeat(np.array(tree.labels)[[2, 0, 1]], 30).tolist()
    # Nobody had a missing number of orders at the fit: who has now meets no rule and gets the last.
    known = pd.DataFrame({"recency_days": [5] * 60, "orders": [1, 9] * 30})
    usual = RuleTree(features=["orders"]).fit(known, np.tile([1.0, 9.0], 30))
    assert usual.predict(pd.DataFrame({"recency_days": [5], "orders": [np.nan]})).tolist() == usual.labels[-1:]
    assert usual.explain(pd.DataFrame({"recency_days": [5], "orders": [np.nan]}))[0].startswith("Orders missing;")


def test_nothing_to_learn_gives_one_rule_and_says_so(customers):
    with pytest.warns(UserWarning, match="No rule tells the 400 fitted customers apart"):
        tree = RuleTree().fit(customers, np.zeros(400))
    assert set(tree.predict(customers)) == {"every customer"}
    assert tree.explain(customers)[0] == "Such customers spent 0.00 on average in 91 days."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_leaves": 1}, "max_leaves must be between 2 and 50"),
        ({"min_share": 0.7}, "min_share must be between 0 and 0.5"),
        ({"horizon_days": 0}, "horizon_days must be between 1 and"),
        ({"features": []}, r"features must be a list of different columns\. Got \[\]"),
        ({"features": "spend"}, "features must be a list"),
        ({"features": ["spend", "spend"]}, "different columns"),
        ({"target": "spend"}, "target must not be one of the features"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(customers, options, message):
    with pytest.raises(ParamsError, match=message):
        RuleTree(**options).fit(customers)


def test_without_an_outcome_it_says_what_it_needs(customers):
    with pytest.raises(DataError, match=r"must see what customers did next: y, or the column 'actual_spend'"):
        RuleTree().fit(customers.drop(columns="actual_spend"))
    with pytest.raises(DataError, match=r"y must be one number per customer \(400\)\. Got shape \(3,\)"):
        RuleTree().fit(customers, [1, 2, 3])
    with pytest.raises(DataError, match=r"The outcome must be a number for each customer\. Got 1 not"):
        RuleTree().fit(customers, np.r_[np.nan, np.zeros(399)])
    with pytest.raises(NotFittedError):
        RuleTree().labels  # noqa: B018


def test_the_segment_model_hands_the_outcome_on(planted):
    frame, y = planted
    fresh = SegmentModel(RuleTree())
    model = fresh.fit(frame, y, fitted_on="2026-01-31")
    assert model.segments == RuleTree().fit(frame, y).labels
    assert sum(model.shares_.values()) == 600
    today = frame.iloc[:100]
    later = SegmentModel(RuleTree()).fit(today, learn_from=frame.assign(actual_spend=y))
    assert later.strategy_.rules_ == model.strategy_.rules_
    assert later.customers_ == 100  # shares are of today's customers, learned from others
    assert "expected_spend" in model.assign(frame)
    with pytest.raises(ParamsError, match="Leave the map out"):
        SegmentModel(RuleTree(), load_map("twelve")).fit(frame, y)
