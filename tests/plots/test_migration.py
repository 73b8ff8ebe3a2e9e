"""Figures of movement draw what their tables say."""

from itertools import pairwise

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from rfm_ml.plots import plot_flow, plot_movement_matrix, plot_net, plot_sizes_over_time, segment_colour
from rfm_ml.plots.migration import MOST_SEGMENTS, OTHERS
from rfm_ml.plots.style import BLUE, ORANGE

MATRIX = pd.DataFrame(
    [("new", "New", 5), ("Champions", "Champions", 10), ("Champions", "Lost", 2), ("New", "Champions", 3)],
    columns=["from_segment", "to_segment", "customers"],
)
DAYS = pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"])
SIZES = pd.DataFrame(
    [(d, s, n * (i + 1)) for i, d in enumerate(DAYS) for s, n in (("Champions", 2), ("Never", 0), ("Lost", 4))],
    columns=["as_of", "segment", "customers"],
)
NET = pd.DataFrame({"segment": ["Champions", "New", "Lost"], "by_customers": [3, 0, -3], "by_refit": [-2, 0, 2]})


def texts(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.texts if t.get_text()]


def title_of(ax: Axes) -> str:
    return ax.get_figure().get_suptitle()


def many(count: int) -> pd.DataFrame:
    names = [f"Segment {i:02d}" for i in range(count)]
    return pd.DataFrame({"from_segment": names, "to_segment": names[::-1], "customers": range(100, 100 + count)})


def test_flow_names_both_sides_and_the_bands_are_as_wide_as_their_customers() -> None:
    ax = plot_flow(MATRIX)
    assert texts(ax) == ["Champions  12", "New  3", "new  5", "Champions  13", "New  5", "Lost  2"]
    assert title_of(ax) == "10 of 20 customers moved, came or went"
    bands = ax.patches[: len(MATRIX)]
    widths = {(to_hex(b.get_facecolor()), b.get_alpha()): b.get_path().vertices for b in bands}
    ends = [(v[-2][1] - v[0][1], v[4][1] - v[3][1]) for v in widths.values()]
    assert len(ends) == 4
    champions = segment_colour("Champions")
    stayed, fell = widths[champions, 0.25], widths[champions, 0.6]
    assert (stayed[-2][1] - stayed[0][1]) / (fell[-2][1] - fell[0][1]) == pytest.approx(5)
    # Whoever left a block leaves its whole height.
    assert sum(v[-2][1] - v[0][1] for v in widths.values()) == pytest.approx(1 - 0.012 * 2)


def test_labels_of_thin_blocks_do_not_lie_on_each_other() -> None:
    thin = pd.concat([MATRIX.assign(customers=10_000), many(10).assign(customers=1)], ignore_index=True)
    ax = plot_flow(thin)
    for side in ("right", "left"):
        heights = sorted(t.get_position()[1] for t in ax.texts if t.get_ha() == side)
        assert min(b - a for a, b in pairwise(heights)) > 0.033
        assert heights[0] >= 0
        assert heights[-1] <= 1.001


def test_too_many_segments_are_joined_and_nobody_is_lost() -> None:
    matrix = many(27)
    for ax in (plot_flow(matrix), plot_movement_matrix(matrix)):
        assert any(OTHERS in t for t in [*texts(ax), *(t.get_text() for t in ax.get_yticklabels())])
    counted = sum(int(t.split()[-1].replace(",", "")) for t in texts(plot_flow(matrix)))
    assert counted == 2 * matrix["customers"].sum()
    assert len(plot_movement_matrix(matrix).get_yticks()) == MOST_SEGMENTS


def test_matrix_writes_every_number_and_the_most_common_movement() -> None:
    ax = plot_movement_matrix(MATRIX)
    assert sorted(texts(ax)) == ["10", "2", "3", "5"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Champions", "New", "new"]
    assert [t.get_text() for t in ax.texts if t.get_fontweight() == "bold"] == ["10"]
    assert title_of(ax) == "Most common: 5 new customers in New"


def test_sizes_leave_out_segments_without_anybody() -> None:
    ax = plot_sizes_over_time(SIZES)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Lost", "Champions"]
    assert title_of(ax) == "Customers by segment: 6 on the first day, 24 on the last"
    assert ax.collections[-1].get_paths()[0].vertices[:, 1].max() == 24
    money = plot_sizes_over_time(SIZES.rename(columns={"customers": "revenue"}), value="revenue", unit="EUR")
    assert money.get_ylabel() == "spend (EUR)"


def test_weeks_have_days_on_the_axis() -> None:
    weeks = SIZES.assign(
        as_of=SIZES["as_of"].map(dict(zip(DAYS, pd.date_range("2024-03-03", periods=4, freq="W"), strict=True)))
    )
    assert plot_sizes_over_time(weeks).get_xticklabels()[0].get_text() == "3 Mar\n2024"


def test_net_tells_the_model_apart_only_if_it_changed() -> None:
    ax = plot_net(NET)
    assert {to_hex(p.get_facecolor()) for p in ax.patches} == {BLUE, ORANGE}
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Champions", "Lost"]
    assert texts(ax) == ["+3", "-3", "-2", "+2"]
    alone = plot_net(NET.assign(by_refit=0))
    assert {to_hex(p.get_facecolor()) for p in alone.patches} == {BLUE}
    assert alone.get_legend() is None


def test_nothing_to_draw_is_said() -> None:
    assert texts(plot_flow(MATRIX[:0])) == ["There are no customers."]
    assert texts(plot_movement_matrix(MATRIX[:0])) == ["There are no customers."]
    assert "only one day" in texts(plot_sizes_over_time(SIZES[:3]))[0].replace("\n", " ")
    assert "No segment has more or" in texts(plot_net(NET.assign(by_customers=0, by_refit=0)))[0]


def test_a_segment_that_was_empty_keeps_its_place() -> None:
    matrix = pd.DataFrame(
        [("Loyal", "Lost", 2), ("Loyal", "Champions", 3), ("Lost", "Lost", 4)],
        columns=["from_segment", "to_segment", "customers"],
    )
    order = ["Champions", "Loyal", "Lost but engaged", "Lost"]
    ax = plot_movement_matrix(matrix, order=order)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["Champions", "Lost"]
    assert [t.split("  ")[0] for t in texts(plot_flow(matrix, order=order))] == ["Loyal", "Lost", "Champions", "Lost"]
