"""Reading YAML strictly: a key given twice is refused instead of one of them winning silently."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from rfm_ml.core.errors import ParamsError

MOST_LEVELS: Final = 250
"""Room for criteria of 100 levels, each a mapping with a list in it."""


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, where plain YAML silently keeps the last."""

    levels = 0

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

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Count the levels: each takes two of Python's some hundred calls within each other."""
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise ParamsError(
                f"YAML must be nested at most {MOST_LEVELS} levels deep. Line {self.peek_event().start_mark.line + 1} "
                "goes deeper. Put what it holds side by side."
            )
        super().descend_resolver(current_node, current_index)

    def ascend_resolver(self) -> None:
        """Count a level less."""
        self.levels -= 1
        super().ascend_resolver()

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
