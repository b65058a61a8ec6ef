"""Every family of kernels of the OpenCL backend against the CPU, with the fallback refused. Skipped without a device."""

import math
import os
import warnings

import pytest

import rustorch as rt
from rustorch import backends, nn

F = nn.functional

pytestmark = pytest.mark.skipif(
    not rt.opencl.is_available() and not os.environ.get("RUSTORCH_REQUIRE_OPENCL"),
    reason=f"no OpenCL device: {rt.opencl.unavailable_reason()}",
)


@pytest.fixture(autouse=True)
def native():
    """Fails when an operator runs on the CPU."""
    before = backends.fallback_policy()
    backends.set_fallback_policy("refuse")
    yield
    backends.set_fallback_policy(before)


def flat(results):
    if isinstance(results, rt.Tensor):
        return [results]
    return [r for r in results if isinstance(r, rt.Tensor)]


def on(device, args):
    return [a.to(device) if isinstance(a, rt.Tensor) else a for a in args]


def same(f, *args, tolerance=1e-5):
    """f gives the same on both devices; exactly for what is not floating point."""
    want, got = flat(f(*args)), flat(f(*on("opencl", args)))
    assert len(want) == len(got)
    for w, g in zip(want, got):
        assert g.device.type == "opencl" and g.dtype == w.dtype and g.shape == w.shape
        g = g.cpu()
        if w.dtype.is_floating_point or w.dtype.is_complex:
            assert rt.allclose(g, w, rtol=tolerance, atol=tolerance, equal_nan=True), (g - w).abs().max()
        else:
            assert rt.equal(g, w)


def same_gradients(f, *args, tolerance=1e-4):
    """f and its gradients with respect to the floating-point arguments."""
    runs = []
    for device in ("cpu", "opencl"):
        leaves = [
            a.detach().to(device).requires_grad_(a.dtype.is_floating_point) if isinstance(a, rt.Tensor) else a
            for a in args
        ]
        out = flat(f(*leaves))
        rt.manual_seed(1)
        loss = sum((o * rt.randn(o.shape, dtype=o.dtype).to(device)).sum() for o in out if o.dtype.is_floating_point)
        loss.backward()
        grads = [a.grad for a in leaves if isinstance(a, rt.Tensor) and a.requires_grad]
        runs.append([o.detach() for o in out] + grads)
    for w, g in zip(*runs):
        assert g.device.type == "opencl"
        assert rt.allclose(g.cpu(), w, rtol=tolerance, atol=tolerance, equal_nan=True), (g.cpu() - w).abs().max()


def test_ranges_and_triangles():
    assert rt.equal(rt.arange(3, 30, 4, device="opencl").cpu(), rt.arange(3, 30, 4))
    assert rt.allclose(rt.linspace(-1, 2, 7, device="opencl").cpu(), rt.linspace(-1, 2, 7))
    assert rt.equal(rt.eye(3, 4, device="opencl").cpu(), rt.eye(3, 4))
    x = rt.randn(2, 5, 6)
    for k in (-2, 0, 1):
        same(lambda t, k=k: (t.tril(k), t.triu(k), t.transpose(1, 2).triu(k)), x)
    same(lambda t: (t.flip(0, 2), t.permute(2, 0, 1).flip(1), t.roll(2, 1), t.rot90(1, (1, 2))), x)


