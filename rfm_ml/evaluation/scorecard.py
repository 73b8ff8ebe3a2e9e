"""The scorecard: what the backtest found, as tidy tables - values, paired differences, wins and ranks."""

from collections.abc import Sequence
from itertools import product
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from rfm_ml.evaluation.backtest import LEVEL, Judged
from rfm_ml.evaluation.inference import BETTER, WORSE, holm, mean_ranks, paired_difference

PAST_RATE: Final = "past_spend_rate"
HEADLINE: Final = "normalised_gini"
ALPHA: Final = 0.05
STEADY: Final = 0.7
"""A segmentation is steady if so large a share of customers keep their segment, and refits agree so far."""
AS_THEY_ARE: Final = "as they are"
SEGMENTATIONS: Final = "segmentations"
DIFFERENCE: Final = ("difference", "low", "high", "verdict", "p_value")
COUNTS: Final = ("compared", "wins", "losses", "wins_holm", "losses_holm")
RANKS: Final = (
    *("league", "measure", "strategy", "mean_value", "mean_rank", "best_rank", "worst_rank", "origins", "other"),
    *COUNTS,
)


class Meaning(NamedTuple):
    """What a measure is called, its unit, and whether more (1) or less (-1) of it is better, or neither (0)."""

    words: str
    unit: str
    better: int


MEASURES: Final[dict[str, Meaning]] = {
    "normalised_gini": Meaning("normalised Gini", "1", 1),
    "capture_10": Meaning("spend held by the top 10 %", "share", 1),
    "capture_20": Meaning("spend held by the top 20 %", "share", 1),
    "lift_10": Meaning("lift of the top 10 %", "times", 1),
    "lift_20": Meaning("lift of the top 20 %", "times", 1),
    "missed_top_20": Meaning("share of the future top 20 % missed", "share", -1),
    "wrongly_in_20": Meaning("share of the future bottom 80 % wrongly in", "share", -1),
    "spearman": Meaning("rank correlation", "1", 1),
    "roc_auc": Meaning("ROC-AUC of who orders", "1", 1),
    "out_of_sample_r2": Meaning("out-of-sample R2", "share", 1),
    "mae_over_mean": Meaning("mean absolute error / mean spend", "times", -1),
    "rmse_over_mean": Meaning("root mean squared error / mean spend", "times", -1),
    "bias": Meaning("predicted / actual sum - 1", "share", 0),
    "decile_mape": Meaning("mean percentage error of tenths", "share", -1),
    "calibration_slope": Meaning("calibration slope", "1", 0),
    "omega_squared": Meaning("omega squared", "share", 1),
    "omega_squared_winsorised": Meaning("omega squared, spend winsorised", "share", 1),
    "mutual_information": Meaning("mutual information with ordering", "bits", 1),
    "mutual_information_by_chance": Meaning("the same with labels shuffled", "bits", 0),
    "rand_index": Meaning("adjusted Rand index over refits", "1", 1),
    "kept_frozen": Meaning("keep their segment, rules frozen", "share", 1),
    "kept_refit": Meaning("keep their segment, rules learned anew", "share", 1),
    "migration_entropy": Meaning("migration entropy", "bits", -1),
    "size_evenness": Meaning("evenness of sizes", "share", 0),
    "smallest_share": Meaning("smallest segment", "share", 0),
    "tree_accuracy": Meaning("said in words by a tree of 12 leaves", "share", 1),
    "largest_share": Meaning("largest segment", "share", 0),
    "best_depth": Meaning("best depth of a campaign", "share", 0),
    "best_profit": Meaning("profit at the best depth, per customer", "currency", 1),
}
"""Every measure of the scorecard by its name in the tables. Profits end in the assumed response, as in
`best_profit_0.1`."""


def meaning(measure: str) -> Meaning:
    """Return what a measure is."""
    if measure in MEASURES:
        return MEASURES[measure]
    stem, _, response = measure.rpartition("_")
    words, unit, better = MEASURES[stem]
    return Meaning(f"{words}, response {float(response):.0%}", unit, better)


