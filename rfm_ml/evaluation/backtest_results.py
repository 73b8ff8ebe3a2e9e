"""What a backtest comes to: the scorecard, who wins, what to use, and curves of the last day."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import adjusted_rand_score

from rfm_ml.evaluation.backtest import Judged, Settings, bootstrap_sample
from rfm_ml.evaluation.forecast_error import decile_table
from rfm_ml.evaluation.inference import interval
from rfm_ml.evaluation.leakage import TOO_GOOD
from rfm_ml.evaluation.origins import Origin
from rfm_ml.evaluation.profit import Economics, profit_curve, profit_measures
from rfm_ml.evaluation.ranking import gains_curve
from rfm_ml.evaluation.recommend import Recommendation, recommend
from rfm_ml.evaluation.scorecard import (
    AS_THEY_ARE,
    HEADLINE,
    PAST_RATE,
    SEGMENTATIONS,
    best_first,
    fewest_samples,
    leader_of,
    leagues,
    pairs_table,
    ranks_table,
    scorecard_table,
)

APART: Final = 0.1
"""Customers whom one strategy ranks higher than the other by more than a tenth of all customers are placed apart."""

PERFECT: Final = "perfect"
STEPS: Final = 100

SHOWN: Final = 14
"""Segmentations whose agreement is compared."""

GAINS: Final = ("strategy", "customer_share", "spend_share")
AGREEMENT: Final = ("strategy", "other", "rand_index")
CALIBRATION: Final = ("strategy", "group", "customers", "actual_mean", "expected_mean", "actual_error")
PLACED_APART: Final = ("group", "customers", "customer_share", "mean_spend", "low", "high")
BEST_DEPTH: Final = ("response", "depth", "low", "high", "profit", "contact_cost")

EMPTY: Final = {
    "scorecard": scorecard_table([]),
    "pairs": pairs_table([]),
    "ranks": ranks_table([], pairs_table([])),
    "gains": pd.DataFrame(columns=list(GAINS)),
    "profit": pd.DataFrame(columns=["response", "depth", "customers", "spend", "profit", "strategy"]),
    "best_depth": pd.DataFrame(columns=[*BEST_DEPTH, "strategy"]),
    "calibration": pd.DataFrame(columns=list(CALIBRATION)),
    "agreement": pd.DataFrame(columns=list(AGREEMENT)),
    "apart": pd.DataFrame(columns=list(PLACED_APART)),
}


def backtest_results(
    judged: Sequence[Judged],
    origins: Sequence[Origin],
    *,
    plan: str,
    notes: Sequence[str],
    settings: Settings,
    leading: str,
    currency: str = "",
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the tables of a backtest by name, and facts that JSON can hold.

    Parameters
    ----------
    judged
        What `run_backtest` judged, not empty.
    origins
        The days, earliest first.
    plan
        Which days these are, in words.
    notes
        What a reader must know.
    settings
        Of the backtest.
    leading
        The strategy in use, which others are compared with.
    currency
        Unit of money.
    """
    scorecard = scorecard_table(judged, currency=currency)
    gini = scorecard[scorecard["measure"] == HEADLINE]
    too_good = sorted({str(name).partition("/")[0] for name in gini.loc[gini["value"] > TOO_GOOD, "strategy"]})
    warnings = [f"{name} is too good to be true: it seems to know what comes. Do not use it." for name in too_good]
    trusted = [j for j in judged if j.candidate not in too_good]
    pairs = pairs_table(trusted)
    needed = fewest_samples(pairs)
    if settings.bootstraps < needed:
        warnings.append(
            f"Holm's correction cannot show any difference where most are compared: {settings.bootstraps:,} bootstrap "
            f"samples are too few for so many comparisons. Set bootstraps to {needed:,} or more."
        )
    sizes = [(len(o.spend), int((o.spend > 0).sum())) for o in origins]
    recommendation = recommend(scorecard[scorecard["strategy"].isin([j.strategy for j in trusted])], pairs, sizes=sizes)
    tables = {**EMPTY, "scorecard": scorecard, "pairs": pairs, "ranks": ranks_table(trusted, pairs)}
    if any(j.origin == origins[-1].day for j in trusted):
        tables |= _last_day(origins[-1], trusted, recommendation, settings=settings, leading=leading)
    facts = {
        "plan": plan,
        "horizon_days": origins[-1].history.now.horizon_days,
        "notes": list(dict.fromkeys([*warnings, *notes])),
        "customers": {o.day.isoformat(): len(o.spend) for o in origins},
        "recommendation": recommendation._asdict(),
    }
    return tables, facts


