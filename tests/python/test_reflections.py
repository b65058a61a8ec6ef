"""QR and symmetric eigenvectors by blocked reflections: values, LAPACK's conventions, extremes, equal bits."""

import math

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

L = rt.linalg
SHAPES = [(48, 48), (49, 49), (64, 50), (50, 64), (95, 97), (130, 33), (161, 161), (300, 130), (130, 300), (2, 70, 60)]


def matrix(*shape, dtype=rt.float64):
    rt.manual_seed(3)
    return rt.randn(*shape, dtype=dtype)


def near(a, b, dtype, factor=200):
    assert a.shape == b.shape
    assert (a - b).abs().max().item() <= factor * rt.finfo(dtype).eps * (1 + b.abs().max().item())


@pytest.mark.parametrize("dtype", [rt.float32, rt.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape, dtype):
    a = matrix(*shape, dtype=dtype)
    for mode in ("reduced", "complete"):
        q, r = equal_on_threads(lambda mode=mode: L.qr(a, mode))
        near(q @ r, a, dtype)
        near(q.mT @ q, rt.eye(q.shape[-1], dtype=dtype).expand(*shape[:-2], q.shape[-1], q.shape[-1]), dtype)
        assert rt.equal(r, r.triu())


@pytest.mark.parametrize("shape", [(48, 48), (97, 64), (64, 97)])
def test_packed_reflections_are_those_of_lapack(shape):
    a = matrix(*shape)
    packed, tau = rt.geqrf(a)
    r = packed.clone()
    for k in range(tau.shape[0]):  # column by column, as geqr2 does
        v = rt.cat([rt.zeros(k, dtype=a.dtype), rt.ones(1, dtype=a.dtype), packed[k + 1 :, k]])
        a = a - tau[k] * rt.outer(v, v @ a)
    near(a.triu(), r.triu(), rt.float64)
    near(a.tril(-1), rt.zeros_like(a), rt.float64)
    assert ((tau >= 0) & (tau <= 2)).all().item()


def test_columns_with_nothing_to_reflect():
    q, r = L.qr(rt.zeros(70, 60))
    assert rt.equal(q, rt.eye(70, 60)) and rt.equal(r, rt.zeros(60, 60))
    q, r = L.qr(rt.eye(60))
    assert rt.equal(q, rt.eye(60)) and rt.equal(r, rt.eye(60))
    assert L.qr(rt.full((60, 60), math.nan))[0].isnan().any().item()


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
def test_extreme_sizes(size):
    a = matrix(80, 80, dtype=rt.float32)
    q, r = L.qr(a * size)
    near(q.mT @ q, rt.eye(80), rt.float32)
    near(q @ (r / size), a, rt.float32)
    s = a + a.mT
    w, v = L.eigh(s * size)
    near(v.mT @ v, rt.eye(80), rt.float32)
    near(v * (w / size) @ v.mT, s, rt.float32, 1000)


@pytest.mark.parametrize("dtype", [rt.float32, rt.float64])
@pytest.mark.parametrize("n", [48, 49, 50, 51, 64, 100, 191, 257])
def test_eigenvectors(n, dtype):
    a = matrix(n, n, dtype=dtype)
    s = a + a.mT
    for uplo in "LU":
        half = s.tril() if uplo == "L" else s.triu()
        w, v = equal_on_threads(lambda half=half, uplo=uplo: L.eigh(half, uplo))
        near(s @ v, v * w, dtype, 500)
        near(v.mT @ v, rt.eye(n, dtype=dtype), dtype)
        assert rt.equal(w, w.sort()[0])
        near(w, L.eigvalsh(s), dtype, 500)


def test_eigenvectors_of_batches_and_special_matrices():
    a = matrix(3, 60, 60)
    s = a + a.mT
    w, v = equal_on_threads(lambda: L.eigh(s))
    near(s @ v, v * w.unsqueeze(-2), rt.float64, 500)
    assert all(rt.equal(v[i], L.eigh(s[i])[1]) for i in range(3))
    for special in (rt.zeros(60, 60), rt.eye(60), rt.ones(60, 60), rt.arange(60.0).diag()):
        w, v = L.eigh(special)
        near(special @ v, v * w, rt.float32, 500)
        near(v.mT @ v, rt.eye(60), rt.float32)
    assert L.eigh(rt.full((60, 60), math.inf))[0].isnan().any().item()
