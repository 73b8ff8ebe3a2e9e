"""Campaigns without a hold-out: who got them beside comparable customers who did not. An association, not a proof.

Somebody chose who gets a campaign, mostly good customers, who would have bought more anyway. Weights make both groups
alike in everything that is known from before; what is not known may still differ.
"""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression

from rfm_ml.core.checks import require_between
from rfm_ml.evaluation.sample import numbers
from rfm_ml.experiments.lift import SMALLEST_GROUP, Lift, groups
from rfm_ml.experiments.randomisation import balance_table, finite
from rfm_ml.models.arrays import FloatArray

PENALTY: Final = 10.0
"""Inverse strength of the ridge penalty on standardised covariates: weak, it only keeps separable groups finite."""

ROUNDING: Final = 1e-9
"""A standard error below this share of the outcome's spread is rounding: the covariates alone explain the outcome."""


class Overlap(NamedTuple):
    """How alike two groups were made.

    `propensity` is each customer's probability to be treated by what was known before, `weights` how much they count;
    `treated` and `control` are the effective numbers of customers. `balance` has the rows of `balance_table` before
    (`before`) and after weighting (`after`).
    """

    propensity: FloatArray
    weights: FloatArray
    treated: float
    control: float
    balance: pd.DataFrame

    @property
    def worst_balance(self) -> float:
        """The largest standardised difference that is left."""
        return float(self.balance["after"].abs().max())


def overlap_weights(covariates: pd.DataFrame, treated: ArrayLike) -> Overlap:
    """Weight both groups so that the means of what is known from before agree, but for the weak penalty.

    Covariates are numbers, one row per customer; skewed amounts and counts are best given as logarithms.

    Notes
    -----
    A treated customer counts 1 - e, the others e, with e from a logistic regression: those count most who could have
    been in either group, and nobody counts more than 1. So the comparison holds for them, the customers about whom
    the sender could have decided either way. Source: Li, Morgan & Zaslavsky (2018), "Balancing covariates via
    propensity score weighting", JASA 113, 390-400; effective numbers: Kish (1965), Survey Sampling, section 11.7.
    """
    before = balance_table(covariates, treated)
    got = groups(treated, size=len(covariates))
    z = _standardised(covariates)
    if z.shape[1]:
        fitted = LogisticRegression(C=PENALTY, solver="newton-cholesky", tol=1e-8, max_iter=200).fit(z, got)
        propensity = np.asarray(fitted.predict_proba(z)[:, 1], dtype=np.float64)
    else:
        propensity = np.full(len(got), got.mean())
    weights = np.where(got, 1 - propensity, propensity)
    after = balance_table(covariates, got, weights=weights)
    named = {"treated_mean": after["treated_mean"], "control_mean": after["control_mean"]}
    balance = pd.DataFrame({
        "covariate": before["covariate"],
        **named,
        "before": before["standardised_difference"],
        "after": after["standardised_difference"],
    })  # fmt: skip
    effective = [float(w.sum() ** 2 / (w**2).sum()) for w in (weights[got], weights[~got])]
    return Overlap(propensity, weights, effective[0], effective[1], balance)


def weighted_lift(
    values: ArrayLike, treated: ArrayLike, covariates: pd.DataFrame, *, overlap: Overlap, level: float = 0.95
) -> Lift:
    """Compare both groups by the weights, and take out by regression what is left of the covariates.

    As `welch_lift`, with weighted means; `control_mean` is the treated mean less the lift. No interval if fewer than
    `SMALLEST_GROUP` customers effectively are in a group.

    Notes
    -----
    Weighted least squares of the outcome on treatment and covariates: right if either the propensities or the
    regression are. Standard errors are of the HC3 kind (MacKinnon & White 1985, Journal of Econometrics 29, 305-325),
    the weights taken as given; the t distribution has the effective treated less one degrees of freedom, as the fewer
    of the groups decide. Source: Robins, Rotnitzky & Zhao (1994), JASA 89, 846-866; Imbens & Rubin (2015), Causal
    Inference, chapter 17.
    """
    require_between(level, 0.5, 0.9999, name="level")
    y = numbers(values, what="values")
    got = groups(treated, size=len(y))
    sizes = (int(got.sum()), int((~got).sum()))
    design = np.column_stack([np.ones(len(y)), got, _standardised(covariates)])
    root = np.sqrt(overlap.weights)[:, None]
    x = design * root
    bread = np.linalg.pinv(x.T @ x)
    slopes = bread @ (x.T @ (y * root[:, 0]))
    difference = float(slopes[1])
    mean = float(np.average(y[got], weights=overlap.weights[got]))
    leverage = np.clip(np.einsum("ij,jk,ik->i", x, bread, x), 0, 0.99)
    scores = x * ((y - design @ slopes) * root[:, 0] / (1 - leverage))[:, None]
    error = float(np.sqrt(max((bread @ (scores.T @ scores) @ bread)[1, 1], 0.0)))
    lift = Lift(difference, np.nan, np.nan, np.nan, error, np.nan, *sizes, mean, mean - difference)
    fewest = min(overlap.treated, overlap.control)
    if fewest < SMALLEST_GROUP or error <= ROUNDING * float(y.std()):
        return lift
    return lift.with_interval(fewest - 1, level=level)


def _standardised(covariates: pd.DataFrame) -> FloatArray:
    """Return the columns that vary, with mean 0 and standard deviation 1."""
    x = finite(covariates)
    spread = x.std(axis=0)
    used = spread > 1e-12
    return np.asarray((x[:, used] - x[:, used].mean(axis=0)) / spread[used])
