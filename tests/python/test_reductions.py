"""Reductions against NumPy, over layouts, dtypes, thread counts and edge cases; gradients against differences."""

import itertools
import math

import numpy as np
import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

SHAPES = [
    (),
    (1,),
    (5,),
    (12295,),
    (3, 5),
    (64, 130),
    (1000, 7),
    (7, 3, 11),
    (2, 3, 4, 5),
    (300, 257),
    (20000, 3),
    (150000,),
]


def values(shape, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return rng.standard_normal(shape).astype(dtype)
    if dtype == "bool":
        return rng.random(shape) > 0.5
    return rng.integers(0 if dtype == "uint8" else -50, 50, shape).astype(dtype)


def layouts(a):
    """The same values in several memory layouts."""
    yield rt.tensor(a)
    if a.ndim >= 2:
        yield rt.tensor(np.ascontiguousarray(np.swapaxes(a, 0, -1))).transpose(0, -1)
    if a.ndim >= 1:
        yield rt.tensor(np.stack([a, a], -1))[..., 0]


def axis_sets(ndim):
    return [d for n in range(1, ndim + 1) for d in itertools.combinations(range(ndim), n)]


def check(got, want, rtol=1e-5, atol=1e-5):
    want = np.asarray(want)
    assert tuple(got.shape) == want.shape
    np.testing.assert_allclose(np.asarray(got.tolist(), dtype=want.dtype), want, rtol=rtol, atol=atol)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float_reductions(shape):
    a = values(shape)
    wide = a.astype(np.float64)
    for x in layouts(a):
        for dims in axis_sets(a.ndim):
            check(x.sum(dims), wide.sum(dims), atol=2e-4)
            check(x.mean(dims), wide.mean(dims))
            check(x.amax(dims), a.max(dims), 0, 0)
            check(x.amin(dims), a.min(dims), 0, 0)
            check(x.var(dims, False), wide.var(dims))
            check(x.std(dims, False), wide.std(dims))
            check(x.logsumexp(dims), np.log(np.exp(wide).sum(dims)))
            check(rt.linalg.vector_norm(x, 2, dims), np.sqrt((wide**2).sum(dims)))
            check(rt.linalg.vector_norm(x, math.inf, dims), np.abs(a).max(dims), 0, 0)
            check(rt.linalg.vector_norm(x, 1, dims), np.abs(wide).sum(dims))
            check(rt.linalg.vector_norm(x, 3, dims), (np.abs(wide) ** 3).sum(dims) ** (1 / 3))
        check(x.sum(), wide.sum(), atol=2e-4)
        check(x.max(), a.max(), 0, 0)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "bool"])
def test_integer_reductions(dtype):
    for shape in [(5,), (64, 130), (130, 64), (7, 3, 11), (5000, 2)]:
        a = values(shape, dtype)
        for x in layouts(a):
            for dims in axis_sets(a.ndim):
                total = x.sum(dims)
                assert total.dtype == rt.int64
                check(total, a.astype(np.int64).sum(dims), 0, 0)
                check(x.amax(dims), a.max(dims), 0, 0)
                check(x.amin(dims), a.min(dims), 0, 0)
                check(x.count_nonzero(dims), np.count_nonzero(a, dims), 0, 0)
                assert x.any(dims).tolist() == (a != 0).any(dims).tolist()
                assert x.all(dims).tolist() == (a != 0).all(dims).tolist()


def test_half_sums_accumulate_in_float():
    x = rt.ones(4096, dtype=rt.float16)
    assert x.sum().item() == 4096
    assert rt.full((100000,), 0.5, dtype=rt.bfloat16).mean().item() == 0.5
    y = rt.tensor(values((513, 300))).to(rt.bfloat16)
    check(y.sum(0).float(), np.asarray(y.float().tolist()).sum(0), 2e-2, 0.2)


