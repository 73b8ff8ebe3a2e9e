"""The overview: who has a row, and against whom he is held."""

import pandas as pd

from rfm_ml.evaluation.summary import overview


def scorecard(**values: tuple[int, float]) -> pd.DataFrame:
    rows = [
        (name.replace("__", "/"), groups, "2024-01-01", measure, value)
        for name, (groups, gini) in values.items()
        for measure, value in (("normalised_gini", gini), ("kept_frozen", 0.9), ("rand_index", 0.8))
    ]
    return pd.DataFrame(rows, columns=["strategy", "groups", "origin", "measure", "value"])


def ranks(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["league", "strategy", "wins"])
    return frame.assign(measure="normalised_gini", losses=0, origins=2, compared=2)


def test_the_worst_own_strategy_and_a_leader_in_5_groups_have_a_row() -> None:
    card = scorecard(mine=(4, 0.1), a=(5, 0.6), b=(5, 0.5), c=(5, 0.4), score__5=(5, 0.9), score__10=(10, 0.8))
    table = overview(card, ranks(), keep=["mine", "score/5"], most=4)
    assert table["strategy"].tolist() == ["score in 5 groups", "score in 10 groups", "a", "mine"]
    assert len(overview(card, ranks(), keep=["mine"])) == 5


def test_groups_are_held_against_past_spend_in_groups() -> None:
    card = scorecard(own=(4, 0.5), score=(0, 0.4))
    found = ranks(("as they are", "own", 2), ("segmentations", "own", 1), ("as they are", "score", 0))
    table = overview(card, found)
    assert table["against_past_spend"].tolist() == ["better on 1 of 2", "no difference"]
    assert table["steadiness"].tolist() == ["90% / 0.80"] * 2
