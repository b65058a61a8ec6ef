"""Drivers that are absent or refuse, processes that fork, threads that share a device. Skipped without a device."""

import os
import subprocess
import sys
import threading

import pytest

import rustorch as rt
from rustorch import errors

pytestmark = pytest.mark.skipif(
    not rt.opencl.is_available() and not os.environ.get("RUSTORCH_REQUIRE_OPENCL"),
    reason=f"no OpenCL device: {rt.opencl.unavailable_reason()}",
)


def run(program, **environment):
    path = os.pathsep.join(p for p in sys.path if p)
    result = subprocess.run(
        [sys.executable, "-c", "import rustorch as rt\n" + program],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_without_a_driver_there_is_a_reason(tmp_path):
    out = run(
        """
assert not rt.opencl.is_available() and rt.opencl.device_count() == 0
print(rt.opencl.unavailable_reason())
for make in (lambda: rt.zeros(2, device="opencl"), lambda: rt.ones(2).to("opencl"), rt.opencl.synchronize):
    try:
        make()
    except rt.errors.BackendUnavailableError as e:
        assert "OpenCL" in str(e), e
    else:
        raise SystemExit("no error")
""",
        OCL_ICD_VENDORS=str(tmp_path),
    )
    assert "OpenCL has no platform" in out and "hint" in out


def test_a_compiler_that_refuses_is_an_error_with_its_kernel():
    run(
        """
try:
    rt.ones(3, device="opencl").exp()
except RuntimeError as e:
    assert "the driver rejected the program of" in str(e), e
else:
    raise SystemExit("no error")
""",
        RUSTORCH_OPENCL_OPTIONS="-no-such-option",
    )


def test_a_forked_child_is_told_to_spawn():
    run(
        """
import os
x = rt.ones(3, device="opencl")
y = x + 1
pid = os.fork()
if pid == 0:
    code = 1
    try:
        for use in (lambda: x + 1, lambda: x.cpu(), lambda: rt.zeros(2, device="opencl"), lambda: x.fill_(2),
                    rt.opencl.synchronize):
            try:
                use()
            except rt.errors.BackendUnavailableError as e:
                assert "Cannot re-initialize opencl in forked subprocess" in str(e) and "'spawn'" in str(e), e
            else:
                raise AssertionError("no error")
        del x, y  # gives nothing back to the parent's driver
        assert (rt.ones(2) + 1).tolist() == [2.0, 2.0]
        code = 0
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert (x + y).tolist() == [3.0, 3.0, 3.0]
"""
    )


def test_a_child_forked_before_the_first_use_has_its_own_device():
    run(
        """
import os
pid = os.fork()
if pid == 0:
    code = 1
    try:
        code = 0 if rt.ones(3, device="opencl").sum().item() == 3 else 1
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    )


def test_many_threads_share_a_device():
    rt.manual_seed(1)
    x = rt.randn(40, 30)

    def work(t):
        y = t.softmax(1).cumsum(0).sort(1).values @ t.t()
        return y.argmax(1), y.sum(0), rt.zeros(40, 30, device=t.device).index_add(0, y.argmax(1), t)

    want = [r.cpu() for r in work(x.to("opencl"))]
    wrong = []

    def thread():
        try:
            for _ in range(6):
                got = [r.cpu() for r in work(x.to("opencl"))]
                wrong.extend(k for k, (a, b) in enumerate(zip(got, want)) if not rt.equal(a, b))
        except Exception as e:
            wrong.append(e)

    threads = [threading.Thread(target=thread) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong


MIXED = {
    "add": lambda a, b: a + b,
    "where": lambda a, b: rt.where(a > 0, a, b),
    "in place": lambda a, b: a.mul_(b),
    "matmul": lambda a, b: a @ b,
    "addmm": lambda a, b: rt.addmm(a, b, a),
    "cat": lambda a, b: rt.cat([a, b]),
    "stack": lambda a, b: rt.stack([a, b]),
    "lerp": lambda a, b: rt.lerp(a, a, b),
    "out": lambda a, b: rt.exp(a, out=b),
    "gather": lambda a, b: a.gather(0, b.long() * 0),
    "scatter": lambda a, b: a.scatter(0, b.long() * 0, 1.0),
    "index_select": lambda a, b: a.index_select(0, b[0].long() * 0),
    "masked_select": lambda a, b: a.masked_select(b > 0),
    "masked_fill": lambda a, b: a.masked_fill(b > 0, 1.0),
    "embedding": lambda a, b: rt.nn.functional.embedding(b.long() * 0, a),
    "linear": lambda a, b: rt.nn.functional.linear(a, b),
    "conv": lambda a, b: rt.nn.functional.conv1d(a[None], b[None].transpose(0, 1).expand(3, 3, 3)),
    "layer_norm": lambda a, b: rt.nn.functional.layer_norm(a, (3,), b[0]),
    "cross_entropy": lambda a, b: rt.nn.functional.cross_entropy(a, b[0].long() * 0),
    "mse": lambda a, b: rt.nn.functional.mse_loss(a, b),
    "searchsorted": lambda a, b: rt.searchsorted(a, b),
    "bmm": lambda a, b: rt.bmm(a[None], b[None]),
    "solve": lambda a, b: rt.linalg.solve(a + 3 * rt.eye(3, device=a.device), b),
    "dot": lambda a, b: rt.dot(a[0], b[0]),
    "cdist": lambda a, b: rt.cdist(a, b),
    "atan2": lambda a, b: rt.atan2(a, b),
    "put": lambda a, b: a.index_put((b[0].long() * 0,), b[0]),
    "attention": lambda a, b: rt.nn.functional.scaled_dot_product_attention(
        a[None, None], b[None, None], a[None, None]
    ),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("first", ["cpu", "opencl"])
def test_operands_on_two_devices_are_refused(name, first):
    a = rt.ones(3, 3, device=first)
    b = rt.ones(3, 3, device="opencl" if first == "cpu" else "cpu")
    with pytest.raises(RuntimeError) as caught:
        MIXED[name](a, b)
    assert isinstance(caught.value, errors.DeviceError), caught.value
    text = str(caught.value)
    assert (
        "Expected out tensor to have device" if name == "out" else "Expected all tensors to be on the same device"
    ) in text
    assert "cpu" in text and "opencl:0" in text, text
