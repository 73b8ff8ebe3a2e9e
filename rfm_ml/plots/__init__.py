"""Figures: each draws a tidy table that another stage computed, and returns its axes.

Every function takes `title` (None states what the figure shows, mostly with its leading number) and `ax`, the axes to
draw on (None makes a new figure of the report's width). `unit` and `currency` are those of an axis; `why_not` is said
where there is nothing to draw.
"""

from rfm_ml.core.text import amount, count, percent
from rfm_ml.plots.behaviour import plot_cohorts, plot_funnel, plot_rates
from rfm_ml.plots.campaigns import (
    plot_balance,
    plot_expected_profit,
    plot_filters,
    plot_lift,
    plot_overlap,
    plot_qini,
    plot_reductions,
)
from rfm_ml.plots.clusters import plot_centres, plot_numbers, plot_points, plot_refits
from rfm_ml.plots.comparison import plot_agreement, plot_apart, plot_differences, plot_gains, plot_pareto, plot_profit
from rfm_ml.plots.distributions import measure_label, plot_concentration, plot_distribution
from rfm_ml.plots.migration import plot_flow, plot_movement_matrix, plot_net
from rfm_ml.plots.over_time import plot_dynamic_sizes, plot_level_lines, plot_levels_over_time, plot_sizes_over_time
from rfm_ml.plots.panels import plot_levels, plot_pair_panel, plot_recent
from rfm_ml.plots.predictions import plot_calibration, plot_next_orders, plot_surface, plot_tracking
from rfm_ml.plots.segments import (
    plot_product_lift,
    plot_rhythm,
    plot_segment_history,
    plot_segment_shares,
    plot_segment_sizes,
)
from rfm_ml.plots.style import segment_colour, use_style
from rfm_ml.plots.transactions import plot_months, plot_waterfall

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
