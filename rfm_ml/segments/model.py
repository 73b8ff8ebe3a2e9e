"""The frozen segment model: a fitted strategy and the map that names its cells."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import NotFittedError, ParamsError
from rfm_ml.segments.explain import held_sentences, move_up_sentences
from rfm_ml.segments.maps import PROSPECT, SegmentMap
from rfm_ml.strategies import (
    Strategy,
    as_strategy,
    canonical_json,
    fingerprint_of,
    stability_index,
    strategy_from_dict,
    strategy_name,
)

FORMAT = "rfm_ml segment model 1"
KEYS = ("format", "strategy", "state", "map", "fitted_on", "customers", "shares", "fingerprint")


class SegmentModel(BaseEstimator):
    """One segment per customer, from a strategy and a segment map.

    Parameters
    ----------
    strategy
        A strategy, not fitted (`fit` works on a copy); also one's own class without `Strategy` as its base, or a
        clusterer of scikit-learn, as in `SegmentModel(KMeans(3))`.
    segment_map
        The map that names the strategy's cells; None where the strategy's labels are the segments.

    Examples
    --------
    >>> from rfm_ml.segments.maps import load_map
    >>> from rfm_ml.strategies import QuantileRFM
    >>> customers = pd.DataFrame(
    ...     {"customer_id": range(5), "recency_days": [5, 40, 80, 200, 400], "orders": [9, 1, 4, 2, 3],
    ...      "spend": [900.0, 10.0, 200.0, 30.0, 80.0]}
    ... )
    >>> model = SegmentModel(QuantileRFM(), load_map("twelve")).fit(customers, fitted_on="2026-01-31")
    >>> model.predict(customers).tolist()
    ['Champions', 'New', 'Loyal', 'Hibernating', 'At risk']
    """

    def __init__(self, strategy: Any, segment_map: SegmentMap | None = None) -> None:
        self.strategy = as_strategy(strategy)
        self.segment_map = segment_map

    def fit(
        self,
        customers: pd.DataFrame,
        y: Any = None,
        *,
        fitted_on: str | dt.date | None = None,
        previous: "SegmentModel | None" = None,
        learn_from: pd.DataFrame | None = None,
    ) -> Self:
        """Learn from the customers as of a day, and remember the day and the segment shares.

        Parameters
        ----------
        customers
            One row per customer (and channel).
        y
            What each customer did next, for a strategy that learns from it (`needs_outcome`); ignored by others.
        fitted_on
            The as-of day of the customers, kept in the frozen model.
        previous
            The model before: a strategy that names what it finds keeps the names of what is the same.
        learn_from
            Customers of an earlier day with what they did next (see `split_holdout`), for such a strategy to learn
            from in place of `customers`, whose future is not known. The shares are always those of `customers`.

        Raises
        ------
        ParamsError
            If the map needs another number of scores than the strategy gives, or scores at all.
        """
        strategy = clone(self.strategy, safe=False)
        if strategy.needs_outcome:
            strategy = strategy.fit(customers, y) if learn_from is None else strategy.fit(learn_from)
        else:
            strategy = strategy.fit(customers)
        self.alignment_ = "" if previous is None else strategy.align(previous._fitted(), customers)
        if self.segment_map is not None:
            if not strategy.n_scores:
                raise ParamsError(
                    f"A segment map must get scores of R, F and M. {strategy.kind.__name__} gives none. "
                    "Leave the map out: the strategy's labels are then the segments."
                )
            self.segment_map.require_scores(strategy.n_scores)
        day = fitted_on.date() if isinstance(fitted_on, dt.datetime) else fitted_on
        self.strategy_, self.fitted_on_ = strategy, None if day is None else str(day)
        counts = self.predict(customers).value_counts()
        self.shares_ = {str(k): int(n) for k, n in sorted(counts.items()) if k != PROSPECT}
        self.customers_ = sum(self.shares_.values())
        return self

    def _fitted(self) -> Strategy:
        if not hasattr(self, "strategy_"):
            raise NotFittedError("SegmentModel must be fitted before it can answer. Call fit(customers) first.")
        return self.strategy_

    @property
    def segments(self) -> list[str]:
        """The segments in order: the map's from most to least valuable, or the labels seen at the fit."""
        strategy = self._fitted()
        if self.segment_map is not None:
            return list(self.segment_map.segments)
        return strategy.labels or sorted(self.shares_)

    @property
    def levels(self) -> dict[str, list[str]]:
        """The names of scores 1 to k by letter, for panels; empty for strategies without scores."""
        own = self.segment_map.levels if self.segment_map is not None else {}
        named = self._fitted().score_names
        return {a: own[a] if a in own and names[0] == "1" else names for a, names in named.items()}

    def assign(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `customer_id`, `segment`, `R`, `F`, `M`, `cell`, one row per row of the input.

        With a strategy per channel its column follows `customer_id`. Scores are 0 and the cell is empty for
        customers without an order; strategies without scores give their own details in place of both.
        """
        strategy = self._fitted()
        require_columns(list(customers.columns), ["customer_id"], what="The customers' table")
        frame = customers[["customer_id"] if strategy.by is None else ["customer_id", strategy.by]].copy()
        details = strategy.details(customers)
        if self.segment_map is not None:
            frame["segment"] = self.segment_map.segment_of(details)
        else:
            frame["segment"] = _segments(details["cell"] if strategy.n_scores else strategy.predict(customers))
        return frame.assign(**{str(name): column for name, column in details.items()})

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the segment of each customer; Prospect for those without an order."""
        strategy = self._fitted()
        if self.segment_map is None:
            return _segments(strategy.predict(customers))
        return self.segment_map.segment_of(strategy.details(customers))

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return why each customer is where they are, as in "Champions: last order 12 days ago (...), ..."."""
        reasons = self._fitted().explain(customers)
        sentences = [
            f"{segment}: {str(reason)[:1].lower()}{str(reason)[1:]}"
            for segment, reason in zip(self.predict(customers), reasons, strict=True)
        ]
        return pd.Series(sentences, index=customers.index, name="reason", dtype="str")

    def move_up(self, customers: pd.DataFrame, *, segments: pd.Series | None = None) -> pd.Series:
        """Return what would move each customer to a higher segment with the least effort, one sentence each.

        Effort counts orders first, then money: "2 more orders worth at least 35.10 in total now would lead
        to Loyal." Any order resets recency. Strategies without a map have no higher segment.

        Parameters
        ----------
        customers
            As for `assign`.
        segments
            Where each is, where that is not what this model says: with hysteresis a customer may not have moved yet.
        """
        strategy, mapped = self._fitted(), self.segment_map is not None
        held = None if segments is None else self._without_overlays(segments)
        if self.segment_map is not None:
            told = move_up_sentences(customers, strategy=strategy, segment_map=self.segment_map, segments=held)
        else:
            told = list(strategy.move_up(customers))
        if held is not None and (mapped or strategy.labels):
            rules = self.predict(customers).tolist()
            told = held_sentences(told, segments=held, rules=rules, order=self.segments, from_segment=mapped)
        return pd.Series(told, index=customers.index, name="move_up", dtype="str")

    def _without_overlays(self, segments: pd.Series) -> list[str]:
        below = {} if self.segment_map is None else {o["name"]: o["of"] for o in self.segment_map.overlays}
        return [below.get(name, name) for name in segments]

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: shares of scores, where there are any, and of segments since the fit."""
        strategy = self._fitted()
        now = self.predict(customers).value_counts()
        names = sorted(set(self.shares_) | (set(now.index) - {PROSPECT}))
        before = np.array([self.shares_.get(n, 0) for n in names])
        index, verdict = stability_index(before, np.array([now.get(n, 0) for n in names]))
        own = pd.DataFrame({"measure": ["segment"], "psi": [index], "verdict": [verdict]})
        before_segments = strategy.drift(customers)
        return own if before_segments.empty else pd.concat([before_segments, own], ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted model as plain values, with its fingerprint."""
        state = {
            "format": FORMAT,
            "strategy": strategy_name(self._fitted()),
            "state": self.strategy_.to_dict(),
            "map": None if self.segment_map is None else self.segment_map.to_dict(),
            "fitted_on": self.fitted_on_,
            "customers": self.customers_,
            "shares": self.shares_,
        }
        return {**state, "fingerprint": fingerprint_of(state)}

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change whenever the fitted model does."""
        return str(self.to_dict()["fingerprint"])

    def to_json(self) -> str:
        """Return the model as one line of JSON with sorted keys: equal models are equal bytes."""
        return canonical_json(self.to_dict()) + "\n"

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the model that `to_dict` wrote.

        Raises
        ------
        ParamsError
            If `state` is no segment model, or was changed since it was written.
        """
        redo = "Fit again with --refit, or restore the file."
        if not isinstance(state, Mapping) or state.get("format") != FORMAT:
            got = state.get("format") if isinstance(state, Mapping) else state
            raise ParamsError(f"A frozen model must have the format {FORMAT!r}. Got {got!r}. {redo}")
        if set(state) != set(KEYS):
            odd = ", ".join(sorted(map(str, set(KEYS) ^ set(state))))
            raise ParamsError(f"A frozen model must have the keys {', '.join(KEYS)}. Missing or foreign: {odd}. {redo}")
        content = {k: v for k, v in state.items() if k != "fingerprint"}
        if fingerprint_of(content) != state["fingerprint"]:
            raise ParamsError(
                f"A frozen model must be as it was written. Its fingerprint is {state['fingerprint']}, its content "
                f"has {fingerprint_of(content)}. {redo}"
            )
        strategy = strategy_from_dict(str(state["strategy"]), state["state"])
        segment_map = None if state["map"] is None else SegmentMap.from_dict(state["map"])
        made = cls(clone(strategy, safe=False), segment_map)
        made.strategy_, made.fitted_on_ = strategy, state["fitted_on"]
        made.shares_, made.customers_ = dict(state["shares"]), int(state["customers"])
        return made

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the model that `to_json` wrote.

        Raises
        ------
        ParamsError
            If the text is not JSON, or no segment model.
        """
        try:
            state = json.loads(text)
        except json.JSONDecodeError as error:
            raise ParamsError(
                f"A frozen model must be JSON. Got text that stops making sense at character {error.pos}. "
                "Fit again with --refit, or restore the file."
            ) from error
        return cls.from_dict(state)


def decided(model: SegmentModel) -> str:
    """Everything that was decided by a person and not learned from data."""
    names = None if model.segment_map is None else model.segment_map.to_dict()
    return canonical_json([strategy_name(model.strategy), model.strategy.options, names])


def _segments(labels: pd.Series) -> pd.Series:
    """Return labels as segments: Prospect where there is none."""
    return labels.where(labels.notna() & (labels != ""), PROSPECT).rename("segment")
