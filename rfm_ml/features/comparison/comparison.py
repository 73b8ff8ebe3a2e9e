"""Which segmentation a study should use: its strategies against models and baselines on days that are over."""

import inspect
import json
import os
from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.core.store import code_digest, digest
from rfm_ml.customers import customer_table
from rfm_ml.customers.holdout import Log, order_span, until_day
from rfm_ml.evaluation.backtest import Settings, run_backtest
from rfm_ml.evaluation.backtest_results import backtest_results, empty_results
from rfm_ml.evaluation.built_in import BASELINES, all_candidates, require_candidates
from rfm_ml.evaluation.candidates import Candidate
from rfm_ml.evaluation.leakage import leaking_candidates
from rfm_ml.evaluation.origins import Build, Origin, Plan, choose_origins, make_origins
from rfm_ml.evaluation.profit import Economics
from rfm_ml.evaluation.recommend import Recommendation
from rfm_ml.evaluation.summary import difference_lines, overview, pareto_points
from rfm_ml.features.feature import Feature, Report
from rfm_ml.params import Comparison
from rfm_ml.segments.model import decided
from rfm_ml.study.study import Study

QUICK: Final = Comparison(candidates=["rfm_cells", "kmeans_5", "kmeans_10", "mbg_nbd"])
"""A first look, where the params say nothing: these beside all strategies of the study."""

WORTH_PROCESSES: Final = 5_000
"""Customers from which on it pays to start processes."""

TABLES: Final = ("scorecard", "pairs", "ranks", "gains", "profit", "best_depth", "calibration", "agreement", "apart")

PAGE: Final = "50_strategy_comparison"

Progress = Callable[[int, int], None]


