"""The strategy `clusters`: groups found in the data, named, frozen and explained like all others."""

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from rfm_ml.core.checks import require_between, require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.text import count
from rfm_ml.strategies.base import canonical_json, require_order
from rfm_ml.strategies.clusters.grouped import FEATURES, RECENCY, GroupStrategy
from rfm_ml.strategies.clusters.learned import KEYS as LEARNED
from rfm_ml.strategies.clusters.learned import Learned
from rfm_ml.strategies.clusters.methods import NAMES, find_groups
from rfm_ml.strategies.clusters.scaling import Scaling
from rfm_ml.strategies.clusters.selection import COLUMNS, choose_number, compare_numbers
from rfm_ml.strategies.scale import Floats

KEYS: Final = ("strategy", "params", *LEARNED)
MOST_NOISE: Final = 0.5
REFIT_ROWS: Final = 5_000
MOST_GROUPS: Final = 50
MOST_SEED: Final = 2**32 - 1
LEAST_SAMPLE: Final = 100


class Clusters(GroupStrategy):
    """Groups of customers that lie together, on logarithms that are centred and scaled robustly.

    Parameters
    ----------
    method
        `kmeans`, `mini_batch_kmeans`, `gaussian_mixture`, `bisecting_kmeans`, `hierarchical` (Ward on a sample, the
        nearest centre for everybody) or `hdbscan` (on a sample; dense groups, described by a few points each;
        customers between them go to the nearest group, and their share is told).
    k
        The number of groups, or "auto": see `k_table_` and `reason_`. hdbscan finds it itself.
    k_range
        The smallest and the largest number that "auto" compares.
    features
        Columns of numbers in which groups lie together.
    seed
        Of every draw.
    sample
        Customers from whom hierarchical and hdbscan learn at most.
    smallest_share
        Share of customers that a group of hdbscan has at least.

    Notes
    -----
    A missing value counts as the median, values beyond the range of the fit as its end, negative values by the
    logarithm of their size. Customers without `recency_days` have not ordered and get no group.
    """

    name: ClassVar[str] = "clusters"

    def __init__(
        self,
        method: str = "kmeans",
        *,
        k: int | str = "auto",
        k_range: Sequence[int] = (4, 10),
        features: Sequence[str] = FEATURES,
        seed: int = 0,
        sample: int = 5_000,
        smallest_share: float = 0.02,
    ) -> None:
        self.method = method
        self.k = k
        self.k_range = k_range
        self.features = features
        self.seed = seed
        self.sample = sample
        self.smallest_share = smallest_share

    def fit(self, customers: pd.DataFrame, y: None = None) -> Self:
        """Find the groups among customers who have ordered, and name them."""
        self._check_params()
        ordered = self._has_order(customers)
        require_order(ordered)
        self.learned_ = self._learn(customers[ordered])
        return self

    def _check_params(self) -> None:
        require_known(self.method, NAMES, what="method")
        if self.k != "auto" and self.method == "hdbscan":
            raise ParamsError(f"k must be left out with hdbscan, which finds it itself. Got {self.k!r}. Remove it.")
        if self.k != "auto" and not _whole(self.k, 1, MOST_GROUPS):
            raise ParamsError(f"k must be auto or a whole number from 1 to {MOST_GROUPS}. Got {self.k!r}.")
        ends = list(self.k_range) if isinstance(self.k_range, Sequence) else []
        if len(ends) != 2 or not all(_whole(e, 2, MOST_GROUPS) for e in ends) or ends[0] > ends[1]:
            raise ParamsError(
                f"k_range must be two whole numbers from 2 to {MOST_GROUPS}, as in [4, 10]. Got {self.k_range!r}."
            )
        self._check_features()
        if not _whole(self.seed, 0, MOST_SEED):
            raise ParamsError(f"seed must be a whole number from 0 to {MOST_SEED}. Got {self.seed!r}.")
        if not _whole(self.sample, LEAST_SAMPLE, 10**9):
            raise ParamsError(f"sample must be a whole number of at least {LEAST_SAMPLE}. Got {self.sample!r}.")
        require_between(self.smallest_share, 0, 0.5, name="smallest_share")

    def _learn(self, known: pd.DataFrame) -> Learned:
        """Find and name the groups of customers with an order; warn where they are not what was asked for."""
        k, least = self.k, self.k_range[0]
        scaling = Scaling.learn(known, tuple(self.features))
        ordered = scaling.transform_in_order(known)
        k_table = pd.DataFrame(columns=COLUMNS)
        wanted = least if k == "auto" else int(k)
        reason = f"{count(wanted, 'group')}, as given."
        wanted = min(wanted, len(np.unique(ordered, axis=0)))
        numbers = self._numbers_to_compare(ordered)
        if k == "auto" and self.method != "hdbscan" and len(numbers):
            compared = compare_numbers(ordered, method=self.method, numbers=numbers, seed=self.seed)
            wanted, reason = choose_number(compared)
            k_table = compared.assign(chosen=compared["k"] == wanted)
        options = {n: getattr(self, n) for n in ("method", "seed", "sample", "smallest_share")}
        groups, noise = find_groups(ordered, k=wanted, **options)
        if self.method == "hdbscan":
            reason = (
                f"{count(groups.k, 'group')}: as many dense ones of at least {self.smallest_share:.0%} of customers as "
                f"hdbscan found. {noise:.0%} of customers lay between them and went to the nearest."
            )
        asked = 2 if self.method == "hdbscan" else least if k == "auto" else int(k)
        if groups.k < asked:
            reason = f"{count(groups.k, 'group')}: the customers do not differ enough for {asked}."
            warnings.warn(f"Fewer groups than asked for: {reason}", UserWarning, stacklevel=3)
        elif noise > MOST_NOISE:
            warnings.warn(
                f"{noise:.0%} of customers lie between the groups that hdbscan found and went to the nearest. Another "
                "smallest_share or another method may describe them better.",
                UserWarning,
                stacklevel=3,
            )
        return Learned.of(known, scaling=scaling, groups=groups, k_table=k_table, reason=reason)

    def _numbers_to_compare(self, ordered: Floats) -> range:
        """Return the numbers of groups that so many different customers allow to compare."""
        low, high = self.k_range
        return range(low, min(high, len(np.unique(ordered, axis=0)) - 1) + 1)

    def compare_numbers(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return what speaks for each number of groups, also where the number was given.

        The table of the fit if there is one; no rows for hdbscan and where customers do not differ enough.
        """
        learned = self._fitted()
        if len(learned.k_table) or self.method == "hdbscan":
            return learned.k_table
        ordered = learned.scaling.transform_in_order(customers[self._has_order(customers)])
        numbers = self._numbers_to_compare(ordered)
        table = compare_numbers(ordered, method=self.method, numbers=numbers, seed=self.seed)
        return table.assign(chosen=table["k"] == learned.groups.k)

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""
        learned = self._fitted().to_dict()
        return {"strategy": self.name, "params": json.loads(canonical_json(self.get_params(deep=False))), **learned}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote."""
        cls._require_state(state, KEYS)
        try:
            params: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in state["params"].items()}
            made = cls(**params)
            made._check_params()
            made.learned_ = Learned.from_dict(state)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ParamsError(f"A frozen {cls.name} must be as it was written. {error} Fit it again.") from None
        return made


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


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
    if len(known) > REFIT_ROWS:
        known = known.iloc[np.sort(rng.choice(len(known), REFIT_ROWS, replace=False))]
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