def test_indexing():
    x, i, j = rt.randn(6, 5, 4), rt.tensor([[0, -1, 3], [2, 2, 5]]), rt.tensor([1, 0, 4])
    same(lambda t, a, b: (t[a], t[:, b], t[a, b], t[a[0], :, b.clamp(max=3)], t.index_select(2, b % 4)), x, i, j)
    same(lambda t, a: t.masked_fill(a > 1, 2.0), x[:2, :3, 0], i)

    def put(t, a, b):
        t = t.clone()
        t[a[0], b] = 3.0
        t[:, b] += 1
        t.index_put_((a,), t[a] * 0 + 0.5, accumulate=True)
        return t.index_add(0, a.flatten() % 6, t[a.flatten()], alpha=0.5), t

    same(put, x, i, j)
    big = rt.randint(0, 7, (500,))  # many duplicates: they are sorted
    same(lambda t, a: t.index_add(0, a, rt.ones(500, 3, device=t.device)), rt.zeros(7, 3), big)
    last = rt.zeros(7, device="opencl")
    last[big.to("opencl")] = rt.arange(500.0, device="opencl")
    want = rt.zeros(7)
    want[big] = rt.arange(500.0)
    assert rt.equal(last.cpu(), want)
    for dtype in (rt.bool, rt.int64, rt.float16, rt.bfloat16, rt.complex64):
        y = rt.randn(4, 3).mul(3).to(dtype)
        same(lambda t, a: (t[a], t.index_add(0, a, t[a])), y, rt.tensor([1, 1, 3]))


def test_index_errors():
    x = rt.randn(3, 4).to("opencl")
    bad = rt.tensor([0, 7]).to("opencl")
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 0 with size 3"):
        x[bad]
    with pytest.raises(IndexError):
        x.index_select(0, bad)
    before = x.cpu().clone()
    with pytest.raises(IndexError):
        x[bad] = 0
    with pytest.raises(RuntimeError, match="index 7 is out of bounds for dimension 0 with size 3"):
        x.gather(0, bad.reshape(1, 2))
    with pytest.raises(RuntimeError, match="index 7 is out of bounds for dimension 1 with size 4"):
        x.scatter_(1, bad.reshape(1, 2), 1.0)
    assert rt.equal(x.cpu(), before)
    with pytest.raises(IndexError, match="index out of range in self"):
        F.embedding(bad, x)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        rt.tensor([1, 2]).to("opencl") // rt.tensor([1, 0]).to("opencl")


def test_gather_and_scatter():
    x, i = rt.randn(5, 6), rt.randint(0, 5, (4, 6))
    same(lambda t, a: (t.gather(0, a), t.t().gather(1, a.t())), x, i)
    same(lambda t, a, s: (t.scatter(0, a, s), t.scatter(0, a, 2.0), t.scatter_add(0, a, s)), x, i, rt.randn(4, 6))
    for reduce in ("sum", "prod", "amax", "amin", "mean"):
        same(lambda t, a, s, r=reduce: t.scatter_reduce(0, a, s, r), x, i, rt.randn(4, 6))
    long = rt.randint(0, 4, (2, 900))
    same(lambda a, s: rt.zeros(2, 4, device=s.device).scatter_add(1, a, s), long, rt.randn(2, 900), tolerance=1e-4)
    same(lambda a: rt.zeros(2, 4, dtype=rt.int64, device=a.device).scatter(1, a, a * 3), long)
    same_gradients(lambda t, a: t.gather(0, a), x, i)


def test_masks():
    x = rt.randn(9, 70)
    same(lambda t: (t[t > 0], t.t()[t.t() > 0.5], (t > 1).nonzero(), (t > 0).sum()), x)
    same(lambda t: t.masked_scatter(t > 0, t.flip(0).contiguous()), x)
    same(lambda t: (t != 0).count_nonzero(), x)
    empty = rt.zeros(3).to("opencl")
    assert empty[empty > 0].shape == (0,) and empty.nonzero().shape == (0, 1)


@pytest.mark.parametrize("dtype", [rt.float32, rt.float64, rt.int64, rt.int16, rt.bfloat16, rt.float16])
def test_sort(dtype):
    x = (rt.randn(3, 130) * 20).to(dtype)  # ties, and several merges
    same(lambda t: (*t.sort(1), *t.sort(1, descending=True), *t.topk(5), *t.topk(4, largest=False)), x)
    same(lambda t: (t.sort(0).values, *t.kthvalue(40), *t.median(1), *t.mode(1)), x)
    if dtype.is_floating_point:
        x[1, 7] = math.nan
        same(lambda t: (*t.sort(1), *t.sort(1, descending=True), *t.median(1), *t.nanmedian(1)), x)


