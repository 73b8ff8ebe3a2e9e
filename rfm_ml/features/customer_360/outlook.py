"""What one customer is expected to do next, by each model that the study goes by."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from rfm_ml.features.forecast.forecast import Forecast
from rfm_ml.models import MODELS
from rfm_ml.strategies import CLVTiers
from rfm_ml.study.study import Study

MOST_COLUMNS: Final = 6
NOTHING: Final = "-"

PREDICTIONS: Final = "predictions"
"""Who goes by the model of the params, beside strategies of tiers."""

LINES: Final[dict[tuple[str, str], Callable[[Mapping[Any, Any]], str]]] = {
    ("model", "model"): lambda row: str(row["model"]),
    ("looks ahead", "horizon_days"): lambda row: f"{row['horizon_days']:.0f} days",
    ("still a customer", "p_alive"): lambda row: f"{row['p_alive']:.0%}".replace("%", " %"),
    ("orders", "expected_orders"): lambda row: f"{row['expected_orders']:,.2f}",
    ("orders, 90 % sure", "orders_low"): lambda row: f"{row['orders_low']:.0f} to {row['orders_high']:.0f}",
    ("spend", "expected_spend"): lambda row: f"{row['expected_spend']:,.2f}",
    ("lifetime value", "clv"): lambda row: f"{row['clv']:,.2f}",
    ("next order, if still there", "expected_next_order_on"): lambda row: f"{row['expected_next_order_on']:%Y-%m-%d}",
    ("overdue", "overdue"): lambda row: "yes" if row["overdue"] else "no",
}
"""How each figure is written, by what a reader calls it and its column."""


def outlook(study: Study, rows: pd.DataFrame) -> tuple[pd.DataFrame | None, list[str]]:
    """Return the predictions of one customer, and what the models say about themselves.

    The first rows are those of the study's predictions. A strategy of tiers goes by a model of its own, frozen with
    its horizon: where that is another one, its figures follow, so that the two can be told apart. Without `clv` in
    the params the strategy's are the only ones.

    Parameters
    ----------
    study
        Any study.
    rows
        The customer's rows of the customers' table.

    Returns
    -------
    DataFrame or None, and list
        `model` (name and day of the fit), `horizon_days`, `used_by` ("predictions", or the strategies), (`channel`,)
        `p_alive`, `expected_orders`, `expected_spend`, and of the predictions `orders_low`, `orders_high`, `clv`,
        `expected_next_order_on`; None where no model can be fitted.
    """
    forecast = study.feature(Forecast)
    tiers = _tiers(study, rows)
    found = []
    if not (forecast.by_default and tiers):
        predicted = forecast.predictions
        if predicted is not None:
            own = predicted[predicted["customer_id"].isin(rows["customer_id"])].drop(columns="customer_id")
            called, ahead = _name(forecast.asked.model, study.as_of), forecast.asked.horizon_days
            found.append(own.assign(model=called, horizon_days=ahead, used_by=PREDICTIONS))
    known = {(table["model"].iloc[0], table["horizon_days"].iloc[0]) for table in found}
    found += [t for t in tiers if (t["model"].iloc[0], t["horizon_days"].iloc[0]) not in known]
    if not found:
        return None, forecast.notes
    first = [c for c in ("model", "horizon_days", "used_by", "channel") if c in found[0]]
    every = pd.concat(found, ignore_index=True)
    return every[[*first, *(c for c in every if c not in first)]], forecast.notes


def side_by_side(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions as a reader sees them: a line per figure, a column per model (and channel).

    Parameters
    ----------
    predictions
        From `outlook`; the first `MOST_COLUMNS` rows are shown.

    Returns
    -------
    DataFrame
        Text; `expected` names the figures. What no model gives has no line.
    """
    columns: dict[str, list[str]] = {"expected": [about for about, _ in LINES]}
    for row in predictions.head(MOST_COLUMNS).to_dict("records"):
        name = f"{row['used_by']}: {row['channel']}" if "channel" in row else row["used_by"]
        columns[name] = [NOTHING if pd.isna(row.get(needed)) else write(row) for (_, needed), write in LINES.items()]
    table = pd.DataFrame(columns)
    return table[(table.drop(columns="expected") != NOTHING).any(axis=1)].reset_index(drop=True)


def own_models(predictions: pd.DataFrame) -> list[str]:
    """Return why there is more than one prediction, in a sentence; nothing where there is one."""
    others = [name for name in predictions["used_by"].unique() if name != PREDICTIONS]
    if len(others) == predictions["used_by"].nunique():
        return []
    return [f"The segments of {name} go by their own model and horizon, as they were frozen." for name in others]


def _tiers(study: Study, rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the figures behind each strategy of tiers."""
    found = []
    for name in study.strategies:
        model = study.model(name)
        tiers = model.strategy_
        if tiers.name == CLVTiers.name:
            keys, called = rows[[c for c in ("channel",) if c in rows]], _name(tiers.model, model.fitted_on_)
            figures = keys.join(tiers.details(rows))
            found.append(figures.assign(model=called, horizon_days=tiers.horizon_days, used_by=name))
    return found


def _name(model: str, fitted_on: object) -> str:
    return f"{MODELS[model].title} of {fitted_on}"
