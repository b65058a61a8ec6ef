"""Indexing, gather and scatter against NumPy."""

import numpy as np
import pytest
from thread_helpers import equal_on_threads

import rustorch as rt


def arr(*shape):
    return np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)


def ten(a):
    return rt.tensor(a.tolist(), dtype=rt.bool if a.dtype == bool else rt.int64).reshape(a.shape)


def same(t, a):
    a = np.asarray(a)
    assert tuple(t.shape) == a.shape
    assert np.array_equal(np.array(t.tolist()).reshape(a.shape), a)


I = [1, 0, 1]
J = [2, -1, 0]
MASK = np.arange(24).reshape(2, 3, 4) % 5 == 0
MASK2 = np.array([[True, False, True], [False, True, False]])

KEYS = {
    "int": lambda t: (0,),
    "ints": lambda t: (1, -1, 2),
    "slices": lambda t: (slice(None), slice(0, 3, 2), slice(1, None)),
    "ellipsis": lambda t: (Ellipsis, 1),
    "none": lambda t: (None, Ellipsis, None, 0),
    "one list": lambda t: (t(I),),
    "two lists": lambda t: (t(I), t(J)),
    "lists apart": lambda t: (t(I), slice(None), t([3, 0, -2])),
    "list at end": lambda t: (Ellipsis, t([3, 0])),
    "list broadcast": lambda t: (t([[0], [1]]), t([0, 2, 1])),
    "mask": lambda t: (t(MASK),),
    "mask of rows": lambda t: (t(MASK2),),
    "mask and int": lambda t: (t(MASK2), 1),
    "mask and slice": lambda t: (t(MASK2), slice(1, 3)),
    "mask last": lambda t: (slice(0, 1), slice(None), t([True, False, True, True])),
    "list and slice": lambda t: (slice(1, 2), t([0, 2])),
    "empty": lambda t: (t(np.zeros(0, np.int64)),),
    "true": lambda t: (True,),
}


def key_for(name, torch_like):
    make = (lambda x: ten(np.asarray(x))) if torch_like else np.asarray
    return KEYS[name](make)


@pytest.mark.parametrize("name", KEYS)
def test_get(name):
    a = arr(2, 3, 4)
    same(ten(a)[key_for(name, True)], a[key_for(name, False)])


@pytest.mark.parametrize("name", KEYS)
def test_set_number(name):
    a = arr(2, 3, 4)
    t = ten(a)
    t[key_for(name, True)] = -5
    a[key_for(name, False)] = -5
    same(t, a)


@pytest.mark.parametrize("name", KEYS)
def test_set_tensor(name):
    a = arr(2, 3, 4)
    t = ten(a)
    if name in ("one list", "two lists", "lists apart"):
        pytest.skip("duplicate places: the winner is not defined")
    shape = a[key_for(name, False)].shape
    values = -arr(*shape) - 1
    t[key_for(name, True)] = ten(values)
    a[key_for(name, False)] = values
    same(t, a)


@pytest.mark.parametrize("name", KEYS)
def test_gradient(name):
    a = arr(2, 3, 4)
    x = ten(a).to(rt.float32).requires_grad_()
    y = x[key_for(name, True)]
    if y.numel() == 0:
        return
    (y * (rt.arange(y.numel()).reshape(y.shape) + 1)).sum().backward()
    expected = np.zeros(24)
    np.add.at(expected, a[key_for(name, False)].ravel(), np.arange(y.numel()) + 1.0)
    same(x.grad, expected.reshape(2, 3, 4))


def test_errors():
    t = ten(arr(2, 3, 4))
    for key, text in [
        (5, "index 5 is out of bounds for dimension 0 with size 2"),
        ((0, 0, 0, 0), "too many indices for tensor of dimension 3"),
        (rt.tensor([5]), "index 5 is out of bounds for dimension 0 with size 2"),
        (rt.tensor([1.0]), "tensors used as indices must be long, int, byte or bool tensors"),
        (rt.zeros(3, 3, dtype=rt.bool), "The shape of the mask"),
        ((rt.tensor([0, 1]), rt.tensor([0, 1, 2])), "could not be broadcast together"),
    ]:
        with pytest.raises(IndexError, match=text):
            t[key]
    with pytest.raises(ValueError, match="step must be greater than zero"):
        t[::-1]
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        rt.tensor(3)[0]
    with pytest.raises(RuntimeError, match="shape mismatch"):
        t[rt.tensor([0, 1])] = rt.ones(3, 5, dtype=rt.int64)
    with pytest.raises(RuntimeError, match="Index put requires the source and destination dtypes match"):
        t[rt.tensor([0, 1])] = rt.ones(2, 3, 4)


