"""Forward mode and vmap over the recorded calls of every operator (tests/golden/ops.zip).

Forward mode: for random u and v, <u, J v> by tangents equals <J^T u, v> by the gradient, which test_op_golden checks.
vmap: one call of the batched function equals the calls one by one.
"""

import collections
import functools
import pathlib
import sys
import warnings

import pytest

import rustorch as rt
from rustorch.autograd import forward_ad as fwd

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import op_cases  # noqa: E402

READER = op_cases.Reader(GOLDEN / "ops.zip", rt)
OPEN = set((GOLDEN / "ops_open.txt").read_text().split())
CALLS = collections.defaultdict(list)
for entry in READER.entries:
    CALLS[entry["op"]].append(entry)
# What vmap cannot do: shapes and decisions that depend on the data, results that are no tensors.
DATA = {
    "nonzero", "Tensor.nonzero", "argwhere", "Tensor.argwhere", "masked_select", "Tensor.masked_select", "unique", "unique_consecutive", "Tensor.unique",
    "Tensor.unique_consecutive", "bincount", "Tensor.bincount", "Tensor.item", "Tensor.tolist", "equal", "Tensor.equal", "allclose", "Tensor.allclose",
    "Tensor.__bool__", "is_nonzero", "combinations", "nn.functional.gaussian_nll_loss", "nn.functional.one_hot", "linalg.pinv",
    "nn.functional.embedding_bag", "linspace", "logspace",
}  # fmt: skip


resolve = functools.partial(op_cases.resolve, rt)
tensors = functools.partial(op_cases.tensors, rt)


def change(value, function):
    """The structure with function(tensor) in place of every tensor."""
    if isinstance(value, rt.Tensor):
        return function(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(change(v, function) for v in value) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {k: change(v, function) for k, v in value.items()}
    return value


def random_like(t, seed):
    g = rt.Generator()
    g.manual_seed(seed)
    values = rt.randn(t.shape, generator=g, dtype=rt.float64)
    if t.dtype.is_complex:
        values = rt.complex(values, rt.randn(t.shape, generator=g, dtype=rt.float64))
    return values.to(t.dtype)


def dot(a, b):
    return float(rt.real((a.conj() * b).sum())) if a.dtype.is_complex and b.dtype.is_complex else float((a * b).sum())


def double(entry):
    return entry.get("grad") is not None and any(
        t.dtype in (rt.float64, rt.complex128) for t in tensors(READER.get(entry["args"]))
    )


def check_jvp(entry):
    call = resolve(entry["op"])
    args, kwargs = READER.get(entry["args"]), READER.get(entry["kwargs"])
    leaves = [t for t in tensors([args, kwargs]) if t.requires_grad]
    result = call(*args, **kwargs)
    outs = [(i, t) for i, t in enumerate(tensors(result)) if t.requires_grad]
    us = [random_like(t, 100 + i) for i, t in outs]
    vs = [random_like(t, 200 + i) for i, t in enumerate(leaves)]
    grads = rt.autograd.grad([t for _, t in outs], leaves, us, allow_unused=True)
    want = sum(dot(g, v) for g, v in zip(grads, vs) if g is not None)
    duals = iter(range(len(leaves)))
    with fwd.dual_level():
        made = change([args, kwargs], lambda t: fwd.make_dual(t.detach(), vs[next(duals)]) if t.requires_grad else t)
        pushed = [fwd.unpack_dual(t) for t in tensors(call(*made[0], **made[1]))]
    for (i, t), u in zip(outs, us):
        assert pushed[i].primal.shape == t.shape
        assert rt.allclose(pushed[i].primal, t.detach(), rtol=1e-10, atol=1e-10, equal_nan=True)
    got = sum(dot(u, pushed[i].tangent) for (i, _), u in zip(outs, us) if pushed[i].tangent is not None)
    if want == want and abs(want) != float("inf"):
        assert got == pytest.approx(want, rel=1e-6, abs=1e-8), f"<u, J v> = {got}, <J^T u, v> = {want}"


def check_vmap(entry, only_first):
    call = resolve(entry["op"])
    args, kwargs = change([READER.get(entry["args"]), READER.get(entry["kwargs"])], lambda t: t.detach())
    flat = tensors([args, kwargs])
    if not flat:
        return
    scales = (1.0, 0.875, 0.75)
    batched = [i == 0 or not only_first for i in range(len(flat))]

    def variant(t, s):
        return t * s if t.dtype.is_floating_point or t.dtype.is_complex else t.clone()

    def fill(values):
        it = iter(values)
        return change([args, kwargs], lambda t: next(it))

    rows = []
    for s in scales:
        a, k = fill([variant(t, s) if b else t for t, b in zip(flat, batched)])
        try:
            rows.append([t for t in tensors(call(*a, **k))])
        except (RuntimeError, ValueError):
            return  # the scaled values are outside of the domain
    if not rows[0] or any([t.shape for t in r] != [t.shape for t in rows[0]] for r in rows):
        return
    stacked = [rt.stack([variant(t, s) for s in scales]) if b else t for t, b in zip(flat, batched)]

    def function(*values):
        a, k = fill(values)
        return tuple(tensors(call(*a, **k)))

    try:
        got = rt.func.vmap(function, in_dims=tuple(0 if b else None for b in batched))(*stacked)
    except RuntimeError as error:
        assert "randomness error mode" in str(error) or "Batch norm got a batched tensor" in str(error)
        return
    assert len(got) == len(rows[0])
    for i, g in enumerate(got):
        want = rt.stack([r[i] for r in rows])
        assert g.dtype == want.dtype and g.shape == want.shape, (
            f"result {i}: {g.dtype}{list(g.shape)} not {want.dtype}{list(want.shape)}"
        )
        if g.dtype.is_floating_point or g.dtype.is_complex:
            wide = rt.complex128 if g.dtype.is_complex else rt.float64
            tight = g.dtype in (rt.float64, rt.complex128)
            assert rt.allclose(
                g.to(wide), want.to(wide), rtol=1e-9 if tight else 2e-2, atol=1e-10 if tight else 1e-2, equal_nan=True
            ), f"result {i}"
        else:
            assert rt.equal(g, want), f"result {i}: got {g.tolist()}, expected {want.tolist()}"


@pytest.mark.parametrize("name", sorted(n for n in CALLS if n not in OPEN))
def test_jvp(name):
    for entry in [e for e in CALLS[name] if double(e)]:
        check_jvp(entry)


@pytest.mark.parametrize("name", sorted(n for n in CALLS if n not in OPEN and n not in DATA))
def test_vmap(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for entry in CALLS[name]:
            for only_first in (False, True):
                check_vmap(entry, only_first)
