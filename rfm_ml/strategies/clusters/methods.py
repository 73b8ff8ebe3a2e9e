"""Six ways to find groups, all scikit-learn's, each ending in numbers that label any customer."""

import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from rfm_ml.strategies.clusters.groups import Groups, Mixture, NearestPoints, labels_of
from rfm_ml.strategies.scale import Floats, Ints

START_ROWS: Final = 20_000
"""Customers on whom k-means looks for its start; one run on everybody follows."""

MIXTURE_ROWS: Final = 100_000
"""Customers from whom a Gaussian mixture learns at most."""

STARTS: Final = 10

EXEMPLARS: Final = 8
"""Points that describe the shape of a group that HDBSCAN found."""

LEAST_VARIANCE: Final = 1e-3
"""Added to the variances of a mixture: many customers share one value (one order), and none is a point."""


def find_groups(
    scaled: Floats, *, method: str, k: int | None, seed: int, sample: int, smallest_share: float, starts: int = STARTS
) -> tuple[Groups, float]:
    """Return the groups of a table, those without a customer left out, and the share that was noise.

    Notes
    -----
    One thread: with several, sums of floats come out in the order in which threads end, and a frozen model must be
    the same to the byte. k-means on many rows starts from the best of `starts` runs on `START_ROWS` rows.
    """
    rows = _sample(
        len(scaled), {"hierarchical": sample, "hdbscan": sample, "gaussian_mixture": MIXTURE_ROWS}.get(method)
    )
    learned_from = scaled if rows is None else scaled[_drawn(len(scaled), rows, seed)]
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Too few iterations or too few distinct rows: what came out is judged by stability and by its size.
        warnings.simplefilter("ignore")
        groups: Groups
        if k == 1:
            groups, noise = _centres(scaled, np.zeros(len(scaled), dtype=np.int64)), 0.0
        elif method == "hdbscan":
            groups, noise = _hdbscan(
                learned_from, seed=seed, smallest=max(10, round(smallest_share * len(learned_from)))
            )
        else:
            assert k is not None
            groups, noise = METHODS[method](learned_from, k=k, seed=seed, starts=starts), 0.0
    used = np.unique(labels_of(groups, scaled))
    return (groups if len(used) == groups.k else groups.take(used)), noise


def _sample(rows: int, most: int | None) -> int | None:
    return most if most is not None and rows > most else None


def _drawn(rows: int, wanted: int, seed: int) -> Ints:
    drawn = np.random.default_rng(seed).choice(rows, wanted, replace=False)
    return np.sort(drawn).astype(np.int64)


def _centres(scaled: Floats, labels: Ints) -> NearestPoints:
    """Return the means of the groups found."""
    names = np.unique(labels)
    points = np.array([scaled[labels == name].mean(axis=0) for name in names])
    return NearestPoints(points, np.arange(len(names)))


def _kmeans(scaled: Floats, *, k: int, seed: int, starts: int) -> NearestPoints:
    from sklearn.cluster import KMeans  # takes half a second, which every command would pay

    if len(scaled) <= START_ROWS:
        found = KMeans(k, n_init=starts, random_state=seed).fit(scaled)
    else:
        few = scaled[_drawn(len(scaled), START_ROWS, seed)]
        start = KMeans(k, n_init=starts, random_state=seed).fit(few).cluster_centers_
        found = KMeans(k, init=start, n_init=1).fit(scaled)
    return NearestPoints(found.cluster_centers_, np.arange(k))


def _mini_batch(scaled: Floats, *, k: int, seed: int, starts: int) -> NearestPoints:
    from sklearn.cluster import MiniBatchKMeans

    found = MiniBatchKMeans(k, n_init=starts, batch_size=4096, random_state=seed).fit(scaled)
    return NearestPoints(found.cluster_centers_, np.arange(k))


def _bisecting(scaled: Floats, *, k: int, seed: int, starts: int) -> NearestPoints:
    from sklearn.cluster import BisectingKMeans

    found = BisectingKMeans(k, n_init=starts, random_state=seed, bisecting_strategy="largest_cluster").fit(scaled)
    return _centres(scaled, found.labels_)


def _ward(scaled: Floats, *, k: int, seed: int, starts: int) -> NearestPoints:
    from sklearn.cluster import AgglomerativeClustering

    return _centres(scaled, AgglomerativeClustering(k, linkage="ward").fit(scaled).labels_)


def _gaussians(scaled: Floats, *, k: int, seed: int, starts: int) -> Mixture:
    from sklearn.mixture import GaussianMixture

    found = GaussianMixture(k, reg_covar=LEAST_VARIANCE, n_init=max(1, starts // 3), random_state=seed).fit(scaled)
    return Mixture(found.weights_, found.means_, found.covariances_)


def _hdbscan(scaled: Floats, *, seed: int, smallest: int) -> tuple[NearestPoints, float]:
    """Return dense groups, each described by a few points, and the share of rows that lay between them."""
    from sklearn.cluster import HDBSCAN, KMeans

    noise = np.full(len(scaled), -1)
    if len(scaled) > smallest:
        noise = HDBSCAN(min_cluster_size=smallest, copy=True).fit(scaled).labels_
    names = np.unique(noise[noise >= 0])
    if not len(names):
        return _centres(scaled, np.zeros(len(scaled), dtype=np.int64)), 1.0
    points, owner = [], []
    for group, name in enumerate(names):
        members = scaled[noise == name]
        wanted = min(EXEMPLARS, len(np.unique(members, axis=0)))
        points.append(KMeans(wanted, n_init=1, random_state=seed).fit(members).cluster_centers_)
        owner += [group] * wanted
    return NearestPoints(np.concatenate(points), np.array(owner)), float((noise < 0).mean())


METHODS: Final[dict[str, Callable[..., Groups]]] = {
    "kmeans": _kmeans,
    "mini_batch_kmeans": _mini_batch,
    "gaussian_mixture": _gaussians,
    "bisecting_kmeans": _bisecting,
    "hierarchical": _ward,
}
"""What finds a given number of groups."""

NAMES: Final = (*METHODS, "hdbscan")
"""Every method; hdbscan finds the number of groups itself."""
