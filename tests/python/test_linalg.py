"""Linear algebra: identities that decompositions must satisfy, errors, first and second derivatives."""

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt
from rustorch.autograd import gradcheck, gradgradcheck

L = rt.linalg
DTYPES = [rt.float32, rt.float64, rt.complex64, rt.complex128]


def close(a, b, tolerance=None):
    limit = tolerance or (2e-3 if a.dtype in (rt.float32, rt.complex64) else 1e-9)
    assert a.shape == b.shape
    assert a.numel() == 0 or (a - b).abs().max().item() <= limit * (1 + b.abs().max().item())


def matrix(*shape, dtype=rt.float64, seed=0):
    rt.manual_seed(seed)
    return rt.randn(*shape, dtype=dtype)


def positive(n, *batch, dtype=rt.float64):
    a = matrix(*batch, n, n, dtype=dtype)
    return a @ a.mH + n * rt.eye(n, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 5, 33, 70, 150, 300])
def test_square_solvers(dtype, n):
    a = matrix(n, n, dtype=dtype) + n**0.5 * rt.eye(n, dtype=dtype)
    b = matrix(n, 7, dtype=dtype, seed=1)
    unit = rt.eye(n, dtype=dtype)
    close(a @ L.inv(a), unit)
    close(a @ L.solve(a, b), b)
    close(L.solve(a, b.mT.contiguous(), left=False) @ a, b.mT)
    p, low, high = L.lu(a)
    close(p @ low @ high, a)
    factors, pivots = L.lu_factor(a)
    close(a.mH @ L.lu_solve(factors, pivots, b, adjoint=True), b)
    close(L.lu_solve(factors, pivots, b.mH.contiguous(), left=False, adjoint=True) @ a.mH, b.mH)
    s = positive(n, dtype=dtype)
    for upper in (False, True):
        c = L.cholesky(s, upper=upper)
        close(c.mH @ c if upper else c @ c.mH, s)
        close(s @ rt.cholesky_solve(b, c, upper), b)
    for upper in (False, True):
        t = (a.triu() if upper else a.tril()) + 2 * n**0.5 * rt.eye(n, dtype=dtype)
        close(t @ L.solve_triangular(t, b, upper=upper), b)
        close(L.solve_triangular(t, b.mT, upper=upper, left=False) @ t, b.mT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (6, 3), (3, 6), (2, 5, 4), (0, 3, 3), (40, 60)])
def test_decompositions(dtype, shape):
    a = matrix(*shape, dtype=dtype)
    m, n = shape[-2:]
    k = min(m, n)
    for full in (False, True):
        u, s, vh = L.svd(a, full_matrices=full)
        close(u[..., :k] * s.unsqueeze(-2) @ vh[..., :k, :], a)
    close(L.svdvals(a), s)
    for mode in ("reduced", "complete"):
        q, r = L.qr(a, mode)
        close(q @ r, a)
        close(q.mH @ q, rt.eye(q.shape[-1], dtype=dtype).expand(*shape[:-2], q.shape[-1], q.shape[-1]))
    close(a @ L.pinv(a) @ a, a)
    packed, tau = rt.geqrf(a)
    if m >= n:
        close(L.householder_product(packed, tau), L.qr(a)[0])
        close(rt.ormqr(packed, tau, a, True, True)[..., :n, :], L.qr(a)[1])
        u, h = L.polar(a)
        close(u @ h, a)
    p, low, high = L.lu(a)
    close(p @ low @ high, a)
    if m == n:
        w, v = L.eig(a)
        close(a.to(v.dtype) @ v, v * w.unsqueeze(-2))
        h = a + a.mH
        for uplo in "LU":
            w, v = L.eigh(h, uplo)
            close(h @ v, v * w.unsqueeze(-2))
        ld, pivots = L.ldl_factor(h, hermitian=True)
        close(h @ L.ldl_solve(ld, pivots, a, hermitian=True), a)
        sign, size = L.slogdet(a)
        close(sign * size.exp(), L.det(a))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(191, 191), (192, 200), (330, 201), (201, 330), (2, 193, 260)])
def test_lu_that_exchanges_rows(dtype, shape):
    a = matrix(*shape, dtype=dtype)
    p, low, high = L.lu(a)
    close(p @ low @ high, a)
    assert low.abs().max().item() <= 1.5  # |re| + |im| of a pivot is the largest of its column
    by_columns = a.mT.contiguous().mT
    for one, other in zip(L.lu_factor(a), L.lu_factor(by_columns)):
        assert (one == other).all().item()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("n", [5, 70])
