"""From a study to a published report: notebooks executed, pages, index, manifest."""

from rfm_ml.reporting.run import RunResult, run_study

__all__ = ["RunResult", "run_study"]
