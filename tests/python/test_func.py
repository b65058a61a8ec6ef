"""rustorch.func and rustorch.autograd.functional on reverse mode."""

import math

import pytest

import rustorch
from rustorch import nn
from rustorch.autograd import functional as F
from rustorch.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    replace_all_batch_norm_modules_,
    stack_module_state,
    vjp,
)


def t(*values, **kw):
    return rustorch.tensor(values, dtype=rustorch.float64, **kw)


def close(a, b):
    return rustorch.allclose(a, b, rtol=1e-10, atol=1e-12)


X = t(0.3, -1.2, 2.0)


def test_grad():
    g = grad(lambda x: x.sin().sum())(X)
    assert close(g, X.cos()) and not g.requires_grad and g.grad_fn is None


def test_nested_grad():
    f = lambda x: x.sin()  # noqa: E731
    assert close(grad(grad(grad(f)))(X[0]), -X[0].cos())


def test_grad_follows_outer_history():
    x = X.clone().requires_grad_()
    g = grad(lambda y: (y**3).sum())(x)
    assert g.requires_grad
    g.sum().backward()
    assert close(x.grad, 6 * X)


def test_grad_follows_captured_history():
    w = t(2.0, 3.0, 4.0, requires_grad=True)
    g, value = grad_and_value(lambda x: (w * x).sum())(X)
    g.sum().backward()
    assert close(w.grad, rustorch.ones_like(w)) and value.requires_grad


def test_grad_under_no_grad():
    with rustorch.no_grad():
        assert close(grad(lambda x: (x * x).sum())(X), 2 * X)

    def inner(x):
        with rustorch.no_grad():
            c = x**2
        return (x - c).sum()

    assert close(grad(inner)(X), rustorch.ones_like(X))


def test_grad_structures_and_aux():
    def f(p, y):
        return (p["a"] * p["b"][0] * y).sum(), {"y": y, "k": 3}

    p = {"a": X, "b": (X + 1,)}
    g, aux = grad(f, has_aux=True)(p, X)
    assert close(g["a"], (X + 1) * X) and close(g["b"][0], X * X) and aux["k"] == 3
    (ga, gy), (value, _) = grad_and_value(f, argnums=(0, 1), has_aux=True)(p, X)
    assert close(gy, X * (X + 1)) and value.dim() == 0 and close(ga["a"], g["a"])
    assert close(grad(lambda a, b: (a * b).sum(), argnums=-1)(X, 2 * X), X)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: grad(lambda x: x)(X), RuntimeError, "to return a scalar Tensor, got tensor with 1 dims"),
        (lambda: grad(lambda x: 1.0)(X), RuntimeError, "to return a Tensor, got <class 'float'>"),
        (lambda: grad(lambda x: x.sum(), argnums=1)(X), RuntimeError, "Got argnum=1, but only 1 positional inputs"),
        (lambda: grad(lambda x: x.sum(), argnums=())(X), RuntimeError, "argnums must be non-empty"),
        (lambda: grad(lambda x: x.sum(), argnums=(0, -1))(X), RuntimeError, "argnums elements must be unique"),
        (lambda: grad(lambda x: x)(3.0), ValueError, "must be Tensor, got <class 'float'>"),
        (lambda: grad(lambda x: x.sum(), has_aux=True)(X), RuntimeError, r"should be a tuple: \(output, aux\)"),
        (lambda: vjp(lambda x: (x, 1), X), RuntimeError, "to return only tensors, got unsupported type"),
        (lambda: vjp(lambda x: x > 0, X), RuntimeError, "must be floating-point or complex"),
        (lambda: vjp(lambda x: (x, x), X)[1](X), RuntimeError, "Expected pytree structure of cotangents"),
        (lambda: jvp(lambda x: x, X, X), RuntimeError, "Expected primals to be a tuple"),
        (lambda: jvp(lambda x: x, (X,), (X, X)), RuntimeError, "to have the same python structure"),
        (lambda: jvp(lambda x: X, (X,), (X,), strict=True), RuntimeError, "independent of the inputs"),
        (lambda: jacrev(lambda x: x, chunk_size=0), ValueError, "`chunk_size` should be greater than 0"),
        (lambda: jacrev(lambda x: x)(X + 1j), RuntimeError, "Expected all inputs to be real"),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_vjp():
    (a, b), pull = vjp(lambda x, y: (x * y, x.sum()), X, 2 * X)
    gx, gy = pull((rustorch.ones_like(X), t(3.0)[0]))
    assert close(gx, 2 * X + 3) and close(gy, X) and not a.requires_grad
    assert close(pull((X, t(0.0)[0]))[1], X * X)
    out, pull, aux = vjp(lambda x: ({"s": x.sin()}, "aux"), X, has_aux=True)
    assert aux == "aux" and close(pull({"s": X})[0], X * X.cos()) and close(out["s"], X.sin())


