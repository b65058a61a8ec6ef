"""Makes tests/golden/ops.zip from PyTorch's operator database: small calls, their results, first and second gradients.

    python tests/golden/make_op_golden.py        (needs torch, expecttest; in an environment of your own)

Every operator of `op_db` whose callable is a public name gives a few calls of each kind of dtype. Operators with random
or uninitialised results, and decompositions whose factors are not unique, are left out. What is stored, and how, is
described in op_cases.py, which the test reads it with.
"""

import functools
import math
import pathlib
import warnings

import op_cases
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import BinaryUfuncInfo, UnaryUfuncInfo

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
MAX_IN, MAX_OUT = 120, 160  # elements of a call
FEW, LARGE = 24, 300  # elements of a shortened call, of one of an operator that has no smaller ones
DTYPES = ((torch.float64, 4), (torch.complex128, 2), (torch.float32, 1), (torch.complex64, 1), (torch.bfloat16, 1), (torch.float16, 1), (torch.int64, 2),
          (torch.int32, 1), (torch.uint8, 1), (torch.bool, 1))  # fmt: skip
COARSE = {
    "nn.functional.grid_sample"
}  # PyTorch computes positions in half types: its own error is larger than a test may allow
LARGE_DTYPES = ((torch.float64, 1), (torch.bfloat16, 1), (torch.int64, 1))
NOT_UNIQUE = {
    "linalg.svd", "svd", "linalg.eig", "linalg.eigh", "linalg.qr", "qr", "geqrf", "svd_lowrank", "pca_lowrank", "linalg.lstsq", "lobpcg", "kthvalue",
    "linalg.ldl_factor", "linalg.ldl_factor_ex", "linalg.lu", "linalg.lu_factor", "linalg.lu_factor_ex", "lu", "linalg.householder_product",
}  # fmt: skip
UNINITIALISED = {
    "empty",
    "empty_like",
    "new_empty",
    "empty_strided",
    "new_empty_strided",
    "empty_permuted",
    "resize_",
    "resize_as_",
}
# Their layouts or classes are not this library's yet.
OUTSIDE = (
    "sparse",
    "torch.ops",
    "ops.aten",
    "_",
    "to_sparse",
    "jiterator",
    "nn.functional.multi_head_attention_forward",
)


resolve = functools.partial(op_cases.resolve, torch)
tensors = functools.partial(op_cases.tensors, torch)


def same(a, b):
    try:
        torch.testing.assert_close(a, b, equal_nan=True, rtol=0, atol=0)
        return True
    except (AssertionError, TypeError, ValueError, NotImplementedError):
        return a is b


def fresh(value):
    """A copy whose tensors are leaves with the same requires_grad."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(fresh(v) for v in value)
    return value


def cotangent(t, shift):
    """A fixed tensor of t's shape and dtype, the same arithmetic as op_cases.cotangent."""
    steps = torch.arange(t.numel(), dtype=torch.float64)
    w = torch.cos(steps * 0.7 + shift).reshape(t.shape)
    if t.dtype.is_complex:
        w = torch.complex(w, torch.sin(steps * 0.3 + shift).reshape(t.shape))
    return w.to(t.dtype)


def gradients(call, args, kwargs):
    """First and second gradients with respect to the tensors that ask for one, or None where PyTorch has none."""
    leaves = [t for t in tensors([args, list(kwargs.values())]) if t.requires_grad]
    outs = [t for t in tensors(call(*args, **kwargs)) if t.requires_grad]
    if not leaves or not outs:
        return None
    first = torch.autograd.grad(outs, leaves, [cotangent(o, 0.0) for o in outs], allow_unused=True)
    result = {"grad": list(first), "grad2": None}
    try:
        outs = [t for t in tensors(call(*args, **kwargs)) if t.requires_grad]
        first = torch.autograd.grad(
            outs, leaves, [cotangent(o, 0.0) for o in outs], allow_unused=True, create_graph=True
        )
        again = [g for g in first if g is not None and g.requires_grad]
        if again:
            result["grad2"] = list(
                torch.autograd.grad(again, leaves, [cotangent(g, 1.0) for g in again], allow_unused=True)
            )
    except (RuntimeError, NotImplementedError):
        pass
    return result


