"""Named segments: maps from scores to names, the frozen model, reasons, profiles and overlays."""

from rfm_ml.segments.maps import PROSPECT, SegmentMap, load_map, map_names
from rfm_ml.segments.model import SegmentModel
from rfm_ml.segments.overlays import engaged, overlay_reasons, with_overlays, with_prospects
from rfm_ml.segments.profile import (
    concentration,
    pair_panel,
    segment_profile,
    share_of_customers_for,
    single_panel,
)

__all__ = [
    "PROSPECT",
    "SegmentMap",
    "SegmentModel",
    "concentration",
    "engaged",
    "load_map",
    "map_names",
    "overlay_reasons",
    "pair_panel",
    "segment_profile",
    "share_of_customers_for",
    "single_panel",
    "with_overlays",
    "with_prospects",
]
