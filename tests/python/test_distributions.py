"""Distributions against values recorded from PyTorch, and their shapes, expansion, errors and printing."""

import math
import pickle
import warnings

import pytest
from distribution_helpers import assert_close, cases, golden

import rustorch as rt
from rustorch import distributions as D
from rustorch.distributions import constraints

X = rt.tensor([1.0, 2.0])


@pytest.mark.parametrize("name", cases.CASES)
def test_golden(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # PyTorch computes the Bessel functions of von Mises by polynomials of 7 digits, and takes differences.
        rtol, atol = (1e-5, 1e-5) if name == "von_mises" else (1e-7, 1e-9)
        assert_close(cases.evaluate(rt, name), golden["cases"][name], name, rtol, atol)


@pytest.mark.parametrize("name", cases.CASES)
def test_samples_and_expansion(name):
    d = cases.build(rt, cases.CASES[name])
    rt.manual_seed(7)
    sample = d.sample((3,))
    assert sample.shape == (3,) + tuple(d.batch_shape) + tuple(d.event_shape)
    assert not sample.requires_grad
    assert d.support.check(sample).all()
    assert d.log_prob(sample).shape == (3,) + tuple(d.batch_shape)
    batch = (2,) + tuple(d.batch_shape)
    wide = d.expand(batch)
    assert type(wide) is type(d) and wide.batch_shape == batch and wide.event_shape == d.event_shape
    assert_close(wide.log_prob(sample[0]).tolist(), [d.log_prob(sample[0]).tolist()] * 2, name)
    assert wide.sample((4,)).shape == (4,) + batch + tuple(d.event_shape)
    assert wide.expand((3,) + batch).batch_shape == (3,) + batch
    if d.has_rsample:
        assert d.rsample().shape == tuple(d.batch_shape) + tuple(d.event_shape)
    rt.manual_seed(7)
    assert d.sample((3,)).tolist() == sample.tolist()


def test_dtypes_of_samples():
    for dtype in (rt.float32, rt.float64):
        for d in (D.Normal(X.to(dtype), 1.0), D.Gamma(X.to(dtype), 1.0), D.Beta(X.to(dtype), 2.0), D.StudentT(X.to(dtype)),
                  D.VonMises(X.to(dtype), X.to(dtype)), D.Poisson(X.to(dtype)), D.Binomial(3, X.to(dtype) / 4)):  # fmt: skip
            assert d.sample((2,)).dtype == dtype
    assert D.Normal(0, 1).sample().dtype == rt.get_default_dtype()
    assert D.Categorical(X).sample().dtype == rt.int64


def test_repr():
    assert repr(D.Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
    assert repr(D.Normal(X, X)) == f"Normal(loc: {X.shape}, scale: {X.shape})"
    assert repr(D.Independent(D.Normal(X, X), 1)) == f"Independent(Normal(loc: {X.shape}, scale: {X.shape}), 1)"
    assert repr(D.LogNormal(X, X)) == "LogNormal()"
    assert repr(D.Bernoulli(logits=X)) == f"Bernoulli(logits: {X.shape})"
    assert repr(D.MixtureSameFamily(D.Categorical(X), D.Normal(X, X))).startswith("MixtureSameFamily(\n  Categorical(")


def invalid(message, make):
    with pytest.raises(ValueError, match=message):
        make()


def test_invalid_parameters():
    invalid(r"Expected parameter scale \(Tensor of shape \(2,\)\) of distribution Normal\(.*\) to satisfy the "
            r"constraint GreaterThan\(lower_bound=0.0\), but found invalid values:\ntensor", lambda: D.Normal(X, -X))  # fmt: skip
    invalid("Either `probs` or `logits` must be specified, but not both", lambda: D.Bernoulli())
    invalid("Either `probs` or `logits` must be specified, but not both", lambda: D.Categorical(probs=X, logits=X))
    invalid("`probs` parameter must be at least one-dimensional", lambda: D.Categorical(rt.tensor(1.0)))
    invalid("`concentration` parameter must be at least one-dimensional", lambda: D.Dirichlet(rt.tensor(1.0)))
    invalid("to be positive but found invalid values", lambda: D.Geometric(X - 1))
    invalid("Expected parameter low", lambda: D.Uniform(X, X))
    invalid("Exactly one of covariance_matrix or precision_matrix or scale_tril", lambda: D.MultivariateNormal(X))
    invalid("loc must be at least one-dimensional", lambda: D.MultivariateNormal(X[0], rt.eye(2)))
    invalid("covariance_matrix must be at least two-dimensional", lambda: D.MultivariateNormal(X, X))
    invalid(
        "Expected parameter covariance_matrix", lambda: D.MultivariateNormal(X, rt.tensor([[1.0, 2.0], [2.0, 1.0]]))
    )
    invalid("cov_factor must be a batch of matrices with shape 2 x m",
            lambda: D.LowRankMultivariateNormal(X, rt.ones(3, 1), X))  # fmt: skip
    invalid("Expected dim to be an integer greater than or equal to 2. Found dim=1", lambda: D.LKJCholesky(1))
    invalid("Value of df=1 expected to be greater than ndim - 1 = 1", lambda: D.Wishart(1, rt.eye(2)))
    invalid("Expected reinterpreted_batch_ndims", lambda: D.Independent(D.Normal(X, X), 2))
    invalid("needs to be an  instance of", lambda: D.MixtureSameFamily(D.Normal(X, X), D.Normal(X, X)))
    invalid("does not equal `component_distribution.batch_shape", lambda: D.MixtureSameFamily(
        D.Categorical(X), D.Normal(rt.ones(3), 1.0)))  # fmt: skip
    invalid("transforms must be a Transform or list", lambda: D.TransformedDistribution(D.Normal(X, X), 3))
    with pytest.raises(NotImplementedError, match="inhomogeneous total_count"):
        D.Multinomial(X, X)
    assert D.Normal(X, -X, validate_args=False).scale.tolist() == [-1, -2]


def test_invalid_samples():
    d = D.Normal(X, X)
    invalid("must be a Tensor", lambda: d.log_prob(1.0))
    invalid("Value is not broadcastable with batch_shape", lambda: d.log_prob(rt.ones(3)))
    invalid("to be within the support", lambda: d.log_prob(X * math.nan))
    invalid("to be within the support", lambda: D.Gamma(X, X).log_prob(-X))
    invalid("to be within the support", lambda: D.Categorical(X).log_prob(rt.tensor(2)))
    invalid("right-most size of value must match event_shape", lambda: D.Dirichlet(X).log_prob(rt.ones(3) / 3))
    assert D.HalfNormal(X, validate_args=False).log_prob(-X).tolist() == [-math.inf, -math.inf]
    for call in (d.enumerate_support, lambda: D.Gamma(X, X).icdf(X / 4), D.VonMises(X, X).entropy,
                 lambda: D.LKJCholesky(3).mean, lambda: D.MixtureSameFamily(D.Categorical(X), d).rsample()):  # fmt: skip
        with pytest.raises(NotImplementedError):
            call()
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        D.Multinomial(2, X).mode
    with pytest.raises(NotImplementedError, match="Inhomogeneous total count not supported by `enumerate_support`"):
        D.Binomial(X, X / 3).enumerate_support()


def test_own_subclasses():
    class Shifted(D.Normal):
        pass

    assert type(Shifted(X, X).expand((3, 2))) is Shifted

    class Custom(D.Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)

    with pytest.raises(NotImplementedError, match="must also define a custom .expand"):
        Custom(X).expand((3, 2))

    class Bare(D.Distribution):
        pass

    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        Bare(validate_args=True)
    for call in (lambda d: d.expand((2,)), lambda d: d.sample(), lambda d: d.log_prob(X), lambda d: d.mean):
        with pytest.raises(NotImplementedError):
            call(Bare(validate_args=False))


def test_default_of_validation():
    try:
        D.Distribution.set_default_validate_args(False)
        assert D.Normal(X, -X).scale[0] == -1
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        D.Distribution.set_default_validate_args(None)


def test_continuous_bernoulli_near_one_half():
    """Series and closed forms meet at the edge of the region where the series are used."""
    x = rt.tensor(0.3, dtype=rt.float64)
    for edge in (0.499, 0.501):
        inside, outside = (
            D.ContinuousBernoulli(rt.tensor(edge + (0.5 - edge) * s, dtype=rt.float64)) for s in (1e-6, -1e-6)
        )
        for read in (lambda d: d.mean, lambda d: d.variance, lambda d: d.log_prob(x), lambda d: d.cdf(x), lambda d: d.icdf(x),
                     lambda d: d.entropy()):  # fmt: skip
            assert read(inside).item() == pytest.approx(read(outside).item(), rel=1e-6, abs=1e-7)


def test_lazy_parameters():
    p = rt.tensor([0.2, 0.7], requires_grad=True)
    d = D.Bernoulli(probs=p)
    assert "logits" not in d.__dict__
    with rt.no_grad():
        logits = d.logits
    assert logits.requires_grad and d.logits is logits
    assert isinstance(D.Bernoulli.logits, D.utils.lazy_property)
    assert d.param_shape == (2,) and D.Categorical(rt.ones(4, 3)).param_shape == (4, 3)


def test_transformed_shapes():
    base = D.Normal(rt.zeros(4, 3), 1.0)
    d = D.TransformedDistribution(base, [D.ExpTransform(), D.AffineTransform(rt.zeros(2, 1, 1), 2.0)])
    assert d.batch_shape == (2, 4, 3) and d.sample((5,)).shape == (5, 2, 4, 3)
    d = D.TransformedDistribution(base, D.StickBreakingTransform())
    assert (d.batch_shape, d.event_shape) == ((4,), (4,)) and d.log_prob(d.sample()).shape == (4,)
    d = D.TransformedDistribution(D.Independent(base, 2), D.ExpTransform())
    assert (d.batch_shape, d.event_shape) == ((), (4, 3)) and d.support.event_dim == 2
    fall = D.TransformedDistribution(D.Uniform(rt.tensor(0.0), 1.0), D.AffineTransform(0.0, -1.0))
    assert fall.cdf(rt.tensor(-0.25)).item() == pytest.approx(0.75) and fall.icdf(
        rt.tensor(0.75)
    ).item() == pytest.approx(-0.25)


def test_enumerate_without_expansion():
    assert D.Categorical(rt.ones(2, 3)).enumerate_support(expand=False).shape == (3, 1)
    assert D.OneHotCategorical(rt.ones(2, 3)).enumerate_support(False).shape == (3, 1, 3)
    assert D.Binomial(4, rt.ones(2, 3) / 2).enumerate_support().shape == (5, 2, 3)


def test_names_of_modules():
    import rustorch.distributions.log_normal as log_normal
    from rustorch.distributions.relaxed_categorical import ExpRelaxedCategorical

    assert log_normal.LogNormal is D.LogNormal and ExpRelaxedCategorical is type(
        D.RelaxedOneHotCategorical(rt.tensor(1.0), X).base_dist
    )
    assert set(D.__all__) <= set(dir(D))


def test_pickle():
    d = pickle.loads(pickle.dumps(D.LogNormal(X, X)))
    assert_close(d.log_prob(X).tolist(), D.LogNormal(X, X).log_prob(X).tolist(), "pickle")


def test_constraints():
    c, t = constraints, rt.tensor
    assert c.simplex.check(t([[0.5, 0.5], [0.7, 0.7]])).tolist() == [True, False]
    assert c.one_hot.check(t([[0.0, 1.0], [1.0, 1.0]])).tolist() == [True, False]
    assert c.positive_integer.check(t([0.0, 1.0, 1.5])).tolist() == [False, True, False]
    assert c.half_open_interval(0, 1).check(t([0.0, 1.0])).tolist() == [True, False]
    assert (
        c.lower_triangular.check(t([[1.0, 0.0], [1.0, 1.0]])).item() and not c.lower_cholesky.check(-rt.eye(2)).item()
    )
    assert c.corr_cholesky.check(t([[1.0, 0.0], [0.6, 0.8]])).item() and not c.corr_cholesky.check(rt.eye(2) * 2).item()
    psd = t([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]]])
    assert c.positive_semidefinite.check(psd).tolist() == [True, False]
    assert c.positive_definite.check(psd).tolist() == [False, False]
    assert not c.symmetric.check(t([[1.0, 2.0], [3.0, 1.0]])).item() and not c.square.check(rt.ones(2, 3)).item()
    assert c.independent(c.real, 1).check(t([[1.0, math.nan], [1.0, 2.0]])).tolist() == [False, True]
    both = c.cat([c.positive, c.unit_interval], 0, [1, 2])
    assert both.check(t([2.0, 0.5, 1.5])).tolist() == [True, True, False]
    assert c.stack([c.positive, c.real], -1).check(t([[-1.0, -1.0]])).tolist() == [[False, True]]
    assert c.multinomial(3).check(t([[1.0, 2.0], [2.0, 2.0]])).tolist() == [True, False]
    assert (
        repr(c.interval(0, 2)) == "Interval(lower_bound=0, upper_bound=2)"
        and repr(c.real_vector) == "IndependentConstraint(Real(), 1)"
    )
    assert c.is_dependent(c.dependent) and not c.is_dependent(c.real) and c.is_dependent(D.Uniform.support)
    with pytest.raises(ValueError, match="Cannot determine validity"):
        c.dependent.check(X)
    with pytest.raises(NotImplementedError, match="event_dim cannot be determined statically"):
        c.dependent.event_dim
