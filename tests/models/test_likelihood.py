"""Likelihoods against brute force, and their derivatives against differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, gammaln

from rfm_ml.models import beta_geo_beta_binom, beta_geo_likelihood, gamma_gamma, nbd, pareto_likelihood
from rfm_ml.models.beta_geo import staying
from rfm_ml.models.counts import RepeatCounts

logs = st.floats(-2.0, 2.5)
params4 = st.tuples(logs, logs, logs, logs).map(lambda p: np.exp(np.array(p)))


def some_counts(seed: int, *, periods: bool = False) -> RepeatCounts:
    rng = np.random.default_rng(seed)
    T = rng.integers(0, 12, 40).astype(float)
    t_x = np.floor(T * rng.random(40))
    x = np.minimum(np.where(t_x > 0, rng.integers(1, 30, 40), 0), t_x if periods else np.inf).astype(float)
    return RepeatCounts(x, t_x, T, rng.integers(1, 5, 40).astype(float))


def bg(params, counts):
    return beta_geo_likelihood.log_likelihood(params, counts, extra=0)


def mbg(params, counts):
    return beta_geo_likelihood.log_likelihood(params, counts, extra=1)


def bgbb(params, counts):
    return beta_geo_beta_binom.log_likelihood(params, counts)[0]


def check_derivatives(likelihood, params):
    here = likelihood(params)
    for i, p in enumerate(params):
        step = np.zeros(len(params))
        step[i] = 1e-5 * p
        up, down = likelihood(params + step), likelihood(params - step)
        scale = 1 + np.abs(here.gradient).max()
        assert (up.value - down.value) / (2e-5 * p) == pytest.approx(here.gradient[i], abs=2e-5 * scale / min(1, p))
        slope = (up.gradient - down.gradient) / (2e-5 * p)
        size = 1 + np.abs(here.hessian).max()
        np.testing.assert_allclose(slope, here.hessian[i], atol=2e-6 * size)
    np.testing.assert_allclose(here.hessian, here.hessian.T, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("likelihood", [bg, mbg, pareto_likelihood.log_likelihood])
@settings(max_examples=15, deadline=None)
@given(params=params4, seed=st.integers(0, 99))
def test_derivatives_of_the_repeat_buying_models(likelihood, params, seed):
    counts = some_counts(seed)
    check_derivatives(lambda p: likelihood(p, counts), params)


@settings(max_examples=10, deadline=None)
@given(params=params4, seed=st.integers(0, 99))
def test_derivatives_of_bg_bb(params, seed):
    counts = some_counts(seed, periods=True)
    check_derivatives(lambda p: bgbb(p, counts), params)


@settings(max_examples=10, deadline=None)
@given(params=params4, seed=st.integers(0, 99))
def test_derivatives_of_nbd_and_gamma_gamma(params, seed):
    counts = some_counts(seed)
    check_derivatives(lambda p: nbd.NBD()._derivatives(p, counts), params[:2])
    rng = np.random.default_rng(seed)
    x, m = rng.integers(1, 9, 30).astype(float), rng.gamma(2.0, size=30)
    check_derivatives(lambda p: gamma_gamma.log_likelihood(p, x, m), params[:3])


def brute_pareto(params, x, t_x, T):
    """The textbook's integral, by adaptive quadrature in t, relative to its value at t_x."""
    r, alpha, s, beta = params

    def log_f(t):
        return -(r + x) * np.log((alpha + t) / (alpha + t_x)) - (s + 1) * np.log((beta + t) / (beta + t_x))

    inside = quad(lambda t: np.exp(log_f(t)), t_x, T, epsabs=0, epsrel=1e-11, limit=500)[0]
    end = np.exp(log_f(T)) * (beta + T) / s
    front = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    front -= (r + x) * np.log(alpha + t_x) + (s + 1) * np.log(beta + t_x)
    return front + np.log(s * (inside + end)), end / (inside + end)