def test_search():
    s = rt.randn(40).sort().values
    v = rt.randn(3, 50)
    same(lambda a, b: (rt.searchsorted(a, b), rt.bucketize(b, a, right=True, out_int32=True)), s, v)
    same(lambda a, b: rt.searchsorted(a, b), rt.randn(3, 9).sort(1).values, v)


@pytest.mark.parametrize("shape", [(3, 7), (2, 1500), (300, 5, 4)])
def test_scans(shape):
    x = rt.randn(shape)
    for dim in range(len(shape)):
        same(lambda t, d=dim: (t.cumsum(d), t.logcumsumexp(d), *t.cummax(d), *t.cummin(d)), x, tolerance=1e-4)
    same(lambda t: (t * 0.1 + 1).cumprod(0), x)
    same(lambda t: (t.cumsum(1), *t.cummax(1)), x.mul(3).to(rt.int64))
    same(lambda t: (t.cumsum(1), t.cumprod(0)), rt.complex(x, x)[:, :4])
    x[0, 3] = math.nan
    same(lambda t: (t.logcumsumexp(1), *t.cummax(1)), x, tolerance=1e-4)


def test_more_reductions():
    x = rt.randn(40, 90, 3)
    for dim in (0, 1, 2, (0, 2), (0, 1, 2)):
        same(lambda t, d=dim: (t.var(d), t.std(d, correction=0), t.logsumexp(d), t.nansum(d)), x, tolerance=1e-4)
        same(lambda t, d=dim: [t.norm(p, d) for p in (0, 0.5, 1, 2, 3, math.inf, -math.inf)], x, tolerance=1e-4)
        same(lambda t, d=dim: t.count_nonzero(d), x.to(rt.int64))
    same(lambda t: (t.sum(0), t.mean(1), t.prod(2), t.norm(2, 1), t.any(1)), rt.complex(x, x.flip(0)), tolerance=1e-4)
    same(lambda t: (t.sum(0), t.var(1)), x.to(rt.float16), tolerance=1e-2)


def test_complex_reductions_and_scans():
    x = rt.complex(rt.randn(6, 40, 3), rt.randn(6, 40, 3))
    for dim in (1, (0, 2)):
        same(lambda t, d=dim: (t.var(d), t.std(d, correction=0), *rt.var_mean(t, d)), x, tolerance=1e-4)
        same(lambda t, d=dim: [rt.linalg.vector_norm(t, p, d) for p in (0, 1, 2, 3, math.inf, -math.inf)], x)
        same(lambda t, d=dim: rt.logsumexp(t, d).exp(), x, tolerance=1e-4)
    same(lambda t: (t.logcumsumexp(1).exp(), t.cumsum(0), t.cumprod(2)), x, tolerance=1e-4)


def test_the_angle_of_complex_running_log_sums_is_that_of_the_cpu():
    rt.manual_seed(5)
    x = rt.complex(rt.randn(4, 2000) * 3, rt.randn(4, 2000) * 4)
    same(lambda t: (t.logcumsumexp(1), t.logcumsumexp(0)), x, tolerance=1e-4)
    x[0, 3] = complex(-math.inf, 1)
    x[1, :2] = complex(-math.inf, 0)
    x[2, 1990:1992] = complex(math.inf, 0)
    same(lambda t: t.logcumsumexp(1), x, tolerance=1e-4)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_powers_of_complex_zero(dtype):
    exponents = [0, 1, 2.5, -1, -0.5, 1j, -1j, 1 + 1j, -1 + 1j, -2 - 3j]
    zero = rt.zeros(len(exponents), dtype=getattr(rt, dtype))
    same(rt.pow, zero, rt.tensor(exponents, dtype=getattr(rt, dtype)))
    for exponent in exponents:
        same(lambda t, e=exponent: t.pow(e), zero)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64", "float8_e5m2", "complex32"])
