"""Views, reshaping, joining and copies against NumPy."""

import numpy as np
import pytest

import rustorch as rt


def arr(*shape, dtype=np.float32):
    return np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)


def ten(a):
    return rt.tensor(a.tolist(), dtype={np.dtype("float32"): rt.float32, np.dtype("int64"): rt.int64}[a.dtype]).reshape(
        a.shape
    )


def same(t, a):
    assert tuple(t.shape) == a.shape
    assert np.array_equal(np.array(t.tolist()).reshape(a.shape), a)


VIEWS = {
    "transpose": (lambda t: t.transpose(0, 2), lambda a: a.swapaxes(0, 2)),
    "permute": (lambda t: t.permute(2, 0, 1), lambda a: a.transpose(2, 0, 1)),
    "unsqueeze": (lambda t: t.unsqueeze(-1), lambda a: a[..., None]),
    "squeeze": (lambda t: t[:, :1].squeeze(1), lambda a: a[:, 0]),
    "expand": (lambda t: t[:, :1].expand(2, 5, 4), lambda a: np.broadcast_to(a[:, :1], (2, 5, 4))),
    "select": (lambda t: t.select(1, -1), lambda a: a[:, -1]),
    "narrow": (lambda t: t.narrow(2, 1, 2), lambda a: a[:, :, 1:3]),
    "view": (lambda t: t.view(6, -1), lambda a: a.reshape(6, 4)),
    "flatten": (lambda t: t.flatten(1), lambda a: a.reshape(2, 12)),
    "unflatten": (lambda t: t.unflatten(2, (2, -1)), lambda a: a.reshape(2, 3, 2, 2)),
    "diagonal": (lambda t: t.diagonal(1, 1, 2), lambda a: a.diagonal(1, 1, 2)),
    "movedim": (lambda t: t.movedim(0, -1), lambda a: np.moveaxis(a, 0, -1)),
    "as_strided": (
        lambda t: t.as_strided((2, 3), (1, 5), 2),
        lambda a: np.lib.stride_tricks.as_strided(a.ravel()[2:], (2, 3), (4, 20)),
    ),
    "unfold": (lambda t: t.unfold(2, 3, 1), lambda a: np.lib.stride_tricks.sliding_window_view(a, 3, axis=2)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_view_shares_memory_and_matches(name):
    view, reference = VIEWS[name]
    a = arr(2, 3, 4)
    t = ten(a)
    v = view(t)
    same(v, reference(a))
    if name not in ("expand", "unfold"):
        v.add_(100)
        assert sum(x >= 100 for x in t.flatten().tolist()) == v.numel()


@pytest.mark.parametrize("name", VIEWS)
def test_view_gradient(name):
    view, reference = VIEWS[name]
    t = ten(arr(2, 3, 4)).requires_grad_()
    v = view(t)
    weight = rt.arange(v.numel(), dtype=rt.float32).reshape(v.shape) + 1
    (v * weight).sum().backward()
    # The same gradient by adding each weight at the element it came from.
    where = reference(np.arange(24).reshape(2, 3, 4).astype(np.float32)).astype(np.int64)
    expected = np.zeros(24, np.float32)
    np.add.at(expected, where.ravel(), np.arange(v.numel(), dtype=np.float32) + 1)
    same(t.grad, expected.reshape(2, 3, 4))


def test_views_of_nothing_and_scalars():
    assert rt.zeros(0, 3).transpose(0, 1).shape == (3, 0)
    assert rt.zeros(()).flatten().shape == (1,)
    assert rt.zeros(2, 0).view(0, 5).shape == (0, 5)
    with pytest.raises(RuntimeError):
        rt.zeros(2, 0).view(-1, 0)
    with pytest.raises(IndexError):
        rt.zeros(2, 3).transpose(0, 2)
    with pytest.raises(RuntimeError):
        ten(arr(2, 3)).t().view(6)


def test_split_chunk_unbind():
    a = arr(5, 4)
    t = ten(a)
    for got, want in zip(t.split(2), (a[:2], a[2:4], a[4:])):
        same(got, want)
    for got, want in zip(t.split([1, 4]), (a[:1], a[1:])):
        same(got, want)
    assert [c.shape[0] for c in t.chunk(3)] == [2, 2, 1]
    assert [c.shape[1] for c in t.tensor_split(3, dim=1)] == [2, 1, 1]
    assert len(t.unbind(1)) == 4
    x = ten(a).requires_grad_()
    first, _, last = x.split(2)
    (first.sum() * 2 + last.sum()).backward()
    same(x.grad, np.array([[2.0] * 4] * 2 + [[0.0] * 4] * 2 + [[1.0] * 4], np.float32))


def test_cat_and_stack():
    a, b = arr(2, 3), arr(4, 3)
    same(rt.cat([ten(a), ten(b)]), np.concatenate([a, b]))
    same(rt.cat([ten(a), ten(a)], dim=-1), np.concatenate([a, a], axis=1))
    same(rt.stack([ten(a), ten(a)], dim=1), np.stack([a, a], axis=1))
    assert rt.cat([rt.ones(2), rt.ones(2, dtype=rt.int64)]).dtype == rt.float32
    assert rt.cat([rt.zeros(0), rt.ones(2, 3)]).shape == (2, 3)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        rt.cat([rt.ones(2, 3), rt.ones(2, 4)])
    x, y = rt.ones(2, 2, requires_grad=True), rt.ones(1, 2, requires_grad=True)
    (rt.cat([x, y]) * rt.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    same(y.grad, np.array([[3.0, 3.0]], np.float32))


@pytest.mark.parametrize("rows,cols", [(5, 7), (64, 64), (100, 33), (257, 130)])
@pytest.mark.parametrize("dtype", [rt.float32, rt.float64, rt.int16, rt.uint8, rt.complex128])
def test_transposed_copies(rows, cols, dtype):
    t = rt.arange(rows * cols).reshape(rows, cols).to(dtype)
    c = t.t().contiguous()
    assert c.is_contiguous()
    assert c.t().tolist() == t.tolist()


def test_permuted_copy():
    a = arr(2, 33, 18, 20)
    same(ten(a).permute(0, 2, 3, 1).contiguous(), a.transpose(0, 2, 3, 1))


def test_flip_roll_repeat():
    a = arr(3, 4)
    t = ten(a)
    same(t.flip(0, 1), a[::-1, ::-1])
    same(t.roll(1, 1), np.roll(a, 1, 1))
    same(t.roll(5), np.roll(a, 5))
    same(t.repeat(2, 1, 2), np.tile(a, (2, 1, 2)))
    same(t.repeat_interleave(2, dim=1), np.repeat(a, 2, 1))
    same(t.repeat_interleave(rt.tensor([1, 0, 2]), dim=0), np.repeat(a, [1, 0, 2], 0))
    same(rt.rot90(t), np.rot90(a))
    same(t.tril(-1), np.tril(a, -1))
    same(t.triu(1), np.triu(a, 1))
    same(rt.diag(t[0]), np.diag(a[0]))


def test_clone_is_independent():
    big = rt.zeros(100, 100)
    copy = big.clone()
    copy[0, 0] = 1
    assert big[0, 0] == 0 and copy[0, 0] == 1
    big += 2
    assert copy[1, 1] == 0


def test_to_returns_self_when_nothing_changes():
    t = rt.ones(3)
    assert t.to(rt.float32) is t or t.to(rt.float32).data_ptr() == t.data_ptr()
    assert t.to(rt.float32, copy=True).data_ptr() != t.data_ptr()
    assert t.contiguous().data_ptr() == t.data_ptr()


def test_conversions():
    t = rt.tensor([-1.5, 0.0, 2.9])
    assert t.to(rt.int64).tolist() == [-1, 0, 2]
    assert t.to(rt.bool).tolist() == [True, False, True]
    assert t.to(rt.complex64).tolist() == [-1.5, 0.0, 2.9000000953674316]
    assert rt.tensor([True, False]).to(rt.float64).tolist() == [1.0, 0.0]
    assert rt.arange(1000).to(rt.bfloat16).to(rt.float32)[255] == 255
    x = rt.ones(2, requires_grad=True)
    x.to(rt.float64).sum().backward()
    assert x.grad.dtype == rt.float32


def test_copy_overlap_and_broadcast():
    t = rt.zeros(2, 3)
    t.copy_(rt.tensor([1, 2, 3]))
    assert t.tolist() == [[1, 2, 3], [1, 2, 3]]
    row = rt.arange(5)
    row[1:].copy_(row[:-1])
    assert row.tolist() == [0, 0, 1, 2, 3]
    with pytest.raises(RuntimeError):
        rt.zeros(1).expand(3).copy_(rt.ones(3))


def test_factories():
    assert rt.arange(1, 2, 0.5).tolist() == [1.0, 1.5]
    assert rt.arange(5).dtype == rt.int64
    assert rt.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert rt.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert rt.full((2,), 7).dtype == rt.int64
    assert rt.zeros_like(rt.ones(2, 2, dtype=rt.int32)).dtype == rt.int32
    with pytest.raises(RuntimeError):
        rt.zeros(-1)
    assert rt.tril_indices(3, 3).tolist() == [[0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]]
