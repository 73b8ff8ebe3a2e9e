"""The arguments of the strategy `clusters`, checked before anything is learned."""

from collections.abc import Sequence
from typing import Any, Final

from rfm_ml.core.checks import require_between, require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.strategies.clusters.methods import NAMES

MOST_GROUPS: Final = 50
MOST_SEED: Final = 2**32 - 1
LEAST_SAMPLE: Final = 100


def check_options(
    *, method: Any, k: Any, k_range: Any, features: Any, seed: Any, sample: Any, smallest_share: Any
) -> None:
    """Refuse arguments that cannot be used.

    Raises
    ------
    ParamsError
        Says what must hold and what we got.
    """
    require_known(method, NAMES, what="method")
    if k != "auto" and method == "hdbscan":
        raise ParamsError(f"k must be left out with hdbscan, which finds it itself. Got {k!r}. Remove it.")
    if k != "auto" and not _whole(k, 1, MOST_GROUPS):
        raise ParamsError(f"k must be auto or a whole number from 1 to {MOST_GROUPS}. Got {k!r}.")
    ends = list(k_range) if isinstance(k_range, Sequence) else []
    if len(ends) != 2 or not all(_whole(e, 2, MOST_GROUPS) for e in ends) or ends[0] > ends[1]:
        raise ParamsError(f"k_range must be two whole numbers from 2 to {MOST_GROUPS}, as in [4, 10]. Got {k_range!r}.")
    columns = list(features) if isinstance(features, Sequence) and not isinstance(features, str) else []
    if not columns or len(set(map(str, columns))) < len(columns) or not all(isinstance(c, str) for c in columns):
        raise ParamsError(f"features must be a list of different columns. Got {features!r}.")
    if not _whole(seed, 0, MOST_SEED):
        raise ParamsError(f"seed must be a whole number from 0 to {MOST_SEED}. Got {seed!r}.")
    if not _whole(sample, LEAST_SAMPLE, 10**9):
        raise ParamsError(f"sample must be a whole number of at least {LEAST_SAMPLE}. Got {sample!r}.")
    require_between(smallest_share, 0, 0.5, name="smallest_share")


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
