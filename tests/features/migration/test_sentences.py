"""Movement in words, where there is little to tell."""

from datetime import date

import pandas as pd
import pytest

from rfm_ml.features.migration.sentences import why_no_days

DAYS = [date(2024, 5, 31), date(2024, 6, 30)]
NAN = float("nan")


@pytest.mark.parametrize(
    ("so_far", "told"), [([0.0, 0.0, 30.0], True), ([0.0, NAN, NAN], True), ([0.0, 30.0], False), ([NAN], False)]
)
def test_days_of_0_are_explained_where_most_segments_have_them(so_far: list[float], told: bool) -> None:
    words = why_no_days(pd.DataFrame({"median_days_so_far": so_far}), DAYS)
    assert words.startswith("Days so far are counted on the 2 days known here alone, from 2024-05-31 on") == told
    assert bool(words) == told


def test_one_day_has_no_days_between() -> None:
    words = why_no_days(pd.DataFrame({"median_days_so_far": [0.0]}), DAYS[1:])
    assert words == "Days so far are counted between the days known here; 2024-06-30 is the only one, so all are 0."
