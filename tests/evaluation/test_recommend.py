"""The recommendation follows from the figures by its rules."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfm_ml.evaluation.backtest import Judged
from rfm_ml.evaluation.inference import holm
from rfm_ml.evaluation.recommend import recommend
from rfm_ml.evaluation.scorecard import ALPHA, fewest_samples, pairs_table, ranks_table, scorecard_table
from rfm_ml.evaluation.summary import overview

MEASURES = ("normalised_gini", "kept_frozen", "tree_accuracy", "rand_index")
DAYS = ("2024-01-01", "2024-04-01")
RATE = "past_spend_rate/10"


def scorecard(**strategies: tuple[float, float, float, float]) -> pd.DataFrame:
    rows = [
        (name.replace("__", "/"), 5, origin, measure, value)
        for name, values in strategies.items()
        for origin in DAYS
        for measure, value in zip(MEASURES, values, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["strategy", "groups", "origin", "measure", "value"])
    return frame.assign(low=frame["value"] - 0.1)


def pairs(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Pairs of segmentations, each row on the next day of its pair."""
    frame = pd.DataFrame(rows, columns=["strategy", "other", "verdict", "p_holm"])
    frame["origin"] = [DAYS[i] for i in frame.groupby(["strategy", "other"]).cumcount()]
    return frame.assign(league="segmentations", measure="normalised_gini", difference=0.1)


def test_the_easiest_to_say_of_those_that_are_not_worse() -> None:
    card = scorecard(best=(0.8, 0.9, 0.5, 0.9), plain=(0.79, 0.9, 0.99, 0.8), poor=(0.5, 0.9, 1.0, 1.0))
    against = pairs(
        ("plain", "best", "no difference", 1.0),
        ("poor", "best", "worse", 0.01),
        ("best", "past_spend_rate/10", "better", 0.01),
        ("best", "past_spend_rate/10", "no difference", 1.0),
        ("plain", "past_spend_rate/10", "no difference", 1.0),
        ("plain", "past_spend_rate/10", "no difference", 1.0),
    )
    found = recommend(card, against)
    assert (found.leader, found.chosen, found.equals) == ("best", "plain", ("best", "plain"))
    assert "1 other is not worse on any day" in found.sentences[1]
    assert "plain and past spend rate in 10 groups at any of 2 days: past spend does as well" in found.sentences[2]
    better = "Best is better than past spend rate in 10 groups at 1 of 2 days (1 after Holm's correction)"
    assert found.sentences[3] == f"{better}: too seldom to say that it finds more than past spend does."


def test_what_nobody_keeps_is_not_recommended() -> None:
    card = scorecard(restless=(0.8, 0.3, 1.0, 1.0), steady=(0.8, 0.8, 0.7, 0.9))
    assert recommend(card, pairs()).chosen == "steady"


def test_both_kinds_of_stability_are_asked_for() -> None:
    """Refits that do not agree are no ground for a campaign, however much value they find and however long kept."""
    card = scorecard(boosted__10=(0.9, 0.9, 0.9, 0.25), kept=(0.8, 0.8, 0.7, 0.9))
    found = recommend(card, pairs())
    assert (found.leader, found.chosen) == ("boosted/10", "kept")
    assert "not steady: 90% of customers keep their group over 30 days, and refits agree by 0.25" in found.sentences[1]


def test_segments_of_their_own_go_before_scores_unless_these_are_better() -> None:
    card = scorecard(rate__10=(0.8, 0.9, 0.99, 0.99), own=(0.79, 0.9, 0.8, 0.9))
    alike = pairs(("own", "rate/10", "no difference", 1.0))
    assert recommend(card, alike).chosen == "own"
    behind = pairs(("own", "rate/10", "worse", 0.01))
    assert recommend(card, behind).chosen == "rate/10"


def test_where_none_is_steady_all_go_on() -> None:
    found = recommend(scorecard(a=(0.9, 0.2, 0.9, 0.3), b=(0.8, 0.9, 0.7, 0.2)), pairs(("b", "a", "worse", 0.01)))
    assert found.chosen == "a"
    assert "No segmentation is steady" in found.sentences[1]


def test_who_missed_a_day_takes_no_part() -> None:
    card = scorecard(honest=(0.4, 0.8, 0.7, 0.9), gone=(0.9, 0.8, 0.7, 0.9))
    card = card[(card["strategy"] != "gone") | (card["origin"] == "2024-01-01")]
    found = recommend(card, pairs())
    assert (found.leader, found.equals) == ("honest", ("honest",))


