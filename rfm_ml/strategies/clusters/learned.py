"""What a fit leaves behind: groups, their names, medians and sizes, and why there are so many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.clusters.groups import Groups, groups_from_dict, labels_of
from rfm_ml.strategies.clusters.naming import RFM, SCORES, name_groups, rank_of, score_scales
from rfm_ml.strategies.clusters.scaling import Scaling
from rfm_ml.strategies.clusters.selection import COLUMNS
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints, Scale

KEYS: Final = (
    "scaling",
    "model",
    "names",
    "centres",
    "scales",
    "score_counts",
    "counts",
    "k_table",
    "reason",
    "alignment",
)

SAME: Final = 0.2
"""Jaccard index from which two groups count as one: the customers they share among those in either."""


@dataclass(frozen=True, eq=False)
class Learned:
    """Everything that was learned, in the order of the groups: the best first."""

    scaling: Scaling
    groups: Groups
    names: tuple[str, ...]
    centres: pd.DataFrame
    scales: dict[str, Scale]
    score_counts: dict[str, Ints]
    counts: Ints
    k_table: pd.DataFrame
    reason: str
    alignment: str = ""

    @classmethod
    def of(cls, known: pd.DataFrame, *, scaling: Scaling, groups: Groups, k_table: pd.DataFrame, reason: str) -> Self:
        """Name the groups found among customers, and put them in order."""
        labels = labels_of(groups, scaling.transform(known))
        centres, counts = _medians(known, labels, scaling.features), np.bincount(labels)
        scales = score_scales(known)
        scored = {a: s.score(number_column(known, s.column)) for a, s in scales.items()}
        sizes = {a: np.bincount(some, minlength=SCORES + 1)[1:] for a, some in scored.items()}
        made = cls(scaling, groups, ("",) * groups.k, centres, scales, sizes, counts, k_table, reason)
        # By value first, so that the better of two namesakes has the plain name; then by what the names say.
        made = made._in_order(made.names)
        return made._in_order(name_groups(made.centres, scales=scales))

    def _in_order(self, names: Sequence[str]) -> Self:
        """Return the same with these names, sorted by their rank, then by median spend, then by size."""
        spend = self.centres["spend"].to_numpy() if "spend" in self.centres else np.zeros(len(names))
        keys = zip(map(rank_of, names), -spend, -self.counts, range(len(names)), strict=True)
        order = np.array([key[-1] for key in sorted(keys)])
        return replace(
            self,
            groups=self.groups.take(order),
            names=tuple(names[i] for i in order),
            centres=self.centres.iloc[order].reset_index(drop=True),
            counts=self.counts[order],
        )

    def labels(self, known: pd.DataFrame) -> Ints:
        """Return the group of customers with an order by number, 0 is the best, shape (n,)."""
        return labels_of(self.groups, self.scaling.transform(known))

    def fits(self, known: pd.DataFrame) -> Floats:
        """Return how well customers with an order fit each group, shape (n, k)."""
        return self.groups.fit_of(self.scaling.transform(known))

    def aligned(self, earlier: "Learned", known: pd.DataFrame) -> Self:
        """Return the same, with the names of those earlier groups that today's customers show to be the same."""
        shape = (self.groups.k, earlier.groups.k)
        matched = _match_groups(self.labels(known), earlier.labels(known), shape=shape)
        kept = {new: earlier.names[old] for new, old in matched.items()}
        told = f"{len(kept)} of {self.groups.k} groups keep the name they had"
        return replace(self._in_order(name_groups(self.centres, scales=self.scales, kept=kept)), alignment=told)

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned as plain values for JSON."""
        return {
            "scaling": self.scaling.to_dict(),
            "model": self.groups.to_dict(),
            "names": list(self.names),
            "centres": self.centres.to_dict("list"),
            "scales": {letter: s.to_dict() for letter, s in self.scales.items()},
            "score_counts": {letter: c.tolist() for letter, c in self.score_counts.items()},
            "counts": self.counts.tolist(),
            "k_table": self.k_table.astype(object).where(self.k_table.notna(), None).to_dict("list"),
            "reason": self.reason,
            "alignment": self.alignment,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        scaling = Scaling.from_dict(state["scaling"])
        groups = groups_from_dict(state["model"], features=len(scaling.features))
        names, counts = tuple(map(str, state["names"])), np.array(state["counts"], dtype=np.int64)
        centres = pd.DataFrame(state["centres"], dtype=np.float64)
        if not len(names) == len(counts) == len(centres) == groups.k or not set(scaling.features) <= set(centres):
            raise ParamsError("Names, counts and centres must be as many as groups.")
        scales = {a: Scale.from_dict(s, what=f"The scale of {a}") for a, s in state["scales"].items()}
        sizes = {a: np.array(c, dtype=np.int64) for a, c in state["score_counts"].items()}
        if set(sizes) != set(scales) or any(len(sizes[a]) != s.bins for a, s in scales.items()):
            raise ParamsError("There must be one count per score.")
        k_table = pd.DataFrame(state["k_table"], columns=COLUMNS)
        told = str(state["reason"]), str(state["alignment"])
        return cls(scaling, groups, names, centres, scales, sizes, counts, k_table, *told)


def _medians(known: pd.DataFrame, labels: Ints, features: Sequence[str]) -> pd.DataFrame:
    columns = dict.fromkeys([*features, *[c for c in RFM.values() if c in known.columns]])
    values = pd.DataFrame({c: number_column(known, c) for c in columns}).replace([np.inf, -np.inf], np.nan)
    # A column that a whole group lacks counts as everybody's median, as a missing value does.
    return values.groupby(labels).median().fillna(values.median()).reset_index(drop=True)


def _match_groups(labels: Ints, before: Ints, *, shape: tuple[int, int]) -> dict[int, int]:
    """Return the earlier group of each new one, by the Hungarian method (Kuhn, 1955) on the Jaccard indices."""
    both = np.zeros(shape)
    np.add.at(both, (labels, before), 1)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    same = both / np.maximum(either, 1)
    pairs = zip(*linear_sum_assignment(same, maximize=True), strict=True)
    return {int(new): int(old) for new, old in pairs if same[new, old] >= SAME}
