"""The product of int8 matrices with int32 sums."""

import numpy as np
import pytest

import rustorch as rt


def draw(rng, *shape, dtype=np.int8):
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max + 1, shape, dtype=dtype)


@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (3, 5, 2), (33, 70, 65), (128, 64, 96), (40, 0, 7), (0, 3, 4)])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_product(m, k, n, dtype):
    rng = np.random.default_rng(m + k + n)
    a, b = draw(rng, m, k, dtype=dtype), draw(rng, k, n)
    got = rt._int_mm(rt.from_numpy(a), rt.from_numpy(b))
    assert got.dtype == rt.int32
    np.testing.assert_array_equal(got.numpy(), a.astype(np.int32) @ b.astype(np.int32))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_layouts_and_threads(dtype):
    rng = np.random.default_rng(0)
    a, b = draw(rng, 150, 90, dtype=dtype), draw(rng, 90, 140)
    want = a.astype(np.int32) @ b.astype(np.int32)
    before = rt.get_num_threads()
    try:
        for threads in (1, 3):
            rt.set_num_threads(threads)
            for x in (a, np.asfortranarray(a)):
                for y in (b, np.asfortranarray(b)):
                    np.testing.assert_array_equal(
                        rt._int_mm(
                            rt.tensor(0, dtype=rt.int8).to(rt.from_numpy(x).dtype) + rt.from_numpy(x), rt.from_numpy(y)
                        ),
                        want,
                    )
        wide = rt.zeros(150, 180, dtype=rt.from_numpy(a).dtype)
        wide[:, ::2] = rt.from_numpy(a)
        np.testing.assert_array_equal(rt._int_mm(wide[:, ::2], rt.from_numpy(b).t().contiguous().t()).numpy(), want)
    finally:
        rt.set_num_threads(before)


def test_out_and_errors():
    a = rt.ones(4, 4, dtype=rt.int8)
    out = rt.empty(4, 4, dtype=rt.int32)
    assert rt._int_mm(a, a, out=out) is out
    assert (out == 4).all()
    with pytest.raises(RuntimeError, match="int8 or uint8 but got Float"):
        rt._int_mm(a.float(), a)
    with pytest.raises(RuntimeError, match="mat2 dtype"):
        rt._int_mm(a, a.int())
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        rt._int_mm(a, rt.ones(3, 4, dtype=rt.int8))
    with pytest.raises(RuntimeError, match="must be a matrix"):
        rt._int_mm(a[0], a)