def test_types_that_are_stored_only_are_moved(dtype):
    numbers = rt.arange(20).to(getattr(rt, dtype)).reshape(4, 5)
    there = numbers.to("opencl")
    index, places, mask = rt.tensor([3, 0, 3]), rt.arange(20).reshape(4, 5) % 4, rt.arange(20).reshape(4, 5) % 3 == 0

    def moved(x, index, places, mask):
        filled = rt.zeros(4, 5, dtype=x.dtype, device=x.device).masked_scatter(mask, x)
        return [
            x[index],
            x.index_select(1, index),
            x.gather(0, places),
            x.flip(1),
            x.tril(),
            x[mask],
            rt.cat([x, x]),
            filled,
        ]

    wanted = moved(numbers, index, places, mask)
    for w, g in zip(wanted, moved(there, *on("opencl", (index, places, mask)))):
        assert g.device.type == "opencl" and g.dtype == w.dtype and g.cpu().tolist() == w.tolist()


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3, math.inf])
def test_distances(p):
    rt.manual_seed(7)
    x, y = rt.randn(2, 6, 5), rt.randn(2, 4, 5)
    same_gradients(lambda a, b: rt.cdist(a, b, p=p, compute_mode="donot_use_mm_for_euclid_dist"), x, y)
    same(lambda a, b: (rt.cdist(a, b, p), rt.nn.functional.pdist(a[0], p)), x, y)
    x[0, 1, 2] = math.nan
    same(lambda a, b: rt.cdist(a, b[0], p), x, y)
    if p == 1:  # more than one block of rows
        same(lambda a, b: rt.cdist(a, b, p), rt.randn(300, 70), rt.randn(900, 70), tolerance=1e-4)


def test_long_sums_of_products_keep_their_bits():
    rt.manual_seed(6)
    a, b = rt.rand(3, 200_000) + 1, rt.rand(200_000, 2) + 1
    exact = a.double() @ b.double()
    assert ((a.to("opencl") @ b.to("opencl")).cpu().double() / exact - 1).abs().max().item() < 6e-6


SPECIAL = [
    "airy_ai", "bessel_j0", "bessel_y1", "modified_bessel_k0", "scaled_modified_bessel_k1", "spherical_bessel_j0", "ndtr",
    "ndtri", "log_ndtr", "erfcx", "i0e", "i1", "digamma",
]  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(name):
    x = rt.cat([rt.linspace(-12, 12, 97), rt.tensor([0.0, 0.25, 1.0, math.inf, -math.inf, math.nan])])
    same(getattr(rt.special, name), x, tolerance=1e-6)


def test_special_functions_of_two_arguments():
    a, x = rt.rand(200) * 30, rt.rand(200) * 30
    same(lambda a, x: (rt.special.gammainc(a, x), rt.special.gammaincc(a, x)), a, x)
    same(lambda a, x: rt.special.zeta(a + 1, x), a, x)
    n = rt.arange(200) % 12
    same(lambda x, n: (rt.special.chebyshev_polynomial_t(x, n), rt.special.legendre_polynomial_p(x, n)), x / 15 - 1, n)
    i, j = rt.randint(-1000, 1000, (200,)), rt.randint(-1000, 1000, (200,))
    same(lambda i, j: (rt.gcd(i, j), rt.lcm(i, j)), i, j)
    same(lambda x: (*rt.frexp(x),), x)


@pytest.mark.parametrize("name", ["asin", "acos", "atan", "asinh", "acosh", "atanh", "tan", "tanh", "log"])
def test_inverse_functions_of_complex_numbers(name):
    z = rt.complex(rt.randn(300), rt.randn(300)) * 2
    z[:4] = rt.tensor([2.0 + 0j, -2.0 + 0j, 2j, 1e-4 + 1e-4j])
    same(getattr(rt, name), z, tolerance=1e-6)


def test_complex_products():
    x, y = rt.complex(rt.randn(3, 20, 9), rt.randn(3, 20, 9)), rt.complex(rt.randn(3, 9, 35), rt.randn(3, 9, 35))
    same(lambda a, b: (a @ b, a[0] @ b[0].conj(), rt.baddbmm(a @ b, a, b, beta=2j)), x, y, tolerance=1e-4)


