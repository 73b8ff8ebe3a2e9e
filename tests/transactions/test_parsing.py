"""Dates and amounts in text: every way of writing them, and the ones nobody can read for sure."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.parsing import TextColumn, read_amounts, read_dates
from rfm_ml.transactions.sources import connect

CON = connect(Path()).con


def _read(texts: list[str | None], read: Any) -> list[Any]:
    CON.execute("CREATE OR REPLACE TEMP TABLE t (n INTEGER, x VARCHAR)")
    CON.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(texts)))
    found: TextColumn = read()
    return [v for (v,) in CON.execute(f"SELECT {found.sql} FROM t ORDER BY n").fetchall()]


def _dates(*texts: str | None, formats: list[str] | None = None, zone: str = "Europe/Berlin") -> list[datetime | None]:
    return _read([*texts], lambda: read_dates(CON, "t", "x", formats=formats, time_zone=zone))


def _amounts(*texts: str | None, decimal: str | None = None) -> list[float | None]:
    values: list[Decimal | None] = _read([*texts], lambda: read_amounts(CON, "t", "x", decimal=decimal))
    return [None if v is None else float(v) for v in values]


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05 14:07", "2024-03-05T14:07:00", "2024-03-05 14:07:00.000", "2024-03-05T13:07:00Z",
        "2024-03-05T08:07:00-05:00", "2024-03-05 14:07:00 +0100", "2024-03-05 13:07:00 UTC", "5.3.2024 14:07",
        "05.03.2024 14:07:00", "05.03.24 14:07", "2024/03/05 14:07", "20240305 14:07", "5 Mar 2024 14:07",
        "05-Mar-2024 14:07", "Mar 5, 2024 02:07 PM", "  2024-03-05 14:07  ",
    ],
)  # fmt: skip
def test_one_instant_in_many_writings(text: str) -> None:
    assert _dates(text) == [datetime(2024, 3, 5, 14, 7)]


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2024",
        "2024-13-01",
        "2024-02-30",
        "00.01.2024",
        "today",
        "",
        None,
        "45000",
        "1/2",
        "2024-01-01 10:00 CEST",
    ],
)
def test_what_is_no_date_is_missing(text: str | None) -> None:
    assert _dates(text, "2024-01-01") == [None, datetime(2024, 1, 1)]


def test_one_day_that_fits_only_one_reading_decides() -> None:
    assert _dates("01/02/2024", "13/02/2024") == [datetime(2024, 2, 1), datetime(2024, 2, 13)]
    assert _dates("01/02/2024", "02/13/2024") == [datetime(2024, 1, 2), datetime(2024, 2, 13)]
    assert _dates("01-02-2024 8:26", "1-31-2024 8:26")[0] == datetime(2024, 1, 2, 8, 26)
    assert _dates("04/04/2024") == [datetime(2024, 4, 4)]


def test_day_and_month_that_could_be_swapped() -> None:
    with pytest.raises(DataError, match=r"such as '01/02/2024' can be day/month/year or month/day/year"):
        _dates("01/02/2024", "03/04/2024")
    assert _dates("01/02/2024", formats=["%m/%d/%Y"]) == [datetime(2024, 1, 2)]


def test_formats_are_tried_in_order() -> None:
    given_ones = ["%d.%m.%Y", "iso", "%Y-%m-%d %H:%M %z"]
    read = _dates("5.3.2024", "2024-03-05", "2024-03-05 10:00 +0000", "x", formats=given_ones)
    assert read == [datetime(2024, 3, 5), datetime(2024, 3, 5), datetime(2024, 3, 5, 11), None]


@pytest.mark.parametrize(("text", "unit"), [("1709647620", "unix"), ("1709647620000", "unix_ms")])
def test_epochs(text: str, unit: str) -> None:
    assert _dates(text, "x", "1e300", "nan", formats=[unit]) == [datetime(2024, 3, 5, 15, 7), None, None, None]


@pytest.mark.parametrize("given_one", ["%Q", "dd.mm.yyyy", "'", ""])
def test_formats_that_cannot_be_used(given_one: str) -> None:
    with pytest.raises(ParamsError, match=r"date_format must be"):
        _dates("2024-01-01", formats=[given_one])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.5", 12.5), ("-12.5", -12.5), ("+12.5", 12.5), ("12.5-", -12.5), ("(12.5)", -12.5), (".5", 0.5),
        ("5.", 5.0),
        ("1,234,567.8", 1234567.8), ("1e3", 1000.0), ("€12.5", 12.5), ("12.5 €", 12.5), ("€ -12.5", -12.5),
        ("-€12.5", -12.5), ("(€12.5)", -12.5), ("12.5EUR", 12.5), ("EUR 12.5", 12.5), ("US$12.5", 12.5),
        ("12.50001", 12.5), ("1.5.2", None), ("1,23.5", None), ("--5", None), ("1-2", None), ("nan", None),
        ("NaN", None),
        ("inf", None), ("-Infinity", None), ("1e999", None), ("EUR", None), ("", None), (None, None), ("0x10", None),
        ("12.5 €/h", None), ("five", None), ("()", None), ("-", None), (".", None),
    ],
)  # fmt: skip
def test_amounts_with_a_point(text: str | None, value: float | None) -> None:
    assert _amounts(text, decimal=".") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12,5", 12.5), ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1'234,5", 1234.5), ("1\u2019234,5", 1234.5),
        ("1.234", 1234.0), ("-12,5 €", -12.5), ("(12,5)", -12.5), ("12,5-", -12.5), ("12.5", None), ("1,234,5", None),
        ("1.23,4", None),
    ],
)  # fmt: skip
def test_amounts_with_a_comma(text: str, value: float | None) -> None:
    assert _amounts(text, decimal=",") == [value]


def test_decimal_sign_is_found_or_asked_for() -> None:
    assert _amounts("1,5", "1.234,5", "2") == [1.5, 1234.5, 2.0]
    assert _amounts("1.5", "1,234") == [1.5, 1234.0]
    assert _amounts("7", "8") == [7.0, 8.0]
    assert _amounts(*["1.5"] * 21, "1,5")[-1] is None
    for texts in (["1.234"], ["1,234", "5"], ["1,5", "1.5"]):
        with pytest.raises(DataError, match=r"Amounts must have one decimal sign.*Set decimal"):
            _amounts(*texts)


def test_currencies_do_not_mix() -> None:
    assert _amounts("5 €", "€ 6", "7") == [5.0, 6.0, 7.0]
    with pytest.raises(DataError, match=r"carry \$, €"):
        _amounts("5 €", "$6")


MONEY = st.decimals(min_value=-99999, max_value=99999, places=2)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(MONEY, min_size=1, max_size=6), comma=st.booleans(), grouped=st.booleans())
def test_what_was_written_is_read(values: list[Decimal], comma: bool, grouped: bool) -> None:
    texts = [f"{v:,.2f}" if grouped else f"{v:.2f}" for v in values]
    if comma:
        texts = [t.translate(str.maketrans(",.", ".,")) for t in texts]
    assert _amounts(*texts) == [float(v) for v in values]
