"""The OpenCL backend against the CPU: every dtype, layouts, training, fallback, errors. Skipped without a device.

Drivers compile each kernel when it is first used (PoCL: half a second each), so the tests share few kernels.
"""

import itertools
import os
import pathlib
import re
import subprocess
import sys
import warnings

import pytest

import rustorch as rt
from rustorch import backends, errors, nn

pytestmark = pytest.mark.skipif(
    not rt.opencl.is_available() and not os.environ.get("RUSTORCH_REQUIRE_OPENCL"),
    reason=f"no OpenCL device: {rt.opencl.unavailable_reason()}",
)

DTYPES = [
    rt.bool, rt.uint8, rt.int8, rt.int16, rt.int32, rt.int64, rt.float16, rt.bfloat16, rt.float32, rt.float64,
    rt.complex64, rt.complex128,
]  # fmt: skip


def has(dtype):
    return dtype not in (rt.float64, rt.complex128) or rt.opencl.get_device_properties()["float64"]


def close(device, cpu, tolerance=1e-5):
    assert device.device.type == "opencl" and device.dtype == cpu.dtype and device.shape == cpu.shape
    assert (device.cpu() - cpu).abs().max().item() <= tolerance * (1 + cpu.abs().max().item())


@pytest.fixture
def native():
    """Fails when an operator runs on the CPU."""
    before = backends.fallback_policy()
    backends.set_fallback_policy("refuse")
    yield
    backends.set_fallback_policy(before)


def test_devices():
    assert rt.opencl.device_count() == sum(d.type == "opencl" for d in backends.devices())
    assert rt.opencl.get_device_properties(0)["total_memory"] > 0
    assert backends.auto_select().type in ("cpu", "opencl")
    assert backends.is_available("cpu") and not backends.is_available("webgpu")
    rt.opencl.synchronize()


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_keep_every_bit(dtype, native):
    x = rt.randn(4, 6).mul(4).to(dtype)
    d = x.to("opencl")
    assert str(d.device) == "opencl:0" and d.dtype == dtype
    assert rt.equal(d.cpu(), x)
    assert rt.equal(d.t()[1:4:2].cpu(), x.t()[1:4:2])
    if has(dtype):
        assert rt.equal(d.t().contiguous().cpu(), x.t())
    y = rt.zeros(6, 4, dtype=dtype, device="opencl")
    y[:, 1:3] = x[1:3].t()
    want = rt.zeros(6, 4, dtype=dtype)
    want[:, 1:3] = x[1:3].t()
    assert rt.equal(y.cpu(), want)


def test_conversions(native):
    x = rt.tensor([0.0, 1.5, -2.25, 100.0, 3.0])
    d = x.to("opencl")
    for dtype in (rt.float16, rt.bfloat16, rt.int64, rt.bool):
        assert rt.equal(d.to(dtype).cpu(), x.to(dtype))
    for dtype in (rt.float16, rt.bfloat16):
        assert rt.equal(d.to(dtype).float().cpu(), x.to(dtype).float())


def test_pointwise_layouts_and_broadcast(native):
    x, y, z = rt.randn(3, 4, 5), rt.randn(5, 4, 3), rt.randn(4, 1)
    a, b, c = x.to("opencl"), y.to("opencl"), z.to("opencl")
    close(a + b.permute(2, 1, 0), x + y.permute(2, 1, 0))
    close(a + c, x + z)
    close(a[:, 1:3, ::2] + c[1:3], x[:, 1:3, ::2] + z[1:3])
    close((a > 0).float(), (x > 0).float())
    close(a + rt.tensor(2.0), x + 2)
    assert (a + 1).requires_grad is False
    a.add_(b.permute(2, 1, 0))
    close(a, x + y.permute(2, 1, 0))


def test_reductions(native):
    x = rt.randn(70, 30)
    d = x.to("opencl")
    for dim in (0, 1, (0, 1)):
        close(d.sum(dim), x.sum(dim))
        close(d.t().sum(dim), x.t().sum(dim))
    close(d.sum(), x.sum())
    close(d.amax(1), x.amax(1))
    assert rt.equal(d.argmax(1).cpu(), x.argmax(1)) and d.argmax().item() == x.argmax().item()
    values, indices = d.max(0)
    want = x.max(0)
    assert rt.equal(values.cpu(), want.values) and rt.equal(indices.cpu(), want.indices)
    assert d.to(rt.int64).sum().item() == x.to(rt.int64).sum().item()
    assert rt.isnan(rt.tensor([1.0, float("nan"), 2.0]).to("opencl").amax(0)).item()
    assert rt.equal(d.sum(1).cpu(), d.sum(1).cpu())


