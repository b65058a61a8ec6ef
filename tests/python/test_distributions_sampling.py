"""Samples: their moments, the gradients that flow through them, and that seeds repeat them for any thread count."""

import math

import pytest
from distribution_helpers import assert_close, cases, golden
from thread_helpers import equal_on_threads

import rustorch as rt
from rustorch import distributions as D

N = 20_000


def f64(*values):
    return rt.tensor(values, dtype=rt.float64)


A, B, LOC = f64(0.3, 1.7, 12.0), f64(2.0, 0.6, 3.0), f64(-1.0, 0.0, 2.0)
SAMPLED = {
    "bernoulli": lambda: D.Bernoulli(f64(0.1, 0.5, 0.9)),
    "beta": lambda: D.Beta(A, B),
    "binomial": lambda: D.Binomial(40, f64(0.1, 0.5, 0.9)),
    "chi2": lambda: D.Chi2(A),
    "continuous_bernoulli": lambda: D.ContinuousBernoulli(f64(0.1, 0.5, 0.9)),
    "dirichlet": lambda: D.Dirichlet(A),
    "exponential": lambda: D.Exponential(A),
    "fisher_snedecor": lambda: D.FisherSnedecor(A, f64(30.0, 40.0, 50.0)),
    "gamma": lambda: D.Gamma(A, B),
    "generalized_pareto": lambda: D.GeneralizedPareto(LOC, B, f64(0.1, 0.0, -0.5)),
    "geometric": lambda: D.Geometric(f64(0.1, 0.5, 0.9)),
    "gumbel": lambda: D.Gumbel(LOC, B),
    "half_normal": lambda: D.HalfNormal(B),
    "inverse_gamma": lambda: D.InverseGamma(f64(9.0, 12.0, 15.0), B),
    "kumaraswamy": lambda: D.Kumaraswamy(A, B),
    "laplace": lambda: D.Laplace(LOC, B),
    "log_normal": lambda: D.LogNormal(LOC, f64(0.2, 0.4, 0.5)),
    "mixture": lambda: D.MixtureSameFamily(D.Categorical(f64(0.2, 0.3, 0.5)), D.Normal(LOC, B)),
    "multinomial": lambda: D.Multinomial(7, f64(0.2, 0.3, 0.5)),
    "negative_binomial": lambda: D.NegativeBinomial(f64(3.0, 5.5, 0.7), f64(0.1, 0.5, 0.7)),
    "normal": lambda: D.Normal(LOC, B),
    "one_hot": lambda: D.OneHotCategorical(f64(0.2, 0.3, 0.5)),
    "pareto": lambda: D.Pareto(B, f64(9.0, 12.0, 15.0)),
    "poisson": lambda: D.Poisson(f64(0.3, 4.0, 60.0)),
    "student_t": lambda: D.StudentT(f64(9.0, 12.0, 15.0), LOC, B),
    "uniform": lambda: D.Uniform(LOC, LOC + B),
    "weibull": lambda: D.Weibull(B, f64(0.9, 2.0, 5.0)),
    "normal_vector": lambda: D.MultivariateNormal(
        f64(0.5, -1.0), rt.tensor([[2.0, 0.3], [0.3, 1.5]], dtype=rt.float64)
    ),
    "low_rank_normal": lambda: D.LowRankMultivariateNormal(LOC, f64(0.5, 0.2, -0.4).unsqueeze(-1), B),
    "wishart": lambda: D.Wishart(f64(4.5), rt.tensor([[2.0, 0.3], [0.3, 1.5]], dtype=rt.float64)),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_moments(name):
    """Mean and variance within six standard errors."""
    rt.manual_seed(11)
    d = SAMPLED[name]()
    x = d.sample((N,))
    mean, variance = x.mean(0), x.var(0)
    error = (d.variance / N).sqrt()
    assert ((mean - d.mean).abs() <= 6 * error + 1e-12).all(), (mean, d.mean)
    fourth = ((x - mean) ** 4).mean(0)
    error = ((fourth - variance**2).clamp(min=0) / N).sqrt()
    assert ((variance - d.variance).abs() <= 6 * error + 1e-9).all(), (variance, d.variance)


def test_directions():
    """von Mises samples have the mean direction and the circular variance; large concentrations are nearly normal."""
    rt.manual_seed(3)
    d = D.VonMises(f64(1.0, -3.0), f64(0.8, 200.0))
    x = d.sample((N,))
    length = 1 - d.variance
    assert_close((x - d.loc).cos().mean(0).tolist(), length.tolist(), "length", atol=0.03)
    assert_close((x - d.loc).sin().mean(0).tolist(), [0.0, 0.0], "direction", atol=0.03)
    assert x.abs().max() <= math.pi


def test_correlations_of_lkj():
    """Uniform correlations for two dimensions and concentration 1."""
    rt.manual_seed(4)
    x = D.LKJCholesky(2, f64(1.0)[0]).sample((N,))[:, 1, 0]
    assert x.mean().item() == pytest.approx(0, abs=0.03) and x.var().item() == pytest.approx(1 / 3, abs=0.02)


def test_threads_and_seeds():
    def run():
        rt.manual_seed(5)
        a = rt.full((3000, 3), 0.7, dtype=rt.float64)
        x = rt._standard_gamma(a)
        return [x, rt._sample_dirichlet(a), rt._standard_gamma_grad(a, x), D.StudentT(a).sample()]

    equal_on_threads(run)


# ---- gradients through samples


def test_gamma_gradient_is_exact():
    points = [(a, cases.gamma_point(a, z)) for a, z in cases.GAMMA_GRAD]
    a, x = (rt.tensor(v, dtype=rt.float64) for v in zip(*points))
    assert_close(rt._standard_gamma_grad(a, x).tolist(), golden["gamma_grad"], "gamma", rtol=1e-8)
    assert_close(rt._standard_gamma_grad(a.float(), x.float()).tolist(), golden["gamma_grad"], "gamma", rtol=2e-3)


def test_dirichlet_gradient_is_exact():
    x, a, b = (rt.tensor(v, dtype=rt.float64) for v in zip(*cases.BETA_GRAD))
    assert_close(rt._dirichlet_grad(x, a, a + b).tolist(), golden["beta_grad"], "beta", rtol=1e-8)


def test_gradients_at_the_edges():
    a = f64(0.01, 1.0, 1e6)
    assert rt._standard_gamma_grad(a, f64(0.0, 0.0, 1e6)).isfinite().all()
    assert rt._dirichlet_grad(f64(0.0, 1.0, 0.5), f64(0.1, 0.1, 1e5), f64(0.2, 0.2, 2e5)).isfinite().all()
    assert rt._standard_gamma_grad(f64(-1.0), f64(1.0)).isnan().all()
    for dtype in (rt.float16, rt.bfloat16, rt.float32):
        x = rt._standard_gamma(rt.full((50,), 0.01, dtype=dtype))
        assert x.dtype == dtype and (x > 0).all()
        assert rt._sample_dirichlet(rt.full((20, 3), 0.01, dtype=dtype)).isfinite().all()
    with pytest.raises(NotImplementedError):
        rt._standard_gamma(rt.ones(2, dtype=rt.int64))
    assert rt._standard_gamma(rt.ones(0, 3)).shape == (0, 3)


# the class, its parameters, and the mean as a function of them
MEANS = {
    "normal": (D.Normal, (LOC, B)),
    "gamma": (D.Gamma, (A, B)),
    "beta": (D.Beta, (A, B)),
    "dirichlet": (D.Dirichlet, (A,)),
    "chi2": (D.Chi2, (A,)),
    "exponential": (D.Exponential, (A,)),
    "laplace": (D.Laplace, (LOC, B)),
    "gumbel": (D.Gumbel, (LOC, B)),
    "weibull": (D.Weibull, (B, f64(2.0, 3.0, 4.0))),
    "kumaraswamy": (D.Kumaraswamy, (f64(1.0, 2.0, 3.0), B)),
    "log_normal": (D.LogNormal, (LOC, f64(0.2, 0.4, 0.5))),
    "inverse_gamma": (D.InverseGamma, (f64(9.0, 12.0, 15.0), B)),
    "uniform": (D.Uniform, (LOC, LOC + B)),
    "continuous_bernoulli": (D.ContinuousBernoulli, (f64(0.1, 0.45, 0.9),)),
}


@pytest.mark.parametrize("name", MEANS)
def test_gradient_of_the_mean(name):
    """The average of d(sample) / d(parameter) is d(mean) / d(parameter), within six standard errors."""
    cls, values = MEANS[name]
    rt.manual_seed(13)
    exact = [v.clone().requires_grad_() for v in values]
    weight = f64(0.5, -1.0, 2.0)
    expected = rt.autograd.grad((cls(*exact).mean * weight).sum(), exact, allow_unused=True)
    expected = [rt.zeros(3, dtype=rt.float64) if g is None else g for g in expected]
    each = [v.expand(N, 3).clone().requires_grad_() for v in values]
    got = rt.autograd.grad((cls(*each).rsample() * weight).sum(), each)
    for g, e in zip(got, expected):
        error = g.std(0) / math.sqrt(N)
        assert ((g.mean(0) - e).abs() <= 6 * error + 1e-9).all(), (g.mean(0), e)


def test_gradients_reach_every_parameter():
    for name, make in SAMPLED.items():
        d = make()
        if d.has_rsample:
            leaves = []
            if name in cases.CASES:
                d = cases.build(rt, cases.CASES[name], leaves)
                grads = rt.autograd.grad(d.rsample((2,)).sum(), leaves, allow_unused=True)
                assert all(g is not None and g.isfinite().all() for g in grads), name
    p = rt.tensor([0.2, 0.3, 0.5], requires_grad=True)
    sample = D.OneHotCategoricalStraightThrough(p).rsample()
    assert sorted(sample.round().tolist()) == [0, 0, 1] and sample.requires_grad
    assert not D.OneHotCategorical(p).has_rsample and not D.Gamma(p, 1.0).sample().requires_grad
