"""Concatenation along inner dimensions, which goes row by row through all parts, against NumPy."""

import numpy as np
import pytest

import rustorch as rt


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool", "complex64"])
@pytest.mark.parametrize(
    "shapes, dim",
    [
        ([(300, 7), (300, 120), (300, 1)], 1),
        ([(3, 5, 40), (3, 2, 40), (3, 9, 40)], 1),
        ([(2, 3, 4, 5), (2, 3, 4, 1)], -1),
        ([(5, 3), (5, 0), (5, 2)], 1),
        ([(2, 40_000), (2, 30_000)], 1),  # runs too long for the row kernel
        ([(1, 6), (1, 3)], 1),
    ],
)
def test_as_numpy(dtype, shapes, dim):
    rng = np.random.default_rng(0)
    parts = [(rng.standard_normal(s) * 50).astype(dtype) for s in shapes]
    expected = np.concatenate(parts, dim)
    tensors = [rt.from_numpy(p) for p in parts]
    assert np.array_equal(rt.cat(tensors, dim).numpy(), expected)
    turned = [rt.from_numpy(np.asfortranarray(p)) for p in parts]  # not contiguous
    assert np.array_equal(rt.cat([turned[0], *tensors[1:]], dim).numpy(), expected)
    out = rt.empty(0, dtype=tensors[0].dtype)
    assert np.array_equal(rt.cat(tensors, dim, out=out).numpy(), expected)


def test_parts_of_several_dtypes_and_empty_lists():
    x, y = rt.arange(6, dtype=rt.int32).view(2, 3), rt.ones(2, 2, dtype=rt.float64)
    z = rt.cat([x, rt.empty(0), y], 1)
    assert z.dtype == rt.float64 and z.tolist() == [[0, 1, 2, 1, 1], [3, 4, 5, 1, 1]]


def test_the_same_tensor_twice_with_gradients():
    x = rt.arange(6.0).view(2, 3).requires_grad_()
    y = rt.cat([x, x[:, :1], x], 1)
    y.backward(rt.arange(14.0).view(2, 7))
    assert x.grad.tolist() == [[0 + 3 + 4, 1 + 5, 2 + 6], [7 + 10 + 11, 8 + 12, 9 + 13]]
