"""Bad input as a new user meets it: through the command line, in a folder of his own, case by case.

Every case ends in a sentence that says what must hold, what we got and what to do, with the right exit code,
or in rows counted in the waterfall and the quarantine; never in a traceback, never in a wrong number.
"""

import csv
import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from rfm_ml.cli import main
from rfm_ml.study import Study

HEADER = "customer_id,order_id,ordered_at,amount\n"
PLAIN = HEADER + "C1,A1,2024-01-05,10.00\nC1,A2,2024-03-05,20.00\nC2,A3,2024-02-10,5.50\nC3,A4,2024-02-20,7.25\n"
PLAIN_GROSS = (4, 4, 3, 42.75)
INTERNALS = ("Traceback", "duckdb", "DuckDB", "pydantic", "pandas", "Binder", "Conversion Error", "Catalog", "pyarrow")

Data = str | bytes | pd.DataFrame | Callable[[Path], Any]


@dataclass(frozen=True)
class Checked:
    """What `rfm-ml check` ended with."""

    code: int
    out: str
    err: str
    params: Path

    @property
    def study(self) -> Study:
        return Study(self.params)

    @property
    def waterfall(self) -> dict[str, tuple[int, int, int, float]]:
        frame = self.study.waterfall
        return {r.step: (r.rows, r.orders, r.customers, r.amount) for r in frame.itertuples()}

    @property
    def customers(self) -> dict[Any, tuple[int, float]]:
        return {r.customer_id: (r.orders, r.spend) for r in self.study.customers.itertuples()}

    @property
    def quarantine(self) -> list[tuple[int, str]]:
        with self.study.log.quarantine.open() as stream:
            return [(int(r["source_row"]), r["reason"]) for r in csv.DictReader(stream)]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Checked]:
    def run(data: Data | None = PLAIN, *, name: str = "orders.csv", text: str | None = None, **changes: Any) -> Checked:
        file = tmp_path / "data" / name
        file.parent.mkdir(exist_ok=True)
        _write(data, file)
        content = {
            "study": "shop",
            "as_of": "2024-12-31",
            "orders": {"path": f"data/{name}"},
            "strategies": {"quantiles": {"use": "quantile_rfm", "map": "twelve"}},
            "notebooks": ["10_data_quality"],
        }
        content["orders"] |= changes.pop("orders", {})
        content = {k: v for k, v in (content | changes).items() if v is not None}
        params = tmp_path / "params" / "shop.yml"
        params.parent.mkdir(exist_ok=True)
        params.write_text(yaml.safe_dump(content, sort_keys=False) if text is None else text)
        return Checked(*_main(["check", str(params)], capsys), params)

    return run


def _write(data: Data | None, file: Path) -> None:
    if data is None:
        return
    if callable(data):
        data(file)
    elif isinstance(data, pd.DataFrame):
        data.to_parquet(file, index=False) if file.suffix == ".parquet" else data.to_excel(file, index=False)
    else:
        file.write_bytes(data if isinstance(data, bytes) else data.encode())


