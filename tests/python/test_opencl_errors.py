"""Bad input on both backends: the same class and the same text, but for the name of the device."""

import os

import pytest

import rustorch as rt
from rustorch import errors, nn

F = nn.functional

pytestmark = pytest.mark.skipif(
    not rt.opencl.is_available() and not os.environ.get("RUSTORCH_REQUIRE_OPENCL"),
    reason=f"no OpenCL device: {rt.opencl.unavailable_reason()}",
)


class Maker:
    """Tensors of one device."""

    def __init__(self, device):
        self.device = device

    def f(self, *shape):
        return rt.zeros(*shape, device=self.device)

    def i(self, values):
        return rt.tensor(values, device=self.device)

    def at(self, *shape, dtype):
        return rt.zeros(*shape, dtype=dtype, device=self.device)


BAD = {
    # shapes
    "broadcast": lambda m: m.f(2, 3) + m.f(4),
    "broadcast in place": lambda m: m.f(3).add_(m.f(2, 3)),
    "matmul": lambda m: m.f(2, 3) @ m.f(2, 3),
    "bmm": lambda m: rt.bmm(m.f(2, 3, 4), m.f(3, 4, 5)),
    "addmm": lambda m: rt.addmm(m.f(7), m.f(2, 3), m.f(3, 4)),
    "linear": lambda m: F.linear(m.f(2, 3), m.f(4, 5)),
    "view": lambda m: m.f(2, 3).view(4),
    "reshape": lambda m: m.f(2, 3).reshape(-1, 4),
    "two unknown sizes": lambda m: m.f(2, 3).reshape(-1, -1),
    "expand": lambda m: m.f(2, 3).expand(4, 3),
    "cat": lambda m: rt.cat([m.f(2, 3), m.f(2, 4)]),
    "stack": lambda m: rt.stack([m.f(2), m.f(3)]),
    "stack of nothing": lambda m: rt.stack([]),
    "conv2d channels": lambda m: F.conv2d(m.f(1, 3, 8, 8), m.f(4, 2, 3, 3)),
    "conv2d kernel too large": lambda m: F.conv2d(m.f(1, 3, 2, 2), m.f(4, 3, 3, 3)),
    "max_pool2d": lambda m: F.max_pool2d(m.f(1, 1, 4, 4), 2, padding=3),
    "layer_norm": lambda m: F.layer_norm(m.f(2, 3), (4,)),
    "batch_norm": lambda m: F.batch_norm(m.f(2, 3), m.f(4), m.f(4)),
    "group_norm": lambda m: F.group_norm(m.f(2, 3), 2),
    "attention": lambda m: F.scaled_dot_product_attention(m.f(1, 2, 3, 4), m.f(1, 2, 3, 5), m.f(1, 2, 3, 4)),
    "cholesky": lambda m: rt.linalg.cholesky(m.f(2, 3)),
    "solve": lambda m: rt.linalg.solve(m.f(2, 3), m.f(2)),
    "masked_select": lambda m: m.f(2, 3)[m.at(3, 2, dtype=rt.bool)],
    "split": lambda m: m.f(5).split([2, 2]),
    "chunk": lambda m: m.f(5).chunk(0),
    # values of indices, found by kernels
    "gather": lambda m: m.f(2, 3).gather(1, m.i([[5]])),
    "scatter": lambda m: m.f(2, 3).scatter_(1, m.i([[-1]]), 1.0),
    "scatter_add": lambda m: m.f(2, 3).scatter_add(1, m.i([[3]]), m.f(1, 1)),
    "index": lambda m: m.f(2, 3)[m.i([0, 2])],
    "index of two": lambda m: m.f(2, 3)[m.i([0]), m.i([-4])],
    "index_select": lambda m: m.f(2, 3).index_select(1, m.i([3])),
    "index_put": lambda m: m.f(4).index_put_((m.i([9]),), m.f(1)),
    "index_add": lambda m: m.f(4).index_add(0, m.i([4]), m.f(1)),
    "index_copy": lambda m: m.f(4).index_copy(0, m.i([4]), m.f(1)),
    "index_fill": lambda m: m.f(4).index_fill(0, m.i([4]), 1.0),
    "take": lambda m: m.f(2, 3).take(m.i([6])),
    "embedding": lambda m: F.embedding(m.i([4]), m.f(4, 2)),
    "cross_entropy target": lambda m: F.cross_entropy(m.f(2, 3), m.i([0, 3])),
    "nll_loss target": lambda m: F.nll_loss(m.f(2, 3), m.i([-1, 0])),
    "bincount": lambda m: rt.bincount(m.i([1, -1])),
    "multinomial": lambda m: rt.multinomial(m.f(3) - 1.0, 2),
    "division by zero": lambda m: m.i([1, 2]) // m.i([1, 0]),
    "remainder by zero": lambda m: m.i([1, 2]) % 0,
    "singular matrix": lambda m: rt.linalg.inv(m.f(2, 2)),
    "not positive definite": lambda m: rt.linalg.cholesky(m.f(2, 2) - 1.0),
    "bernoulli": lambda m: rt.bernoulli(m.f(2) + 2.0),
    "bernoulli of nan": lambda m: rt.bernoulli(m.f(2) + float("nan")),
    # dimensions, places
    "dim": lambda m: m.f(2, 3).sum(2),
    "dim twice": lambda m: m.f(2, 3).sum((0, 0)),
    "softmax dim": lambda m: m.f(2, 3).softmax(-3),
    "permute": lambda m: m.f(2, 3).permute(0, 0),
    "transpose": lambda m: m.f(2, 3).transpose(0, 5),
    "select": lambda m: m.f(2, 3)[2],
    "too many indices": lambda m: m.f(2, 3)[0, 0, 0],
    "narrow": lambda m: m.f(5).narrow(0, 3, 4),
    "topk": lambda m: m.f(5).topk(6),
    "kthvalue": lambda m: m.f(5).kthvalue(0),
    "max of nothing": lambda m: m.f(0).max(),
    "argmax of nothing": lambda m: m.f(0, 3).argmax(0),
    "item": lambda m: m.f(2).item(),
    "unflatten": lambda m: m.f(6).unflatten(0, (4, 2)),
    # dtypes
    "float index": lambda m: m.f(3)[m.f(1)],
    "integer matmul": lambda m: m.at(2, 2, dtype=rt.int64) @ m.f(2, 2),
    "integer sqrt out": lambda m: rt.sqrt(m.f(2), out=m.at(2, dtype=rt.int64)),
    "in-place cast": lambda m: m.at(2, dtype=rt.int64).add_(1.5),
    "bool subtraction": lambda m: m.at(2, dtype=rt.bool) - m.at(2, dtype=rt.bool),
    "complex order": lambda m: m.at(2, dtype=rt.complex64) < m.at(2, dtype=rt.complex64),
    "complex max": lambda m: m.at(2, dtype=rt.complex64).max(),
    "float shift": lambda m: m.f(2) << 1,
    "float and": lambda m: m.f(2) & m.f(2),
    "integer mean": lambda m: m.at(2, dtype=rt.int64).mean(),
    "integer gradient": lambda m: m.at(2, dtype=rt.int64).requires_grad_(),
    "scatter dtype": lambda m: m.f(2).scatter_(0, m.i([0]), m.at(1, dtype=rt.float64)),
    "where dtype": lambda m: rt.where(m.f(2), m.f(2), m.f(2)),
    # memory
    "overlap": lambda m: m.f(1).expand(3).add_(1.0),
    "out overlaps": lambda m: (lambda x: rt.add(x[:-1], 1.0, out=x[1:]))(m.f(5)),
    "negative size": lambda m: rt.empty(-1, device=m.device),
    "as_strided": lambda m: m.f(4).as_strided((3, 3), (3, 1)),
    # gradients
    "backward of many": lambda m: (m.f(2).requires_grad_() * 2).backward(),
    "no graph": lambda m: m.f(1).sum().backward(),
    "leaf in place": lambda m: m.f(2).requires_grad_().add_(1.0),
    "out with gradient": lambda m: rt.exp(m.f(2).requires_grad_(), out=m.f(2)),
}


