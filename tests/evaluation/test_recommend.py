"""The recommendation follows from the figures by its rules."""

import pandas as pd
import pytest

from rfm_ml.evaluation.inference import holm
from rfm_ml.evaluation.recommend import recommend
from rfm_ml.evaluation.scorecard import ALPHA, fewest_samples

MEASURES = ("normalised_gini", "kept_frozen", "tree_accuracy", "rand_index")


def scorecard(**strategies: tuple[float, float, float, float]) -> pd.DataFrame:
    rows = [
        (name.replace("__", "/"), 5, origin, measure, value)
        for name, values in strategies.items()
        for origin in ("2024-01-01", "2024-04-01")
        for measure, value in zip(MEASURES, values, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["strategy", "groups", "origin", "measure", "value"])
    return frame.assign(low=frame["value"] - 0.1)


def pairs(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["strategy", "other", "verdict", "p_holm"])
    return frame.assign(league="segmentations", measure="normalised_gini")


def test_the_easiest_to_say_of_those_that_are_not_worse() -> None:
    card = scorecard(best=(0.8, 0.9, 0.5, 0.9), plain=(0.79, 0.9, 0.99, 0.8), poor=(0.5, 0.9, 1.0, 1.0))
    against = pairs(
        ("plain", "best", "no difference", 1.0),
        ("poor", "best", "worse", 0.01),
        ("best", "past_spend_rate/10", "better", 0.01),
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
    found = recommend(card, pairs(("a", "past_spend_rate/10", "worse", 0.01)))
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
