"""The parameters of a study: one YAML file, checked whole before anything runs."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import StrictLoader

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _or(alternative: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Let the JSON Schema of a key allow what a validator turns into its type."""
    return lambda schema: schema["anyOf"].append(alternative)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Contract(_Section):
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


class Table(_Section):
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
        json_schema_extra=_or({"const": "tab"}),
    )
    encoding: str | None = Field(None, description="CSV encoding; null to find out.")
    sheet: int | str = Field(0, description="Excel sheet, by name or number from 0.")
    date_format: list[str] | None = Field(
        None,
        description="strptime formats tried in order (also iso, unix, unix_ms); null to find out.",
        json_schema_extra=_or({"type": "string"}),
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
        given = [n for n in ("dataset", "path", "database") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"must have one of dataset, path, database. Got {', '.join(given) or 'none'}.")
        asked = [n for n in ("table", "query") if getattr(self, n) is not None]
        if self.options and self.dataset is None:
            raise ValueError("must not have options: they belong to a dataset. Remove them.")
        if self.database is not None and len(asked) != 1:
            raise ValueError(f"must have a table or a query with a database, one of the two. Got {len(asked)}.")
        if self.database is None and asked:
            raise ValueError(f"must not have a {asked[0]} without a database. Remove it.")
        return self


class Orders(Table):
    """The order log and its contract."""

    policies: Contract = Field(default_factory=Contract)


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


class Clv(_Section):
    """Predictions of orders and value per customer."""

    model: Literal["mbg_nbd", "pareto_nbd", "bg_nbd"] = Field("mbg_nbd", description="The repeat-buying model.")
    horizon_days: int = Field(365, ge=1, le=36_500, description="How far to look ahead.")
    daily_discount: float = Field(0.0003, ge=0, le=0.1, description="What money loses a day: 0.0003 is 11 % a year.")
    margin: float = Field(1.0, gt=0, le=1, description="Share of an order's value that is earned.")


class Notebook(_Section):
    """A notebook of the report and its parameters."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Allow the name alone, as in `- 10_data_quality`."""
        return {"anyOf": [{"type": "string"}, handler(core_schema)]}


class Engine(_Section):
    """Limits of the engine."""

    memory_gb: float = Field(6, gt=0.2, description="Beyond this the engine spills to disk.")
    threads: int | None = Field(None, ge=1, description="Null: all cores.")
    cache_gb: float = Field(
        20, ge=0, description="After a run, what was used longest ago leaves the cache beyond this."
    )


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
    clv: Clv | None = Field(None, description="Predict orders and value per customer; left out: no predictions.")
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
        if value in ("latest", "month-end", "yesterday") or (isinstance(value, date) and not hasattr(value, "hour")):
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
    return parse_params(text, name=path.name)


def parse_params(text: str, *, name: str) -> Params:
    """Check the text of a params file; `name` is what messages call it.

    Raises
    ------
    ParamsError
        With one sentence per fault: where it is, what must hold, what we got.
    """
    try:
        content = yaml.load(text, Loader=StrictLoader)
    except yaml.YAMLError as error:
        raise ParamsError(_yaml_fault(error, name)) from None
    except ParamsError as error:
        raise ParamsError(f"{name}: {error}") from None
    if not isinstance(content, dict):
        raise ParamsError(f"{name} must be a mapping such as 'study: my_shop'. Got {repr(content or 'nothing')[:60]}.")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = dict.fromkeys(f"{name}: {_sentence(dict(e))}" for e in error.errors())
        raise ParamsError("\n".join(faults)) from None


def _yaml_fault(error: yaml.YAMLError, name: str) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
    return (
        f"{name} must be YAML. {f'Line {mark.line + 1}' if mark else 'It'} is not: {problem}. Text with special signs "
        "needs quotes, as in date_format: '%d.%m.%Y'; entries are indented with spaces."
    )


_WORDS = {
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a finite number",
    "bool": "must be true or false",
    "dict": "must be a mapping of names to values",
    "list": "must be a list, one entry per line after a dash",
    "string_pattern_mismatch": "must be made of letters, digits, '-' and '_', and begin with a letter or digit",
}
_LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "max_length": "at most"}


def _sentence(fault: dict[str, Any]) -> str:
    """Put a fault into words: where, what must hold, what we got."""
    kind, place = fault["type"], fault["loc"]
    # Where several kinds of value are allowed, the place ends in the name of the kind.
    where = ".".join(str(p) for p in place if p not in ("int", "str", "[key]")) or "The file"
    got = "" if isinstance(fault.get("input"), dict | list) else f" Got {fault.get('input')!r}."
    limits = [f"{_LIMITS[k]} {v:g}" for k, v in (fault.get("ctx") or {}).items() if k in _LIMITS]
    if kind == "extra_forbidden":
        return f"{where} is not a key we know. {did_you_mean(str(place[-1]), _keys_at(place[:-1]))}"
    if kind == "missing":
        return f"{where} must be given. It is not there."
    if kind == "literal_error":
        return f"{where} must be {fault['ctx']['expected']}.{got}"
    if kind.startswith("date"):
        return f"{where} must be a day such as 2025-06-30.{got}"
    words = _WORDS.get(kind) or _WORDS.get(kind.split("_")[0].replace("model", "dict"))
    if words is not None:
        return f"{where} {words}.{got}"
    if limits:
        return f"{where} must be {', '.join(limits)}{' signs long' if kind == 'string_too_long' else ''}.{got}"
    return f"{where} {fault['msg'].removeprefix('Value error, ').rstrip('.')}."


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
