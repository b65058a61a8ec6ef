"""Histograms, quantiles, differences, numerical derivatives and membership against NumPy."""

import numpy as np
import pytest

import rustorch as rt

RNG = np.random.default_rng(5)


def same(got, want, tol=1e-12):
    np.testing.assert_allclose(np.asarray(got.tolist()), want, rtol=tol, atol=tol)


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_histogram(density, weighted):
    a, w = RNG.standard_normal((20, 30)), RNG.random((20, 30))
    weight = rt.tensor(w) if weighted else None
    for bins, limits in ((7, None), (5, (-1.0, 2.0))):
        hist, edges = np.histogram(a, bins, limits, weights=w if weighted else None, density=density)
        got = rt.histogram(rt.tensor(a), bins, range=limits, weight=weight, density=density)
        same(got.hist, hist)
        same(got.bin_edges, edges)
    edges = np.array([-2.0, -0.5, 0.0, 0.1, 3.0])
    hist, _ = np.histogram(a, edges, weights=w if weighted else None, density=density)
    same(rt.tensor(a).histogram(rt.tensor(edges), weight=weight, density=density).hist, hist)


def test_histogram_edges():
    x = rt.tensor([0.0, 1.0, 2.0, 2.0, 3.0, float("nan")], dtype=rt.float64)
    assert rt.histogram(x, rt.tensor([0.0, 1.0, 2.0], dtype=rt.float64)).hist.tolist() == [1, 3]
    assert rt.histogram(rt.zeros(0), 2).bin_edges.tolist() == [0.0, 0.5, 1.0]
    assert rt.histogram(rt.ones(3), 2).hist.tolist() == [0, 3]
    for call, text in (
        (lambda: rt.histogram(rt.ones(3), 0), "bins must be > 0"),
        (lambda: rt.histogram(rt.ones(3), 2, range=(2.0, 1.0)), "min should not exceed max"),
        (lambda: rt.histogram(rt.ones(3), 2, weight=rt.ones(2)), "same shape"),
        (lambda: rt.histogram(rt.ones(3), rt.ones(2, 2)), "one dimension"),
    ):
        with pytest.raises(RuntimeError, match=text):
            call()


def test_histogramdd():
    a = RNG.standard_normal((50, 2))
    hist, edges = np.histogramdd(a, [3, 4], density=True)
    got = rt.histogramdd(rt.tensor(a), [3, 4], density=True)
    same(got.hist, hist)
    for g, e in zip(got.bin_edges, edges):
        same(g, e)
    same(
        rt.histogramdd(rt.tensor(a), 3, range=[-1.0, 1.0, -2.0, 2.0]).hist, np.histogramdd(a, 3, [(-1, 1), (-2, 2)])[0]
    )
    same(rt.histogramdd(rt.tensor(a), list(got.bin_edges)).hist, np.histogramdd(a, edges)[0])
    with pytest.raises(RuntimeError, match="innermost dimension"):
        rt.histogramdd(rt.tensor(a), [3, 4, 5])


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantile(interpolation):
    a = RNG.standard_normal((5, 6, 7))
    q = [0.0, 0.3, 0.5, 1.0]
    for dim in (None, 0, 1, -1):
        for keepdim in (False, True):
            got = rt.quantile(rt.tensor(a), rt.tensor(q, dtype=rt.float64), dim, keepdim, interpolation=interpolation)
            same(got, np.quantile(a, q, dim, keepdims=keepdim, method=interpolation))
            one = rt.tensor(a).quantile(0.25, dim, keepdim, interpolation=interpolation)
            same(one, np.quantile(a, 0.25, dim, keepdims=keepdim, method=interpolation))
    a[0, 0, :3] = np.nan
    same(
        rt.nanquantile(rt.tensor(a), 0.4, 2, interpolation=interpolation),
        np.nanquantile(a, 0.4, 2, method=interpolation),
    )
    assert np.isnan(rt.quantile(rt.tensor(a), 0.4, 2, interpolation=interpolation).tolist()[0][0])