def test_past_spend_itself_may_be_the_answer() -> None:
    found = recommend(scorecard(past_spend_rate__10=(0.8, 0.9, 0.9, 0.9)), pairs())
    assert found.chosen == "past_spend_rate/10"
    assert "no strategy is needed to find this value" in found.sentences[2]


def test_worse_than_past_spend_is_said() -> None:
    card = scorecard(a=(0.7, 0.9, 0.9, 0.9))
    rows = [("a", "past_spend_rate/10", verdict, 0.01) for verdict in ("worse", "no difference")]
    found = recommend(card, pairs(*rows))
    other = "past spend rate in 10 groups"
    assert found.sentences[2] == f"A does not beat {other}: worse at 1 of 2 days, so past spend does better."


def test_nothing_judged_recommends_nothing() -> None:
    assert recommend(scorecard(), pairs()).chosen is None


@pytest.mark.parametrize(("sure", "said"), [(0.01, "A beats past spend"), (0.2, "A is better than past spend")])
def test_more_than_past_spend_only_after_holm_on_most_days(sure: float, said: str) -> None:
    rows = [("a", "past_spend_rate/10", "better", p) for p in (sure, 0.01)]
    sentence = recommend(scorecard(a=(0.7, 0.9, 0.9, 0.9)), pairs(*rows)).sentences[2]
    assert sentence.startswith(said)
    assert ("too seldom" in sentence) == (sure > 0.05)


def test_who_ranks_best_need_not_have_the_highest_mean() -> None:
    card = scorecard(often=(0.5, 0.9, 0.9, 0.9), once=(0.49, 0.9, 0.9, 0.9), third=(0.495, 0.9, 0.9, 0.9))
    once = (card["strategy"] == "once") & (card["origin"] == "2024-04-01") & (card["measure"] == "normalised_gini")
    card.loc[once, "value"] = 0.9
    found = recommend(card, pairs())
    assert found.leader == "often"
    assert found.sentences[0].endswith("(mean normalised Gini 0.500); the highest mean has once (0.695).")


@pytest.mark.parametrize("sizes", [[(500, 100), (199, 80)], [(500, 29)]])
def test_too_few_recommend_nothing(sizes: list[tuple[int, int]]) -> None:
    found = recommend(scorecard(a=(0.7, 0.9, 0.9, 0.9)), pairs(), sizes=sizes)
    assert (found.leader, found.chosen, len(found.sentences)) == (None, None, 1)
    assert f"{min(s[0] for s in sizes)} customers" in found.sentences[0]
    assert f"{min(s[1] for s in sizes)} who bought" in found.sentences[0]
    assert recommend(scorecard(a=(0.7, 0.9, 0.9, 0.9)), pairs(), sizes=[(200, 30)]).chosen == "a"


def test_who_is_no_better_than_chance_is_not_recommended() -> None:
    found = recommend(scorecard(a=(0.1, 0.9, 0.9, 0.9), b=(0.05, 0.9, 0.9, 0.9)), pairs())
    assert found.chosen is None
    assert "no segmentation is better than chance" in found.sentences[0]


def test_so_many_samples_are_needed_that_holm_can_show_something() -> None:
    frame = pd.DataFrame({"p_value": [0.5] * 12}).assign(league="a", origin="b", measure="c", other="d")
    samples = fewest_samples(frame)
    assert samples == 480
    least = [holm([2 / (b + 1)] + [1.0] * 11)[0] for b in (samples - 1, samples)]
    assert least[1] < ALPHA <= least[0]
    assert fewest_samples(frame.iloc[:0]) == 0


def test_buyers_are_those_of_the_day_with_the_fewest_of_them() -> None:
    """The day with the fewest customers need not be the one with the fewest buyers."""
    (told,) = recommend(scorecard(a=(0.7, 0.9, 0.9, 0.9)), pairs(), sizes=[(500, 20), (150, 80)]).sentences
    assert "150 customers on the smallest day, and 20 who bought afterwards on the day with the fewest of them." in told


# --- counts are those of the pair that is named -----------------------------------------------------------------
def test_past_spend_in_5_groups_does_not_count_as_past_spend_in_10() -> None:
    """Where past spend rate in 5 groups leads a league, every segmentation is compared with it, too."""
    card = scorecard(a=(0.8, 0.9, 0.9, 0.9), past_spend_rate__5=(0.7, 0.9, 0.9, 0.9))
    against = pairs(
        ("a", "past_spend_rate/5", "better", 0.01),
        ("a", "past_spend_rate/5", "better", 0.01),
        ("a", RATE, "better", 0.2),
        ("a", RATE, "no difference", 1.0),
    )
    better = "A is better than past spend rate in 10 groups at 1 of 2 days (0 after Holm's correction)"
    assert recommend(card, against).sentences[2].startswith(better)


