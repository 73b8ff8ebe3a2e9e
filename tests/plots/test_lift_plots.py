"""Figures of campaigns: what is drawn is what the tables say."""

import numpy as np
import pandas as pd
import pytest

from rfm_ml.plots import plot_balance, plot_lift, plot_qini, plot_reductions
from rfm_ml.plots.style import BLUE, ORANGE, QUIET

LIFTS = pd.DataFrame({
    "name": ["a", "b", "c", "d"],
    "lift": [1.0, -2.0, 0.1, 5.0],
    "low": [0.5, -3.0, -1.0, np.nan],
    "high": [1.5, -1.0, 1.2, np.nan],
    "observational": [False, False, True, False],
})  # fmt: skip


def words(ax: object) -> str:
    return " ".join(t.get_text() for t in ax.texts)  # type: ignore[attr-defined]


def title(ax: object) -> str:
    return ax.get_figure()._suptitle.get_text()  # type: ignore[attr-defined]


def test_forest_tells_sides_and_designs_apart() -> None:
    ax = plot_lift(LIFTS, unit="orders")
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_color() for line in dots] == [BLUE, ORANGE, QUIET]
    assert [line.get_markerfacecolor() for line in dots] == [BLUE, ORANGE, "white"]
    assert [float(line.get_xdata()[0]) for line in dots] == [1.0, -2.0, 0.1]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    assert title(ax) == "2 of 3 intervals lie beside 0"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["against a hold-out", "observational: no proof"]
    assert ax.get_xlabel() == "lift in orders per customer"


def test_balance_before_and_after() -> None:
    table = pd.DataFrame({"covariate": ["spend", "age_days"], "before": [0.8, -0.3], "after": [0.02, 0.0]})
    ax = plot_balance(table)
    assert title(ax).endswith("up to 0.02 standard deviations apart")
    assert {line.get_label() for line in ax.lines} >= {"as they were", "weighted"}
    drawn = plot_balance(table.assign(after=np.nan))
    assert title(drawn).endswith("up to 0.80 standard deviations apart")


def test_qini_and_reductions_state_the_figures() -> None:
    curve = pd.DataFrame({"share": [0, 0.5, 1], "gain": [0.0, 80.0, 100.0], "by_chance": [0, 50.0, 100.0]})
    assert title(plot_qini(curve, unit="orders")) == "The best half brings 80 of 100 orders"
    reductions = pd.DataFrame({"campaign": ["x", "y"], "reduction": [0.1, 0.3]})
    assert title(plot_reductions(reductions)) == "Past behaviour takes out 20% of the variance"


@pytest.mark.parametrize("draw", [
    lambda: plot_lift(LIFTS[3:], unit="orders"),
    lambda: plot_balance(pd.DataFrame(columns=["covariate", "before", "after"])),
    lambda: plot_qini(pd.DataFrame(columns=["share", "gain", "by_chance"]), unit="orders"),
    lambda: plot_reductions(pd.DataFrame(columns=["campaign", "reduction"])),
])  # fmt: skip
def test_without_anything_to_draw_the_reason_stands_there(draw: object) -> None:
    ax = draw()  # type: ignore[operator]
    assert "campaign" in words(ax)
