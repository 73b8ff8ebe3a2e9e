"""What a study's customers will do next, and how far such predictions were right before."""

import warnings
from collections.abc import Callable
from functools import cached_property, partial
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.store import digest
from rfm_ml.customers.calendar import first_and_repeat_days
from rfm_ml.customers.holdout import split_holdout
from rfm_ml.features.feature import Facts, Feature, Report
from rfm_ml.models import MODELS, NBD, FitWarning, GammaGamma
from rfm_ml.models.boosted import Boosted
from rfm_ml.models.calibration import (
    ACTUAL,
    FAILS,
    Holdout,
    calibration_by_frequency,
    calibration_by_prediction,
    choose_holdout,
    compare_forecasts,
    holdout_verdicts,
    past_rate,
)
from rfm_ml.models.repeat_buying import RepeatBuyingModel
from rfm_ml.models.tracking import next_order_calendar, prediction_surface, track_orders
from rfm_ml.params import Clv
from rfm_ml.strategies.clv_tiers import CLVTiers
from rfm_ml.study.study import INTERVAL, Study

COMPARED: Final[dict[str, type[RepeatBuyingModel]]] = {
    **{kind.title: kind for kind in MODELS.values()},
    NBD.title: NBD,
}
PREDICTIONS: Final = "Predictions"
PAST_RATE: Final = "past rate"
SPEND: Final = "The spend model"
BOOSTED: Final = "boosted trees"
BOOSTED_UP_TO: Final = 50_000
"""Customers up to which gradient boosting is among the compared models: it computes all features twice more."""
MOST_ORDERS: Final = 7
MOST_WEEKS: Final = 110
WEEKS: Final = ["week", "from_day", "to_day", "expected_orders", "customers_due"]
HISTORIES: Final = ["repeat_orders", "recency_days", "p_alive", "expected_orders"]
PERIODS: Final = ["from_day", "to_day", "seen"]
GROUPS: Final = ["group", "customers", "actual_mean", "expected_mean", "actual_error"]

Made = TypeVar("Made")


