"""Params files, read and checked whole before anything runs."""

from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import StrictLoader
from rfm_ml.params.study import Params

_WORDS = {
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a finite number",
    "bool": "must be true or false",
    "dict": "must be a mapping of names to values",
    "list": "must be a list, one entry per line after a dash",
    "string_pattern_mismatch": "must be made of letters, digits, '-' and '_', and begin with a letter or digit",
}
_LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "max_length": "at most"}


def load_params(path: str | Path) -> Params:
    """Read and check a study's parameters; a file that has not changed is read once per process.

    Raises
    ------
    ParamsError
        With one sentence per fault: where it is, what must hold, what we got.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(str(p) for p in path.parent.glob("*.yml"))
        raise ParamsError(
            f"The params file must exist. Nothing is at {str(path)!r}. {did_you_mean(str(path), known)}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"The params file must be readable UTF-8 text. {str(path)!r}: {error}.") from None
    return _parsed(text, path.name)


@lru_cache(maxsize=8)
def _parsed(text: str, name: str) -> Params:
    return parse_params(text, name=name)


def parse_params(text: str, *, name: str) -> Params:
    """Check the text of a params file; `name` is what messages call it.

    Raises
    ------
    ParamsError
        With one sentence per fault: where it is, what must hold, what we got.
    """
    try:
        content = yaml.load(text, Loader=StrictLoader)
    except yaml.YAMLError as error:
        raise ParamsError(_yaml_sentence(error, name)) from None
    except ParamsError as error:
        raise ParamsError(f"{name}: {error}") from None
    if not isinstance(content, dict):
        raise ParamsError(f"{name} must be a mapping such as 'study: my_shop'. Got {repr(content or 'nothing')[:60]}.")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = dict.fromkeys(f"{name}: {_fault_sentence(dict(e))}" for e in error.errors())
        raise ParamsError("\n".join(faults)) from None


def _yaml_sentence(error: yaml.YAMLError, name: str) -> str:
    """Put a fault of the YAML itself into words."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
    return (
        f"{name} must be YAML. {f'Line {mark.line + 1}' if mark else 'It'} is not: {problem}. Text with special signs "
        "needs quotes, as in date_format: '%d.%m.%Y'; entries are indented with spaces."
    )


def _fault_sentence(fault: dict[str, Any]) -> str:
    """Put a fault into words: where, what must hold, what we got."""
    kind, place = fault["type"], fault["loc"]
    # Where several kinds of value are allowed, the place ends in the name of the kind.
    names = ("int", "str", "[key]", *(("smtp", "folder", "webhook") if place[:1] == ("delivery",) else ()))
    where = ".".join(str(p) for p in place[:2] + tuple(p for p in place[2:] if p not in names)) or "The file"
    got = "" if isinstance(fault.get("input"), dict | list) else f" Got {fault.get('input')!r}."
    limits = [f"{_LIMITS[k]} {v:g}" for k, v in (fault.get("ctx") or {}).items() if k in _LIMITS]
    if kind == "extra_forbidden":
        return f"{where} is not a key we know. {did_you_mean(str(place[-1]), _keys_at(place[:-1]))}"
    if kind == "union_tag_invalid":
        tags = [t.strip(" '") for t in fault["ctx"]["expected_tags"].split(",")]
        key, tag = fault["ctx"]["discriminator"].strip("'"), fault["ctx"]["tag"]
        return f"{where}.{key} must be {', '.join(tags[:-1])} or {tags[-1]}. Got {tag!r}. {did_you_mean(tag, tags)}"
    if kind == "union_tag_not_found":
        return f"{where}.{fault['ctx']['discriminator'].strip(chr(39))} must be given. It is not there."
    if kind == "missing":
        return f"{where} must be given. It is not there."
    if kind == "literal_error":
        return f"{where} must be {fault['ctx']['expected']}.{got}"
    if kind.startswith("date"):
        return f"{where} must be a day such as 2025-06-30.{got}"
    words = _WORDS.get(kind) or _WORDS.get(kind.split("_")[0].replace("model", "dict"))
    if words is not None:
        return f"{where} {words}.{got}"
    if limits:
        return f"{where} must be {', '.join(limits)}{' signs long' if kind == 'string_too_long' else ''}.{got}"
    sentence = fault["msg"].removeprefix("Value error, ").rstrip(".")
    # Criteria and audiences name the rest of the place themselves.
    end = "" if sentence.endswith("?") else "."
    return f"{where}{'' if sentence.startswith(('.', ':')) else ' '}{sentence.lstrip()}{end}"


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    model: Any = Params
    for step in place:
        key = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if key is not None:
            model = key.annotation
        candidates = [model, *get_args(model)]
        sections = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        model = sections[0] if sections else model
    return list(model.model_fields) if hasattr(model, "model_fields") else []
