"""The parameters of a study: one YAML file, checked whole before anything runs."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Returns(_Section):
    """What to do with rows that are not plain orders; see docs/guide.md."""

    returns: Literal["net", "keep", "drop"] = Field(
        "net", description="Money given back: net lowers spend but is no order; keep counts as order; drop ignores it."
    )
    zero_orders: Literal["drop", "keep"] = Field("drop", description="Orders whose lines sum to zero.")
    duplicates: Literal["drop", "keep"] = Field("drop", description="Lines equal in every column of the source.")
    earliest: date = Field(date(1980, 1, 1), description="Dates before this day are not credible: quarantined.")
    rates: dict[str, float] = Field(
        default_factory=dict, description="Value of one unit of each currency in the study's currency."
    )
    unreadable_limit: float = Field(0.5, ge=0, le=1, description="Largest share of rows that may be quarantined.")


class Table(_Section):
    """Where a table lies: exactly one of dataset, path, database."""

    dataset: str | None = Field(None, description="A data set: see rfm-ml datasets.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the data set (webshop: rows, seed).")
    path: str | None = Field(None, description="A file, a folder of Parquet files or a pattern such as data/*.csv.")
    database: str | None = Field(None, description="As Ibis takes it: duckdb://shop.duckdb, sqlite://shop.db, ...")
    table: str | None = Field(None, description="Table of the database.")
    query: str | None = Field(None, description="SELECT to run in the database, in place of table.")
    format: Literal["csv", "parquet", "excel"] | None = Field(None, description="Null: by the file's ending.")
    separator: str | None = Field(None, min_length=1, max_length=1, description="CSV separator; null to find out.")
    encoding: str | None = Field(None, description="CSV encoding; null to find out.")
    sheet: str | int = Field(0, description="Excel sheet, by name or number from 0.")
    date_format: list[str] | None = Field(
        None, description="strptime formats tried in order (also iso, unix, unix_ms); null to find out."
    )
    decimal: Literal[".", ","] | None = Field(None, description="Decimal sign of amounts in text; null to find out.")
    columns: dict[str, str] = Field(default_factory=dict, description="Our column name: the table's column name.")

    @field_validator("date_format", mode="before")
    @classmethod
    def _one_format(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_place(self) -> "Table":
        given = [n for n in ("dataset", "path", "database") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"must have one of dataset, path, database. Got {', '.join(given) or 'none'}.")
        if self.options and self.dataset is None:
            raise ValueError("options belong to a dataset. Remove them.")
        return self


class Orders(Table):
    """The order log and its contract."""

    policies: Returns = Field(default_factory=Returns)


class Customers(_Section):
    """How customers are measured."""

    window_days: int | None = Field(None, ge=1, description="Orders and spend of the last days; null: all.")
    annualise: bool = Field(False, description="Scale yearly rates of customers younger than the window.")
    by: Literal["channel"] | None = Field(None, description="One row per customer and channel.")


class Strategy(_Section):
    """A way to label customers, and the map that names the labels."""

    use: str = Field(description="quantile_rfm, threshold_rfm, or your own class as my_module:MyStrategy.")
    map: str | None = Field(None, description="twelve, three_level, classic, or a YAML file of your own.")
    options: dict[str, Any] = Field(default_factory=dict, description="Arguments of the strategy.")
    refit: bool = Field(False, description="Learn anew at every run; false: keep the frozen model.")


class Notebook(_Section):
    """A notebook of the report and its parameters."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Engine(_Section):
    """Limits of the engine."""

    memory_gb: float = Field(6, gt=0.2, description="Beyond this the engine spills to disk.")
    threads: int | None = Field(None, ge=1, description="Null: all cores.")


class Params(_Section):
    """Everything a study needs to know."""

    study: Name = Field(description="Name of the study; the folder of its reports.")
    title: str | None = Field(None, description="Heading of the report.")
    as_of: date | Literal["latest", "month-end", "yesterday"] = Field(
        description="The day of the picture: a date; latest (last day with an order); month-end or yesterday (clock)."
    )
    currency: str = Field("", max_length=8, description="Shown behind amounts.")
    time_zone: str = Field("UTC", description="Days are cut here, as in Europe/Berlin.")
    orders: Orders
    contacts: Table | None = Field(None, description="Contacts; those without an order become Prospects.")
    events: Table | None = Field(None, description="Clicks, visits, carts: who is still engaged.")
    customers: Customers = Field(default_factory=Customers)
    strategies: dict[Name, Strategy] = Field(min_length=1, description="Ways to segment; the first leads the report.")
    playbook: str | None = Field(None, description="YAML with your own aims and offers per segment.")
    notebooks: list[Notebook] = Field(min_length=1, description="Pages of the report, in order.")
    engine: Engine = Field(default_factory=Engine)

    @field_validator("notebooks", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        return [{"name": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value

    @field_validator("as_of", mode="before")
    @classmethod
    def _a_day(cls, value: Any) -> Any:
        if isinstance(value, date) or value in ("latest", "month-end", "yesterday"):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise ValueError(
                f"must be a day such as 2025-06-30, latest, month-end or yesterday. Got {value!r}."
            ) from None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"must be a time zone such as Europe/Berlin. Got {value!r}.") from None
        return value


def find_params(path: str | Path) -> Path:
    """Return where a params file lies: as given, or in one of the folders above (notebooks start below)."""
    given = Path(path).expanduser()
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / given).is_file():
            return (folder / given).resolve()
    return given.resolve()


def load_params(path: str | Path) -> Params:
    """Read and check a study's parameters.

    Raises
    ------
    ParamsError
        With one sentence per fault: where it is, what must hold, what we got.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(str(p) for p in path.parent.glob("*.yml"))
        raise ParamsError(
            f"The params file must exist. Nothing is at {str(path)!r}. {did_you_mean(str(path), known)}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"The params file must be readable UTF-8 text. {str(path)!r}: {error}.") from None
    try:
        content = yaml.load(text, Loader=_OnceLoader)
    except yaml.YAMLError as error:
        raise ParamsError(f"{path.name} must be YAML. {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise ParamsError(f"{path.name} must be a mapping such as 'study: my_shop'. Got {type(content).__name__}.")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = "\n".join(f"{path.name}: {_sentence(dict(e))}" for e in error.errors())
        raise ParamsError(faults) from None


def _sentence(fault: dict[str, Any]) -> str:
    where = ".".join(str(p) for p in fault["loc"])
    got = "" if isinstance(fault.get("input"), dict | list) else f" Got {fault.get('input')!r}."
    if fault["type"] == "extra_forbidden":
        key = str(fault["loc"][-1])
        return f"{where} is not a key we know. {did_you_mean(key, _keys_at(fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return f"{where} must be given. It is not there."
    if fault["type"] == "string_pattern_mismatch":
        return f"{where} must be made of letters, digits, '-' and '_'.{got}"
    if fault["type"] == "too_short":
        return f"{where} must have at least one entry. Got none."
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be").rstrip(".")
    return f"{where}: {message}.{'' if message.startswith('must') else got}"


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    model: Any = Params
    for step in place:
        found = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if found is not None:
            model = found.annotation
        candidates = [model, *get_args(model)]
        sections = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        model = sections[0] if sections else model
    return list(model.model_fields) if hasattr(model, "model_fields") else []


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, where plain YAML silently keeps the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's own
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        twice = sorted({str(k) for k in keys if keys.count(k) > 1})
        if twice:
            raise yaml.YAMLError(f"the key {twice[0]!r} is there twice{node.start_mark}")
        return super().construct_mapping(node, deep=deep)
