"""Params: what a file may say, and one sentence per fault."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from rfm_ml.cli import main
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.places import find_params
from rfm_ml.params import Params, load_params, parse_params
from rfm_ml.reporting.run import prepare_notebooks
from rfm_ml.study import Study

FOLDER = Path(__file__).parents[1] / "params"
PLAIN: dict[str, Any] = {
    "study": "shop",
    "as_of": "latest",
    "orders": {"path": "data/orders.csv"},
    "strategies": {"quantiles": {"use": "quantile_rfm", "map": "twelve"}},
    "notebooks": ["10_data_quality", {"name": "20_customers", "parameters": {"top": 5}}],
}


def _parse(**changes: Any) -> Params:
    content = {k: v for k, v in (PLAIN | changes).items() if v is not None}
    return parse_params(yaml.safe_dump(content), name="shop.yml")


def test_defaults() -> None:
    params = _parse()
    assert (params.currency, params.time_zone, params.engine.memory_gb) == ("", "UTC", 6)
    policies = params.orders.policies
    assert (policies.returns, policies.zero_orders, policies.duplicates) == ("net", "drop", "drop")
    assert policies.earliest == date(1980, 1, 1)
    assert [(n.name, n.parameters) for n in params.notebooks] == [("10_data_quality", {}), ("20_customers", {"top": 5})]


@pytest.mark.parametrize(
    ("given", "read"),
    [("2025-06-30", date(2025, 6, 30)), (date(2025, 6, 30), date(2025, 6, 30)), ("month-end", "month-end")],
)
def test_as_of(given: Any, read: Any) -> None:
    assert _parse(as_of=given).as_of == read


def test_one_date_format_or_several_and_tabs_by_name() -> None:
    orders = {"path": "a.csv", "date_format": "%d.%m.%Y", "separator": "tab"}
    assert _parse(orders=orders).orders.date_format == ["%d.%m.%Y"]
    assert _parse(orders=orders | {"date_format": ["iso", "unix"]}).orders.date_format == ["iso", "unix"]
    assert _parse(orders=orders).orders.separator == "\t"


def _orders(**more: Any) -> dict[str, Any]:
    return {"orders": {"path": "a.csv"} | more}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"study": None}, "study must be given. It is not there."),
        (
            {"study": "a b"},
            "study must be made of letters, digits, '-' and '_', and begin with a letter or digit. Got 'a b'.",
        ),
        ({"study": 2024}, "study must be text; put it in quotes. Got 2024."),
        (
            {"as_of": "2025-6-31"},
            "as_of must be a day such as 2025-06-30, latest, month-end or yesterday. Got '2025-6-31'.",
        ),
        ({"as_off": 1}, "as_off is not a key we know. Did you mean 'as_of'?"),
        ({"time_zone": "Berlin"}, "time_zone must be a time zone such as Europe/Berlin. Got 'Berlin'."),
        ({"currency": "Kronen und Öre"}, "currency must be at most 8 signs long. Got 'Kronen und Öre'."),
        ({"orders": "a.csv"}, "orders must be a mapping of names to values. Got 'a.csv'."),
        (_orders(pth="b"), "orders.pth is not a key we know. Did you mean 'path'?"),
        ({"orders": {}}, "orders must have one of dataset, path, database. Got none."),
        (_orders(database="x"), "orders must have one of dataset, path, database. Got path, database."),
        (_orders(options={"rows": 5}), "orders must not have options: they belong to a dataset. Remove them."),
        (_orders(table="x"), "orders must not have a table without a database. Remove it."),
        (_orders(separator=";;"), "orders.separator must be at most 1 signs long. Got ';;'."),
        (_orders(decimal="."), None),
        (_orders(decimal=";"), "orders.decimal must be '.' or ','. Got ';'."),
        (_orders(format="xml"), "orders.format must be 'csv', 'parquet' or 'excel'. Got 'xml'."),
        (_orders(columns={"amount": 5}), "orders.columns.amount must be text; put it in quotes. Got 5."),
        (_orders(columns=["amount"]), "orders.columns must be a mapping of names to values."),
        (_orders(policies={"unreadable_limit": 2}), "orders.policies.unreadable_limit must be at most 1. Got 2."),
        (_orders(policies={"rates": {"USD": -1}}), "orders.policies.rates.USD must be more than 0. Got -1."),
        (
            _orders(policies={"rates": {"USD": float("inf")}}),
            "orders.policies.rates.USD must be a finite number. Got inf.",
        ),
        (
            _orders(policies={"earliest": "soon"}),
            "orders.policies.earliest must be a day such as 2025-06-30. Got 'soon'.",
        ),
        ({"customers": {"window_days": 0}}, "customers.window_days must be at least 1. Got 0."),
        ({"customers": {"window_days": 1.5}}, "customers.window_days must be a whole number. Got 1.5."),
        ({"customers": {"annualise": "perhaps"}}, "customers.annualise must be true or false. Got 'perhaps'."),
        ({"customers": {"by": "country"}}, "customers.by must be 'channel'. Got 'country'."),
        ({"strategies": {}}, "strategies must have at least one entry."),
        ({"strategies": {"q": {"map": "twelve"}}}, "strategies.q.use must be given. It is not there."),
        ({"strategies": {"q": {"use": "x", "mpa": "y"}}}, "strategies.q.mpa is not a key we know. Did you mean 'map'?"),
        (
            {"notebooks": "10_data_quality"},
            "notebooks must be a list, one entry per line after a dash. Got '10_data_quality'.",
        ),
        ({"notebooks": [{"nme": "a"}]}, "notebooks.0.name must be given. It is not there."),
        ({"engine": {"memory_gb": 0.1}}, "engine.memory_gb must be more than 0.2. Got 0.1."),
        ({"engine": {"threads": "all"}}, "engine.threads must be a whole number. Got 'all'."),
        ({"contacts": {}}, "contacts must have one of dataset, path, database. Got none."),
    ],
)  # fmt: skip
def test_every_fault_is_a_sentence(changes: dict[str, Any], sentence: str | None) -> None:
    if sentence is None:
        assert _parse(**changes)
        return
    with pytest.raises(ParamsError) as seen:
        _parse(**changes)
    assert f"shop.yml: {sentence}" in str(seen.value).splitlines()


def test_all_faults_at_once() -> None:
    with pytest.raises(ParamsError) as seen:
        _parse(study="a b", as_of="soon", notebooks=[])
    assert len(str(seen.value).splitlines()) == 3


def test_files_are_found_from_the_folders_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "notebooks" / "deep"
    below.mkdir(parents=True)
    (tmp_path / "shop.yml").write_text(yaml.safe_dump(PLAIN))
    monkeypatch.chdir(below)
    assert find_params("shop.yml") == tmp_path / "shop.yml"
    assert load_params(find_params("shop.yml")).study == "shop"


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "shop.yml").write_bytes(b"study: \xff\xfe")
    with pytest.raises(ParamsError, match="must be readable UTF-8 text"):
        load_params(tmp_path / "shop.yml")


def test_schema_file_is_the_one_of_the_models(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["schema", "--to", str(tmp_path / "written.json")])
    assert leaving.value.code == 0
    assert (FOLDER / "params.schema.json").read_text() == (tmp_path / "written.json").read_text()
    assert json.loads((tmp_path / "written.json").read_text()) == Params.model_json_schema()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda f: f.stem)
def test_our_own_params_keep_to_the_schema(file: Path) -> None:
    schema = json.loads((FOLDER / "params.schema.json").read_text())
    content = json.loads(json.dumps(yaml.safe_load(file.read_text()), default=str))
    jsonschema.Draft202012Validator(schema).validate(content)
    assert load_params(file).study == file.stem


@pytest.mark.parametrize(
    "changes",
    [{"as_off": 1}, {"notebooks": [5]}, _orders(decimal=";"), _orders(separator=";;"), {"strategies": {}}],
)
def test_the_schema_refuses_what_the_models_refuse(changes: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(Params.model_json_schema())
    assert validator.is_valid(PLAIN)
    assert validator.is_valid(PLAIN | _orders(separator="tab", date_format="%d.%m.%Y"))
    assert not validator.is_valid(PLAIN | changes)
    with pytest.raises(ParamsError):
        _parse(**changes)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda f: f.stem)
def test_pages_of_the_shipped_files_can_be_executed(file: Path) -> None:
    study = Study(file, as_of="2025-06-30")
    assert [run.name for run in prepare_notebooks(study)] == [n.name for n in study.params.notebooks]