CONVS = [
    (1, dict(padding=2, dilation=2), 3, 4, 1),
    (2, dict(stride=2, padding=1), 3, 8, 1),
    (2, dict(padding=1), 8, 8, 8),
    (2, dict(stride=(1, 2), dilation=(2, 1)), 4, 6, 2),
    (3, dict(padding=1, stride=2), 2, 3, 1),
]


@pytest.mark.parametrize("rank, options, inputs, outputs, groups", CONVS)
def test_convolutions(rank, options, inputs, outputs, groups):
    x = rt.randn(2, inputs, *(9, 11, 8)[:rank])
    w, b = rt.randn(outputs, inputs // groups, *(3, 3, 2)[:rank]), rt.randn(outputs)
    conv = getattr(F, f"conv{rank}d")
    same_gradients(lambda x, w, b: conv(x, w, b, groups=groups, **options), x, w, b)
    if rank == 2:
        same_gradients(
            lambda x, w, b: conv(x.to(memory_format=rt.channels_last), w, b, groups=groups, **options), x, w, b
        )
    y = rt.randn(2, outputs, *(5, 4, 3)[:rank])
    transposed = getattr(F, f"conv_transpose{rank}d")
    same_gradients(lambda y, w: transposed(y, w, groups=groups, **options), y, w)


def test_long_weight_gradient():
    same_gradients(lambda x, w: F.conv2d(x, w, padding=1), rt.randn(4, 3, 32, 32), rt.randn(8, 3, 3, 3), tolerance=1e-3)


def test_pools():
    x = rt.randn(2, 3, 9, 10)
    same_gradients(lambda t: F.max_pool2d(t, 3, 2, 1), x)
    same_gradients(lambda t: F.max_pool2d(t, (2, 3), dilation=(2, 1), ceil_mode=True), x)
    same_gradients(lambda t: F.max_pool2d(t, 2, return_indices=True), x)
    same_gradients(lambda t: F.avg_pool2d(t, 3, 2, 1, count_include_pad=False), x)
    same_gradients(lambda t: F.avg_pool2d(t, (3, 2), ceil_mode=True, divisor_override=5), x)
    same_gradients(lambda t: (F.adaptive_avg_pool2d(t, (4, 3)), F.adaptive_max_pool2d(t, (2, 3))), x)
    same_gradients(lambda t: (F.max_pool1d(t[0], 3, 1), F.avg_pool1d(t[0], 2)), x)
    same_gradients(lambda t: (F.max_pool3d(t, 2), F.avg_pool3d(t, 2), F.adaptive_avg_pool3d(t, 2)), x)
    same(lambda t: F.max_unpool2d(*F.max_pool2d(t, 2, return_indices=True), 2), x[..., :8, :])
    same(lambda t: (F.max_pool2d(t, 2), F.avg_pool2d(t, 2)), x.to(rt.float16), tolerance=1e-3)


def test_norms():
    x, w, b = rt.randn(6, 8, 5), rt.randn(8), rt.randn(8)
    mean, var = rt.randn(8), rt.rand(8) + 0.5

    def batch(x, w, b, mean, var, training):
        mean, var = mean.detach().clone(), var.detach().clone()
        return F.batch_norm(x, mean, var, w, b, training), mean, var

    for training in (True, False):
        runs = lambda x, w, b, m, v, t=training: batch(x, w, b, m, v, t)[0]  # noqa: E731
        same_gradients(lambda x, w, b: runs(x, w, b, mean.to(x.device), var.to(x.device)), x, w, b)
        same_gradients(lambda x, w, b: runs(x, w, b, mean.to(x.device), var.to(x.device)), x[..., 0].contiguous(), w, b)
    image = rt.randn(3, 8, 4, 5).to(memory_format=rt.channels_last)
    same_gradients(lambda x, w, b: F.batch_norm(x, None, None, w, b, True), image, w, b)
    same(lambda *a: batch(*a, True), x, w, b, mean, var)
    rows = rt.randn(300, 70)
    same_gradients(lambda x, w, b: F.layer_norm(x, (70,), w, b), rows, rt.randn(70), rt.randn(70), tolerance=1e-3)
    same_gradients(lambda x, w: F.rms_norm(x, (70,), w), rows, rt.randn(70), tolerance=1e-3)
    same_gradients(lambda x: F.layer_norm(x, (8, 5)), x)
    same_gradients(lambda x, w, b: F.group_norm(x, 4, w, b), x, w, b)
    same_gradients(lambda x, w, b: F.instance_norm(x, weight=w, bias=b), x, w, b)


def test_embedding():
    table, i = rt.randn(10, 7), rt.randint(0, 10, (5, 30))
    same_gradients(lambda i, t: F.embedding(i, t), i, table)
    same_gradients(lambda i, t: F.embedding(i, t, padding_idx=3, scale_grad_by_freq=True), i, table)


def test_logspaces_and_complex_ranges():
    for t in (rt.float32, rt.float64, rt.int64, rt.int32, rt.uint8, rt.complex64, rt.complex128, rt.bfloat16):
        make = [
            lambda d, t=t: rt.logspace(0, 2, 7, dtype=t, device=d),
            lambda d, t=t: rt.logspace(1, 7, 7, base=2, dtype=t, device=d),
            lambda d, t=t: rt.linspace(1, 9, 5, dtype=t, device=d),
        ]
        if t.is_complex:
            make += [
                lambda d, t=t: rt.linspace(1 + 2j, -3 + 1j, 9, dtype=t, device=d),
                lambda d, t=t: rt.logspace(0.5j, 1 - 1j, 9, dtype=t, device=d),
            ]
        for f in make:
            want, got = f("cpu"), f("opencl").cpu()
            assert got.dtype == want.dtype
            exact = not (t.is_floating_point or t.is_complex)
            assert rt.equal(got, want) if exact else rt.allclose(got, want, rtol=1e-6, atol=1e-6), (t, got, want)


LARGE = [(200_000,), (3, 70_000), (70_000, 3), (2, 5, 9001), (300, 400)]


@pytest.mark.parametrize("shape", LARGE)
def test_reductions_in_slices(shape):
    """Few results of many elements: several groups make each."""
    rt.manual_seed(2)
    x = rt.randn(shape)
    i = rt.randint(-50, 50, shape)
    for dim in [None, *range(len(shape)), tuple(range(len(shape)))]:
        same(lambda t, dim=dim: t.sum(dim), x, tolerance=1e-4)
        same(lambda t, dim=dim: t.sum(dim), i)
        same(lambda t, dim=dim: t.var(dim), x, tolerance=1e-4)
        same(lambda t, dim=dim: (t > 3).any() if dim is None else (t > 3).any(dim), x)
        if dim is None or isinstance(dim, int):
            same(lambda t, dim=dim: t.argmax(dim), x)
            same(lambda t, dim=dim: t.argmin(dim), i)
        if dim is not None:
            same(lambda t, dim=dim: t.amax(dim), x)
            same(lambda t, dim=dim: t.logsumexp(dim), x, tolerance=1e-4)
            same(lambda t, dim=dim: t.mean(dim, dtype=rt.float64), x, tolerance=1e-7)
    bad = x.clone().reshape(-1)
    bad[12345] = math.nan
    same(lambda t: (t.argmax(), t.max(), t.sum(), t.nansum()), bad, tolerance=1e-4)


@pytest.mark.parametrize("shape", [(5000,), (4100, 2)])
@pytest.mark.parametrize("dtype", [rt.float32, rt.int64, rt.int16, rt.uint8, rt.bool, rt.bfloat16])
def test_sorting_long_rows(shape, dtype):
    rt.manual_seed(3)
    x = (rt.randn(shape) * 50).to(dtype) if dtype != rt.uint8 else rt.randint(0, 256, shape).to(dtype)
    if dtype.is_floating_point:
        x.view(-1)[::97] = math.nan
        x.view(-1)[5::89] = -0.0
        x.view(-1)[7::89] = 0.0
        x.view(-1)[3::333] = -math.inf
    for dim in range(len(shape)):
        for descending in (False, True):
            same(lambda t, dim=dim, down=descending: t.sort(stable=True, dim=dim, descending=down), x)


def test_scans_of_long_lines():
    rt.manual_seed(4)
    for shape, dim in (((30_000,), 0), ((3, 9000), 1), ((9000, 3), 0), ((2, 3000, 2), 1)):
        x = rt.randn(shape)
        same(lambda t, dim=dim: t.cumsum(dim), x, tolerance=1e-4)
        same(lambda t, dim=dim: t.cummax(dim), x)
        same(lambda t, dim=dim: t.logcumsumexp(dim), x, tolerance=1e-4)
        same(lambda t, dim=dim: t.cumsum(dim), (x * 10).to(rt.int64))
        same(lambda t, dim=dim: (1 + t * 1e-3).cumprod(dim), x, tolerance=1e-4)


def test_many_updates_of_few_places():
    rt.manual_seed(5)
    places = rt.randint(0, 7, (6000,))
    values = rt.randn(6000, 2)
    same(
        lambda p, v: rt.zeros(7, 2, device=v.device).index_put_((p,), v, accumulate=True),
        places,
        values,
        tolerance=1e-4,
    )
    same(lambda p, v: rt.zeros(7, 2, device=v.device).index_put_((p,), v), places, values)
    same(lambda p, v: rt.zeros(7, device=v.device).scatter_add_(0, p, v[:, 0]), places, values, tolerance=1e-4)
    same(lambda p, v: rt.zeros(7, device=v.device).scatter_(0, p, v[:, 0]), places, values)


def test_losses_of_many_positions():
    rt.manual_seed(6)
    x, y, w = rt.randn(5, 3, 1500), rt.randint(0, 3, (5, 1500)), rt.rand(3)
    for reduction in ("mean", "sum"):
        same_gradients(
            lambda a, b, r=reduction: F.cross_entropy(a, b, w.to(a.device), reduction=r, ignore_index=1), x, y
        )
        same_gradients(lambda a, b, r=reduction: F.nll_loss(a, b, reduction=r), x, y)


def test_losses_of_nothing():
    x, y = rt.zeros(0, 3), rt.zeros(0, dtype=rt.int64)
    for reduction in ("mean", "sum", "none"):
        same(lambda a, b, r=reduction: F.cross_entropy(a, b, reduction=r), x, y)
        same(lambda a, b, r=reduction: F.nll_loss(a, b, reduction=r), x, y)


def test_random_numbers_are_those_of_the_cpu():
    draws = [
        lambda d: rt.rand(1001, device=d),
        lambda d: rt.empty(77, device=d).uniform_(-3, 5),
        lambda d: rt.randint(-5, 1000, (100,), device=d),
        lambda d: rt.bernoulli(rt.linspace(0, 1, 200).to(d)),
        lambda d: rt.empty(300, device=d).bernoulli_(0.3),
        lambda d: rt.rand(50, dtype=rt.float64, device=d),
        lambda d: rt.rand(50, dtype=rt.bfloat16, device=d),
        lambda d: rt.poisson(rt.linspace(0, 40, 300).to(d)),
        lambda d: rt.poisson(rt.linspace(0, 40, 30, dtype=rt.float64).to(d).reshape(5, 6).t()),
        lambda d: rt.binomial(rt.arange(200.0).to(d), rt.linspace(0, 1, 200).to(d)),
        lambda d: rt.multinomial(rt.arange(12.0).reshape(3, 4).to(d), 5, True),
        lambda d: rt.multinomial(rt.arange(1.0, 13.0).reshape(3, 4).to(d), 3),
        lambda d: rt.multinomial(rt.arange(1.0, 8.0, dtype=rt.float64).to(d), 7),
    ]
    close = [
        lambda d: rt.randn(1001, device=d),
        lambda d: rt.randn(101, dtype=rt.float64, device=d),
        lambda d: rt.empty(99, device=d).exponential_(2),
        lambda d: rt.empty(99, device=d).log_normal_(),
        lambda d: rt.empty(99, device=d).geometric_(0.2),
        lambda d: rt._standard_gamma(rt.linspace(0.1, 30, 99).to(d)),
    ]
    for exact, draw in [(True, f) for f in draws] + [(False, f) for f in close]:
        rt.manual_seed(5)
        want = draw("cpu")
        rt.manual_seed(5)
        got = draw("opencl")
        assert got.device.type == "opencl"
        assert rt.equal(got.cpu(), want) if exact else rt.allclose(got.cpu(), want, rtol=1e-4, atol=1e-5)


def test_dropout():
    x = rt.randn(7, 33)
    runs = []
    for device in ("cpu", "opencl"):
        rt.manual_seed(3)
        leaf = x.to(device).detach().requires_grad_()
        y = F.dropout(leaf, 0.4)
        (y * y).sum().backward()
        runs.append((y.detach().cpu(), leaf.grad.cpu()))
    assert rt.allclose(runs[0][0], runs[1][0]) and rt.allclose(runs[0][1], runs[1][1])


@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal):
    q, k, v = rt.randn(2, 3, 9, 8), rt.randn(2, 3, 9, 8), rt.randn(2, 3, 9, 6)
    same_gradients(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal), q, k, v)
    same_gradients(
        lambda q, k, v: F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=causal
        ),
        q, k, v,
    )  # fmt: skip


