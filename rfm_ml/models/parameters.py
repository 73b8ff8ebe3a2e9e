"""What the parameters of the models mean, in words with their values."""

import numpy as np
import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.models.beta_geo import BetaGeo, ModifiedBetaGeo
from rfm_ml.models.gamma_gamma import GammaGamma
from rfm_ml.models.nbd import NBD
from rfm_ml.models.parametric import ParametricModel
from rfm_ml.models.pareto_nbd import ParetoNBD


def explain_parameters(model: ParametricModel, *, currency: str = "") -> pd.DataFrame:
    """Return the parameters of a fitted model as a reader of a report sees them.

    Parameters
    ----------
    model
        A fitted `ModifiedBetaGeo`, `BetaGeo`, `ParetoNBD`, `NBD` or `GammaGamma`.
    currency
        Unit of the spend model's values.

    Returns
    -------
        parameter, estimate and standard_error (texts of four digits; times in days; "open" where the data do not
        determine the parameter) and meaning.

    Raises
    ------
    DataError
        If the model is another one.
    """
    table = model.summary()
    words = _meanings(model, dict(table["estimate"]), currency=currency)
    errors = [f"{e:.4g}" if np.isfinite(e) else "open" for e in table["standard_error"]]
    return pd.DataFrame({
        "parameter": table.index,
        "estimate": [f"{v:.4g}" for v in table["estimate"]],
        "standard_error": errors,
        "meaning": [words[name] for name in table.index],
    })  # fmt: skip


def _meanings(model: ParametricModel, at: dict[str, float], *, currency: str) -> dict[str, str]:
    if isinstance(model, GammaGamma):
        return _of_values(at, currency=currency)
    if not isinstance(model, ModifiedBetaGeo | BetaGeo | ParetoNBD | NBD):
        raise DataError(f"The parameters of {type(model).__name__} have no words here. Use its summary().")
    wait = at["alpha"] / at["r"]
    often = f"Scale of the order rates, in days: alpha / r is one order every {wait:,.0f} days while a customer stays."
    uneven = "very unevenly: most are slower than the mean" if at["r"] < 1 else "fairly evenly"
    words = {"r": f"Customers' order rates are spread {uneven} (below 1 is uneven).", "alpha": often}
    if isinstance(model, ParetoNBD):
        spread = "unevenly: some leave at once, others stay for long" if at["s"] < 1 else "fairly evenly"
        words["s"] = f"Rates of leaving are spread {spread}."
        words["beta"] = f"Scale of the leaving rates, in days: {_half_gone(at['s'], at['beta'])}"
    elif not isinstance(model, NBD):
        leave = at["a"] / (at["a"] + at["b"])
        first = "any order" if isinstance(model, ModifiedBetaGeo) else "a repeat order"
        words["a"] = f"a / (a + b): the mean probability to leave after {first} is {leave:.1%}."
        small = "differ much in this" if at["a"] + at["b"] < 5 else "differ little in this"
        words["b"] = f"a + b is {at['a'] + at['b']:,.1f}: customers {small}."
    return words


def _half_gone(s: float, beta: float) -> str:
    """Say when half of the customers have left: P(stays beyond t) = (beta / (beta + t))^s."""
    with np.errstate(over="ignore"):
        days = beta * np.expm1(np.log(2.0) / s)
    when = f"within {days:,.0f} days" if days < 36_500 else "in no foreseeable time"
    return f"half of the customers leave {when}."


def _of_values(at: dict[str, float], *, currency: str) -> dict[str, str]:
    p, q, v = at["p"], at["q"], at["v"]
    money = f" {currency}".rstrip()
    mean = p * v / (q - 1)
    return {
        "p": f"A customer's own order values vary by about {1 / np.sqrt(p):.0%} around their mean.",
        "q": "Customers' mean values are spread " + ("widely." if q < 4 else "narrowly."),
        "v": f"Scale: the mean order value over customers is {mean:,.2f}{money}.",
    }