def test_vjp_of_vjp():
    def f(x):
        _, pull = vjp(rustorch.sin, x)
        return pull(rustorch.ones_like(x))[0]

    _, pull = vjp(f, X)
    assert close(pull(X)[0], -X * X.sin())


def test_jvp():
    out, tangent = jvp(lambda x, y: x.sin() * y, (X, 2 * X), (X, X + 1))
    assert close(out, X.sin() * 2 * X) and close(tangent, X.cos() * X * 2 * X + X.sin() * (X + 1))
    assert close(jvp(lambda x: rustorch.ones_like(x), (X,), (X,))[1], rustorch.zeros_like(X))
    out, tangent, aux = jvp(lambda x: ((x * x, x.sum()), 5), (X,), (X,), has_aux=True)
    assert aux == 5 and close(tangent[0], 2 * X * X) and close(tangent[1], X.sum())


def test_nested_jvp():
    first = lambda x: jvp(rustorch.sin, (x,), (rustorch.ones_like(x),))[1]  # noqa: E731
    assert close(jvp(first, (X,), (X,))[1], -X * X.sin())


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians(transform):
    f = lambda x, y: {"p": x.sin(), "q": (x * y).sum()}  # noqa: E731
    jac = transform(f, argnums=(0, 1))(X, X + 1)
    assert close(jac["p"][0], X.cos().diag()) and close(jac["q"][1], X) and jac["p"][1].shape == (3, 3)
    assert close(transform(lambda x: x.outer(x))(X)[0, 1], t(-1.2, 0.3, 0))
    jac, aux = transform(lambda x: (x * x, x + 1), has_aux=True)(X)
    assert close(jac, (2 * X).diag()) and close(aux, X + 1)


def test_jacrev_chunks():
    whole = jacrev(lambda x: x**3)(X)
    for size in (1, 2, 5):
        assert close(jacrev(lambda x: x**3, chunk_size=size)(X), whole)


def test_hessian():
    f = lambda x: (x**3).sum() + x[0] * x[1]  # noqa: E731
    want = (6 * X).diag()
    want[0, 1] = want[1, 0] = 1
    assert close(hessian(f)(X), want)
    assert close(jacrev(jacrev(f))(X), want)


def test_linearize():
    out, push = linearize(lambda x, y: (x * y, x.sin()), X, X + 1)
    for v in (X, X * 0 + 1):
        a, b = push(v, 2 * v)
        assert close(a, v * (X + 1) + 2 * v * X) and close(b, X.cos() * v)
    assert close(out[1], X.sin())
    with pytest.raises(RuntimeError, match="same pytree structure"):
        push(X)


def test_functional_call():
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    params = {k: v.detach() * 2 for k, v in net.named_parameters()}
    x = rustorch.ones(4, 3)
    loss = lambda p: functional_call(net, p, (x,)).pow(2).sum()  # noqa: E731
    g = grad(loss)(params)
    by_tape = {k: v.clone().requires_grad_() for k, v in params.items()}
    loss(by_tape).backward()
    assert all(rustorch.equal(g[k], by_tape[k].grad) for k in g)
    assert all(p.grad is None for p in net.parameters())
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        functional_call(net, (params, params), x)
    with pytest.raises(RuntimeError, match="Missing key"):
        functional_call(net, {}, x, strict=True)


def test_stack_module_state():
    nets = [nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)) for _ in range(4)]
    params, buffers = stack_module_state(nets)
    assert params["0.weight"].shape == (4, 2, 3) and params["0.weight"].is_leaf and params["0.weight"].requires_grad
    assert buffers["1.running_mean"].shape == (4, 2) and not buffers["1.running_mean"].requires_grad
    nets[1].eval()
    with pytest.raises(RuntimeError, match="same training/eval mode"):
        stack_module_state(nets)
    with pytest.raises(RuntimeError, match="at least one model"):
        stack_module_state([])
    net = replace_all_batch_norm_modules_(nets[0])
    assert net[1].running_mean is None and not net[1].track_running_stats


