"""A run, a backfill of the days before it, a run: the second run knows what a backfill first would have told it."""

import json
import shutil
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml import cli
from rfm_ml.reporting.backfill import backfill
from rfm_ml.reporting.run import run_study
from rfm_ml.segments.ledger import STATE, relinked
from rfm_ml.study.archive import Archive
from rfm_ml.study.ledgers import Ledgers, read_ledger
from rfm_ml.study.published import PublishedStudy

HYSTERESIS = "hysteresis: {periods: 2}\n"
LATE = "published before these days were known. From now on they say since when a customer was in their segment."


def filled(shop: Any, start: tuple[int, int] = (1, 1), end: tuple[int, int] = (4, 30), **options: Any) -> list[str]:
    return backfill(shop.params, start=date(2024, *start), end=date(2024, *end), **options).notes


def ledger(shop: Any, day: str, *, out: str = "reports") -> pd.DataFrame:
    return pd.read_parquet(shop.base / out / "shop" / day / "tables" / "ledger_quantiles.parquet")


def as_seen(shop: Any) -> pd.DataFrame:
    """The ledger of the last day as a later run reads it; that of all days followed one by one says the same."""
    ledgers = Ledgers(Archive(shop.base / "reports" / "shop"), before=date.max)
    files = ledgers.files("quantiles").values()
    every = reduce(lambda earlier, rows: relinked(rows, earlier), map(read_ledger, reversed(files)))
    seen = ledgers.latest("quantiles", by=None)
    assert seen is not None
    pd.testing.assert_frame_equal(seen, every)
    return seen


@pytest.mark.parametrize("more", ["", HYSTERESIS])
def test_the_next_run_knows_as_much_as_after_a_backfill_first(busy: Any, more: str) -> None:
    busy.write_params(more=more)
    run_study(busy.params, as_of="2024-05-31")
    published = {f: f.read_bytes() for f in busy.report("2024-05-31").rglob("*") if f.is_file()}
    filled(busy)
    run_study(busy.params)
    assert {f: f.read_bytes() for f in published} == published
    other = busy.base / "other"
    filled(busy, end=(5, 31), model="last", out=other)
    run_study(busy.params, out=other)

    may, june = ledger(busy, "2024-05-31"), ledger(busy, "2024-06-30")
    first = pd.read_parquet(other / "shop" / "ledger" / "2024-05-31" / "quantiles.parquet")
    then = ledger(busy, "2024-06-30", out="other")
    assert set(may["label_periods"]) == {1}
    assert june["label_periods"].max() > 2
    assert june["label_periods"].tolist() == then["label_periods"].tolist()
    same = may.loc[may["segment"].eq(first["segment"]), "customer_id"]
    assert (len(same) == len(may)) == (not more)
    alike = [frame[frame["customer_id"].isin(same)] for frame in (june, then)]
    pd.testing.assert_frame_equal(alike[0][STATE], alike[1][STATE])
    if not more:
        pd.testing.assert_frame_equal(june, then)


def test_who_asks_about_the_run_s_day_is_told_since_when(busy: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run_study(busy.params, as_of="2024-05-31")
    filled(busy)
    rows = PublishedStudy(busy.params, as_of="2024-05-31").ledger()
    assert rows["segment"].tolist() == ledger(busy, "2024-05-31")["segment"].tolist()
    row = rows[rows["since"] < "2024-05-31"].iloc[0]
    days = Ledgers(Archive(busy.base / "reports" / "shop"), before=date.max).files("quantiles")
    past = {d: read_ledger(f).set_index("customer_id")["segment"].get(row["customer_id"]) for d, f in days.items()}
    stayed = [d for d in past if d >= row["since"].date()]
    assert {past[d] for d in stayed} == {row["segment"]} != {past[list(days)[len(stayed)]]}
    with pytest.raises(SystemExit):
        cli.main(["customer", str(busy.params), row["customer_id"], "--as-of", "2024-05-31"])
    told = capsys.readouterr().out.split("What else is known")[0]
    assert f"(there since {row['since']:%Y-%m-%d}" in " ".join(told.split())


def test_the_backfill_says_which_runs_did_not_know(busy: Any) -> None:
    run_study(busy.params, as_of="2024-05-31")
    assert [n for n in filled(busy, (3, 1)) if LATE in n] == [f"2024-05-31 was {LATE} The segments stay as published."]
    run_study(busy.params)
    assert any(n.startswith(f"2024-05-31 was {LATE}") for n in filled(busy, (3, 1)))
    assert any(n.startswith(f"2024-05-31 and 1 later day were {LATE}") for n in filled(busy, end=(2, 29)))
    as_seen(busy)
    run_study(busy.params, as_of="2024-05-31")
    assert any(n.startswith(f"2024-06-30 was {LATE}") for n in filled(busy, end=(2, 29)))
    run_study(busy.params)
    assert not any(LATE in n for n in filled(busy, end=(2, 29)))


def test_a_backfill_follows_runs_between_its_days(busy: Any) -> None:
    run_study(busy.params, as_of="2024-03-15")
    run_study(busy.params, as_of="2024-04-30")
    filled(busy, end=(5, 31))
    seen = as_seen(busy)
    pd.testing.assert_frame_equal(
        seen, pd.read_parquet(busy.base / "reports" / "shop" / "ledger" / "2024-05-31" / "quantiles.parquet")
    )
    assert pd.Timestamp("2024-03-15") in set(seen["since"])
    # Days that are replaced are not followed.
    filled(busy, end=(5, 31), every="week")
    filled(busy, end=(5, 31))
    pd.testing.assert_frame_equal(as_seen(busy), seen)


def test_days_written_anew_are_taken_as_they_are_now(busy: Any) -> None:
    filled(busy, end=(5, 31))
    run_study(busy.params)
    before = as_seen(busy)
    pd.testing.assert_frame_equal(before, ledger(busy, "2024-06-30"))
    filled(busy, end=(5, 31), model="first")
    assert not as_seen(busy)["since"].equals(before["since"])


def test_days_that_are_gone_are_not_forgotten(busy: Any) -> None:
    filled(busy, end=(5, 31))
    run_study(busy.params)
    shutil.rmtree(busy.base / "reports" / "shop" / "ledger")
    seen = Ledgers(Archive(busy.base / "reports" / "shop"), before=date.max).latest("quantiles", by=None)
    pd.testing.assert_frame_equal(seen, ledger(busy, "2024-06-30"))
    assert seen["since"].min() < pd.Timestamp("2024-05-31")


def test_reports_that_do_not_say_what_they_knew_are_followed_from_the_first(busy: Any) -> None:
    filled(busy)
    run_study(busy.params, as_of="2024-05-31")
    run_study(busy.params)
    marked = as_seen(busy)
    for file in Path(busy.base / "reports" / "shop").rglob("*.json"):
        if file.name in ("run.json", "manifest.json"):
            written = json.loads(file.read_text())
            del written["strategies"]["quantiles"]["follows"]
            file.write_text(json.dumps(written))
    pd.testing.assert_frame_equal(as_seen(busy), marked)
