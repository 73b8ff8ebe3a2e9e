"""What the pages of a run must know of it: `context.json` in the cache, one per study and day."""

import json
import os
from pathlib import Path
from typing import Any


class Context:
    """The run that settled a study's day, for every later reader of the cache.

    The file is JSON: `reports`, the folder of the study's reports; `models`, by strategy the `key` of the rules and
    customers it was settled for and the `choice` (see `ModelChoice.to_dict`); `lists`, the `basis` of the report and
    the `manifests` of its lists by audience. What was settled for other customers or rules counts as not there.

    Parameters
    ----------
    file
        Made by the first `save`.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    @property
    def reports(self) -> Path | None:
        """The folder that the run wrote to, None if there was none."""
        return Path(self._content["reports"]) if "reports" in self._content else None

    def choice(self, strategy: str, *, key: str) -> dict[str, Any] | None:
        """Return the model that was settled for a strategy, None if there is none by this key."""
        settled = self._content.get("models", {}).get(strategy, {})
        return dict(settled["choice"]) if settled.get("key") == key else None

    def lists(self, *, basis: str) -> dict[str, dict[str, Any]]:
        """Return the manifests of the lists by audience, none if they are of another report."""
        written = self._content.get("lists", {})
        return dict(written["manifests"]) if written.get("basis") == basis else {}

    def save(self, **changed: Any) -> None:
        """Write down what is new, whole or not at all."""
        self._content |= changed
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(self._content, default=str), encoding="utf-8")
        part.replace(self.file)
