"""The tables of a study: where they lie and what may be in them."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rfm_ml.params.section import Rate, Section, also_allow


class Contract(Section):
    """What to do with rows that are not plain orders."""

    returns: Literal["net", "keep", "drop"] = Field(
        "net", description="Money given back: net lowers spend but is no order; keep counts as order; drop ignores it."
    )
    zero_orders: Literal["drop", "keep"] = Field("drop", description="Orders whose lines sum to zero.")
    duplicates: Literal["drop", "keep"] = Field("drop", description="Lines equal in every column of the source.")
    earliest: date = Field(date(1980, 1, 1), description="Dates before this day are not credible: quarantined.")
    rates: dict[str, Rate] = Field(
        default_factory=dict, description="Value of one unit of each currency in the study's currency."
    )
    unreadable_limit: float = Field(0.5, ge=0, le=1, description="Largest share of rows that may be quarantined.")


class Table(Section):
    """Where a table lies: exactly one of dataset, path, database."""

    dataset: str | None = Field(None, description="A data set: see rfm-ml datasets.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the data set (webshop: rows, seed).")
    path: str | None = Field(None, description="A file, a folder of Parquet files or a pattern such as data/*.csv.")
    database: str | None = Field(None, description="As Ibis takes it: duckdb://shop.duckdb, sqlite://shop.db, ...")
    table: str | None = Field(None, description="Table of the database.")
    query: str | None = Field(None, description="SELECT to run in the database, in place of table.")
    format: Literal["csv", "parquet", "excel"] | None = Field(None, description="Null: by the file's ending.")
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        None,
        description="CSV separator, one sign or tab; null to find out.",
        json_schema_extra=also_allow({"const": "tab"}),
    )
    encoding: str | None = Field(None, description="CSV encoding; null to find out.")
    sheet: int | str = Field(0, description="Excel sheet, by name or number from 0.")
    date_format: list[str] | None = Field(
        None,
        description="strptime formats tried in order (also iso, unix, unix_ms); null to find out.",
        json_schema_extra=also_allow({"type": "string"}),
    )
    decimal: Literal[".", ","] | None = Field(None, description="Decimal sign of amounts in text; null to find out.")
    columns: dict[str, str] = Field(default_factory=dict, description="Our column name: the table's column name.")

    @field_validator("date_format", mode="before")
    @classmethod
    def _one_format(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("separator", mode="before")
    @classmethod
    def _tab(cls, value: Any) -> Any:
        return "\t" if value in ("tab", "\\t") else value

    @model_validator(mode="after")
    def _one_place(self) -> "Table":
        places = [n for n in ("dataset", "path", "database") if getattr(self, n) is not None]
        if len(places) != 1:
            raise ValueError(f"must have one of dataset, path, database. Got {', '.join(places) or 'none'}.")
        reads = [n for n in ("table", "query") if getattr(self, n) is not None]
        if self.options and self.dataset is None:
            raise ValueError("must not have options: they belong to a dataset. Remove them.")
        if self.database is not None and len(reads) != 1:
            raise ValueError(f"must have a table or a query with a database, one of the two. Got {len(reads)}.")
        if self.database is None and reads:
            raise ValueError(f"must not have a {reads[0]} without a database. Remove it.")
        return self


class Orders(Table):
    """The order log and its contract."""

    policies: Contract = Field(default_factory=Contract)
