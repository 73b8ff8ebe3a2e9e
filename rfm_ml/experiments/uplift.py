"""Whether a score finds the customers a campaign moves: Qini curve, and the value of a rule for whom to contact."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from rfm_ml.core.checks import require_between
from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.sample import Groups, numbers
from rfm_ml.experiments.lift import groups
from rfm_ml.models.arrays import FloatArray


class Qini(NamedTuple):
    """The Qini coefficient with its bootstrap interval, in the unit of the outcome per treated customer."""

    coefficient: float
    low: float
    high: float


class _Ranked:
    """Customers in the order of a score, the highest first; equal scores are one step."""

    def __init__(self, values: ArrayLike, treated: ArrayLike, score: ArrayLike) -> None:
        y = numbers(values, what="values")
        got = groups(treated, size=len(y))
        if not got.any() or got.all():
            raise DataError(
                f"A Qini curve must have customers in both groups. Got {got.sum():,} treated of {len(y):,}."
            )
        self.steps = Groups(numbers(score, what="score", size=len(y)))
        order = self.steps.order
        self.y, self.got = y[order], got[order].astype(np.float64)

    def curve(self, weights: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return share of customers and gain at the end of each step, from 0; gain in the unit of the outcome."""
        w = np.ones(len(self.y)) if weights is None else weights[self.steps.order]
        parts = {"t": w * self.got, "c": w * (1 - self.got)}
        n = {k: np.cumsum(self.steps.sums(v)) for k, v in parts.items()}
        sums = {k: np.cumsum(self.steps.sums(v * self.y)) for k, v in parts.items()}
        ratio = np.divide(n["t"], n["c"], out=np.zeros_like(n["t"]), where=n["c"] > 0)
        gain = np.where(n["c"] > 0, sums["t"] - sums["c"] * ratio, 0.0)
        share = (n["t"] + n["c"]) / (n["t"][-1] + n["c"][-1])
        return np.concatenate([[0.0], share]), np.concatenate([[0.0], gain])

    def coefficient(self, weights: FloatArray | None = None) -> float:
        """Return the area between the curve and the straight line, per treated customer."""
        share, gain = self.curve(weights)
        treated = float((self.got if weights is None else self.got * weights[self.steps.order]).sum())
        if treated == 0:
            return float("nan")
        return float((np.trapezoid(gain, share) - gain[-1] / 2) / treated)


def qini_curve(values: ArrayLike, treated: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Return what the campaign would have brought had only the best customers by a score been treated.

    Parameters
    ----------
    values
        Shape (n,): the outcome in the window, in its unit.
    treated
        Shape (n,): True for who was sent to, False for who was held out by lot.
    score
        Shape (n,): known before the campaign; higher is contacted first.

    Returns
    -------
    pd.DataFrame
        `share` of customers contacted, `gain` (incremental outcome among the treated of them) and `by_chance` (the gain
        of as many customers drawn by lot); one row per distinct score, and the origin. The gain is 0 up to the first
        held-out customer.

    Raises
    ------
    DataError
        If a number is missing, or a group is empty.

    Notes
    -----
    gain = Y_t - Y_c N_t / N_c over the customers down to a score. Source: Radcliffe (2007), "Using control groups to
    target on predicted lift: building and assessing uplift models", Direct Marketing Analytics Journal 1, 14-21.

    Examples
    --------
    >>> qini_curve([1, 0, 1, 1], [True, False, True, False], [9, 9, 1, 1])
       share  gain  by_chance
    0    0.0   0.0        0.0
    1    0.5   1.0        0.5
    2    1.0   1.0        1.0
    """
    share, gain = _Ranked(values, treated, score).curve()
    return pd.DataFrame({"share": share, "gain": gain, "by_chance": share * gain[-1]})


def qini(
    values: ArrayLike, treated: ArrayLike, score: ArrayLike, *, level: float = 0.95, repeats: int = 500, seed: int = 0
) -> Qini:
    """Return the area between the Qini curve and the straight line, per treated customer.

    Above 0: the score puts the customers first whom the campaign moves. About 0: drawing lots would do as well, even
    if the score finds those who buy most anyway.

    Notes
    -----
    The interval is a percentile bootstrap over customers of both groups. Radcliffe (2007) divides by the area of a
    perfect curve, which exists only for outcomes of yes and no; so this is the area itself.

    Examples
    --------
    >>> qini([1, 0, 1, 1], [True, False, True, False], [9, 9, 1, 1], repeats=2).coefficient
    0.125
    """
    ranked = _Ranked(values, treated, score)
    drawn = [
        ranked.coefficient(bootstrap_weights(len(ranked.y), repeats=1, seed=seed, first=k)[0].astype(np.float64))
        for k in range(repeats)
    ]
    return Qini(ranked.coefficient(), *interval(drawn, level=level))


def policy_values(
    values: ArrayLike,
    treated: ArrayLike,
    policies: Mapping[str, ArrayLike],
    *,
    treated_share: float,
    cost: float = 0.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate what rules for whom to contact would have earned, from the customers who happened to follow them.

    Parameters
    ----------
    values
        Shape (n,): what each customer brought in the window, as margin in currency.
    treated
        Shape (n,): what the lot said.
    policies
        Name: shape (n,), whom the rule contacts. It must rest on what was known before the campaign: a rule that was
        chosen by these very outcomes looks better than it is.
    treated_share
        Probability of the lot to treat a customer.
    cost
        Of one contact, in currency.
    level
        Of the intervals.

    Returns
    -------
    pd.DataFrame
        `policy, contacted_share, value` (per customer, costs taken off), `gain` over contacting nobody, with `low` and
        `high`.

    Raises
    ------
    DataError
        If the arrays do not go together, or nobody followed a rule.

    Notes
    -----
    Inverse propensity weighting with weights that sum to one: V = sum(w y) / sum(w), w = 1{lot = rule} / P(lot). The
    variance is that of the linearised difference. Source: Horvitz & Thompson (1952), JASA 47, 663-685; normalised:
    Hajek (1971); as the value of a policy: Swaminathan & Joachims (2015), "The self-normalized estimator for
    counterfactual learning", NeurIPS.
    """
    require_between(treated_share, 0.001, 0.999, name="treated_share")
    require_between(cost, 0, 1e12, name="cost")
    y = numbers(values, what="values")
    got = groups(treated, size=len(y))
    z = float(norm.ppf((1 + level) / 2))
    nobody, residual = _value(y, got, np.zeros(len(y), dtype=bool), (treated_share, cost))
    rows = []
    for name, rule in policies.items():
        wanted = groups(rule, size=len(y))
        value, own = _value(y, got, wanted, (treated_share, cost))
        reach = z * float(np.sqrt(((own - residual) ** 2).sum()))
        gain = value - nobody
        rows.append({
            "policy": name,
            "contacted_share": float(wanted.mean()),
            "value": value,
            "gain": gain,
            "low": gain - reach,
            "high": gain + reach,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _value(
    y: FloatArray, got: NDArray[np.bool_], rule: NDArray[np.bool_], terms: tuple[float, float]
) -> tuple[float, FloatArray]:
    """Return the value of a rule and each customer's part in its error."""
    share, cost = terms
    weight = np.where(got == rule, 1 / np.where(rule, share, 1 - share), 0.0)
    if weight.sum() == 0:
        raise DataError("Somebody must have been treated as each rule says. Got nobody. Leave the rule out.")
    earned = y - cost * rule
    value = float((weight * earned).sum() / weight.sum())
    return value, weight * (earned - value) / weight.sum()
