"""Fits by other packages: lifetimes, the reference, and pymc-marketing, for full posteriors (`bayes`)."""

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


DAYS = 7.0
"""pymc-marketing's default priors suit times of some weeks; draws are brought back to days."""
CLASSES = {
    "BetaGeo": "BetaGeoModel",
    "ModifiedBetaGeo": "ModifiedBetaGeoModel",
    "ParetoNBD": "ParetoNBDModel",
    "GammaGamma": "GammaGammaModel",
    "BetaGeoBetaBinom": "BetaGeoBetaBinomModel",
}
SAMPLING: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 2}
SLOW_GRADIENT: dict[str, Any] = {"method": "demz", "draws": 2000, "tune": 2000, "chains": 2}
"""Pareto/NBD: no cheap gradient there, so a sampler that needs none, with more draws; about a minute."""


def _package() -> Any:
    try:
        from pymc_marketing import clv
    except ImportError as error:
        raise ParamsError(
            "engine must be 'native' or 'lifetimes' where pymc-marketing is not installed. Got 'bayes'. "
            "Install it with: pip install 'rfm_ml[bayes]' (Python 3.12 or newer)."
        ) from error
    return clv


def _data(model: Any) -> pd.DataFrame:
    """Return one row per customer, in the words of pymc-marketing."""
    if hasattr(model, "m_"):
        frame = pd.DataFrame({"frequency": model.x_, "monetary_value": model.m_ / model.m_.mean()})
    else:
        counts = model.counts_
        rows = np.repeat(np.arange(len(counts.x)), counts.weight.astype(np.int64))
        unit = DAYS if model.times else 1.0
        times = {"recency": counts.t_x[rows] / unit, "T": counts.T[rows] / unit}
        frame = pd.DataFrame({"frequency": counts.x[rows], **times})
    return frame.assign(customer_id=np.arange(len(frame)))


def _scale(model: Any, name: str) -> float:
    if hasattr(model, "m_"):
        return float(model.m_.mean()) if name == "v" else 1.0
    return DAYS if name in model.times else 1.0


def _priors(model: Any) -> dict[str, Any]:
    """Return weak priors: log-normal over four orders of magnitude, around 1 for shapes, ten weeks for times.

    The package's own would pull p of Gamma-Gamma to 1. Its priors of the Beta distributions are weak already, and those
    of Pareto/NBD keep its sampler out of corners where its likelihood takes forever.
    """
    from pymc_extras.prior import Prior

    kind = type(model).__name__
    mine = {"BetaGeo": ("r", "alpha"), "ModifiedBetaGeo": ("r", "alpha"), "GammaGamma": ("p", "q", "v")}.get(kind, ())
    return {n: Prior("LogNormal", mu=float(np.log(10.0)) if n in model.times else 0.0, sigma=2.0) for n in mine}


def posterior_draws(model: Any) -> pd.DataFrame:
    """Sample the posterior of a model that has taken in its data."""
    name = type(model).__name__
    if name not in CLASSES:
        raise ParamsError(f"engine must be 'native' for {name}. Got 'bayes', which has no such model.")
    kind = getattr(_package(), CLASSES[name])
    sampler = kind(model_config=_priors(model))
    how = SLOW_GRADIENT if name == "ParetoNBD" else SAMPLING
    sampler.fit(_data(model), **how, cores=1, random_seed=model.random_state, progressbar=False)
    posterior = sampler.fit_result
    return pd.DataFrame({n: np.ravel(posterior[n].to_numpy()) * _scale(model, n) for n in model.names})
