"""The lifetimes package as the reference engine, and handing our parameters over to it."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.models.arrays import FloatArray

GENERATORS = {
    "BetaGeoFitter": "beta_geometric_nbd_model",
    "ModifiedBetaGeoFitter": "modified_beta_geometric_nbd_model",
    "ParetoNBDFitter": "pareto_nbd_model",
}


def _fitter(model: Any) -> Any:
    if model.lifetimes_class is None:
        raise ParamsError(
            f"engine must be 'native' for {type(model).__name__}. Got 'lifetimes', which has no such model."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it sets an option that pandas 3 no longer has
        import lifetimes

    return getattr(lifetimes, model.lifetimes_class)()


def _fit_arguments(model: Any) -> dict[str, Any]:
    """Return the data in the words of the fitter, and what makes it converge closely and repeatably.

    By default it stops Gamma-Gamma early and starts Pareto/NBD at random.
    """
    if model.lifetimes_class == "GammaGammaFitter":
        return {"frequency": model.x_, "monetary_value": model.m_, "q_constraint": True, "tol": 1e-13}
    counts = model.counts_
    weight = counts.weight.astype(np.int64)
    if model.lifetimes_class == "BetaGeoBetaBinomFitter":
        return {"frequency": counts.x, "recency": counts.t_x, "n_periods": counts.T, "weights": weight}
    data = {"frequency": counts.x, "recency": counts.t_x, "T": counts.T, "weights": weight}
    if model.lifetimes_class != "ParetoNBDFitter":
        return data
    start = model._starts(counts.scaled(1 / counts.T.max()))[0]
    return data | {"initial_params": start, "tol": 1e-8, "maxiter": 5000}


def fitted_params(model: Any) -> FloatArray:
    """Return the parameters (times in days) that the lifetimes fitter finds for the model's data."""
    fitter = _fitter(model)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fitter.fit(**_fit_arguments(model)).params_
    except Exception as error:  # its ConvergenceError is a ValueError of no fixed import path; autograd raises others
        raise DataError(
            f"The lifetimes engine must converge. Got {type(error).__name__} from {model.lifetimes_class}. "
            "Use engine='native'."
        ) from error
    return np.asarray([found[n] for n in model.names], dtype=np.float64)


def _generator(model: Any, params: pd.Series, data: pd.DataFrame) -> Callable[[int], pd.DataFrame]:
    from lifetimes import generate_data

    draw = getattr(generate_data, GENERATORS[model.lifetimes_class])
    ages = np.repeat(data["T"].to_numpy(), data["weights"].to_numpy())
    return partial(draw, ages, *params)


def as_lifetimes(model: Any) -> Any:
    """Return a fitted lifetimes object with the model's parameters (times in days) and, if at hand, its data."""
    params = pd.Series(model._values(), index=list(model.names))
    fitter = _fitter(model)
    fitter.params_ = params
    fitter.variance_matrix_ = pd.DataFrame(
        np.outer(params, params) * model.log_covariance_, index=params.index, columns=params.index
    )
    fitter.standard_errors_ = pd.Series(np.sqrt(np.diag(fitter.variance_matrix_)), index=params.index)
    reach = 1.96 * fitter.standard_errors_
    fitter.confidence_intervals_ = pd.DataFrame({"lower 95% bound": params - reach, "upper 95% bound": params + reach})
    name = model.lifetimes_class
    if name != "GammaGammaFitter":
        fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
    if hasattr(model, "counts_") or hasattr(model, "x_"):
        arguments = _fit_arguments(model)
        rows = {k: v for k, v in arguments.items() if k in ("frequency", "recency", "T", "n_periods", "weights")}
        if name == "GammaGammaFitter":
            rows = {"monetary_value": model.m_, "frequency": model.x_, "weights": np.ones(len(model.x_), dtype=int)}
        fitter.data = pd.DataFrame(rows)
        if name in GENERATORS:
            fitter.generate_new_data = _generator(model, params, fitter.data)
    return fitter
