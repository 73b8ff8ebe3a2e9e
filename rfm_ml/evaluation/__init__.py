"""How good a strategy or a model is: measures by what customers did next, with what may be inferred from them.

`value_measures` judges a score, `segment_measures` the segments themselves, both also on bootstrap weights.
"""

from rfm_ml.evaluation.measures import segment_measures, value_measures

__all__ = ["segment_measures", "value_measures"]
