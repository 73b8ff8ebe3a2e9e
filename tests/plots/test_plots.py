"""Every figure draws what its table says, and nothing of it is cut off."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

from rfm_ml.plots import (
    plot_calibration,
    plot_centres,
    plot_cohorts,
    plot_concentration,
    plot_distribution,
    plot_funnel,
    plot_level_lines,
    plot_levels,
    plot_levels_over_time,
    plot_months,
    plot_next_orders,
    plot_numbers,
    plot_pair_panel,
    plot_points,
    plot_rates,
    plot_recent,
    plot_refits,
    plot_rhythm,
    plot_segment_history,
    plot_segment_shares,
    plot_segment_sizes,
    plot_surface,
    plot_tracking,
    plot_waterfall,
    segment_colour,
)

PROFILE = pd.DataFrame(
    {
        "segment": ["Champions", "Loyal", "New", "Lost"],
        "customers": [10, 25, 0, 65],
        "customer_share": [0.10, 0.25, 0.0, 0.65],
        "revenue": [1200.0, 500.0, 0.0, 300.0],
        "revenue_share": [0.6, 0.25, 0.0, 0.15],
    }
)
CURVE = pd.DataFrame({"customer_share": [0.0, 0.2, 0.5, 1.0], "revenue_share": [0.0, 0.5, 0.8, 1.0]})
WATERFALL = pd.DataFrame(
    {
        "step": ["gross", "customer missing", "after the as-of day", "net"],
        "rows": [1000, -50, -150, 800],
        "amount": [5000.0, -100.0, 25.5, 4925.5],
    }
)
DISTRIBUTION = pd.DataFrame(
    {"low": [0.5, 1.5, 2.5], "high": [1.5, 2.5, 40.5], "customers": [70, 20, 10], "log": [False] * 3}
)
GROWING = pd.DataFrame(
    {"low": [0.0, 1.0, 2.0, 5.0, 10.0], "high": [1.0, 2.0, 5.0, 10.0, 900.0], "customers": [1, 2, 4, 3, 1], "log": True}
)
PANEL = pd.DataFrame(
    {
        "score": [1, 2, 3],
        "level": ["long", "medium", "short"],
        "customers": [60, 0, 40],
        "customer_share": [0.6, 0.0, 0.4],
        "orders_share": [0.3, 0.0, 0.7],
        "revenue_share": [0.25, 0.0, 0.75],
    }
)
RECENT = pd.DataFrame(
    {
        "score": [1, 2, 3],
        "orders_before": [4, 5, 11],
        "orders_recent": [0, 0, 22],
        "revenue_before": [100.0, 50.0, 250.0],
        "revenue_recent": [0.0, 0.0, 300.0],
    }
)
PAIR = pd.DataFrame(
    {
        "row_score": [1, 1, 2, 2],
        "row_level": ["long", "long", "short", "short"],
        "column_score": [1, 2, 1, 2],
        "column_level": ["casual", "often", "casual", "often"],
        "customers": [50, 0, 30, 20],
        "customer_share": [0.5, 0.0, 0.3, 0.2],
        "revenue": [500.0, 0.0, 600.0, 4000.0],
        "revenue_share": [0.098, 0.0, 0.118, 0.784],
    }
)
MONTHS = pd.DataFrame(
    {
        "month": pd.to_datetime(["2025-11-01", "2025-12-01", "2026-01-01"]),
        "complete": [True, True, False],
        "revenue": [12_000.0, 30_000.0, 4_000.0],
    }
)
RHYTHM = pd.DataFrame(
    {
        "rhythm": ["regular", "one-time"],
        "customers": [20, 80],
        "customer_share": [0.2, 0.8],
        "revenue_share": [0.55, 0.45],
    }
)
CALIBRATION = pd.DataFrame(
    {
        "group": ["0", "1", "2", "3+"],
        "customers": [1411, 439, 12_500, 1],
        "actual_mean": [0.25, 0.7, 1.5, 6.0],
        "expected_mean": [0.2, 0.6, 1.2, 6.5],
        "actual_error": [0.02, 0.06, 0.9, np.nan],
    }
)
WEEKS = pd.date_range("2024-01-07", periods=60, freq="7D")
TRACKED = pd.DataFrame(
    {
        "from_day": WEEKS - pd.Timedelta(days=6),
        "to_day": WEEKS,
        "actual_orders": 30,
        "expected_orders": 24.0,
        "actual_total": np.arange(1, 61) * 30,
        "expected_total": np.arange(1, 61) * 24.0,
        "seen": np.arange(60) < 25,
    }
)
SURFACE = pd.DataFrame(
    {
        "repeat_orders": [0, 0, 1, 1],
        "recency_days": [0, 30, 0, 30],
        "p_alive": [1.0, 0.55, 0.8, 0.001],
        "expected_orders": [1.25, 0.5, 12.0, 0.01],
    }
)
AHEAD = pd.DataFrame(
    {
        "week": range(1, 13),
        "from_day": pd.date_range("2024-12-01", periods=12, freq="7D"),
        "expected_orders": np.linspace(51.4, 40, 12),
    }
)
NUMBERS = pd.DataFrame(
    {
        "k": range(4, 11),
        "silhouette": [0.4, 0.41, 0.3, 0.2, np.nan, 0.1, 0.05],
        "gap": np.linspace(1, 2, 7),
        "gap_se": 0.01,
        "bic": np.linspace(260_000, 250_000, 7),
        "stability": [0.9, 0.95, 0.7, 0.6, 0.5, 0.5, 0.4],
        "chosen": [False, True, False, False, False, False, False],
    }
)
GROUPS = ["Champions", "Champions, lower spend, longer ago", "New", "Lost"]
CENTRES = pd.DataFrame(
    [
        (g, m, 1234.5 / (i + 1), i / 4)
        for i, g in enumerate(GROUPS)
        for m in ("recency_days", "orders", "spend", "mean_gap_days")
    ],
    columns=["group", "measure", "value", "position"],
)
POINTS = pd.DataFrame(
    {"group": GROUPS * 5, "recency_days": np.arange(20.0) ** 2, "spend": [-5.0, *np.geomspace(1, 1e4, 19)]}
)
REFITS = pd.DataFrame({"group": GROUPS, "kept_share": [0.99, 0.8, 0.6, np.nan], "lowest_share": [0.9, 0.5, 0, np.nan]})
MANY = pd.DataFrame({"segment": [f"Segment number {i}" for i in range(45)], "customers": range(1, 46)}).assign(
    customer_share=lambda t: t["customers"] / t["customers"].sum(), revenue_share=1 / 45
)

ENDS = pd.date_range("2023-06-30", periods=25, freq="ME")
LONG_NAMES = {3: "short (at most 90 days)", 2: "medium (more than 90 up to 270 days)", 1: "long (more than 270 days)"}
OVER_TIME = pd.DataFrame(
    [
        (day, score, name, 100 * n + 50 * score, 0.2 * score - n / 900, score + n / 24, 0.5 - score / 9)
        for n, day in enumerate(ENDS)
        for score, name in ((1, "casual"), (2, "regular"), (3, "often"))
    ],
    columns=["as_of", "score", "level", "customers", "customer_share", "orders_each", "orders_share"],
)
BOUGHT = OVER_TIME.rename(columns={"as_of": "month"}).assign(revenue=lambda t: t["customers"] * 50.0 - 9000)
STEPS = pd.DataFrame({
    "step": ["prospect to first order", "first order to second order", "second order to loyal"],
    "entered": [1132, 7735, 0],
    "reached": [0, 5265, 0],
    "conversion": [0.0, 0.68, np.nan],
    "median_days": [np.nan, 87.0, np.nan],
})  # fmt: skip
COHORTS = pd.DataFrame({"month": ENDS[:24], "new_customers": 200, "second_orders": 90, "second_order_share": 0.45})
RATES = pd.DataFrame({
    "segment": ["Champions", "Loyal", "Lost but engaged"],
    "customers": [1484, 959, 5],
    "ordered_share": [0.664, 0.301, 0.0],
})  # fmt: skip

FIGURES: dict[str, Callable[..., Axes]] = {
    "sizes": lambda **k: plot_segment_sizes(PROFILE, **k),
    "many sizes": lambda **k: plot_segment_sizes(MANY, **k),
    "shares": lambda **k: plot_segment_shares(PROFILE, **k),
    "concentration": lambda **k: plot_concentration(CURVE, **k),
    "waterfall": lambda **k: plot_waterfall(WATERFALL, **k),
    "amounts": lambda **k: plot_waterfall(WATERFALL, measure="amount", currency="$", **k),
    "distribution": lambda **k: plot_distribution(DISTRIBUTION, label="orders per customer", limits=[1.0], **k),
    "growing": lambda **k: plot_distribution(GROWING, label="spend ($)", limits=[1.5, 1.6, 9.0], **k),
    "levels": lambda **k: plot_levels(PANEL, labels={1: "long (more than 180 days)", 3: "short"}, **k),
    "recent": lambda **k: plot_recent(RECENT, currency="EUR", **k),
    "pair": lambda **k: plot_pair_panel(PAIR, **k),
    "mean spend": lambda **k: plot_pair_panel(PAIR, value="mean_spend", currency="EUR", **k),
    "months": lambda **k: plot_months(MONTHS, value="revenue", unit="EUR", **k),
    "numbers of groups": lambda **k: plot_numbers(NUMBERS, **k),
    "centres": lambda **k: plot_centres(CENTRES, currency="EUR", **k),
    "points": lambda **k: plot_points(POINTS, groups=GROUPS, currency="EUR", **k),
    "refits": lambda **k: plot_refits(REFITS, **k),
    "calibration": lambda **k: plot_calibration(CALIBRATION, label="repeat orders before", **k),
    "tracking": lambda **k: plot_tracking(TRACKED, **k),
    "tracking, cumulative": lambda **k: plot_tracking(TRACKED, cumulative=True, **k),
    "tracking, a late fit": lambda **k: plot_tracking(TRACKED.assign(seen=np.arange(60) < 50), **k),
    "tracking, few weeks": lambda **k: plot_tracking(TRACKED[:4], **k),
    "tracking, one week": lambda **k: plot_tracking(TRACKED[:1], **k),
    "alive": lambda **k: plot_surface(SURFACE, **k),
    "orders to come": lambda **k: plot_surface(SURFACE, value="expected_orders", **k),
    "next orders": lambda **k: plot_next_orders(AHEAD, **k),
    "levels over time": lambda **k: plot_levels_over_time(OVER_TIME, measure="Recency", labels=LONG_NAMES, **k),
    "levels on one day": lambda **k: plot_levels_over_time(OVER_TIME.tail(3), **k),
    "orders per customer": lambda **k: plot_level_lines(OVER_TIME, **k),
    "share of orders": lambda **k: plot_level_lines(OVER_TIME, value="orders_share", labels=LONG_NAMES, **k),
    "revenue of levels": lambda **k: plot_level_lines(BOUGHT, value="revenue", currency="EUR", **k),
    "revenue of one month": lambda **k: plot_level_lines(BOUGHT.tail(3), value="revenue", currency="EUR", **k),
    "funnel": lambda **k: plot_funnel(STEPS, **k),
    "cohorts": lambda **k: plot_cohorts(COHORTS, **k),
    "one cohort": lambda **k: plot_cohorts(COHORTS.head(1), **k),
    "retention": lambda **k: plot_rates(RATES, value="ordered_share", **k),
    "rhythm": lambda **k: plot_rhythm(RHYTHM, **k),
}


def widths(ax: Axes) -> list[float]:
    return [p.get_width() for p in ax.patches]


def labels(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.texts]


def title_of(ax: Axes) -> str:
    figure = ax.get_figure(root=True)
    return " ".join((figure.get_suptitle() or ax.get_title(loc="left")).split())


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_lies_on_another(name: str) -> None:
    ax = FIGURES[name]()
    figure = ax.get_figure(root=True)
    figure.canvas.draw()
    page = figure.bbox
    shown = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    boxes = {}
    ticks = {*ax.get_xticklabels(), *ax.get_yticklabels()}
    for text in shown:
        box = text.get_window_extent()
        if text in ticks and not _within(ax, text):
            continue
        assert box.x0 >= page.x0 - 2, text
        assert box.x1 <= page.x1 + 2, text
        assert box.y0 >= page.y0 - 2, text
        assert box.y1 <= page.y1 + 2, text
        boxes[text] = box
    pairs = [(a, b) for i, a in enumerate(boxes) for b in list(boxes)[i + 1 :]]
    crossing = [(a.get_text(), b.get_text()) for a, b in pairs if _overlap(boxes[a], boxes[b])]
    assert not crossing


def _within(ax: Axes, text: Text) -> bool:
    """Tell ticks that are drawn from those that lie outside the limits."""
    x, y = text.get_position()
    low, high = sorted(ax.get_xlim()) if text in ax.get_xticklabels() else sorted(ax.get_ylim())
    return low <= (x if text in ax.get_xticklabels() else y) <= high


def _overlap(a, b) -> bool:
    wide = min(a.x1, b.x1) - max(a.x0, b.x0)
    high = min(a.y1, b.y1) - max(a.y0, b.y0)
    return wide > 2 and high > 2


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_and_text_that_a_phone_can_show(name: str) -> None:
    ax = FIGURES[name]()
    assert len(title_of(ax)) > 10
    figure = ax.get_figure(root=True)
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text().strip()]
    assert min(sizes) >= 11


@pytest.mark.parametrize("name", FIGURES)
def test_draws_on_given_axes_and_returns_them(name: str) -> None:
    _, (left, right) = plt.subplots(1, 2, figsize=(15, 8))
    assert FIGURES[name](ax=right, title="Mine") is right
    assert right.get_title(loc="left") == "Mine"
    assert not left.patches
    assert not left.lines


def test_segment_sizes_draws_those_with_customers_in_order() -> None:
    ax = plot_segment_sizes(PROFILE)
    assert widths(ax) == [10, 25, 65]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Champions", "Loyal", "Lost"]
    assert labels(ax) == ["10 (10.0%)", "25 (25.0%)", "65 (65.0%)"]
    assert title_of(ax) == "The largest segment: Lost, 65.0% of customers"


def test_too_many_segments_are_summed_up_in_a_last_row() -> None:
    ax = plot_segment_sizes(MANY)
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert len(names) == 30
    assert names[0] == "Segment number 16"
    assert names[-1] == "All others (16)"
    assert sum(widths(ax)) == MANY["customers"].sum()
    assert widths(ax)[-1] == sum(range(1, 17))


def test_segment_shares_puts_customers_beside_revenue() -> None:
    ax = plot_segment_shares(PROFILE)
    assert widths(ax) == [0.10, 0.25, 0.65, 0.6, 0.25, 0.15]
    assert "60.0%" in labels(ax)
    assert title_of(ax) == "Champions: 10.0% of customers, 60.0% of revenue"


def test_segment_shares_without_revenue_says_so() -> None:
    ax = plot_segment_shares(PROFILE.assign(revenue_share=np.nan))
    assert labels(ax).count("\N{EN DASH}") == 2
    assert title_of(ax) == "Share of customers and share of revenue"


def test_a_segment_has_one_colour_whoever_else_is_there() -> None:
    whole, part = plot_segment_sizes(PROFILE), plot_segment_shares(PROFILE.iloc[[3]])
    lost = whole.patches[2].get_facecolor()
    assert part.patches[1].get_facecolor() == lost
    assert to_hex(lost) == segment_colour("Lost")


def test_colours_of_the_default_map_differ_and_own_names_are_stable() -> None:
    from rfm_ml.segments import load_map

    names = load_map("twelve").all_names()
    assert len({segment_colour(n) for n in names}) == len(names)
    assert segment_colour("My own segment") == segment_colour("My own segment")
    assert segment_colour("My own segment") != segment_colour("Another segment")


def test_concentration_marks_a_fifth_of_customers_and_the_goal() -> None:
    ax = plot_concentration(CURVE)
    assert title_of(ax) == "80% of revenue comes from 50% of customers"
    assert "20% of customers\nbring 50% of revenue" in labels(ax)
    assert "50% of customers\nbring 80% of revenue" in labels(ax)
    line = ax.lines[1]
    np.testing.assert_allclose(line.get_xdata(), CURVE["customer_share"])
    np.testing.assert_allclose(line.get_ydata(), CURVE["revenue_share"])


def test_concentration_counts_whole_customers() -> None:
    ax = plot_concentration(CURVE, goal=0.65)
    assert title_of(ax) == "65% of revenue comes from 50% of customers"


@pytest.mark.parametrize("curve", [CURVE.assign(revenue_share=np.nan), CURVE.iloc[:1]])
def test_concentration_without_revenue_says_why(curve: pd.DataFrame) -> None:
    ax = plot_concentration(curve)
    assert not ax.lines
    assert "not above 0" in " ".join(labels(ax)[0].split())


def test_waterfall_steps_lead_from_gross_to_net() -> None:
    ax = plot_waterfall(WATERFALL)
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    assert [tuple(sorted(s)) for s in spans] == [(0, 1000), (950, 1000), (800, 950), (0, 800)]
    assert labels(ax) == ["1,000", "\N{MINUS SIGN}50", "\N{MINUS SIGN}150", "800"]
    assert title_of(ax) == "80.0% of rows count"


def test_waterfall_of_money_can_rise() -> None:
    ax = plot_waterfall(WATERFALL, measure="amount", currency="$")
    assert labels(ax) == ["5,000", "\N{MINUS SIGN}100.00", "+25.50", "4,926"]
    assert ax.get_xlabel() == "amount ($)"


def test_distribution_draws_counts_and_puts_limits_beside_whole_numbers() -> None:
    ax = plot_distribution(DISTRIBUTION, label="orders", limits=[1.0])
    assert [p.get_height() for p in ax.patches] == [70, 20, 10]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "3+"]
    assert list(ax.lines[0].get_xdata()) == [1.0, 1.0]
    above = plot_distribution(DISTRIBUTION, label="orders", limits=[2.0], at_least=True)
    assert list(above.lines[0].get_xdata()) == [1.0, 1.0]


def test_distribution_of_growing_ranges_names_round_limits() -> None:
    ax = plot_distribution(GROWING, label="spend", limits=[7.5])
    ticks = dict(zip(ax.get_xticks().tolist(), [t.get_text() for t in ax.get_xticklabels()], strict=True))
    assert ticks == {1.0: "1", 2.0: "2", 3.0: "5", 4.0: "10"}
    assert list(ax.lines[0].get_xdata()) == [3.5, 3.5]


def test_nothing_to_draw_is_said() -> None:
    none = DISTRIBUTION.iloc[:0]
    assert labels(plot_distribution(none, label="orders")) == ["There are no values."]
    assert labels(plot_segment_sizes(PROFILE.iloc[:0])) == ["There are no customers."]
    assert labels(plot_months(MONTHS.iloc[:0])) == ["There are no months."]


def test_levels_have_the_best_on_top_and_only_those_with_a_label() -> None:
    ax = plot_levels(PANEL, measure="Recency", labels={1: "long", 3: "short"})
    assert [t.get_text() for t in ax.get_yticklabels()] == ["short", "long"]
    assert widths(ax) == [0.4, 0.6, 0.7, 0.3, 0.75, 0.25]
    assert labels(ax)[:2] == ["40.0% of customers", "60.0% of customers"]
    assert title_of(ax) == "Recency, level short: 40.0% of customers, 75.0% of revenue"


def test_one_long_label_breaks_all_the_same_way() -> None:
    ax = plot_levels(PANEL, labels={1: "1 (at most 42.10)", 3: "3 (more than 183.65 up to 410.16)"})
    assert [t.get_text() for t in ax.get_yticklabels()] == ["3\n(more than 183.65 up to 410.16)", "1\n(at most 42.10)"]
    ax = plot_levels(PANEL, labels={1: "1 (at most 42.10)", 3: "3 (more than 42.10)"})
    assert [t.get_text() for t in ax.get_yticklabels()] == ["3 (more than 42.10)", "1 (at most 42.10)"]


def test_recent_states_the_change() -> None:
    ax = plot_recent(RECENT, currency="EUR", days=30)
    assert title_of(ax) == "25.0% less revenue in the last 30 days than in the 30 before"
    assert widths(ax) == [250, 50, 100, 300, 0, 0]
    assert labels(ax)[0] == "250.00 in the 30 days before"
    assert ax.get_xlabel() == "revenue (EUR)"
    orders = plot_recent(RECENT, value="orders", labels={3: "short"})
    assert title_of(orders) == "100.0% more orders in the last 90 days than in the 90 before"


def test_recent_leaves_out_levels_that_bought_nothing() -> None:
    still = RECENT.assign(orders_before=[0, 5, 11], revenue_before=[0.0, 50.0, 250.0])
    ax = plot_recent(still)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["3", "2"]


def test_pair_panel_has_the_best_of_both_at_the_top_right_and_blanks_where_nobody_is() -> None:
    ax = plot_pair_panel(PAIR)
    ax.get_figure().canvas.draw()
    cells = {(t.get_position()): t.get_text() for t in ax.texts}
    assert cells == {(0.5, 0.5): "30.0%", (1.5, 0.5): "20.0%", (0.5, 1.5): "50.0%"}
    assert ax.yaxis_inverted()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["short", "long"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["casual", "often"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("frequency", "recency")
    assert title_of(ax) == "Share of customers: highest at recency long, frequency casual (50.0%)"


def test_pair_panel_of_mean_spend_divides_revenue_by_customers() -> None:
    ax = plot_pair_panel(PAIR, value="mean_spend", currency="EUR")
    assert sorted(t.get_text() for t in ax.texts) == ["10.00", "20.00", "200"]
    assert title_of(ax).endswith("highest at recency short, frequency often (200 EUR)")


def test_pair_panel_without_revenue_says_so() -> None:
    ax = plot_pair_panel(PAIR.assign(revenue_share=np.nan), value="revenue_share")
    assert "nothing to share out" in " ".join(labels(ax)[0].split())


def test_months_are_in_order_and_a_month_cut_short_is_marked() -> None:
    ax = plot_months(MONTHS, value="revenue", unit="EUR")
    assert [p.get_height() for p in ax.patches] == [12_000, 30_000, 4_000]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["Nov\n2025", "Dec", "Jan\n2026"]
    assert labels(ax) == ["month not over"]
    assert ax.patches[2].get_facecolor() != ax.patches[1].get_facecolor() == ax.patches[0].get_facecolor()
    assert ax.get_ylabel() == "revenue (EUR)"
    assert title_of(ax) == "Revenue per month: highest in December 2025"


def test_a_month_that_is_over_has_no_mark() -> None:
    assert labels(plot_months(MONTHS.iloc[:2], value="revenue")) == []


def test_importing_the_plots_changes_no_setting() -> None:
    import subprocess
    import sys

    code = (
        "import matplotlib as m; before = dict(m.rcParams); import rfm_ml.plots; "
        "print({k for k in before if before[k] != m.rcParams[k] and k != 'backend'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_concentration_can_share_out_something_else() -> None:
    ax = plot_concentration(CURVE, measure="predicted value")
    assert title_of(ax) == "80% of predicted value comes from 50% of customers"
    assert ax.get_xlabel() == "share of customers, highest predicted value first"
    assert "20% of customers\nbring 50% of predicted value" in labels(ax)


def test_calibration_draws_actual_bars_with_errors_and_expected_dots() -> None:
    ax = plot_calibration(CALIBRATION, label="repeat orders before")
    assert [p.get_height() for p in ax.patches] == [0.25, 0.7, 1.5, 6.0]
    dots = next(line for line in ax.lines if line.get_label() == "expected")
    assert list(dots.get_ydata()) == [0.2, 0.6, 1.2, 6.5]
    ends = [tuple(segment[:, 1]) for segment in ax.collections[0].get_segments()]
    # Twice the error to both sides, not below 0; one customer has none.
    np.testing.assert_allclose(ends, [(0.21, 0.29), (0.58, 0.82), (0.0, 3.3), (6.0, 6.0)])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0\n(1,411)", "1\n(439)", "2\n(12.5k)", "3+\n(1)"]
    # 0.25 * 1411 + 0.7 * 439 + 1.5 * 12500 + 6, and the same of the dots.
    assert title_of(ax) == "Repeat orders: 15,552 expected, 19,416 came (-19.9%)"


def test_tracking_draws_both_lines_and_where_the_model_was_fitted() -> None:
    ax = plot_tracking(TRACKED)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines[:2]}
    assert set(drawn["what customers did"]) == {30}
    assert set(drawn["expected"]) == {24.0}
    assert ax.get_ylabel() == "repeat orders a week"
    assert labels(ax) == ["fitted up to here, predicted from here on"]
    assert title_of(ax) == "Repeat orders where the model is blind: 24.0 expected on average, 30.0 came"
    whole = plot_tracking(TRACKED.assign(seen=True))
    assert len(whole.lines) == 2
    assert "per period" in title_of(whole)


def test_tracking_adds_up() -> None:
    ax = plot_tracking(TRACKED, cumulative=True)
    assert [line.get_ydata()[-1] for line in ax.lines[:2]] == [1800, 1440]
    assert title_of(ax) == "Repeat orders by the end: 1,440 expected, 1,800 came (-20.0%)"


def test_surface_has_few_orders_at_the_bottom_and_long_silence_on_the_right() -> None:
    ax = plot_surface(SURFACE)
    cells = {t.get_position(): t.get_text() for t in ax.texts}
    assert cells == {(0.5, 0.5): "80%", (1.5, 0.5): "<1%", (0.5, 1.5): "100%", (1.5, 1.5): "55%"}
    assert ax.yaxis_inverted()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1", "0"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "30"]
    orders = plot_surface(SURFACE, value="expected_orders")
    assert sorted(t.get_text() for t in orders.texts) == ["0.01", "0.5", "1.2", "12.0"]


def test_next_orders_writes_each_week() -> None:
    ax = plot_next_orders(AHEAD)
    np.testing.assert_allclose([p.get_height() for p in ax.patches], AHEAD["expected_orders"])
    assert labels(ax)[0] == "51"
    assert [t.get_text() for t in ax.get_xticklabels()][:2] == ["Dec 1", "Dec 15"]
    assert title_of(ax) == "Today's customers should place 548 orders in the next 12 weeks"


def test_no_model_and_no_holdout_are_said() -> None:
    assert labels(plot_calibration(CALIBRATION[:0], label="x")) == ["There is no holdout to judge predictions by."]
    assert labels(plot_tracking(TRACKED[:0])) == ["There is no holdout to judge predictions by."]
    assert labels(plot_surface(SURFACE[:0])) == ["There is no model to draw."]
    assert labels(plot_next_orders(AHEAD[:0])) == ["There is no model to look ahead with."]


def test_numbers_of_groups_frame_the_chosen_and_shade_the_best_of_each_measure() -> None:
    ax = plot_numbers(NUMBERS)
    assert title_of(ax) == "5 groups were taken; the darker, the better by that measure"
    assert [p.get_x() for p in ax.patches] == [1]
    shades = np.asarray(ax.collections[0].get_array())
    assert shades.argmax(axis=1).tolist() == [1, 6, 6, 1]  # the lowest BIC is the best


def test_points_have_one_colour_per_group_in_their_order() -> None:
    ax = plot_points(POINTS, groups=GROUPS)
    assert [c.get_label() for c in ax.collections] == GROUPS
    assert len({to_hex(c.get_facecolor()[0]) for c in ax.collections}) == 4


def test_refits_name_the_least_stable_group_and_leave_out_the_empty() -> None:
    ax = plot_refits(REFITS)
    assert title_of(ax) == "Least stable: New, 60% keep the name"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Champions", "Champions, lower spend, longer\nago", "New"]


def test_a_qualified_name_has_a_paler_shade_of_the_plain_one() -> None:
    plain, qualified = (to_rgb(segment_colour(n)) for n in ("Champions", "Champions, lower spend"))
    assert all(q > p for p, q in zip(plain, qualified, strict=True))
    assert segment_colour("Premium, lapsed") != segment_colour("Premium, active")


def test_piles_sum_to_all_customers_and_the_best_is_at_the_bottom() -> None:
    ax = plot_levels_over_time(OVER_TIME, measure="Recency", labels=LONG_NAMES)
    assert [len(c) for c in ax.containers] == [25, 25, 25]
    assert [c.get_label() for c in ax.containers] == [LONG_NAMES[s] for s in (3, 2, 1)]
    last = [c[-1] for c in ax.containers]
    assert [b.get_height() for b in last] == [2550, 2500, 2450]
    assert last[2].get_y() == 5050
    assert title_of(ax) == "Recency, level short (at most 90 days): 57.3% of customers, 60.0% in June 2023"


def test_no_earlier_days_are_said_so() -> None:
    for draw in (plot_levels_over_time, plot_level_lines):
        assert labels(draw(OVER_TIME.head(0))) == ["There are no earlier days to look back on."]


def test_rates_nobody_knows_are_said_so() -> None:
    ax = plot_rates(None, value="active_share", why_not="The params name no events.")
    assert labels(ax) == ["The params name no events."]


def test_funnel_says_where_most_are_lost() -> None:
    ax = plot_funnel(STEPS)
    assert title_of(ax) == "Where most stop: first order to second order, taken by 68.0%"
    assert labels(ax) == ["1,132", "7,735", "0", "0: 0.0%", "5,265: 68.0%, half within 87 days", "0"]


@pytest.mark.parametrize(
    ("days", "ticks", "title"),
    [
        (["2024-12-31", "2025-01-31"], ["Dec\n2024", "Jan\n2025"], "1 segment in 2 months"),
        (["2025-01-24", "2025-01-31"], ["24 Jan\n2025", "31 Jan"], "1 segment on 2 days"),
    ],
)
def test_a_history_names_days_where_a_month_has_several(days: list[str], ticks: list[str], title: str) -> None:
    history = pd.DataFrame({"as_of": pd.to_datetime(days), "segment": "Loyal"})
    ax = plot_segment_history(history)
    assert [t.get_text() for t in ax.get_xticklabels()] == ticks
    assert title_of(ax) == title
