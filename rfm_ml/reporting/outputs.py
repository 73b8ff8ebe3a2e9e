"""What a run writes beside its pages: tables, segment lists, frozen models."""

import shutil
from pathlib import Path

import pandas as pd

from rfm_ml.campaigns.manifest import write_groups
from rfm_ml.campaigns.private_files import open_private
from rfm_ml.core.errors import ParamsError
from rfm_ml.features.campaign_results.campaign_results import CampaignResults
from rfm_ml.features.comparison.comparison import StrategyComparison, compares
from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
from rfm_ml.features.migration.changes import Changes
from rfm_ml.features.panels.panels import Panels
from rfm_ml.features.products.products import offer_list, segment_products
from rfm_ml.features.triggers.triggers import Triggers
from rfm_ml.segments import SegmentModel, concentration
from rfm_ml.study import Study
from rfm_ml.study.statement import rules_statement


def write_outputs(study: Study, to: Path, *, changes: Changes) -> None:
    """Write `tables/`, `segments/` and `models/`; the same input gives the same bytes."""
    tables, segments, models = (to / name for name in ("tables", "segments", "models"))
    for folder in (tables, segments, models):
        folder.mkdir()
    study.waterfall.to_csv(tables / "waterfall.csv", index=False)
    shutil.copyfile(study.log.quarantine, tables / "quarantine.csv")
    study.customers.to_parquet(tables / "customers.parquet", index=False)
    concentration(study.customers).to_csv(tables / "concentration.csv", index=False)
    _write_behaviour(study, tables)
    if study.params.clv is not None:
        study.predictions.to_parquet(tables / "predictions.parquet", index=False)
        models_table = [m.summary().assign(model=type(m).__name__) for m in study.clv_models]
        pd.concat(models_table).reset_index().to_csv(tables / "clv_models.csv", index=False)
    if compares(study):
        compared = StrategyComparison(study)
        compared.scorecard.to_csv(tables / "scorecard.csv", index=False)
        compared.pairs.to_csv(tables / "scorecard_pairs.csv", index=False)
        compared.ranks.to_csv(tables / "scorecard_ranks.csv", index=False)
    for name in study.strategies:
        _write_strategy(study, name, to, changes=changes)
    if study.params.dynamic_segments:
        _write_dynamic(study, tables, segments / "dynamic")
    if study.params.triggers:
        changes.triggers.summary.to_csv(tables / "triggers.csv", index=False)
        changes.triggers.filters.to_csv(tables / "trigger_filters.csv", index=False)
        _write_actions(changes.triggers, to / "campaigns")
    results = CampaignResults(study)
    if results.sends:
        results.lift.to_csv(tables / "campaign_lift.csv", index=False)
        results.campaigns.to_csv(tables / "campaigns.csv", index=False)
        results.balance.to_csv(tables / "campaign_balance.csv", index=False)


def _write_strategy(study: Study, name: str, to: Path, *, changes: Changes) -> None:
    """Write one strategy's model, tables and lists."""
    tables, segments, models = (to / folder for folder in ("tables", "segments", "models"))
    model = study.model(name)
    (models / f"{name}.json").write_text(model.to_json(), encoding="utf-8")
    (models / f"{name}.sql").write_text(rules_statement(study, name), encoding="utf-8")
    study.rules(name).table.to_csv(tables / f"rules_{name}.csv", index=False)
    study.profile(name).to_csv(tables / f"profile_{name}.csv", index=False)
    model.drift(study.customers).to_csv(tables / f"drift_{name}.csv", index=False)
    study.ledger(name).to_parquet(tables / f"ledger_{name}.parquet", index=False, compression="zstd")
    changes.sizes(name).to_csv(tables / f"sizes_{name}.csv", index=False)
    if name in changes.matrices:
        changes.matrices[name].to_csv(tables / f"movement_{name}.csv", index=False)
    if (summary := model.strategy_.summary()) is not None:
        summary.to_csv(tables / f"scores_{name}.csv", index=False)
    write_list(study, offer_list(study, name), segments / name)
    if study.params.recommendations is not None:
        segment_products(study, name).to_csv(tables / f"products_{name}.csv", index=False)


def _write_actions(triggers: Triggers, campaigns: Path) -> None:
    """Write the action list of each trigger and its groups, for nobody but the owner to read."""
    campaigns.mkdir(mode=0o700, exist_ok=True)
    (campaigns / "triggers").mkdir(mode=0o700)
    for name in triggers.names:
        with open_private(campaigns / "triggers" / f"{name}.csv") as stream:
            triggers.actions(name).to_csv(stream, index=False)
        if triggers.carries_messages(name):
            write_groups(campaigns / "triggers" / f"{name}.groups.parquet", triggers.groups(name))


def _write_dynamic(study: Study, tables: Path, lists: Path) -> None:
    """Write the dynamic segments: what each is worth, its size over time, and its members."""
    lists.mkdir()
    dynamic = DynamicSegments(study)
    dynamic.summary.to_csv(tables / "dynamic_segments.csv", index=False)
    dynamic.history.to_csv(tables / "dynamic_sizes.csv", index=False)
    dynamic.overlap.to_csv(tables / "dynamic_overlap.csv", index=False)
    for name in dynamic.names:
        write_list(study, dynamic.members(name), lists / name)


def _write_behaviour(study: Study, tables: Path) -> None:
    """Write what the leading strategy's segments do besides ordering, as far as the inputs tell."""
    panels = Panels(study)
    found = {"funnel": panels.funnel, "responsiveness": panels.responsiveness, "abandoned_carts": panels.carts}
    found["portrait"] = panels.portrait
    for name, table in found.items():
        if table is not None:
            table.to_csv(tables / f"{name}.csv", index=False)


def write_list(study: Study, frame: pd.DataFrame, to: Path) -> None:
    """Write a list as `<to>.csv` and `<to>.parquet`, through the engine, which is quick for millions of rows.

    Objecting to direct marketing covers profiling for it: objectors are left out.
    """
    frame = frame[~frame["customer_id"].isin(study.objectors)]
    con = study.con.con
    con.register("_list", frame)
    for ending, options in {"csv": "HEADER, DELIMITER ','", "parquet": "FORMAT parquet, COMPRESSION zstd"}.items():
        con.execute(f"COPY (SELECT * FROM _list) TO '{to}.{ending}' ({options})")
    con.unregister("_list")


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
