"""Tiers by what customers are predicted to do: are they still there, and what will they spend."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns, require_known
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.models import MODELS, GammaGamma
from rfm_ml.strategies.base import Strategy, require_order, shares_drift
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints

COLUMNS: Final = ("recency_days", "repeat_orders", "active_days", "age_days", "mean_repeat_value")
NAMES: Final = ("Core", "Rising", "Fading", "Gone")
KEYS: Final = ("strategy", "params", "model", "spend_model", "core_from", "counts")


class CLVTiers(Strategy):
    """Four tiers from a repeat-buying model and a spend model.

    Core: P(alive) is at least `alive` and the predicted spend is among the highest `core_share` of the fitted
    customers. Rising: as alive, with less predicted spend. Fading: P(alive) between `gone` and `alive`. Gone: below.

    Parameters
    ----------
    model
        `mbg_nbd` (default), `pareto_nbd` or `bg_nbd`; the last gives P(alive) = 1 to every one-time buyer and is
        there for comparison only.
    horizon_days
        Spend is predicted for so many days ahead.
    alive, gone
        Limits of P(alive), 0 < gone < alive < 1.
    core_share
        Share of the fitted customers, by predicted spend, from which Core is drawn.
    names
        What the four tiers are called, best first.

    Attributes
    ----------
    model_, spend_model_
        The fitted models.
    core_from_
        Predicted spend from which an alive customer is Core, in currency over the horizon.
    counts_
        Fitted customers per tier.
    """

    name: ClassVar[str] = "clv_tiers"

    def __init__(
        self,
        model: str = "mbg_nbd",
        *,
        horizon_days: int = 365,
        alive: float = 0.5,
        gone: float = 0.2,
        core_share: float = 0.25,
        names: tuple[str, ...] = NAMES,
    ) -> None:
        self.model = model
        self.horizon_days = horizon_days
        self.alive = alive
        self.gone = gone
        self.core_share = core_share
        self.names = names

    @property
    def labels(self) -> list[str]:
        """The tiers, best first."""
        return list(self.names)

    def fit(self, customers: pd.DataFrame, y: None = None) -> Self:
        """Fit both models and the edge of Core."""
        self._check_params()
        ordered = self._has_order(customers)
        require_order(ordered)
        # Sums of floats depend on their order; the same customers must give the same model.
        known = customers[ordered].sort_values(list(COLUMNS), kind="stable")
        self.model_ = MODELS[self.model]().fit(known)
        self.spend_model_ = GammaGamma().fit(known)
        spend = self._predictions(known)["expected_spend"].to_numpy()
        self.core_from_ = float(np.quantile(spend, 1 - self.core_share))
        self.counts_ = np.bincount(self._codes(known), minlength=len(NAMES))
        return self

    def _check_params(self) -> None:
        require_known(self.model, MODELS, what="model")
        require_between(self.horizon_days, 1, 36_500, name="horizon_days")
        require_between(self.core_share, 0, 1, name="core_share")
        if not 0 < self.gone < self.alive < 1:
            raise ParamsError(f"gone and alive must be 0 < gone < alive < 1. Got gone {self.gone}, alive {self.alive}.")
        if len(self.names) != len(NAMES) or len(set(self.names)) != len(NAMES):
            raise ParamsError(f"names must be four different names, best first. Got {list(self.names)!r}.")

    def _has_order(self, customers: pd.DataFrame) -> np.ndarray:
        require_columns(list(customers.columns), COLUMNS, what="The customers' table")
        return np.asarray(~np.isnan(number_column(customers, "recency_days")))

    def _predictions(self, known: pd.DataFrame) -> pd.DataFrame:
        frame = known[list(COLUMNS)].assign(customer_id=range(len(known)))
        # Without a first repeat order there is no mean value: 0, as the customers' table has it.
        frame = frame.fillna({"mean_repeat_value": 0.0, "repeat_orders": 0, "active_days": 0, "age_days": 0})
        return self.model_.predict(frame, horizon_days=self.horizon_days, spend_model=self.spend_model_)

    def details(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `p_alive`, `expected_orders`, `expected_spend` (currency over the horizon); NaN without an order."""
        self._require_fitted()
        columns = ["p_alive", "expected_orders", "expected_spend"]
        result = pd.DataFrame(np.nan, index=customers.index, columns=columns)
        has = self._has_order(customers)
        if has.any():
            result.loc[has, columns] = self._predictions(customers[has])[columns].to_numpy()
        return result

    def _codes(self, customers: pd.DataFrame) -> Ints:
        """Return the tier of each customer by number, 0 is the best; 4 without an order."""
        found = self.details(customers)
        return self._tier(found["p_alive"].to_numpy(), found["expected_spend"].to_numpy())

    def _tier(self, p_alive: Floats, spend: Floats) -> Ints:
        active = np.where(spend >= self.core_from_, 0, 1)
        tier = np.where(p_alive >= self.alive, active, np.where(p_alive >= self.gone, 2, 3))
        return np.where(np.isnan(p_alive), len(NAMES), tier).astype(np.int64)

    def _require_fitted(self) -> None:
        self._learned("core_from_")

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the tier of each customer; empty without an order."""
        self._require_fitted()
        table = pd.Series([*self.names, ""]).array
        return pd.Series(table.take(self._codes(customers)), index=customers.index, name="cell")

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the reason in words, one sentence per customer."""
        found = self.details(customers)
        alive, spend = found["p_alive"].to_numpy(), found["expected_spend"].to_numpy()
        limits = [
            f"at least {self.alive:g}",
            f"at least {self.alive:g}",
            f"at least {self.gone:g}, below {self.alive:g}",
            f"below {self.gone:g}",
        ]
        core = [f"at least {self.core_from_:.2f}", f"below {self.core_from_:.2f}"]
        told = [
            "No order yet."
            if tier == len(NAMES)
            else f"Still a customer with probability {p:.2f} ({limits[tier]}), expected to spend {s:.2f} in the next "
            f"{self.horizon_days} days" + (f" ({core[tier]})." if tier < 2 else ".")
            for tier, p, s in zip(self._tier(alive, spend).tolist(), alive.tolist(), spend.tolist(), strict=True)
        ]
        return pd.Series(told, index=customers.index, name="reason", dtype="str")

    def move_up(self, customers: pd.DataFrame) -> pd.Series:
        """Return what one order now, worth what the customer's orders are expected to be worth, would change."""
        now = self._codes(customers)
        has = now < len(NAMES)
        then = now.copy()
        if has.any():
            then[has] = self._codes(self._after_an_order(customers[has]))
        told = np.where(
            ~has,
            "A first order.",
            np.where(
                now == 0,
                "Already in the top segment.",
                np.where(
                    then < now,
                    np.char.add("1 more order now would lead to ", np.char.add(self._names_of(then), ".")),
                    f"1 more order now is not enough; {self.names[0]} starts at {self.core_from_:.2f} of expected "
                    "spend.",
                ),
            ),
        )
        return pd.Series(told, index=customers.index, name="move_up", dtype="str")

    def _names_of(self, codes: Ints) -> np.ndarray:
        return np.array([*self.names, ""])[codes]

    def _after_an_order(self, known: pd.DataFrame) -> pd.DataFrame:
        """Return the customers as they would be tonight had each ordered today."""
        x, t_x = number_column(known, "repeat_orders"), number_column(known, "active_days")
        age, m = number_column(known, "age_days"), number_column(known, "mean_repeat_value")
        value = self.spend_model_.expected_order_value(known.assign(customer_id=range(len(known))))
        # A second order on the day of the last one is not a new order day.
        new = t_x < age
        repeat = x + new
        mean = np.divide(m * x + value * new, repeat, out=np.zeros(len(m)), where=repeat > 0)
        return known.assign(recency_days=0, repeat_orders=repeat, active_days=age, mean_repeat_value=mean)

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: the shares of the tiers against those of the fit."""
        self._require_fitted()
        counted = np.bincount(self._codes(customers), minlength=len(NAMES) + 1)[: len(NAMES)]
        return shares_drift({"tier": (self.counts_, counted)})

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted strategy as plain values for JSON."""
        self._require_fitted()
        return {
            "strategy": self.name,
            "params": {**self.get_params(), "names": list(self.names)},
            "model": self.model_.to_dict(),
            "spend_model": self.spend_model_.to_dict(),
            "core_from": self.core_from_,
            "counts": self.counts_.tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted strategy that `to_dict` wrote."""
        cls._require_state(state, KEYS)
        made = cls(**{**state["params"], "names": tuple(state["params"]["names"])})
        made._check_params()
        try:
            made.model_ = MODELS[made.model].from_dict(state["model"])
            made.spend_model_ = GammaGamma.from_dict(state["spend_model"])
        except (DataError, KeyError, TypeError) as error:
            raise ParamsError(f"A frozen {cls.name} must hold its two models. {error} Fit it again.") from None
        made.core_from_ = float(state["core_from"])
        made.counts_ = np.array(state["counts"], dtype=np.int64)
        return made

    def summary(self) -> pd.DataFrame:
        """Return both models' parameters with standard errors: `model, parameter, estimate, standard_error, ...`."""
        self._require_fitted()
        tables = {type(m).__name__: m.summary() for m in (self.model_, self.spend_model_)}
        return pd.concat(tables, names=["model"]).reset_index()
