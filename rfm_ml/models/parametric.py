"""What every model with a few positive parameters shares: estimates, errors, the summary table, JSON."""

import warnings
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator

from rfm_ml.core.checks import require_known
from rfm_ml.core.errors import DataError, NotFittedError
from rfm_ml.models.arrays import BoolArray, FloatArray
from rfm_ml.models.newton import Maximum

DAYS_PER_UNIT = {"D": 1.0, "W": 7.0}
ENGINES = ("native", "lifetimes", "bayes")


class FitWarning(UserWarning):
    """A model was fitted, but something about the fit should be known before it is used."""


def log_covariance(hessian: FloatArray, free: BoolArray) -> FloatArray:
    """Return the covariance of the log-parameters: the inverse of the observed information.

    Where the data do not determine a parameter (it sits at the edge of its range, or the likelihood is flat
    along it) its variance is infinite and its covariances are 0.
    """
    size = len(hessian)
    covariance = np.diag(np.full(size, np.inf))
    if not free.any():
        return covariance
    inner = -hessian[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(inner)
    flat = values <= 1e-9 * max(values.max(), 1e-300)
    known = np.flatnonzero(free)[(vectors[:, flat] ** 2).sum(axis=1) < 1e-6]
    inverse = np.zeros((size, size))
    inverse[np.ix_(free, free)] = (vectors[:, ~flat] / values[~flat]) @ vectors[:, ~flat].T
    covariance[np.ix_(known, known)] = inverse[np.ix_(known, known)]
    return covariance


class ParametricModel(BaseEstimator):
    """Base of the models: parameters are positive, estimated in logs, kept in days.

    Attributes
    ----------
    params_
        Estimates by name; times in days.
    log_covariance_
        Covariance of the logarithms of the parameters, shape (parameters, parameters).
    log_likelihood_
        Log-likelihood of the fitted customers, with time in days.
    customers_, repeat_orders_
        Number of customers fitted and the sum of their repeat orders.
    converged_, status_, evaluations_
        Whether the search ended at a maximum, in words how, and after how many evaluations.
    """

    names: ClassVar[tuple[str, ...]]
    times: ClassVar[tuple[str, ...]] = ()
    labels: ClassVar[dict[str, str]] = {}

    params_: pd.Series
    log_covariance_: FloatArray
    log_likelihood_: float
    customers_: int
    repeat_orders_: float
    converged_: bool
    status_: str
    evaluations_: int

    def _values(self) -> FloatArray:
        """Return the parameters in the order of `names`, or refuse when there are none."""
        if not hasattr(self, "params_"):
            raise NotFittedError(
                f"{type(self).__name__} must be fitted before it is used. Got one without parameters. "
                "Call fit(customers) first."
            )
        return self.params_.to_numpy(dtype=np.float64)

    def _learn(self, found: Maximum, *, scale: FloatArray, offset: float, counts: tuple[float, float]) -> None:
        """Store what a search found; `scale` brings parameters to days, `offset` the likelihood."""
        natural = np.exp(found.at) * scale
        self.params_ = pd.Series(natural, index=pd.Index(self.names, name="parameter"), name="estimate")
        free = ~np.isin(np.arange(len(natural)), found.at_edge)
        self.log_covariance_ = log_covariance(found.derivatives.hessian, free)
        self.log_likelihood_ = float(found.derivatives.value + offset)
        self.customers_, self.repeat_orders_ = round(counts[0]), float(counts[1])
        self.converged_, self.evaluations_ = found.converged, found.evaluations
        self._report(found)

    def _report(self, found: Maximum) -> None:
        """Put the outcome into words, and warn unless all is well."""
        name = type(self).__name__
        open_ends = [n for n, v in zip(self.names, np.diag(self.log_covariance_), strict=True) if np.isinf(v)]
        if not found.converged:
            self.status_ = "not converged: the likelihood still rises where the search stopped"
        elif open_ends:
            self.status_ = f"converged, but the data do not determine {', '.join(open_ends)}"
        else:
            self.status_ = "converged"
        if self.status_ != "converged":
            warnings.warn(f"{name}: {self.status_}. Use its predictions with care.", FitWarning, stacklevel=4)

    def summary(self, unit: str = "D", *, level: float = 0.95) -> pd.DataFrame:
        """Return estimates with standard errors and intervals, indexed by parameter name.

        Parameters
        ----------
        unit
            "D" for days, "W" for weeks: the unit of the parameters that are times.
        level
            Coverage of the interval, which is symmetric in the parameter's logarithm (all are positive).

        Returns
        -------
            Columns estimate, standard_error, low, high. `attrs` hold the log-likelihood in this unit (with time in
            weeks a density is 7 times as high per repeat order), customers, status and level. An infinite standard
            error says that the data do not determine the parameter.
        """
        require_known(unit, DAYS_PER_UNIT, what="unit")
        days = DAYS_PER_UNIT[unit]
        estimate = self._values() / np.where(np.isin(self.names, self.times), days, 1.0)
        log_error = np.sqrt(np.diag(self.log_covariance_))
        reach = norm.ppf(0.5 + level / 2) * log_error
        with np.errstate(over="ignore"):
            bounds = {"low": estimate * np.exp(-reach), "high": estimate * np.exp(reach)}
        index = pd.Index([self.labels.get(n, n) for n in self.names], name="parameter")
        table = pd.DataFrame({"estimate": estimate, "standard_error": estimate * log_error, **bounds}, index=index)
        orders = self.repeat_orders_ if self.times else 0.0
        table.attrs = {
            "model": type(self).__name__,
            "unit": unit,
            "log_likelihood": self.log_likelihood_ + orders * float(np.log(days)),
            "customers": self.customers_,
            "status": self.status_,
            "level": level,
        }
        return table

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted model as JSON-ready values: a few numbers, whatever the number of customers."""
        values = self._values()
        finite = np.where(np.isfinite(self.log_covariance_), self.log_covariance_, -1.0)
        return {
            "model": type(self).__name__,
            "arguments": self.get_params(),
            "params": dict(zip(self.names, values.tolist(), strict=True)),
            "log_covariance": finite.tolist(),
            "log_likelihood": self.log_likelihood_,
            "customers": self.customers_,
            "repeat_orders": self.repeat_orders_,
            "converged": self.converged_,
            "status": self.status_,
            "evaluations": self.evaluations_,
        }

    @classmethod
    def from_dict(cls, frozen: dict[str, Any]) -> Self:
        """Return the model that `to_dict` froze."""
        if frozen.get("model") != cls.__name__ or set(frozen.get("params", ())) != set(cls.names):
            raise DataError(
                f"A frozen {cls.__name__} must say so and hold {', '.join(cls.names)}. "
                f"Got {frozen.get('model')!r}. Load it with the class that wrote it."
            )
        model = cls(**frozen["arguments"])
        index = pd.Index(cls.names, name="parameter")
        model.params_ = pd.Series([float(frozen["params"][n]) for n in cls.names], index=index, name="estimate")
        covariance = np.asarray(frozen["log_covariance"], dtype=np.float64)
        diagonal = np.diag_indices(len(covariance))
        covariance[diagonal] = np.where(covariance[diagonal] < 0, np.inf, covariance[diagonal])
        model.log_covariance_ = covariance
        for name in ("log_likelihood", "customers", "repeat_orders", "converged", "status", "evaluations"):
            setattr(model, f"{name}_", frozen[name])
        return model
