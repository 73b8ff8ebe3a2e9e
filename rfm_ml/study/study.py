"""A study: one params file and one as-of day, bound to the stages, each computed once and kept by content."""

import inspect
import sys
import warnings
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.campaigns import Playbook, load_playbook
from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.store import code_digest, digest
from rfm_ml.customers import customer_table
from rfm_ml.customers.engagement import with_points
from rfm_ml.customers.funnel import STAGES, funnel_stage
from rfm_ml.models import FitWarning, GammaGamma
from rfm_ml.models.repeat_buying import RepeatBuyingModel
from rfm_ml.segments import SegmentModel, load_map, segment_profile, with_overlays, with_prospects
from rfm_ml.segments.choice import ModelChoice, choose_model
from rfm_ml.strategies import make_strategy
from rfm_ml.strategies.clv_tiers import MODELS
from rfm_ml.study.inputs import StudyInputs
from rfm_ml.transactions.quality import quality_warnings

INTERVAL = 0.9
"""Probability that the intervals of predicted orders hold."""


class Study(StudyInputs):
    """One params file, seen from one day.

    Parameters
    ----------
    params
        Path of the YAML file, looked for here and in the folders above.
    as_of
        The day, as a date or `2025-06-30`; None for the one in the params.
    refresh
        Copy databases anew, where a copy of an earlier run would do.

    Raises
    ------
    ParamsError
        If the params are not usable.

    Examples
    --------
    >>> study = Study("params/cdnow.yml")
    >>> len(study.customers)
    2357
    """

    def __init__(self, params: str | Path, *, as_of: str | date | None = None, refresh: bool = False) -> None:
        super().__init__(params, as_of=as_of, refresh=refresh)
        self._choices: dict[str, ModelChoice] = {}
        self._segments: dict[str, pd.DataFrame] = {}

    @cached_property
    def _customers_key(self) -> str:
        events = [str(self._companion("events")), self.params.engagement.model_dump() if self.params.events else None]
        return digest(code_digest(), str(self.log.folder), self.as_of, self.params.customers.model_dump(), events)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One row per customer as of the day."""
        options = self.params.customers.model_dump()
        return self.store.frame(
            "customers",
            self._customers_key,
            lambda: customer_table(
                self.orders, as_of=self.as_of, lines=self.lines, events=self.scored_events, **options
            ),
        )

    @property
    def scored_events(self) -> Any:
        """Events with their points for engagement as the params say, None if the params name none."""
        rules = self.params.engagement.model_dump()
        return None if self.events is None else with_points(self.events, **rules)

    @property
    def strategies(self) -> list[str]:
        """Names of the strategies; the first leads the report."""
        return list(self.params.strategies)

    def choice(self, name: str | None = None) -> ModelChoice:
        """Return the segment model of a strategy and how it was come by: settled by a run, or fitted now."""
        name = self._known(name)
        if name not in self._choices:
            settled = self._settled(name)
            fresh = ModelChoice.load(settled) if settled.exists() else None
            self._choices[name] = fresh or choose_model(self._blank(name), self.customers, as_of=self.as_of)
        return self._choices[name]

    def model(self, name: str | None = None) -> SegmentModel:
        """Return the segment model of a strategy, the leading one by default."""
        return self.choice(name).model

    def settle(self, *, earlier: list[Path], refit: bool = False) -> None:
        """Decide for every strategy between its frozen model and a new fit, for every later reader of the cache.

        Parameters
        ----------
        earlier
            Folders of models of earlier as-of days, latest first.
        refit
            Learn anew whatever the params say.
        """
        for name, strategy in self.params.strategies.items():
            previous = next((file for f in earlier if (file := f / f"{name}.json").exists()), None)
            frozen = None if refit or strategy.refit else previous
            why = "the first run of this study"
            if refit or strategy.refit:
                why = "as the params ask for" if strategy.refit else "as asked for"
            files = {"frozen": frozen, "previous": previous}
            choice = choose_model(self._blank(name), self.customers, as_of=self.as_of, why=why, **files)
            choice.save(self._settled(name))
            self._choices[name] = choice

    def _blank(self, name: str) -> SegmentModel:
        given = self.params.strategies[name]
        if str(self.base) not in sys.path:
            sys.path.append(str(self.base))  # where a user's own strategy lies
        strategy = make_strategy(given.use, **given.options)
        if given.map is None:
            return SegmentModel(strategy)
        own = given.map.endswith((".yml", ".yaml"))
        return SegmentModel(strategy, load_map(self._local(given.map) if own else given.map))

    def _settled(self, name: str) -> Path:
        # A user's own map or class may have changed under the same name.
        blank, given = self._blank(name), self.params.strategies[name]
        names = blank.segment_map and blank.segment_map.to_dict()
        code = inspect.getsource(type(blank.strategy)) if ":" in given.use else ""
        key = digest(self.params.study, self._customers_key, given.model_dump(), names, code)
        return self.store.root / f"model-{key}.json"

    def _known(self, name: str | None) -> str:
        if name is None:
            return self.strategies[0]
        require_known(name, self.strategies, what="A strategy of this study")
        return name

    def segments(self, name: str | None = None) -> pd.DataFrame:
        """Return `customer_id, segment, R, F, M, cell`, with overlays and prospects where their inputs exist."""
        name = self._known(name)
        if name not in self._segments:
            self._segments[name] = self._assign(self.model(name))
        return self._segments[name]

    def _assign(self, model: SegmentModel) -> pd.DataFrame:
        assigned = model.assign(self.customers)
        by = self.params.customers.by
        if by is not None and by not in assigned:
            assigned.insert(1, by, self.customers[by])
        if model.segment_map is not None:
            assigned = with_overlays(assigned, self.events, segment_map=model.segment_map, as_of=self.as_of)
        if self.contacts is not None:
            assigned = with_prospects(assigned, self.contacts.select("customer_id").to_pandas())
        return assigned

    def segment_list(self, name: str | None = None, *, model: SegmentModel | None = None) -> pd.DataFrame:
        """Return the list a campaign tool imports: segments, scores, funnel stage, the reason, what would move each up.

        Parameters
        ----------
        name
            A strategy of the study, the leading one by default.
        model
            A frozen model from elsewhere, in place of a strategy of the study.
        """
        assigned = self.segments(name) if model is None else self._assign(model)
        model = model or self.model(name)
        # Prospects follow the customers, so rows agree by position; there is nothing to explain about them.
        prospects = len(assigned) - len(self.customers)
        more = [""] * prospects
        return assigned.assign(
            funnel_stage=[*funnel_stage(self.customers), *[STAGES[0]] * prospects],
            reason=[*model.explain(self.customers), *more],
            next_step=[*model.move_up(self.customers), *more],
        )

    def profile(self, name: str | None = None) -> pd.DataFrame:
        """Return one row per segment: customers, orders, revenue, their shares and medians."""
        model = self.model(name)
        return segment_profile(self.segments(name), self.customers, order=model.segment_map or model.segments)

    @cached_property
    def clv_models(self) -> tuple[RepeatBuyingModel, GammaGamma]:
        """The repeat-buying model of the params and the spend model, fitted on the customers of the day.

        Raises
        ------
        ParamsError
            If the params have no `clv`.
        """
        if self.params.clv is None:
            raise ParamsError("Predictions must be asked for in the params. There is no clv: in them. Add clv: {}.")
        return self._clv_fit[0]

    @cached_property
    def _clv_fit(self) -> tuple[tuple[RepeatBuyingModel, GammaGamma], list[str]]:
        """Both fitted models, and what the fits want a reader to know."""
        assert self.params.clv is not None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FitWarning)
            fitted = MODELS[self.params.clv.model]().fit(self.customers), GammaGamma().fit(self.customers)
        return fitted, [str(w.message) for w in caught if issubclass(w.category, FitWarning)]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Orders, P(alive), value, CLV and next order per customer, with 90 % intervals of orders.

        Raises
        ------
        ParamsError
            If the params have no `clv`.
        """
        asked = self.params.clv
        key = digest(self._customers_key, asked and asked.model_dump())

        def compute() -> pd.DataFrame:
            model, spend = self.clv_models
            assert asked is not None
            options = asked.model_dump(exclude={"model"})
            return model.predict(self.customers, spend_model=spend, level=INTERVAL, **options)

        return self.store.frame("predictions", key, compute)

    @property
    def basis(self) -> str:
        """Digest of everything the pages rest on: input, rules, day and models."""
        models = {name: self.model(name).fingerprint for name in self.strategies}
        return digest(self._customers_key, self.params.model_dump(exclude={"notebooks", "engine"}), models)

    @cached_property
    def playbook(self) -> Playbook:
        """Aim, offer policy, channels and message idea by segment."""
        given = self.params.playbook
        if given is None:
            return load_playbook()
        known: set[str] = set()
        for name in self.strategies:
            blank = self._blank(name)
            if blank.segment_map is not None:
                known.update(blank.segment_map.all_names())
            elif hasattr(blank.strategy, "labels"):
                known.update(blank.strategy.labels)
            else:  # labels that only the data tell
                return load_playbook(self._local(given))
        return load_playbook(self._local(given), segments=sorted(known))

    def aim(self, segment: str) -> str:
        """Return what the playbook aims for in a segment, empty if it says nothing."""
        return str(self.playbook.get(segment, {}).get("aim", ""))

    @cached_property
    def warnings(self) -> list[str]:
        """What a reader must know before he relies on the figures."""
        last = self.customers["last_order_on"].max().date()
        found = quality_warnings(self.waterfall, last_order_on=last, as_of=self.as_of)
        found += self.companion_notes
        for name in self.strategies:
            found += [f"{name}: {told}" for told in self.choice(name).warnings]
        if self.params.clv is not None:
            found += [f"Predictions: {told}" for told in self._clv_fit[1]]
        return found