def test_quantile_gradient_and_errors():
    x = rt.tensor([3.0, 1.0, 2.0, 5.0], dtype=rt.float64, requires_grad=True)
    x.quantile(0.5).backward()
    assert x.grad.tolist() == [0.5, 0.0, 0.5, 0.0]
    for call, text in (
        (lambda: rt.quantile(x, 1.5), "must be in the range"),
        (lambda: rt.quantile(rt.arange(3), 0.5), "either float or double"),
        (lambda: rt.quantile(x, rt.tensor(0.5)), "same dtype"),
        (lambda: rt.quantile(rt.zeros(0), 0.5), "non-empty"),
        (lambda: rt.quantile(x, 0.5, interpolation="cubic"), "interpolation must be one of"),
    ):
        with pytest.raises(RuntimeError, match=text):
            call()


def test_diff():
    a = RNG.standard_normal((4, 5))
    for n in range(4):
        same(rt.diff(rt.tensor(a), n, 1), np.diff(a, n, 1))
    same(
        rt.tensor(a).diff(dim=0, prepend=rt.zeros(1, 5), append=rt.ones(2, 5)),
        np.diff(a, 1, 0, np.zeros((1, 5)), np.ones((2, 5))),
    )
    assert rt.tensor([True, False, False]).diff().tolist() == [True, False]
    assert rt.ones(3).diff(n=5).shape == (0,)
    with pytest.raises(RuntimeError, match="non-negative"):
        rt.diff(rt.ones(3), -1)


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient(edge_order):
    a = RNG.standard_normal((5, 6))
    for g, w in zip(rt.gradient(rt.tensor(a), edge_order=edge_order), np.gradient(a, edge_order=edge_order)):
        same(g, w)
    (got,) = rt.gradient(rt.tensor(a), spacing=0.5, dim=1, edge_order=edge_order)
    same(got, np.gradient(a, 0.5, axis=1, edge_order=edge_order))
    x, y = np.array([0.0, 1.0, 3.0, 4.0, 7.0]), np.array([0.0, 1.0, 1.5, 4.0, 7.0, 8.0])
    for g, w in zip(
        rt.gradient(rt.tensor(a), spacing=(rt.tensor(x), rt.tensor(y)), edge_order=edge_order),
        np.gradient(a, x, y, edge_order=edge_order),
    ):
        same(g, w)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        rt.gradient(rt.tensor(a), dim=(1, 1))
    with pytest.raises(RuntimeError, match="at least edge_order"):
        rt.gradient(rt.ones(edge_order), edge_order=edge_order)


def test_isin():
    a, few, many = RNG.integers(0, 50, (6, 7)), RNG.integers(0, 50, 5), RNG.integers(0, 50, 40)
    for tests in (few, many):
        for invert in (False, True):
            got = rt.isin(rt.tensor(a), rt.tensor(tests), invert=invert)
            assert got.tolist() == np.isin(a, tests, invert=invert).tolist()
    assert rt.isin(3, rt.tensor([1, 3])).item() is True
    assert rt.isin(rt.tensor([1, 3]), 3).tolist() == [False, True]
    assert rt.isin(rt.tensor([1.0, 2.0]), rt.zeros(0)).tolist() == [False, False]


def test_indices():
    x = rt.tensor([[0, 1], [2, 0]])
    assert rt.nonzero_static(x, size=3).tolist() == [[0, 1], [1, 0], [-1, -1]]
    assert x.nonzero_static(size=1, fill_value=7).tolist() == [[0, 1]]
    assert [t.tolist() for t in rt.unravel_index(rt.tensor([5, 11]), (3, 4))] == [[1, 2], [1, 3]]
    with pytest.raises(TypeError):
        rt.unravel_index(rt.tensor([1.5]), (3,))


def test_operators_by_name():
    assert rt.ops.aten.add.Tensor(rt.ones(2), rt.ones(2)).tolist() == [2, 2]
    assert str(rt.ops.aten.mul.default) == "aten.mul.default"
    with pytest.raises(AttributeError):
        _ = rt.ops.aten.no_such_operator


def test_numbers_only_are_refused():
    for f in (rt.bitwise_and, rt.bitwise_left_shift, rt.xlogy, rt.float_power, rt.special.zeta):
        with pytest.raises(TypeError):
            f(2, 3)
