"""All measures of a score, and all of a segmentation, at once: for the customers or for bootstrap samples of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rfm_ml.evaluation import forecast_error, ranking, segment_quality
from rfm_ml.evaluation.sample import Sample, ScoredCustomers, blocks, numbers, weight_rows
from rfm_ml.evaluation.segment_quality import GroupedCustomers, GroupedSample
from rfm_ml.models.arrays import FloatArray

S = TypeVar("S")

ORDER: Final[dict[str, Callable[[Sample], FloatArray]]] = {
    "normalised_gini": ranking.normalised_gini,
    "capture_10": partial(ranking.capture, share=0.1),
    "capture_20": partial(ranking.capture, share=0.2),
    "lift_10": lambda sample: ranking.capture(sample, 0.1) / 0.1,
    "lift_20": lambda sample: ranking.capture(sample, 0.2) / 0.2,
    "missed_top_20": partial(ranking.missed_top, share=0.2),
    "wrongly_in_20": partial(ranking.wrongly_in, share=0.2),
    "spearman": ranking.spearman,
    "roc_auc": ranking.roc_auc,
}
"""Measures of the order of a score."""

ERRORS: Final[dict[str, Callable[[Sample], FloatArray]]] = {
    "mae_over_mean": forecast_error.mae_over_mean,
    "rmse_over_mean": forecast_error.rmse_over_mean,
    "bias": forecast_error.bias,
    "decile_mape": forecast_error.decile_mape,
    "calibration_slope": forecast_error.calibration_slope,
}
"""Measures of the amount of a score that predicts spend; with `out_of_sample_r2`."""

SEGMENTS: Final[dict[str, Callable[[GroupedSample], FloatArray]]] = {
    "omega_squared": segment_quality.omega_squared,
    "omega_squared_winsorised": segment_quality.winsorised_omega_squared,
    "mutual_information": segment_quality.mutual_information,
    "size_evenness": segment_quality.size_evenness,
    "smallest_share": segment_quality.smallest_share,
}
"""Measures of the segments themselves, whatever value they are given."""


def value_measures(
    spend: ArrayLike, score: ArrayLike, *, mean_train: float | None, weights: ArrayLike | None = None
) -> dict[str, FloatArray]:
    """Judge a score by what customers spent, with every measure of the order and of the amount.

    Parameters
    ----------
    spend
        Shape (n,): spend in the holdout, in currency; 0 without an order.
    score
        Shape (n,): predicted spend in currency, for instance the learned mean of the customer's segment.
    mean_train
        Mean spend in the period the score was learned from, in currency. None if the score is no amount (days, a
        probability): only its order is judged.
    weights
        Shape (repeats, n): how often each customer is counted, as `bootstrap_weights` gives. None for all once.

    Returns
    -------
    dict[str, FloatArray]
        Measure: shape (repeats,), or () without weights. As if the rows were repeated so many times, and computed in
        blocks of rows, so that hardly more memory than for the weights is used. NaN where a measure is not defined.

    Raises
    ------
    DataError
        If a number is missing, there are no customers, or the shapes differ.

    Examples
    --------
    >>> found = value_measures([60, 0, 40, 0], [50, 0, 30, 0], mean_train=20)
    >>> float(found["normalised_gini"]), round(float(found["bias"]), 2)
    (1.0, -0.2)
    """
    customers = ScoredCustomers(spend, score)
    measures = dict(ORDER)
    if mean_train is not None:
        mean = float(numbers([mean_train], what="mean_train")[0])
        measures["out_of_sample_r2"] = partial(forecast_error.out_of_sample_r2, mean_train=mean)
        measures |= ERRORS
    return _by_name(measures, partial(Sample, customers), weights, size=len(customers.spend))


def segment_measures(
    spend: ArrayLike, segment: Sequence[object] | ArrayLike, *, weights: ArrayLike | None = None
) -> dict[str, FloatArray]:
    """Judge segments by what customers spent and by their sizes, whatever value they are given.

    Parameters
    ----------
    spend
        Shape (n,): spend in the holdout, in currency; 0 without an order.
    segment
        Shape (n,): any labels.
    weights
        As for `value_measures`.

    Returns
    -------
    dict[str, FloatArray]
        As for `value_measures`. A segment of which a sample has no customer does not exist for it. In bootstrap samples
        mutual information and omega squared lie somewhat higher than in the data: rows that are drawn twice agree.

    Raises
    ------
    DataError
        If a number or a label is missing, there are no customers, or the shapes differ.

    Examples
    --------
    >>> found = segment_measures([60, 0, 40, 0], ["A", "B", "A", "B"])
    >>> float(found["mutual_information"]), float(found["smallest_share"])
    (1.0, 0.5)
    """
    customers = GroupedCustomers(spend, segment)
    return _by_name(SEGMENTS, partial(GroupedSample, customers), weights, size=len(customers.order))


def _by_name(
    measures: Mapping[str, Callable[[S], FloatArray]],
    sample: Callable[[NDArray[np.number]], S],
    weights: ArrayLike | None,
    *,
    size: int,
) -> dict[str, FloatArray]:
    tables = [
        np.array([measure(some) for measure in measures.values()])
        for some in map(sample, blocks(weight_rows(weights, size=size)))
    ]
    table = np.concatenate(tables, axis=1) if tables else np.empty((len(measures), 0))
    return {name: np.asarray(row[0] if weights is None else row) for name, row in zip(measures, table, strict=True)}
