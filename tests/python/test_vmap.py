"""vmap: dimensions, errors, randomness, in-place, nesting, and composition with gradients."""

import subprocess
import sys

import pytest

import rustorch
from rustorch import nn
from rustorch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap


def close(a, b, tol=1e-10):
    return a.shape == b.shape and rustorch.allclose(a, b, rtol=tol, atol=tol)


def rand(*shape):
    g = rustorch.Generator()
    g.manual_seed(sum(shape) + len(shape))
    return rustorch.randn(*shape, generator=g, dtype=rustorch.float64)


def loop(f, *args):
    return rustorch.stack([f(*row) for row in zip(*args)])


def test_dimensions():
    x, y = rand(3, 4), rand(4, 3)
    f = lambda a, b: a * b + 1  # noqa: E731
    assert close(vmap(f, in_dims=(0, 1))(x, y), x * y.T + 1)
    assert close(vmap(f, in_dims=(0, -1), out_dims=1)(x, y), (x * y.T + 1).T)
    assert close(vmap(f, in_dims=(0, None))(x, y[:, 0]), x * y[:, 0] + 1)
    out = vmap(
        lambda d: {"a": d["p"][0] * 2, "b": (d["p"][1],)}, in_dims=({"p": (0, None)},), out_dims={"a": 1, "b": 0}
    )({"p": (x, y)})
    assert close(out["a"], 2 * x.T) and out["b"][0].shape == (3, 4, 3)
    assert vmap(lambda a, k: a + k, in_dims=(0, None))(x, 2).shape == (3, 4)
    assert vmap(lambda a, k=0: a + k)(x, k=3)[0, 0] == x[0, 0] + 3
    assert vmap(lambda a: (a, 5), out_dims=(0, None))(x)[1] == 5


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: vmap(lambda x: x)(), ValueError, "got no inputs"),
        (lambda: vmap(lambda x: x)(3.0), ValueError, "cannot vmap over non-Tensor arguments"),
        (lambda: vmap(lambda x: x, in_dims=[0])(rand(2)), ValueError, "expected `in_dims` to be int or a"),
        (lambda: vmap(lambda x: x, in_dims=(0, 0))(rand(2)), ValueError, "in_dims is not compatible"),
        (
            lambda: vmap(lambda x: x, in_dims=("a",))(rand(2)),
            ValueError,
            "in_dim must be either an integer dimension or None",
        ),
        (lambda: vmap(lambda x: x, in_dims=1)(rand(2)), ValueError, "-1 <= in_dim < 1"),
        (lambda: vmap(lambda x: x, in_dims=None)(rand(2)), ValueError, "expected `in_dims` to be int"),
        (lambda: vmap(lambda x: x, in_dims=(None,))(rand(2)), ValueError, "at least one Tensor to vmap over"),
        (lambda: vmap(lambda x, y: x)(rand(2), rand(3)), ValueError, "same size in the mapped dimension, got sizes"),
        (lambda: vmap(lambda x: 3)(rand(2)), ValueError, "must only return Tensors, got type <class 'int'>"),
        (
            lambda: vmap(lambda x: x, out_dims=None)(rand(2)),
            ValueError,
            "can not return a BatchedTensor when out_dim is None",
        ),
        (lambda: vmap(lambda x: x, out_dims="a")(rand(2)), ValueError, "`out_dims` must be an int"),
        (lambda: vmap(lambda x: x, out_dims=(0, 0))(rand(2)), ValueError, "out_dims is not compatible"),
        (lambda: vmap(lambda x: x, out_dims=3)(rand(2)), IndexError, "Dimension out of range"),
        (lambda: vmap(lambda x: x, randomness="maybe")(rand(2)), RuntimeError, "Only allowed values for randomness"),
        (lambda: vmap(lambda x: x, chunk_size=0)(rand(2)), ValueError, "chunk_size should be None or greater than 0"),
        (lambda: vmap(lambda x: x if x > 0 else -x)(rand(2)), RuntimeError, "data-dependent control flow"),
        (lambda: vmap(lambda x: x * x.item())(rand(2)), RuntimeError, r"calling .item\(\)"),
        (lambda: vmap(lambda x: rustorch.tensor(x.tolist()))(rand(2, 2)), RuntimeError, r"calling .item\(\)"),
        (
            lambda: vmap(lambda x: rustorch.zeros(3).add_(x))(rand(2, 3).float()),
            RuntimeError,
            "being vmapped over but `self` not",
        ),
        (lambda: vmap(lambda x: rustorch.sin(x, out=rustorch.empty(3)))(rand(2, 3).float()), RuntimeError, "out="),
        (lambda: vmap(lambda x: x + rustorch.randn(3))(rand(2, 3)), RuntimeError, "randomness error mode"),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error, match=text):
        call()
    assert rustorch._C._transform_depth() == 0


