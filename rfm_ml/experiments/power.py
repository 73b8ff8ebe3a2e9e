"""What a campaign can show before it is sent: the least lift it would find, and how many customers that takes."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.evaluation.sample import numbers

HOLDOUTS: Final = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares held out that a power table compares by default."""


def minimum_detectable_lift(
    standard_deviation: float,
    *,
    treated: int,
    control: int,
    reduction: float = 0.0,
    level: float = 0.95,
    power: float = 0.8,
) -> float:
    """Return the least true difference of means that a campaign would show, per customer, in the unit of the outcome.

    Parameters
    ----------
    standard_deviation
        Of the outcome over customers, taken as the same in both groups.
    treated, control
        Customers sent to and held out; without any in one of the groups the result is infinite.
    reduction
        Share of the variance that past behaviour explains (CUPED), 0 to 1.
    level, power
        Of the two-sided interval that must not cover 0, and the probability that it does not.

    Notes
    -----
    (z_{(1 + level) / 2} + z_power) x s x sqrt((1 - reduction) (1 / treated + 1 / control)). Source: Bloom (1995),
    "Minimum detectable effects", Evaluation Review 19, 547-556; with past behaviour: Deng, Xu, Kohavi & Walker (2013).

    Examples
    --------
    >>> round(minimum_detectable_lift(1.0, treated=800, control=200), 3)
    0.221
    """
    require_between(power, 0.01, 0.9999, name="power")
    require_between(level, 0.5, 0.9999, name="level")
    require_between(standard_deviation, 0, 1e18, name="standard_deviation")
    require_between(reduction, 0, 1, name="reduction")
    if min(treated, control) < 0:
        raise ParamsError(f"treated and control must be 0 or more. Got {treated} and {control}.")
    if min(treated, control) == 0:
        return math.inf
    error = standard_deviation * math.sqrt((1 - reduction) * (1 / treated + 1 / control))
    return float((float(norm.ppf((1 + level) / 2)) + norm.ppf(power)) * error)


def power_table(
    outcomes: pd.DataFrame,
    *,
    past: pd.DataFrame | None = None,
    holdouts: Sequence[float] = HOLDOUTS,
    customers: int | None = None,
    level: float = 0.95,
    power: float = 0.8,
) -> pd.DataFrame:
    """Say for several hold-outs how large a lift a list can show.

    Parameters
    ----------
    outcomes
        One row per customer of the list, one column per outcome: what they did in a past period as long as the
        campaign's window, as in orders and spend of the last 28 days. It stands in for what they will do.
    past
        The same columns for the time before that period, same rows; None if past behaviour will not be used.
    customers
        Size of the list, if it is not that of the table.

    Returns
    -------
    pd.DataFrame
        Per outcome and hold-out: `outcome, holdout, treated, control, mean, standard_deviation, reduction` (share of
        the variance that the past explains), `detectable_lift` (per customer, in the outcome's unit) and
        `detectable_share` (of the mean; missing where that is 0).
    """
    size = len(outcomes) if customers is None else customers
    if len(outcomes) < 2:
        raise DataError(f"A power table must rest on at least two customers. Got {len(outcomes)}.")
    if past is not None:
        require_columns(list(past.columns), list(outcomes.columns), what="The past")
    rows = []
    for name in outcomes.columns:
        values = numbers(outcomes[name], what=str(name))
        explained = 0.0 if past is None else _explained(values, numbers(past[name], what=str(name), size=len(values)))
        spread, mean = float(values.std(ddof=1)), float(values.mean())
        for holdout in holdouts:
            require_between(holdout, 0.001, 0.999, name="holdout")
            control = round(size * holdout)
            lift = minimum_detectable_lift(
                spread, treated=size - control, control=control, reduction=explained, level=level, power=power
            )
            rows.append({
                "outcome": name,
                "holdout": holdout,
                "treated": size - control,
                "control": control,
                "mean": mean,
                "standard_deviation": spread,
                "reduction": explained,
                "detectable_lift": lift,
                "detectable_share": lift / mean if mean > 0 else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _explained(values: np.ndarray, past: np.ndarray) -> float:
    if values.std() == 0 or past.std() == 0:
        return 0.0
    return float(np.corrcoef(values, past)[0, 1] ** 2)