def scorecard_table(judged: Sequence[Judged], *, currency: str = "") -> pd.DataFrame:
    """Return strategy, track, groups (0 for an uncut score), origin, measure, unit, value, low, high: one row each.

    The interval is a 95 % percentile interval of bootstrap samples of customers, of refits for `rand_index`. Samples
    miss some customers, so figures like the evenness of sizes or the smallest share are biased in them, and the
    percentile interval may leave out the value itself. Then it is widened to the value.
    """
    parts = [
        j.table.assign(strategy=j.strategy, track=j.track, groups=j.groups, origin=j.origin.isoformat()) for j in judged
    ]
    columns = ["strategy", "track", "groups", "origin", "measure", "unit", "value", "low", "high"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    units = table["measure"].map(lambda m: meaning(m).unit)
    table["low"] = np.minimum(table["low"], table["value"])
    table["high"] = np.maximum(table["high"], table["value"])
    return table.assign(unit=units.where(units != "currency", currency or "currency"))[columns]


def leagues(judged: Sequence[Judged]) -> dict[str, list[str]]:
    """Return who is compared with whom: strategies as they are, those with 5, with 10, and with any groups.

    Budget-matched: a segmentation with exactly 5 or 10 groups of its own is in that league too. The last league,
    `SEGMENTATIONS`, has everybody with groups, own ones and scores cut into 5 or 10.
    """
    own = [j for j in judged if not j.cut]
    members = {AS_THEY_ARE: list(dict.fromkeys(j.strategy for j in own))}
    for budget in sorted({j.cut for j in judged if j.cut}):
        most = pd.DataFrame({"name": [j.strategy for j in own], "groups": [j.groups for j in own]})
        matched = most.groupby("name", sort=False)["groups"].agg(["min", "max"])
        names = matched.index[(matched["min"] == budget) & (matched["max"] == budget)]
        cut = dict.fromkeys(j.strategy for j in judged if j.cut == budget)
        members[f"{budget} groups"] = [*names, *cut]
    members[SEGMENTATIONS] = list(dict.fromkeys(j.strategy for j in judged if j.groups > 1))
    return {league: names for league, names in members.items() if names}


def reference_of(league: str) -> str:
    """Return the baseline that everybody of a league must beat: past spend rate, in 10 groups for segmentations."""
    groups = {AS_THEY_ARE: "", SEGMENTATIONS: "/10"}.get(league, f"/{league.split()[0]}")
    return PAST_RATE + groups


def pairs_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Return the paired differences of every strategy to past spend rate and to the leader of its league.

    Segmentations are also compared with the best steady one. Leader and best steady are those that `recommend` names:
    who missed an origin is neither. Columns: league, origin, measure, strategy, other (whom it is compared with),
    difference (strategy - other) with low and high, verdict ("no difference" if the interval covers 0), p_value, and
    p_holm: corrected for all comparisons with the same other at the same origin by the same measure.
    """
    by_key = {(j.strategy, j.origin): j for j in judged}
    origins = sorted({j.origin for j in judged})
    measures = [m for m in dict.fromkeys(m for j in judged for m in j.draws) if meaning(m).better]
    rows = []
    for league, names in leagues(judged).items():
        full = _complete(judged, names)
        for other in dict.fromkeys([reference_of(league), leader_of(judged, full), *_to_match(judged, league, full)]):
            for origin, measure in product(origins, measures):
                rivals = [n for n in names if n != other and (n, origin) in by_key]
                if (other, origin) in by_key and rivals:
                    differences = [_compared(by_key[n, origin], by_key[other, origin], measure) for n in rivals]
                    corrected = holm([f["p_value"] for f in differences])
                    rows += [
                        {"league": league, "origin": origin.isoformat(), "measure": measure, "strategy": n}
                        | {"other": other, **f, "p_holm": p}
                        for n, f, p in zip(rivals, differences, corrected, strict=True)
                    ]
    columns = ["league", "origin", "measure", "strategy", "other", *DIFFERENCE, "p_holm"]
    return pd.DataFrame(rows, columns=columns)


def fewest_samples(pairs: pd.DataFrame) -> int:
    """Return how many bootstrap samples Holm's correction needs, so that it can show any difference.

    The least p-value of B samples is 2 / (B + 1) (see `paired_difference`), and Holm multiplies the least of m by m. So
    2 m / (B + 1) must be below 0.05, for the m of the most comparisons with one other at one origin.
    """
    if pairs.empty:
        return 0
    most = int(pairs.groupby(["league", "origin", "measure", "other"])["p_value"].count().max())
    return int(2 * most / ALPHA)


def steady(measures: pd.DataFrame) -> list[str]:
    """Return the strategies whose mean `kept_frozen` and mean `rand_index` both reach `STEADY`."""
    both = (measures["kept_frozen"] >= STEADY) & (measures["rand_index"] >= STEADY)
    return [str(name) for name in measures.index[both]]


def _complete(judged: Sequence[Judged], names: Sequence[str]) -> list[str]:
    """Return those of them that answered at every origin; all of them if none did."""
    days = {n: {j.origin for j in judged if j.strategy == n} for n in names}
    every = {j.origin for j in judged}
    return [n for n in names if days[n] == every] or list(names)


def _to_match(judged: Sequence[Judged], league: str, names: Sequence[str]) -> list[str]:
    """Return the best steady segmentation, with which the recommendation compares the others."""
    if league != SEGMENTATIONS:
        return []
    table = pd.concat([j.table.assign(strategy=j.strategy) for j in judged if j.strategy in names])
    means = table.groupby(["strategy", "measure"])["value"].mean().unstack()
    lasting = steady(means.reindex(columns=["kept_frozen", "rand_index"]))
    return [leader_of(judged, lasting)] if lasting else []


def _compared(one: Judged, other: Judged, measure: str) -> dict[str, float | str]:
    values = [j.table.loc[j.table["measure"] == measure, "value"] for j in (one, other)]
    if any(v.empty for v in values):
        nothing = np.full(1, np.nan)
        difference = paired_difference(nothing, nothing)
    else:
        estimate = float(values[0].iloc[0] - values[1].iloc[0])
        difference = paired_difference(
            one.draws[measure],
            other.draws[measure],
            estimate=estimate,
            higher_is_better=meaning(measure).better > 0,
            level=LEVEL,
        )
    return {name: getattr(difference, name) for name in DIFFERENCE}


def leader_of(judged: Sequence[Judged], names: Sequence[str]) -> str:
    """Return who has the best mean rank by normalised Gini; of equals the higher mean, then the first by name."""
    return best_first(judged, names)[0]


def best_first(judged: Sequence[Judged], names: Sequence[str]) -> list[str]:
    """Return the strategies by mean rank by normalised Gini, as `leader_of` finds the first of them."""
    return [str(name) for name in _ranked(judged, names, HEADLINE)["strategy"]]


def _ranked(judged: Sequence[Judged], names: Sequence[str], measure: str) -> pd.DataFrame:
    rows = [
        (j.origin, j.strategy, float(value))
        for j in judged
        if j.strategy in names
        for value in j.table.loc[j.table["measure"] == measure, "value"]
    ]
    scores = pd.DataFrame(rows, columns=["origin", "strategy", "value"])
    # Who is missing at an origin is last there.
    every = pd.MultiIndex.from_product([scores["origin"].unique(), list(names)], names=["origin", "strategy"])
    scores = scores.set_index(["origin", "strategy"]).reindex(every).reset_index()
    better = meaning(measure).better >= 0
    means = scores.groupby("strategy")["value"].mean().rename("mean_value").reset_index()
    ranked = mean_ranks(scores, higher_is_better=better).merge(means, on="strategy")
    return ranked.sort_values(
        ["mean_rank", "mean_value", "strategy"], ascending=[True, not better, True], ignore_index=True
    )


def ranks_table(judged: Sequence[Judged], pairs: pd.DataFrame) -> pd.DataFrame:
    """Return, by league and measure, the mean over origins, the mean rank, and wins and losses against past spend rate.

    Compared are the origins at which a strategy and past spend rate both are; wins and losses are those of them at
    which the paired interval leaves out 0; wins_holm and losses_holm are those of these that Holm's correction leaves
    below 0.05. Origins are never pooled to one p-value.
    """
    parts = []
    for league, names in leagues(judged).items():
        other = reference_of(league)
        for measure in dict.fromkeys(m for j in judged for m in j.draws if meaning(m).better):
            ranked = _ranked(judged, names, measure)
            if ranked.empty:
                continue
            ranked.insert(0, "league", league)
            ranked.insert(1, "measure", measure)
            counted = _counted(pairs, league=league, measure=measure, other=other).reindex(ranked["strategy"])
            counts = counted.fillna(0).astype("int64").reset_index(drop=True)
            parts.append(pd.concat([ranked.assign(other=other), counts], axis=1))
    return pd.concat(parts, ignore_index=True)[list(RANKS)] if parts else pd.DataFrame(columns=list(RANKS))


def _counted(pairs: pd.DataFrame, *, league: str, measure: str, other: str) -> pd.DataFrame:
    some = pairs[(pairs["league"] == league) & (pairs["measure"] == measure) & (pairs["other"] == other)]
    sure = some["p_holm"] < ALPHA
    flags = pd.DataFrame({
        "strategy": some["strategy"],
        "compared": some["difference"].notna(),
        "wins": some["verdict"] == BETTER,
        "losses": some["verdict"] == WORSE,
        "wins_holm": (some["verdict"] == BETTER) & sure,
        "losses_holm": (some["verdict"] == WORSE) & sure,
    })  # fmt: skip
    return flags.groupby("strategy").sum()
