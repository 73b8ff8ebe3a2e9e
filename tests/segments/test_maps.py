import copy
from itertools import product

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rfm_ml.core.errors import ParamsError
from rfm_ml.segments import SegmentMap, load_map, map_names

TWELVE = {
    "Champions": 8,
    "Loyal": 16,
    "Potentially loyal": 16,
    "New": 4,
    "Promising": 12,
    "Needs attention": 9,
    "About to sleep": 16,
    "At risk": 20,
    "Losing VIPs": 10,
    "Hibernating": 4,
    "Lost": 10,
}
CLASSIC = {
    1: ["Lost", "Lost", "At risk", "At risk", "Cannot lose them"],
    2: ["Hibernating", "Hibernating", "At risk", "At risk", "Cannot lose them"],
    3: ["About to sleep", "About to sleep", "Needs attention", "Loyal customers", "Loyal customers"],
    4: ["Promising", "Potential loyalists", "Potential loyalists", "Loyal customers", "Loyal customers"],
    5: ["New customers", "Potential loyalists", "Potential loyalists", "Champions", "Champions"],
}
SMALL = {
    "name": "small",
    "scores": {"R": 2, "F": 2, "M": 1},
    "segments": [
        {"name": "Top", "cells": [{"R": 2, "F": 2}]},
        {"name": "Middle", "cells": [{"R": 2, "F": 1}, {"R": 1, "F": 2}]},
        {"name": "Low", "cells": [{"R": 1, "F": 1, "M": 1}]},
    ],
}


def cell(r, f, m) -> pd.DataFrame:
    return pd.DataFrame({"R": [r], "F": [f], "M": [m]})


def changed(**parts) -> dict:
    return {**copy.deepcopy(SMALL), **parts}


def test_three_maps_are_built_in():
    assert map_names() == ["classic", "three_level", "twelve"]


@pytest.mark.parametrize("name", ["classic", "three_level", "twelve"])
def test_every_cell_of_a_built_in_map_is_matched_exactly_once(name):
    """Counted from the file itself, entry by entry, without the loader."""
    from rfm_ml.segments import maps

    path = maps.resources.files("rfm_ml.segments") / "maps" / f"{name}.yml"
    document = yaml.safe_load(path.read_text())
    hits: dict[tuple[int, ...], list[str]] = {}
    for segment in document["segments"]:
        for entry in segment["cells"]:
            spans = [str(entry.get(a, f"1-{document['scores'][a]}")).split("-") for a in "RFM"]
            for at in product(*(range(int(s[0]), int(s[-1]) + 1) for s in spans)):
                hits.setdefault(at, []).append(segment["name"])
    k = document["scores"]["R"]
    assert len(hits) == k**3
    assert all(len(h) == 1 for h in hits.values())
    table = load_map(name).table()
    assert {(r, f, m): [s] for r, f, m, s in table.itertuples(index=False)} == hits


def test_twelve_has_the_published_counts_in_order():
    loaded = load_map("twelve")
    assert loaded.segments == list(TWELVE)
    assert loaded.table()["segment"].value_counts().to_dict() == TWELVE
    assert loaded.overlays == [{"name": "Lost but engaged", "of": "Lost", "click_days": 180, "visit_days": 90}]


@pytest.mark.parametrize(
    ("cell_", "segment"),
    [
        ("555", "Champions"),
        ("444", "Champions"),
        ("443", "Loyal"),
        ("535", "Loyal"),
        ("343", "Loyal"),
        ("355", "Loyal"),
        ("552", "Potentially loyal"),
        ("421", "Potentially loyal"),
        ("511", "New"),
        ("412", "New"),
        ("523", "Promising"),
        ("415", "Promising"),
        ("333", "Needs attention"),
        ("315", "Needs attention"),
        ("351", "About to sleep"),
        ("231", "About to sleep"),
        ("154", "At risk"),
        ("213", "At risk"),
        ("255", "Losing VIPs"),
        ("115", "Losing VIPs"),
        ("222", "Hibernating"),
        ("152", "Lost"),
        ("111", "Lost"),
    ],
)
def test_cells_of_twelve(cell_, segment):
    assert load_map("twelve").segment_of(cell(*map(int, cell_))).tolist() == [segment]


def test_cells_of_classic_ignore_spend():
    for (r, row), m in product(CLASSIC.items(), range(1, 6)):
        scores = pd.DataFrame({"R": [r] * 5, "F": [1, 2, 3, 4, 5], "M": [m] * 5})
        assert load_map("classic").segment_of(scores).tolist() == row


