"""Variance that past behaviour explains, taken out of an outcome before groups are compared (CUPED)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rfm_ml.core.errors import DataError
from rfm_ml.evaluation.sample import numbers
from rfm_ml.models.arrays import FloatArray


class Adjusted(NamedTuple):
    """The outcome less what the past explains, with the slopes and the share of the variance taken out.

    `values` have the mean of the outcome; `theta` is one slope per column of the past.
    """

    values: FloatArray
    theta: FloatArray
    reduction: float


def cuped(values: ArrayLike, past: ArrayLike) -> Adjusted:
    """Take out of an outcome what behaviour before the campaign explains.

    Groups drawn by lot have the same past but for chance. Taking it out removes that chance from their difference and
    leaves the expected difference as it is.

    Parameters
    ----------
    values
        Shape (n,): the outcome of every customer of both groups, in its unit.
    past
        Shape (n,) or (n, columns): known from before the campaign. Columns that do not vary take nothing out.

    Notes
    -----
    y - theta (x - mean(x)) with theta = cov(y, x) / var(x), estimated once over both groups; the least-squares slopes
    with several columns. `reduction` is 1 - var(adjusted) / var(values). Source: Deng, Xu, Kohavi & Walker (2013),
    "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data", WSDM, sections 3.2
    and 3.3.

    Examples
    --------
    >>> adjusted = cuped([1.0, 3.0, 2.0, 6.0], [0.0, 1.0, 1.0, 2.0])
    >>> adjusted.theta.tolist(), adjusted.values.tolist(), round(adjusted.reduction, 3)
    ([2.5], [3.5, 3.0, 2.0, 3.5], 0.893)
    """
    y = numbers(values, what="values")
    x = np.asarray(past, dtype=np.float64)
    x = x.reshape(-1, 1) if x.ndim == 1 else x
    if x.shape[0] != len(y) or not np.isfinite(x).all():
        raise DataError(
            f"The past must be a number for each of the {len(y):,} customers. Got the shape {x.shape}, of which "
            f"{int((~np.isfinite(x)).sum()):,} are missing or infinite."
        )
    centred = x - x.mean(axis=0)
    scale = centred.std(axis=0)
    used = np.where(scale > 0, centred / np.where(scale > 0, scale, 1), 0.0)
    slopes = np.linalg.lstsq(used, y - y.mean(), rcond=None)[0] / np.where(scale > 0, scale, 1)
    adjusted = y - centred @ slopes
    spread = float(y.var())
    reduction = 1 - float(adjusted.var()) / spread if spread > 0 else 0.0
    return Adjusted(adjusted, slopes, max(0.0, reduction))
