"""The scorecard as a page shows it: one row per strategy, in words."""

import numpy as np
import pandas as pd

from rfm_ml.evaluation.recommend import words_of
from rfm_ml.evaluation.scorecard import AS_THEY_ARE, HEADLINE, PAST_RATE, SEGMENTATIONS

OVERVIEW = ["strategy", "groups", "gini", "top_20_holds", "against_past_spend", "stability", "in_words"]
PARETO = ["name", "value", "value_low", "value_high", "rand", "rand_low", "rand_high", "words", "chosen"]
LINES = ["name", "origin", "difference", "low", "high", "verdict"]


def _means(scorecard: pd.DataFrame, what: str = "value") -> pd.DataFrame:
    """Return the mean over the days of every strategy and measure."""
    wanted = [HEADLINE, "capture_20", "rand_index", "tree_accuracy", "kept_frozen"]
    table = scorecard.pivot_table(index="strategy", columns="measure", values=what, aggfunc="mean", sort=False)
    return table.reindex(columns=wanted)


def overview(scorecard: pd.DataFrame, ranks: pd.DataFrame) -> pd.DataFrame:
    """Return strategies as they are and scores cut into 10 groups, the best first.

    Returns
    -------
    pd.DataFrame
        strategy (in words), groups (a dash for a score), gini (mean normalised Gini of the days), top_20_holds
        (share of spend), against_past_spend (days better and worse than past spend rate, in words), stability (Rand
        index; missing for scores) and in_words (accuracy of a small tree).
    """
    if scorecard.empty:
        return pd.DataFrame(columns=OVERVIEW)
    means = _means(scorecard)
    groups = scorecard.groupby("strategy")["groups"].max()
    shown = [n for n in means.index if "/" not in n or n.endswith("/10")]
    some = ranks[ranks["measure"] == HEADLINE]
    own = some[some["league"].isin([AS_THEY_ARE, SEGMENTATIONS])].drop_duplicates("strategy").set_index("strategy")
    found = pd.DataFrame({
        "strategy": [words_of(n) for n in shown],
        "groups": [f"{groups[n]:,}" if groups[n] else "\N{EN DASH}" for n in shown],
        "gini": means.loc[shown, HEADLINE].to_numpy(),
        "top_20_holds": means.loc[shown, "capture_20"].to_numpy(),
        "against_past_spend": [_against(own, n) for n in shown],
        "stability": means.loc[shown, "rand_index"].to_numpy(),
        "in_words": means.loc[shown, "tree_accuracy"].to_numpy(),
    })  # fmt: skip
    return found.sort_values("gini", ascending=False, kind="stable", ignore_index=True)


def _against(ranks: pd.DataFrame, name: str) -> str:
    """Say how often a strategy was better or worse than past spend rate."""
    if name.split("/")[0] == PAST_RATE or name not in ranks.index:
        return "\N{EN DASH}"
    wins, losses, days = ranks.loc[name, ["wins", "losses", "origins"]].astype("int64")
    told = [f"better on {wins}"] * bool(wins) + [f"worse on {losses}"] * bool(losses)
    return f"{', '.join(told)} of {days}" if told else "no difference"


def pareto_points(scorecard: pd.DataFrame, *, chosen: str | None) -> pd.DataFrame:
    """Return every segmentation (of the cut scores, those in 10 groups) as `plots.plot_pareto` wants it.

    The interval of the value is the mean of the days' intervals.
    """
    if scorecard.empty:
        return pd.DataFrame(columns=PARETO)
    values, lows, highs = (_means(scorecard, what) for what in ("value", "low", "high"))
    names = [n for n in values.index if values["rand_index"].notna()[n] and (n.endswith("/10") or "/" not in n)]
    found = pd.DataFrame({"name": [words_of(n) for n in names]})
    for column, measure in {"value": HEADLINE, "rand": "rand_index"}.items():
        found[column] = values.loc[names, measure].to_numpy()
        found[f"{column}_low"] = lows.loc[names, measure].to_numpy()
        found[f"{column}_high"] = highs.loc[names, measure].to_numpy()
    found["words"] = values.loc[names, "tree_accuracy"].to_numpy()
    found["chosen"] = [n == chosen for n in names]
    return found[PARETO].sort_values("value", ascending=False, kind="stable", ignore_index=True)


def difference_lines(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the differences in normalised Gini to past spend rate, as `plots.plot_differences` wants them."""
    some = pairs[
        (pairs["league"] == AS_THEY_ARE) & (pairs["measure"] == HEADLINE) & (pairs["other"] == PAST_RATE)
    ].copy()
    if some.empty:
        return pd.DataFrame(columns=LINES)
    some = some[some["strategy"] != "mean"]
    order = some.groupby("strategy")["difference"].mean().sort_values(ascending=False)
    some["place"] = some["strategy"].map(dict(zip(order.index, np.arange(len(order)), strict=True)))
    some["name"] = some["strategy"].map(words_of)
    return some.sort_values(["place", "origin"], ignore_index=True)[LINES]