def _main(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as leaving:
        main(argv)
    told = capsys.readouterr()
    for word in INTERNALS:
        assert word not in told.err, told.err
        assert word not in told.out, told.out
    return int(leaving.value.code or 0), told.out, told.err


def _frame(**columns: Any) -> pd.DataFrame:
    plain = {
        "customer_id": ["C1", "C1", "C2", "C3"],
        "order_id": ["A1", "A2", "A3", "A4"],
        "ordered_at": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-10", "2024-02-20"]),
        "amount": [10.0, 20.0, 5.5, 7.25],
    }
    return pd.DataFrame(plain | columns)


def _log(amounts: list[str], **columns: list[str]) -> str:
    """Give a log of one order per amount, an own customer each, in February 2024."""
    n = len(amounts)
    table = {
        "customer_id": [f"C{i}" for i in range(n)],
        "order_id": [f"A{i}" for i in range(n)],
        "ordered_at": [f"2024-02-{i % 28 + 1:02}" for i in range(n)],
        "amount": [f'"{a}"' for a in amounts],
    } | columns
    return "".join(",".join(cells) + "\n" for cells in (list(table), *zip(*table.values(), strict=True)))


def _folder(file: Path) -> None:
    file.mkdir()


def _truncated(file: Path) -> None:
    lines = "".join(f"C{i},A{i},2024-01-05,{i % 97}.00\n" for i in range(5000))
    whole = gzip.compress((HEADER + lines).encode())
    file.write_bytes(whole[: len(whole) // 2])


def _dates(*days: str) -> str:
    return HEADER + "".join(f"C{i},A{i},{day},10.00\n" for i, day in enumerate(days))


# One entry per case: what the data are, what the params say of them, the exit code, what the sentence must contain.
REFUSED: dict[str, tuple[Data | None, dict[str, Any], int, tuple[str, ...]]] = {
    "empty file": ("", {}, 3, ("must begin with a line of column names", "'orders.csv' is empty", "Export it again")),
    "header only": (HEADER, {}, 3, ("must have at least one row", "nothing else", "Check the export")),
    "blank first line": ("\n" + PLAIN, {}, 3, ("begins with a blank line",)),
    "wrong separator given": (
        PLAIN,
        {"orders": {"separator": ";"}},
        3,
        ("must have a column for customer_id", "single column", "is the separator right?"),
    ),
    "missing column": (
        PLAIN.replace("amount", "colour"),
        {},
        3,
        ("must have a column for amount", "Map it in the params: columns: {amount: ...}"),
    ),
    "renamed column": (PLAIN.replace("customer_id", "custmer_id"), {}, 3, ("Did you mean 'custmer_id'?",)),
    "mapped to a column that is not there": (
        PLAIN,
        {"orders": {"columns": {"amount": "amont"}}},
        3,
        ("must have the column 'amont' (for amount)", "Did you mean 'amount'?"),
    ),
    "mapping of an unknown name": (
        PLAIN,
        {"orders": {"columns": {"ammount": "amount"}}},
        2,
        ("columns must map names we know", "'ammount'", "Did you mean 'amount'?"),
    ),
    "one column for two of ours": (
        PLAIN,
        {"orders": {"columns": {"customer_id": "order_id", "order_id": "order_id"}}},
        2,
        ("must map each column once", "customer_id, order_id"),
    ),
    "duplicate column names": (
        PLAIN.replace("order_id", "amount"),
        {},
        3,
        ("'amount' (for amount) is there more than once", "Rename"),
    ),
    "ambiguous dates": (
        _dates("01/02/2024", "03/04/2024", "05/06/2024"),
        {},
        3,
        ("must be readable in one way", "'01/02/2024'", "every one fits both", "date_format", "'%d/%m/%Y'"),
    ),
    "days and months swapped between rows": (
        _dates("13/02/2024", "02/13/2024", "03/04/2024"),
        {},
        3,
        ("some only fit one and some only the other", "date_format"),
    ),
    "date_format without signs": (PLAIN, {"orders": {"date_format": "dd.mm.yyyy"}}, 2, ("'dd.mm.yyyy'", "%d.%m.%Y")),
    "date_format with an unknown sign": (PLAIN, {"orders": {"date_format": "%Q"}}, 2, ("date_format must be", "'%Q'")),
    "date_format that fits no row": (
        PLAIN,
        {"orders": {"date_format": "%d.%m.%Y"}},
        3,
        ("At most 50% of the rows may be unreadable. 4 of 4 are", "2024-01-05", "date_format"),
    ),
    "unreadable majority": (
        HEADER + "C1,A1,2024-01-05,1\nC2,A2,never,1\nC3,A3,soon,1\n",
        {},
        3,
        ("2 of 3 are: date missing or unreadable in 2 rows", "never"),
    ),
    "text amounts": (_log(["free", "gift", "none"]), {}, 3, ("amount missing or unreadable in 3 rows", "free")),
    "point and comma": (_log(["1,50", "2.50"]), {}, 3, ("one decimal sign", "1 with a point and 1 with a comma")),
    "point that may be thousands": (_log(["1.234", "5.678"]), {}, 3, ("only values like 1.234 or 1,234", "decimal")),
    "mixed currency signs": (_log(["€5.00", "$7.00"]), {}, 3, ("in one currency", "$, €", "give rates")),
    "mixed currencies without rates": (
        _log(["5", "7"], currency=["EUR", "USD"]),
        {},
        3,
        ("in one currency unless rates are given", "Found EUR, USD", "rates: {EUR: ...}"),
    ),
    "rate missing for one currency": (
        _log(["5", "7"], currency=["EUR", "USD"]),
        {"orders": {"policies": {"rates": {"EUR": 1}}}},
        3,
        ("no rate for USD",),
    ),
    "rates without a currency column": (
        PLAIN,
        {"orders": {"policies": {"rates": {"USD": 0.9}}}},
        2,
        ("rates must come with a currency column",),
    ),
    "rate of zero": (PLAIN, {"orders": {"policies": {"rates": {"USD": 0}}}}, 2, ("rates.USD must be more than 0",)),
    "all returns": (
        _log(["-5.00", "-7.50"]),
        {},
        3,
        ("At least one order must count", "returns (negative totals): 2", "{returns: keep}"),
    ),
    "all customers missing": (
        HEADER + ",A1,2024-01-05,1\nnan,A2,2024-01-06,1\n",
        {},
        3,
        ("None of the 2 rows makes one", "customer missing: 2 rows", "Check the column mapping"),
    ),
    "all orders zero": (_log(["0", "0.00"]), {}, 3, ("orders that sum to zero: 2",)),
    "as-of before the first order": (PLAIN, {"as_of": "2020-01-01"}, 3, ("on or before as_of", "2024-01-05")),
    "as-of nonsense": (PLAIN, {"as_of": "soon"}, 2, ("as_of must be a day such as 2025-06-30", "'soon'")),
    "as-of impossible": (PLAIN, {"as_of": "2024-02-31"}, 2, ("as_of must be a day", "'2024-02-31'")),
    "time zone nonsense": (PLAIN, {"time_zone": "Mars/Base"}, 2, ("time_zone must be a time zone", "'Mars/Base'")),
    "missing file": (None, {}, 3, ("The data file must exist", "orders.csv", "Check the path")),
    "pattern without files": (PLAIN, {"orders": {"path": "data/2023-*.csv"}}, 3, ("must exist", "2023-*.csv")),
    "a file that is a folder": (_folder, {}, 3, ("is a folder without any", "Name the file itself")),
    "unknown encoding": (PLAIN, {"orders": {"encoding": "latin-99"}}, 2, ("encoding must be one", "'latin-99'")),
    "encoding that does not fit": (
        PLAIN.replace("C1", "Ümit").encode("cp1252"),
        {"orders": {"encoding": "utf-8"}},
        3,
        ("is not utf-8", "Remove encoding"),
    ),
    "several files with different columns": (
        lambda file: (
            file.write_text(PLAIN),
            file.with_name("orders2.csv").write_text(PLAIN.replace("amount", "total")),
        ),
        {"orders": {"path": "data/*.csv"}},
        3,
        ("same columns", "'orders2.csv' differs from 'orders.csv' in: amount, total"),
    ),
    "unknown key": (PLAIN, {"as_off": "2024-01-01"}, 2, ("as_off is not a key we know", "Did you mean 'as_of'?")),
    "unknown key inside": (
        PLAIN,
        {"orders": {"policies": {"return": "net"}}},
        2,
        ("orders.policies.return is not a key we know", "'returns'"),
    ),
    "policy nonsense": (
        PLAIN,
        {"orders": {"policies": {"returns": "ignore"}}},
        2,
        ("orders.policies.returns must be 'net', 'keep' or 'drop'", "'ignore'"),
    ),
    "two places": (PLAIN, {"orders": {"dataset": "cdnow"}}, 2, ("one of dataset, path, database", "dataset, path")),
    "misspelt dataset": (
        PLAIN,
        {"orders": {"dataset": "cdnov", "path": None}},
        2,
        ("dataset must be one we know", "Did you mean 'cdnow'?"),
    ),
    "misspelt strategy": (
        PLAIN,
        {"strategies": {"q": {"use": "quantile_rmf", "map": "twelve"}}},
        2,
        ("'quantile_rmf'", "Did you mean 'quantile_rfm'?"),
    ),
    "misspelt map": (
        PLAIN,
        {"strategies": {"q": {"use": "quantile_rfm", "map": "twelf"}}},
        2,
        ("'twelf'", "Did you mean 'twelve'?"),
    ),
    "no strategy": (PLAIN, {"strategies": {}}, 2, ("strategies must have at least one entry",)),
    "misspelt notebook": (PLAIN, {"notebooks": ["10_data_qualty"]}, 2, ("'10_data_qualty'", "10_data_quality")),
    "undeclared notebook parameter": (
        PLAIN,
        {"notebooks": [{"name": "10_data_quality", "parameters": {"colour": "red"}}]},
        2,
        ("colour", "10_data_quality"),
    ),
    "neither table nor query": (
        PLAIN,
        {"orders": {"path": None, "database": "sqlite://data/shop.db"}},
        2,
        ("a table or a query with a database", "Got 0"),
    ),
    "both table and query": (
        PLAIN,
        {"orders": {"path": None, "database": "sqlite://data/shop.db", "table": "orders", "query": "SELECT 1"}},
        2,
        ("one of the two", "Got 2"),
    ),
    "database missing": (
        PLAIN,
        {"orders": {"path": None, "database": "sqlite://data/shop.db", "table": "orders"}},
        3,
        ("The database must exist", "shop.db", "Check the path"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, check: Callable[..., Checked]) -> None:
    data, changes, code, told = REFUSED[case]
    seen = check(data, **changes)
    assert seen.code == code, seen.err
    assert seen.err.startswith("rfm-ml: ")
    for words in told:
        assert words in seen.err, seen.err


# The same for files of other kinds than CSV.
REFUSED_FILES: dict[str, tuple[Data, str, dict[str, Any], tuple[str, ...]]] = {
    "gzip cut off": (_truncated, "orders.csv.gz", {}, ("must be whole", "'orders.csv.gz'", "Download it again")),
    "gzip that is not": (PLAIN, "orders.csv.gz", {}, ("must be whole", "not gzipped")),
    "gzip cut off, encoding given": (_truncated, "orders.csv.gz", {"encoding": "utf-8"}, ("must be whole",)),
    "unknown ending": (PLAIN, "orders.dat", {}, ("ends in '.dat'", "Set format: csv, parquet or excel")),
    "Parquet that is not": (PLAIN, "orders.parquet", {}, ("must be Parquet", "orders.parquet' is not", ".csv")),
    "Parquet cut off": (
        lambda file: (_frame().to_parquet(file), file.write_bytes(file.read_bytes()[:500])),
        "orders.parquet",
        {},
        ("must be whole",),
    ),
    "Parquet with dates that are numbers": (
        _frame(ordered_at=[1.5, 2.5, 3.5, 4.5]),
        "orders.parquet",
        {},
        ("ordered_at must be dates", "'ordered_at' holds float64", "Check the column mapping"),
    ),
    "Parquet with amounts that are dates": (
        _frame(amount=pd.to_datetime(["2024-01-01"] * 4)),
        "orders.parquet",
        {},
        ("amount must be numbers", "'amount' holds timestamp"),
    ),
    "Excel that is not": (PLAIN, "orders.xlsx", {}, ("must be an Excel workbook", "'orders.xlsx'", "save it as .xlsx")),
    "old Excel": (PLAIN, "orders.xls", {}, ("must be .xlsx", "Save it as .xlsx or CSV")),
    "Excel without the sheet": (_frame(), "orders.xlsx", {"sheet": "Shet1"}, ("no sheet 'Shet1'", "'Sheet1'")),
    "Excel without that many sheets": (_frame(), "orders.xlsx", {"sheet": 3}, ("no sheet 3",)),
    "Excel empty": (pd.DataFrame(), "orders.xlsx", {}, ("'Sheet1' of 'orders.xlsx' is empty",)),
}


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_refused_files(case: str, check: Callable[..., Checked]) -> None:
    data, name, orders, told = REFUSED_FILES[case]
    seen = check(data, name=name, orders=orders)
    assert seen.code == 3, seen.err
    for words in told:
        assert words in seen.err, seen.err


def _broken(content: str) -> str:
    return PLAIN + content


ALL = {"C1": (2, 30.0), "C2": (1, 5.5), "C3": (1, 7.25)}

# Logs whose rows all count, however they are written.
USABLE: dict[str, tuple[Data, str, dict[str, Any], str]] = {
    "separator found": (PLAIN.replace(",", ";"), "orders.csv", {}, ""),
    "tab given by name": (PLAIN.replace(",", "\t"), "orders.tsv", {"separator": "tab"}, ""),
    "byte order mark": (b"\xef\xbb\xbf" + PLAIN.encode(), "orders.csv", {}, ""),
    "UTF-16": (PLAIN.encode("utf-16"), "orders.csv", {}, "orders.csv is not UTF-8: it was read as utf-16."),
    "Windows line ends": (PLAIN.replace("\n", "\r\n"), "orders.csv", {}, ""),
    "mixed line ends": (PLAIN.replace("\n", "\r\n", 2), "orders.csv", {}, ""),
    "no line end at the end": (PLAIN.rstrip(), "orders.csv", {}, ""),
    "quotes everywhere": ('"' + PLAIN.rstrip().replace(",", '","').replace("\n", '"\n"') + '"\n', "orders.csv", {}, ""),
    "spaces around ids": (PLAIN.replace("C1,", " C1 ,"), "orders.csv", {}, ""),
    "dates as 5.1.2024": (
        PLAIN.replace("2024-01-05", "5.1.2024").replace("2024-03-05", "05.03.2024"),
        "orders.csv",
        {},
        "2 dates written as day.month.year.",
    ),
    "dates as 01/05/2024": (
        HEADER + "C1,A1,01/05/2024,10\nC1,A2,03/05/2024,20\nC2,A3,02/10/2024,5.5\nC3,A4,02/20/2024,7.25\n",
        "orders.csv",
        {},
        "4 dates written as month/day/year.",
    ),
    "three formats of dates in one file": (
        HEADER + "C1,A1,2024-01-05,10\nC1,A2,05.03.2024,20\nC2,A3,02/10/2024,5.5\nC3,A4,02/20/2024,7.25\n",
        "orders.csv",
        {},
        "1 date written as day.month.year; 2 dates written as month/day/year.",
    ),
    "ambiguous dates with a format": (
        HEADER + "C1,A1,05/01/2024,10\nC1,A2,05/03/2024,20\nC2,A3,10/02/2024,5.5\nC3,A4,20/02/2024,7.25\n",
        "orders.csv",
        {"date_format": "%d/%m/%Y"},
        "",
    ),
    "decimal commas": (
        PLAIN.replace(",", ";").replace(".", ","),
        "orders.csv",
        {},
        "Amounts were read with a decimal comma.",
    ),
    "currency signs": (PLAIN.replace("10.00", "10.00 €").replace("5.50", "€5.50"), "orders.csv", {}, ""),
    "real dates in Excel": (_frame(), "orders.xlsx", {}, ""),
    "text dates in Excel": (
        _frame(ordered_at=["5.1.2024", "5.3.2024", "10.2.2024", "20.2.2024"]),
        "orders.xlsx",
        {},
        "4 dates written as day.month.year.",
    ),
    "several sheets": (
        lambda file: _workbook(file, Orders=_frame(), Notes=pd.DataFrame({"a": [1]})),
        "orders.xlsx",
        {},
        "orders.xlsx has 2 sheets; the first one, 'Orders', was read.",
    ),
    "second sheet by name": (
        lambda file: _workbook(file, Notes=pd.DataFrame({"a": [1]}), Orders=_frame()),
        "orders.xlsx",
        {"sheet": "Orders"},
        "",
    ),
}  # fmt: skip


def _workbook(file: Path, **sheets: pd.DataFrame) -> None:
    with pd.ExcelWriter(file) as book:
        for name, frame in sheets.items():
            frame.to_excel(book, sheet_name=name, index=False)


@pytest.mark.parametrize("case", USABLE)
def test_usable(case: str, check: Callable[..., Checked]) -> None:
    data, name, orders, note = USABLE[case]
    seen = check(data, name=name, orders=orders)
    assert seen.code == 0, seen.err
    assert seen.waterfall["gross"] == seen.waterfall["net"] == PLAIN_GROSS
    assert seen.customers == ALL
    assert note in seen.out
    days = seen.study.customers["last_order_on"].dt.strftime("%d.%m.%Y").tolist()
    assert days == ["05.03.2024", "10.02.2024", "20.02.2024"]


# Logs with faults on some rows: the changes of the waterfall, the customers left, the rows in quarantine.
Step = tuple[int, int, int, float]
COUNTED: dict[
    str, tuple[Data, dict[str, Any], dict[str, Step], dict[Any, tuple[int, float]], list[tuple[int, str]]]
] = {
    "impossible date": (
        _broken("C4,A5,31.02.2024,9.00\n"),
        {},
        {"date missing or unreadable": (-1, -1, -1, -9.0)},
        ALL,
        [(6, "date missing or unreadable")],
    ),
    "future dates": (
        _broken("C4,A5,2031-01-01,9.00\nC1,A6,2025-01-01,3.00\n"),
        {},
        {"after the as-of day": (-2, -2, -1, -12.0)},
        ALL,
        [],
    ),
    "1900 and 1970": (
        _broken("C4,A5,1900-01-01,9.00\nC1,A6,1970-01-01,3.00\n"),
        {},
        {"date before the earliest credible day": (-2, -2, -1, -12.0)},
        ALL,
        [(6, "date before the earliest credible day"), (7, "date before the earliest credible day")],
    ),
    "a text amount": (
        _broken("C4,A5,2024-04-01,free\n"),
        {},
        {"amount missing or unreadable": (-1, -1, -1, 0.0)},
        ALL,
        [(6, "amount missing or unreadable")],
    ),
    "NaN and infinity in text": (
        _broken("C4,A5,2024-04-01,NaN\nC4,A6,2024-04-01,inf\nC4,A7,2024-04-01,-Infinity\n"),
        {},
        {"amount missing or unreadable": (-3, -3, -1, 0.0)},
        ALL,
        [(6, "amount missing or unreadable"), (7, "amount missing or unreadable"), (8, "amount missing or unreadable")],
    ),
    "overflow": (
        _broken("C4,A5,2024-04-01,1e400\nC4,A6,2024-04-01,99999999999999999999\nC4,A7,2024-04-01,1000000000000\n"),
        {},
        {"amount missing or unreadable": (-3, -3, -1, 0.0)},
        ALL,
        [(6, "amount missing or unreadable"), (7, "amount missing or unreadable"), (8, "amount missing or unreadable")],
    ),
    "a negative total": (
        _broken("C1,A5,2024-06-01,-4.00\nC9,A6,2024-06-01,-1.00\n"),
        {},
        {"returns without an order": (-1, -1, -1, 1.0), "returns are not orders": (0, -1, 0, 0.0)},
        ALL | {"C1": (2, 26.0)},
        [],
    ),
    "returns kept as orders": (
        _broken("C1,A5,2024-06-01,-4.00\n"),
        {"policies": {"returns": "keep"}},
        {},
        ALL | {"C1": (3, 26.0)},
        [],
    ),
    "returns dropped": (
        _broken("C1,A5,2024-06-01,-4.00\n"),
        {"policies": {"returns": "drop"}},
        {"return lines": (-1, -1, 0, 4.0)},
        ALL,
        [],
    ),
    "a zero order": (_broken("C4,A5,2024-04-01,0\n"), {}, {"zero orders": (-1, -1, -1, 0.0)}, ALL, []),
    "duplicate lines": (
        _broken("C1,A1,2024-01-05,10.00\nC1,A1,2024-01-05,10.00\n"),
        {},
        {"exact duplicate lines": (-2, 0, 0, -20.0)},
        ALL,
        [],
    ),
    "duplicate lines kept": (
        _broken("C1,A1,2024-01-05,10.00\n"),
        {"policies": {"duplicates": "keep"}},
        {},
        ALL | {"C1": (2, 40.0)},
        [],
    ),
    "an order of two customers": (
        _broken("C4,A2,2024-03-05,1.00\n"),
        {},
        {"order of several customers": (-2, -1, -1, -21.0)},
        ALL | {"C1": (1, 10.0)},
        [(3, "order of several customers"), (6, "order of several customers")],
    ),
    "missing ids": (
        _broken(",A5,2024-04-01,1.00\nC4,,2024-04-01,2.00\nnull,A6,2024-04-01,4.00\n"),
        {},
        {"order id missing": (-1, 0, -1, -2.0), "customer missing": (-2, -2, 0, -5.0)},
        ALL,
        [(7, "order id missing")],
    ),
    "broken lines": (
        PLAIN.replace("C2,A3", "C8,A8,2024-02-02\nC2,A3", 1) + "C4,A5,2024-04-01,1,50\n\nC4,,2024-04-01,2.00\n",
        {},
        {"unreadable lines": (-2, 0, 0, 0.0), "order id missing": (-1, 0, -1, -2.0)},
        ALL,
        [
            (4, "unreadable line: too few columns (3 of 4)"),
            (7, "unreadable line: too many columns (5 in place of 4)"),
            (9, "order id missing"),
        ],
    ),
    "a quote that is never closed": (
        PLAIN.replace("C1,A2", '"C1,A2'),
        {},
        {"unreadable lines": (-1, 0, 0, 0.0)},
        ALL | {"C1": (1, 10.0)},
        [(3, "unreadable line: a quote is not closed")],
    ),
    "line breaks inside quotes": (
        PLAIN.replace("C1,A1", '"C1","A\n1"') + "C4,A5,2024-04-01,\n",
        {},
        {"amount missing or unreadable": (-1, -1, -1, 0.0)},
        ALL,
        [(7, "amount missing or unreadable")],
    ),
    "unknown kind of order": (
        "customer_id,order_id,ordered_at,amount,order_kind\n"
        "C1,A1,2024-01-05,10,sale\nC1,A2,2024-01-06,3,refund\nC1,A3,2024-01-07,5,gift\n",
        {},
        {"unknown order kind": (-1, -1, 0, -5.0), "returns are not orders": (0, -1, 0, 0.0)},
        {"C1": (1, 7.0)},
        [(4, "unknown order kind")],
    ),
}


@pytest.mark.parametrize("case", COUNTED)
def test_counted(case: str, check: Callable[..., Checked]) -> None:
    data, orders, changes, customers, quarantined = COUNTED[case]
    seen = check(data, orders=orders)
    assert seen.code == 0, seen.err
    waterfall = seen.waterfall
    gross, net = waterfall.pop("gross"), waterfall.pop("net")
    assert {k: v for k, v in waterfall.items() if any(v)} == changes
    assert seen.customers == customers
    assert seen.quarantine == quarantined
    assert net == tuple(g + sum(c[i] for c in changes.values()) for i, g in enumerate(gross))
    assert (net[2], net[3]) == (len(customers), sum(spend for _, spend in customers.values()))
    if quarantined:
        noun = "row" if len(quarantined) == 1 else "rows"
        assert f"Warning: {len(quarantined)} {noun} of {gross[0]} could not be read" in seen.out


def test_amounts_as_people_write_them(check: Callable[..., Checked]) -> None:
    written = [
        "1,234.50",
        "$ 5.00",
        "(2.50)",
        "7 $",
        "-$1.00",
        "3.25-",
        "$(4.00)",
        "($ 6.00)",
        "\u22121.25",
        ".5",
        "1e2",
    ]
    seen = check(_log(written), orders={"policies": {"returns": "keep"}})
    assert seen.code == 0, seen.err
    spent = [seen.customers[f"C{i}"][1] for i in range(len(written))]
    assert spent == [1234.5, 5.0, -2.5, 7.0, -1.0, -3.25, -4.0, -6.0, -1.25, 0.5, 100.0]


def test_decimal_commas_with_thousands(check: Callable[..., Checked]) -> None:
    written = ["1.234,50", "1 234,50", "1'234,50", "1\u00a0234,50", "1\u202f234,50", "12,5 €", "-3,00", "7"]
    seen = check(_log(written), orders={"policies": {"returns": "keep"}})
    assert seen.code == 0, seen.err
    spent = [seen.customers[f"C{i}"][1] for i in range(len(written))]
    assert spent == [1234.5, 1234.5, 1234.5, 1234.5, 1234.5, 12.5, -3.0, 7.0]


def test_nan_and_infinite_amounts_in_parquet(check: Callable[..., Checked]) -> None:
    seen = check(_frame(amount=[10.0, float("nan"), float("inf"), 7.25]), name="orders.parquet")
    assert seen.code == 0, seen.err
    assert seen.waterfall["amount missing or unreadable"] == (-2, -2, -1, 0.0)
    assert seen.customers == {"C1": (1, 10.0), "C3": (1, 7.25)}
    assert [row for row, _ in seen.quarantine] == [2, 3]


def test_currencies_with_rates(check: Callable[..., Checked]) -> None:
    log = _log(["5.00", "10.00", "100.00", "1.00"], currency=["EUR", "usd", "JPY", ""])
    seen = check(log, orders={"policies": {"rates": {"EUR": 1, "USD": 0.9, "jpy": 0.006}}})
    assert seen.code == 0, seen.err
    assert seen.customers == {"C0": (1, 5.0), "C1": (1, 9.0), "C2": (1, 0.6)}
    assert seen.quarantine == [(5, "amount missing or unreadable")]


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (["007", "7", "07", "7 "], {"007": 10.0, "07": 5.5, "7": 27.25}),
        (["17850.0", "17850.0", "13047.0", ""], {"13047": 5.5, "17850": 30.0}),
        (["17850.0", "17850", "A1.0", "B"], {"17850": 20.0, "17850.0": 10.0, "A1.0": 5.5, "B": 7.25}),
        (["Ümit", "Ümit", "ümit", "Łódź"], {"Ümit": 30.0, "ümit": 5.5, "Łódź": 7.25}),
        (["'; DROP TABLE x; --", "{a}", "%s", "\\"], {"%s": 5.5, "'; DROP TABLE x; --": 10.0, "\\": 7.25, "{a}": 20.0}),
    ],
    ids=["leading zeros", "floats from pandas", "mixed, left alone", "letters", "hostile"],
)
def test_ids_in_text(ids: list[str], read: dict[str, float], check: Callable[..., Checked]) -> None:
    seen = check(_frame(customer_id=ids).to_csv(index=False))
    assert seen.code == 0, seen.err
    assert {k: spend for k, (_, spend) in seen.customers.items()} == read


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        ([17850.0, 17850.0, 13047.0, float("nan")], {13047: 5.5, 17850: 30.0}),
        ([1.5, 1.5, 2.0, float("nan")], {"1.5": 30.0, "2.0": 5.5}),
        ([2**63, 2**63, 5, 6], {"5": 5.5, "6": 7.25, "9223372036854775808": 30.0}),
    ],
    ids=["with a gap", "no whole numbers", "too large for 64 bits"],
)
def test_ids_in_parquet(ids: list[Any], read: dict[Any, float], check: Callable[..., Checked]) -> None:
    seen = check(_frame(customer_id=ids), name="orders.parquet")
    assert seen.code == 0, seen.err
    assert {k: spend for k, (_, spend) in seen.customers.items()} == read


@pytest.mark.parametrize(
    ("rows", "customers"),
    [
        ("C1,A1,2024-01-05,10\nC2,A2,2024-02-05,20\nC3,A3,2024-03-05,30\n", 3),
        ("C1,A1,2024-01-05,10\nC1,A2,2024-02-05,20\n", 1),
        ("C1,A1,2024-01-05,10\n", 1),
        ("C1,A1,2024-01-05,10\nC2,A2,2024-01-05,20\nC2,A3,2024-01-05,20\n", 2),
    ],
    ids=["all one-time buyers", "one customer", "one row", "one day"],
)
def test_small_logs_have_segments(rows: str, customers: int, check: Callable[..., Checked]) -> None:
    seen = check(HEADER + rows)
    assert seen.code == 0, seen.err
    segments = seen.study.segments()
    assert len(segments) == customers
    assert segments["segment"].notna().all()
    assert seen.waterfall["net"][2] == customers


def test_latin_1_letters_survive(check: Callable[..., Checked]) -> None:
    seen = check(PLAIN.replace("C1", "Müller €").encode("cp1252"))
    assert seen.code == 0, seen.err
    assert "orders.csv is not UTF-8: it was read as cp1252." in seen.out
    assert seen.customers == {"C2": (1, 5.5), "C3": (1, 7.25), "Müller €": (2, 30.0)}


def test_no_permission(check: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Path.open

    def refusing(self: Path, *args: Any, **options: Any) -> Any:  # root may read everything
        if self.name == "orders.csv":
            raise PermissionError(13, "Permission denied")
        return plain(self, *args, **options)

    def write(file: Path) -> None:
        file.write_text(PLAIN)
        monkeypatch.setattr(Path, "open", refusing)

    seen = check(write)
    assert seen.code == 3
    assert "The data file must be readable" in seen.err
    assert "Permission denied. Check its permissions." in seen.err


def test_map_with_a_hole(tmp_path: Path, check: Callable[..., Checked]) -> None:
    (tmp_path / "mine.yml").write_text(
        "name: mine\nscores: {R: 5, F: 5, M: 5}\nsegments:\n"
        "  - {name: Good, cells: [{R: 3-5}]}\n  - {name: Bad, cells: [{R: 1-2, F: 1-4}]}\n"
    )
    seen = check(strategies={"q": {"use": "quantile_rfm", "map": "mine.yml"}})
    assert seen.code == 2, seen.err
    assert "The map 'mine'" in seen.err
    assert "R 1, F 5, M 1 and 9 more are in none" in seen.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("study: shop\norders: {path: [}\n", ("shop.yml must be YAML", "Line 2 is not")),
        ("study: shop\norders:\n  date_format: %d.%m.%Y\n", ("Line 3 is not", "needs quotes")),
        ("study: shop\n\tas_of: latest\n", ("must be YAML", "Line 2", "spaces")),
        ("study: shop\nas_of: latest\nstudy: mine\n", ("must be given once", "Got 'study' twice", "line 3")),
        ("", ("must be a mapping such as 'study: my_shop'", "Got 'nothing'")),
        ("- a\n- b\n", ("must be a mapping",)),
        (
            "study: my shop\nas_of: latest\n",
            ("study must be made of letters", "orders must be given", "notebooks must"),
        ),
    ],
    ids=["syntax", "percent sign", "tab", "key twice", "empty", "list", "several faults"],
)
def test_params_that_cannot_be_read(text: str, told: tuple[str, ...], check: Callable[..., Checked]) -> None:
    seen = check(text=text)
    assert seen.code == 2
    for words in told:
        assert words in seen.err, seen.err


