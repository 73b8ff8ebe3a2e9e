"""A fit from beginning to end: how many groups, which, and what a reader has to know about them."""

import warnings

import numpy as np
import pandas as pd

from rfm_ml.core.text import plural
from rfm_ml.strategies.clusters.learned import Learned
from rfm_ml.strategies.clusters.methods import find_groups
from rfm_ml.strategies.clusters.scaling import Scaling
from rfm_ml.strategies.clusters.selection import COLUMNS, choose_number, compare_numbers
from rfm_ml.strategies.scale import Floats

MOST_NOISE = 0.5


def scaled_in_order(known: pd.DataFrame, scaling: Scaling) -> Floats:
    """Return the scaled customers, sorted: the same customers must give the same groups in whatever order they come."""
    scaled = scaling.transform(known)
    return scaled[np.lexsort(scaled.T[::-1])]


def numbers_to_compare(ordered: Floats, k_range: tuple[int, int]) -> range:
    """Return the numbers of groups that so many different customers allow to compare."""
    distinct = len(np.unique(ordered, axis=0))
    return range(k_range[0], min(k_range[1], distinct - 1) + 1)


def learn(
    known: pd.DataFrame,
    *,
    method: str,
    k: int | str,
    k_range: tuple[int, int],
    features: tuple[str, ...],
    seed: int,
    sample: int,
    smallest_share: float,
) -> Learned:
    """Find and name the groups of customers with an order; arguments as in `Clusters`.

    Warns where there are fewer groups than asked for, or where most customers lie between them.
    """
    scaling = Scaling.learn(known, features)
    ordered = scaled_in_order(known, scaling)
    k_table = pd.DataFrame(columns=COLUMNS)
    wanted, reason = _number(ordered, k, k_range[0])
    numbers = numbers_to_compare(ordered, k_range)
    if k == "auto" and method != "hdbscan" and len(numbers):
        compared = compare_numbers(ordered, method=method, numbers=numbers, seed=seed)
        wanted, reason = choose_number(compared)
        k_table = compared.assign(chosen=compared["k"] == wanted)
    groups, noise = find_groups(
        ordered, method=method, k=wanted, seed=seed, sample=sample, smallest_share=smallest_share
    )
    if method == "hdbscan":
        reason = (
            f"{_count(groups.k)}: as many dense ones of at least {smallest_share:.0%} of customers as hdbscan found. "
            f"{noise:.0%} of customers lay between them and went to the nearest."
        )
    asked = 2 if method == "hdbscan" else k_range[0] if k == "auto" else int(k)
    if groups.k < asked:
        reason = f"{_count(groups.k)}: the customers do not differ enough for {asked}."
        _warn(f"Fewer groups than asked for: {reason}")
    elif noise > MOST_NOISE:
        _warn(
            f"{noise:.0%} of customers lie between the groups that hdbscan found and went to the nearest. Another "
            "smallest_share or another method may describe them better."
        )
    return Learned.of(known, scaling=scaling, groups=groups, k_table=k_table, reason=reason)


def _number(ordered: Floats, k: int | str, least: int) -> tuple[int, str]:
    """Return the number of groups where nothing is compared."""
    wanted = least if k == "auto" else int(k)
    return min(wanted, len(np.unique(ordered, axis=0))), f"{_count(wanted)}, as given."


def _count(groups: int) -> str:
    return f"{groups} {plural('group', groups)}"


def _warn(told: str) -> None:
    warnings.warn(told, UserWarning, stacklevel=4)