def test_a_day_without_the_pair_is_not_one_of_its_days() -> None:
    against = pairs(("a", RATE, "better", 0.01), ("a", RATE, "no difference", float("nan")))
    against.loc[1, "difference"] = float("nan")
    for some in (against, against.iloc[:1]):
        told = recommend(scorecard(a=(0.8, 0.9, 0.9, 0.9)), some).sentences[2]
        assert "at 1 of 1 day (1 after Holm's correction): too seldom" in told  # one of two is not more than half
        assert told.endswith("On 1 of 2 days the two could not be compared.")
    never = against.iloc[1:]
    told = recommend(scorecard(a=(0.8, 0.9, 0.9, 0.9)), never).sentences[2]
    assert told == "A could not be held against past spend rate in 10 groups."


def judged(name: str, gini: dict[date, float], *, groups: int = 5, kept: float = 0.9) -> list[Judged]:
    """A strategy on days, whose samples scatter little about its Gini, so that differences of 0.1 are sure."""
    candidate, _, cut = name.partition("/")
    noise = np.random.default_rng(len(name)).normal(0, 0.01, 200)
    values = {"kept_frozen": kept, "tree_accuracy": 0.9, "rand_index": 0.9}
    return [
        Judged(
            strategy=name,
            candidate=candidate,
            track="same information",
            groups=groups,
            cut=int(cut or 0),
            origin=day,
            table=pd.DataFrame([
                (m, v, v - 0.02, v + 0.02) for m, v in {"normalised_gini": value, **values}.items()
            ], columns=["measure", "value", "low", "high"]),
            draws={"normalised_gini": value + noise},
            scores=np.zeros(2),
            labels=None,
        )
        for day, value in gini.items()
    ]  # fmt: skip


STRATEGIES = ("a", "a_b", "rate", "past_spend_rate/5", "past_spend_rate/10", "score/5", "score/10")
ORIGINS = [date(2024, m, 1) for m in (1, 4, 7)]
VALUES = st.sampled_from([0.2, 0.35, 0.5, 0.65, 0.8])


@st.composite
def backtests(draw: st.DrawFn) -> list[Judged]:
    """Some strategies, some of which missed some days; somebody was there on every day."""
    found = judged("always", {day: draw(VALUES) for day in ORIGINS})
    for name in draw(st.lists(st.sampled_from(STRATEGIES), unique=True, min_size=1)):
        days = draw(st.lists(st.sampled_from(ORIGINS), unique=True, min_size=1))
        groups = int(name.partition("/")[2] or 4)
        found += judged(name, {d: draw(VALUES) for d in days}, groups=groups, kept=draw(st.sampled_from([0.5, 0.9])))
    return found