def test_gather_and_scatter():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 100, (5, 40, 6))
    for dim in range(3):
        index = rng.integers(0, a.shape[dim], (5, 40, 6))
        same(ten(a).gather(dim, ten(index)), np.take_along_axis(a, index, dim))
        src = rng.integers(0, 100, (5, 40, 6))
        expected = a.copy()
        for at in np.ndindex(*index.shape):
            to = list(at)
            to[dim] = index[at]
            expected[tuple(to)] += src[at]
        same(ten(a).scatter_add(dim, ten(index), ten(src)), expected)
        b = ten(a)
        b.scatter_add_(dim, ten(index), ten(src))
        same(b, expected)
    with pytest.raises(RuntimeError, match="out of bounds"):
        ten(a).gather(0, rt.tensor([[[9]]]))
    same(rt.zeros(2, 3).scatter(1, rt.tensor([[0], [2]]), 7.0), [[7, 0, 0], [0, 0, 7]])


def test_scatter_with_an_expanded_index():
    a = arr(4, 6)
    index = rt.tensor([5, 0, 5]).expand(4, 3)
    expected = a.copy()
    np.add.at(expected, (slice(None), [5, 0, 5]), 1)
    same(ten(a).scatter_add(1, index, rt.ones(4, 3, dtype=rt.int64)), expected)


def test_index_fill_value_gradient_counts_places_once():
    value = rt.tensor(2.0, requires_grad=True)
    rt.zeros(3, 2).index_fill(0, rt.tensor([1, 1]), value).sum().backward()
    assert value.grad.item() == 2


def test_scatter_reduce():
    base, index, src = rt.tensor([1.0, 2.0, 3.0]), rt.tensor([0, 0, 2]), rt.tensor([4.0, 6.0, 5.0])
    for reduce, want, without in [
        ("sum", [11, 2, 8], [10, 2, 5]),
        ("prod", [24, 2, 15], [24, 2, 5]),
        ("mean", [11 / 3, 2, 4], [5, 2, 5]),
        ("amax", [6, 2, 5], [6, 2, 5]),
        ("amin", [1, 2, 3], [4, 2, 5]),
    ]:
        assert base.scatter_reduce(0, index, src, reduce).tolist() == pytest.approx(want)
        assert base.scatter_reduce(0, index, src, reduce, include_self=False).tolist() == pytest.approx(without)


def test_index_operators():
    a = arr(4, 3)
    t, at = ten(a), rt.tensor([2, 0])
    same(t.index_select(1, at), a[:, [2, 0]])
    same(t.index_select(0, rt.tensor([3, 3])), a[[3, 3]])
    added = a.copy()
    added[[2, 0]] += 2 * np.ones((2, 3), np.int64)
    same(t.index_add(0, at, rt.ones(2, 3, dtype=rt.int64), alpha=2), added)
    filled = a.copy()
    filled[:, [2, 0]] = -1
    same(t.index_fill(1, at, -1), filled)
    same(t.index_copy(0, at, rt.zeros(2, 3, dtype=rt.int64))[0], [0, 0, 0])
    same(t.take(rt.tensor([[0, -1]])), [[0, 11]])
    same(rt.zeros(4, dtype=rt.int64).put_(rt.tensor([1, 1]), rt.tensor([5, 6]), accumulate=True), [0, 11, 0, 0])
    with pytest.raises(IndexError):
        t.index_select(0, rt.tensor([4]))


def test_masks():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 9, (300, 401))
    mask = a % 3 == 0
    t, m = ten(a), ten(mask)
    same(t.masked_select(m), a[mask])
    same(t[m], a[mask])
    same(t.masked_fill(m, -1), np.where(mask, -1, a))
    same(m.nonzero(), np.argwhere(mask))
    source = np.arange(mask.sum())
    expected = a.copy()
    expected[mask] = source
    same(t.masked_scatter(m, ten(source)), expected)
    same(t.t().masked_select(m.t()), a.T[mask.T])
    with pytest.raises(RuntimeError):
        t.masked_scatter(m, rt.tensor([1]))


def test_scatter_is_the_same_for_any_number_of_threads():
    rt.manual_seed(0)
    index, src = rt.randint(0, 50, (100000,)), rt.randn(100000)

    def run():
        zeros = rt.zeros(50)
        sums = zeros.scatter_add(0, index, src), zeros.index_add(0, index, src)
        return *sums, zeros.index_put((index,), src, accumulate=True)

    equal_on_threads(run, (1, 2, 4))


def test_several_ellipses_and_words():
    x = rt.arange(6.0).reshape(2, 3)
    assert x[..., 0, ...].tolist() == [0.0, 3.0] and x[..., ...].shape == (2, 3)
    with pytest.raises(TypeError):
        x["a"]


def test_numpy_numbers_on_the_left():
    x = rt.arange(3.0)
    for y in (np.float64(2) * x, np.float32(2) * x, np.int64(2) * x):
        assert isinstance(y, rt.Tensor) and y.dtype == rt.float32 and y.tolist() == [0.0, 2.0, 4.0]
    assert (np.int64(2) - x).tolist() == [2.0, 1.0, 0.0]


def test_where_with_one_argument():
    mask = rt.tensor([[True, False], [True, True]])
    rows, columns = rt.where(mask)
    assert rows.tolist() == [0, 1, 1] and columns.tolist() == [0, 0, 1]
    assert isinstance(rt.where(mask), tuple) and rt.where(rt.tensor(True))[0].shape == (1,)
