"""What a run writes of every study: tables, segment lists, frozen models."""

import shutil
from pathlib import Path

import pandas as pd

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.products.products import offer_list
from rfm_ml.segments import SegmentModel, concentration
from rfm_ml.study import Study
from rfm_ml.study.lists import write_list
from rfm_ml.study.statement import rules_statement


def write_outputs(study: Study, to: Path) -> None:
    """Write what every report has: `tables/`, `segments/` and `models/`; the same input gives the same bytes."""
    tables, segments, models = (to / name for name in ("tables", "segments", "models"))
    for folder in (tables, segments, models):
        folder.mkdir()
    study.waterfall.to_csv(tables / "waterfall.csv", index=False)
    shutil.copyfile(study.log.quarantine, tables / "quarantine.csv")
    study.customers.to_parquet(tables / "customers.parquet", index=False)
    concentration(study.customers).to_csv(tables / "concentration.csv", index=False)
    for name in study.strategies:
        _write_strategy(study, name, to)


def _write_strategy(study: Study, name: str, to: Path) -> None:
    """Write one strategy's model, tables and lists."""
    tables, segments, models = (to / folder for folder in ("tables", "segments", "models"))
    model = study.model(name)
    (models / f"{name}.json").write_text(model.to_json(), encoding="utf-8")
    (models / f"{name}.sql").write_text(rules_statement(study, name), encoding="utf-8")
    study.rules(name).table.to_csv(tables / f"rules_{name}.csv", index=False)
    study.profile(name).to_csv(tables / f"profile_{name}.csv", index=False)
    model.drift(study.customers).to_csv(tables / f"drift_{name}.csv", index=False)
    study.ledger(name).to_parquet(tables / f"ledger_{name}.parquet", index=False, compression="zstd")
    if hasattr(model.strategy_, "summary"):
        model.strategy_.summary().to_csv(tables / f"scores_{name}.csv", index=False)
    write_list(study, offer_list(study, name), segments / name)


def score_list(study: Study, model: Path) -> pd.DataFrame:
    """Return the study's customers, but for objectors, as a frozen model of any run labels them.

    Raises
    ------
    ParamsError
        If the file is not there or is not a frozen model.
    """
    if not model.is_file():
        raise ParamsError(
            f"--model must name a frozen model. No file is at {str(model)!r}. Runs write them to models/."
        )
    frame = offer_list(study, model=SegmentModel.from_json(model.read_text(encoding="utf-8")))
    return frame[~frame["customer_id"].isin(study.objectors)]
