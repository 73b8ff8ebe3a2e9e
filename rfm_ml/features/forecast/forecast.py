"""What a study's customers will do next, and how far such predictions were right before."""

import warnings
from collections.abc import Callable
from functools import cached_property, partial
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.calendar import first_and_repeat_days
from rfm_ml.customers.holdout import split_holdout
from rfm_ml.models import MODELS, NBD, FitWarning, GammaGamma
from rfm_ml.models.boosted import Boosted
from rfm_ml.models.calibration import (
    ACTUAL,
    Holdout,
    calibration_by_frequency,
    calibration_by_prediction,
    choose_holdout,
    compare_forecasts,
    past_rate,
)
from rfm_ml.models.repeat_buying import RepeatBuyingModel
from rfm_ml.models.tracking import next_order_calendar, prediction_surface, track_orders
from rfm_ml.params import Clv
from rfm_ml.study.study import INTERVAL, Study

COMPARED: Final[dict[str, type[RepeatBuyingModel]]] = {
    **{kind.title: kind for kind in MODELS.values()},
    NBD.title: NBD,
}
PAST_RATE: Final = "past rate"
BOOSTED: Final = "boosted trees"
BOOSTED_UP_TO: Final = 50_000
"""Customers up to which gradient boosting is among the compared models: it computes all features twice more."""


MOST_ORDERS: Final = 7
MOST_WEEKS: Final = 110
GROUPS: Final = ["group", "customers", "actual_mean", "expected_mean", "actual_error"]

Made = TypeVar("Made")


