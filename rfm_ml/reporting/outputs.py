"""What a run writes of every study: tables, segment lists, frozen models."""

import shutil
from pathlib import Path

import pandas as pd

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.products.products import offer_list
from rfm_ml.segments import SegmentModel, concentration
from rfm_ml.study import Study
from rfm_ml.study.archive import Day
from rfm_ml.study.lists import write_list
from rfm_ml.study.statement import rules_statement


def write_outputs(study: Study, to: Day) -> None:
    """Write what every report has: `tables/`, `segments/` and `models/`; the same input gives the same bytes."""
    for name in ("tables", "segments", "models"):
        to.folder(name).mkdir()
    study.waterfall.to_csv(to.table("waterfall"), index=False)
    shutil.copyfile(study.log.quarantine, to.table("quarantine"))
    study.customers.to_parquet(to.table("customers", ending="parquet"), index=False)
    concentration(study.customers).to_csv(to.table("concentration"), index=False)
    for name in study.strategies:
        _write_strategy(study, name, to)


def _write_strategy(study: Study, name: str, to: Day) -> None:
    """Write one strategy's model, tables and lists."""
    model = study.model(name)
    to.model(name).write_text(model.to_json(), encoding="utf-8")
    to.model(name).with_suffix(".sql").write_text(rules_statement(study, name), encoding="utf-8")
    study.rules(name).table.to_csv(to.table(f"rules_{name}"), index=False)
    study.profile(name).to_csv(to.table(f"profile_{name}"), index=False)
    model.drift(study.customers).to_csv(to.table(f"drift_{name}"), index=False)
    study.ledger(name).to_parquet(to.ledger(name), index=False, compression="zstd")
    if hasattr(model.strategy_, "summary"):
        model.strategy_.summary().to_csv(to.table(f"scores_{name}"), index=False)
    write_list(study, offer_list(study, name), to.folder("segments") / name)


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