class StrategyComparison(Feature):
    """The backtest of a study's strategies, computed once and kept by content.

    What the data do not allow has no rows; `notes` say why.

    Parameters
    ----------
    study
        With `comparison` in its params or without; without, `QUICK` is used.
    bootstraps
        In place of those of the params; 0 for theirs.
    jobs
        Processes for many customers; the result is the same for any number.
    progress
        Told how many of how many answers are judged.

    Examples
    --------
    >>> compared = StrategyComparison(Study("params/cdnow.yml"), bootstraps=100)  # doctest: +SKIP
    >>> compared.recommendation.chosen  # doctest: +SKIP
    """

    notebooks = (PAGE,)

    def __init__(self, study: Study, *, bootstraps: int = 0, jobs: int = 2, progress: Progress | None = None) -> None:
        super().__init__(study)
        self.by_default = study.params.comparison is None
        asked = study.params.comparison or QUICK.model_copy(
            update={"candidates": [*study.strategies, *(QUICK.candidates or ())]}
        )
        self.asked = asked.model_copy(update={"bootstraps": bootstraps}) if bootstraps else asked
        self._jobs, self._progress = jobs, progress

    def require_usable(self) -> None:
        """Refuse candidates that are not known, and strategies with the name of a baseline.

        Raises
        ------
        ParamsError
            If the params ask for them.
        """
        require_candidates(self.study.strategies, self.asked.candidates)

    @property
    def stage(self) -> str:
        """What a run shows while strategies are compared."""
        return "Comparing strategies" if compares(self.study) else ""

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return `scorecard`, `scorecard_pairs` and `scorecard_ranks`, if the params or a page ask for them."""
        if not compares(self.study):
            return {}
        return {"scorecard": self.scorecard, "scorecard_pairs": self.pairs, "scorecard_ranks": self.ranks}

    def write(self, report: Report) -> None:
        """Write the tables, which takes minutes on many customers."""
        self._jobs, self._progress = report.jobs, report.progress
        super().write(report)

    # --- what was found -----------------------------------------------------------------------------------------
    @cached_property
    def folder(self) -> Path:
        """Where the tables lie, computed if they are not there yet."""
        return self.study.store.folder("comparison", self._key, self._write)

    def table(self, name: str) -> pd.DataFrame:
        """Return one of `TABLES`."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    @cached_property
    def scorecard(self) -> pd.DataFrame:
        """As `scorecard_table`: strategy, track, groups, origin, measure, unit, value, low, high."""
        return self.table("scorecard")

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """As `pairs_table`: paired differences to past spend rate and to the leader of each league."""
        return self.table("pairs")

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """As `ranks_table`: mean ranks, wins and losses over the origins."""
        return self.table("ranks")

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "facts.json").read_text()))

    @property
    def plan(self) -> str:
        """On which days was tested, in words; empty if on none."""
        return str(self._facts["plan"])

    @property
    def notes(self) -> list[str]:
        """What was left out, and why."""
        return list(self._facts["notes"])

    @property
    def horizon_days(self) -> int:
        """Days by which strategies were judged; 0 if none were."""
        return int(self._facts["horizon_days"])

    @property
    def customers(self) -> dict[str, int]:
        """Customers judged, by origin."""
        return dict(self._facts["customers"])

    @property
    def recommendation(self) -> Recommendation:
        """Which segmentation to use, and why."""
        told = self._facts["recommendation"]
        return Recommendation(told["leader"], told["chosen"], tuple(told["equals"]), tuple(told["sentences"]))

    @property
    def economics(self) -> Economics:
        """The assumptions behind every profit."""
        return Economics(self.asked.margin, self.asked.contact_cost, tuple(self.asked.response))

    @property
    def overview(self) -> pd.DataFrame:
        """One row per strategy as it is, and per score cut into 10 groups, the best first; as `summary.overview`.

        The study's own, the baselines, the leader and the recommended one always have a row.
        """
        keep = [*self.study.strategies, *(b.name for b in BASELINES)]
        keep += [n for n in self.recommendation[:2] if n is not None]
        return overview(self.scorecard, self.ranks, keep=keep)

    @property
    def pareto(self) -> pd.DataFrame:
        """Value, stability and words of every segmentation, as `plots.plot_pareto` draws them."""
        return pareto_points(self.scorecard, chosen=self.recommendation.chosen)

    @property
    def differences(self) -> pd.DataFrame:
        """Paired differences to past spend rate of strategies as they are, as `plots.plot_differences` draws them."""
        return difference_lines(self.pairs)

    # --- how it is found ----------------------------------------------------------------------------------------
    @property
    def _key(self) -> str:
        study = self.study
        blanks = {name: study.blank(name) for name in study.strategies}
        own = [inspect.getsource(type(m.strategy)) for n, m in blanks.items() if ":" in study.params.strategies[n].use]
        rules = {name: decided(model) for name, model in blanks.items()}
        inputs = [str(study.log.folder), study.as_of, study.params.customers.model_dump(), study.events is not None]
        engagement = study.params.engagement.model_dump()
        return digest(code_digest(), inputs, engagement, rules, own, self.asked.model_dump())

    def _write(self, folder: Path) -> None:
        tables, facts = self._compute()
        for name in TABLES:
            tables[name].to_parquet(folder / f"{name}.parquet", index=False)
        (folder / "facts.json").write_text(json.dumps(facts))

    def _compute(self) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
        try:
            plan, origins, candidates, notes = self._prepare()
        except DataError as error:
            return empty_results(f"Strategies could not be compared. {error}")
        settings = Settings(self.asked.bootstraps, self.asked.refits, self.economics, self.asked.seed)
        most = max(len(o.spend) for o in origins)
        jobs = min(self._jobs, os.cpu_count() or 1) if most > WORTH_PROCESSES else 1
        outcomes = run_backtest(candidates, origins, settings=settings, jobs=jobs, progress=self._progress)
        judged = [j for outcome in outcomes for j in outcome.judged]
        notes += [note for outcome in outcomes for note in outcome.notes]
        if not judged:
            return empty_results(*notes)
        return backtest_results(
            judged,
            origins,
            plan=plan.words,
            notes=notes,
            settings=settings,
            leading=self.study.strategies[0],
            currency=self.study.params.currency,
        )

    def _prepare(self) -> tuple[Plan, list[Origin], list[Candidate], list[str]]:
        study = self.study
        orders = until_day(study.orders, study.as_of)
        first, last = order_span(orders)
        plan = choose_origins(first, last, horizon_days=self.asked.horizon_days, origins=self.asked.origins)
        options: dict[str, Any] = {"build": self._builder(own=True), "most_customers": self.asked.customers}
        if self._differs:
            options["base"] = self._builder(own=False)
        origins = make_origins(orders, plan, **options)
        one = Plan(plan.days[:1], plan.horizon_days, "")
        seen = make_origins(orders, one, cut=False, **options)[0].history
        own = {name: study.blank(name) for name in study.strategies}
        candidates = all_candidates(own, self.asked.candidates, history=origins[0].history)
        leaks = leaking_candidates(candidates, honest=origins[0].history, seen=seen)
        notes = [
            f"{name} is refused: its answers change for {share:.0%} of customers when later orders are removed."
            for name, share in leaks.items()
        ]
        if study.params.customers.by is not None:
            notes.append("Customers are compared as one, in whatever channels they order.")
        counts = [o.history.now for o in origins if len(o.history.now.customers) >= self.asked.customers]
        if counts:
            notes.append(f"Of more than {self.asked.customers:,} customers on a day a sample was compared.")
        return plan, origins, [c for c in candidates if c.name not in leaks], notes

    @property
    def _differs(self) -> bool:
        """Whether the study measures its customers otherwise than over their whole history."""
        given = self.study.params.customers
        return given.window_days is not None or given.annualise

    def _builder(self, *, own: bool) -> Build:
        """Return what makes the customers' table: as the study has it, or over the whole history."""
        study = self.study
        options = study.params.customers.model_dump(exclude={"by"}) if own else {}

        def build(orders: Log, day: date) -> pd.DataFrame:
            past: dict[str, Any] = {
                name: None if log is None else until_day(log, day, what=name)
                for name, log in (("lines", study.lines), ("events", study.scored_events))
            }
            return customer_table(orders, as_of=day, **past, **options)

        return build


def compares(study: Study) -> bool:
    """Say whether a run of the study compares strategies: its params have `comparison:`, or the page about it."""
    return study.params.comparison is not None or any(n.name == PAGE for n in study.params.notebooks)
