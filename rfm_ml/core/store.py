"""A cache on disk, addressed by content: what was computed from the same inputs is not computed again."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd


def digest(*parts: Any) -> str:
    """Return 16 hex digits for anything that JSON (and str) can write, the same in every process."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_digest() -> str:
    """Return a digest of this package's own code: a change of the rules is a change of every key."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:16]


def _size(place: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(f.stat().st_size for f in files if f.is_file())


class Store:
    """Folders and frames by key; each appears whole or not at all, also when two processes write it.

    Parameters
    ----------
    root
        Where the cache lies; created when needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, key: str, write: Callable[[Path], None]) -> Path:
        """Return the folder of a stage's result, calling `write(folder)` if it is not there yet."""
        place = self.root / f"{stage}-{key}"
        if not place.exists():
            with self.scratch() as part:
                write(part)
                try:
                    part.rename(place)
                except OSError:
                    # Another process was faster; its result is the same by construction of the key.
                    if not place.exists():
                        raise
        os.utime(place)  # last used now, for `prune`
        return place

    def frame(self, stage: str, key: str, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return a frame of a stage, computing it if it is not there yet."""
        place = self.folder(stage, key, lambda folder: compute().to_parquet(folder / "frame.parquet", index=False))
        return pd.read_parquet(place / "frame.parquet")

    def prune(self, *, max_gb: float, unused_days: float = 1) -> None:
        """Remove what was used longest ago until the cache holds at most `max_gb`.

        What was used within `unused_days` stays: a run of another study may be reading it.
        """
        entries = sorted(((p.stat().st_mtime, _size(p), p) for p in self.root.iterdir()), reverse=True)
        total = 0
        for used, size, place in entries:
            total += size
            if total > max_gb * 1e9 and used < time.time() - unused_days * 86_400:
                shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder for half-done work, removed afterwards unless it was renamed away."""
        self.root.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"part-{os.getpid()}-", dir=self.root))
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
