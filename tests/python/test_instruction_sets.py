"""Every instruction set gives the same results: RUSTORCH_CPU_CAPABILITY allows no wider one than it names."""

import os
import subprocess
import sys

import pytest

import rustorch as rt
import rustorch.nn.functional as F

# (name, what get_cpu_capability() may answer): a processor or a build may have less.
LIMITS = {
    "avx2": {"AVX2", "SSE4", "SCALAR"},
    "sse4": {"SSE4", "SCALAR"},
    "default": {"SCALAR", "EMU128", "SSE2", "NEON"},
}


def numbers(*shape, dtype=rt.float32):
    return rt.cos(rt.arange(rt.Size(shape).numel(), dtype=rt.float64) * 1.37 + 0.2).reshape(shape).to(dtype)


def with_gradients(f, *inputs):
    inputs = [x.requires_grad_() for x in inputs]
    y = f(*inputs)
    w = numbers(*y.shape, dtype=y.dtype)
    return [y.detach(), *rt.autograd.grad((y * w).sum(), inputs)]


def results():
    """Calls large enough for the vector, blocked and chunked ways through the kernels, by name."""
    out = {}
    for dtype in (rt.float32, rt.float64):
        at = str(dtype).rsplit(".", 1)[-1]

        def add(name, f, *shapes, dtype=dtype, at=at):
            out[f"{name} {at}"] = with_gradients(f, *(numbers(*s, dtype=dtype) for s in shapes))

        add("matmul", rt.matmul, (70, 90), (90, 110))
        add("matrix by vector", rt.matmul, (70, 90), (90,))
        add("batches", rt.matmul, (5, 9, 20), (5, 20, 7))
        add("linear", F.linear, (33, 65), (40, 65), (40,))
        add("conv2d", lambda x, w, b: F.conv2d(x, w, b, padding=1), (2, 5, 17, 19), (8, 5, 3, 3), (8,))
        add("depthwise", lambda x, w: F.conv2d(x, w, groups=6), (2, 6, 15, 15), (6, 1, 3, 3))
        add("conv1d", lambda x, w: F.conv1d(x, w, stride=2), (2, 3, 50), (4, 3, 5))
        add("softmax", lambda x: F.softmax(x, 1), (9, 300))
        add("log_softmax", lambda x: F.log_softmax(x, 0), (50, 33))
        add("layer_norm", lambda x, w, b: F.layer_norm(x, (65,), w, b), (20, 65), (65,), (65,))
        add("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (8, 5, 11), (5,), (5,))
        add("cross_entropy", lambda x: F.cross_entropy(x, rt.arange(40) % 33), (40, 33))
        add("attention", F.scaled_dot_product_attention, (2, 2, 37, 16), (2, 2, 37, 16), (2, 2, 37, 16))
        add("max_pool", lambda x: F.max_pool2d(x, 3, 2), (2, 3, 21, 23))
        add("avg_pool", lambda x: F.avg_pool2d(x, 2), (2, 3, 21, 23))
        add("sums", lambda x: x.sum(0) + x.mean() + x.var(1).sum(), (300, 41))
        add("norms", lambda x: x.norm(dim=1) + x.abs().amax(1) + x.logsumexp(1), (41, 300))
        add("fft", lambda x: rt.fft.irfft(rt.fft.rfft(x) * 2), (3, 250))
        add("gelu", F.gelu, (1000,))
        add("functions", lambda x: rt.exp(x) + rt.log1p(x * x) + rt.tanh(x) * rt.erf(x) + rt.sin(9 * x), (1000,))
        add("cumsum", lambda x: x.cumsum(0), (77, 13))
        add("lstm", lambda x, a, b: rt.lstm(x, (x.new_zeros(1, 3, 8),) * 2, [a, b], False, 1, 0.0, False, False, False)[0],
            (6, 3, 5), (32, 5), (32, 8))  # fmt: skip
        add("prelu", lambda x, w: F.prelu(x, w), (4, 9, 5), (9,))
        add("embedding", lambda w: F.embedding(rt.arange(50) % 7, w), (9, 33))
        x = numbers(300, 70, dtype=dtype)
        out[f"orders {at}"] = [*x.sort(0), *x.topk(9, 1), x.argmax(0), x.argmin(1), *x.median(1), x.t().contiguous()]
    for dtype in (rt.float16, rt.bfloat16):
        x = numbers(40, 50, dtype=dtype)
        out[f"halves {dtype}"] = [x.to(rt.float32), x.sum(0), x @ x.t(), F.softmax(x, 1), x * 3 + x.exp()]
    n = (numbers(40, 50) * 100).to(rt.int8)
    out["bytes"] = [
        n.sum(0),
        n.max(0)[0],
        n.min(1)[0],
        rt._int_mm(n, n.t().contiguous()),
        n.to(rt.float32),
        n.int().cumsum(1),
    ]
    rt.manual_seed(7)
    out["drawn"] = [
        rt.rand(100),
        rt.randn(100),
        rt.randint(0, 99, (100,)),
        rt.rand(100, dtype=rt.float64),
        rt.empty(100).bernoulli_(0.3),
    ]
    out["drawn"] += [F.dropout(rt.ones(1000), 0.4)]
    return out


def close(name, a, b):
    if a.dtype.is_floating_point or a.dtype.is_complex:
        half = a.dtype in (rt.float16, rt.bfloat16)
        tolerance = 2e-2 if half else 1e-9 if a.dtype == rt.float64 else 2e-4
        return rt.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance)
    return rt.equal(a, b)


def child(path, limit):
    assert rt.backends.cpu.get_cpu_capability() in LIMITS[limit], rt.backends.cpu.get_cpu_capability()
    wanted = rt.load(path)
    for name, got in results().items():
        assert len(got) == len(wanted[name])
        for k, (a, b) in enumerate(zip(got, wanted[name])):
            assert a.dtype == b.dtype and a.shape == b.shape, name
            assert close(name, a, b), f"{name}, result {k}: {(a.double() - b.double()).abs().max().item()}"
    import test_op_golden as golden

    for name in sorted(set(golden.CALLS) - golden.OPEN):
        entries = golden.CALLS[name]
        for entry in entries[:: max(len(entries) // 2, 1)]:
            golden.run(entry)


@pytest.fixture(scope="module")
def widest(tmp_path_factory):
    path = tmp_path_factory.mktemp("sets") / "results.pt"
    rt.save(results(), path)
    return path


@pytest.mark.parametrize("limit", LIMITS)
def test_results_do_not_depend_on_the_instruction_set(limit, widest):
    program = (
        f"import sys, warnings; warnings.simplefilter('ignore'); sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
    )
    program += f"import test_instruction_sets as t; t.child({str(widest)!r}, {limit!r})"
    env = {**os.environ, "RUSTORCH_CPU_CAPABILITY": limit}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, timeout=250)
    assert done.returncode == 0, done.stderr.decode()[-3000:]


def test_another_name_changes_nothing():
    program = "import rustorch as rt; print(rt.backends.cpu.get_cpu_capability())"
    env = {**os.environ, "RUSTORCH_CPU_CAPABILITY": "widest"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, timeout=60)
    assert done.stdout.decode().strip() == rt.backends.cpu.get_cpu_capability()
