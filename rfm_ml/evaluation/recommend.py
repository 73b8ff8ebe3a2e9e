"""Which segmentation to use: a recommendation in words that follows from the scorecard by stated rules.

There is no composite score. Each rule uses one figure, in this order:

1. Only strategies that answered at every origin take part, and none that knew what it could not know. Nothing is
   recommended from fewer than `FEWEST_CUSTOMERS` customers or `FEWEST_BUYERS` buyers at an origin, nor if no
   segmentation beats chance: the interval of its Gini lies above 0 at more than half of the origins.
2. The leader is the segmentation with the best mean rank by normalised Gini over the origins (the higher mean if two
   tie). Another may have a higher mean; then that is said. A score cut into 5 or 10 groups is a segmentation too.
3. Steady are the segmentations that are so in both ways: at least `STEADY` of the customers keep their segment over
   30 days under frozen rules (mean of the origins), and refits on other samples of customers agree with an adjusted
   Rand index of at least `STEADY`. If none is, all go on. The best of them by mean rank is the one to be matched; it is
   the leader, unless the leader is not steady.
4. Equals are the steady segmentations that are at no origin worse than that one: every paired interval covers 0 or
   lies above it. This is lenient to it, so no correction for many comparisons is made here.
5. Segments of their own go before scores that were cut: a cut score is recommended only where its figures are better
   than those of all steady segmentations, that is where none of them is among the equals.
6. Of these the recommended one is the easiest to say in words (accuracy of a tree with at most 12 leaves, mean of the
   origins); within `ALIKE` of the best the one with the higher Rand index over refits, then the one with fewer groups,
   then the first by name.
7. Leader and recommended are held against past spend rate cut into 10 groups. Better after Holm's correction at more
   than half of the origins and worse at none, it finds more. Else it is not shown to be more than past spend. Counted
   are the origins at which exactly these two were compared; where they could not be, that is said.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import pandas as pd

from rfm_ml.evaluation.inference import BETTER, WORSE, mean_ranks
from rfm_ml.evaluation.scorecard import (
    ALPHA,
    HEADLINE,
    PAST_RATE,
    SEGMENTATIONS,
    STEADY,
    reference_of,
    steady,
)

ALIKE: Final = 0.05


FEWEST_CUSTOMERS: Final = 200
FEWEST_BUYERS: Final = 30
"""With fewer, at any origin, differences between strategies are chance."""


class Recommendation(NamedTuple):
    """What the rules come to.

    Attributes
    ----------
    leader
        The segmentation that ranks best over the days; None if none could be judged, or too little is known.
    chosen
        The one to use; None likewise.
    equals
        The steady ones that are not worse than the best of them, that one first.
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


def recommend(scorecard: pd.DataFrame, pairs: pd.DataFrame, *, sizes: Sequence[tuple[int, int]] = ()) -> Recommendation:
    """Say which segmentation to use, by the rules at the head of this module.

    Parameters
    ----------
    scorecard
        As `scorecard_table` gives, without strategies that knew what they could not know.
    pairs
        As `pairs_table` gives.
    sizes
        Of every origin the customers, and those of them who bought in the holdout.
    """
    if scorecard.empty:
        return _nothing("Nothing could be compared, so nothing is recommended.")
    few = _too_few(sizes)
    if few:
        return _nothing(few)
    values = scorecard.pivot_table(index="strategy", columns="measure", values="value", aggfunc="mean")
    complete = _complete(scorecard)
    grouped = scorecard.loc[scorecard["groups"] > 1, "strategy"].unique()
    names = [n for n in grouped if n in complete and values[HEADLINE].notna()[n]]
    if not names:
        return _nothing("No segmentation could be judged at every day, so none is recommended.")
    if not _beat_chance(scorecard, names):
        return _nothing(
            "Too little is known to recommend anything: no segmentation is better than chance. The 95 % interval of "
            f"the normalised Gini covers 0 on half of the days or more for each of {len(names)}."
        )
    found = values.reindex(columns=[*values.columns, *({"rand_index", "kept_frozen"} - set(values.columns))]).loc[names]
    found = found.assign(groups=scorecard.groupby("strategy")["groups"].max())
    leader = _first(scorecard, names, values)
    lasting = steady(found) or names
    best = _first(scorecard, lasting, values)
    pairs = pairs[(pairs["league"] == SEGMENTATIONS) & (pairs["measure"] == HEADLINE)]
    worse = set(pairs.loc[(pairs["other"] == best) & (pairs["verdict"] == WORSE), "strategy"])
    equals = [best, *(n for n in lasting if n != best and n not in worse)]
    chosen = _chosen(found.loc[equals])
    days = scorecard["origin"].nunique()
    sentences = [
        _of_leader(found, leader),
        *_of_steady(found, leader, best),
        _of_chosen(found, chosen, equals),
        _against_past_rate(pairs, chosen, origins=days),
        *([_against_past_rate(pairs, leader, origins=days)] if leader != chosen else []),
    ]
    return Recommendation(leader, chosen, tuple(equals), tuple(sentences))