class Forecast:
    """The predictions of a study with their evidence.

    What the data do not allow is None, or has no rows; `notes` and `holdout_notes` say why.

    Parameters
    ----------
    study
        With `clv` in its params or without; without, the defaults of `clv` are used.

    Examples
    --------
    >>> forecast = Forecast(Study("params/cdnow.yml"))
    >>> forecast.holdout.days
    273
    >>> round(float(forecast.predictions["p_alive"].mean()), 2)
    0.45
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.asked = study.params.clv or Clv()
        self.by_default = study.params.clv is None
        self.customers = study.customers
        self.notes: list[str] = []
        self.holdout_notes: list[str] = []

    @property
    def name(self) -> str:
        """What the chosen repeat-buying model is called."""
        return MODELS[self.asked.model].title

    def _try(self, made: Callable[[], Made], *, notes: list[str], about: str = "") -> Made | None:
        """Return what could be made, or None; why not, and what to mind, goes to the notes."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", FitWarning)
            try:
                result: Made | None = made()
            except (DataError, ParamsError) as error:
                result = None
                notes.append(f"{about}{error}")
        notes += [f"{about}{w.message}" for w in told if issubclass(w.category, FitWarning)]
        return result

    @cached_property
    def model(self) -> RepeatBuyingModel | None:
        """The repeat-buying model, fitted on the customers of the day."""
        return self._try(lambda: MODELS[self.asked.model]().fit(self.customers), notes=self.notes)

    @cached_property
    def spend_model(self) -> GammaGamma | None:
        """The spend model, fitted on the customers of the day."""
        return self._try(lambda: GammaGamma().fit(self.customers), notes=self.notes)

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """As `Study.predictions`; without money where there is no spend model."""
        if self.model is None:
            return None
        options = self.asked.model_dump(exclude={"model"})
        return self.model.predict(self.customers, spend_model=self.spend_model, level=INTERVAL, **options)

    @cached_property
    def next_orders(self) -> pd.DataFrame:
        """The weeks to come, as `next_order_calendar`; no rows without a model."""
        if self.model is None or self.predictions is None:
            return pd.DataFrame(columns=["week", "from_day", "to_day", "expected_orders", "customers_due"])
        return next_order_calendar(self.model, self.customers, self.predictions, as_of=self.study.as_of)

    @cached_property
    def surface(self) -> pd.DataFrame:
        """P(alive) and expected orders of every history, for customers as old as most; no rows without a model."""
        if self.model is None:
            return pd.DataFrame(columns=["repeat_orders", "recency_days", "p_alive", "expected_orders"])
        age = max(1.0, float(np.floor(self.customers["age_days"].quantile(0.75))))
        most = int(np.clip(self.customers["repeat_orders"].max(), 1, MOST_ORDERS))
        return prediction_surface(self.model, age_days=age, horizon_days=self.asked.horizon_days, most_orders=most)

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
        return self._try(
            lambda: split_holdout(self.study.orders, as_of=days.as_of, until=days.until, with_features=False),
            notes=self.holdout_notes,
        )

    @cached_property
    def past_models(self) -> dict[str, RepeatBuyingModel]:
        """The compared models as they would have been fitted at the beginning of the holdout."""
        held = self.held
        if held is None:
            return {}
        order = sorted(COMPARED, key=lambda name: name != self.name)
        fitted: dict[str, RepeatBuyingModel] = {}
        told: dict[str, list[str]] = {}
        for name in order:
            notes: list[str] = []
            model = self._try(partial(COMPARED[name]().fit, held), notes=notes)
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
        every = {n: m.expected_orders(held, horizon_days=days.days) for n, m in self.past_models.items()}
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
        spend = self._try(lambda: GammaGamma().fit(held), notes=self.holdout_notes)
        every = {}
        if spend is not None:
            value = spend.expected_order_value(held)
            every = {n: self.expected[n] * value for n in self.past_models}
        every[PAST_RATE] = past_rate(held, horizon_days=days.days, spend=True)
        boosted = self._boosted(held, days) if len(held) <= BOOSTED_UP_TO else None
        if boosted is not None:
            every[BOOSTED] = boosted
        return compare_forecasts(held["actual_spend"].to_numpy(), every)

    @cached_property
    def by_frequency(self) -> pd.DataFrame:
        """Calibration of the chosen model by past repeat orders; no rows without a holdout."""
        if self.held is None or self.past_model is None:
            return pd.DataFrame(columns=GROUPS)
        return calibration_by_frequency(self.held, self.expected[self.name])

    @cached_property
    def by_prediction(self) -> pd.DataFrame:
        """Calibration of the chosen model by tenths of its prediction; no rows without a holdout."""
        if self.held is None or self.past_model is None:
            return pd.DataFrame(columns=GROUPS)
        return calibration_by_prediction(self.held, self.expected[self.name])

    @cached_property
    def tracked(self) -> pd.DataFrame:
        """Repeat orders over time, by weeks or, over many, by four weeks; no rows without a model.

        The model as of the beginning of the holdout, until its end; without a holdout, today's model until today.
        """
        past, days = self.past_model, self.holdout
        model, fitted_on = (past, days.as_of) if past and days else (self.model, None)
        if model is None:
            return pd.DataFrame(columns=["from_day", "to_day", "seen"])
        until = days.until if past and days else self.study.as_of
        span = (until - self.calendar["ordered_on"].min().date()).days
        step = 28 if span > 7 * MOST_WEEKS else 7 if span >= 21 else 1
        by = None if past else self.study.params.customers.by  # as the model's customers were told apart
        calendar = first_and_repeat_days(self.study.orders, by=by) if by else self.calendar
        return track_orders(model, calendar, until=until, fitted_on=fitted_on, step_days=step)

    def _boosted(self, held: pd.DataFrame, days: Holdout) -> np.ndarray | None:
        study = self.study

        def made() -> np.ndarray:
            options = {"as_of": days.as_of, "lines": study.lines, "events": study.events}
            model = Boosted(horizon_days=days.days).fit(study.orders, **options)
            spend = model.predict(study.orders, **options).set_index("customer_id")["expected_spend"]
            return spend.reindex(held["customer_id"]).to_numpy(dtype=np.float64)

        return self._try(made, notes=self.holdout_notes, about="Boosted trees are left out. ")