def test_resampling_and_columns():
    x = rt.randn(2, 3, 6, 7)
    for mode in ("nearest", "bilinear", "bicubic"):
        same_gradients(lambda t, m=mode: F.interpolate(t, size=(9, 4), mode=m), x)
    same_gradients(lambda t: F.unfold(t, (3, 2), padding=1, stride=2), x)
    same_gradients(lambda t: F.fold(F.unfold(t, 2), (6, 7), 2), x)


def train(model, batches, steps, loss_of):
    """Losses of training on both devices from equal weights."""
    start = {k: v.clone() for k, v in model.state_dict().items()}
    runs = []
    for device in ("cpu", "opencl"):
        model.to("cpu").load_state_dict(start)
        model.to(device).train()
        step = rt.optim.AdamW(model.parameters(), lr=2e-3)
        losses = []
        for x, y in batches * steps:
            step.zero_grad()
            rt.manual_seed(len(losses))
            loss = loss_of(model(x.to(device)), y.to(device))
            loss.backward()
            step.step()
            losses.append(loss.item())
        runs.append((losses, {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}))
    assert runs[0][0] == pytest.approx(runs[1][0], rel=2e-3)
    assert runs[0][0][-1] < runs[0][0][0]
    for name, want in runs[0][1].items():
        got = runs[1][1][name].float()
        assert (got - want.float()).abs().mean().item() < 2e-4, name


def test_a_cnn_trains_as_on_the_cpu():
    rt.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, stride=2), nn.GroupNorm(4, 16), nn.GELU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.1), nn.Linear(64, 10),
    )  # fmt: skip
    batches = [(rt.randn(16, 1, 12, 12), rt.randint(0, 10, (16,))) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, batches, 4, F.cross_entropy)


class Transformer(nn.Module):
    def __init__(self, vocabulary, width, heads):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(16, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.1, batch_first=True, norm_first=True)
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x):
        n = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n, device=x.device)
        h = self.tokens(x) + self.places(rt.arange(n, device=x.device))
        for layer in self.layers:
            h = layer(h, src_mask=mask, is_causal=True)
        return self.head(self.norm(h))


def test_a_transformer_trains_as_on_the_cpu():
    rt.manual_seed(0)
    text = rt.randint(0, 20, (8, 13))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(
            Transformer(20, 16, 2), [(text[:, :-1], text[:, 1:])], 6,
            lambda out, y: F.cross_entropy(out.flatten(0, 1), y.flatten()),
        )  # fmt: skip
