"""Predictions held against what happened: by group of customers, and model against model."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.errors import DataError
from rfm_ml.models.arrays import FloatArray
from rfm_ml.models.counts import repeat_columns

FEWEST_DAYS = 14
"""A shorter holdout says nothing."""

ACTUAL = "actual_order_days"

FACTOR: Final = 2.0
"""A model whose total is more than so many times too high, or too low, fails its holdout: who plans by it buys twice
what they sell, or half. Repeat-buying models are within 17 % on CDNOW, even the NBD, where nobody leaves, within 56."""
FEWEST_EXPECTED: Final = 20
"""Orders below which twice as many, or half, may be chance: a Poisson count of mean 20 is 10 or less in 1 of 100."""
FAILS: Final = "fails"
HOLDS: Final = "holds"
TOO_FEW: Final = "too few"


class Holdout(NamedTuple):
    """The days that models are judged by: they see everything up to `as_of`, and predict until `until`."""

    as_of: date
    until: date
    why: str

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.until - self.as_of).days


def choose_holdout(calendar: pd.DataFrame, *, as_of: date, horizon_days: int) -> Holdout | None:
    """Choose the days to judge models by, as near to the horizon as the log allows.

    The last `horizon_days` up to the as-of day, if the log before them is at least as long. Else the `horizon_days`
    after the as-of day, where the log goes on so far: a study of the past. Else the later half of the log up to the
    as-of day.

    Parameters
    ----------
    calendar
        `ordered_on`, one row per day with an order, as `customers.calendar.first_and_repeat_days` gives.

    Returns
    -------
        None if no holdout of `FEWEST_DAYS` days is possible.
    """
    require_between(horizon_days, 1, 36_500, name="horizon_days")
    days = pd.to_datetime(calendar["ordered_on"])
    known = days[days <= pd.Timestamp(as_of)]
    if known.empty:
        return None
    first, last = known.min().date(), known.max().date()
    history = (last - first).days
    if history >= 2 * horizon_days >= 2 * FEWEST_DAYS:
        return Holdout(last - timedelta(days=horizon_days), last, f"the last {horizon_days} days of the log")
    until = as_of + timedelta(days=horizon_days)
    near_end = days.between(pd.Timestamp(until - timedelta(days=horizon_days // 10)), pd.Timestamp(until)).any()
    # Orders near the end, not just a mistyped date far beyond it.
    if days.max() >= pd.Timestamp(until) and near_end and min(history, horizon_days) >= FEWEST_DAYS:
        return Holdout(as_of, until, f"the {horizon_days} days after the as-of day, which the log holds as well")
    if history // 2 >= FEWEST_DAYS:
        half = history // 2
        why = f"the last {half} days of the log: it is too short to hold back the whole horizon of {horizon_days}"
        return Holdout(last - timedelta(days=half), last, why)
    return None


def calibration_by_frequency(holdout: pd.DataFrame, expected: FloatArray, *, most: int = 7) -> pd.DataFrame:
    """Compare the mean of actual and expected orders by past repeat orders.

    Table 4 and figure 2 of Fader, Hardie & Lee (2005), "Counting your customers the easy way".

    Parameters
    ----------
    holdout
        Customers with repeat_orders and actual_order_days, as `split_holdout` gives.
    expected
        Expected orders of these customers in the holdout, by position.
    most
        Customers with so many repeat orders or more are one group.

    Returns
    -------
        group ("0", "1", ..., "7+"), customers, actual_mean, expected_mean and actual_error, the standard error of
        the actual mean (missing with one customer); groups without customers are left out.
    """
    require_between(most, 1, 1000, name="most")
    x = repeat_columns(holdout)[0]
    names = [*map(str, range(most)), f"{most}+"]
    return _means(holdout, expected, group=np.minimum(x, most).astype(np.int64), names=names)


def calibration_by_prediction(holdout: pd.DataFrame, expected: FloatArray, *, groups: int = 10) -> pd.DataFrame:
    """Compare the mean of actual and expected orders by tenths of customers, the lowest predictions first.

    Customers with equal predictions are in one group, so with few distinct predictions some groups are larger and
    others missing.

    Parameters
    ----------
    holdout, expected
        As for `calibration_by_frequency`.
    groups
        Number of groups.

    Returns
    -------
        As `calibration_by_frequency`; the groups are "1" (lowest) to "10".
    """
    require_between(groups, 2, 100, name="groups")
    rank = rankdata(np.asarray(expected))
    group = np.ceil(rank / max(len(rank), 1) * groups).astype(np.int64) - 1
    return _means(holdout, expected, group=group, names=[str(i) for i in range(1, groups + 1)])


def _means(holdout: pd.DataFrame, expected: FloatArray, *, group: np.ndarray, names: list[str]) -> pd.DataFrame:
    require_columns(list(holdout.columns), [ACTUAL], what="The holdout")
    if len(expected) != len(holdout):
        raise DataError(f"expected must hold {len(holdout):,} values, one per customer. Got {len(expected):,}.")
    frame = pd.DataFrame({"actual": holdout[ACTUAL].to_numpy(dtype=np.float64), "expected": np.asarray(expected)})
    by = frame.groupby(group)
    size = by.size()
    return pd.DataFrame({
        "group": [names[i] for i in size.index],
        "customers": size.to_numpy(dtype=np.int64),
        "actual_mean": by["actual"].mean().to_numpy(),
        "expected_mean": by["expected"].mean().to_numpy(),
        "actual_error": by["actual"].sem().to_numpy(),
    })  # fmt: skip


def past_rate(customers: pd.DataFrame, *, horizon_days: float, spend: bool = False) -> FloatArray:
    """Return the baseline: repeat orders (or their value) go on at each customer's own past rate, nobody leaves.

    0 for customers of the day itself.
    """
    x, _, T = repeat_columns(customers)
    total = x * customers["mean_repeat_value"].to_numpy(dtype=np.float64) if spend else x
    return np.asarray(np.divide(total * horizon_days, T, out=np.zeros(len(x)), where=T > 0))


def compare_forecasts(actual: FloatArray, forecasts: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Judge forecasts of the same customers by what they did.

    Parameters
    ----------
    actual
        Orders or spend of each customer in the holdout.
    forecasts
        By name, what was expected of each customer, by position.

    Returns
    -------
        One row per forecast in the given order: model, predicted (sum), bias (predicted / actual sum - 1), mae and
        rmse (mean absolute and root of the mean squared error per customer) and spearman (rank correlation: 1 puts
        every customer in the right place, missing for a constant). `attrs["actual"]` holds the actual sum.
    """
    truth = np.asarray(actual, dtype=np.float64)
    rows = []
    for name, given in forecasts.items():
        expected = np.asarray(given, dtype=np.float64)
        if expected.shape != truth.shape:
            raise DataError(f"{name!r} must hold {len(truth):,} values, one per customer. Got {expected.size:,}.")
        off = expected - truth
        varies = len(truth) > 1 and np.ptp(expected) > 0 and np.ptp(truth) > 0
        rows.append((
            name,
            expected.sum(),
            expected.sum() / truth.sum() - 1 if truth.sum() > 0 else np.nan,
            np.abs(off).mean() if len(off) else np.nan,
            np.sqrt((off**2).mean()) if len(off) else np.nan,
            float(spearmanr(expected, truth).statistic) if varies else np.nan,
        ))  # fmt: skip
    table = pd.DataFrame(rows, columns=["model", "predicted", "bias", "mae", "rmse", "spearman"])
    table.attrs = {"actual": float(truth.sum())}
    return table


