"""Every operator against calls recorded from PyTorch (tests/golden/ops.zip): values, gradients of both orders, in place.

RUSTORCH_TEST_DEVICE=opencl runs all of it on that device (minutes: every kernel is compiled).
"""

import collections
import functools
import os
import pathlib
import sys
import warnings

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import op_cases  # noqa: E402

READER = op_cases.Reader(GOLDEN / "ops.zip", rt)
DEVICE = os.environ.get("RUSTORCH_TEST_DEVICE", "cpu")
# Operators that are missing or known to differ: they must fail, and leave the list when they are mended.
OPEN = set((GOLDEN / "ops_open.txt").read_text().split())
CALLS = collections.defaultdict(list)
for entry in READER.entries:
    CALLS[entry["op"]].append(entry)

# (rtol, atol) by dtype, for results whose last bits depend on the order of operations.
TOLERANCE = {"float64": (1e-7, 1e-7), "float32": (1e-4, 1e-5), "bfloat16": (2e-2, 2e-2), "float16": (2e-3, 1e-3), "complex64": (1e-4, 1e-5),
             "complex128": (1e-7, 1e-7)}  # fmt: skip


resolve = functools.partial(op_cases.resolve, rt)
tensors = functools.partial(op_cases.tensors, rt)


def there(value):
    """A recorded value with its tensors on the tested device."""
    if DEVICE == "cpu":
        return value
    if isinstance(value, rt.Tensor):
        return value.detach().to(DEVICE).requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {k: rt.device(DEVICE) if k == "device" else there(v) for k, v in value.items()}
    return type(value)(there(v) for v in value) if isinstance(value, (list, tuple)) else value


def cotangent(t, shift):
    return op_cases.cotangent(rt, t.cpu(), shift).to(t.device)


def name_of(dtype):
    return str(dtype).rsplit(".", 1)[-1]


def check(got, want, what):
    """Same structure, dtypes, shapes and, within rounding, values."""
    if isinstance(want, rt.Tensor):
        assert isinstance(got, rt.Tensor), f"{what}: got {type(got).__name__}"
        got = got.cpu()
        assert got.dtype == want.dtype and tuple(got.shape) == tuple(want.shape), (
            f"{what}: {got.dtype}{list(got.shape)} not {want.dtype}{list(want.shape)}"
        )
        rtol, atol = TOLERANCE.get(name_of(want.dtype), (0, 0))
        if rtol == 0:
            assert rt.equal(got, want), f"{what}: got {got.tolist()}, expected {want.tolist()}"
        else:
            a, b = (t.detach().to(rt.complex128 if t.dtype.is_complex else rt.float64) for t in (got, want))
            assert rt.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True), (
                f"{what}: got {got.tolist()}, expected {want.tolist()}"
            )
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want), f"{what}: {len(got)} results, expected {len(want)}"
        for i, (g, w) in enumerate(zip(got, want)):
            check(g, w, f"{what}[{i}]")
    elif isinstance(want, float):
        assert got == pytest.approx(want, rel=1e-5, abs=1e-8, nan_ok=True), what
    else:
        assert got == want, f"{what}: got {got}, expected {want}"


def check_gradients(got, want, what):
    for i, (g, w) in enumerate(zip(got, want)):
        if w is None or g is None:  # an absent gradient is one of zeros
            other = g if w is None else w
            assert other is None or not other.count_nonzero().item(), f"{what} of input {i}: got {g}, expected {w}"
        else:
            check(g, w, f"{what} of input {i}")


def arguments(entry):
    args, kwargs = READER.get(entry["args"]), READER.get(entry["kwargs"])
    if entry["op"] == "tensor_split":  # its indices must be on the CPU
        return [there(args[0]), *args[1:]], kwargs
    return there(args), there(kwargs)


def run(entry):
    call = resolve(entry["op"])
    args, kwargs = arguments(entry)
    leaves = [t for t in tensors([args, kwargs]) if t.requires_grad]
    result = call(*args, **kwargs)
    check(result, READER.get(entry["out"]), entry["op"])
    if entry.get("grad") is not None:
        outs = [t for t in tensors(result) if t.requires_grad]
        first = rt.autograd.grad(
            outs,
            leaves,
            [cotangent(o, 0.0) for o in outs],
            allow_unused=True,
            create_graph=entry["grad2"] is not None,
        )
        check_gradients(first, READER.get(entry["grad"]), "gradient")
        if entry["grad2"] is not None:
            again = [g for g in first if g is not None and g.requires_grad]
            second = rt.autograd.grad(again, leaves, [cotangent(g, 1.0) for g in again], allow_unused=True)
            check_gradients(second, READER.get(entry["grad2"]), "second gradient")
    if entry["inplace"] is not None:
        args = [a.detach() if isinstance(a, rt.Tensor) else a for a in arguments(entry)[0]]
        got = getattr(args[0], entry["inplace"])(*args[1:], **arguments(entry)[1])
        assert got is args[0], f"{entry['inplace']} returned another object"
        check(got, READER.get(entry["out"]), entry["inplace"])


def marked(name):
    return pytest.param(name, marks=pytest.mark.xfail(reason="open", strict=True)) if name in OPEN else name


@pytest.mark.parametrize("name", [marked(name) for name in sorted(CALLS)])
def test_op(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for entry in CALLS[name]:
            run(entry)