def inplace_name(op, path, args, kwargs, want):
    """The in-place method's name, where PyTorch takes this call in place."""
    name = path.rsplit(".", 1)[-1] + "_"
    if "." in path or not args or not isinstance(args[0], torch.Tensor) or not hasattr(torch.Tensor, name):
        return None
    args = [a.detach().clone() if isinstance(a, torch.Tensor) else a for a in args]
    try:
        got = getattr(args[0], name)(*args[1:], **kwargs)
    except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
        return None
    return name if isinstance(want, torch.Tensor) and same(got, want.detach()) else None


def shortened(op, args):
    """The first elements of the operands of an elementwise operator, where they are too many to store."""
    given = tensors(args)
    if not isinstance(op, (UnaryUfuncInfo, BinaryUfuncInfo)) or sum(t.numel() for t in given) <= MAX_IN:
        return args
    if len({t.shape for t in given}) > 1 or len(given) != sum(isinstance(a, torch.Tensor) for a in args):
        return args
    cut = [
        a.detach().reshape(-1)[:FEW].clone().requires_grad_(a.requires_grad) if isinstance(a, torch.Tensor) else a
        for a in args
    ]
    return cut


def case(op, sample, store, large=False):
    """One stored call, or None where it does not fit; `large` takes shortened and larger ones."""
    args = [sample.input, *sample.args]
    if large:
        args = shortened(op, args)
    kwargs = dict(sample.kwargs)
    if sum(t.numel() for t in tensors([args, list(kwargs.values())])) > (LARGE if large else MAX_IN):
        return None
    path = op.name
    call = resolve(path)
    if call is None:
        if not hasattr(torch.Tensor, op.name):
            return None
        path = f"Tensor.{op.name}"
        call = getattr(torch.Tensor, op.name)
    try:
        torch.manual_seed(1)
        want = op.op(*fresh(args), **kwargs)
        for seed in range(2, 6):  # a random result differs once
            torch.manual_seed(seed)
            got = call(*fresh(args), **kwargs)
            if not same(got, want):
                return None
    except Exception:  # noqa: BLE001  the callable is not the public function
        return None
    if sum(t.numel() for t in tensors(got)) > (2 * LARGE if large else MAX_OUT):
        return None
    if any(t.layout != torch.strided for t in tensors([args, got, list(kwargs.values())])):
        return None
    try:
        entry = {"op": path, "args": store.put(args), "kwargs": store.put(kwargs), "out": store.put(got)}
        if any(t.requires_grad for t in tensors([args, list(kwargs.values())])):
            grads = gradients(call, fresh(args), {k: fresh(v) for k, v in kwargs.items()})
            if grads is not None:
                entry["grad"], entry["grad2"] = store.put(grads["grad"]), store.put(grads["grad2"])
        entry["inplace"] = inplace_name(op, path, args, kwargs, got)
    except op_cases.NotStorable:
        return None
    return entry


def raw_bytes(t):
    """The elements in row-major order."""
    flat = t.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format).reshape(-1)
    return flat.contiguous().view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def recorded(op, store, dtypes, large=False):
    """The stored calls of an operator: (dtype, how many) of each."""
    entries = []
    for dtype, count in dtypes:
        if dtype not in op.supported_dtypes("cpu") or (op.name in COARSE and dtype in (torch.bfloat16, torch.float16)):
            continue
        wants_grad = (
            dtype in (torch.float64, torch.complex128)
            and op.supports_autograd
            and dtype in op.supported_backward_dtypes("cpu")
        )
        torch.manual_seed(0)
        try:
            samples = list(op.sample_inputs("cpu", dtype, requires_grad=wants_grad))
        except Exception:  # noqa: BLE001  a few generators want packages or devices
            continue
        found = []
        step = max(1, math.ceil(len(samples) / (4 * count)))
        for sample in samples[::step] + samples[1::step]:
            if len(found) == count:
                break
            entry = case(op, sample, store, large)
            if entry is not None:
                found.append(entry)
        entries += found
    return entries


def main():
    store = op_cases.Writer(raw_bytes, torch)
    entries, names = [], set()
    for op in op_db:
        if op.name in NOT_UNIQUE or op.name in UNINITIALISED or op.name.startswith(OUTSIDE) or "svd" in op.name:
            continue
        found = recorded(op, store, DTYPES)
        if not found:  # all of its samples are large: elementwise ones are shortened, of others few are taken
            elementwise = isinstance(op, (UnaryUfuncInfo, BinaryUfuncInfo))
            found = recorded(op, store, DTYPES if elementwise else LARGE_DTYPES, large=True)
        entries += found
        names.update(e["op"] for e in found)
    size = store.save(HERE / "ops.zip", entries)
    print(f"{len(entries)} calls of {len(names)} operators, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
