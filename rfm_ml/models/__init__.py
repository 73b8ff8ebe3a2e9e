"""One number per customer: who will order again, how often, and what it is worth.

Repeat-buying models (`ModifiedBetaGeo` is the default, `ParetoNBD`, `BetaGeo`, `BetaGeoBetaBinom`) predict orders,
`GammaGamma` the value of an order, `rfm_ml.models.boosted` both from many features.
"""

from typing import Final

from rfm_ml.models.beta_geo import BetaGeo, ModifiedBetaGeo
from rfm_ml.models.beta_geo_beta_binom import BetaGeoBetaBinom, opportunities
from rfm_ml.models.gamma_gamma import GammaGamma
from rfm_ml.models.nbd import NBD
from rfm_ml.models.parametric import FitWarning
from rfm_ml.models.pareto_nbd import ParetoNBD
from rfm_ml.models.repeat_buying import RepeatBuyingModel

MODELS: Final[dict[str, type[RepeatBuyingModel]]] = {
    "mbg_nbd": ModifiedBetaGeo,
    "pareto_nbd": ParetoNBD,
    "bg_nbd": BetaGeo,
}
"""The repeat-buying models by the names that params, tiers, forecasts and comparisons use; the default is the first."""

__all__ = [
    "MODELS",
    "NBD",
    "BetaGeo",
    "BetaGeoBetaBinom",
    "FitWarning",
    "GammaGamma",
    "ModifiedBetaGeo",
    "ParetoNBD",
    "opportunities",
]
