"""`rfm-ml backfill` as typed: what it prints, and every wrong input."""

from typing import Any

import pytest

from rfm_ml.cli import main


def typed(shop: Any, *words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["backfill", str(shop.params), *words])
    return int(end.value.code or 0)


def test_writes_and_says_what(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code = typed(shop, "--from", "2024-03-01", "--to", "2024-05-31", "--out", str(shop.base / "else"))
    told = capsys.readouterr().out
    assert code == 0
    assert "3 days written, 2024-03-31 to 2024-05-31." in told
    assert "Note: quantiles: one model for all days, fitted on 2024-05-31" in told
    assert (shop.base / "else" / "shop" / "ledger" / "2024-05-31" / "quantiles.parquet").exists()


def test_weeks_end_on_the_last_day(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(shop, "--from", "2024-05-10", "--to", "2024-05-31", "--every", "week") == 0
    assert "4 days written, 2024-05-10 to 2024-05-31." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ["--from", "2024-02-30", "--to", "2024-05-31"],
            2,
            "--from must be a day such as 2025-06-30. Got '2024-02-30'.",
        ),
        (["--from", "2024-02-28", "--to", "May"], 2, "--to must be a day"),
        (["--from", "2024-05-31", "--to", "2024-01-01"], 2, "The first day must not be after the last."),
        (["--from", "2024-05-01", "--to", "2024-05-02"], 2, "None does. Take every week, or other days."),
        (["--from", "2024-01-01", "--to", "2024-05-02", "--every", "blue moon"], 2, "every must be month, week, or"),
        (["--from", "2024-01-01", "--to", "2024-05-02", "--every", "0 days"], 2, "every must be month, week, or"),
        (["--from", "2014-01-01", "--to", "2024-05-02", "--every", "1 day"], 2, "At most 1,000 days"),
        (["--from", "2020-01-01", "--to", "2020-05-31"], 3, "the first order is of 2023-11-15."),
        (["--from", "2024-01-01"], 2, "Missing option '--to'"),
    ],
)
def test_bad_input(shop: Any, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str) -> None:
    assert typed(shop, *words) == code
    assert told in capsys.readouterr().err
    assert not list(shop.base.glob("reports/*/ledger"))


def test_a_damaged_ledger_is_named(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    typed(shop, "--from", "2024-03-01", "--to", "2024-04-30")
    file = shop.base / "reports" / "shop" / "ledger" / "2024-04-30" / "quantiles.parquet"
    file.write_bytes(b"nothing")
    assert typed(shop, "--from", "2024-05-01", "--to", "2024-05-31") == 3
    assert "The ledger must be a file that can be read." in capsys.readouterr().err


def test_hysteresis_in_the_params_is_checked(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more="hysteresis: {period: 2}\n")
    assert typed(shop, "--from", "2024-03-01", "--to", "2024-04-30") == 2
    assert "Did you mean 'periods'?" in capsys.readouterr().err
    shop.write_params(more="hysteresis: {margin: 1.5}\n")
    assert typed(shop, "--from", "2024-03-01", "--to", "2024-04-30") == 2
    assert "hysteresis.margin must be at most 0.99. Got 1.5." in capsys.readouterr().err


def test_the_strategy_and_the_day_that_are_too_short_are_named(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.params.write_text(
        shop.params.read_text().replace(
            "{use: quantile_rfm, map: twelve}", "{use: rule_tree, options: {max_leaves: 4}}"
        )
    )
    days = ("--from", "2023-11-01", "--to", "2024-06-30", "--model", "first")
    assert typed(shop, *days) == 3
    told = capsys.readouterr().err
    assert "rfm-ml: quantiles must learn from the customers of 2023-11-30. " in told
    assert "With --model last it is fitted on the last day." in told
    assert not list(shop.base.glob("reports/*/ledger"))


def test_days_after_the_data_teach_nothing(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(shop, "--from", "2024-05-31", "--to", "2024-10-31") == 0
    told = capsys.readouterr().out
    assert "one model for all days, fitted on 2024-06-30, the last day of the backfill with data." in told
    assert "The data end on 2024-06-30. On the days from 2024-08-31 on nobody has ordered since" in told
    assert typed(shop, "--from", "2024-05-31", "--to", "2024-05-31") == 0
    assert "1 day written, 2024-05-31." in capsys.readouterr().out