def failure(call, device):
    with pytest.raises(Exception) as caught:
        call(Maker(device))
    return type(caught.value), str(caught.value).replace("opencl:0", "cpu")


@pytest.mark.parametrize("name", BAD)
def test_bad_input_fails_alike(name):
    assert failure(BAD[name], "opencl") == failure(BAD[name], "cpu")


def test_a_tensor_too_large_for_the_device_is_the_same_class():
    results = [failure(lambda m: rt.empty(1 << 40, 1 << 20, device=m.device), d) for d in ("cpu", "opencl")]
    assert results[0][0] is results[1][0] is errors.OutOfMemoryError
    assert all("tried to allocate 4611686018427387904 bytes" in text for _, text in results)


def changed_behind_the_graph(m):
    x = m.f(2).requires_grad_()
    y = x.exp()
    z = y * y
    y.add_(1.0)
    z.sum().backward()


def backward_twice(m):
    y = (m.f(2).requires_grad_().exp() * 2).sum()
    y.backward()
    y.backward()


@pytest.mark.parametrize("call", [changed_behind_the_graph, backward_twice])
def test_misuse_of_graphs_fails_alike(call):
    assert failure(call, "opencl") == failure(call, "cpu")


def test_after_an_error_the_device_still_works():
    x = rt.arange(6.0, device="opencl").reshape(2, 3)
    for bad in (rt.tensor([[7]]), rt.tensor([[-9]])):
        with pytest.raises(RuntimeError):
            x.gather(1, bad.to("opencl"))
    assert x.gather(1, rt.tensor([[2], [0]]).to("opencl")).tolist() == [[2.0], [3.0]]
