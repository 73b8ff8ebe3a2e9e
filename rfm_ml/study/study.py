"""A study: one params file and one as-of day, bound to the stages, each computed once and kept by content."""

import warnings
from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd

from rfm_ml.campaigns import Playbook, load_playbook, playbook_entry
from rfm_ml.campaigns.holdout import salt_id
from rfm_ml.campaigns.opt_outs import OPT_OUT_COLUMNS, OptOuts
from rfm_ml.core.errors import DataError, ParamsError, RfmError
from rfm_ml.core.store import digest
from rfm_ml.customers.funnel import STAGES, funnel_stage
from rfm_ml.models import MODELS, FitWarning, GammaGamma
from rfm_ml.models.repeat_buying import RepeatBuyingModel
from rfm_ml.segments import SegmentModel, overlay_reasons, segment_profile
from rfm_ml.segments.overlays import prospects_explained
from rfm_ml.study.ledgers import drift_warnings
from rfm_ml.study.segments import StudySegments
from rfm_ml.transactions.quality import quality_warnings

Built = TypeVar("Built")

INTERVAL = 0.9
"""Probability that the intervals of predicted orders hold."""


class Study(StudySegments):
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

    def __init__(
        self,
        params: str | Path,
        *,
        as_of: str | date | None = None,
        refresh: bool = False,
    ) -> None:
        super().__init__(params, as_of=as_of, refresh=refresh)
        self._features: dict[Any, Any] = {}
        self._days: dict[date, Study] = {}

    def feature(self, kind: Callable[["Study"], Built]) -> Built:
        """Return a feature of this study, built once: who asks again gets the same one."""
        if kind not in self._features:
            self._features[kind] = kind(self)
        return cast(Built, self._features[kind])

    def at(self, day: date) -> "Study":
        """Return the study as of an earlier day, by what was published before this one; log and engine are shared."""
        from rfm_ml.study.published import EarlierDay

        if day not in self._days:
            self._days[day] = self if day == self.as_of else EarlierDay(self, as_of=day)
        return self._days[day]

    def segment_list(self, name: str | None = None, *, model: SegmentModel | None = None) -> pd.DataFrame:
        """Return the list a campaign tool imports: segments, scores, funnel stage, the reason, what would move each up.

        With events also the engagement score, of prospects too.

        Parameters
        ----------
        name
            A strategy of the study, the leading one by default.
        model
            A frozen model from elsewhere, in place of a strategy of the study.
        """
        if model is None:
            assigned = self.segments(name)
        else:
            assigned = self._with_prospects(self.label(model, self.customers, as_of=self.as_of))
        model = model or self.model(name)
        # Prospects follow the customers, so rows agree by position.
        known = len(self.customers)
        prospects = prospects_explained(self.contacts, assigned["customer_id"].iloc[known:], as_of=self.as_of)
        told = pd.concat([self.explained(model, self.customers, assigned["segment"].iloc[:known]), prospects])
        scores = self.engagement_scores
        return assigned.assign(
            funnel_stage=[*funnel_stage(self.customers), *[STAGES[0]] * len(prospects)],
            **({} if scores is None else {"engagement_score": assigned["customer_id"].map(scores)}),
            reason=told["reason"].to_numpy(),
            next_step=told["next_step"].to_numpy(),
        )

    def explained(
        self,
        model: SegmentModel,
        customers: pd.DataFrame,
        segments: pd.Series,
        *,
        published: bool = False,
        events: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Return `reason, next_step`: why each customer is in their segment, and what would move them up from there.

        Parameters
        ----------
        model
            Of a strategy.
        customers
            Rows of the customers' table.
        segments
            Their segments; with hysteresis a customer may not be where the model's rules alone put them.
        published
            Whether the segments were written down before, so that the log may say otherwise by now.
        events
            As for `label`.
        """
        settled = self.params.hysteresis is None and not published
        events = self.events if events is None else events
        today = segments if settled else self.label(model, customers, as_of=self.as_of, events=events)["segment"]
        reasons = model.explain(customers)
        if model.segment_map is not None:
            laid = pd.DataFrame({"customer_id": customers["customer_id"], "segment": today.to_numpy()})
            reasons = overlay_reasons(reasons, laid, events, segment_map=model.segment_map, as_of=self.as_of)
        if settled:
            return pd.DataFrame({"reason": reasons, "next_step": model.move_up(customers)})
        why = "until the move is sure" if self.params.hysteresis else "as published"
        told = [
            r if s == t else f"{s}, {why}. By today's figures: {r}"
            for s, t, r in zip(segments, today, reasons, strict=True)
        ]
        return pd.DataFrame({"reason": told, "next_step": model.move_up(customers, segments=segments)})

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
            try:
                fitted = MODELS[self.params.clv.model]().fit(self.customers), GammaGamma().fit(self.customers)
            except RfmError:
                raise
            except Exception as error:  # a search may fail in many ways
                raise DataError(
                    f"The models of clv: must be fitted to these customers. Got {type(error).__name__}: {error}. "
                    "Choose another model or a longer history."
                ) from error
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

    @cached_property
    def why_no_predictions(self) -> str:
        """Why the predictions that the params ask for cannot be made; empty if they can, or none are asked for."""
        if self.params.clv is None:
            return ""
        try:
            self.predictions  # noqa: B018
        except RfmError as error:
            return str(error)
        except Exception as error:  # a model may fail in any way; the rest of the study goes on
            return f"The model of clv: could not predict ({type(error).__name__}: {error})."
        return ""

    @property
    def basis(self) -> str:
        """Digest of everything the pages rest on: input, rules, day, models and earlier days."""
        models = {name: (self.model(name).fingerprint, self.earlier.digest(name)) for name in self.strategies}
        secret = self.params.activation.secret
        drawn = salt_id(secret) if secret else None
        rules = self.params.model_dump(exclude={"notebooks", "engine", "delivery"})
        return digest(self._customers_key, rules, models, drawn)

    @cached_property
    def playbook(self) -> Playbook:
        """Aim, offer policy, channels and message idea by segment."""
        given = self.params.playbook
        if given is None:
            return load_playbook()
        known: set[str] = set()
        for name in self.strategies:
            blank = self.blank(name)
            if blank.segment_map is not None:
                known.update(blank.segment_map.all_names())
            elif blank.strategy.fixed_labels:
                known.update(blank.strategy.fixed_labels)
            else:  # labels that only the data tell
                return load_playbook(self._local(given))
        return load_playbook(self._local(given), segments=sorted(known))

    def aim(self, segment: str) -> str:
        """Return what the playbook aims for in a segment, empty if it says nothing."""
        return str(playbook_entry(self.playbook, segment).get("aim", ""))

    def offer_policy(self, segment: str) -> str:
        """Return the playbook's offer policy for a segment, empty if it says nothing."""
        return str(playbook_entry(self.playbook, segment).get("offer_policy", ""))

    @cached_property
    def opt_outs(self) -> OptOuts:
        """What contacts said no to; nothing, if the params name none."""
        rows, rules = self.contact_rows, self.params.activation
        known = [] if rows is None else list(rows.columns)
        wanted = [c for c in known if c in OPT_OUT_COLUMNS or c.startswith("consent_") or c in rules.consents.values()]
        frame = pd.DataFrame({"customer_id": []}) if rows is None else rows.select(*wanted).to_pyarrow().to_pandas()
        return OptOuts(frame, default_country=rules.default_country)

    @cached_property
    def objectors(self) -> pd.Series:
        """Ids of the contacts who must be left alone, by their own word or by their address: they are in no list."""
        return self.opt_outs.left_alone.everybody

    @cached_property
    def warnings(self) -> list[str]:
        """What a reader must know before relying on the figures."""
        last = self.customers["last_order_on"].max().date()
        found = quality_warnings(self.waterfall, last_order_on=last, as_of=self.as_of)
        found += self.companion_notes
        drift = {}
        for name in self.strategies:
            choice = self.choice(name)
            found += [f"{name}: {told}" for told in choice.warnings]
            drift[name] = self.earlier.drift(name)
        found += drift_warnings(drift)
        if self.why_no_predictions:
            found.append(f"Predictions: there are none, nor a table of them. {self.why_no_predictions}")
        elif self.params.clv is not None:
            found += [f"Predictions: {told}" for told in self._clv_fit[1]]
        return found
