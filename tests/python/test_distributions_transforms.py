"""Transforms against recorded values and against differentiation; caches; the constraint registry."""

import math

import pytest
from distribution_helpers import assert_close, cases, golden

import rustorch as rt
from rustorch import distributions as D
from rustorch.distributions import biject_to, constraints, transform_to, utils

X = rt.tensor([0.3, -0.7, 1.2], dtype=rt.float64)


@pytest.mark.parametrize("name", cases.TRANSFORMS)
def test_golden(name):
    assert_close(cases.evaluate_transform(rt, name), golden["transforms"][name], name)


def numeric_log_det(f, x, rows):
    """log |det| of the Jacobian of f at the vector x, over the first `rows` outputs."""
    x = x.detach().requires_grad_()
    y = f(x).reshape(-1)
    jacobian = rt.stack([rt.autograd.grad(y[i], x, retain_graph=True)[0] for i in rows])
    return jacobian.det().abs().log().item()


def test_jacobians_of_vector_transforms():
    stick = D.StickBreakingTransform()
    assert stick.log_abs_det_jacobian(X, stick(X)).item() == pytest.approx(numeric_log_det(stick, X, range(3)))
    corr = D.CorrCholeskyTransform()
    below = [3, 6, 7]  # the strict lower triangle of a 3 x 3 matrix
    assert corr.log_abs_det_jacobian(X, corr(X)).item() == pytest.approx(numeric_log_det(corr, X, below))


@pytest.mark.parametrize("make", [D.ExpTransform, D.SigmoidTransform, D.SoftplusTransform, D.TanhTransform])
def test_scalar_transforms(make):
    t, x = make(), X.clone().requires_grad_()
    y = t(x)
    (slope,) = rt.autograd.grad(y.sum(), x)
    assert_close(t.log_abs_det_jacobian(x, y).tolist(), slope.log().tolist(), "slope")
    assert_close(t.inv(y).tolist(), x.tolist(), "inverse")
    assert t.inv.inv is t and t == make() and t != D.AbsTransform() and t.sign == 1 and t.bijective
    assert t.inv.domain is t.codomain and repr(t.inv) == f"_InverseTransform({make.__name__}())"
    assert_close(t.inv.log_abs_det_jacobian(y, x).tolist(), (-slope.log()).tolist(), "inverse slope")


def test_cache():
    t = D.ExpTransform(cache_size=1)
    y = t(X)
    assert t(X) is y and t.inv(y) is X and t.inv(y.clone()) is not X
    assert D.ExpTransform().with_cache()._cache_size == 1 and t.with_cache() is t
    chain = D.ComposeTransform([D.AffineTransform(0.0, 2.0), D.TanhTransform()], cache_size=1)
    assert chain.inv(chain(X)) is X
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        D.ExpTransform(cache_size=2)


def test_composition():
    chain = D.ComposeTransform([D.AffineTransform(0.0, -2.0), D.ExpTransform()])
    assert (chain.inv.inv is chain) and chain.sign == -1 and chain.bijective
    assert chain == D.ComposeTransform([D.AffineTransform(0.0, -2.0), D.ExpTransform()])
    assert chain.inv(chain(X)).tolist() == pytest.approx(X.tolist())
    assert D.identity_transform(X) is X and not D.identity_transform.log_abs_det_jacobian(X, X).any()
    mixed = D.ComposeTransform([D.ExpTransform(), D.IndependentTransform(D.AffineTransform(0.0, 1.0), 1)])
    assert mixed.domain.event_dim == 1 and mixed.log_abs_det_jacobian(X, mixed(X)).shape == ()
    assert repr(chain) == "ComposeTransform(\n    AffineTransform(),\n    ExpTransform()\n)"


