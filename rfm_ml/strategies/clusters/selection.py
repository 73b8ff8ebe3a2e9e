"""How many groups: silhouette, gap, BIC and bootstrap stability side by side, and a choice with its reason."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from rfm_ml.core.text import listed
from rfm_ml.strategies.clusters.groups import Groups, labels_of
from rfm_ml.strategies.clusters.methods import find_groups
from rfm_ml.strategies.scale import Floats, Ints

ROWS: Final = 5_000
"""Customers on whom numbers of groups are compared at most."""

SLOW_ROWS: Final = {"hierarchical": 1_000, "gaussian_mixture": 1_500}
"""The same for methods that take long."""

SILHOUETTE_ROWS: Final = 1_500
REFERENCES: Final = 10
RESAMPLES: Final = 10
STABLE: Final = 0.8
"""Mean adjusted Rand index from which groups count as coming back."""

COLUMNS: Final = ["k", "silhouette", "gap", "gap_se", "bic", "stability", "chosen"]


def compare_numbers(scaled: Floats, *, method: str, numbers: Sequence[int], seed: int) -> pd.DataFrame:
    """Return what speaks for each number of groups.

    Parameters
    ----------
    scaled
        Shape (n, d), sorted; at most `ROWS` of them are drawn.
    method
        A method that takes a number of groups.
    numbers
        The numbers to compare, each below the number of distinct rows.
    seed
        Of every draw; all numbers see the same samples.

    Returns
    -------
        `k, silhouette, gap, gap_se, bic, stability, chosen`: one row per number. The higher the better, but BIC.

    Notes
    -----
    Silhouette: Rousseeuw, J. Comput. Appl. Math. 20 (1987): mean of (b - a) / max(a, b). Gap: Tibshirani, Walther and
    Hastie, J. R. Statist. Soc. B 63 (2001): mean of log W of uniform samples along the principal axes, minus log W,
    with W the sum of squares within groups; `gap_se` is their s_k. BIC: -2 log L + p log n, of the mixture, or for
    groups around centres of equal spherical normals (Pelleg and Moore, "X-means", ICML 2000). Stability: mean
    adjusted Rand index between the groups of all rows and those of bootstrap samples, all rows labelled by both
    (Hennig, Comput. Stat. Data Anal. 52, 2007; Hubert and Arabie, J. Classification 2, 1985).
    """
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    rng = np.random.default_rng(seed)
    most = SLOW_ROWS.get(method, ROWS)
    rows = scaled if len(scaled) <= most else scaled[np.sort(rng.choice(len(scaled), most, replace=False))]
    uniform = [_reference(rows, rng) for _ in range(REFERENCES)]
    resampled = [rows[np.sort(rng.integers(0, len(rows), len(rows)))] for _ in range(RESAMPLES)]
    looked_at = rng.permutation(len(rows))[:SILHOUETTE_ROWS]
    lines = []
    for k in numbers:
        options: dict[str, Any] = {"method": method, "k": k, "seed": seed, "sample": most, "smallest_share": 0.0}
        groups, _ = find_groups(rows, **options, starts=4)
        labels = labels_of(groups, rows)
        apart = len(np.unique(labels[looked_at])) > 1
        silhouette = silhouette_score(rows[looked_at], labels[looked_at]) if apart else np.nan
        again = [labels_of(find_groups(some, **options, starts=1)[0], rows) for some in resampled]
        stability = np.mean([adjusted_rand_score(labels, other) for other in again])
        logs = [_log_within(some, labels_of(find_groups(some, **options, starts=1)[0], some)) for some in uniform]
        gap = np.mean(logs) - _log_within(rows, labels)
        error = np.std(logs) * np.sqrt(1 + 1 / REFERENCES)
        lines.append((k, silhouette, gap, error, _bic(groups, rows, labels), stability))
    return pd.DataFrame(lines, columns=COLUMNS[:-1]).assign(chosen=False)


def choose_number(table: pd.DataFrame) -> tuple[int, str]:
    """Return the number of groups to take from `compare_numbers`, and the reason in words.

    Each measure points to a number: silhouette and stability where they are highest, BIC where it is lowest, the gap
    as its authors choose (the smallest k with gap(k) >= gap(k + 1) - s(k + 1)). The number to which most point is
    taken. Groups that do not come back in resampled data are of no use: numbers with a stability below 0.8, or
    0.05 below the highest where none reaches it, are left out. The more stable of two with as many votes is taken.
    """
    votes = {
        "silhouette": _top(table["silhouette"], table),
        "gap": _gap_number(table),
        "BIC": _top(-table["bic"], table),
        # Of numbers that are equally stable the largest says most.
        "stability": _top(table["stability"].round(2) + table["k"] * 1e-6, table),
    }
    best = float(table["stability"].max())
    limit = STABLE if best >= STABLE else best - 0.05
    stable = table[table["stability"] >= limit].set_index("k")
    counted = {k: sum(v == k for v in votes.values()) for k in stable.index}
    k = max(counted, key=lambda n: (counted[n], stable.loc[n, "stability"]))
    mine = [measure for measure, n in votes.items() if n == k]
    others = [f"{measure} to {n}" for measure, n in votes.items() if n != k]
    out = sorted({n for n in votes.values() if n not in counted})
    reason = f"{k} groups: {listed(mine)} point{'s' if len(mine) == 1 else ''} to this number"
    reason += f", {', '.join(others)}" if others else ""
    reason += f"; silhouette {stable.loc[k, 'silhouette']:.2f}, stability {stable.loc[k, 'stability']:.2f}."
    if out:
        reason += f" Divisions into {listed([str(n) for n in out])} do not come back well enough in resampled data."
    if limit < STABLE:
        reason += " No number comes back well: other customers of the same kind could give other groups."
    return int(k), reason


def _top(values: pd.Series, table: pd.DataFrame) -> int:
    """Return the number of groups with the highest value."""
    return int(table["k"].iloc[int(values.fillna(-np.inf).to_numpy().argmax())])


def _gap_number(table: pd.DataFrame) -> int:
    """Return the smallest k with gap(k) >= gap(k + 1) - s(k + 1), as its authors choose; else the largest gap."""
    gap, error = table["gap"].to_numpy(), table["gap_se"].to_numpy()
    enough = np.flatnonzero(gap[:-1] >= gap[1:] - error[1:])
    return int(table["k"].iloc[enough[0]]) if len(enough) else _top(table["gap"], table)


def _reference(rows: Floats, rng: np.random.Generator) -> Floats:
    """Return uniform values within the box of the rows along their principal axes."""
    middle = rows.mean(axis=0)
    axes = np.linalg.svd(rows - middle, full_matrices=False)[2]
    along = (rows - middle) @ axes.T
    drawn: Floats = rng.uniform(along.min(axis=0), along.max(axis=0), along.shape) @ axes + middle
    return drawn


def _within(rows: Floats, labels: Ints) -> float:
    return float(sum(((m - m.mean(axis=0)) ** 2).sum() for g in np.unique(labels) if len(m := rows[labels == g])))


def _log_within(rows: Floats, labels: Ints) -> float:
    return float(np.log(max(_within(rows, labels), np.finfo(float).tiny)))


def _bic(groups: Groups, rows: Floats, labels: Ints) -> float:
    n, d = rows.shape
    k = groups.k
    if groups.to_dict()["kind"] == "mixture":
        fits = groups.fit_of(rows) - d / 2 * np.log(2 * np.pi)
        top = fits.max(axis=1)
        log_likelihood = float((top + np.log(np.exp(fits - top[:, None]).sum(axis=1))).sum())
        return -2 * log_likelihood + (k - 1 + k * d + k * d * (d + 1) / 2) * np.log(n)
    sizes = np.bincount(labels, minlength=k).astype(float)
    variance = max(_within(rows, labels) / (d * max(n - k, 1)), np.finfo(float).tiny)
    of_sizes = float((sizes[sizes > 0] * np.log(sizes[sizes > 0] / n)).sum())
    log_likelihood = of_sizes - n * d / 2 * np.log(2 * np.pi * variance) - d * max(n - k, 1) / 2
    return -2 * log_likelihood + (k - 1 + k * d + 1) * float(np.log(n))
