"""The sentences a reader must see before relying on a log."""

from datetime import date

import pandas as pd

from rfm_ml.transactions.quality import quality_warnings


def _waterfall(**steps: tuple[int, float]) -> pd.DataFrame:
    """Give a log of 1,000 rows and 5,000.00 with these changes, named by their first word."""
    names = {
        "gross": "gross", "lines": "unreadable lines", "dates": "date missing or unreadable",
        "duplicates": "exact duplicate lines", "missing": "customer missing", "later": "after the as-of day",
        "alone": "returns without an order",
    }  # fmt: skip
    rows = {"gross": (1000, 5000.0), "later": (0, 0.0)} | steps
    return pd.DataFrame([{"step": names[k], "rows": n, "amount": a} for k, (n, a) in rows.items()])


def _told(waterfall: pd.DataFrame, **changes: object) -> list[str]:
    options = {"last_order_on": date(2024, 6, 30), "as_of": date(2024, 6, 30)} | changes
    return quality_warnings(waterfall, **options)  # type: ignore[arg-type]


def test_nothing_to_say() -> None:
    assert _told(_waterfall()) == []
    assert _told(_waterfall(duplicates=(-10, -50.0))) == []


def test_unreadable_rows_come_first() -> None:
    told = _told(_waterfall(lines=(-1, 0.0), dates=(-2, -3.0), missing=(-11, -1.0)))
    assert told == [
        "3 rows of 1,000 could not be read; "
        "a run lists them in tables/quarantine.csv with the reason and the row of the source.",
        "Customer missing: 11 rows (1.1%) do not count.",
    ]


def test_one_row_with_much_money_is_worth_a_sentence() -> None:
    assert _told(_waterfall(alone=(-1, 60.0))) == ["Returns without an order: 1 row (0.1%) do not count."]


def test_silence_before_the_day() -> None:
    assert _told(_waterfall(), as_of=date(2024, 8, 14)) == []
    (told,) = _told(_waterfall(), as_of=date(2024, 8, 15))
    assert told.startswith("The last order is 46 days before the as-of day (2024-06-30)")


def test_most_rows_after_the_day() -> None:
    assert _told(_waterfall(later=(-500, -1.0))) == []
    assert _told(_waterfall(later=(-501, -1.0))) == ["50% of the rows are after the as-of day and do not count."]


def test_a_log_without_money_has_no_shares_of_it() -> None:
    assert _told(_waterfall(gross=(1000, 0.0), alone=(-1, 60.0))) == []