class Predictions(Feature):
    """What the model of the params predicts of every customer."""

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return `clv_models`: the fitted parameters with their standard errors."""
        if self.study.params.clv is None or self.study.why_no_predictions:
            return {}
        every = [m.summary().assign(model=type(m).__name__) for m in self.study.clv_models]
        return {"clv_models": pd.concat(every).reset_index()}

    def write(self, report: Report) -> None:
        """Write the table and the predictions."""
        super().write(report)
        if self.study.params.clv is not None and not self.study.why_no_predictions:
            self.study.predictions.to_parquet(report.day.table("predictions", ending="parquet"), index=False)

    def facts(self) -> Facts:
        """Say of every model that the study goes by, in predictions or in tiers, where it fails its own holdout.

        Kept by content: the fits of the past are made once for a day.
        """
        study = self.study
        models = {} if study.params.clv is None else {PREDICTIONS: study.params.clv}
        for name in study.strategies:
            tiers = study.model(name).strategy_
            if isinstance(tiers, CLVTiers):
                models[name] = Clv.model_validate({"model": tiers.model, "horizon_days": tiers.horizon_days})
        warnings: list[str] = []
        for about, asked in models.items():
            verdict = study.store.frame(
                "holdout", digest(study.basis, asked.model_dump()), partial(_verdict, study, asked)
            )
            warnings += [f"{about}: {words}" for words in verdict.loc[verdict["verdict"] == FAILS, "words"]]
        return Facts(warnings=warnings)


def _verdict(study: Study, asked: Clv) -> pd.DataFrame:
    return Forecast(study, asked=asked, others=False).verdict


class Forecast:
    """The predictions of a study with their evidence.

    What the data do not allow is None, or has no rows; `notes` and `holdout_notes` say why. A model that fails in
    whatever way costs its own rows, never those of the others.

    Parameters
    ----------
    study
        With `clv` in its params or without; without, the defaults of `clv` are used.
    asked
        In place of `clv` of the params.
    others
        False to leave out the models that the chosen one is compared with.

    Examples
    --------
    >>> forecast = Forecast(Study("params/cdnow.yml"))
    >>> forecast.holdout.days
    273
    >>> round(float(forecast.predictions["p_alive"].mean()), 2)
    0.45
    """

    def __init__(self, study: Study, *, asked: Clv | None = None, others: bool = True) -> None:
        self.study = study
        self.asked = asked or study.params.clv or Clv()
        self.by_default = study.params.clv is None
        self._others = others
        self.customers = study.customers
        self.notes: list[str] = []
        self.holdout_notes: list[str] = []

    @property
    def name(self) -> str:
        """What the chosen repeat-buying model is called."""
        return MODELS[self.asked.model].title

    def _try(self, made: Callable[[], Made], *, notes: list[str], name: str, without: str = "") -> Made | None:
        """Return what could be made, or None; why not (after `without`), and what to mind, goes to the notes."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", FitWarning)
            try:
                result: Made | None = made()
            except (DataError, ParamsError) as error:
                result = None
                notes.append(f"{without}{error}")
            except Exception as error:  # a model may fail in any way; the others, and the page, go on
                result = None
                notes.append(f"{without}{name} could not be computed ({type(error).__name__}: {error}).")
        fits = [str(w.message) for w in told if issubclass(w.category, FitWarning)]
        notes += [f"{name}: {words}" if without else words for words in fits]
        return result

    def _table(self, made: Callable[[], pd.DataFrame], columns: list[str], *, name: str) -> pd.DataFrame:
        """Return a table, without rows if it could not be made."""
        found = self._try(made, notes=self.notes, name=name)
        return pd.DataFrame(columns=columns) if found is None else found

    def _numbers(self, made: Callable[[], np.ndarray], *, name: str, without: str = "") -> np.ndarray | None:
        """Return what a model expects in the holdout, None if it fails or is no number for somebody."""
        found = self._try(made, notes=self.holdout_notes, name=name, without=without)
        missing = 0 if found is None else int((~np.isfinite(found)).sum())
        if missing:
            self.holdout_notes.append(f"{without}{name} gives no number for {missing:,} customers.")
        return None if missing else found

    @cached_property
    def model(self) -> RepeatBuyingModel | None:
        """The repeat-buying model, fitted on the customers of the day."""
        return self._try(lambda: MODELS[self.asked.model]().fit(self.customers), notes=self.notes, name=self.name)

    @cached_property
    def spend_model(self) -> GammaGamma | None:
        """The spend model, fitted on the customers of the day."""
        return self._try(lambda: GammaGamma().fit(self.customers), notes=self.notes, name=SPEND)

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """As `Study.predictions`; without money where there is no spend model."""
        model, spend = self.model, self.spend_model
        if model is None:
            return None

        def made() -> pd.DataFrame:
            options = self.asked.model_dump(exclude={"model"})
            found = model.predict(self.customers, spend_model=spend, level=INTERVAL, **options)
            wrong = int((~np.isfinite(found["expected_orders"])).sum())
            if wrong:
                raise DataError(f"{self.name} must expect a number of orders of everybody. Got none for {wrong:,}.")
            return found

        return self._try(made, notes=self.notes, name=self.name)

    @cached_property
    def next_orders(self) -> pd.DataFrame:
        """The weeks to come, as `next_order_calendar`; no rows without a model."""
        if self.model is None or self.predictions is None:
            return pd.DataFrame(columns=WEEKS)
        made = partial(next_order_calendar, self.model, self.customers, self.predictions, as_of=self.study.as_of)
        return self._table(made, WEEKS, name="Orders of the weeks to come")

    @cached_property
    def surface(self) -> pd.DataFrame:
        """P(alive) and expected orders of every history, for customers as old as most; no rows without a model."""
        if self.model is None:
            return pd.DataFrame(columns=HISTORIES)
        age = max(1.0, float(np.floor(self.customers["age_days"].quantile(0.75))))
        most = int(np.clip(self.customers["repeat_orders"].max(), 1, MOST_ORDERS))
        horizon = self.asked.horizon_days
        made = partial(prediction_surface, self.model, age_days=age, horizon_days=horizon, most_orders=most)
        return self._table(made, HISTORIES, name="P(alive) by history")

    # --- judged by what happened ------------------------------------------------------------------------------
    @cached_property
    def calendar(self) -> pd.DataFrame:
        """First and repeat orders by day, over the whole log; a customer is one in whatever channels."""
        return first_and_repeat_days(self.study.orders)

    @cached_property
    def holdout(self) -> Holdout | None:
        """The days by which the models are judged, None if the log is too short."""
        found = choose_holdout(self.calendar, as_of=self.study.as_of, horizon_days=self.asked.horizon_days)
        if found is None:
            self.holdout_notes.append("The log is too short to hold back some weeks and judge the models by them.")
        return found

    @cached_property
    def held(self) -> pd.DataFrame | None:
        """The customers at the beginning of the holdout, with what they did in it."""
        days = self.holdout
        if days is None:
            return None
        made = partial(split_holdout, self.study.orders, as_of=days.as_of, until=days.until, with_features=False)
        return self._try(made, notes=self.holdout_notes, name="The holdout")

    @cached_property
    def past_models(self) -> dict[str, RepeatBuyingModel]:
        """The compared models as they would have been fitted at the beginning of the holdout."""
        held = self.held
        if held is None:
            return {}
        order = sorted(COMPARED, key=lambda name: name != self.name) if self._others else [self.name]
        fitted: dict[str, RepeatBuyingModel] = {}
        told: dict[str, list[str]] = {}
        for name in order:
            notes: list[str] = []
            model = self._try(partial(COMPARED[name]().fit, held), notes=notes, name="It")
            fitted |= {} if model is None else {name: model}
            for note in notes:
                told.setdefault(note, []).append(name)
        self.holdout_notes += [f"{', '.join(names)}: {note}" for note, names in told.items()]
        return fitted

    @cached_property
    def past_model(self) -> RepeatBuyingModel | None:
        """The chosen model as of the beginning of the holdout."""
        return self.past_models.get(self.name)

    @cached_property
    def expected(self) -> dict[str, np.ndarray]:
        """Orders expected of the held customers in the holdout, by model; the chosen model first."""
        held, days = self.held, self.holdout
        if held is None or days is None:
            return {}
        made = {n: partial(m.expected_orders, held, horizon_days=days.days) for n, m in self.past_models.items()}
        every = {name: found for name in made if (found := self._numbers(made[name], name=name)) is not None}
        return every | {PAST_RATE: past_rate(held, horizon_days=days.days)}

    @cached_property
    def order_comparison(self) -> pd.DataFrame:
        """Models against the orders of the holdout, as `compare_forecasts`; no rows without a holdout."""
        held = self.held
        return compare_forecasts(np.zeros(0) if held is None else held[ACTUAL].to_numpy(), self.expected)

    @cached_property
    def spend_comparison(self) -> pd.DataFrame:
        """Models against the spend of the holdout: orders by order value, past rate, and boosted trees."""
        held, days = self.held, self.holdout
        if held is None or days is None:
            return compare_forecasts(np.zeros(0), {})
        value = self._numbers(lambda: GammaGamma().fit(held).expected_order_value(held), name=SPEND)
        every = {} if value is None else {n: e * value for n, e in self.expected.items() if n != PAST_RATE}
        every[PAST_RATE] = past_rate(held, horizon_days=days.days, spend=True)
        boosted = self._boosted(held, days) if len(held) <= BOOSTED_UP_TO else None
        every |= {} if boosted is None else {BOOSTED: boosted}
        return compare_forecasts(held["actual_spend"].to_numpy(), every)

    @cached_property
    def verdict(self) -> pd.DataFrame:
        """Verdict on the orders of the chosen model, as `holdout_verdicts`; no rows if there is none to judge."""
        table = holdout_verdicts(self.order_comparison)
        return table[table["model"] == self.name]

    @cached_property
    def failed(self) -> pd.DataFrame:
        """Every model that fails its own holdout, as `holdout_verdicts`: in orders, then in spend."""
        orders, what = self.order_comparison, f"{self.study.params.currency} of spend"
        most = max(orders.attrs["actual"], *orders["predicted"], 0.0)
        spend = holdout_verdicts(self.spend_comparison, what=what.removeprefix(" of "), orders=most)
        both = pd.concat([holdout_verdicts(orders), spend])
        return both[both["verdict"] == FAILS]

    @cached_property
    def by_frequency(self) -> pd.DataFrame:
        """Calibration of the chosen model by past repeat orders; no rows without a holdout."""
        return self._calibrated(calibration_by_frequency)

    @cached_property
    def by_prediction(self) -> pd.DataFrame:
        """Calibration of the chosen model by tenths of its prediction; no rows without a holdout."""
        return self._calibrated(calibration_by_prediction)

    def _calibrated(self, by: Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]) -> pd.DataFrame:
        """Return the calibration of the chosen model, without rows if it expects nothing."""
        if self.held is None or self.name not in self.expected:
            return pd.DataFrame(columns=GROUPS)
        return by(self.held, self.expected[self.name])

    @cached_property
    def tracked(self) -> pd.DataFrame:
        """Repeat orders over time, by weeks or, over many, by four weeks; no rows without a model.

        The model as of the beginning of the holdout, until its end; without a holdout, today's model until today.
        """
        past, days = self.past_model, self.holdout
        model, fitted_on = (past, days.as_of) if past and days else (self.model, None)
        if model is None:
            return pd.DataFrame(columns=PERIODS)
        until = days.until if past and days else self.study.as_of
        span = (until - self.calendar["ordered_on"].min().date()).days
        step = 28 if span > 7 * MOST_WEEKS else 7 if span >= 21 else 1
        by = None if past else self.study.params.customers.by  # as the model's customers were told apart
        calendar = first_and_repeat_days(self.study.orders, by=by) if by else self.calendar
        made = partial(track_orders, model, calendar, until=until, fitted_on=fitted_on, step_days=step)
        return self._table(made, PERIODS, name="Orders over time")

    def _boosted(self, held: pd.DataFrame, days: Holdout) -> np.ndarray | None:
        def made() -> np.ndarray:
            study = self.study
            options = {"as_of": days.as_of, "lines": study.lines, "events": study.events}
            model = Boosted(horizon_days=days.days).fit(study.orders, **options)
            spend = model.predict(study.orders, **options).set_index("customer_id")["expected_spend"]
            return spend.reindex(held["customer_id"]).to_numpy(dtype=np.float64)

        return self._numbers(made, name="Boosted trees", without="Boosted trees are left out. ")