def empty_results(*notes: str) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return tables without rows, and why."""
    facts = {"plan": "", "horizon_days": 0, "notes": list(dict.fromkeys(notes)), "customers": {}}
    return EMPTY, facts | {"recommendation": recommend(EMPTY["scorecard"], EMPTY["pairs"])._asdict()}


def _last_day(
    origin: Origin, judged: list[Judged], recommendation: Recommendation, *, settings: Settings, leading: str
) -> dict[str, pd.DataFrame]:
    """Return curves and agreement on the last day."""
    last = {j.strategy: j for j in judged if j.origin == origin.day}
    best = leader_of(judged, leagues(judged)[AS_THEY_ARE])
    names = [
        n for n in dict.fromkeys([recommendation.chosen, recommendation.leader, best, leading, PAST_RATE]) if n in last
    ]
    scores = {n: last[n].scores for n in names}
    weights = bootstrap_sample(len(origin.spend), settings.bootstraps, settings.seed)
    curves, depths = profit_table(
        origin.spend,
        scores[names[0]],
        economics=settings.economics,
        mean_spend=float(origin.history.between.mean()),
        weights=weights,
    )
    groups = [n for n in leagues(judged).get(SEGMENTATIONS, []) if n in last and last[n].cut != 5]
    ranked = best_first(judged, groups) if groups else []
    order = [n for n in (recommendation.chosen, leading, *ranked) if n in last]
    pair = {n: last[n].scores for n in list(dict.fromkeys(order))[:2]}  # the one to use beside the one in use, or next
    return {
        "gains": gains_table(origin.spend, scores),
        "profit": curves.assign(strategy=names[0]),
        "best_depth": depths.assign(strategy=names[0]),
        "calibration": calibration_table(origin.spend, {n: s for n, s in scores.items() if n != "hiatus"}),
        "agreement": agreement({n: j for n in groups[:SHOWN] if (j := last[n].labels) is not None}),
        "apart": placed_apart(origin.spend, pair, weights=weights) if len(pair) == 2 else EMPTY["apart"],
    }


def agreement(labels: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the adjusted Rand index of every pair of strategies (Hubert & Arabie 1985), in both orders.

    1 is the same division whatever the names, 0 is what chance would give.
    """
    index = {(name, name): 1.0 for name in labels}
    for one, other in combinations(labels, 2):
        index[one, other] = index[other, one] = float(adjusted_rand_score(labels[one], labels[other]))
    rows = [(one, other, index[one, other]) for one in labels for other in labels]
    return pd.DataFrame(rows, columns=list(AGREEMENT))


def placed_apart(spend: np.ndarray, scores: Mapping[str, np.ndarray], *, weights: np.ndarray) -> pd.DataFrame:
    """Compare the spend of customers whom exactly two strategies rank differently, and the difference of both groups.

    Above 0, the first strategy was right. Missing where nobody is in a group.
    """
    (first, ahead), (second, behind) = scores.items()
    gap = (rankdata(ahead) - rankdata(behind)) / len(spend)
    members = np.stack([gap > APART, np.abs(gap) <= APART, gap < -APART])
    counted = weights.astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (counted @ (members * spend).T) / (counted @ members.T.astype(np.float32))
    means = np.column_stack([means, means[:, 0] - means[:, 2]])
    names = [f"ranked higher by {first}", "ranked alike", f"ranked higher by {second}", "difference"]
    sizes = [*members.sum(axis=1), members[0].sum() + members[2].sum()]
    rows = []
    for i, name in enumerate(names):
        rows.append((name, int(sizes[i]), sizes[i] / len(spend), float(means[0, i]), *interval(means[1:, i])))
    return pd.DataFrame(rows, columns=list(PLACED_APART))


def gains_table(spend: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the gains curves of strategies, and of the spend itself as "perfect", at every hundredth of customers."""
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
    """Return profit by depth for each assumed response, and the best depths with their intervals."""
    cost = economics.cost(mean_spend)
    curves = profit_curve(
        spend, score, margin=economics.margin, contact_cost=cost, response=economics.response, steps=STEPS
    )
    draws = profit_measures(spend, score, weights=weights, economics=economics, mean_spend=mean_spend)
    rows = []
    for response in economics.response:
        depth, profit = (draws[f"best_{what}_{response:g}"] for what in ("depth", "profit"))
        rows.append((response, depth[0], *interval(depth[1:]), profit[0] * len(spend), cost))
    return curves, pd.DataFrame(rows, columns=list(BEST_DEPTH))


def calibration_table(spend: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return actual and expected mean spend by tenths of each strategy's score, as `decile_table`."""
    tables = [decile_table(spend, score).assign(strategy=name) for name, score in scores.items()]
    return pd.concat(tables, ignore_index=True)[list(CALIBRATION)]
