"""The Bayesian engine, where pymc-marketing is installed: posteriors around the maximum, through the same API."""

from importlib.util import find_spec

import numpy as np
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.models import NBD, GammaGamma, ModifiedBetaGeo, ParetoNBD
from rfm_ml.models.intervals import segment_totals

installed = find_spec("pymc_marketing") is not None
needs_it = pytest.mark.skipif(not installed, reason="pymc-marketing is not installed (extra: bayes)")
quiet = pytest.mark.filterwarnings("ignore")


@pytest.mark.skipif(installed, reason="pymc-marketing is installed")
def test_without_the_package_the_extra_is_named(cdnow):
    with pytest.raises(ParamsError, match=r"pip install 'rfm_ml\[bayes\]'"):
        ModifiedBetaGeo(engine="bayes").fit(cdnow)


def test_models_it_does_not_have_are_refused(cdnow):
    with pytest.raises(ParamsError, match=r"NBD.*'bayes'"):
        NBD(engine="bayes").fit(cdnow)


@needs_it
@quiet
@pytest.mark.parametrize(
    ("kind", "draws", "close"), [(ModifiedBetaGeo, 1000, 0.35), (GammaGamma, 1000, 0.35), (ParetoNBD, 4000, 0.6)]
)
def test_posteriors_lie_around_the_maximum(cdnow, kind, draws, close):
    posterior, maximum = kind(engine="bayes").fit(cdnow), kind().fit(cdnow)
    assert len(posterior.draws_) == draws
    off = (posterior.params_ - maximum.params_) / maximum.summary()["standard_error"].to_numpy()
    assert off.abs().max() < 1
    np.testing.assert_allclose(posterior.summary()["standard_error"], maximum.summary()["standard_error"], rtol=close)


@needs_it
@quiet
def test_totals_use_the_posterior(cdnow):
    model = ModifiedBetaGeo(engine="bayes").fit(cdnow)
    table = segment_totals(model, cdnow, horizon_days=273, draws=30)
    assert table.loc["All", "orders_low"] < 1577 < table.loc["All", "orders_high"]
