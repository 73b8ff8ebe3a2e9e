"""Whether a segmentation can be said in words: how well a small tree on raw R, F and M finds the segments."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.grouping import label_codes
from rfm_ml.evaluation.sample import weight_rows, weighted_sums
from rfm_ml.evaluation.stability import Labels
from rfm_ml.models.arrays import FloatArray

RAW: Final = ("recency_days", "orders", "spend")
FAR: Final = 1e6
"""So many days beyond the longest recency lie those who never ordered."""


class TreeAccuracy(NamedTuple):
    """Share of customers whose segment a small tree finds, and the baseline: naming the largest segment always.

    `hits` are True, by customer, where the tree that had not seen him was right.
    """

    accuracy: float
    baseline: float
    hits: NDArray[np.bool_]

    def on(self, weights: ArrayLike) -> FloatArray:
        """Return the accuracy of bootstrap samples, for weights of shape (repeats, n): shape (repeats,)."""
        rows = weight_rows(weights, size=len(self.hits))
        return np.asarray(weighted_sums(rows, self.hits) / rows.sum(axis=1))


def tree_accuracy(
    customers: pd.DataFrame, labels: Labels, *, max_leaves: int = 12, folds: int = 5, seed: int = 0
) -> TreeAccuracy:
    """Cross-validate a tree with few leaves that tells the segment from recency, orders and spend alone.

    Parameters
    ----------
    customers
        `recency_days` (missing without an order), `orders` and `spend` in currency. With `customer_id` the folds are
        dealt in its order, so that the order of rows does not matter.
    labels
        Shape (n,): the segments, by position.
    max_leaves
        Leaves are rules: so many sentences would be needed at most.
    folds
        Parts of which each is predicted by a tree that learned from the others; no more than customers.
    seed
        Of the dealing.

    Raises
    ------
    DataError
        If a column or a label is missing, or there are fewer than two customers.

    Notes
    -----
    Source: Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees, leaves limited by best-first
    growth; as a surrogate, Craven & Shavlik (1996), "Extracting tree-structured representations of trained networks".
    """
    require_between(max_leaves, 2, 1000, name="max_leaves")
    require_between(folds, 2, 100, name="folds")
    require_columns(list(customers.columns), RAW, what="The customers")
    if len(customers) < 2:
        raise DataError(f"A tree must be judged on at least two customers. Got {len(customers)}.")
    codes = label_codes(labels, size=len(customers))[0]
    order = np.arange(len(customers))
    if "customer_id" in customers.columns:
        order = np.asarray(customers["customer_id"].argsort(kind="stable"))
    raw = customers.loc[:, list(RAW)].to_numpy(dtype=np.float64, na_value=np.nan)[order]
    # A contact without an order has no recency: he is beyond all others.
    raw[:, 0] = np.where(np.isnan(raw[:, 0]), np.nanmax(raw[:, 0], initial=0) + FAR, raw[:, 0])
    found = _found(raw, pd.factorize(codes[order])[0], (max_leaves, min(folds, len(raw)), seed))
    hits = np.empty(len(raw), dtype=bool)
    hits[order] = found
    return TreeAccuracy(float(hits.mean()), float(np.bincount(codes).max() / len(codes)), hits)


def _found(raw: FloatArray, codes: NDArray[np.int64], how: tuple[int, int, int]) -> NDArray[np.bool_]:
    max_leaves, folds, seed = how
    hits = np.zeros(len(raw), dtype=bool)
    for learn, judge in KFold(folds, shuffle=True, random_state=seed).split(raw):
        tree = DecisionTreeClassifier(max_leaf_nodes=max_leaves, random_state=seed)
        tree.fit(raw[learn], codes[learn])
        hits[judge] = tree.predict(raw[judge]) == codes[judge]
    return hits
