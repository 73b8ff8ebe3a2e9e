"""The parameters of a study: one YAML file, checked whole before anything runs."""

from rfm_ml.params.analysis import Clv, Comparison
from rfm_ml.params.reading import load_params, parse_params
from rfm_ml.params.study import Params
from rfm_ml.params.tables import Table

__all__ = ["Clv", "Comparison", "Params", "Table", "load_params", "parse_params"]
