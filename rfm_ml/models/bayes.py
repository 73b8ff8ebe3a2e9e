"""Full posteriors of the same models by pymc-marketing: the optional engine "bayes"."""

from typing import Any

import numpy as np
import pandas as pd

from rfm_ml.core.errors import ParamsError

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