def test_levels_end_after_errors():
    with pytest.raises(RuntimeError):
        vmap(lambda x: x.view(7))(rand(2, 3))
    assert close(vmap(lambda x: x * 2)(rand(2, 3)), rand(2, 3) * 2)


def test_shapes_inside():
    def f(x):
        assert x.shape == (3, 4) and x.dim() == 2 and x.numel() == 12 and len(x) == 3 and x.stride() == (4, 1)
        return x.reshape(-1, 2).sum(-1)

    x = rand(5, 3, 4)
    assert close(vmap(f)(x), x.reshape(5, -1, 2).sum(-1))
    assert "BatchedTensor(lvl=1" in str(vmap(lambda x: (x * 0, repr(x)), out_dims=(0, None))(x)[1])


def test_inplace():
    x, y = rand(3, 4), rand(3, 4)
    z = x.clone()
    assert close(vmap(lambda a, b: a.mul_(b).add_(1))(z, y), x * y + 1) and close(z, x * y + 1)

    def write(a, b):
        a = a.clone()
        a[1] = b[0]
        a[2:].zero_()
        return a

    want = x.clone()
    want[:, 1] = y[:, 0]
    want[:, 2:] = 0
    assert close(vmap(write)(x, y), want)
    g = vmap(grad(lambda a, b: (write(a, b) ** 2).sum(), argnums=(0, 1)))(x, y)
    assert close(g[0], rustorch.cat([2 * x[:, :1], 0 * x[:, 1:]], 1)) and close(g[1][:, 0], 2 * y[:, 0])


def test_promotion_of_scalars():
    a, b = rustorch.ones(3, dtype=rustorch.float64), rustorch.ones(4, dtype=rustorch.float32)
    assert vmap(lambda x, y: x * y, in_dims=(0, None))(a, b).dtype == rustorch.float32
    assert vmap(lambda x, y: x * y, in_dims=(0, None))(a, b[0]).dtype == rustorch.float64


def test_nesting():
    x, y = rand(3), rand(4)
    assert close(vmap(vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(x, y), x.outer(y))
    m = rand(2, 3, 4, 5)
    assert close(vmap(vmap(lambda a: a @ a.T))(m), m @ m.mT)
    assert close(vmap(vmap(lambda a: a.sum(), in_dims=1), in_dims=2)(m), m.sum((0, 3)).T)


def test_randomness():
    x = rand(5, 3)
    same = vmap(lambda a: a * 0 + rustorch.randn(3, dtype=a.dtype), randomness="same")(x)
    assert all(rustorch.equal(r, same[0]) for r in same)
    different = vmap(lambda a: a * 0 + rustorch.randn(3, dtype=a.dtype), randomness="different")(x)
    assert not rustorch.equal(different[0], different[1])
    drop = vmap(lambda a: rustorch.nn.functional.dropout(a * 0 + 1, 0.5), randomness="same")(rand(5, 100))
    assert all(rustorch.equal(r, drop[0]) for r in drop)
    drop = vmap(lambda a: rustorch.nn.functional.dropout(a * 0 + 1, 0.5), randomness="different")(rand(5, 100))
    assert not rustorch.equal(drop[0], drop[1])
    noise = vmap(lambda a: a.clone().normal_(), randomness="different")(x)
    assert not rustorch.equal(noise[0], noise[1])
    with pytest.raises(RuntimeError, match="different inplace randomness"):
        vmap(lambda a: a + rustorch.zeros(3, dtype=a.dtype).normal_(), randomness="different")(x)


def test_chunks():
    x = rand(7, 3)
    want = x.sin().sum(1)
    for size in (1, 2, 7, 20):
        assert close(vmap(lambda a: a.sin().sum(), chunk_size=size)(x), want)
    assert close(vmap(lambda a: a * 2, out_dims=1, chunk_size=3)(x), 2 * x.T)


def test_warns_once_where_there_is_no_rule():
    program = "import rustorch as rt; [rt.vmap(lambda x: rt.histc(x, 4))(rt.ones(3, 4)) for _ in range(2)]"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("batching rule for histc") == 1


def test_per_sample_gradients():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 3)).double()
    params = {k: v.detach() for k, v in net.named_parameters()}
    x, y = rand(4, 1, 6, 6), rustorch.tensor([0, 2, 1, 1])

    def loss(p, a, b):
        return rustorch.nn.functional.cross_entropy(functional_call(net, p, (a.unsqueeze(0),)), b.unsqueeze(0))

    got = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
    for i in range(4):
        want = grad(loss)(params, x[i], y[i])
        assert all(close(got[k][i], want[k]) for k in want)


