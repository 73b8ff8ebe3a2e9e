"""Params files, read and checked whole before anything runs."""

from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import StrictLoader
from rfm_ml.params.faults import fault_sentence, yaml_sentence
from rfm_ml.params.study import Params


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
        raise ParamsError(yaml_sentence(error, name)) from None
    except ParamsError as error:
        raise ParamsError(f"{name}: {error}") from None
    if not isinstance(content, dict):
        raise ParamsError(f"{name} must be a mapping such as 'study: my_shop'. Got {repr(content or 'nothing')[:60]}.")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = dict.fromkeys(f"{name}: {fault_sentence(dict(e))}" for e in error.errors())
        raise ParamsError("\n".join(faults)) from None
