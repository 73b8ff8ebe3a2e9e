"""Curves of some strategies at one origin: gains, profit, calibration."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rfm_ml.evaluation.forecast_error import decile_table
from rfm_ml.evaluation.inference import interval
from rfm_ml.evaluation.profit import Economics, profit_curve, profit_measures
from rfm_ml.evaluation.ranking import gains_curve

PERFECT = "perfect"
STEPS = 100


def gains_table(spend: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the gains curves of strategies, and of the spend itself as "perfect".

    Returns
    -------
    pd.DataFrame
        strategy, customer_share (0, 0.01, ..., 1) and spend_share.
    """
    shares = np.linspace(0, 1, STEPS + 1)
    parts = []
    for name, score in {**scores, PERFECT: spend}.items():
        curve = gains_curve(spend, score)
        held = np.interp(shares, curve["customer_share"], curve["spend_share"])
        parts.append(pd.DataFrame({"strategy": name, "customer_share": shares, "spend_share": held}))
    return pd.concat(parts, ignore_index=True)


def profit_table(
    spend: np.ndarray, score: np.ndarray, *, economics: Economics, mean_spend: float, weights: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return profit by depth for each assumed response, and the best depths with their intervals.

    Parameters
    ----------
    spend, score
        Shape (n,), in currency.
    economics, mean_spend
        The assumptions; mean spend of the period before, in currency.
    weights
        Bootstrap samples, the first row everybody once.

    Returns
    -------
        response, depth, customers, spend, profit; and response, depth, low, high, profit, contact_cost.
    """
    cost = economics.cost(mean_spend)
    curves = profit_curve(
        spend, score, margin=economics.margin, contact_cost=cost, response=economics.response, steps=STEPS
    )
    draws = profit_measures(spend, score, weights=weights, economics=economics, mean_spend=mean_spend)
    rows = []
    for response in economics.response:
        depth, profit = (draws[f"best_{what}_{response:g}"] for what in ("depth", "profit"))
        rows.append((response, depth[0], *interval(depth[1:]), profit[0] * len(spend), cost))
    return curves, pd.DataFrame(rows, columns=["response", "depth", "low", "high", "profit", "contact_cost"])


def calibration_table(spend: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return actual and expected mean spend by tenths of each strategy's score.

    Returns
    -------
    pd.DataFrame
        strategy, group, customers, actual_mean, expected_mean, actual_error, the means in currency.
    """
    tables = [decile_table(spend, score).assign(strategy=name) for name, score in scores.items()]
    return pd.concat(tables, ignore_index=True)[["strategy", *tables[0].columns[:-1]]]
