"""The cache: whole entries by key, computed once, the longest unused leaves first."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from rfm_ml.core.store import Store, digest


def entry(store: Store, key: str, *, days_ago: float, size: int = 1000) -> Path:
    place = store.folder("stage", key, lambda folder: (folder / "data").write_bytes(b"x" * size) and None)
    then = time.time() - days_ago * 86_400
    os.utime(place, (then, then))
    return place


def test_keys_are_the_same_in_every_process_and_differ_by_content() -> None:
    assert digest("a", {"x": 1, "y": [2]}) == digest("a", {"y": [2], "x": 1}) == "e418fabe83fabb9d"
    assert digest("a", 1) != digest("a", 2)


def test_an_entry_is_computed_once(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def compute() -> pd.DataFrame:
        calls.append(1)
        return pd.DataFrame({"a": [1]})

    for _ in range(2):
        pd.testing.assert_frame_equal(store.frame("frame", "key", compute), pd.DataFrame({"a": [1]}))
    assert calls == [1]


def test_a_failed_computation_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(ZeroDivisionError):
        store.folder("stage", "key", lambda folder: (folder / "half").write_text("") or 1 / 0)
    assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_key_agree(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def write(folder: Path) -> None:
        time.sleep(0.05)
        (folder / "data").write_text("same")

    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: store.folder("stage", "key", write), range(8)))
    assert len(places) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["stage-key"]


def test_pruning_takes_the_longest_unused_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, older, oldest = (entry(store, str(d), days_ago=d) for d in (5, 10, 20))
    fresh = entry(store, "fresh", days_ago=0.1)

    store.prune(max_gb=3e-6)
    assert not oldest.exists()
    assert [p.exists() for p in (fresh, old, older)] == [True] * 3
    # Using an entry makes it young again.
    store.folder("stage", "10", lambda folder: None)
    store.prune(max_gb=2e-6)
    assert [p.exists() for p in (fresh, old, older)] == [True, False, True]


def test_pruning_leaves_what_was_used_today(tmp_path: Path) -> None:
    store = Store(tmp_path)
    places = [entry(store, str(i), days_ago=0.5) for i in range(3)]
    store.prune(max_gb=0)
    assert all(p.exists() for p in places)
