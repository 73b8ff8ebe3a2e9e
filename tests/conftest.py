"""A tiny shop in a folder of its own: params, orders and one notebook, everything real."""

from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from tests.receiver import receiver  # noqa: F401 - a fixture for every test

ORDERS = """customer_id,order_id,ordered_at,amount
ann,1,2024-01-05,20.00
ann,2,2024-03-10,35.50
ann,3,2024-06-20,12.25
bob,4,2024-01-07,80.00
bob,5,2024-02-11,15.00
cat,6,2024-05-30,9.99
dan,7,2024-06-29,150.00
dan,8,2024-06-30,50.00
eve,9,2023-11-15,22.00
fay,10,2024-06-01,5.00
"""

PARAMS = """
study: shop
as_of: {as_of}
currency: EUR
orders: {{path: data/orders.csv}}
strategies:
  quantiles: {{use: quantile_rfm, map: twelve}}
notebooks: [{notebooks}]
"""


class Shop:
    """A folder with params/shop.yml, data/orders.csv and notebooks/, as a user would have it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        for name in ("params", "data", "notebooks"):
            (base / name).mkdir()
        self.params = base / "params" / "shop.yml"
        self.orders = base / "data" / "orders.csv"
        self.orders.write_text(ORDERS)
        self.notebook("hello", "len(params)")
        self.write_params()

    def write_params(self, *, as_of: str = "2024-06-30", notebooks: str = "hello", more: str = "") -> None:
        self.params.write_text(PARAMS.format(as_of=as_of, notebooks=notebooks) + more)

    def willing(self, *customer_ids: object) -> str:
        """Write contacts who have consented to everything, everybody of the shop by default; return their params."""
        ids = customer_ids or ("ann", "bob", "cat", "dan", "eve", "fay")
        channels = ("email", "sms", "call")
        header = ",".join(["customer_id", "email", *(f"consent_{c}" for c in channels)])
        rows = [",".join([str(i), f"{i}@example.org", *("yes" for _ in channels)]) for i in ids]
        (self.base / "data" / "contacts.csv").write_text("\n".join([header, *rows, ""]))
        return "contacts: {path: data/contacts.csv}\n"

    def notebook(
        self,
        name: str,
        *cells: str,
        title: str = "Who said hello?",
        parameters: str = 'params = ""\nas_of = ""\nlimit = 3',
    ) -> None:
        given = nbformat.v4.new_code_cell(parameters)
        given.metadata["tags"] = ["parameters"]
        code = [nbformat.v4.new_code_cell(c) for c in cells]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {title}"), given, *code])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.base / "notebooks" / f"{name}.ipynb")

    def report(self, as_of: str = "2024-06-30") -> Path:
        return self.base / "reports" / "shop" / as_of


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """Eighty customers over half a year."""
    rng = np.random.default_rng(7)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 181, 400), unit="D")
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{n:02}" for n in rng.integers(0, 80, 400)],
            "order_id": range(400),
            "ordered_at": days.strftime("%Y-%m-%d"),
            "amount": rng.gamma(2, 20, 400).round(2),
        }
    )
    orders.to_csv(shop.orders, index=False)
    return shop
