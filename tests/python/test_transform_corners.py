"""vmap and forward mode where operators take lists, optional tensors, views or no batched operand, against loops."""

import warnings

import pytest

import rustorch as rt
import rustorch.nn.functional as F
from rustorch.func import grad, jacfwd, jacrev, jvp, vmap


def numbers(*shape, dtype=rt.float64):
    return rt.cos(rt.arange(rt.Size(shape).numel(), dtype=rt.float64) * 1.3 + len(shape)).reshape(shape).to(dtype)


def parts(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def check_vmap(f, *args, in_dims=0):
    """vmap(f) gives what a loop over the first dimension gives."""
    dims = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = parts(vmap(f, in_dims=in_dims)(*args))
    size = next(a.size(0) for a, d in zip(args, dims) if d is not None)
    rows = [parts(f(*(a if d is None else a[k] for a, d in zip(args, dims)))) for k in range(size)]
    for g, *want in zip(got, *rows):
        assert g.dtype == want[0].dtype and rt.allclose(g, rt.stack(want), rtol=1e-9, atol=1e-12)


X, Y, W = numbers(3, 4, 5), numbers(3, 5), numbers(6, 5)

MAPPED = {
    "view as another": (lambda x: x.view_as(rt.zeros(20)), (X,)),
    "t of a number": (lambda x: x.t(), (numbers(3),)),
    "split": (lambda x: x.split(2, 1), (X,)),
    "split sizes": (lambda x: rt.tensor_split(x, (1, 3), -1), (X,)),
    "chunk and stack": (lambda x: rt.stack(x.chunk(2)), (X,)),
    "unbind": (lambda x: x.unbind(1), (X,)),
    "meshgrid": (lambda x, y: rt.meshgrid(x, y, indexing="ij"), (Y, numbers(3, 2))),
    "block_diag": (lambda x: rt.block_diag(x, x * 2), (X,)),
    "cartesian": (lambda x, y: rt.cartesian_prod(x, y), (Y, numbers(3, 2))),
    "einsum": (lambda x, y: rt.einsum("ij,j->i", x, y), (X, Y)),
    "linear, weights of each": (lambda x, w: F.linear(x, w), (Y, numbers(3, 6, 5))),
    "linear, one output": (lambda x, w: F.linear(x, w), (X, Y)),
    "linear, bias of each": (lambda x, b: F.linear(x, W, b), (X, numbers(3, 6))),
    "indexing": (lambda x, k: x[k], (X, rt.tensor([0, 3, 1]))),
    "indexing columns": (lambda x, k: x[:, k], (X, rt.tensor([[0, 3], [1, 1], [4, 2]]))),
    "indexing both": (lambda x, k: x[k, k + 1], (X, rt.tensor([[0, 3], [1, 1], [3, 2]]))),
    "rounding in place": (lambda x: (x * 3).floor_(), (X,)),
    "expand": (lambda x: x.expand(4, 5), (Y,)),
    "expand as": (lambda x: x.expand_as(rt.zeros(2, 5)), (Y,)),
    "new zeros": (lambda x: x.new_zeros(2) + x.sum(), (Y,)),
    "searchsorted": (lambda x, y: rt.searchsorted(x.sort()[0], y), (Y, Y)),
    "nll with weights": (lambda x: F.nll_loss(x, rt.tensor([0, 1, 2, 3]), rt.tensor([1.0, 2, 3, 4, 5], dtype=rt.float64)), (X,)),
    "cross_entropy with weights": (lambda x: F.cross_entropy(x, rt.tensor([0, 1, 2, 3]), rt.tensor([1.0, 2, 3, 4, 5], dtype=rt.float64)), (X,)),
    "cross_entropy of one": (lambda x: F.cross_entropy(x, rt.tensor(2)), (Y,)),
    "lu_solve": (lambda a, b: rt.linalg.lu_solve(*rt.linalg.lu_factor(a + 4 * rt.eye(4, dtype=rt.float64)), b), (numbers(3, 4, 4), numbers(3, 4, 2))),
    "addmm, nothing of self": (lambda a, b: rt.addmm(rt.full((4, 4), float("nan"), dtype=rt.float64), a, b, beta=0), (X, numbers(3, 5, 4))),
    "addmv": (lambda c, a, b: rt.addmv(c, a, b, beta=2, alpha=0.5), (numbers(3, 4), X, Y)),
    "baddbmm": (lambda c, a: rt.baddbmm(c, a, a.mT), (numbers(3, 2, 4, 4), numbers(3, 2, 4, 5))),
    "mode": (lambda x: x.sort(0)[0].median(0)[0], (X,)),
    "all and any": (lambda x: ((x > 0).all(), (x > 0).any()), (X,)),
    "largest of all": (lambda x: (x.max(), x.min()), (X,)),
    "mean of whole": (lambda x: x.mean(dtype=rt.float64), (X,)),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPPED)
def test_vmap_is_a_loop(name):
    f, args = MAPPED[name]
    check_vmap(f, *args)


@pytest.mark.parametrize("name", [n for n in MAPPED if n not in ("searchsorted", "all and any")])
def test_gradients_of_slices(name):
    f, args = MAPPED[name]

    def total(*a):
        return sum((p * numbers(*p.shape)).sum() for p in parts(f(*a)))

    check_vmap(grad(total), *args)


LAYERS = {
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (5,), w, b), (5,), (5,)),
    "rms_norm": (lambda x, w, b: F.rms_norm(x, (5,), w) + b, (5,), (5,)),
    "layer_norm of two": (lambda x, w, b: F.layer_norm(x, (4, 5), w, b), (4, 5), (4, 5)),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), (4,), (4,)),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (4,), (4,)),
    "linear": (F.linear, (6, 5), (6,)),
    "conv1d": (lambda x, w, b: F.conv1d(x, w, b), (2, 4, 3), (2,)),
    "softmax": (lambda x, w, b: F.softmax(x * w + b, -1), (5,), (5,)),
    "max_pool": (lambda x, w, b: F.max_pool1d(x * w + b, 2), (5,), (5,)),
    "cross_entropy": (lambda x, w, b: F.cross_entropy(x * w + b, rt.zeros(3, 5, dtype=rt.int64), reduction="none"), (5,), (5,)),
    "embedding": (lambda x, w, b: F.embedding(rt.tensor([1, 1, 0]), w) * b + x.sum(), (3, 5), (5,)),
    "attention": (lambda x, w, b: F.scaled_dot_product_attention(x, x * w, x + b), (5,), (5,)),
    "gelu and dropped": (lambda x, w, b: F.gelu(x * w).masked_fill(x > 0.5, 0) + b, (5,), (5,)),
    "lstm": (lambda x, w, b: rt.lstm(x, (x.new_zeros(1, 4, 2),) * 2, [w, b], False, 1, 0.0, False, False, False)[0], (8, 5), (8, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_batched_gradients_are_those_of_a_loop(name):
    f, w, b = LAYERS[name]
    inputs = [t.requires_grad_() for t in (numbers(3, 4, 5), numbers(*w), numbers(*b))]
    y = f(*inputs)
    rows = numbers(2, *y.shape) + 0.3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = rt.autograd.grad(y, inputs, rows, is_grads_batched=True, retain_graph=True)
    want = [rt.autograd.grad(y, inputs, row, retain_graph=True) for row in rows]
    for g, *each in zip(got, *want):
        assert rt.allclose(g, rt.stack(each), rtol=1e-9, atol=1e-12)


LISTS = {
    "cat": lambda x: rt.cat([x, x * x]),
    "stack of parts": lambda x: rt.stack([x[:2], x[2:] * x[:2]]),
    "splits": lambda x: rt.cat([p * p.sum() for p in x.split(2)]),
    "unbound": lambda x: rt.stack([p * p for p in x.unbind()]),
    "index": lambda x: x[rt.tensor([0, 0, 3])] * x[1],
    "index_put": lambda x: rt.zeros(6, dtype=rt.float64).index_put((rt.tensor([1, 4, 4, 2]),), x * x, accumulate=True),
    "einsum": lambda x: rt.einsum("i,j->ij", x, x).reshape(-1),
    "block_diag": lambda x: rt.block_diag(x, x * x).reshape(-1),
    "meshgrid": lambda x: (lambda g: (g[0] * g[1]).reshape(-1))(rt.meshgrid(x, x, indexing="ij")),
    "real of complex": lambda x: (rt.complex(x, x * x) * (1 + 2j)).abs(),
    "through complex": lambda x: rt.view_as_real(rt.view_as_complex(x.reshape(2, 2)) ** 2).reshape(-1),
    "written": lambda x: (lambda h: (h.__setitem__(slice(0, 2), x[2:] * x[2:]), h)[1])(x * 3),
    "filled": lambda x: (x * 3).fill_(1.0) + x * x,
    "rounded": lambda x: (x * 3).floor_() + x * x,
    "transposed in place": lambda x: (x * x).reshape(2, 2).t_().reshape(-1),
    "squeezed in place": lambda x: (x * x).reshape(4, 1).squeeze_(1),
    "multiplied in place": lambda x: (x * 3).mul_(x),
    "power in place": lambda x: (x * x + 1).pow_(x),
    "converted": lambda x: (x.to(rt.float32).to(rt.float64)) ** 2,
}


@pytest.mark.parametrize("name", LISTS)
def test_forward_mode_agrees_with_reverse_mode(name):
    f, x = LISTS[name], numbers(4)
    near = 1e-6 if name == "converted" else 1e-9
    assert rt.allclose(jacfwd(f)(x), jacrev(f)(x), rtol=near, atol=near)
    assert rt.allclose(jacfwd(jacfwd(f))(x), jacrev(jacrev(f))(x), rtol=near, atol=near)


@pytest.mark.parametrize("name", LISTS)
def test_forward_mode_of_slices(name):
    f = LISTS[name]
    x, v = numbers(3, 4), numbers(3, 4) * 0.5
    check_vmap(lambda a, b: jvp(f, (a,), (b,))[1], x, v)
    mapped = jvp(vmap(f), (x,), (v,))[1]
    assert rt.allclose(mapped, rt.stack([jvp(f, (a,), (b,))[1] for a, b in zip(x, v)]), rtol=1e-6)
    one = jvp(vmap(f, in_dims=0), (x,), (rt.ones_like(x[:1]).expand(3, 4),))[1]
    assert one.shape == mapped.shape


def test_a_dual_outside_of_a_vmap_is_written_inside():
    def f(x):
        return vmap(lambda row: (row * 1).mul_(row).add_(2))(x)

    x = numbers(3, 4)
    assert rt.allclose(jvp(f, (x,), (rt.ones_like(x),))[1], 2 * x)
