"""The strategy `clusters`: groups found in the data, named, frozen and explained like all others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.strategies.clusters.finding import learn, numbers_to_compare, scaled_in_order
from rfm_ml.strategies.clusters.learned import KEYS as LEARNED
from rfm_ml.strategies.clusters.learned import Learned
from rfm_ml.strategies.clusters.naming import MEASURES
from rfm_ml.strategies.clusters.options import check_options
from rfm_ml.strategies.clusters.selection import compare_numbers
from rfm_ml.strategies.clusters.wording import move_up_sentences, reasons
from rfm_ml.strategies.frozen import canonical_json, fingerprint_of, stability_index
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints

FEATURES: Final = ("recency_days", "orders", "spend")
RECENCY: Final = "recency_days"
KEYS: Final = ("strategy", "params", *LEARNED)


class Clusters(BaseEstimator):
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

    Attributes
    ----------
    learned_
        Groups, names, medians and sizes, best first: by the vocabulary of the map of twelve, then by spend.

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
        """Find the groups among customers who have ordered, and name them.

        Raises
        ------
        ParamsError
            If an argument is not usable.
        DataError
            If a column is missing or holds no number, or nobody has ordered.
        """
        self._check_params()
        known = customers[self._has_order(customers)]
        if known.empty:
            raise DataError(
                f"fit must see at least one customer with an order. Got {len(customers)} customers, none with "
                f"{RECENCY}. Check the as-of day and the orders before it."
            )
        low, high = self.k_range
        options = {**self.get_params(deep=False), "k_range": (low, high), "features": tuple(self.features)}
        self.learned_ = learn(known, **options)
        return self

    def _check_params(self) -> None:
        check_options(**self.get_params(deep=False))

    def align(self, previous: object, customers: pd.DataFrame) -> str:
        """Let groups that an earlier model had keep their names, and say in words how many do.

        Parameters
        ----------
        previous
            The strategy of the earlier model; anything but fitted clusters is left aside, and nothing is said.
        customers
            Labelled by both: groups are matched by the customers they share.
        """
        learned = self._fitted()
        if not isinstance(previous, Clusters) or not hasattr(previous, "learned_"):
            return ""
        known = customers[self._has_order(customers)]
        if not set(previous.features) <= set(known.columns):
            return ""
        self.learned_ = learned.aligned(previous.learned_, known)
        return self.learned_.alignment

    def compare_numbers(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return what speaks for each number of groups, also where the number was given.

        The table of the fit if there is one; no rows for hdbscan and where customers do not differ enough.
        """
        learned = self._fitted()
        if len(learned.k_table) or self.method == "hdbscan":
            return learned.k_table
        ordered = scaled_in_order(customers[self._has_order(customers)], learned.scaling)
        low, high = self.k_range
        numbers = numbers_to_compare(ordered, (low, high))
        table = compare_numbers(ordered, method=self.method, numbers=numbers, seed=self.seed)
        return table.assign(chosen=table["k"] == learned.groups.k)

    def _has_order(self, customers: pd.DataFrame) -> np.ndarray:
        if not isinstance(customers, pd.DataFrame):
            raise DataError(f"customers must be a pandas frame. Got {type(customers).__name__}.")
        columns = dict.fromkeys([RECENCY, *self.features])
        require_columns(list(customers.columns), columns, what="The customers' table")
        return np.asarray(~np.isnan(number_column(customers, RECENCY)))

    def _fitted(self) -> Learned:
        if not hasattr(self, "learned_"):
            raise NotFittedError("Clusters must be fitted before it can answer. Call fit(customers) first.")
        return self.learned_

    @property
    def labels(self) -> list[str]:
        """The names of the groups, best first."""
        return list(self._fitted().names)

    @property
    def k_table_(self) -> pd.DataFrame:
        """What spoke for each number of groups at the fit; no rows if nothing was compared."""
        return self._fitted().k_table

    @property
    def reason_(self) -> str:
        """Why there are so many groups, in words."""
        return self._fitted().reason

    def fits(self, customers: pd.DataFrame) -> Floats:
        """Return how well each customer fits each group, shape (n, k), the highest being his; NaN without an order.

        Minus the distance in scaled units, or for a mixture the log of weight times density.
        """
        learned = self._fitted()
        has = self._has_order(customers)
        found = np.full((len(customers), learned.groups.k), np.nan)
        if has.any():
            found[has] = learned.fits(customers[has])
        return found

    def codes(self, customers: pd.DataFrame) -> Ints:
        """Return the group of each customer by number, 0 is the best; k without an order."""
        found = self.fits(customers)
        none = np.isnan(found[:, 0])
        return np.where(none, found.shape[1], np.where(np.isnan(found), 0.0, found).argmax(axis=1)).astype(np.int64)

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the name of each customer's group; empty without an order."""
        table = pd.Series([*self._fitted().names, ""]).array
        return pd.Series(table.take(self.codes(customers)), index=customers.index, name="cell")

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the reason in words: what the customer has, beside the median of his group, and the next group.

        For example "Last order 12 days ago (group: 20), 9 orders (group: 8), spend 312.40 (group: 280.10); nearest
        of 5 groups, then Loyal."
        """
        learned, fits = self._fitted(), self.fits(customers)
        told = reasons(customers, fits=fits, centres=learned.centres, names=learned.names, features=self.features)
        return pd.Series(told, index=customers.index, name="reason", dtype="str")

    def move_up(self, customers: pd.DataFrame) -> pd.Series:
        """Return how many orders now, each worth what the customer's orders are worth, would lead to a higher group."""
        told = move_up_sentences(customers, codes=self.codes, names=self._fitted().names, features=self.features)
        return pd.Series(told, index=customers.index, name="move_up", dtype="str")

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: shares of the scores of recency, orders and spend, and of the groups."""
        learned = self._fitted()
        counted = np.bincount(self.codes(customers), minlength=learned.groups.k + 1)[: learned.groups.k]
        rows = [("group", *stability_index(learned.counts, counted))]
        known = customers[self._has_order(customers)]
        for measure, letter in MEASURES.items():
            scale = learned.scales.get(letter)
            if scale is not None and scale.column in known:
                now = np.bincount(scale.score(number_column(known, scale.column)), minlength=scale.bins + 1)[1:]
                rows.insert(-1, (measure, *stability_index(learned.score_counts[letter], now)))
        return pd.DataFrame(rows, columns=["measure", "psi", "verdict"])

    def summary(self) -> pd.DataFrame:
        """Return `group, customers, share` and the medians of each group, best first."""
        learned = self._fitted()
        shares = learned.counts / learned.counts.sum()
        sizes = pd.DataFrame({"group": learned.names, "customers": learned.counts, "share": shares})
        return sizes.join(learned.centres)

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""
        learned = self._fitted().to_dict()
        return {"strategy": self.name, "params": json.loads(canonical_json(self.get_params(deep=False))), **learned}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote.

        Raises
        ------
        ParamsError
            If `state` is damaged or belongs to another strategy.
        """
        if not isinstance(state, Mapping) or set(state) != set(KEYS) or state["strategy"] != cls.name:
            got = sorted(state) if isinstance(state, Mapping) else state
            raise ParamsError(f"A frozen {cls.name} must have the keys {', '.join(KEYS)}. Got {got!r}. Fit it again.")
        try:
            params: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in state["params"].items()}
            made = cls(**params)
            made._check_params()
            made.learned_ = Learned.from_dict(state)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ParamsError(f"A frozen {cls.name} must be as it was written. {error} Fit it again.") from None
        return made

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change whenever the fitted strategy does."""
        return fingerprint_of(self.to_dict())
