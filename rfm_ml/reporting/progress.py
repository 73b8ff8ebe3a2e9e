"""How far a run is, and how long its stages take."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol


class Display(Protocol):
    """Where a run tells how far it is."""

    def stage(self, words: str) -> None:
        """Begin a stage."""

    def notebooks(self, names: Sequence[str]) -> None:
        """Begin to execute notebooks."""

    def cell(self, name: str, done: int, total: int) -> None:
        """Count a finished cell of a notebook."""

    def step(self, words: str, done: int, total: int) -> None:
        """Count a finished step of a stage."""


class Clock:
    """Seconds per stage, told to the display as they begin."""

    def __init__(self, display: Display | None) -> None:
        self.display = display
        self.timings: dict[str, float] = {}
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._start

    @contextmanager
    def stage(self, words: str) -> Iterator[None]:
        """Tell of a stage and time it."""
        if self.display:
            self.display.stage(words)
        with self.timed(words):
            yield

    @contextmanager
    def timed(self, words: str) -> Iterator[None]:
        """Time a stage that the display tells of in its own way."""
        start = time.perf_counter()
        yield
        self.timings[words] = round(time.perf_counter() - start, 2)
