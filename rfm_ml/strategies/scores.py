"""Base of the strategies that give scores of recency, frequency and spend."""

import json
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.text import plural
from rfm_ml.strategies.base import Strategy, canonical_json, require_order, shares_drift
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints, Scale, cell_names, value_phrase

LETTERS: Final = {"recency": "R", "frequency": "F", "monetary": "M"}  # measures and the letters of their scores


class ScoreStrategy(Strategy):
    """Base of the strategies that give each customer a score per measure.

    A child says which columns it reads (`_columns`), checks its arguments (`_check_params`), learns one
    `Scale` per measure (`_learn`) and which row of the scale a customer reads (`rows`), where they differ.
    """

    scales_: dict[str, Scale]

    @abstractmethod
    def _columns(self) -> dict[str, str]: ...

    @abstractmethod
    def _check_params(self) -> None: ...

    @abstractmethod
    def _learn(self, measure: str, values: Floats, *, rows: Ints | None, customers: pd.DataFrame) -> Scale: ...

    def _start(self, customers: pd.DataFrame) -> None:
        """Learn what concerns all measures, before the first of them."""

    def _extra_state(self) -> dict[str, Any]:
        return {}

    def _set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `_extra_state` gave: what was learned beside the scales."""

    def level_names(self, measure: str) -> list[str]:
        """Return the names of scores 1, 2, ..., k of a measure: the numbers, unless named otherwise."""
        return [str(s) for s in range(1, self._fitted()[measure].bins + 1)]

    def fit(self, customers: pd.DataFrame, y: None = None) -> Self:
        """Learn the edges from customers who have ordered."""
        self._check_params()
        self._require(customers)
        column = self._columns()["recency"]
        ordered = ~np.isnan(number_column(customers, column))
        require_order(ordered, column=column)
        self._fit_known(customers if ordered.all() else customers[ordered])
        self._warn_if_collapsed()
        return self

    def _fit_known(self, known: pd.DataFrame) -> None:
        self._start(known)
        scales: dict[str, Scale] = {}
        counts: dict[str, Ints] = {}
        scores: dict[str, Ints] = {}
        for measure, column in self._columns().items():
            values = number_column(known, column)
            if not np.isfinite(values).any():
                raise DataError(f"{column} must hold at least one number. Got {len(values)} missing or infinite.")
            rows = self.rows(measure, known, scores=scores)
            scale = self._learn(measure, values, rows=rows, customers=known)
            scores[measure] = scale.score(values, rows)
            groups, bins = scale.edges.shape[0], scale.bins
            cell = scores[measure] - 1 if rows is None else rows * bins + scores[measure] - 1
            counts[measure] = np.bincount(cell, minlength=groups * bins).reshape(groups, bins)
            scales[measure] = scale
        self.scales_, self.counts_, self.customers_ = scales, counts, len(known)

    def _require(self, customers: pd.DataFrame) -> None:
        if not isinstance(customers, pd.DataFrame):
            raise DataError(f"customers must be a pandas frame. Got {type(customers).__name__}.")
        require_columns(list(customers.columns), self._columns().values(), what="The customers' table")

    def _fitted(self) -> dict[str, Scale]:
        scales: dict[str, Scale] = self._learned("scales_")
        return scales

    def _warn_if_collapsed(self) -> None:
        for measure, distinct in self.distinct_scores_.items():
            bins = self.scales_[measure].bins
            if distinct < min(3, bins):
                warnings.warn(
                    f"{measure} has {distinct} distinct {plural('score', distinct)} out of {bins}: most "
                    f"customers have the same {self.scales_[measure].column}. Fewer scores or other limits tell "
                    "them apart better.",
                    UserWarning,
                    stacklevel=3,
                )

    @property
    def distinct_scores_(self) -> dict[str, int]:
        """How many different scores the fitted customers have, by measure."""
        self._fitted()
        return {m: int((c.sum(axis=0) > 0).sum()) for m, c in self.counts_.items()}

    @property
    def n_scores(self) -> dict[str, int]:
        """The number of scores per letter, as in {"R": 5, "F": 5, "M": 5}."""
        return {LETTERS[m]: scale.bins for m, scale in self._fitted().items()}

    @property
    def score_names(self) -> dict[str, list[str]]:
        """The names of scores 1 to k by letter."""
        return {LETTERS[m]: self.level_names(m) for m in self._fitted()}

    def score_arrays(self, customers: pd.DataFrame) -> dict[str, Ints]:
        """Return the scores by measure, each of shape (n,); 0 for customers without an order.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            If a column is missing or holds something other than numbers.
        """
        scales = self._fitted()
        self._require(customers)
        scores: dict[str, Ints] = {}
        never = np.isnan(number_column(customers, scales["recency"].column))
        for measure, scale in scales.items():
            rows = self.rows(measure, customers, scores=scores)
            scores[measure] = scale.score(number_column(customers, scale.column), rows)
        if never.any():
            for array in scores.values():
                array[never] = 0
        return scores

    def scores(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `customer_id` (if the frame has it), `R`, `F`, `M`: 1 to k, 0 without an order."""
        arrays = {LETTERS[m]: a for m, a in self.score_arrays(customers).items()}
        frame = pd.DataFrame(arrays, index=customers.index)
        if "customer_id" in customers:
            frame.insert(0, "customer_id", customers["customer_id"])
        return frame

    def details(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `R, F, M` and `cell`; 0 and empty for customers without an order."""
        return self._with_cell(self.score_arrays(customers), index=customers.index)

    def _with_cell(self, scores: Mapping[str, Ints], *, index: pd.Index) -> pd.DataFrame:
        frame = pd.DataFrame({LETTERS[m]: array for m, array in scores.items()}, index=index)
        return frame.assign(cell=self.cells_of(scores, index=index))

    def hold(
        self, customers: pd.DataFrame, *, today: pd.DataFrame, before: pd.DataFrame, margin: float
    ) -> pd.DataFrame:
        """Return `R, F, M, cell` where a score changes only beyond a limit by more than a share `margin` of it.

        `today` and `before` are the scores `R, F, M` of the same rows, `before` missing or 0 where there were none.
        """
        scores: dict[str, Ints] = {}
        for measure, scale in self._fitted().items():
            rows = self.rows(measure, customers, scores=scores)
            values = number_column(customers, scale.column)
            bounds = [scale.moved(margin).score(values, rows), scale.moved(-margin).score(values, rows)]
            last, now = before[LETTERS[measure]].to_numpy(dtype=np.float64), today[LETTERS[measure]].to_numpy()
            held = np.clip(last, np.minimum(*bounds), np.maximum(*bounds))
            scores[measure] = np.where((last > 0) & (now > 0), held, now).astype(np.int64)
        return self._with_cell(scores, index=customers.index)

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the cell of each customer, as in "545"; empty for customers without an order."""
        return self.cells_of(self.score_arrays(customers), index=customers.index)

    @property
    def cells(self) -> list[str]:
        """Every cell a customer can be in, from the lowest scores to the highest."""
        return cell_names([self.level_names(m) for m in self._fitted()])

    def cells_of(self, scores: Mapping[str, Ints], *, index: pd.Index) -> pd.Series:
        """Return the cell that belongs to scores already known, as `predict` would."""
        names = [self.level_names(m) for m in scores]
        code = np.zeros(len(index), dtype=np.int64)
        for array, some in zip(scores.values(), names, strict=True):
            code = code * len(some) + (array - 1)
        cells = pd.Series(["", *cell_names(names)]).array.take(np.where(scores["recency"] == 0, 0, code + 1))
        return pd.Series(cells, index=index, name="cell")

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the reason in words, one sentence per customer.

        For example "Last order 12 days ago (R 5: at most 30 days), 7 orders (F 5: more than 4), spend
        312.40 (M 4: more than 180.00 up to 350.00)."
        """
        scores = self.score_arrays(customers)
        parts: list[list[str]] = []
        for measure, scale in self.scales_.items():
            values = number_column(customers, scale.column)
            rows = self.rows(measure, customers, scores=scores)
            texts = [
                [f" ({LETTERS[measure]} {name}: {scale.words(s, row)})" for s, name in self._named(measure)]
                for row in range(len(scale.edges))
            ]
            at = np.zeros(len(values), dtype=np.int64) if rows is None else rows
            phrase = value_phrase(scale.column)
            lowest = f"{scale.column} missing ({LETTERS[measure]} 1: the lowest)"
            parts.append(
                [
                    phrase(v) + texts[r][s - 1] if v == v else lowest
                    for v, s, r in zip(values.tolist(), scores[measure].tolist(), at.tolist(), strict=True)
                ]
            )
        never = (scores["recency"] == 0).tolist()
        sentences = [
            "No order yet." if none else f"{r[:1].upper()}{r[1:]}, {f}, {m}."
            for none, r, f, m in zip(never, *parts, strict=True)
        ]
        return pd.Series(sentences, index=customers.index, name="reason", dtype="str")

    def _named(self, measure: str) -> list[tuple[int, str]]:
        names = self.level_names(measure)
        return [(s, str(s) if n == str(s) else f"{s} {n}") for s, n in enumerate(names, start=1)]

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: the score shares of `customers` against those of the fit."""
        now = self.score_arrays(customers)
        counted = {m: np.bincount(scores, minlength=self.scales_[m].bins + 1)[1:] for m, scores in now.items()}
        return shares_drift({m: (self.counts_[m].sum(axis=0), counts) for m, counts in counted.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""
        scales = self._fitted()
        return {
            "strategy": self.name,
            "params": json.loads(canonical_json(self.get_params(deep=False))),
            "scales": {m: s.to_dict() for m, s in scales.items()},
            "counts": {m: c.tolist() for m, c in self.counts_.items()},
            "customers": self.customers_,
            "extra": self._extra_state(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote."""
        what = f"A frozen {cls.name}"
        keys = {"strategy", "params", "scales", "counts", "customers", "extra"}
        if not isinstance(state, Mapping) or set(state) != keys or state["strategy"] != cls.name:
            got = sorted(state) if isinstance(state, Mapping) else state
            raise ParamsError(f"{what} must have the keys {sorted(keys)} and its own name. Got {got!r}. Fit it again.")
        try:
            made = cls(**state["params"])
        except TypeError as error:
            raise ParamsError(f"{what} must have known arguments. Got {state['params']!r}. Fit it again.") from error
        made._check_params()
        if set(state["scales"]) != set(LETTERS) or set(state["counts"]) != set(LETTERS):
            raise ParamsError(f"{what} must have scales and counts for {', '.join(LETTERS)}. Fit it again.")
        made.scales_ = {m: Scale.from_dict(state["scales"][m], what=f"{what}'s {m}") for m in LETTERS}
        made.counts_ = {m: np.array(state["counts"][m], dtype=np.int64) for m in LETTERS}
        for m, scale in made.scales_.items():
            if made.counts_[m].shape != (len(scale.edges), scale.bins):
                raise ParamsError(f"{what} must have one count of {m} per score. Fit it again.")
        made.customers_ = int(state["customers"])
        made._set_extra_state(state["extra"])
        return made

    def summary(self) -> pd.DataFrame:
        """Return `measure, group, score, level, from, to, rule, customers, share` as of the fit.

        `from` and `to` are the edges (NaN where open), `rule` says in words to which side an edge belongs, and `group`
        is empty unless scales differ by channel or are nested.
        """
        lines = []
        for measure, scale in self._fitted().items():
            for row, group in enumerate(self._group_names(measure)):
                for score, level in enumerate(self.level_names(measure), start=1):
                    n = int(self.counts_[measure][row, score - 1])
                    said = (*scale.limits(score, row), scale.words(score, row), n, n / self.customers_)
                    lines.append((measure, group, score, level, *said))
        names = ["measure", "group", "score", "level", "from", "to", "rule", "customers", "share"]
        return pd.DataFrame(lines, columns=names).astype({"from": float, "to": float})

    def _group_names(self, measure: str) -> list[str]:
        return [""] * len(self._fitted()[measure].edges)
