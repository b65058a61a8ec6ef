"""out=: whatever memory it has, it ends with what the call without it returns, and large results take no memory twice."""

import numpy as np
import pytest

import rustorch as rt

rt.manual_seed(0)
A, B, C = rt.randn(6, 6), rt.randn(6, 6), rt.randn(6, 6)
BATCH, OTHER = rt.randn(4, 5, 6), rt.randn(4, 6, 3)
INDEX = rt.tensor([[2, 0, 5], [1, 1, 3]])
SPD = A @ A.t() + 6 * rt.eye(6)

CALLS = {
    "mm": (rt.mm, A, B),
    "square": (rt.matmul, A, A),
    "matrix times vector": (rt.matmul, A, B[0]),
    "dot": (rt.dot, A[0], B[0]),
    "bmm": (rt.bmm, BATCH, OTHER),
    "matmul by broadcasting": (rt.matmul, BATCH, rt.randn(6, 2)),
    "addmm": (rt.addmm, C, A, B),
    "addmm of a row": (rt.addmm, C[0], A, B),
    "baddbmm": (rt.baddbmm, rt.randn(4, 5, 3), BATCH, OTHER),
    "addbmm": (rt.addbmm, rt.randn(5, 3), BATCH, OTHER),
    "addr": (rt.addr, C, A[0], B[0]),
    "chain": (rt.linalg.multi_dot, [A, B, C]),
    "power": (rt.linalg.matrix_power, A, 5),
    "sum": (rt.sum, BATCH, 1),
    "mean": (rt.mean, BATCH, (0, 2)),
    "logsumexp": (rt.logsumexp, BATCH, 1),
    "var": (rt.var, BATCH, 1),
    "norm": (rt.linalg.vector_norm, BATCH, 3, 1),
    "cumsum": (rt.cumsum, BATCH, 2),
    "cumprod": (rt.cumprod, BATCH, 0),
    "logcumsumexp": (rt.logcumsumexp, BATCH, 0),
    "softmax": (rt.softmax, BATCH, 1),
    "argmax": (rt.argmax, BATCH, 1),
    "argsort": (rt.argsort, BATCH, 1),
    "cat": (rt.cat, [A, B[:2], C], 0),
    "cat of one": (rt.cat, [A]),
    "stack": (rt.stack, [A, B, C], 1),
    "hstack": (rt.hstack, [A, B]),
    "gather": (rt.gather, A, 1, INDEX),
    "scatter": (rt.scatter, A, 1, INDEX, 3.0),
    "scatter_add": (rt.scatter_add, A, 0, INDEX, B),
    "index_select": (rt.index_select, A, 1, rt.tensor([4, 0, 0])),
    "index_add": (rt.index_add, A, 0, rt.tensor([4, 0, 0]), B[:3]),
    "take": (rt.take, A, INDEX),
    "masked_select": (rt.masked_select, A, A > 0),
    "where": (rt.where, A > 0, A, B),
    "tril": (rt.tril, A),
    "diag": (rt.diag, A[0]),
    "kron": (rt.kron, A[:2, :2], B[:3, :3]),
    "take_along_dim": (rt.take_along_dim, A, INDEX),
    "inverse": (rt.linalg.inv, SPD),
    "cholesky": (rt.linalg.cholesky, SPD),
    "solve": (rt.linalg.solve, SPD, B),
    "exponential": (rt.linalg.matrix_exp, A),
    "pinv": (rt.linalg.pinv, BATCH[0]),
    "fft": (rt.fft.fft, rt.randn(6, 6, dtype=rt.complex64)),
    "rfft": (rt.fft.rfft, A),
    "histc": (rt.histc, A, 5),
    "bucketize": (rt.bucketize, A, rt.tensor([-1.0, 0.0, 1.0])),
    "arange": (rt.arange, 6),
    "eye": (rt.eye, 6),
    "polygamma": (rt.polygamma, 2, SPD.abs()),
    "clamp": (rt.clamp, A, -0.5, 0.5),
    "lerp": (rt.lerp, A, B, 0.25),
    "nanmean": (rt.nanmean, A, 1),
}


def places(like):
    """Tensors of the form of `like`, full of rubbish, that lie in memory in every way."""
    bad = lambda *sizes: rt.full(sizes, 77, dtype=like.dtype)
    yield "dense", bad(*like.shape)
    yield "with an offset", bad(like.numel() + 5)[5:].view(like.shape)
    if like.dim() > 0:
        yield "turned", bad(*reversed(like.shape)).permute(*reversed(range(like.dim())))
    yield "every second", bad(*like.shape, 2)[..., 1]
    yield "empty", rt.empty(0, dtype=like.dtype)
    yield "shared by clones", bad(*like.shape).clone().clone()


@pytest.mark.parametrize("name", CALLS)
def test_every_place(name):
    f, *args = CALLS[name]
    expected = f(*args)
    for place, out in places(expected):
        if place == "empty" and expected.dim() == 0:
            continue  # PyTorch warns about the shape
        version = out._version
        kept = out.clone()  # shares the bytes of out until out is written
        result = f(*args, out=out)
        assert result is out and out._version > version, place
        assert out.shape == expected.shape and rt.equal(out, expected), place
        assert kept.numel() == 0 or bool((kept == 77).all()), place


def test_numpy_memory_under_an_input_and_the_result():
    memory = np.arange(36, dtype=np.float32).reshape(6, 6)
    x, out = rt.from_numpy(memory), rt.from_numpy(memory)
    expected = rt.tensor(memory) @ A
    assert rt.equal(rt.mm(x, A, out=out), expected)
    assert np.array_equal(memory, expected.numpy())


def test_an_input_as_the_result():
    x = A.clone()
    expected = rt.linalg.matrix_exp(x)
    assert rt.equal(rt.linalg.matrix_exp(x, out=x), expected)
    x = A.clone()
    expected = rt.cumsum(x, 1)
    assert rt.equal(rt.cumsum(x, 1, out=x), expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda out: rt.mm(BIG[:, :3], BIG[:3], out=out),
        lambda out: rt.cat([BIG[:500], BIG[500:]], out=out),
        lambda out: rt.cumsum(BIG, 0, out=out),
        lambda out: rt.tril(BIG, out=out),
        lambda out: rt.softmax(BIG, 1, out=out),
        lambda out: rt.index_select(BIG, 0, rt.arange(1000), out=out),
    ],
    ids=["mm", "cat", "cumsum", "tril", "softmax", "index_select"],
)
def test_no_second_result(call):
    out = rt.empty(1000, 1000, dtype=rt.float64)
    rt.reset_peak_memory_stats()
    before = rt.memory_stats()["allocated_bytes"]
    call(out)
    assert rt.memory_stats()["peak_allocated_bytes"] - before < 7_000_000  # the result has 8 MB


BIG = rt.ones(1000, 1000, dtype=rt.float64)
