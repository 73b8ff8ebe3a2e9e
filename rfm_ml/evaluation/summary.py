"""The scorecard as a page shows it: one row per strategy, in words."""

from collections.abc import Collection
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.text import NONE
from rfm_ml.evaluation.recommend import words_of
from rfm_ml.evaluation.scorecard import AS_THEY_ARE, HEADLINE, PAST_RATE, SEGMENTATIONS

MOST_ROWS: Final = 20
OVERVIEW = ["strategy", "groups", "gini", "top_20_holds", "against_past_spend", "steadiness", "in_words"]
PARETO = ["name", "value", "value_low", "value_high", "rand", "rand_low", "rand_high", "words", "chosen"]
LINES = ["name", "origin", "difference", "low", "high", "verdict"]


def _means(scorecard: pd.DataFrame, what: str = "value") -> pd.DataFrame:
    """Return the mean over the days of every strategy and measure."""
    wanted = [HEADLINE, "capture_20", "rand_index", "tree_accuracy", "kept_frozen"]
    table = scorecard.pivot_table(index="strategy", columns="measure", values=what, aggfunc="mean", sort=False)
    return table.reindex(columns=wanted)


def overview(
    scorecard: pd.DataFrame, ranks: pd.DataFrame, *, keep: Collection[str] = (), most: int = MOST_ROWS
) -> pd.DataFrame:
    """Return strategies as they are and scores cut into 10 groups, the best first.

    At most `most` rows; those in `keep` are never left out. Columns: strategy (in words), groups (a dash for a
    score), gini (mean normalised Gini of the days), top_20_holds (share of spend), against_past_spend (days better
    and worse than past spend rate, of those on which both could be compared, in words: uncut for scores, in 10 groups
    for what has groups), steadiness (share of customers who keep their segment over 30 days, and Rand index of
    refits; a dash for scores) and in_words (accuracy of a small tree).
    """
    if scorecard.empty:
        return pd.DataFrame(columns=OVERVIEW)
    means = _means(scorecard).sort_values(HEADLINE, ascending=False, kind="stable")
    groups = scorecard.groupby("strategy")["groups"].max()
    rows = [n for n in means.index if "/" not in n or n.endswith("/10") or n in keep]
    others = [n for n in rows if n not in keep]
    left_out = set(others[max(0, most - (len(rows) - len(others))) :])
    shown = [n for n in rows if n not in left_out]
    some = ranks[ranks["measure"] == HEADLINE]
    # Groups are held against past spend in groups, as in the recommendation; scores against past spend uncut.
    some = some[some["league"] == some["strategy"].map(groups > 1).map({True: SEGMENTATIONS, False: AS_THEY_ARE})]
    own = some.set_index("strategy")
    return pd.DataFrame({
        "strategy": [words_of(n) for n in shown],
        "groups": [f"{groups[n]:,}" if groups[n] else NONE for n in shown],
        "gini": means.loc[shown, HEADLINE].round(9).to_numpy() + 0.0,  # no minus before a zero
        "top_20_holds": means.loc[shown, "capture_20"].to_numpy(),
        "against_past_spend": [_against(own, n) for n in shown],
        "steadiness": [_steadiness(means.loc[n, "kept_frozen"], means.loc[n, "rand_index"]) for n in shown],
        "in_words": means.loc[shown, "tree_accuracy"].to_numpy(),
    })  # fmt: skip


def _steadiness(kept: float, rand: float) -> str:
    """Say both ways of being steady in one cell."""
    parts = [f"{kept:.0%}"] * bool(kept == kept) + [f"{rand:.2f}"] * bool(rand == rand)
    return " / ".join(parts) or NONE


def _against(ranks: pd.DataFrame, name: str) -> str:
    """Say how often a strategy was better or worse than past spend rate, of the days on which both were there."""
    if name.split("/")[0] == PAST_RATE or name not in ranks.index:
        return NONE
    wins, losses, compared, days = ranks.loc[name, ["wins", "losses", "compared", "origins"]].astype("int64")
    if not compared:
        return NONE
    told = [f"better on {wins}"] * bool(wins) + [f"worse on {losses}"] * bool(losses)
    if told:
        return f"{', '.join(told)} of {compared}"
    return "no difference" if compared == days else f"no difference on {compared}"


def pareto_points(scorecard: pd.DataFrame, *, chosen: str | None) -> pd.DataFrame:
    """Return every segmentation (of the cut scores, those in 10 groups) as `plots.plot_pareto` wants it.

    The interval of the value is the mean of the days' intervals.
    """
    if scorecard.empty:
        return pd.DataFrame(columns=PARETO)
    values, lows, highs = (_means(scorecard, what) for what in ("value", "low", "high"))
    rows = [n for n in values.index if n.endswith("/10") or "/" not in n or n == chosen]
    names = [n for n in rows if values.loc[n, ["rand_index", HEADLINE]].notna().all()]
    points = pd.DataFrame({"name": [words_of(n) for n in names]})
    for column, measure in {"value": HEADLINE, "rand": "rand_index"}.items():
        points[column] = values.loc[names, measure].to_numpy()
        points[f"{column}_low"] = lows.loc[names, measure].to_numpy()
        points[f"{column}_high"] = highs.loc[names, measure].to_numpy()
    points["words"] = values.loc[names, "tree_accuracy"].to_numpy()
    points["chosen"] = [n == chosen for n in names]
    return points[PARETO].sort_values("value", ascending=False, kind="stable", ignore_index=True)


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
