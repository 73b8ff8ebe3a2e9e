"""What a backtest comes to: the scorecard, who wins, what to use, and curves of the last day."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from rfm_ml.evaluation.agreement import agreement, placed_apart
from rfm_ml.evaluation.backtest import Judged, Settings, bootstrap_sample
from rfm_ml.evaluation.curves import calibration_table, gains_table, profit_table
from rfm_ml.evaluation.leakage import TOO_GOOD
from rfm_ml.evaluation.origins import Origin
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

SHOWN: Final = 14
"""Segmentations whose agreement is compared."""

EMPTY: Final = {
    "scorecard": scorecard_table([]),
    "pairs": pairs_table([]),
    "ranks": ranks_table([], pairs_table([])),
    "gains": pd.DataFrame(columns=["strategy", "customer_share", "spend_share"]),
    "profit": pd.DataFrame(columns=["response", "depth", "customers", "spend", "profit", "strategy"]),
    "best_depth": pd.DataFrame(columns=["response", "depth", "low", "high", "profit", "contact_cost", "strategy"]),
    "calibration": pd.DataFrame(
        columns=["strategy", "group", "customers", "actual_mean", "expected_mean", "actual_error"]
    ),
    "agreement": agreement({}),
    "apart": pd.DataFrame(columns=["group", "customers", "customer_share", "mean_spend", "low", "high"]),
}


def findings(
    judged: Sequence[Judged],
    origins: Sequence[Origin],
    *,
    words: str,
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
    words
        What the days are, in words.
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
    told = [f"{name} is too good to be true: it seems to know what comes. Do not use it." for name in too_good]
    trusted = [j for j in judged if j.candidate not in too_good]
    pairs = pairs_table(trusted)
    needed = fewest_samples(pairs)
    if settings.bootstraps < needed:
        told.append(
            f"Holm's correction cannot show any difference where most are compared: {settings.bootstraps:,} bootstrap "
            f"samples are too few for so many comparisons. Set bootstraps to {needed:,} or more."
        )
    sizes = [(len(o.spend), int((o.spend > 0).sum())) for o in origins]
    found = recommend(scorecard[scorecard["strategy"].isin([j.strategy for j in trusted])], pairs, sizes=sizes)
    tables = {**EMPTY, "scorecard": scorecard, "pairs": pairs, "ranks": ranks_table(trusted, pairs)}
    if any(j.origin == origins[-1].day for j in trusted):
        tables |= _last_day(origins[-1], trusted, found, settings=settings, leading=leading)
    facts = {
        "plan": words,
        "horizon_days": origins[-1].history.now.horizon_days,
        "notes": list(dict.fromkeys([*told, *notes])),
        "customers": {o.day.isoformat(): len(o.spend) for o in origins},
        "recommendation": found._asdict(),
    }
    return tables, facts


def _last_day(
    origin: Origin, judged: list[Judged], found: Recommendation, *, settings: Settings, leading: str
) -> dict[str, pd.DataFrame]:
    """Return curves and agreement on the last day."""
    last = {j.strategy: j for j in judged if j.origin == origin.day}
    best = leader_of(judged, leagues(judged)[AS_THEY_ARE])
    names = [n for n in dict.fromkeys([found.chosen, found.leader, best, leading, PAST_RATE]) if n in last]
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
    pair = _pair(last, [n for n in (found.chosen, leading, *ranked) if n in last])
    return {
        "gains": gains_table(origin.spend, scores),
        "profit": curves.assign(strategy=names[0]),
        "best_depth": depths.assign(strategy=names[0]),
        "calibration": calibration_table(origin.spend, {n: s for n, s in scores.items() if n != "hiatus"}),
        "agreement": agreement({n: j for n in groups[:SHOWN] if (j := last[n].labels) is not None}),
        "apart": placed_apart(origin.spend, pair, weights=weights) if len(pair) == 2 else EMPTY["apart"],
    }


def _pair(last: dict[str, Judged], names: Sequence[str]) -> dict[str, Any]:
    """Return the scores of the first two different strategies: the one to use, and the one in use or the next best."""
    return {n: last[n].scores for n in list(dict.fromkeys(names))[:2]}


def no_findings(*notes: str) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return tables without rows, and why."""
    found = recommend(EMPTY["scorecard"], EMPTY["pairs"])
    facts = {"plan": "", "horizon_days": 0, "notes": list(dict.fromkeys(notes)), "customers": {}}
    return EMPTY, facts | {"recommendation": found._asdict()}
