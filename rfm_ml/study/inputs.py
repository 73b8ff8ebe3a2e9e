"""The inputs of a study: where its tables lie, clean and kept by content, and the day it is seen from."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.places import base_folder, find_params
from rfm_ml.core.store import Store, code_digest, digest
from rfm_ml.params import Params, Table, load_params
from rfm_ml.transactions.companions import LEFT_OUT, write_campaigns, write_contacts, write_events, write_products
from rfm_ml.transactions.contract import CleanLog, clean
from rfm_ml.transactions.datasets import dataset
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.sources import Source, connect, database_source, dataset_source, file_source
from rfm_ml.transactions.waterfall import waterfall

COMPANIONS: Final[dict[str, Callable[..., list[str]]]] = {
    "contacts": write_contacts,
    "events": write_events,
    "campaigns": write_campaigns,
    "products": write_products,
}
"""Tables beside the orders, and what cleans them and writes them down."""


class StudyInputs:
    """Orders, lines, contacts, events, campaigns and products of one params file; arguments as in `Study`."""

    def __init__(self, params: str | Path, *, as_of: str | date | None = None, refresh: bool = False) -> None:
        self.path = find_params(params)
        self.params: Params = load_params(self.path)
        self.base = base_folder(self.path.parent)
        self.store = Store(self.base / ".rfm_cache")
        self._asked = as_of if as_of not in ("", None) else self.params.as_of
        self._refresh = refresh
        self._places: dict[str, Path] = {}

    def _share(self, other: "StudyInputs") -> None:
        """Use the engine, the log and the tables of another study of the same params."""
        self.__dict__.update(con=other.con, source=other.source, log=other.log)
        self._places = other._places

    @cached_property
    def con(self) -> Any:
        """The engine, which spills into the cache folder."""
        self.store.root.mkdir(parents=True, exist_ok=True)
        engine = self.params.engine
        return connect(self.store.root / "spill", memory_gb=engine.memory_gb, threads=engine.threads)

    @cached_property
    def source(self) -> Source:
        """The order log, found but not read."""
        return self._source(self.params.orders)

    def _source(self, table: Table) -> Source:
        self.store.root.mkdir(parents=True, exist_ok=True)
        if table.dataset is not None:
            return dataset_source(table.dataset, self.store.root, **table.options)
        if table.database is not None:
            return database_source(
                self._local(table.database),
                self.store.root,
                table=table.table,
                query=table.query,
                refresh=self._refresh,
            )
        return file_source(
            self._local(str(table.path)),
            file_format=table.format,
            separator=table.separator,
            encoding=table.encoding,
            sheet=table.sheet,
        )

    def _local(self, place: str) -> str:
        """Take relative paths from the folder that holds params/, wherever the command was typed."""
        kind, sign, path = place.rpartition("://")
        if kind not in ("", "duckdb", "sqlite"):
            return place
        return kind + sign + str(self.base / Path(path).expanduser())

    @cached_property
    def log(self) -> CleanLog:
        """The clean log: orders, lines, what was rejected and why."""
        orders = self.params.orders
        key = digest(
            code_digest(), self.source.fingerprint, orders.model_dump(), self.params.time_zone, self.params.currency
        )

        def write(folder: Path) -> None:
            clean(
                self.source.load(self.con),
                folder,
                columns=self.source.columns | orders.columns,
                policies=Policies(**orders.policies.model_dump(), currency=self.params.currency),
                date_format=orders.date_format,
                decimal=orders.decimal,
                time_zone=self.params.time_zone,
            )

        return CleanLog.load(self.store.folder("clean", key, write))

    @cached_property
    def as_of(self) -> date:
        """The day the study is seen from."""
        if isinstance(self._asked, date):
            return self._asked
        today = date.today()
        if self._asked == "yesterday":
            return today - timedelta(days=1)
        if self._asked == "month-end":
            return today.replace(day=1) - timedelta(days=1)
        if self._asked == "latest":
            # A single mistyped year must not move the whole study into the future.
            sql = f"SELECT max(ordered_on) FROM '{self.log.orders}' WHERE ordered_on <= DATE '{today}'"
            latest = self.con.con.execute(sql).fetchall()[0][0]
            if latest is None:
                raise DataError("as_of: latest must find an order up to today. There is none. Give a day.")
            return latest
        try:
            return date.fromisoformat(str(self._asked))
        except ValueError:
            raise ParamsError(f"as_of must be a day such as 2025-06-30. Got {self._asked!r}.") from None

    @cached_property
    def span(self) -> tuple[date, date] | None:
        """First and last day with an order or return, whatever the as-of day; None for an empty log."""
        sql = f"SELECT min(ordered_on), max(ordered_on) FROM '{self.log.orders}'"
        first, last = self.con.con.execute(sql).fetchall()[0]
        return None if last is None else (first, last)

    @cached_property
    def waterfall(self) -> pd.DataFrame:
        """`step, rows, orders, customers, amount` from gross to net."""
        log = self.log
        return waterfall(self.con.con, log.orders, log.rejected, as_of=self.as_of, order_is_row=log.order_is_row)

    @property
    def orders(self) -> Any:
        """Clean orders of any date, as an Ibis table."""
        return self.con.read_parquet(str(self.log.orders))

    @property
    def lines(self) -> Any:
        """Clean order lines as an Ibis table, None where the log names no products or categories."""
        return self.con.read_parquet(str(self.log.lines)) if self.log.lines else None

    @property
    def companion_notes(self) -> list[str]:
        """How the tables beside the orders were read, and what was left out of them."""
        places = [p for name in COMPANIONS if (p := self._companion(name)) is not None]
        return [note for p in places for note in (p / "notes.txt").read_text().splitlines()]

    def _companion(self, name: str) -> Path | None:
        """Return the folder of a table beside the orders, as Parquet with its notes; None if the params name none."""
        given: Table | None = getattr(self.params, name)
        if given is None:
            return None
        if name not in self._places:
            source, ids = self._companion_source(name, given), self._ids(name)
            key = digest(code_digest(), ids, source.fingerprint, given.model_dump(), self.params.time_zone)

            def write(folder: Path) -> None:
                options: dict[str, Any] = {"columns": given.columns, "ids": ids}
                if name in ("events", "campaigns"):
                    options |= {"date_format": given.date_format, "time_zone": self.params.time_zone}
                notes = COMPANIONS[name](source.load(self.con), folder / f"{name}.parquet", **options)
                (folder / "notes.txt").write_text("\n".join(notes))

            self._places[name] = self.store.folder(name, key, write)
        return self._places[name]

    def _ids(self, companion: str) -> str | None:
        """Return the SQL type of the ids that a table joins the orders by; None where the lines name no products."""
        table, column = self.log.orders, "customer_id"
        if companion == "products":
            if self.log.lines is None or "product_id" not in self.lines.columns:
                return None
            table, column = self.log.lines, "product_id"
        return str(self.con.con.execute(f"SELECT typeof({column}) FROM '{table}' LIMIT 1").fetchall()[0][0])

    def _companion_source(self, name: str, table: Table) -> Source:
        if table.dataset is None:
            return self._source(table)
        tables = dataset(table.dataset, **table.options).tables
        found = tables(self.store.root, **table.options) if tables else {}
        if name not in found:
            raise ParamsError(
                f"{name} must come from a data set that has them. {table.dataset} has none. Remove {name}."
            )
        return file_source(found[name])

    def _companion_table(self, name: str) -> Any:
        place = self._companion(name)
        return None if place is None else self.con.read_parquet(str(place / f"{name}.parquet"))

    @property
    def contacts(self) -> Any:
        """Contacts as an Ibis table, None if the params name none."""
        return self._companion_table("contacts")

    @property
    def contact_rows(self) -> Any:
        """Every row of the contacts, repeated ones and those without a usable id too; None if the params name none."""
        place = self._companion("contacts")
        return (
            None if place is None else self.con.read_parquet([str(place / f) for f in ("contacts.parquet", LEFT_OUT)])
        )

    @property
    def events(self) -> Any:
        """Events as an Ibis table, None if the params name none."""
        return self._companion_table("events")

    @property
    def campaigns(self) -> Any:
        """Who was sent which campaign when, as an Ibis table, None if the params name none."""
        return self._companion_table("campaigns")

    @property
    def products(self) -> Any:
        """Category, brand and margin by product, as an Ibis table, None if the params name none."""
        return self._companion_table("products")
