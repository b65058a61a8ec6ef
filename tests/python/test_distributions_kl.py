"""KL divergences: recorded values, Monte Carlo, the registry."""

import math
import warnings

import pytest
from distribution_helpers import assert_close, cases, golden

import rustorch as rt
from rustorch import distributions as D
from rustorch.distributions import kl as registry

X = rt.tensor([1.0, 2.0], dtype=rt.float64)


def test_golden():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_close(cases.divergences(rt), golden["kl"], "kl")


def f64(*values):
    return rt.tensor(values, dtype=rt.float64)


ONE, TWO = f64(0.7, 1.3, 2.5), f64(2.2, 0.8, 1.7)
PAIRS = [
    (D.Beta(ONE, TWO), D.Normal(ONE, TWO)),
    (D.Beta(ONE + 1, TWO), D.Gamma(ONE, TWO)),
    (D.Exponential(ONE), D.Gumbel(ONE, TWO)),
    (D.Gamma(ONE, TWO), D.Gumbel(TWO, ONE + 1)),
    (D.Gumbel(ONE, TWO), D.Normal(TWO, ONE)),
    (D.Laplace(ONE, TWO), D.Normal(TWO, ONE)),
    (D.Normal(ONE, TWO), D.Laplace(TWO, ONE)),
    (D.Pareto(ONE, TWO + 3), D.Gamma(ONE, TWO)),
    (D.Uniform(TWO / 9, TWO / 3), D.Beta(ONE, TWO)),
    (D.Uniform(TWO / 9, TWO / 3), D.ContinuousBernoulli(ONE / 3)),
    (D.Uniform(ONE, ONE + TWO), D.Pareto(ONE / 2, TWO)),
    (D.ContinuousBernoulli(ONE / 3), D.Exponential(TWO)),
    (D.StudentT(f64(5.0)), D.StudentT(f64(5.0))),
]  # fmt: skip


@pytest.mark.parametrize("p, q", PAIRS[:-1], ids=lambda d: type(d).__name__)
def test_against_monte_carlo(p, q):
    rt.manual_seed(17)
    x = p.sample((20_000,))
    terms = p.log_prob(x) - q.log_prob(x)
    error = terms.std(0) / math.sqrt(20_000)
    assert ((D.kl_divergence(p, q) - terms.mean(0)).abs() <= 6 * error + 1e-9).all()


def test_infinite_and_zero():
    kl = D.kl_divergence
    assert kl(D.Normal(X, X), D.Beta(X, X)).tolist() == [math.inf, math.inf]
    assert kl(D.Uniform(X, X + 2), D.Uniform(X, X + 1)).tolist() == [math.inf, math.inf]
    assert kl(D.Bernoulli(f64(0.5, 0.0)), D.Bernoulli(f64(0.0, 0.0))).tolist() == [math.inf, 0]
    assert kl(D.Categorical(f64(0.5, 0.5)), D.Categorical(f64(1.0, 0.0))).item() == math.inf
    assert kl(D.Pareto(X, X), D.Exponential(X)).tolist()[0] == math.inf
    assert kl(D.Independent(D.Normal(X, X), 1), D.Independent(D.Normal(X, X), 1)).item() == 0
    assert kl(D.LogNormal(X, X), D.LogNormal(X, X)).tolist() == [0, 0]


def test_not_implemented():
    for p, q in (
        (D.VonMises(X, X), D.Normal(X, X)), PAIRS[-1], (D.LogNormal(X, X), D.Weibull(X, X)),
        (D.Independent(D.Normal(X, X), 1), D.Independent(D.Normal(X, X), 0)), (D.Binomial(2, X / 3), D.Binomial(3, X / 3)),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError):
            D.kl_divergence(p, q)
    with pytest.raises(NotImplementedError, match="No KL.* p type VonMises and q type Normal"):
        D.kl_divergence(D.VonMises(X, X), D.Normal(X, X))


def test_registry():
    class Left(D.Normal):
        pass

    class Right(D.Normal):
        pass

    before = dict(registry._KL_REGISTRY)
    try:
        assert D.kl_divergence(Left(X, X), Right(X, X)).tolist() == [0, 0]
        D.register_kl(Left, D.Normal)(lambda p, q: "left")
        D.register_kl(D.Normal, Right)(lambda p, q: "right")
        with pytest.warns(
            RuntimeWarning, match=r"Ambiguous kl_divergence\(Left, Right\). Please register_kl\(Left, Right\)"
        ):
            D.kl_divergence(Left(X, X), Right(X, X))
        D.register_kl(Left, Right)(lambda p, q: "both")
        assert D.kl_divergence(Left(X, X), Right(X, X)) == "both"
        assert D.kl_divergence(Left(X, X), Left(X, X)) == "left"
    finally:
        registry._KL_REGISTRY.clear()
        registry._KL_REGISTRY.update(before)
        registry._KL_MEMOIZE.clear()


def test_gradient():
    loc = X.clone().requires_grad_()
    D.kl_divergence(D.Normal(loc, 1.0), D.Normal(0.0, 1.0)).sum().backward()
    assert loc.grad.tolist() == X.tolist()
