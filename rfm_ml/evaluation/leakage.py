"""The guard against leakage: whose answers change when the future is removed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rfm_ml.evaluation.candidates import Candidate
from rfm_ml.evaluation.origins import History

TOO_GOOD = 0.97
"""A normalised Gini that nobody reaches who does not know what comes."""


def leaking_candidates(candidates: Sequence[Candidate], *, honest: History, seen: History) -> dict[str, float]:
    """Return the candidates whose answers change when later orders are in reach, with the share of customers.

    `honest` and `seen` are what was known on the same day, computed from the log up to that day, and from the whole
    log. Candidates learn from both here. Where both are the same tables nobody can tell them apart, and nobody is
    asked.

    Notes
    -----
    Kaufman, Rosset & Perlich (2012), "Leakage in data mining", ACM Transactions on Knowledge Discovery from Data 6(4):
    what is learned from must have been there when the prediction is made.
    """
    if _same(honest, seen):
        return {}
    shares = {c.name: _changed(c, honest=honest, seen=seen) for c in candidates}
    return {name: share for name, share in shares.items() if share > 0}


def _same(one: History, other: History) -> bool:
    tables = [(getattr(getattr(h, when), table)) for when in ("now", "before") for table in ("customers", "base")
              for h in (one, other)]  # fmt: skip
    return all(_equal(a, b) for a, b in zip(tables[::2], tables[1::2], strict=True))


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    try:
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=0, check_like=True)
    except AssertionError:
        return False
    return True


def _changed(candidate: Candidate, *, honest: History, seen: History) -> float:
    answers = []
    for history in (honest, seen):
        rule = candidate.learn(history)
        answers.append((rule.scores(history.now), rule.labels(history.now)))
    (scores, labels), (other_scores, other_labels) = answers
    if len(scores) != len(other_scores):
        return 1.0
    different = ~np.isclose(scores, other_scores, rtol=1e-9, atol=1e-12)
    if labels is not None and other_labels is not None:
        different |= labels != other_labels
    return float(different.mean())