def test_shapes_and_errors():
    assert D.StickBreakingTransform().forward_shape((2, 3)) == (2, 4)
    assert D.CorrCholeskyTransform().forward_shape((5, 6)) == (5, 4, 4)
    assert D.CorrCholeskyTransform().inverse_shape((4, 4)) == (6,)
    assert D.ReshapeTransform((2, 3), (6,)).forward_shape((5, 2, 3)) == (5, 6)
    for message, call in (
        ("different numbers of elements", lambda: D.ReshapeTransform((2,), (3,))),
        ("Too few dimensions", lambda: D.StickBreakingTransform().forward_shape(())),
        ("not a flattened lower-diagonal number", lambda: D.CorrCholeskyTransform().forward_shape((4,))),
        ("not square", lambda: D.CorrCholeskyTransform().inverse_shape((4, 3))),
        ("Shape mismatch", lambda: D.ReshapeTransform((2,), (1, 2)).forward_shape((3,))),
        ("Too few dimensions", lambda: D.IndependentTransform(D.ExpTransform(), 2)(X)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    for call in (lambda: D.AbsTransform().sign, lambda: D.AbsTransform().log_abs_det_jacobian(X, X)):
        with pytest.raises(NotImplementedError):
            call()


REGISTERED = [
    constraints.real, constraints.positive, constraints.greater_than(-2.0), constraints.greater_than_eq(1),
    constraints.less_than(3.0), constraints.unit_interval, constraints.interval(-1.0, 4.0),
    constraints.half_open_interval(2, 3), constraints.simplex, constraints.corr_cholesky,
    constraints.independent(constraints.positive, 1), constraints.cat([constraints.positive, constraints.real], 0, [1, 2]),
    constraints.stack([constraints.positive, constraints.unit_interval, constraints.real]),
]  # fmt: skip


@pytest.mark.parametrize("constraint", REGISTERED, ids=repr)
@pytest.mark.parametrize("registry", [biject_to, transform_to])
def test_registry(registry, constraint):
    t = registry(constraint)
    y = t(X)
    assert constraint.check(y).all()
    if t.bijective:
        assert t.inv(y).tolist() == pytest.approx(X.tolist())


def test_registry_of_matrices():
    m = rt.randn(3, 3, dtype=rt.float64)
    for constraint in (constraints.lower_cholesky, constraints.positive_definite, constraints.positive_semidefinite):
        t = transform_to(constraint)
        assert constraint.check(t(m)).all()
        with pytest.raises(NotImplementedError, match="Cannot transform"):
            biject_to(constraint)
    with pytest.raises(NotImplementedError, match="Cannot transform _Boolean constraints"):
        biject_to(constraints.boolean)
    with pytest.raises(TypeError, match="Constraint subclass or instance"):
        biject_to.register(3, None)(3)

    class Negative(constraints.Constraint):
        pass

    @transform_to.register(Negative)
    def _negative(constraint):
        return D.AffineTransform(0, -1)

    assert transform_to(Negative()).scale == -1


def test_triangles():
    for diag in (-1, 0, 1):
        n = 4
        m = rt.arange(16.0).reshape(n, n).tril(diag) if diag < 1 else rt.ones(n, n).tril(diag)
        vec = utils.tril_matrix_to_vec(m, diag)
        assert vec.numel() == sum(min(max(i + 1 + diag, 0), n) for i in range(n))
        assert utils.vec_to_tril_matrix(vec, diag).tolist() == m.tolist()
    with pytest.raises(ValueError, match="provided is outside"):
        utils.tril_matrix_to_vec(rt.eye(2), 2)


def test_utils():
    a, b = utils.broadcast_all(rt.ones(2, dtype=rt.float64), 3)
    assert b.dtype == rt.float64 and b.shape == (2,)
    with pytest.raises(ValueError, match="must all be instances of Number"):
        utils.broadcast_all("a")
    p = rt.tensor([0.0, 0.25, 1.0])
    assert utils.probs_to_logits(p, is_binary=True)[1].item() == pytest.approx(math.log(1 / 3), rel=1e-6)
    assert utils.logits_to_probs(utils.probs_to_logits(p, True), True).tolist() == pytest.approx(p.tolist(), abs=1e-6)
    assert utils.clamp_probs(p)[2] < 1 and utils.clamp_probs(p)[0] > 0
