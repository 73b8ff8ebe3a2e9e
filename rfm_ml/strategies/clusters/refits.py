"""Do the groups come back: refits on resampled customers, names aligned."""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone

from rfm_ml.strategies.clusters.strategy import RECENCY, Clusters

ROWS = 5_000


def refit_stability(fitted: Clusters, customers: pd.DataFrame, *, refits: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return how many customers of each group keep its name when the groups are learned from resampled customers.

    Parameters
    ----------
    fitted
        The clusters in question.
    customers
        As for `fit`; at most 5,000 with an order are drawn.
    refits
        Bootstrap samples, each with the number of groups as fitted and names aligned.
    seed
        Of the draws.

    Returns
    -------
    pd.DataFrame
        `group, customers, kept_share, lowest_share`, in the order of the groups: the mean and the lowest share over
        the refits; NaN where no drawn customer is in the group.

    Notes
    -----
    Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics & Data Analysis 52 (2007), with
    the share kept in place of the Jaccard index.
    """
    known = customers[customers[RECENCY].notna()]
    rng = np.random.default_rng(seed)
    # The same customers in the same order, however the table is sorted.
    known = known.sort_values([*dict.fromkeys([RECENCY, *fitted.features])], kind="stable")
    if len(known) > ROWS:
        known = known.iloc[np.sort(rng.choice(len(known), ROWS, replace=False))]
    before = fitted.predict(known)
    names = fitted.labels
    again = clone(fitted) if fitted.method == "hdbscan" else clone(fitted).set_params(k=len(names))
    shares = []
    for _ in range(refits):
        drawn = known.iloc[rng.integers(0, len(known), len(known))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a sample may have fewer different customers
            refit = again.fit(drawn)
        refit.align(fitted, drawn)
        shares.append((refit.predict(known) == before).groupby(before).mean().reindex(names))
    every = pd.concat(shares, axis=1)
    table = pd.DataFrame({"group": names, "customers": fitted.learned_.counts})
    return table.assign(kept_share=every.mean(axis=1).to_numpy(), lowest_share=every.min(axis=1).to_numpy())
