"""One params file and one as-of day, bound to the stages."""

from rfm_ml.study.study import Study

__all__ = ["Study"]
