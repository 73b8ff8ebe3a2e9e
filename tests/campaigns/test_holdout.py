"""Hold-outs: the formula to the letter, independence of salts, the comparison of both groups."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.campaigns.holdout import draws, held_out, holdout_balance, salt_id
from rfm_ml.core.errors import ParamsError


@given(st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers())), st.text("ab:/ü"))
def test_draws_are_the_formula_on_each_id(ids: list, salt: str) -> None:
    by_hand = [int(hashlib.sha256(f"{salt}:{i}".encode()).hexdigest()[:16], 16) / 2**64 for i in ids]
    assert draws(ids, salt=salt).tolist() == by_hand
    for share in (0.0, 0.05, 0.5, 1.0):
        assert held_out(ids, salt=salt, share=share).tolist() == [x < share for x in by_hand]


def test_numpy_ids_are_drawn_as_their_text() -> None:
    assert draws(pd.Series([1, 2]), salt="s").tolist() == draws(["1", "2"], salt="s").tolist()


def test_share_holds_and_salts_are_independent() -> None:
    ids = [f"C{i}" for i in range(50_000)]
    one, other = (held_out(ids, salt=s, share=0.2) for s in ("one", "other"))
    assert one.mean() == pytest.approx(0.2, abs=0.008)  # 4.5 standard errors
    assert (one & other).mean() == pytest.approx(0.04, abs=0.004)
    assert abs(np.corrcoef(draws(ids, salt="one"), draws(ids, salt="other"))[0, 1]) < 0.02
    assert salt_id("one") != salt_id("other")


def test_share_out_of_range_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"share must be between 0 and 1\. Got 1\.5"):
        held_out(["a"], salt="s", share=1.5)


def test_balance_per_segment_by_hand() -> None:
    groups = pd.DataFrame({
        "group": ["treatment", "treatment", "control", "control", "treatment"],
        "segment": ["Loyal"] * 4 + ["Lost"],
        "past_spend": [10.0, 20.0, 20.0, 40.0, 5.0],
    })  # fmt: skip
    table = holdout_balance(groups).set_index("segment")
    assert list(table.index) == ["Lost", "Loyal", "All"]
    loyal = table.loc["Loyal"]
    assert loyal[["treated", "control", "control_share"]].tolist() == [2, 2, 0.5]
    # Variances 50 and 200: the pooled deviation is the root of 125.
    assert loyal["difference"] == pytest.approx((30 - 15) / np.sqrt(125))
    assert table.loc["Lost", ["treated", "control"]].tolist() == [1, 0]
    assert np.isnan(table.loc["Lost", "control_spend"])
    assert np.isnan(table.loc["Lost", "difference"])


def test_balance_of_nobody() -> None:
    empty = holdout_balance(pd.DataFrame({"group": [], "segment": [], "past_spend": []}))
    assert empty["segment"].tolist() == ["All"]
    assert empty["treated"].tolist() == [0]
