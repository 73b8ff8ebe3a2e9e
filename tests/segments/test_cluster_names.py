"""Clusters and the map of twelve speak the same language."""

from rfm_ml.segments import load_map
from rfm_ml.strategies.clusters.naming import VOCABULARY, cell_name


def test_the_same_cell_has_the_same_name_as_in_the_map_of_twelve() -> None:
    twelve = load_map("twelve")
    for row in twelve.table().itertuples():
        assert cell_name(row.R, row.F, row.M) == row.segment
    assert list(VOCABULARY) == twelve.segments
