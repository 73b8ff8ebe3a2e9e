"""Segment maps: from scores to named segments, checked on load."""

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import read_yaml
from rfm_ml.segments.grid import AXES, MAX_SCORES, fill_grid

PROSPECT: Final = "Prospect"
"""The segment of contacts without an order, outside every grid."""

MAP_KEYS: Final = ("name", "description", "scores", "levels", "segments", "overlays")
OVERLAY_KEYS: Final = ("name", "of", "click_days", "visit_days")


class SegmentMap:
    """Named segments over a grid of scores, from most to least valuable.

    Parameters
    ----------
    document
        The map as its YAML file has it: `name`, `description`, `scores`, `levels`, `segments` and `overlays`.

    Raises
    ------
    ParamsError
        If a cell is covered twice or not at all, a segment cannot be reached, or a name is used twice; the
        message names the cell or the segment.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        _known_keys(document, MAP_KEYS, required=("name", "scores", "segments"), what="A segment map")
        self.name = str(document["name"])
        self.description = str(document.get("description", ""))
        what = f"The map {self.name!r}"
        self.scores = _scores(document["scores"], what=what)
        segments = _segments(document["segments"], what=what)
        self._cells = segments
        self.segments: list[str] = [s["name"] for s in segments]
        self.grid = fill_grid(segments, scores=self.scores, what=what)
        self.levels = _levels(document.get("levels"), scores=self.scores, what=what)
        self.overlays = _overlays(document.get("overlays"), segments=self.segments, what=what)

    def __repr__(self) -> str:
        return f"SegmentMap({self.name!r}, {len(self.segments)} segments)"

    def to_dict(self) -> dict[str, Any]:
        """Return the map as plain values, from which `from_dict` makes an equal one."""
        return {
            "name": self.name,
            "description": self.description,
            "scores": dict(self.scores),
            "levels": {a: list(names) for a, names in self.levels.items()},
            "segments": [{"name": s["name"], "cells": [dict(c) for c in s["cells"]]} for s in self._cells],
            "overlays": [dict(o) for o in self.overlays],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the map of a document, checked."""
        return cls(document)

    def table(self) -> pd.DataFrame:
        """Return `R, F, M, segment`, one row per cell."""
        cells = np.argwhere(self.grid >= 0) + 1
        frame = pd.DataFrame(cells, columns=list(AXES))
        return frame.assign(segment=np.array(self.segments, dtype=object)[self.grid.ravel()])

    def require_scores(self, given: Mapping[str, int]) -> None:
        """Refuse a strategy whose number of scores is not the map's."""
        for axis in AXES:
            if given.get(axis) != self.scores[axis]:
                raise ParamsError(
                    f"The map {self.name!r} must get {self.scores[axis]} scores of {axis}. The strategy gives "
                    f"{given.get(axis, 'none')}. Choose another map, or another number of bins or limits."
                )

    def codes(self, scores: pd.DataFrame) -> np.ndarray:
        """Return the position in `segments` of each row of `R, F, M`, shape (n,); -1 without an order."""
        r, f, m = (scores[a].to_numpy() for a in AXES)
        return np.where(r > 0, self.grid[r - 1, f - 1, m - 1], -1)

    def segment_of(self, scores: pd.DataFrame) -> pd.Series:
        """Return the segment of each row of `R, F, M`; Prospect where the scores are 0."""
        names = pd.Series([*self.segments, PROSPECT]).array
        codes = self.codes(scores)
        codes[codes < 0] = len(self.segments)
        return pd.Series(names.take(codes), index=scores.index, name="segment")

    def pair_segments(self, scores: pd.DataFrame, pair: tuple[str, str] = ("R", "F")) -> pd.Series:
        """Return the pair each customer is in, as in "short x often"; a pair is a segment too."""
        a, b = pair
        for axis in pair:
            if axis not in AXES or a == b:
                raise ParamsError(f"pair must be two of R, F and M. Got {tuple(pair)!r}.")
        labels = [f"{x} x {y}" for x in _told(a, self.levels[a]) for y in _told(b, self.levels[b])]
        names = pd.Series([*labels, PROSPECT]).array
        first, second = scores[a].to_numpy(), scores[b].to_numpy()
        codes = np.where(first > 0, (first - 1) * self.scores[b] + second - 1, len(labels))
        return pd.Series(names.take(codes), index=scores.index, name=f"{a} x {b}")

    def premium(self, scores: pd.DataFrame) -> pd.Series:
        """Return whether each customer has the best score of both frequency and spend (often and spender)."""
        best = (scores["F"] == self.scores["F"]) & (scores["M"] == self.scores["M"])
        return best.rename("premium")

    def display_order(self, present: Iterable[str] = ()) -> list[str]:
        """Return all segments of the grid, with overlays above their base and Prospect last where present.

        Customers in an overlay have been active lately, so their outlook is better than that of its base.
        """
        found = set(present)
        order = []
        for name in self.segments:
            order += [o["name"] for o in self.overlays if o["of"] == name and o["name"] in found]
            order.append(name)
        return [*order, PROSPECT] if PROSPECT in found else order

    def all_names(self) -> list[str]:
        """Return every name a customer of this map can have: grid, overlays and Prospect."""
        return self.display_order([*(o["name"] for o in self.overlays), PROSPECT])


