"""Figures: each draws a tidy table that another stage computed, and returns its axes."""

from rfm_ml.core.text import amount, count, percent
from rfm_ml.plots.behaviour import plot_cohorts, plot_funnel, plot_rates
from rfm_ml.plots.calibration import plot_calibration
from rfm_ml.plots.campaigns import plot_expected_profit, plot_filters, plot_overlap
from rfm_ml.plots.clusters import plot_centres, plot_numbers, plot_points, plot_refits
from rfm_ml.plots.comparison import (
    plot_agreement,
    plot_apart,
    plot_differences,
    plot_gains,
    plot_pareto,
    plot_profit,
)
from rfm_ml.plots.concentration import plot_concentration
from rfm_ml.plots.distributions import measure_label, plot_distribution
from rfm_ml.plots.grids import plot_pair_panel
from rfm_ml.plots.history import plot_segment_history
from rfm_ml.plots.levels import plot_levels, plot_recent
from rfm_ml.plots.lift import plot_balance, plot_lift, plot_qini, plot_reductions
from rfm_ml.plots.migration import plot_flow, plot_movement_matrix, plot_net
from rfm_ml.plots.months import plot_months
from rfm_ml.plots.over_time import plot_level_lines, plot_levels_over_time
from rfm_ml.plots.products import plot_product_lift
from rfm_ml.plots.segments import plot_rhythm, plot_segment_shares, plot_segment_sizes
from rfm_ml.plots.sizes import plot_dynamic_sizes, plot_sizes_over_time
from rfm_ml.plots.style import segment_colour, use_style
from rfm_ml.plots.surfaces import plot_surface
from rfm_ml.plots.tracking import plot_next_orders, plot_tracking
from rfm_ml.plots.waterfall import plot_waterfall

__all__ = [
    "amount",
    "count",
    "measure_label",
    "percent",
    "plot_agreement",
    "plot_apart",
    "plot_balance",
    "plot_calibration",
    "plot_centres",
    "plot_cohorts",
    "plot_concentration",
    "plot_differences",
    "plot_distribution",
    "plot_dynamic_sizes",
    "plot_expected_profit",
    "plot_filters",
    "plot_flow",
    "plot_funnel",
    "plot_gains",
    "plot_level_lines",
    "plot_levels",
    "plot_levels_over_time",
    "plot_lift",
    "plot_months",
    "plot_movement_matrix",
    "plot_net",
    "plot_next_orders",
    "plot_numbers",
    "plot_overlap",
    "plot_pair_panel",
    "plot_pareto",
    "plot_points",
    "plot_product_lift",
    "plot_profit",
    "plot_qini",
    "plot_rates",
    "plot_recent",
    "plot_reductions",
    "plot_refits",
    "plot_rhythm",
    "plot_segment_history",
    "plot_segment_shares",
    "plot_segment_sizes",
    "plot_sizes_over_time",
    "plot_surface",
    "plot_tracking",
    "plot_waterfall",
    "segment_colour",
    "use_style",
]
