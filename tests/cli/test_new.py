"""`rfm-ml new`: recognised headers, and params that work at once."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from rfm_ml.cli import main
from rfm_ml.cli.new import SYNONYMS, guess_columns, render_params, write_params
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.params import load_params, parse_params
from rfm_ml.study import Study
from rfm_ml.transactions.typed import KNOWN

PLAIN = ("customer_id", "order_id", "ordered_at", "amount")
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
    "Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Id"
)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (",".join(PLAIN), {c: c for c in PLAIN}),
        (
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            {
                "customer_id": "CustomerID", "order_id": "InvoiceNo", "ordered_at": "InvoiceDate",
                "unit_price": "UnitPrice", "quantity": "Quantity", "product_id": "StockCode",
            },
        ),
        (
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            {
                "customer_id": "Customer ID", "order_id": "Invoice", "ordered_at": "InvoiceDate",
                "unit_price": "Price", "quantity": "Quantity", "product_id": "StockCode",
            },
        ),
        (
            SHOPIFY,
            {
                "customer_id": "Email", "order_id": "Name", "ordered_at": "Created at", "unit_price": "Lineitem price",
                "quantity": "Lineitem quantity", "product_id": "Lineitem sku", "discount": "Discount Amount",
                "currency": "Currency",
            },
        ),
        (
            "Kunden-Nr.,Bestellnummer,Bestelldatum,Gesamtbetrag,Währung,Vertriebskanal",
            {
                "customer_id": "Kunden-Nr.", "order_id": "Bestellnummer", "ordered_at": "Bestelldatum",
                "amount": "Gesamtbetrag", "channel": "Vertriebskanal", "currency": "Währung",
            },
        ),
        (
            "household_id,basket_id,transaction_timestamp,sales_value,quantity",
            {
                "customer_id": "household_id", "order_id": "basket_id", "ordered_at": "transaction_timestamp",
                "amount": "sales_value", "quantity": "quantity",
            },
        ),
        ("user,date,revenue", {"customer_id": "user", "ordered_at": "date", "amount": "revenue"}),
    ],
    ids=["ours", "UCI", "UCI II", "Shopify", "German", "grocer", "short"],
)  # fmt: skip
def test_headers_are_recognised(header: str, found: dict[str, str]) -> None:
    assert guess_columns(tuple(header.split(",")), given={}) == found


def test_what_is_given_is_not_guessed() -> None:
    columns = ("customer", "account", "date", "total", "revenue")
    found = guess_columns(columns, given={"customer_id": "account", "amount": "revenue"})
    assert found == {"customer_id": "account", "ordered_at": "date", "amount": "revenue"}


def test_synonyms_lead_to_one_column_of_ours() -> None:
    every = [name for names in SYNONYMS.values() for name in names]
    assert len(every) == len(set(every))
    assert set(SYNONYMS) <= set(KNOWN)


@pytest.mark.parametrize(
    ("columns", "missing"),
    [(("a", "b"), "customer_id, ordered_at, amount"), (("customer", "date", "price"), "amount")],
)
def test_what_is_not_recognised_is_asked_for(columns: tuple[str, ...], missing: str) -> None:
    with pytest.raises(DataError, match=f"The columns for {missing} must be recognisable"):
        guess_columns(columns, given={})


def test_the_example_in_the_repository_is_what_new_writes() -> None:
    file = Path(__file__).parents[2] / "params" / "your_shop.yml"
    assert file.read_text() == render_params("your_shop", path="data/orders.csv", columns={c: c for c in PLAIN})


@pytest.mark.parametrize("name", ["2024", "true", "1e5", "null", "shop-2024", "NO"])
def test_names_that_yaml_would_misread(name: str) -> None:
    params = parse_params(render_params(name, path="a.csv", columns={"amount": "a"}), name="x.yml")
    assert params.study == name


@pytest.mark.parametrize(
    "column", ["No", "on", "2024", "a: b", "it's", "{x}", "#1", "- a", "Umsatz €", "", " a ", "~", '"q"']
)
def test_columns_that_yaml_would_misread(column: str) -> None:
    text = render_params("shop", path="my data/orders [1].csv", columns={"amount": column})
    orders = parse_params(text, name="x.yml").orders
    assert (orders.columns, orders.path) == ({"amount": column}, "my data/orders [1].csv")


@pytest.mark.parametrize(("columns", "duplicates"), [(PLAIN, "drop"), (PLAIN[:1] + PLAIN[2:], "keep")])
def test_equal_lines_are_kept_where_there_is_no_order_number(columns: tuple[str, ...], duplicates: str) -> None:
    content = yaml.safe_load(render_params("shop", path="a.csv", columns={c: c for c in columns}))
    assert content["orders"]["policies"]["duplicates"] == duplicates


@pytest.mark.parametrize("folder", ["params", "."])
def test_new_then_check(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    log = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,Customer ID\n"
    rows = ["1,A,6,12/1/2010 8:26,2.55,17850.0", "1,B,2,12/1/2010 8:26,1.00,17850.0", "2,A,1,12/13/2010 9:00,2.55,"]
    (tmp_path / "data" / "orders.csv").write_text(
        log + "\n".join([*rows, "3,A,-1,12/15/2010 9:00,2.55,17850.0"]) + "\n"
    )
    _exit(0, ["new", "mine", "--data", "data/orders.csv", "--folder", folder])
    assert "customer_id: the column 'Customer ID'" in capsys.readouterr().out
    file = tmp_path / folder / "mine.yml"
    assert load_params(file).orders.path == "data/orders.csv"
    assert str(tmp_path) not in file.read_text()
    _exit(0, ["check", str(file)])
    frame = Study(file).customers
    assert frame[["customer_id", "orders", "spend"]].to_dict("records") == [
        {"customer_id": "17850", "orders": 1, "spend": 17.3 - 2.55}
    ]


def _exit(code: int, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(argv)
    assert (leaving.value.code or 0) == code


def test_nothing_is_written_over_or_half_written(tmp_path: Path) -> None:
    data = tmp_path / "orders.parquet"
    pd.DataFrame({"user": ["a"], "date": ["2024-01-01"], "total": [1.0]}).to_parquet(data)
    place, told = write_params("mine", str(data), tmp_path / "params")
    assert told[-1].startswith("No order number was found")
    before = place.read_text()
    with pytest.raises(ParamsError, match="is there already"):
        write_params("mine", str(data), tmp_path / "params")
    assert place.read_text() == before
    with pytest.raises(ParamsError, match="must be made of letters"):
        write_params("my shop", str(data), tmp_path / "params")
    assert [f.name for f in (tmp_path / "params").iterdir()] == ["mine.yml"]