def test_triangles_with_any_number_of_columns(dtype, upper, n):
    a = matrix(n, n, dtype=dtype) / n
    t = (a.triu() if upper else a.tril()) + rt.eye(n, dtype=dtype)
    unit = t - rt.diag(rt.diagonal(t)) + rt.eye(n, dtype=dtype)
    for count in (1, 2, 7, 17, 40, 97):
        b = matrix(n, count, dtype=dtype, seed=1)
        for low_or_high in (t, t.mT.contiguous().mT):
            for side in (b, b.mT.contiguous().mT):
                close(t @ L.solve_triangular(low_or_high, side, upper=upper), b)
                close(L.solve_triangular(low_or_high, side.mT, upper=upper, left=False) @ t, b.mT)
        close(unit @ L.solve_triangular(t, b, upper=upper, unitriangular=True), b)


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
def test_least_squares(driver):
    a, b = matrix(2, 6, 3), matrix(2, 6, 2, seed=1)
    x = L.lstsq(a, b, driver=driver).solution
    close(x, L.pinv(a) @ b)


def test_functions_of_matrices():
    a = matrix(3, 6, 6)
    for scale in (1e-4, 0.1, 1.0, 20.0):
        e = L.matrix_exp(a * scale)
        w, v = L.eig(a * scale)
        close(e, rt.real(v * w.exp().unsqueeze(-2) @ L.inv(v)), 1e-8)
    close(L.matrix_power(a, -3) @ a @ a @ a, rt.eye(6, dtype=rt.float64).expand(3, 6, 6))
    s = positive(5)
    close(L.matrix_sqrth(s) @ L.matrix_sqrth(s), s)


@pytest.mark.parametrize("size", [257, 300])
def test_threads_do_not_change_bits(size):
    a = positive(size, dtype=rt.float32)
    b = a[:, :97].contiguous()

    def run():
        random = matrix(size, size, dtype=rt.float32)
        solved = L.solve(random, b[:, :7])
        return L.cholesky(a), L.inv(a), L.solve(a, b), L.lu_factor(random)[0], solved, L.svdvals(a)

    equal_on_threads(run)


def test_errors():
    zero = rt.zeros(3, 3)
    for f in (L.inv, L.cholesky, lambda t: L.solve(t, t), L.lu_factor):
        with pytest.raises(L.LinAlgError):
            f(zero)
    with pytest.raises(L.LinAlgError, match=r"\(Batch element 1\).*diagonal element 1 is zero"):
        L.inv(rt.stack([rt.eye(3), zero]))
    with pytest.raises(L.LinAlgError, match="non-finite"):
        L.svd(zero + float("nan"))
    assert issubclass(L.LinAlgError, RuntimeError)
    with pytest.raises(RuntimeError, match="2 by 3 matrices"):
        L.det(rt.ones(2, 3))
    with pytest.raises(RuntimeError, match="Order 3 not supported"):
        L.matrix_norm(zero, 3)


def up_to_phase(u, vh):
    """What of singular vectors does not depend on their phase."""
    return (u * vh[..., :1].mT).abs()


def hermitian(t):
    return t + t.mH


CASES = {
    "cholesky": lambda a: L.cholesky(a @ a.mH + 3 * rt.eye(3, dtype=a.dtype)),
    "cholesky_upper": lambda a: L.cholesky(a @ a.mH + 3 * rt.eye(3, dtype=a.dtype), upper=True),
    "inv": L.inv,
    "solve": lambda a: L.solve(a, a[..., :2] * 2),
    "solve_right": lambda a: L.solve(a, a[..., :2, :] * 2, left=False),
    "solve_triangular": lambda a: L.solve_triangular(a, a[..., :2] * 2, upper=True),
    "lu": lambda a: L.lu(a)[1:],
    "lu_wide": lambda a: L.lu(a[..., :2, :])[1:],
    "lu_tall": lambda a: L.lu(a[..., :2])[1:],
    "lu_solve": lambda a: L.lu_solve(*L.lu_factor(a), a * 2, adjoint=True),
    "qr": L.qr,
    "qr_wide": lambda a: L.qr(a[..., :2, :]),
    "qr_tall": lambda a: L.qr(a[..., :2]),
    "svdvals": L.svdvals,
    "svd": lambda a: up_to_phase(L.svd(a)[0], L.svd(a)[2]),
    "svd_tall": lambda a: L.svd(a[..., :2], full_matrices=False)[0].abs(),
    "svd_wide": lambda a: L.svd(a[..., :2, :], full_matrices=False)[2].abs(),
    "eigh": lambda a: (L.eigh(hermitian(a))[0], L.eigh(hermitian(a))[1].abs()),
    "eig": lambda a: (L.eig(a)[0].abs(), L.eig(a)[1].abs()),
    "pinv": lambda a: L.pinv(a[..., :2]),
    "pinv_wide": lambda a: L.pinv(a[..., :2, :]),
    "lstsq": lambda a: L.lstsq(a[..., :2], a[..., 2:] * 2, driver="gelsd")[0],
    "det": L.det,
    "slogdet": L.slogdet,
    "matrix_exp": L.matrix_exp,
    "matrix_power": lambda a: L.matrix_power(a, -2),
    "matrix_sqrth": lambda a: L.matrix_sqrth(a @ a.mH + rt.eye(3, dtype=a.dtype)),
    "polar": lambda a: L.polar(a + 2 * rt.eye(3, dtype=a.dtype)),
    "householder_product": lambda a: L.householder_product(a, a[..., 0, :] * 0.3),
    "cond": lambda a: L.cond(a, "fro"),
    "nuclear": lambda a: L.matrix_norm(a, "nuc"),
    "cross": lambda a: L.cross(a, a * a),
    "kron": lambda a: rt.kron(a, a[..., :2]),
}
REAL_CASES = {
    "cdist": lambda a: rt.cdist(a, a * 2 + 1, 3.0),
    "cdist_euclid": lambda a: rt.cdist(a, a * 2 + 1),
    "renorm": lambda a: a.renorm(2, 0, 0.5),
    "cov": lambda a: rt.cov(a),
}


