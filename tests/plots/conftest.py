"""Figures are drawn without a screen, checked where they were laid out, and closed."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from rfm_ml.plots import use_style


@pytest.fixture(autouse=True)
def report_style() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        use_style()
        yield
        plt.close("all")