def map_names() -> list[str]:
    """Return the names of the built-in maps."""
    folder = resources.files("rfm_ml.segments") / "maps"
    return sorted(f.name.removesuffix(".yml") for f in folder.iterdir() if f.name.endswith(".yml"))


def load_map(name_or_path: str | Path) -> SegmentMap:
    """Return a built-in map by name, or a user's own by the path of its YAML file.

    Raises
    ------
    ParamsError
        If there is no such map or file, or the map fails a check.

    Examples
    --------
    >>> load_map("twelve")
    SegmentMap('twelve', 11 segments)
    """
    text = str(name_or_path)
    if text in map_names():
        with resources.as_file(resources.files("rfm_ml.segments") / "maps" / f"{text}.yml") as path:
            return SegmentMap(read_yaml(path, what="A segment map"))
    path = Path(name_or_path)
    if not path.is_file():
        raise ParamsError(
            f"A segment map must be one we know or a YAML file. Got {text!r}. {did_you_mean(text, map_names())}"
        )
    return SegmentMap(read_yaml(path, what="A segment map"))


def _known_keys(given: object, known: tuple[str, ...], *, required: tuple[str, ...], what: str) -> None:
    if not isinstance(given, Mapping):
        raise ParamsError(f"{what} must have the keys {', '.join(required)}. Got {given!r}.")
    for key in given:
        if key not in known:
            raise ParamsError(f"{what} must have known keys only. Got {key!r}. {did_you_mean(str(key), known)}")
    for key in required:
        if key not in given:
            raise ParamsError(f"{what} must have the key {key!r}. Got {', '.join(map(str, given)) or 'none'}.")


def _scores(given: object, *, what: str) -> dict[str, int]:
    _known_keys(given, AXES, required=AXES, what=f"{what}: scores")
    assert isinstance(given, Mapping)
    for axis, top in given.items():
        if isinstance(top, bool) or not isinstance(top, int) or not 1 <= top <= MAX_SCORES:
            raise ParamsError(f"{what}: scores of {axis} must be between 1 and {MAX_SCORES}. Got {top!r}.")
    return {a: given[a] for a in AXES}


def _segments(given: object, *, what: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given:
        raise ParamsError(f"{what}: segments must be a list, from most to least valuable. Got {given!r}.")
    for i, segment in enumerate(given, start=1):
        _known_keys(segment, ("name", "cells"), required=("name", "cells"), what=f"{what}: segment {i}")
        cells = segment["cells"]
        if cells is not None and not isinstance(cells, list):
            raise ParamsError(f"{what}: cells of {segment['name']!r} must be a list. Got {cells!r}.")
    _unique_names([s["name"] for s in given], what=what)
    return [{"name": s["name"], "cells": list(s["cells"] or [])} for s in given]


def _unique_names(names: list[object], *, what: str) -> None:
    seen = {PROSPECT.lower()}
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise ParamsError(f"{what}: a segment must have a name in words. Got {name!r}.")
        key = " ".join(name.lower().split())
        if key in seen:
            whose = "kept for contacts without an order" if key == PROSPECT.lower() else "used twice"
            raise ParamsError(f"{what}: names must be unique. {name!r} is {whose}. Choose another.")
        seen.add(key)


def _levels(given: object, *, scores: Mapping[str, int], what: str) -> dict[str, list[str]]:
    levels = {a: [str(s) for s in range(1, scores[a] + 1)] for a in AXES}
    if given is None:
        return levels
    _known_keys(given, AXES, required=(), what=f"{what}: levels")
    assert isinstance(given, Mapping)
    for axis, names in given.items():
        if not isinstance(names, list) or len({str(n) for n in names}) != len(names) or len(names) != scores[axis]:
            raise ParamsError(
                f"{what}: levels of {axis} must be {scores[axis]} different names, from score 1 up. Got {names!r}."
            )
        levels[axis] = [str(n) for n in names]
    return levels


def _overlays(given: object, *, segments: list[str], what: str) -> list[dict[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise ParamsError(f"{what}: overlays must be a list. Got {given!r}.")
    for overlay in given:
        _known_keys(overlay, OVERLAY_KEYS, required=OVERLAY_KEYS, what=f"{what}: an overlay")
        if overlay["of"] not in segments:
            raise ParamsError(
                f"{what}: an overlay must lie over one of the segments. Got {overlay['of']!r}. "
                f"{did_you_mean(str(overlay['of']), segments)}"
            )
        for key in ("click_days", "visit_days"):
            days = overlay[key]
            if isinstance(days, bool) or not isinstance(days, int) or days < 1:
                raise ParamsError(f"{what}: {key} must be a whole number of days from 1 up. Got {days!r}.")
    _unique_names([*segments, *(o["name"] for o in given)], what=what)
    return [dict(o) for o in given]


def _told(axis: str, names: list[str]) -> list[str]:
    return [f"{axis}{n}" if n.isdecimal() else n for n in names]
