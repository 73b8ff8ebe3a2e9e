"""Which segmentation to use: a recommendation in words that follows from the scorecard by stated rules.

There is no composite score. Each rule uses one figure, in this order:

1. Only strategies that answered at every origin take part, and none that knew what it could not know.
2. The leader is the segmentation with the best mean rank by normalised Gini over the origins (the higher mean if two
   tie): it finds the most value. A score cut into 5 or 10 groups is a segmentation too.
3. Equals are the segmentations that are at no origin worse than the leader: every paired interval covers 0 or lies
   above it. This is lenient to the leader, so no correction for many comparisons is made here.
4. Of the equals, those are steady that keep at least `STEADY` of the customers in their segment under frozen rules, in
   the mean of the origins. If none does, all go on.
5. Of these the recommended one is the easiest to say in words (accuracy of a tree with at most 12 leaves, mean of the
   origins); within `ALIKE` of the best the one with the higher Rand index over refits, then the one with fewer groups,
   then the first by name.
6. Leader and recommended are held against past spend rate cut into 10 groups: better at some origins and worse at
   none is "better", the reverse "worse"; else there is no difference, and past spend does as well.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

import pandas as pd

from rfm_ml.evaluation.inference import BETTER, WORSE, mean_ranks
from rfm_ml.evaluation.scorecard import ALPHA, HEADLINE, PAST_RATE, SEGMENTATIONS

STEADY: Final = 0.7
ALIKE: Final = 0.05


class Recommendation(NamedTuple):
    """What the rules come to.

    Attributes
    ----------
    leader
        The segmentation that finds most value; None if none could be judged.
    chosen
        The one to use; None likewise.
    equals
        Those that are not worse than the leader, the leader first.
    sentences
        The recommendation with its reasons.
    """

    leader: str | None
    chosen: str | None
    equals: tuple[str, ...]
    sentences: tuple[str, ...]


def words_of(strategy: str) -> str:
    """Return a strategy's name as it is written in sentences.

    Examples
    --------
    >>> words_of("past_spend_rate/10"), words_of("kmeans_5")
    ('past spend rate in 10 groups', 'kmeans 5')
    """
    name, _, groups = strategy.partition("/")
    return name.replace("_", " ") + (f" in {groups} groups" if groups else "")


def recommend(scorecard: pd.DataFrame, pairs: pd.DataFrame) -> Recommendation:
    """Say which segmentation to use, by the rules at the head of this module.

    Parameters
    ----------
    scorecard
        As `scorecard_table` gives, without strategies that knew what they could not know.
    pairs
        As `pairs_table` gives.
    """
    if scorecard.empty:
        return Recommendation(None, None, (), ("Nothing could be compared, so nothing is recommended.",))
    values = scorecard.pivot_table(index="strategy", columns="measure", values="value", aggfunc="mean")
    complete = _complete(scorecard)
    grouped = scorecard.loc[scorecard["groups"] > 1, "strategy"].unique()
    names = [n for n in grouped if n in complete and values[HEADLINE].notna()[n]]
    if not names:
        return Recommendation(
            None, None, (), ("No segmentation could be judged at every day, so none is recommended.",)
        )
    ranks = mean_ranks(_headline(scorecard, names)).set_index("strategy")["mean_rank"]
    found = values.loc[names].assign(rank=ranks).reset_index()
    found["groups"] = found["strategy"].map(scorecard.groupby("strategy")["groups"].max())
    leader = str(found.sort_values(["rank", HEADLINE, "strategy"], ascending=[True, False, True])["strategy"].iloc[0])
    pairs = pairs[(pairs["league"] == SEGMENTATIONS) & (pairs["measure"] == HEADLINE)]
    against = pairs[pairs["other"] == leader]
    worse = set(against.loc[against["verdict"] == WORSE, "strategy"])
    equals = [leader, *(n for n in names if n != leader and n not in worse)]
    chosen = _chosen(found[found["strategy"].isin(equals)])
    sentences = [
        _of_leader(found, leader, equals),
        _of_chosen(found.set_index("strategy"), chosen, equals),
        _against_past_rate(pairs, chosen, origins=scorecard["origin"].nunique()),
        *([_against_past_rate(pairs, leader, origins=scorecard["origin"].nunique())] if leader != chosen else []),
    ]
    return Recommendation(leader, chosen, tuple(equals), tuple(s for s in sentences if s))


def _complete(scorecard: pd.DataFrame) -> set[str]:
    """Return who answered at every origin."""
    days = scorecard.groupby("strategy")["origin"].nunique()
    return set(days.index[days == scorecard["origin"].nunique()])


def _headline(scorecard: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    some = scorecard[(scorecard["measure"] == HEADLINE) & scorecard["strategy"].isin(list(names))]
    return some[["origin", "strategy", "value"]]


def _chosen(equals: pd.DataFrame) -> str:
    steady = equals[equals["kept_frozen"] >= STEADY]
    left = steady if len(steady) else equals
    plain = left[left["tree_accuracy"] >= left["tree_accuracy"].max() - ALIKE]
    rand = plain["rand_index"] if "rand_index" in plain else plain["kept_frozen"]
    order = plain.assign(rand=rand.fillna(0)).sort_values(["rand", "groups", "strategy"], ascending=[False, True, True])
    return str(order["strategy"].iloc[0])


def _of_leader(found: pd.DataFrame, leader: str, equals: list[str]) -> str:
    value = float(found.loc[found["strategy"] == leader, HEADLINE].iloc[0])
    others = len(equals) - 1
    alike = f"{others} other {'segmentation is' if others == 1 else 'segmentations are'} not worse at any day"
    told = alike if others else "every other segmentation is worse on some day"
    return f"Of the segmentations {words_of(leader)} finds the most value (normalised Gini {value:.3f}); {told}."


def _of_chosen(found: pd.DataFrame, chosen: str, equals: list[str]) -> str:
    row = found.loc[chosen]
    steady = f"{row['kept_frozen']:.0%} of customers keep their segment under frozen rules"
    why = f"a tree with 12 leaves says {row['tree_accuracy']:.0%} of it in words, {steady}"
    if len(equals) == 1:
        return f"Use it: {why}."
    return f"Use {words_of(chosen)}: among these it is the easiest to say and to keep ({why})."


def _against_past_rate(pairs: pd.DataFrame, strategy: str, *, origins: int) -> str:
    some = pairs[(pairs["strategy"] == strategy) & pairs["other"].str.startswith(PAST_RATE)]
    name = words_of(strategy)
    if strategy.split("/")[0] == PAST_RATE:
        return f"{name[:1].upper()}{name[1:]} is nothing but past spend: no strategy is needed to find this value."
    if some.empty:
        return f"{name[:1].upper()}{name[1:]} could not be held against past spend rate."
    other = words_of(str(some["other"].iloc[0]))
    wins, losses = (int((some["verdict"] == v).sum()) for v in (BETTER, WORSE))
    sure = int(((some["verdict"] == BETTER) & (some["p_holm"] < ALPHA)).sum())
    if wins and not losses:
        by = f"{wins} of {origins} days ({sure} after Holm's correction)"
        return f"It beats {other} at {by}: {name} is worth its trouble."
    if losses and not wins:
        return f"It does not beat {other}: {name} is worse at {losses} of {origins} days, so past spend does better."
    if losses:
        return (
            f"Against {other} {name} is better at {wins} and worse at {losses} of {origins} days: no clear difference."
        )
    return f"There is no difference between {name} and {other} at any of {origins} days: past spend does as well."