@st.composite
def pair_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Any pairs of any league and measure, in both directions, some of them without a figure."""
    keys = st.tuples(
        st.sampled_from(["segmentations", "10 groups", "as they are"]),
        st.sampled_from(["normalised_gini", "capture_20"]),
        st.sampled_from(DAYS),
        st.sampled_from(["a", "a_b", RATE]),
        st.sampled_from([RATE, "past_spend_rate/5", "past_spend_rate", "past_spend_rate/100", "a"]),
    )
    drawn = draw(st.lists(keys, unique=True, max_size=60))
    frame = pd.DataFrame(drawn, columns=["league", "measure", "origin", "strategy", "other"])
    verdicts = st.sampled_from(["better", "worse", "no difference"])
    frame["verdict"] = [draw(verdicts) for _ in drawn]
    frame["p_holm"] = [draw(st.sampled_from([0.01, 0.2])) for _ in drawn]
    frame["difference"] = [draw(st.sampled_from([0.1, 0.1, np.nan])) for _ in drawn]
    return frame


def counts(sentence: str) -> dict[str, int]:
    """The numbers of a sentence against past spend, by what they count."""
    patterns = {
        "better": r"(?:is better|beats) .*?at (\d+) ",
        "sure": r"(\d+) after Holm",
        "worse": r"worse at (\d+) ",
        "days": r"of (\d+) days?(?!.* the two could not)",
        "missing": r"On (\d+) of \d+ days the two",
    }
    head, _, left = sentence.partition(" On ")
    found = {name: re.search(pattern, head) for name, pattern in patterns.items()}
    found["missing"] = re.search(patterns["missing"], f"On {left}")
    return {name: int(m.group(1)) for name, m in found.items() if m}


def recount(pairs: pd.DataFrame, strategy: str, *, days: int) -> dict[str, int]:
    """The same by a plain loop over the rows of exactly this pair."""
    found = {"better": 0, "sure": 0, "worse": 0, "days": 0}
    for row in pairs.to_dict("records"):
        named = ("segmentations", "normalised_gini", strategy, RATE)
        if (row["league"], row["measure"], row["strategy"], row["other"]) != named or row["difference"] != row[
            "difference"
        ]:
            continue
        found["days"] += 1
        found["better"] += row["verdict"] == "better"
        found["worse"] += row["verdict"] == "worse"
        found["sure"] += row["verdict"] == "better" and row["p_holm"] < ALPHA
    if found["worse"] or not found["better"]:
        del found["sure"]
    shown = {name: n for name, n in found.items() if n or name == "sure"}
    return shown | ({"missing": days - found["days"]} if 0 < found["days"] < days else {})


@settings(deadline=None)
@given(pair_tables())
def test_counts_are_a_plain_recount_of_the_pair_that_is_named(against: pd.DataFrame) -> None:
    card = scorecard(a=(0.8, 0.9, 0.9, 0.9), a_b=(0.7, 0.9, 0.99, 0.95), past_spend_rate__5=(0.75, 0.9, 0.2, 0.9))
    found = recommend(card, against)
    for name, sentence in zip(dict.fromkeys([found.chosen, found.leader]), found.sentences[2:], strict=True):
        if str(name).startswith("past_spend_rate"):
            continue
        assert counts(sentence) == recount(against, str(name), days=2)


@settings(max_examples=40, deadline=None)
@given(backtests())
def test_a_backtest_compares_with_whom_the_recommendation_names(found: list[Judged]) -> None:
    """Who missed a day may rank best, but is not named; the pairs must be those of whom is named."""
    pairs, card = pairs_table(found), scorecard_table(found)
    told = recommend(card, pairs)
    best = told.equals[0]
    days = card.groupby("strategy")["origin"].nunique()
    full = {n for n in days.index[days == 3] if n != best and card.loc[card["strategy"] == n, "groups"].max() > 1}
    some = pairs[(pairs["league"] == "segmentations") & (pairs["other"] == best)]
    assert full <= set(some["strategy"])
    means = card.pivot_table(index="strategy", columns="measure", values="value")
    steady = {n for n in {*full, best} if means.loc[n, "kept_frozen"] >= 0.7} or {*full, best}
    worse = {n for n in steady - {best} if (some.loc[some["strategy"] == n, "verdict"] == "worse").any()}
    assert set(told.equals) == steady - worse


@settings(max_examples=40, deadline=None)
@given(backtests())
def test_the_overview_counts_days_on_which_both_were_there(found: list[Judged]) -> None:
    pairs = pairs_table(found)
    table = overview(scorecard_table(found), ranks_table(found, pairs), keep=list(STRATEGIES), most=99)
    there = {name: {j.origin for j in found if j.strategy == name} for name in STRATEGIES}
    cells = dict(zip(table["strategy"], table["against_past_spend"], strict=True))
    for name in ("a", "rate", "always"):
        both = len(there.get(name, set(ORIGINS)) & there[RATE])
        if name not in cells or not both:
            assert cells.get(name, "\N{EN DASH}") == "\N{EN DASH}"
        elif cells[name] == "no difference":
            assert both == 3
        else:
            assert cells[name].endswith(f" {both}")


def test_what_cannot_be_compared_is_no_difference_to_nobody() -> None:
    found = [
        *judged("a", dict.fromkeys(ORIGINS, 0.5)),
        *judged("past_spend_rate", dict.fromkeys(ORIGINS, 0.5), groups=0),
    ]
    table = overview(scorecard_table(found), ranks_table(found, pairs_table(found)))
    assert table.set_index("strategy")["against_past_spend"]["a"] == "\N{EN DASH}"


def test_alone_is_not_better_than_the_others() -> None:
    alone = recommend(scorecard(a=(0.7, 0.9, 0.9, 0.9)), pairs()).sentences[1]
    assert alone.startswith("Use a: there is no other steady one (")
    none = recommend(scorecard(a=(0.9, 0.2, 0.9, 0.3), b=(0.8, 0.9, 0.7, 0.2)), pairs(("b", "a", "worse", 0.01)))
    assert none.sentences[2].startswith("Use a: every other one is worse on some day (")
