"""A study's clusters with what speaks for them: how many, where they lie, and whether they come back."""

import warnings
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.columns import row_keys
from rfm_ml.core.errors import ParamsError
from rfm_ml.segments import PROSPECT, SegmentModel, segment_profile
from rfm_ml.strategies import Clusters
from rfm_ml.strategies.clusters.naming import RFM
from rfm_ml.strategies.clusters.strategy import refit_stability
from rfm_ml.study.study import Study

POINTS: Final = 2_000
REFITS: Final = 20
AGREEMENT: Final = ["group", "customers", "largest", "largest_share", "second", "second_share"]


class Grouping:
    """The clusters of a study, or some fitted on the spot.

    Parameters
    ----------
    study
        With a strategy `clusters` in its params or without.
    strategy
        Its name in the params; empty for the first that uses clusters, or, without one, the defaults.

    Raises
    ------
    ParamsError
        If the strategy is of another kind.

    Examples
    --------
    >>> grouping = Grouping(Study("params/cdnow.yml"))
    >>> grouping.by_default
    True
    """

    def __init__(self, study: Study, strategy: str = "") -> None:
        self.study = study
        self.notes: list[str] = []
        own = [name for name in study.strategies if study.model(name).strategy_.name == Clusters.name]
        if strategy and strategy not in own:
            kind = study.params.strategies[strategy].use if strategy in study.strategies else "none of this study"
            raise ParamsError(
                f"The strategy of this page must use clusters. {strategy!r} is {kind}. "
                f"{'Choose ' + ', '.join(own) + '.' if own else 'Leave it empty, or add one with use: clusters.'}"
            )
        self.by_default = not own
        self.name = strategy or next(iter(own), "clusters")

    @cached_property
    def model(self) -> SegmentModel:
        """The segment model of the clusters; what its fit wants a reader to know goes to the notes."""
        if not self.by_default:
            self.notes += self.study.choice(self.name).warnings
            return self.study.model(self.name)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = SegmentModel(Clusters()).fit(self.study.customers, fitted_on=self.study.as_of)
        self.notes += [str(w.message) for w in told if issubclass(w.category, UserWarning)]
        return model

    @property
    def clusters(self) -> Clusters:
        """The fitted strategy."""
        found: Clusters = self.model.strategy_
        return found

    @property
    def origin(self) -> str:
        """How the groups were come by, in words."""
        if self.by_default:
            return f"fitted on {self.study.as_of}, as the params have no clusters"
        return self.study.choice(self.name).why

    @cached_property
    def segments(self) -> pd.DataFrame:
        """`customer_id, segment` of the customers, one row per row of the customers' table."""
        return self.model.assign(self.study.customers)

    @cached_property
    def numbers(self) -> pd.DataFrame:
        """What speaks for each number of groups, as `Clusters.compare_numbers`."""
        return self.clusters.compare_numbers(self.study.customers)

    @cached_property
    def profile(self) -> pd.DataFrame:
        """One row per group, as `segment_profile`."""
        customers = self.study.customers
        keys = row_keys(customers)
        assigned = customers[keys].assign(segment=self.segments["segment"])
        return segment_profile(assigned, customers, order=self.model.segments)

    @cached_property
    def centres(self) -> pd.DataFrame:
        """`group, measure, value, position`: medians of the groups, and the share of customers who have less.

        Of recency, orders and spend and of every other feature; ties count half. For recency those with more days
        are counted, so that a high position is good.
        """
        customers, table = self.study.customers, self.clusters.summary()
        rows = []
        for measure in dict.fromkeys([*RFM.values(), *self.clusters.features]):
            if measure not in table:
                continue
            every = np.sort(customers[measure].dropna().to_numpy(dtype=np.float64))
            values = table[measure].to_numpy()
            low, high = (np.searchsorted(every, values, side=side) for side in ("left", "right"))
            position = (low + high) / (2 * len(every))
            position = 1 - position if measure == "recency_days" else position
            rows += [(g, measure, v, p) for g, v, p in zip(table["group"], values, position, strict=True)]
        return pd.DataFrame(rows, columns=["group", "measure", "value", "position"])

    @cached_property
    def points(self) -> pd.DataFrame:
        """`group, recency_days, spend` of at most 2,000 customers with an order, for a picture."""
        frame = self.study.customers[["recency_days", "spend"]].assign(group=self.segments["segment"])
        frame = frame[frame["group"] != PROSPECT]
        rng = np.random.default_rng(0)
        return frame.iloc[np.sort(rng.choice(len(frame), min(POINTS, len(frame)), replace=False))]

    @cached_property
    def refits(self) -> pd.DataFrame:
        """Share of each group's customers who keep its name in refits, as `refit_stability`."""
        return refit_stability(self.clusters, self.study.customers, refits=REFITS)

    @property
    def other(self) -> str | None:
        """The leading strategy, or the next one where clusters lead; None if there is no other."""
        return next((name for name in self.study.strategies if name != self.name), None)

    @cached_property
    def _both(self) -> pd.DataFrame:
        if self.other is None:
            return pd.DataFrame(columns=["group", "segment"])
        rows = self.study.model(self.other).predict(self.study.customers)
        both = pd.DataFrame({"group": self.segments["segment"], "segment": rows})
        return both[both["group"] != PROSPECT]

    @cached_property
    def same_pairs(self) -> float:
        """Adjusted Rand index of the two divisions: 1 if they are the same, about 0 if unrelated; NaN without two."""
        from sklearn.metrics import adjusted_rand_score

        return float(adjusted_rand_score(*self._both.T.to_numpy())) if len(self._both) else float("nan")

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """Return by group which segments of the other strategy most of its customers are in.

        `group, customers, largest, largest_share, second, second_share`; no rows without another strategy.
        """
        rows = []
        for group in self.model.segments:
            parts = self._both.loc[self._both["group"] == group, "segment"].value_counts()
            if not len(parts):
                continue
            parts = parts.sort_index().sort_values(ascending=False, kind="stable")
            names, shares = [*parts.index[:2], ""], [*(parts.iloc[:2] / parts.sum()), np.nan]
            rows.append((group, int(parts.sum()), names[0], shares[0], names[1], shares[1]))
        return pd.DataFrame(rows, columns=AGREEMENT)