def test_three_level_names_pairs_and_premium():
    loaded = load_map("three_level")
    scores = pd.DataFrame({"R": [3, 1, 2, 0], "F": [3, 3, 1, 0], "M": [3, 3, 2, 0]})
    assert loaded.segment_of(scores).tolist() == [
        "Premium, active",
        "Premium, lapsed",
        "Casual buyers, cooling",
        "Prospect",
    ]
    assert loaded.pair_segments(scores).tolist() == ["short x often", "long x often", "medium x casual", "Prospect"]
    assert loaded.pair_segments(scores, ("F", "M")).tolist()[:3] == [
        "often x spender",
        "often x spender",
        "casual x average",
    ]
    assert loaded.pair_segments(scores, ("R", "M")).tolist()[1] == "long x spender"
    assert loaded.premium(scores).tolist() == [True, True, False, False]
    assert len(loaded.segments) == 27
    assert load_map("twelve").pair_segments(cell(5, 4, 1)).tolist() == ["R5 x F4"]
    with pytest.raises(ParamsError, match="pair must be two of R, F and M"):
        loaded.pair_segments(scores, ("R", "R"))


def test_display_order_puts_overlays_above_their_base_and_prospect_last():
    loaded = load_map("twelve")
    assert loaded.display_order() == list(TWELVE)
    assert loaded.display_order(["Prospect", "Lost but engaged"])[-3:] == ["Lost but engaged", "Lost", "Prospect"]
    assert loaded.all_names() == [*list(TWELVE)[:-1], "Lost but engaged", "Lost", "Prospect"]


def test_a_users_own_file_by_path(tmp_path):
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(SMALL, sort_keys=False))
    loaded = load_map(tmp_path / "mine.yml")
    assert loaded.table().to_numpy().tolist() == [
        [1, 1, 1, "Low"],
        [1, 2, 1, "Middle"],
        [2, 1, 1, "Middle"],
        [2, 2, 1, "Top"],
    ]
    assert load_map(str(tmp_path / "mine.yml")).to_dict() == SegmentMap.from_dict(loaded.to_dict()).to_dict()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed(segments=SMALL["segments"][:2]), r"exactly one segment\. R 1, F 1, M 1 is in none\. Add it"),
        (changed(segments=SMALL["segments"][:1]), r"R 1, F 1, M 1 and 2 more are in none\. Add them"),
        (
            changed(segments=[*SMALL["segments"], {"name": "Again", "cells": [{"R": 2, "F": 1}]}]),
            r"R 2, F 1, M 1 is in 'Middle' and in 'Again'",
        ),
        (
            changed(segments=[{"name": "All", "cells": [{"M": 1}, {"R": "1-2", "F": 2}]}]),
            r"R 1, F 2, M 1 is twice in 'All'",
        ),
        (changed(segments=[*SMALL["segments"], {"name": "Dead", "cells": []}]), "'Dead' has none, so nobody can reach"),
        (changed(segments=[*SMALL["segments"], {"name": "Dead", "cells": None}]), "'Dead' has none"),
        (changed(segments=[*SMALL["segments"], {"name": "top", "cells": [{"R": 1}]}]), "'top' is used twice"),
        (changed(segments=[{"name": "Prospect", "cells": [{"R": "1-2"}]}]), "kept for contacts without an order"),
        (changed(segments=[{"name": " ", "cells": [{"R": "1-2"}]}]), "a name in words"),
        (changed(segments=[{"name": 5, "cells": [{"R": "1-2"}]}]), "a name in words. Got 5"),
        (
            changed(segments=[{"name": "All", "cells": [{"R": "1-3"}]}]),
            r"entry 1 of 'All': R must be .* within 1-2.*'1-3'",
        ),
        (changed(segments=[{"name": "All", "cells": [{"R": "2-1"}]}]), "Got '2-1'"),
        (changed(segments=[{"name": "All", "cells": [{"R": 0}]}]), "Got 0"),
        (changed(segments=[{"name": "All", "cells": [{"R": True}]}]), "Got True"),
        (changed(segments=[{"name": "All", "cells": [{"R": "1-"}]}]), "Got '1-'"),
        (changed(segments=[{"name": "All", "cells": [{"X": 1}]}]), "letters R, F and M. Got 'X'"),
        (changed(segments=[{"name": "All", "cells": [{}]}]), "must name scores as in"),
        (changed(segments=[{"name": "All", "cells": "R1"}]), "cells of 'All' must be a list"),
        (
            changed(segments=[{"name": "All", "cell": []}]),
            r"segment 1 must have known keys only\. Got 'cell'\. Did you mean 'cells'",
        ),
        (changed(segments=[{"name": "All"}]), "must have the key 'cells'"),
        (changed(segments={}), "segments must be a list"),
        (changed(scores={"R": 2, "F": 2}), "scores must have the key 'M'"),
        (changed(scores={"R": 2, "F": 2, "M": 0}), "scores of M must be between 1 and 50. Got 0"),
        (changed(scores=5), "must have the keys R, F, M"),
        (changed(levels={"R": ["old"]}), "levels of R must be 2 different names"),
        (changed(levels={"R": ["a", "a"]}), "levels of R must be 2 different names"),
        (changed(segmnets=[]), r"Got 'segmnets'\. Did you mean 'segments'"),
        ({"name": "x"}, "must have the key 'scores'"),
        ([], "A segment map must have the keys"),
        (changed(overlays=[{"name": "O", "of": "Topp", "click_days": 1, "visit_days": 1}]), "Did you mean 'Top'"),
        (changed(overlays=[{"name": "Low", "of": "Top", "click_days": 1, "visit_days": 1}]), "'Low' is used twice"),
        (
            changed(overlays=[{"name": "O", "of": "Top", "click_days": 0, "visit_days": 1}]),
            "click_days must be a whole",
        ),
        (changed(overlays=[{"name": "O", "of": "Top", "clicks": 0}]), "Did you mean 'click_days'"),
        (changed(overlays="Lost"), "overlays must be a list"),
    ],
)
def test_a_faulty_map_is_refused_with_the_fault_named(document, message):
    with pytest.raises(ParamsError, match=message):
        SegmentMap(document)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [", "A segment map must be YAML"),
        ("name: a\nname: b\n", r"Got 'name' twice, the second time in line 2"),
        ("", "must have the keys name, scores, segments. Got None"),
        ("- 1\n", "must have the keys"),
    ],
)
def test_a_file_that_is_no_map_is_refused(tmp_path, content, message):
    (tmp_path / "mine.yml").write_text(content)
    with pytest.raises(ParamsError, match=message):
        load_map(tmp_path / "mine.yml")