def test_matmul(native):
    for m, k, n in ((1, 1, 1), (3, 70, 5), (40, 33, 65)):
        x, y = rt.randn(m, k), rt.randn(n, k)
        close(x.to("opencl") @ y.to("opencl").t(), x @ y.t())
    x, y, bias = rt.randn(3, 4, 5), rt.randn(3, 5, 6), rt.randn(6)
    close(rt.bmm(x.to("opencl"), y.to("opencl")), rt.bmm(x, y))
    w = rt.randn(6, 5)
    close(nn.functional.linear(x.to("opencl"), w.to("opencl"), bias.to("opencl")), nn.functional.linear(x, w, bias))
    assert (rt.zeros(2, 0, device="opencl") @ rt.zeros(0, 3, device="opencl")).cpu().tolist() == [[0.0] * 3] * 2


def test_softmax(native):
    x = rt.randn(5, 70, 2)
    for dim in (1, 2):
        close(rt.softmax(x.to("opencl"), dim), rt.softmax(x, dim))
        close(rt.log_softmax(x.to("opencl"), dim), rt.log_softmax(x, dim))


def test_cross_entropy(native):
    x, target = rt.randn(6, 5), rt.tensor([0, 4, -100, 2, 1, 3])
    weight = rt.rand(5)
    for reduction, smoothing in itertools.product(("mean", "sum", "none"), (0.0, 0.2)):
        results = []
        for device in ("cpu", "opencl"):
            leaf = x.to(device).detach().requires_grad_()
            loss = nn.functional.cross_entropy(
                leaf, target.to(device), weight.to(device), reduction=reduction, label_smoothing=smoothing
            )
            loss.sum().backward()
            results.append((loss.detach(), leaf.grad))
        close(results[1][0], results[0][0])
        close(results[1][1], results[0][1])
    with pytest.raises(IndexError, match="Target 5 is out of bounds"):
        nn.functional.cross_entropy(x.to("opencl"), rt.tensor([0, 1, 5, 2, 2, 2]).to("opencl"))


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_mlp_trains_as_on_the_cpu(optimizer, native):
    rt.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    start = {k: v.clone() for k, v in model.state_dict().items()}
    batches = [(rt.randn(32, 784), rt.randint(0, 10, (32,))) for _ in range(4)]
    runs = []
    for device in ("cpu", "opencl"):
        model.to("cpu").load_state_dict(start)
        model.to(device)
        options = {"lr": 1e-3} if optimizer == "Adam" else {"lr": 0.05, "momentum": 0.9}
        step = getattr(rt.optim, optimizer)(model.parameters(), **options)
        losses = []
        for x, y in batches:
            step.zero_grad()
            loss = nn.functional.cross_entropy(model(x.to(device)), y.to(device))
            loss.backward()
            step.step()
            losses.append(loss.item())
        runs.append((losses, [p.detach().cpu().clone() for p in model.parameters()]))
    assert runs[0][0] == pytest.approx(runs[1][0], rel=1e-4)
    for p, q in zip(runs[0][1], runs[1][1]):
        assert (p - q).abs().max().item() < 2e-3
        assert (p - q).abs().mean().item() < 1e-5


def test_missing_operators_run_on_the_cpu_with_one_warning():
    x = rt.randn(4, 5).abs()
    d = x.to("opencl")
    before = backends.fallback_count()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            got = rt.fft.fft(d.t()[1:4]).real
    close(got, rt.fft.fft(x.t()[1:4]).real, 1e-4)
    assert backends.fallback_count() >= before + 3
    assert sum("'fft.fft' is not implemented for the opencl backend" in str(w.message) for w in caught) <= 1
    backends.set_fallback_policy("refuse")
    try:
        with pytest.raises(NotImplementedError, match="fft"):
            rt.fft.fft(d)
    finally:
        backends.set_fallback_policy("warn")