def test_params_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yml").write_text("study: shop")
    code, _, err = _main(["check", str(tmp_path / "shp.yml")], capsys)
    assert code == 2
    assert "The params file must exist" in err
    assert f"Did you mean '{tmp_path / 'shop.yml'}'?" in err


def test_a_folder_in_place_of_params(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _main(["check", str(tmp_path)], capsys)
    assert code == 2
    assert "The params file must be readable" in err


def _new(tmp_path: Path, header: str, *more: str) -> list[str]:
    (tmp_path / "orders.csv").write_text(header + "\n1,2,3,4\n")
    return ["new", "mine", "--data", str(tmp_path / "orders.csv"), "--folder", str(tmp_path / "params"), *more]


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (("a,b,c,d",), 3, ("The columns for customer_id, ordered_at, amount must be recognisable", "a, b, c, d")),
        (("customer,b,date,total", "--column", "amount=totl"), 2, ("--column must be OURS=THEIRS", "amount=totl")),
        (("customer,b,date,total", "--column", "money=total"), 2, ("--column must be OURS=THEIRS", "money=total")),
        (("customer,b,date,total", "--column", "amount"), 2, ("--column must be OURS=THEIRS",)),
    ],
    ids=["not recognised", "not theirs", "not ours", "no sign"],
)
def test_new_refuses(
    tmp_path: Path, argv: tuple[str, ...], code: int, told: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    got, _, err = _main(_new(tmp_path, *argv), capsys)
    assert got == code
    for words in told:
        assert words in err, err
    assert not (tmp_path / "params" / "mine.yml").exists()


def test_new_without_data_or_with_a_bad_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _main(["new", "mine", "--data", str(tmp_path / "nothing.csv")], capsys)
    assert (code, "The data file must exist" in err) == (3, True)
    argv = _new(tmp_path, "customer,b,date,total")
    code, _, err = _main([argv[0], "../mine", *argv[2:]], capsys)
    assert (code, "The name must be made of letters" in err) == (2, True)
    assert _main(argv, capsys)[0] == 0
    code, _, err = _main(argv, capsys)
    assert (code, "is there already. Choose another name." in err) == (2, True)


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [(PLAIN, 0, "3 customers. The params and the data are usable."), (HEADER, 3, "must have at least one row")],
    ids=["usable", "refused"],
)
def test_in_a_process_of_its_own(data: str, code: int, told: str, check: Callable[..., Checked]) -> None:
    params = check(data).params
    argv = [sys.executable, "-m", "rfm_ml", "check", str(params)]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "."})
    assert ended.returncode == code, ended.stderr
    assert told in (ended.stdout if code == 0 else ended.stderr)
    assert "Traceback" not in ended.stderr
