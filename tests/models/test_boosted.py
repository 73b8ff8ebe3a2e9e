"""The boosted model: better than guessing on real data, and blind to the future by construction."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.customers.holdout import leaking_columns, split_holdout
from rfm_ml.models import FitWarning
from rfm_ml.models.boosted import Boosted
from rfm_ml.models.two_part import CONSTANT, HARDLY_KNOWN, UNKNOWN, TwoPart

AS_OF = "1997-12-31"


@pytest.fixture(scope="module")
def fitted(cdnow_orders) -> Boosted:
    return Boosted(horizon_days=90, max_iter=60).fit(cdnow_orders, as_of=AS_OF)


def tampered(orders: pd.DataFrame, day: str) -> pd.DataFrame:
    """The log with a wildly different future: everybody buys for a fortune."""
    later = orders["ordered_on"] > day
    fortune = orders.assign(amount=orders["amount"].where(~later, 9_999.0))
    extra = orders.drop_duplicates("customer_id").assign(ordered_on=pd.Timestamp("1998-03-01"), amount=5_000.0)
    return pd.concat([fortune, extra], ignore_index=True)


def test_it_learns_from_the_days_before_the_as_of_day(fitted):
    assert [d.isoformat() for d in fitted.origins_] == ["1997-10-02"]
    assert "recency_days" in fitted.features_
    assert not {"age_days", "active_days", "repeat_orders", "customer_id"} & set(fitted.features_)


def test_the_future_changes_neither_learning_nor_prediction(fitted, cdnow_orders):
    """Planted leak: the outcome itself, in rows after the as-of day. Nothing may move."""
    planted = tampered(cdnow_orders, AS_OF)
    again = Boosted(horizon_days=90, max_iter=60).fit(planted, as_of=AS_OF)
    expected = fitted.predict(cdnow_orders, as_of=AS_OF)
    pd.testing.assert_frame_equal(again.predict(planted, as_of=AS_OF), expected)


def test_the_outcome_changes_learning_but_no_feature(cdnow_orders):
    """Tampering between origin and as-of day is tampering with the outcome: it must be learned, not seen."""
    model = Boosted(horizon_days=90, max_iter=20)
    planted = tampered(cdnow_orders, "1997-10-02")
    plain, other = (model.build(log, "1997-10-02") for log in (cdnow_orders, planted))
    pd.testing.assert_frame_equal(plain, other)
    assert leaking_columns(lambda log, day: model.build(log, day), planted, as_of="1997-10-02") == []


def test_a_leaking_feature_is_found(cdnow_orders):
    model = Boosted()

    def with_leak(log, day):
        frame = model.build(log, day)
        whole = log if isinstance(log, pd.DataFrame) else log.to_pyarrow().to_pandas()
        last = whole.groupby("customer_id")["ordered_on"].max()
        days = (pd.Timestamp(day) - pd.to_datetime(frame["customer_id"].map(last))).dt.days
        return frame.assign(days_since_last_visit=days)

    assert leaking_columns(with_leak, cdnow_orders, as_of="1997-10-02") == ["days_since_last_visit"]


def test_it_ranks_customers_and_hits_the_total_on_the_holdout(fitted, cdnow_orders):
    later = split_holdout(cdnow_orders, as_of=AS_OF, until="1998-03-31", with_features=False)
    got = fitted.predict(cdnow_orders, as_of=AS_OF)
    assert got["customer_id"].tolist() == later["customer_id"].tolist()
    top = got["expected_spend"].rank(ascending=False) <= len(got) / 5
    share = later.loc[top, "actual_spend"].sum() / later["actual_spend"].sum()
    assert share > 0.5
    bought = later["actual_orders"] > 0
    brier = ((got["p_order"] - bought) ** 2).mean()
    assert brier < bought.mean() * (1 - bought.mean()) * 0.95
    assert got["expected_spend"].sum() == pytest.approx(later["actual_spend"].sum(), rel=0.35)
    np.testing.assert_allclose(got["expected_spend"], got["p_order"] * got["expected_spend_if_ordering"])
    assert (got["expected_spend"] > 0).all()


def test_more_origins_give_more_to_learn_from(cdnow_orders):
    model = Boosted(horizon_days=60, origins=3, max_iter=10).fit(cdnow_orders, as_of=AS_OF)
    assert [d.isoformat() for d in model.origins_] == ["1997-11-01", "1997-09-02", "1997-07-04"]


def test_what_cannot_work_is_refused(cdnow_orders):
    with pytest.raises(NotFittedError, match=r"Call fit\(orders\)"):
        Boosted().predict(cdnow_orders)
    with pytest.raises(ParamsError, match="origins must be between 1 and 24"):
        Boosted(origins=0).fit(cdnow_orders)
    with pytest.raises(DataError, match="a log that begins on 1997-01-01"):
        Boosted(horizon_days=400).fit(cdnow_orders, as_of=AS_OF)
    few = cdnow_orders[cdnow_orders["customer_id"] < 40]
    with pytest.raises(DataError, match="At least 20 customers must have ordered in the 90 days before 1997-12-31"):
        Boosted().fit(few, as_of=AS_OF)


# --- features without a value ---------------------------------------------------------------------------------
def spenders(customers: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers of whom every second spends, the more the higher their number."""
    number = np.arange(customers, dtype=np.float64)
    return pd.DataFrame({"number": number}), np.where(number % 2 == 0, 1 + number, 0.0)