@pytest.mark.parametrize("name", [*CASES, *REAL_CASES])
def test_gradients(name):
    f = CASES.get(name) or REAL_CASES[name]
    for dtype in (rt.float64, rt.complex128) if name in CASES else (rt.float64,):
        a = (matrix(3, 3, dtype=dtype, seed=3) + 0.5 * rt.eye(3, dtype=dtype)).requires_grad_()
        assert gradcheck(f, (a,), atol=1e-5, rtol=1e-4)
        assert gradgradcheck(f, (a,), atol=1e-4, rtol=1e-3)


def test_gradient_of_det_of_singular_matrix():
    a = matrix(3, 2) @ matrix(2, 3, seed=1)
    x = a.clone().requires_grad_()
    (g,) = rt.autograd.grad(L.det(x), x)
    (gg,) = rt.autograd.grad(L.det(x), x, create_graph=True)
    close(g, gg.detach(), 1e-6)


def test_low_rank():
    a = matrix(20, 3) @ matrix(3, 12, seed=1)
    u, s, v = rt.svd_lowrank(a, 3)
    close(u * s @ v.mH, a)
    u, s, v = rt.pca_lowrank(a, 4)
    close(u * s @ v.mH, a - a.mean(0, True))
    factors, pivots = rt.lu(a[:12])
    assert factors.shape == (12, 12) and pivots.dtype == rt.int32


def test_eigh_gradient_is_hermitian():
    a = rt.tensor([[2.0, 0.3, -0.5], [0.3, 1.0, 0.7], [-0.5, 0.7, -1.0]], dtype=rt.float64, requires_grad=True)
    v = rt.linalg.eigh(a).eigenvectors
    (g,) = rt.autograd.grad((v**2 * rt.arange(9.0, dtype=rt.float64).sin().reshape(3, 3)).sum(), a)
    assert rt.allclose(g, g.mT, rtol=1e-12, atol=1e-12) and g.abs().max().item() > 0.1


def test_lobpcg():
    rt.manual_seed(0)
    b = rt.randn(20, 20, dtype=rt.float64)
    a, m = b + b.mT, b @ b.mT / 20 + rt.eye(20, dtype=rt.float64)
    exact = rt.linalg.eigvalsh(a)
    for largest, want in ((True, exact.flip(0)[:3]), (False, exact[:3])):
        e, x = rt.lobpcg(a, 3, largest=largest, tol=1e-10)
        assert rt.allclose(e, want, rtol=1e-9) and rt.allclose(a @ x, x * e, rtol=1e-6, atol=1e-6)
    e, x = rt.lobpcg(a, 2, B=m, tol=1e-10)
    assert rt.allclose(a @ x, m @ x * e, rtol=1e-6, atol=1e-6) and rt.allclose(
        x.mT @ m @ x, rt.eye(2, dtype=rt.float64), atol=1e-8
    )
    y = a.clone().requires_grad_()
    e, x = rt.lobpcg(y, 1, tol=1e-12)
    w = rt.arange(20.0, dtype=rt.float64).unsqueeze(1)
    (g,) = rt.autograd.grad(e.sum() + (w * x**2).sum(), y)
    z = a.clone().requires_grad_()
    e, v = rt.linalg.eigh(z)
    (h,) = rt.autograd.grad(e[-1] + (w * v[:, -1:] ** 2).sum(), z)
    assert rt.allclose((g + g.mT) / 2, h, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="3 x the number"):
        rt.lobpcg(a, 7)