def test_gradient_through_vmap():
    x, w = rand(4, 3).requires_grad_(), rand(3).requires_grad_()
    vmap(lambda a: (a * w).sin().sum())(x).sum().backward()
    gx, gw = rustorch.autograd.grad((x * w).sin().sum(), (x, w))
    assert close(x.grad, gx) and close(w.grad, gw)
    x.grad = w.grad = None
    vmap(grad(lambda a: (a**3 * w).sum()))(x).sum().backward()  # the gradient of gradients
    assert close(x.grad, 6 * x.detach() * w.detach()) and close(w.grad, (3 * x.detach() ** 2).sum(0))


def test_ensemble():
    nets = [nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double() for _ in range(3)]
    params, buffers = stack_module_state(nets)
    x = rand(6, 3)
    run = lambda p, b, a: functional_call(nets[0], (p, b), (a,))  # noqa: E731
    got = vmap(run, in_dims=(0, 0, None))(params, buffers, x)
    assert close(got, rustorch.stack([n(x) for n in nets]))
    got.sum().backward()
    for n, net in enumerate(nets):
        net(x).sum().backward()
        assert all(close(params[k].grad[n], p.grad) for k, p in net.named_parameters())


def test_with_forward_mode():
    x, v = rand(4, 3), rand(4, 3)
    f = lambda a: a.sin() * a.sum()  # noqa: E731
    got = vmap(lambda a, b: jvp(f, (a,), (b,))[1])(x, v)
    assert close(got, loop(lambda a, b: jvp(f, (a,), (b,))[1], x, v))
    assert close(jvp(vmap(f), (x,), (v,))[1], got)
    assert close(vmap(hessian(lambda a: f(a).prod()))(x), loop(lambda a: hessian(lambda a: f(a).prod())(a), x))
    assert close(vmap(jacfwd(f))(x), vmap(jacrev(f))(x))
    c = rand(3)
    push = jvp(lambda c: vmap(lambda a: (a * c).exp().sum())(x), (c,), (v[0],))[1]  # a captured dual
    assert close(push, ((x * c).exp() * x * v[0]).sum(1))


def test_batched_grad_outputs():
    x = rand(3).requires_grad_()
    y = x.sin()
    (rows,) = rustorch.autograd.grad(y, x, rustorch.eye(3, dtype=x.dtype), is_grads_batched=True)
    assert close(rows, x.detach().cos().diag())


def test_vjp_inside():
    x, u = rand(4, 3), rand(4, 3)
    got = vmap(lambda a, b: vjp(rustorch.tanh, a)[1](b)[0])(x, u)
    assert close(got, u * (1 - x.tanh() ** 2))


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("classes_first", [False, True])
def test_losses(reduction, classes_first):
    x = rand(3, 5) if classes_first else rand(3, 4, 5, 2)
    g = rustorch.Generator()
    g.manual_seed(1)
    y = rustorch.randint(0, 5, (3,) if classes_first else (3, 4, 2), generator=g)
    for loss in (nn.functional.cross_entropy, nn.functional.nll_loss):
        f = lambda a, b: loss(a, b, reduction=reduction, ignore_index=1)  # noqa: E731, B023
        assert rustorch.allclose(vmap(f)(x, y), loop(f, x, y), rtol=1e-10, equal_nan=True)
        h = grad(lambda a, b: f(a, b).sum())  # noqa: B023
        assert rustorch.allclose(vmap(h)(x, y), loop(h, x, y), rtol=1e-10, equal_nan=True)


def test_norms_and_attention():
    x, w = rand(4, 6, 5), rand(4, 5)
    f = lambda a, w, b: nn.functional.layer_norm(a, (5,), w, b)  # noqa: E731
    for dims in ((0, None, None), (0, 0, None), (None, 0, None), (0, 0, 0)):
        args = [
            t if d == 0 else (rand(5) if i else rand(6, 5)) for i, (t, d) in enumerate(zip((x, w, rand(4, 5)), dims))
        ]
        rows = [[a[k] if d == 0 else a for a, d in zip(args, dims)] for k in range(4)]
        assert close(vmap(f, in_dims=dims)(*args), rustorch.stack([f(*r) for r in rows]))
        g = grad(lambda *a: (f(*a) ** 3).sum(), argnums=(0, 1, 2))
        for got, want in zip(vmap(g, in_dims=dims)(*args), zip(*[g(*r) for r in rows])):
            assert close(got, rustorch.stack(want))
    q = rand(3, 2, 2, 4, 5)
    attend = lambda q: nn.functional.scaled_dot_product_attention(q, q * 2, q + 1)  # noqa: E731
    assert close(vmap(attend)(q), loop(attend, q))
    h = grad(lambda q: (attend(q) ** 2).sum())
    assert close(vmap(h)(q), loop(h, q))
    net = nn.BatchNorm1d(3).double()
    with pytest.raises(RuntimeError, match="Batch norm got a batched tensor"):
        vmap(net)(rand(2, 4, 3))


