"""Scores cut into groups, so that they are compared with segmentations on equal terms."""

from dataclasses import dataclass

import numpy as np

from rfm_ml.evaluation.candidates import Rule
from rfm_ml.evaluation.origins import History, Past


@dataclass(frozen=True)
class CutRule:
    """A score cut into groups as a segmentation is fitted: "1" holds the lowest scores.

    Attributes
    ----------
    edges
        Highest score of each group but the last.
    values
        Mean spend of each group's customers in the H days after the edges were learned, in currency.
    """

    rule: Rule
    edges: np.ndarray
    values: np.ndarray

    def _groups(self, past: Past) -> np.ndarray:
        return np.searchsorted(self.edges, self.rule.scores(past), side="left")

    def labels(self, past: Past) -> np.ndarray:
        """Return the group of each customer; equal scores are in one group."""
        return (self._groups(past) + 1).astype(str).astype(object)

    def scores(self, past: Past) -> np.ndarray:
        """Return what the customer's group was worth."""
        return self.values[self._groups(past)]


def cut_rule(rule: Rule, history: History, *, groups: int) -> CutRule:
    """Cut a rule's scores into so many groups: of equal size as of T - H, as far as ties allow.

    As for every segmentation, the edges are learned as of T - H and a group is worth what its customers of that day
    spent in (T - H, T]; later customers are put into groups by the same edges, however many come into each.
    """
    scores = rule.scores(history.before)
    edges = np.unique(np.quantile(scores, np.arange(1, groups) / groups, method="inverted_cdf"))
    edges = edges[edges < scores.max()]  # nobody would be above
    found = np.searchsorted(edges, scores, side="left")
    values = np.bincount(found, weights=history.between) / np.bincount(found)
    return CutRule(rule, edges, values)
