"""Scans, sorting, selection, search and distinct elements against NumPy."""

import math

import numpy as np
import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

DTYPES = ["float32", "float64", "int64", "int32", "int16", "uint8", "int8"]


def values(shape, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0 if dtype == "uint8" else -90, 90, shape).astype(dtype)


@pytest.mark.parametrize("shape", [(1,), (7,), (49,), (300,), (5000,), (150000,), (50, 300), (20, 30, 5)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sort(shape, dtype):
    a = values(shape, dtype)
    x = rt.tensor(a)
    for d in range(a.ndim):
        order = np.argsort(a, d, kind="stable")
        got = x.sort(d)
        np.testing.assert_array_equal(np.asarray(got.values.tolist(), dtype), np.take_along_axis(a, order, d))
        assert got.indices.tolist() == order.tolist()
        down = x.sort(d, True)
        np.testing.assert_array_equal(np.asarray(down.values.tolist(), dtype), np.flip(np.sort(a, d), d))
        np.testing.assert_array_equal(
            np.take_along_axis(a, np.asarray(down.indices.tolist()), d), np.flip(np.sort(a, d), d)
        )


def test_sort_nan_and_zeros():
    nan = math.nan
    got = rt.tensor([1.0, nan, 0.0, -0.0, -math.inf, math.inf, nan]).sort()
    assert got.indices.tolist() == [4, 2, 3, 0, 5, 1, 6]
    assert math.copysign(1, got.values[2].item()) == -1
    assert rt.tensor([1.0, nan, 2.0]).sort(descending=True).indices.tolist() == [1, 2, 0]
    assert rt.tensor(5.0).sort().indices.item() == 0
    assert rt.zeros(0, 3).sort(0).values.shape == (0, 3)


@pytest.mark.parametrize("shape", [(7,), (300,), (200000,), (50, 300), (3, 1000)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_topk(shape, dtype):
    a = values(shape, dtype)
    x = rt.tensor(a)
    for k in {1, 5, shape[-1] // 12 or 1, shape[-1] // 2 or 1, shape[-1]}:
        for largest in (True, False):
            got = x.topk(k, -1, largest)
            key = -a.astype(np.float64) if largest else a.astype(np.float64)
            order = np.argsort(key, -1, kind="stable")[..., :k]
            np.testing.assert_array_equal(np.asarray(got.indices.tolist()), order)
            np.testing.assert_array_equal(np.asarray(got.values.tolist(), dtype), np.take_along_axis(a, order, -1))


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_ranks(dtype):
    a = values((40, 333), dtype)
    x, ordered = rt.tensor(a), np.sort(a, 1)
    for k in (1, 100, 333):
        got = x.kthvalue(k)
        np.testing.assert_array_equal(np.asarray(got.values.tolist(), dtype), ordered[:, k - 1])
        np.testing.assert_array_equal(a[np.arange(40), got.indices.tolist()], ordered[:, k - 1])
    np.testing.assert_array_equal(np.asarray(x.median(1).values.tolist(), dtype), ordered[:, 166])
    assert x.median().item() == np.sort(a.reshape(-1))[(a.size - 1) // 2]
    np.testing.assert_array_equal(np.asarray(x.t().median(0).values.tolist(), dtype), ordered[:, 166])


def test_median_nan():
    x = rt.tensor([[1.0, math.nan, 0.0], [3.0, 2.0, 1.0]])
    got = x.median(1)
    assert math.isnan(got.values[0].item()) and got.indices.tolist() == [1, 1]
    assert x.nanmedian(1).values.tolist() == [0.0, 2.0]
    assert x.nanmedian().item() == 1.0 and math.isnan(x.median().item())


def test_mode():
    got = rt.tensor([[5, 1, 1, 5, 2], [3, 3, 3, 0, 0]]).mode(1)
    assert got.values.tolist() == [1, 3] and got.indices.tolist() == [2, 2]


@pytest.mark.parametrize("shape", [(5,), (200001,), (3, 7, 5), (1000, 70), (2, 300, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8"])
def test_scans(shape, dtype):
    a = values(shape, dtype)
    x = rt.tensor(a)
    wide = a.astype(np.float64 if dtype.startswith("float") else np.int64)
    for d in range(a.ndim):
        np.testing.assert_allclose(np.asarray(x.cumsum(d).tolist()), wide.cumsum(d), rtol=1e-5, atol=1e-3)
        top = x.cummax(d)
        np.testing.assert_array_equal(np.asarray(top.values.tolist(), dtype), np.maximum.accumulate(a, d))
        np.testing.assert_array_equal(
            np.take_along_axis(a, np.asarray(top.indices.tolist()), d), np.maximum.accumulate(a, d)
        )
        if dtype.startswith("float"):
            near = 1 + a / 1000
            np.testing.assert_allclose(
                np.asarray(rt.tensor(near).cumprod(d).tolist()), near.astype(np.float64).cumprod(d), rtol=1e-3
            )
            np.testing.assert_allclose(
                np.asarray(x.logcumsumexp(d).tolist()), np.logaddexp.accumulate(wide, d), rtol=1e-5, atol=1e-5
            )


def test_scan_threads_give_the_same_bits():
    x = rt.tensor(values((700000,)))
    equal_on_threads(lambda: x.cumsum(0))


def test_search():
    edges, v = values((50,)), values((30, 20), seed=1)
    edges.sort()
    x = rt.tensor(v)
    assert rt.searchsorted(rt.tensor(edges), x).tolist() == np.searchsorted(edges, v).tolist()
    assert rt.bucketize(x, rt.tensor(edges), right=True).tolist() == np.searchsorted(edges, v, "right").tolist()
    assert rt.bucketize(x, rt.tensor(edges), out_int32=True).dtype == rt.int32
    rows = np.sort(values((30, 9), seed=2), 1)
    want = [np.searchsorted(rows[i], v[i]).tolist() for i in range(30)]
    assert rt.searchsorted(rt.tensor(rows), x).tolist() == want


def test_counting():
    a = values((1000,), "uint8").astype(np.int64)
    assert rt.bincount(rt.tensor(a)).tolist() == np.bincount(a).tolist()
    w = values((1000,), "float64")
    np.testing.assert_allclose(rt.bincount(rt.tensor(a), rt.tensor(w), 120).tolist(), np.bincount(a, w, 120))
    assert rt.histc(rt.tensor(w), 20, -2, 2).tolist() == np.histogram(w, 20, (-2, 2))[0].tolist()


def test_unique():
    a = values((40, 30), "int8")
    got, inverse, counts = rt.unique(rt.tensor(a), return_inverse=True, return_counts=True)
    want, want_inverse, want_counts = np.unique(a, return_inverse=True, return_counts=True)
    assert got.tolist() == want.tolist() and counts.tolist() == want_counts.tolist()
    assert inverse.tolist() == want_inverse.reshape(a.shape).tolist()
    b = values((60, 2), "int8") % 3
    got, inverse = rt.unique(rt.tensor(b), return_inverse=True, dim=0)
    want, want_inverse = np.unique(b, axis=0, return_inverse=True)
    assert got.tolist() == want.tolist() and inverse.tolist() == want_inverse.reshape(-1).tolist()
    assert rt.unique(rt.tensor([])).shape == (0,)
    runs, inverse, counts = rt.unique_consecutive(rt.tensor([1, 1, 2, 2, 2, 1]), True, True)
    assert (runs.tolist(), inverse.tolist(), counts.tolist()) == ([1, 2, 1], [0, 0, 1, 1, 1, 2], [2, 3, 1])


def test_trapezoid():
    y, x = values((3, 10), "float64"), np.sort(values((10,), "float64", seed=1))
    np.testing.assert_allclose(rt.trapezoid(rt.tensor(y), dx=0.5).tolist(), np.trapezoid(y, dx=0.5))
    np.testing.assert_allclose(rt.trapezoid(rt.tensor(y), rt.tensor(x)).tolist(), np.trapezoid(y, x))
    assert rt.cumulative_trapezoid(rt.tensor(y)).shape == (3, 9)