@settings(max_examples=30, deadline=None)
@given(params=params4, x=st.integers(0, 40), T=st.floats(0.05, 20), share=st.floats(0.02, 1.0))
def test_pareto_equals_the_integral(params, x, T, share):
    t_x = T * share if x else 0.0
    row = [np.array([v], dtype=float) for v in (x, t_x, T)]
    expected, alive = brute_pareto(params, x, t_x, T)
    got = pareto_likelihood.log_likelihood(params, RepeatCounts(*row, np.ones(1))).value
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert pareto_likelihood.alive(params, *row)[0] == pytest.approx(alive, rel=1e-8, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(params=params4, x=st.integers(0, 30), T=st.floats(0.1, 20), share=st.floats(0.05, 1.0))
def test_bg_and_mbg_equal_their_definition_by_integrals(params, x, T, share):
    """Given rate and leaving probability the likelihood is elementary; average it over both distributions."""
    r, alpha, a, b = params
    t_x = T * share if x else 0.0

    def over_rate(t):
        """E[lambda^x exp(-lambda t)]."""
        return np.exp(gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + t))

    def over_p(left, stayed):
        """E[p^left (1-p)^stayed]."""
        return np.exp(betaln(a + left, b + stayed) - betaln(a, b))

    row = RepeatCounts(*(np.array([v], dtype=float) for v in (x, t_x, T)), np.ones(1))
    stays, leaves = over_rate(T) * over_p(0, x), (over_rate(t_x) * over_p(1, x - 1) if x else 0.0)
    assert bg(params, row).value == pytest.approx(np.log(stays + leaves), rel=1e-10, abs=1e-10)
    stays, leaves = over_rate(T) * over_p(0, x + 1), over_rate(t_x) * over_p(1, x)
    assert mbg(params, row).value == pytest.approx(np.log(stays + leaves), rel=1e-10, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(params=params4, n=st.integers(0, 8), bits=st.integers(0, 255))
def test_bg_bb_equals_a_sum_over_lives(params, n, bits):
    """Add up, for every period after which the donor may have left, what p and theta give on average."""
    alpha, beta, gamma, delta = params
    bought = [j + 1 for j in range(n) if bits >> j & 1]
    x, t_x = len(bought), max(bought, default=0)
    total = 0.0
    for lived in range(t_x, n + 1):
        left = lived < n
        buys = np.exp(betaln(alpha + x, beta + lived - x) - betaln(alpha, beta))
        total += buys * np.exp(betaln(gamma + left, delta + lived) - betaln(gamma, delta))
    row = RepeatCounts(*(np.array([v], dtype=float) for v in (x, t_x, n)), np.ones(1))
    assert bgbb(params, row).value == pytest.approx(np.log(total), rel=1e-10, abs=1e-10)


def beta_average(k, a, stay, tau):
    """E[(1 + p tau)^-(k+1)] by a fine sum in the log odds of p."""
    odds = np.linspace(np.log(a / stay) - 60 / min(a, 1), np.log(a / stay) + 60 / min(stay, 1), 20_001)
    p, log_p, log_q = 1 / (1 + np.exp(-odds)), -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
    weight = np.exp(a * log_p + stay * log_q - betaln(a, stay) - (k + 1) * np.log1p(p * tau))
    return weight.sum() * (odds[1] - odds[0])


@settings(max_examples=30, deadline=None)
@given(k=st.floats(0.1, 1000), a=st.floats(0.15, 50), b=st.floats(0.15, 300), tau=st.floats(1e-3, 50))
def test_the_rate_of_bg_customers_is_an_average_over_leaving(k, a, b, tau):
    got = staying(np.array([k]), a, np.array([b]), np.array([tau]))[0]
    # scipy's 2F1 loses digits where its parameters differ by whole numbers
    assert got == pytest.approx(beta_average(k, a, b, tau), rel=1e-5, abs=1e-11)


def test_the_rate_is_finite_where_the_hypergeometric_function_is_not():
    k, a, stay, tau = 881.0, 1396.0, np.array([7434.0]), np.array([12.0])
    got = staying(np.array([k]), a, stay, tau)
    assert np.isfinite(got).all()
    assert 0 <= got[0] < 1e-200


def test_compression_keeps_every_customer_once():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 500).astype(float)
    T = rng.integers(5, 9, 500).astype(float)
    t_x = np.where(x > 0, rng.integers(1, 5, 500), 0).astype(float)
    from rfm_ml.models.counts import compress

    counts = RepeatCounts(*compress(x, t_x, T))
    assert counts.weight.sum() == 500
    assert len(counts.x) == len(set(zip(x, t_x, T, strict=True)))
    plain = RepeatCounts(x, t_x, T, np.ones(500))
    params = np.array([0.5, 3.0, 0.8, 2.0])
    for likelihood in (bg, mbg, pareto_likelihood.log_likelihood):
        assert likelihood(params, counts).value == pytest.approx(likelihood(params, plain).value, rel=1e-12)
