"""Real order logs that come with a dependency, and the synthetic webshop: `rfm-ml datasets` lists them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.core.checks import require_known
from rfm_ml.transactions.complete_journey import find_baskets, load_baskets, package_folder, write_tables
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
    return lambda _: (package_folder("lifetimes", extra="data") / "datasets" / name,)


def _load_cdnow(con: Any, files: tuple[Path, ...]) -> RawLog:
    names = ["master_id", "customer_id", "date", "cds", "amount"]
    frame = pd.read_csv(files[0], sep=r"\s+", header=None, names=names, dtype={"date": str})
    return load_frame(con, frame, files=files)


def _load_cdnow_master(con: Any, files: tuple[Path, ...]) -> RawLog:
    names = ["customer_id", "date", "cds", "amount"]
    frame = pd.read_csv(files[0], sep=r"\s+", header=None, skiprows=1, names=names, dtype={"date": str})
    return load_frame(con, frame, files=files, first_row=2)


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
            find_baskets,
            load_baskets,
            columns={
                "customer_id": "household_id",
                "order_id": "basket_id",
                "ordered_at": "transaction_timestamp",
                "amount": "sales_value",
            },
            tables=write_tables,
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