def test_a_feature_that_nobody_has_costs_nothing_but_itself():
    features, spend = spenders(400)
    plain = TwoPart(max_iter=10).fit(features, spend)
    more = features.assign(nobody=np.nan, same=1.0)
    with pytest.warns(FitWarning, match=r"^Nothing is learned from nobody: known of nobody, or of too few"):
        fitted = TwoPart(max_iter=10).fit(more, spend)
    assert fitted.left_out_ == {"nobody": UNKNOWN, "same": CONSTANT}
    assert plain.left_out_ == {}
    np.testing.assert_array_equal(fitted.predict(more), plain.predict(features))
    # What is known of somebody later was not learned from, so it changes nothing.
    np.testing.assert_array_equal(fitted.predict(more.assign(nobody=5.0)), plain.predict(features))


def test_a_feature_that_nobody_has_who_paid_is_learned_from_by_the_other_part():
    features, spend = spenders(400)
    idle = features.assign(idle=np.where(spend > 0, np.nan, 1.0))
    fitted = TwoPart(max_iter=10).fit(idle, spend)
    assert (fitted.buys_from_, fitted.spends_from_) == (["number", "idle"], ["number"])
    assert fitted.left_out_ == {}
    assert np.isfinite(fitted.predict(idle)).all()


def test_of_many_customers_a_feature_must_be_known_of_more_than_a_few():
    """Of more than 10,000 a tenth is held back: all who have a value may be among them."""
    features, spend = spenders(10_500)
    rare = {f"rare_{i}": np.where(features["number"] == 100 * i, 1.0, np.nan) for i in range(60)}
    with pytest.warns(FitWarning, match=r"from rare_0, rare_1,"):
        fitted = TwoPart(max_iter=2).fit(features.assign(**rare), spend)
    assert set(fitted.left_out_.values()) == {HARDLY_KNOWN}
    assert fitted.buys_from_ == ["number"]


def test_features_that_tell_nobody_apart_are_refused():
    _, spend = spenders(100)
    nothing = pd.DataFrame({"same": np.ones(100), "nobody": np.full(100, np.nan)})
    with pytest.raises(DataError, match="At least one feature must tell customers apart"):
        TwoPart().fit(nothing, spend)


def test_a_young_shop_has_no_rhythm_yet():
    """Nobody ordered three times before the day of learning, so nobody has a spread of gaps."""
    rng = np.random.default_rng(2)
    days = pd.date_range("2024-01-01", "2024-12-31")
    first = [(c, days[c % 150], 10.0 + c % 9) for c in range(300)]
    again = [(c, days[d], 12.0) for c in range(0, 300, 3) for d in rng.integers(200, 366, 4)]
    log = pd.DataFrame(first + again, columns=["customer_id", "ordered_on", "amount"])
    with pytest.warns(FitWarning, match="gap_cv"):
        fitted = Boosted(horizon_days=170, max_iter=5).fit(log)
    assert fitted.left_out_["gap_cv"] == UNKNOWN
    assert np.isfinite(fitted.predict(log)["expected_spend"]).all()
