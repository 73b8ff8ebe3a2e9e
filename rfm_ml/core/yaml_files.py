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

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """Put nodes together with a stack of our own: by recursion some hundred levels would be the end."""
        within: list[tuple[Any, list[yaml.Node]]] = []
        while True:
            if within and self.check_event(yaml.SequenceEndEvent, yaml.MappingEndEvent):
                node, inside = within.pop()
                node.end_mark = self.get_event().end_mark
                pairs = zip(inside[::2], inside[1::2], strict=True)
                node.value.extend(inside if isinstance(node, yaml.SequenceNode) else pairs)
                done = node
            else:
                opens = self.check_event(yaml.SequenceStartEvent, yaml.MappingStartEvent)
                done = self._begun()
                if opens:
                    within.append((done, []))
                    continue
            if not within:
                return done
            within[-1][1].append(done)

    def _begun(self) -> Any:
        """Return the next node: a scalar, what an alias means, or a sequence or mapping whose content follows."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor in self.anchors:
            return super().compose_node(None, None)  # type: ignore[arg-type] # raises, where it is no alias of a node
        if isinstance(event, yaml.ScalarEvent):
            return self.compose_scalar_node(event.anchor)  # type: ignore[arg-type]
        event = self.get_event()
        kind = yaml.SequenceNode if isinstance(event, yaml.SequenceStartEvent) else yaml.MappingNode
        tag = event.tag if event.tag not in (None, "!") else self.resolve(kind, None, event.implicit)
        node = kind(tag, [], event.start_mark, None, flow_style=event.flow_style)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

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
