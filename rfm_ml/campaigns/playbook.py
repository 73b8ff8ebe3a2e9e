"""The playbook: aim, offer policy, channels and message idea per segment."""

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import read_yaml

FIELDS: Final = ("aim", "offer_policy", "channels", "message_idea")

Playbook = dict[str, dict[str, Any]]


def load_playbook(path: str | Path | None = None, *, segments: Iterable[str] | None = None) -> Playbook:
    """Return the playbook: by segment, a text for each of `FIELDS` (a list of texts for `channels`).

    Parameters
    ----------
    path
        A user's own YAML file; its entries win over the built-in ones, field by field.
    segments
        The names a study can meet (`SegmentMap.all_names`): a name of the user's file that is not among
        them is refused. None accepts any name.

    Raises
    ------
    ParamsError
        If the file cannot be read, a segment or a field is not known, or a text is missing.

    Examples
    --------
    >>> load_playbook()["Champions"]["offer_policy"]
    'No discount: they buy anyway. Recognition and early access instead.'
    """
    with resources.as_file(resources.files("rfm_ml.campaigns") / "playbook.yml") as built_in:
        playbook: Playbook = _entries(read_yaml(built_in, what="The playbook"), what="The playbook")
    if path is None:
        return playbook
    what = f"The playbook {str(path)!r}"
    own = _entries(read_yaml(Path(path), what="A playbook"), what=what)
    if segments is not None:
        require_segments(own, segments, what=what)
    for name, entry in own.items():
        merged = {**playbook.get(name, {}), **entry}
        missing = [f for f in FIELDS if f not in merged]
        if missing:
            raise ParamsError(
                f"{what}: a new segment must have every field. {name!r} has no {', '.join(missing)}. Add it."
            )
        playbook[name] = merged
    return playbook


def require_segments(names: Iterable[str], segments: Iterable[str], *, what: str) -> None:
    """Refuse (`ParamsError`) a name that no customer of the study can have, and name the nearest segment."""
    known = list(segments)
    for name in names:
        if name not in known:
            raise ParamsError(f"{what} must name segments of the map. Got {name!r}. {did_you_mean(name, known)}")


def playbook_entry(playbook: Mapping[str, Mapping[str, Any]], segment: str) -> Mapping[str, Any]:
    """Return what the playbook says of a segment; a qualified name has the entry of the plain one.

    Examples
    --------
    >>> playbook = {"Champions": {"aim": "keep"}}
    >>> playbook_entry(playbook, "Champions, lower spend"), playbook_entry(playbook, "Lost")
    ({'aim': 'keep'}, {})
    """
    return playbook.get(segment) or playbook.get(segment.partition(", ")[0], {})


def playbook_table(playbook: Mapping[str, Mapping[str, Any]], segments: Iterable[str]) -> pd.DataFrame:
    """Return `segment, aim, offer_policy, channels, message_idea`, one row per segment in the order given.

    Channels are joined by commas. A segment without an entry gets empty texts.
    """
    rows = []
    for segment in segments:
        entry = playbook_entry(playbook, segment)
        texts = [", ".join(entry.get(f, [])) if f == "channels" else entry.get(f, "") for f in FIELDS]
        rows.append([segment, *texts])
    return pd.DataFrame(rows, columns=["segment", *FIELDS], dtype="str")


def _entries(given: object, *, what: str) -> Playbook:
    if not isinstance(given, Mapping):
        raise ParamsError(f"{what} must map segments to {', '.join(FIELDS)}. Got {given!r}.")
    for name, entry in given.items():
        where = f"{what}: {name!r}"
        if not isinstance(name, str) or not isinstance(entry, Mapping) or not entry:
            raise ParamsError(f"{where} must have any of {', '.join(FIELDS)}. Got {entry!r}.")
        for field, value in entry.items():
            if field not in FIELDS:
                raise ParamsError(f"{where} must have known fields. Got {field!r}. {did_you_mean(str(field), FIELDS)}")
            texts = value if field == "channels" and isinstance(value, list) else [value]
            if field == "channels" and not isinstance(value, list):
                raise ParamsError(f"{where}: channels must be a list, as in [e-mail, SMS]. Got {value!r}.")
            if not texts or not all(isinstance(t, str) and t.strip() for t in texts):
                raise ParamsError(f"{where}: {field} must be text. Got {value!r}.")
    return {name: dict(entry) for name, entry in given.items()}
