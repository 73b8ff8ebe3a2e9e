"""Reading YAML strictly: a key given twice is refused instead of one of them winning silently."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from rfm_ml.core.errors import ParamsError


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, where plain YAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's own signature
        """Build a mapping whose keys are all different."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen:
                raise ParamsError(
                    f"A key must be given once. Got {key!r} twice, the second time in line "
                    f"{key_node.start_mark.line + 1}. Remove one."
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Read a day; one that does not exist stays text, for whoever wants a day to refuse it by its place."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", StrictLoader.construct_yaml_timestamp)


def read_yaml(path: Path, *, what: str) -> Any:
    """Return the content of a YAML file.

    Parameters
    ----------
    path
        The file, UTF-8.
    what
        What the file is, to begin the message with.

    Raises
    ------
    ParamsError
        If the file cannot be read, is not YAML, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ParamsError(f"{what} must be a file that can be read. Got {path}: {reason}.") from error
    try:
        return yaml.load(text, Loader=StrictLoader)
    except yaml.YAMLError as error:
        raise ParamsError(f"{what} must be YAML. Got {path}: {error}") from error
    except ParamsError as error:
        raise ParamsError(f"{what}, {path}: {error}") from error
