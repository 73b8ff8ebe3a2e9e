"""RFM scores from explicit limits, the same for every run or per channel."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from rfm_ml.core.checks import did_you_mean, require_columns, require_known
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.strategies.binning import even_fractions, quantile_edges
from rfm_ml.strategies.reading import number_column, window_gain
from rfm_ml.strategies.scale import Floats, Ints, Scale
from rfm_ml.strategies.scores import LETTERS, ScoreStrategy

Limits = Sequence[float] | Mapping[str, Sequence[float]]

DEFAULT = "default"
"""The channel whose limits serve every channel that has none of its own."""


class ThresholdRFM(ScoreStrategy):
    """Any number of scores per measure from limits; n limits give n + 1 scores, the last the best.

    A recency limit belongs to the better score: recency_days <= limit. A limit of frequency or spend does
    too: value >= limit. A measure without limits gets three levels, cut at the terciles of the fit, where
    (as with quantile scores) a tercile belongs to the level below it, so that equal customers stay together.

    Parameters
    ----------
    recency
        Limits in days since the last order, increasing.
    frequency
        Limits in orders per year, increasing.
    monetary
        Limits in spend per year, increasing.
    levels
        Names per measure in the order of the limits, as in {"recency": ["short", "medium", "long"]};
        cells then read "short-often-spender" in place of "333".
    by
        A column such as "channel": the frame has one row per customer and channel, and limits may be given
        per channel as {"web": [...], "shop": [...]}, with "default" for every other channel.
    recency_column, frequency_column, monetary_column
        The columns to score.

    Examples
    --------
    >>> customers = pd.DataFrame(
    ...     {"recency_days": [30, 31], "orders_per_year": [4.0, 3.9], "spend_per_year": [50.0, 500.0]}
    ... )
    >>> strategy = ThresholdRFM(recency=[30, 365], frequency=[4], monetary=[100, 1000])
    >>> import warnings; warnings.simplefilter("ignore")
    >>> strategy.fit(customers).predict(customers).tolist()
    ['321', '212']
    """

    name: ClassVar[str] = "threshold_rfm"

    def __init__(
        self,
        recency: Limits | None = None,
        frequency: Limits | None = None,
        monetary: Limits | None = None,
        *,
        levels: Mapping[str, Sequence[str]] | None = None,
        by: str | None = None,
        recency_column: str = "recency_days",
        frequency_column: str = "orders_per_year",
        monetary_column: str = "spend_per_year",
    ) -> None:
        self.recency = recency
        self.frequency = frequency
        self.monetary = monetary
        self.levels = levels
        self.by = by
        self.recency_column = recency_column
        self.frequency_column = frequency_column
        self.monetary_column = monetary_column

    def _columns(self) -> dict[str, str]:
        return {
            "recency": self.recency_column,
            "frequency": self.frequency_column,
            "monetary": self.monetary_column,
        }

    def _limits(self) -> dict[str, Limits | None]:
        return {"recency": self.recency, "frequency": self.frequency, "monetary": self.monetary}

    def _by_channel(self) -> dict[str, Mapping[str, Sequence[float]]]:
        each = {m: given for m, given in self._limits().items() if isinstance(given, Mapping)}
        # A shop's number is a number in YAML and text in the frame.
        return {m: {str(c): limits for c, limits in given.items()} for m, given in each.items()}

    def _check_params(self) -> None:
        for measure, given in self._limits().items():
            each = given if isinstance(given, Mapping) else {"": given}
            for channel, limits in each.items():
                _check_limits(f"{measure} limits{f' of {channel!r}' if channel else ''}", limits)
            if len({len(limits) for limits in each.values() if limits is not None}) > 1:
                raise ParamsError(
                    f"{measure} must have the same number of limits in every channel, so that a score means "
                    f"the same. Got {dict(each)!r}."
                )
        per_channel = self._by_channel()
        if per_channel and self.by is None:
            raise ParamsError(f"Limits per channel need by: channel. Got {next(iter(per_channel))} per channel.")
        if len({frozenset(each) for each in per_channel.values()}) > 1:
            got = {m: sorted(each) for m, each in per_channel.items()}
            raise ParamsError(f"Limits per channel must name the same channels for every measure. Got {got}.")
        for measure, names in (self.levels or {}).items():
            require_known(measure, LETTERS, what="A measure of levels")
            _check_levels(measure, names, scores=self._bins_of(measure))

    def _bins_of(self, measure: str) -> int:
        given = self._limits()[measure]
        if isinstance(given, Mapping):
            given = next(iter(given.values()))
        return 3 if given is None else len(given) + 1

    def level_names(self, measure: str) -> list[str]:
        """Return the names of scores 1, 2, ..., k: the levels from the worst to the best, or the numbers."""
        names = (self.levels or {}).get(measure)
        if names is None:
            return super().level_names(measure)
        return list(reversed(names)) if measure == "recency" else list(names)

    def _require(self, customers: pd.DataFrame) -> None:
        super()._require(customers)
        if self.by is not None:
            require_columns(list(customers.columns), [self.by], what="The customers' table")

    def _start(self, customers: pd.DataFrame) -> None:
        named = {c for each in self._by_channel().values() for c in each}
        seen = set() if self.by is None else set(customers[self.by].dropna().astype(str))
        self.channels_ = sorted(named or seen) if self.by is not None else []
        if DEFAULT in self.channels_:
            self.channels_.remove(DEFAULT)
        self.default_known_ = not named or DEFAULT in named

    def rows(self, measure: str, customers: pd.DataFrame, *, scores: Mapping[str, Ints]) -> Ints | None:
        """Return the row of the customer's channel; the last row is for channels without limits."""
        if self.by is None:
            return None
        channel = customers[self.by]
        names = channel.astype(str).where(channel.notna(), DEFAULT)
        codes = pd.Index(self.channels_, dtype=object).get_indexer(pd.Index(names, dtype=object))
        other = codes < 0
        if not self.default_known_ and other.any():
            ordered = ~np.isnan(number_column(customers, self.recency_column))
            if (other & ordered).any():
                first = str(names[other & ordered].iloc[0])
                raise DataError(
                    f"Every {self.by} must have limits. Got {first!r}. {did_you_mean(first, self.channels_)} "
                    f"Limits under 'default' serve every other {self.by}."
                )
        return np.where(other, len(self.channels_), codes).astype(np.int64)

    def _learn(self, measure: str, values: Floats, *, rows: Ints | None, customers: pd.DataFrame) -> Scale:
        given = self._limits()[measure]
        gain = window_gain(customers, self._columns()[measure])
        if given is None:
            finite = np.isfinite(values)
            pooled = quantile_edges(values[finite], even_fractions(3))
            edges = np.tile(pooled, (len(self.channels_) + 1, 1))
            for row in np.unique(rows[finite]) if rows is not None else ():
                edges[row] = quantile_edges(values[finite & (rows == row)], even_fractions(3))
        elif measure in self._by_channel():
            given = self._by_channel()[measure]
            # Without limits under "default" the last row is never read: `rows` refuses such a channel.
            other = given.get(DEFAULT, next(iter(given.values())))
            edges = np.array([*(given[c] for c in self.channels_), other], dtype=np.float64)
        else:
            edges = np.tile(np.array(given, dtype=np.float64), (len(self.channels_) + 1, 1))
        recency = measure == "recency"
        at_least = not recency and given is not None
        return Scale(self._columns()[measure], edges, less_is_better=recency, at_least=at_least, gain=gain)

    def _extra_state(self) -> dict[str, Any]:
        return {"channels": self.channels_, "default_known": self.default_known_}

    def _set_extra_state(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or set(state) != {"channels", "default_known"}:
            raise ParamsError(f"A frozen threshold_rfm must say its channels. Got {state!r}. Fit it again.")
        self.channels_ = [str(c) for c in state["channels"]]
        self.default_known_ = bool(state["default_known"])
        for measure, scale in self.scales_.items():
            if len(scale.edges) != len(self.channels_) + 1:
                raise ParamsError(
                    f"A frozen threshold_rfm must have limits of {measure} for {len(self.channels_)} channels and "
                    f"the rest. Got {len(scale.edges)}. Fit it again."
                )

    def _group_names(self, measure: str) -> list[str]:
        return [*self.channels_, DEFAULT] if self.by is not None else [""]


def _check_limits(what: str, limits: Sequence[float] | None) -> None:
    if limits is None:
        return
    if not isinstance(limits, Sequence) or isinstance(limits, str) or not limits:
        raise ParamsError(f"{what} must be a list of numbers, at least one. Got {limits!r}.")
    for x in limits:
        if isinstance(x, bool) or not isinstance(x, int | float) or not np.isfinite(x):
            raise ParamsError(f"{what} must be numbers. Got {x!r}.")
    for a, b in pairwise(limits):
        if b <= a:
            raise ParamsError(f"{what} must increase. Got {b:g} after {a:g} in {list(limits)!r}. Sort them.")


def _check_levels(measure: str, names: Sequence[str], *, scores: int) -> None:
    texts = isinstance(names, Sequence) and not isinstance(names, str) and all(isinstance(n, str) for n in names)
    if not texts or len(names) != scores or len(set(names)) != len(names) or not all(names):
        raise ParamsError(
            f"levels of {measure} must be {scores} different names, one more than there are limits, in the order "
            f"of the limits. Got {names!r}."
        )