class Cube(rustorch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3 * ctx.saved_tensors[0] ** 2 * g


def test_custom_function():
    x = rand(4, 3)
    assert close(vmap(Cube.apply)(x), x**3)
    assert close(vmap(grad(lambda a: Cube.apply(a).sum()))(x), 3 * x**2)
    y = x.clone().requires_grad_()
    vmap(Cube.apply)(y).sum().backward()
    assert close(y.grad, 3 * x**2)


def test_indexing():
    x, i = rand(3, 4, 5), rustorch.tensor([1, 0, 3])
    assert close(vmap(lambda a, k: a[k])(x, i), rustorch.stack([a[k] for a, k in zip(x, (1, 0, 3))]))
    assert close(vmap(lambda a: a[i])(x), x[:, i]) and close(
        vmap(lambda a: a[:, i], out_dims=1)(x), x[:, :, i].movedim(0, 1)
    )
    assert close(vmap(lambda a: a.masked_fill(a > 0, 0))(x), x.masked_fill(x > 0, 0))
    assert close(vmap(lambda a, k: a.gather(0, k.expand(1, 5)))(x, i), x.gather(1, i[:, None, None].expand(3, 1, 5)))
    mask = x[0] > 0
    assert close(vmap(lambda a: a[mask])(x), x[:, mask])


class Opaque(rustorch.autograd.Function):
    """A forward that vmap cannot look into, with a rule of its own."""

    @staticmethod
    def forward(x):
        assert not rustorch._C._is_batched(x)
        return rustorch.tensor([v * 2 for v in x.reshape(-1).tolist()], dtype=x.dtype).reshape(x.shape)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return 2 * g

    @staticmethod
    def vmap(info, in_dims, x):
        assert info == (4, "error") and in_dims == (0,)
        return Opaque.apply(x), 0


def test_custom_function_with_a_rule():
    x = rand(4, 3)
    assert close(vmap(Opaque.apply)(x), 2 * x)
    assert close(vmap(grad(lambda a: (Opaque.apply(a) * a).sum()))(x), 4 * x)
    y = x.clone().requires_grad_()
    vmap(Opaque.apply, out_dims=1)(y).sum().backward()
    assert close(y.grad, 2 + 0 * x)


def test_what_reads_values_to_check_them_takes_batches():
    """tests/differential/derivatives.py found these."""
    x, q = (
        rustorch.randn(3, 5, dtype=rustorch.float64),
        rustorch.tensor([[0.1, 0.5], [0.2, 1.0], [0.0, 0.3]], dtype=rustorch.float64),
    )
    got = rustorch.vmap(lambda a, b: rustorch.quantile(a, b))(x, q)
    assert rustorch.equal(got, rustorch.stack([rustorch.quantile(a, b) for a, b in zip(x, q)]))
    with pytest.raises(ValueError, match="range"):
        rustorch.vmap(lambda a, b: rustorch.quantile(a, b))(x, q + 0.5)
    rows, weight = rustorch.tensor([[0, 1, 2, 1], [2, 2, 0, 1]]), rustorch.randn(3, 2)
    starts = rustorch.tensor([[0, 1, 3], [0, 0, 2]])
    bag = lambda r, s: rustorch.nn.functional.embedding_bag(r, weight, s, mode="mean", padding_idx=2)
    assert rustorch.allclose(
        rustorch.vmap(bag)(rows, starts), rustorch.stack([bag(r, s) for r, s in zip(rows, starts)])
    )
    last = lambda r, s: rustorch.nn.functional.embedding_bag(r, weight, s, mode="sum", include_last_offset=True)
    assert rustorch.allclose(
        last(rows[0], rustorch.tensor([0, 2, 3])), rustorch.stack([weight[0] + weight[1], weight[2]])
    )


def test_slices_of_as_strided_scatter_have_memory_of_their_own():
    x, y = rustorch.arange(27.0).reshape(3, 9), -rustorch.ones(3, 2)
    f = lambda a, b: rustorch.as_strided_scatter(a, b, (2,), (2,), 1)
    want = rustorch.stack([f(a.clone(), b) for a, b in zip(x, y)])
    assert rustorch.equal(rustorch.vmap(f)(x, y), want) and rustorch.equal(
        rustorch.vmap(f, in_dims=(1, 0))(x.T.contiguous(), y), want
    )
