"""Dual tensors: values, views, in-place writes, nesting with reverse mode, custom functions."""

import pytest

import rustorch
from rustorch.autograd import forward_ad as fwd
from rustorch.func import grad, hessian, jacfwd, jacrev, jvp, vjp


def t(*values, **kw):
    return rustorch.tensor(values, dtype=rustorch.float64, **kw)


def close(a, b):
    return rustorch.allclose(a, b, rtol=1e-10, atol=1e-12)


X = t(0.3, -1.2, 2.0)
V = t(1.0, 0.5, -2.0)


def tangent(y):
    return fwd.unpack_dual(y).tangent


def test_levels():
    with pytest.raises(RuntimeError, match="no level exists"):
        fwd.make_dual(X, V)
    assert fwd.unpack_dual(X).tangent is None
    with fwd.dual_level():
        d = fwd.make_dual(X, V)
        y = d.sin() * 2
        primal, pushed = fwd.unpack_dual(y)
        assert close(primal, X.sin() * 2) and close(pushed, X.cos() * 2 * V)
        assert tangent(primal) is None and tangent(d.detach()) is None
    assert fwd.unpack_dual(y).tangent is None
    with pytest.raises(RuntimeError, match="was not the last one"):
        fwd.exit_dual_level()
    level = fwd.enter_dual_level()
    with pytest.raises(RuntimeError, match="was not the last one"):
        fwd.exit_dual_level(level=level + 1)
    fwd.exit_dual_level()


def test_tangents_must_fit():
    with fwd.dual_level():
        with pytest.raises(RuntimeError, match="different size"):
            fwd.make_dual(X, V[:2])
        with pytest.raises(RuntimeError, match="data type"):
            fwd.make_dual(X, V.float())
        with pytest.raises(ValueError, match="Expected primal to be floating point or complex"):
            fwd.make_dual(rustorch.arange(3), V)


def test_views_share_tangents():
    with fwd.dual_level():
        d = fwd.make_dual(rustorch.zeros(2, 3, dtype=X.dtype), rustorch.arange(6, dtype=X.dtype).reshape(2, 3))
        assert close(tangent(d[1]), t(3, 4, 5)) and close(tangent(d.T[2]), t(2, 5))
        assert close(tangent(d.reshape(3, 2)[:, 1]), t(1, 3, 5))
        assert [close(a, b) for a, b in zip(map(tangent, d.unbind(1)), (t(0, 3), t(1, 4), t(2, 5)))] == [True] * 3


def test_inplace():
    with fwd.dual_level():
        d = fwd.make_dual(X.clone(), V.clone())
        y = d * 1
        y.mul_(d).add_(3)
        assert close(tangent(y), 2 * X * V)
        y.exp_()
        assert close(tangent(y), (X * X + 3).exp() * 2 * X * V)
        y.zero_()
        assert close(tangent(y), 0 * V)
        z = rustorch.zeros(2, 3, dtype=X.dtype)
        z[1].copy_(d)  # a write into a view gives its base a tangent
        assert close(tangent(z), rustorch.stack([0 * V, V])) and close(tangent(z[:, 2]), t(0, -2))
        z[0] = d * 2
        assert close(tangent(z.sum(0)), 3 * V)
        with pytest.raises(RuntimeError, match="out="):
            rustorch.sin(d, out=rustorch.empty(3, dtype=X.dtype))


def test_rules_of_products():
    a, b, va, vb = (rustorch.randn(3, 3, dtype=X.dtype) for _ in range(4))
    _, p = jvp(rustorch.mm, (a, b), (va, vb))
    assert close(p, va @ b + a @ vb)
    linear = rustorch.nn.functional.linear
    _, p = jvp(linear, (a, b, X), (va, vb, V))
    assert close(p, va @ b.T + a @ vb.T + V)
    x, w, vx, vw = (rustorch.randn(1, 2, 4, 4, dtype=X.dtype) for _ in range(4))
    conv = rustorch.nn.functional.conv2d
    _, p = jvp(conv, (x, w, X[:1]), (vx, vw, V[:1]))
    assert close(p, conv(vx, w) + conv(x, vw) + V[0])