def _nothing(why: str) -> Recommendation:
    return Recommendation(None, None, (), (why,))


def _too_few(sizes: Sequence[tuple[int, int]]) -> str:
    """Say that customers or buyers are too few; empty if they are not."""
    if not sizes:
        return ""
    customers, buyers = (min(column) for column in zip(*sizes, strict=True))
    if customers >= FEWEST_CUSTOMERS and buyers >= FEWEST_BUYERS:
        return ""
    return (
        f"Too few to recommend anything: {customers:,} customer{'s' * (customers != 1)} on the smallest day, and "
        f"{buyers:,} who bought afterwards on the day with the fewest of them. "
        f"At least {FEWEST_CUSTOMERS} and {FEWEST_BUYERS} are asked."
    )


def _beat_chance(scorecard: pd.DataFrame, names: Collection[str]) -> list[str]:
    """Return those whose normalised Gini is surely above 0 at more than half of the origins."""
    some = scorecard[(scorecard["measure"] == HEADLINE) & scorecard["strategy"].isin(list(names))]
    share = (some["low"] > 0).groupby(some["strategy"]).mean()
    return [str(name) for name in share.index[share > 0.5]]


def _first(scorecard: pd.DataFrame, names: Collection[str], values: pd.DataFrame) -> str:
    """Return who has the best mean rank of these, the higher mean of equals, then the first by name."""
    ranks = mean_ranks(_headline(scorecard, names)).set_index("strategy")
    ordered = ranks.assign(value=values[HEADLINE]).reset_index()
    return str(
        ordered.sort_values(["mean_rank", "value", "strategy"], ascending=[True, False, True])["strategy"].iloc[0]
    )


def _complete(scorecard: pd.DataFrame) -> set[str]:
    """Return who answered at every origin."""
    days = scorecard.groupby("strategy")["origin"].nunique()
    return set(days.index[days == scorecard["origin"].nunique()])