def test_newer_families_run_on_the_cpu():
    """Families without a kernel fall back: none of them may raise."""
    rt.manual_seed(0)
    m = rt.randn(3, 3)
    a = m @ m.t() + 3 * rt.eye(3)
    calls = {
        "linalg.svd": lambda t: rt.linalg.svdvals(t),
        "linalg.eigh": lambda t: rt.linalg.eigvalsh(t),
        "linalg.inv": lambda t: rt.linalg.inv(t),
        "fft.rfft": lambda t: rt.fft.rfft(t).abs(),
        "lstm": lambda t: rt.lstm(
            t[None], (t[:1, None], t[:1, None]), [rt.cat([t] * 4), rt.cat([t] * 4), t.new_zeros(12), t.new_zeros(12)],
            True, 1, 0.0, False, False, True)[0],
        "_standard_gamma_grad": lambda t: rt._standard_gamma_grad(t.abs() + 1, t.abs() + 0.5),
    }  # fmt: skip
    for name, call in calls.items():
        before = backends.fallback_count()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = call(a.to("opencl"))
        close(got, call(a), 1e-4)
        assert backends.fallback_count() > before, name
        texts = [str(w.message) for w in caught]
        assert len(texts) <= 1, texts
        assert all(f"'{name}' is not implemented for the opencl backend" in t for t in texts), texts


def test_the_coverage_table_knows_what_runs():
    """families.def, from which the coverage table is made, names what the backend counts."""
    root = pathlib.Path(__file__).resolve().parents[2]
    text = (root / "src" / "backend" / "kernels" / "families.def").read_text()
    listed = re.findall(r"^RT_FAMILY(?:_OTHER)?\((\w+)", text, re.M)
    assert listed == list(rt.opencl.kernel_families())
    sys.path.insert(0, str(root / "tools"))
    try:
        import kernel_use
    finally:
        sys.path.pop(0)
    known = kernel_use.families(root / "src" / "backend" / "compute_backend.h")
    assert set(listed) <= known
    assert kernel_use.Backend(str(root), "kernels").families == set(listed)
    # Every other family must fall back instead of raising: device_backend.h overrides all of them.
    overridden = set(
        re.findall(r"(\w+)\([^)]*\) override;", (root / "src" / "backend" / "device_backend.h").read_text())
    )
    assert known <= overridden


def test_errors():
    x = rt.randn(3, 3)
    d = x.to("opencl")
    for bad in (
        lambda: d + x,
        lambda: d @ x,
        lambda: x @ d,
        lambda: rt.cat([d, x]),
        lambda: d.gather(0, rt.zeros(3, 3, dtype=rt.int64)),
    ):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            bad()
    with pytest.raises(TypeError, match="can't convert opencl:0 device type tensor to numpy"):
        d.numpy()
    with pytest.raises(errors.DeviceError, match="invalid device ordinal"):
        rt.empty(2, device="opencl:30")
    with pytest.raises(errors.BackendUnavailableError, match="webgpu"):
        rt.empty(2, device="webgpu")
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        d @ rt.zeros(2, 3, device="opencl")


def test_printing_item_and_copy_on_write():
    d = rt.arange(4).float().to("opencl")
    assert "device='opencl:0'" in repr(d)
    assert d[2].item() == 2.0 and d.tolist() == [0.0, 1.0, 2.0, 3.0]
    big = rt.zeros(8192, device="opencl")
    twin = big.clone()
    twin.add_(1)
    assert big.sum().item() == 0 and twin.sum().item() == 8192


SCRIPT = """
import rustorch as rt
y = rt.tensor([1.0, 2.0]).to("opencl") * 2
s = rt.opencl.kernel_cache_stats()
print(y.tolist(), s["disk_hits"], s["disk_stores"], s["disk_damaged"])
"""


def test_programs_are_kept_on_disk(tmp_path):
    def run():
        env = {**os.environ, "RUSTORCH_CACHE_DIR": str(tmp_path), "POCL_CACHE_DIR": str(tmp_path / "driver")}
        env["RUSTORCH_OPENCL_OPTIONS"] = "-cl-opt-disable"
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
        values, counters = done.stdout.strip().rsplit("]", 1)
        assert values == "[2.0, 4.0"
        return [int(c) for c in counters.split()]

    (tmp_path / "driver").mkdir()
    hits, stores, _ = run()
    assert hits == 0
    files = list((tmp_path / "programs").glob("*.rtprog"))
    assert stores == len(files) > 0
    assert run() == [stores, 0, 0]
    files[0].write_bytes(files[0].read_bytes()[:-7])
    assert run() == [stores - 1, 1, 1]


def test_combinations_and_factories_of_the_device():
    x = rt.arange(5.0)
    close(rt.combinations(x.to("opencl"), 3), rt.combinations(x, 3))
    out = rt.empty(0, device="opencl")
    assert rt.arange(4, out=out).device.type == "opencl" and out.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert rt.zeros(2, out=out).tolist() == [0.0, 0.0]