def test_complex_sums():
    a = values((40, 70)) + 1j * values((40, 70), seed=1)
    x = rt.complex(rt.tensor(a.real.astype("float32")), rt.tensor(a.imag.astype("float32")))
    for dims in axis_sets(2):
        check(rt.real(x.sum(dims)), a.sum(dims).real, atol=1e-4)
        check(rt.imag(x.mean(dims)), a.mean(dims).imag)
        check(rt.linalg.vector_norm(x, 2, dims), np.sqrt((np.abs(a) ** 2).sum(dims)))
        check(x.var(dims, False), a.var(dims))


@pytest.mark.parametrize("shape", [(5,), (3000,), (64, 130), (130, 64), (7, 3, 11), (200000,)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8"])
def test_arg_reductions(shape, dtype):
    a = values(shape, dtype)
    for x in layouts(a):
        assert x.argmax().item() == a.argmax()
        assert x.argmin().item() == a.argmin()
        for d in range(a.ndim):
            assert x.argmax(d).tolist() == a.argmax(d).tolist()
            top = x.max(d)
            check(top.values, a.max(d), 0, 0)
            assert top.indices.tolist() == a.argmax(d).tolist()
            assert x.min(d, True).indices.shape[d] == 1


def test_nan_wins():
    for shape in [(1000,), (50, 40), (5000,)]:
        a = values(shape)
        a.reshape(-1)[[37, 39]] = np.nan
        x = rt.tensor(a)
        assert math.isnan(x.max().item()) and math.isnan(x.amin().item())
        assert x.argmax().item() == 37 and x.argmin().item() == 37
        for d in range(a.ndim):
            assert x.max(d).indices.tolist() == a.argmax(d).tolist()
        np.testing.assert_allclose(x.nansum().item(), np.nansum(a), rtol=1e-4)
        np.testing.assert_allclose(x.nanmean().item(), np.nanmean(a), rtol=1e-4, atol=1e-6)


def test_variance_of_shifted_data():
    a = values((4000, 30)).astype(np.float64) + 1e4
    x = rt.tensor(a.astype("float32"))
    want = a.astype("float32").astype(np.float64)
    check(x.var(0), want.var(0, ddof=1), 1e-4)
    check(x.t().contiguous().var(1), want.var(0, ddof=1), 1e-4)
    spread, mean = rt.var_mean(x, 0)
    check(mean, want.mean(0), 1e-6)
    check(spread, want.var(0, ddof=1), 1e-4)


def test_logsumexp_infinities():
    inf = math.inf
    for row, want in (
        ([-inf, -inf], -inf),
        ([inf, 1.0], inf),
        ([-inf, 2.0], 2.0),
        ([1000.0, 1000.0], 1000 + math.log(2)),
    ):
        assert rt.tensor(row).logsumexp(0).item() == pytest.approx(want)
        assert rt.tensor([row]).t().contiguous().logsumexp(0).item() == pytest.approx(want)


def test_empty():
    e = rt.zeros(0, 3)
    assert e.sum().item() == 0 and e.prod().item() == 1 and math.isnan(e.mean().item())
    assert e.sum(0).tolist() == [0, 0, 0] and e.all().item() and not e.any().item()
    assert e.amax(1).shape == (0,)
    for f in (lambda: e.max(), lambda: e.amax(), lambda: e.argmax(), lambda: e.max(0), lambda: e.argmin(0)):
        with pytest.raises((RuntimeError, IndexError), match="Expected reduction dim"):
            f()


def test_errors():
    x = rt.ones(2, 3)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.sum(5)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        x.sum((0, 0))
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        rt.ones(2, dtype=rt.int64).mean()


def test_any_number_of_threads_gives_the_same_bits():
    x = rt.tensor(values((3001, 701)))
    equal_on_threads(lambda: [f for d in ((0,), (1,), (0, 1)) for f in (x.sum(d), x.var(d), x.logsumexp(d))])


def numeric_gradient(f, a, eps=1e-6):
    g = np.zeros_like(a)
    for i in np.ndindex(*a.shape):
        up, down = a.copy(), a.copy()
        up[i] += eps
        down[i] -= eps
        g[i] = (f(rt.tensor(up)).item() - f(rt.tensor(down)).item()) / (2 * eps)
    return g


SMOOTH = {
    "sum": lambda x: (x.sum(1) ** 2).sum(),
    "mean": lambda x: (x.mean(0, True) ** 3).sum(),
    "prod": lambda x: (x.prod(1) ** 2).sum(),
    "prod_all": lambda x: x.prod(),
    "var": lambda x: (x.var(0) ** 2).sum(),
    "std": lambda x: x.std(1).sum(),
    "var_mean": lambda x: (rt.var_mean(x, 1)[0] * rt.var_mean(x, 1)[1]).sum(),
    "logsumexp": lambda x: (x.logsumexp(1) ** 2).sum(),
    "norm2": lambda x: x.norm(2, 0).sum(),
    "norm3": lambda x: x.norm(3, 1).sum(),
    "norm1.5": lambda x: x.norm(1.5, 1).sum(),
    "norminf": lambda x: x.norm(math.inf, 1).sum(),
    "amax": lambda x: (x.amax(0) ** 2).sum(),
    "max": lambda x: x.max() ** 2 + x.min(),
    "max_dim": lambda x: (x.max(1).values ** 2).sum() + x.min(0).values.sum(),
    "cumsum": lambda x: (x.cumsum(1) ** 2).sum(),
    "cumprod": lambda x: (x.cumprod(0) ** 2).sum(),
    "logcumsumexp": lambda x: (x.logcumsumexp(1) ** 2).sum(),
    "cummax": lambda x: (x.cummax(1).values ** 2).sum(),
    "sort": lambda x: (x.sort(1).values * rt.arange(4, dtype=rt.float64)).sum(),
    "topk": lambda x: (x.topk(2, 1).values ** 2).sum(),
    "kthvalue": lambda x: (x.kthvalue(2, 0).values ** 2).sum(),
    "median": lambda x: x.median() ** 2 + (x.median(1).values ** 2).sum(),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name):
    f, a = SMOOTH[name], values((3, 4), "float64") + 0.1
    x = rt.tensor(a, requires_grad=True)
    (g,) = rt.autograd.grad(f(x), x, create_graph=True)
    np.testing.assert_allclose(np.asarray(g.tolist()), numeric_gradient(f, a), rtol=1e-5, atol=1e-7)
    # The gradient itself can be differentiated.
    weights = rt.tensor(values((3, 4), "float64", seed=3))

    def slope(y):
        y = y.detach().requires_grad_()
        return (rt.autograd.grad(f(y), y)[0] * weights).sum()

    if g.requires_grad:
        (second,) = rt.autograd.grad((g * weights).sum(), x)
        np.testing.assert_allclose(np.asarray(second.tolist()), numeric_gradient(slope, a), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["prod", "prod_all", "cumprod"])
@pytest.mark.parametrize("zeros", [1, 2])
def test_gradients_of_products_with_zeros(name, zeros):
    a = values((3, 4), "float64") + 0.1
    a[0, 1] = 0
    if zeros == 2:
        a[0, 3] = a[2, 1] = 0
    x = rt.tensor(a, requires_grad=True)
    SMOOTH[name](x).backward()
    np.testing.assert_allclose(np.asarray(x.grad.tolist()), numeric_gradient(SMOOTH[name], a), rtol=1e-5, atol=1e-7)


def test_ties_share_the_gradient():
    x = rt.tensor([[1.0, 2.0, 2.0], [2.0, 0.0, 1.0]], requires_grad=True)
    x.max().backward()
    np.testing.assert_allclose(x.grad.tolist(), [[0, 1 / 3, 1 / 3], [1 / 3, 0, 0]])
    x.grad = None
    x.amax(1).sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), [[0, 0.5, 0.5], [1, 0, 0]])
    x.grad = None
    x.max(1).values.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), [[0, 1, 0], [1, 0, 0]])


def test_norm_at_zero_has_no_gradient():
    x = rt.zeros(3, requires_grad=True)
    x.norm().backward()
    assert x.grad.tolist() == [0, 0, 0]