def test_a_misspelt_map_and_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ParamsError, match=r"Got 'twleve'\. Did you mean 'twelve'\?"):
        load_map("twleve")
    with pytest.raises(ParamsError, match="one we know or a YAML file"):
        load_map(tmp_path)
    (tmp_path / "latin.yml").write_bytes("name: caf\xe9".encode("latin-1"))
    with pytest.raises(ParamsError, match="not UTF-8"):
        load_map(tmp_path / "latin.yml")


grids = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))


@given(grids, st.integers(1, 6), st.randoms(use_true_random=False))
def test_any_partition_of_a_grid_is_a_map_and_any_break_of_it_is_named(shape, parts, random):
    cells = list(product(*(range(1, k + 1) for k in shape)))
    owner = {c: random.randrange(min(parts, len(cells))) for c in cells}
    names = sorted({f"S{o}" for o in owner.values()})
    segments = [
        {"name": n, "cells": [dict(zip("RFM", c, strict=True)) for c, o in owner.items() if f"S{o}" == n]}
        for n in names
    ]
    document = {"name": "any", "scores": dict(zip("RFM", shape, strict=True)), "segments": segments}
    table = SegmentMap(document).table()
    assert {(r, f, m): s for r, f, m, s in table.itertuples(index=False)} == {c: f"S{o}" for c, o in owner.items()}

    victim = random.choice(cells)
    named = "R {}, F {}, M {}".format(*victim)
    entry = dict(zip("RFM", victim, strict=True))
    doubled = copy.deepcopy(document)
    doubled["segments"][random.randrange(len(names))]["cells"].append(entry)
    with pytest.raises(ParamsError, match=named):
        SegmentMap(doubled)
    holed = copy.deepcopy(document)
    for segment in holed["segments"]:
        segment["cells"] = [c for c in segment["cells"] if c != entry]
    with pytest.raises(ParamsError, match=f"{named} is in none|has none, so nobody can reach it"):
        SegmentMap(holed)


def test_segments_of_many_rows_follow_the_table():
    loaded = load_map("twelve")
    table = loaded.table().sample(frac=1, random_state=1)
    assert loaded.segment_of(table).tolist() == table["segment"].tolist()
    assert np.array_equal(loaded.segment_of(table).index, table.index)
