"""The figure of products: what is drawn, cut, and said where there is nothing."""

import pandas as pd

from rfm_ml.plots.segments import plot_product_lift

PRODUCTS = pd.DataFrame(
    {
        "segment": ["Champions"] * 5 + ["Lost"],
        "rank": [1, 2, 3, 4, 5, 1],
        "label": ["tea", "a product with a name far too long to be read", "jam", "gin", "rum", "tea"],
        "share": [0.5, 0.25, 0.1, 0.1, 0.1, 0.0],
        "lift": [2.0, 1.5, 1.25, 1.2, 0.9, 1.0],
        "by_lift": [True, True, True, True, False, False],
    }
)


def test_the_first_three_of_each_segment_that_their_lift_ranks() -> None:
    ax = plot_product_lift(PRODUCTS)
    assert [round(bar.get_width(), 2) for bar in ax.patches] == [1.0, 0.5, 0.25]
    assert [t.get_text() for t in ax.texts] == ["2.0 (50.0%)", "1.5 (25.0%)", "1.2 (10.0%)"]
    assert ax.get_figure().get_suptitle() == "Champions stand out most: tea, lift 2.0"
    assert all("read" not in label.get_text() for label in ax.get_yticklabels())


def test_nothing_to_draw_is_said() -> None:
    nothing = PRODUCTS[~PRODUCTS["by_lift"]]
    assert "No segment buys a product more" in plot_product_lift(nothing).texts[0].get_text()
    assert plot_product_lift(nothing.head(0), why_not="No lines.").texts[0].get_text() == "No lines."