def test_nested_forward():
    first = lambda x: jvp(rustorch.sin, (x,), (V,))[1]  # noqa: E731
    assert close(first(X), X.cos() * V)
    assert close(jvp(first, (X,), (V,))[1], -X.sin() * V * V)
    third = lambda x: jvp(first, (x,), (V,))[1]  # noqa: E731
    assert close(jvp(third, (X,), (V,))[1], -X.cos() * V**3)


@pytest.mark.parametrize(
    "f",
    [rustorch.sin, rustorch.exp, rustorch.sigmoid, lambda x: x.softmax(0), lambda x: x.cumprod(0), lambda x: (x * x).sqrt(),
     lambda x: x[:2].outer(x).reshape(-1), lambda x: rustorch.nn.functional.gelu(x), lambda x: x.logsumexp(0, keepdim=True)],
)  # fmt: skip
def test_hessians_agree(f):
    g = lambda x: (f(x) * rustorch.arange(1, f(x).numel() + 1, dtype=X.dtype)).sum()  # noqa: E731
    want = jacrev(jacrev(g))(X)
    for transform in (hessian, lambda g: jacfwd(jacfwd(g)), lambda g: jacrev(jacfwd(g))):
        assert close(transform(g)(X), want)
    hv = jvp(grad(g), (X,), (V,))[1]
    assert close(hv, want @ V)
    assert close(grad(lambda x: jvp(g, (x,), (V,))[1])(X), want @ V)


def test_reverse_over_forward_inside_a_level():
    x = X.clone().requires_grad_()
    with fwd.dual_level():
        y = (fwd.make_dual(x, V) ** 3).sum()
        push = tangent(y)
    push.backward()
    assert close(x.grad, 6 * X * V)


def test_forward_over_vjp():
    _, pull = vjp(lambda x: x**3, X)
    _, p = jvp(lambda u: pull(u)[0], (V,), (X,))
    assert close(p, 3 * X * X * X)


def test_complex():
    z = rustorch.complex(X, V)
    v = rustorch.complex(V, X)
    assert close(jvp(rustorch.exp, (z,), (v,))[1], z.exp() * v)
    assert close(jvp(lambda z: z.abs() ** 2, (z,), (v,))[1], 2 * rustorch.real(z.conj() * v))
    assert close(jvp(rustorch.conj, (z,), (v,))[1].resolve_conj(), v.conj().resolve_conj())


def test_random_operators_run_once():
    x = rustorch.ones(1000, dtype=X.dtype)
    rustorch.manual_seed(3)
    y, p = jvp(lambda x: rustorch.nn.functional.dropout(x, 0.5), (x,), (x * 2,))
    assert close(p, 2 * y)


class Cube(rustorch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g

    @staticmethod
    def jvp(ctx, v):
        (x,) = ctx.saved_tensors
        return 3 * x * x * v * 10  # ten times too much: shows that the rule is used


class Plain(rustorch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g


def test_custom_function():
    assert close(jvp(Cube.apply, (X,), (V,))[1], 30 * X * X * V)
    with pytest.raises(NotImplementedError, match="must implement the jvp function"):
        jvp(Plain.apply, (X,), (V,))
    assert close(grad(lambda x: Cube.apply(x).sum())(X), 3 * X * X)


def test_tangents_die_with_their_level():
    with fwd.dual_level():
        kept = fwd.make_dual(X, V) * 2
        later = kept + 1
    assert tangent(kept) is None and tangent(later) is None and close(later, X * 2 + 1)
    with fwd.dual_level():
        assert tangent(kept * 2) is None


def test_gradcheck_of_forward_mode():
    x = X.clone().requires_grad_()
    assert rustorch.autograd.gradcheck(lambda a: a.sin() * a, (x,), check_forward_ad=True)
    with pytest.raises(RuntimeError, match="forward mode mismatch"):
        rustorch.autograd.gradcheck(Cube.apply, (x,), check_forward_ad=True)


def test_tangent_of_a_formula_with_logarithms():
    """The gradient of logcumsumexp takes logarithms of its cotangent, which is no number at 0."""
    x, t = rustorch.randn(5, dtype=rustorch.float64), rustorch.randn(5, dtype=rustorch.float64)
    value, tangent = rustorch.func.jvp(lambda a: rustorch.logcumsumexp(a, 0), (x,), (t,))
    shares = (x.unsqueeze(0) - value.unsqueeze(1)).exp().tril()
    assert rustorch.allclose(tangent, shares @ t)