def _headline(scorecard: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    some = scorecard[(scorecard["measure"] == HEADLINE) & scorecard["strategy"].isin(list(names))]
    return some[["origin", "strategy", "value"]]


def _chosen(equals: pd.DataFrame) -> str:
    own = equals[~equals.index.str.contains("/")]
    left = own if len(own) else equals
    plain = left[left["tree_accuracy"] >= left["tree_accuracy"].max() - ALIKE]
    order = plain.assign(rand=plain["rand_index"].fillna(0)).rename_axis("strategy").reset_index()
    return str(order.sort_values(["rand", "groups", "strategy"], ascending=[False, True, True])["strategy"].iloc[0])


def _of_leader(found: pd.DataFrame, leader: str) -> str:
    means = found[HEADLINE]
    told = f"Of the segmentations {words_of(leader)} ranks best over the days (mean normalised Gini {means[leader]:.3f}"
    most = str(means.idxmax())
    if means[most] <= means[leader]:
        return f"{told}, the highest)."
    return f"{told}); the highest mean has {words_of(most)} ({means[most]:.3f})."


def _of_steady(found: pd.DataFrame, leader: str, best: str) -> list[str]:
    """Say why the leader is not the one to be matched."""
    if not steady(found):
        asked = f"at least {STEADY:.0%} of customers kept, and refits that agree by {STEADY:g}"
        return [f"No segmentation is steady: {asked}."]
    if leader == best:
        return []
    row, value = found.loc[leader], float(found[HEADLINE][best])
    kept, rand = row["kept_frozen"], row["rand_index"]
    why = f"{kept:.0%} of customers keep their group over 30 days, and refits agree by {rand:.2f}"
    return [
        f"But {words_of(leader)} is not steady: {why}; at least {STEADY:.0%} and {STEADY:g} are asked. "
        f"Of the steady ones {words_of(best)} ranks best (mean {value:.3f})."
    ]


def _of_chosen(found: pd.DataFrame, chosen: str, equals: list[str]) -> str:
    row, others, name = found.loc[chosen], len(equals) - 1, words_of(chosen)
    why = (
        f"a tree with 12 leaves says {row['tree_accuracy']:.0%} of it in words, {row['kept_frozen']:.0%} of customers "
        "keep their segment under frozen rules"
    )
    if row["rand_index"] == row["rand_index"]:
        why += f", and refits on other samples agree by {row['rand_index']:.2f} (1: the same groups)"
    lasting = steady(found)
    kind = "steady " if lasting else ""
    if not others:
        alone = (
            f"there is no other {kind}one"
            if len(lasting or found) == 1
            else f"every other {kind}one is worse on some day"
        )
        return f"Use {name}: {alone} ({why})."
    if "/" in chosen:
        among = (
            f"no {kind}segmentation with groups of its own finds as much, and of such scores "
            f"{name} is the easiest to say"
        )
    else:
        many = "others are" if others > 1 else "other is"
        among = f"{others} {many} not worse on any day, and {name} is the easiest to say"
    return f"Use {name}: {among} ({why})."


def _against_past_rate(pairs: pd.DataFrame, strategy: str, *, origins: int) -> str:
    """Say how a strategy does against past spend rate in 10 groups: no other pair counts, not in 5 groups either."""
    name, reference = words_of(strategy), reference_of(SEGMENTATIONS)
    start, other = f"{name[:1].upper()}{name[1:]}", words_of(reference)
    if strategy.split("/")[0] == PAST_RATE:
        return f"{start} is nothing but past spend: no strategy is needed to find this value."
    some = pairs[(pairs["strategy"] == strategy) & (pairs["other"] == reference) & pairs["difference"].notna()]
    if some.empty:
        return f"{start} could not be held against {other}."
    days, verdict = len(some), some["verdict"]
    wins, losses = (int((verdict == v).sum()) for v in (BETTER, WORSE))
    sure = int(((verdict == BETTER) & (some["p_holm"] < ALPHA)).sum())
    left = f" On {origins - days} of {origins} days the two could not be compared." if days < origins else ""
    of = f"of {days} day{'s' * (days > 1)}"
    by = f"{wins} {of} ({sure} after Holm's correction)"
    if losses and not wins:
        told = f"{start} does not beat {other}: worse at {losses} {of}, so past spend does better."
    elif losses:
        told = (
            f"Against {other} {name} is better at {wins} and worse at {losses} {of}: no clear difference, "
            "past spend does as well."
        )
    elif not wins:
        told = f"There is no difference between {name} and {other} at any {of}: past spend does as well."
    elif 2 * sure <= origins:
        told = f"{start} is better than {other} at {by}: too seldom to say that it finds more than past spend does."
    else:
        told = f"{start} beats {other} at {by}: it finds more than past spend does."
    return told + left