def holdout_verdicts(compared: pd.DataFrame, *, what: str = "orders", orders: float | None = None) -> pd.DataFrame:
    r"""Say of every model whether its total was anywhere near what came.

    Parameters
    ----------
    compared
        From `compare_forecasts`.
    what
        Is predicted: "orders", or "EUR of spend".
    orders
        That came or were expected in the holdout, where something else is predicted: whether they are enough.

    Returns
    -------
    pd.DataFrame
        model, predicted and actual (sums), times (predicted / actual, missing if nothing came), verdict ("fails" if
        that is beyond `FACTOR`, "holds", or "too few" if fewer than `FEWEST_EXPECTED` orders came or were expected),
        and words: the verdict in a sentence.

    Examples
    --------
    >>> seen = compare_forecasts(np.array([60.0, 40.0]), {"A": np.array([500.0, 397.0]), "B": np.array([50.0, 40.0])})
    >>> print(*holdout_verdicts(seen)["words"], sep="\n")
    A fails its own holdout: it predicted 8.97 times the orders that came (897 instead of 100). Do not rely on it.
    B holds in its holdout: it predicted 0.90 times the orders that came (90 instead of 100).
    """
    actual = float(compared.attrs["actual"])
    rows = []
    for model, predicted in zip(compared["model"], compared["predicted"].astype("float64"), strict=True):
        times = predicted / actual if actual > 0 else np.nan
        enough = (max(predicted, actual) if orders is None else orders) >= FEWEST_EXPECTED
        near = 1 / FACTOR <= times <= FACTOR
        verdict = TOO_FEW if not enough else HOLDS if near else FAILS
        rows.append((model, predicted, actual, times, verdict, _in_words(model, (predicted, actual), verdict, what)))
    return pd.DataFrame(rows, columns=["model", "predicted", "actual", "times", "verdict", "words"])


def _in_words(model: str, sums: tuple[float, float], verdict: str, what: str) -> str:
    """Return the sentence of `holdout_verdicts`."""
    (predicted, actual), name = sums, f"{model[:1].upper()}{model[1:]}"
    if verdict == TOO_FEW:
        return (
            f"{name} cannot be judged by the holdout: fewer than {FEWEST_EXPECTED} orders came or were expected in it."
        )
    many = model.endswith("s")
    it, its = ("they", "their") if many else ("it", "its")
    if actual > 0:
        times = f"{predicted / actual:,.2f}" if predicted / actual >= 0.01 else "less than 0.01"
        told = f"{it} predicted {times} times the {what} that came ({predicted:,.0f} instead of {actual:,.0f})."
    else:
        told = f"{it} predicted {predicted:,.0f} {what}, and {'none came' if actual == 0 else 'more came back'}."
    if verdict == HOLDS:
        return f"{name} {'hold' if many else 'holds'} in {its} holdout: {told}"
    return f"{name} {'fail' if many else 'fails'} {its} own holdout: {told} Do not rely on {'them' if many else 'it'}."
