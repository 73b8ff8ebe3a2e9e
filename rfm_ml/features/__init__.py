"""What a report can contain, a folder each. To add one: its folder, and a line here."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rfm_ml.features.feature import Feature
    from rfm_ml.study import Study

REGISTRY: Final = (
    "migration.changes.Changes",  # first: its alerts may stop the run
    "comparison.comparison.StrategyComparison",
    "panels.panels.Panels",
    "forecast.forecast.Predictions",
    "products.products.Recommendations",
    "dynamic_segments.dynamic_segments.DynamicSegments",
    "triggers.triggers.Triggers",
    "campaign_results.campaign_results.CampaignResults",
    "audiences.overview.AudienceLists",
)
"""Module and class of every feature, in the order in which a run writes them."""


def features_of(study: "Study") -> "list[Feature]":
    """Return every feature of a study, each built once."""
    kinds = (line.rpartition(".") for line in REGISTRY)
    return [study.feature(getattr(import_module(f"{__name__}.{module}"), name)) for module, _, name in kinds]