def test_functional_products():
    f = lambda x, y: x.sin() * y  # noqa: E731
    out, products = F.vjp(f, (X, X + 1), X)
    assert close(out, f(X, X + 1)) and close(products[0], X * X.cos() * (X + 1)) and close(products[1], X * X.sin())
    out, product = F.jvp(f, (X, X + 1), (X, X))
    assert close(product, X.cos() * X * (X + 1) + X.sin() * X) and not product.requires_grad
    x = X.clone().requires_grad_()
    _, product = F.jvp(lambda a: a**3, x, X, create_graph=True)
    product.sum().backward()
    assert close(x.grad, 6 * X * X)


def test_functional_jacobian_and_hessian():
    for options in ({}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}):
        jac = F.jacobian(lambda x, y: (x * y, y.sum()), (X, X + 1), **options)
        assert close(jac[0][0], (X + 1).diag()) and close(jac[1][1], rustorch.ones_like(X)) and jac[1][0].shape == (3,)
        assert close(F.jacobian(lambda x: x.exp(), X, **options), X.exp().diag())
    g = lambda x, y: (x**3).sum() + (x * y).sum()  # noqa: E731
    for options in ({}, {"vectorize": True}, {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}):
        h = F.hessian(g, (X, X + 1), **options)
        assert (
            close(h[0][0], (6 * X).diag())
            and close(h[0][1], rustorch.eye(3, dtype=X.dtype))
            and close(h[1][1], 0 * h[0][0])
        )
    for product in (F.hvp, F.vhp):
        value, (a, b) = product(g, (X, X + 1), (X, X))
        assert close(a, 6 * X * X + X) and close(b, X) and close(value, g(X, X + 1))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: F.vjp(lambda x: x, X), RuntimeError, "The vector v can only be None"),
        (lambda: F.vjp(lambda x: x, X, t(1.0)), RuntimeError, "v has invalid size: should be .*3.* but got"),
        (lambda: F.vjp(lambda x: x, [X], X), TypeError, "must be either a Tensor or a tuple of Tensors"),
        (lambda: F.vjp(lambda x: 3, X, X), TypeError, "outputs of the user-provided function given to vjp"),
        (lambda: F.jvp(lambda x: X.clone(), X, X, strict=True), RuntimeError, "Output 0 of the user-provided function"),
        (lambda: F.hessian(lambda x: x, X), RuntimeError, "should contain a single element"),
        (lambda: F.hessian(lambda x: x.sum(), X, strict=True), RuntimeError, "independent of"),
        (lambda: F.jacobian(lambda x: x, X, strategy="sideways"), AssertionError, "Expected strategy to be either"),
        (lambda: F.jacobian(lambda x: x, X, strategy="forward-mode"), NotImplementedError, "only implemented for"),
        (lambda: F.jacobian(lambda x: x, X, vectorize=True, strict=True), RuntimeError, "not supported together"),
    ],
)
def test_functional_messages(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_newton_step():
    """The use of it: a minimum by Newton's method."""
    f = lambda x: (x.cosh() + (x - 1) ** 2).sum()  # noqa: E731
    x = t(2.0, -1.0)
    for _ in range(8):
        x = x - rustorch.linalg.solve(hessian(f)(x), grad(f)(x))
    assert math.isclose(float(x[0].sinh() + 2 * (x[0] - 1)), 0, abs_tol=1e-12)


def test_numbers_keep_their_precision():
    """A recorded gradient computes with Python numbers in the width of the tensors."""
    for f in (lambda x: rustorch.lerp(x, 2 * X, 0.4), lambda x: x.abs() ** 2.3, lambda x: rustorch.xlogy(x.abs(), 0.7)):
        plain = grad(lambda x: f(x).sum())(X)  # noqa: B023
        x = X.clone().requires_grad_()
        (recorded,) = rustorch.autograd.grad(f(x).sum(), x, create_graph=True)
        assert rustorch.allclose(plain, recorded, rtol=1e-14, atol=0)
