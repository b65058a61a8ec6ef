"""lobpcg: a few extreme eigenvalues and eigenvectors of large symmetric matrices (Knyazev 2001).

Each step solves the problem in the span of the present vectors, their preconditioned residuals and the last
directions. The basis of that span is made orthonormal by an eigendecomposition of its Gram matrix, which drops
directions that depend on the others.
"""

import types

from . import _C
from ._C import Tensor
from .autograd.grad_mode import no_grad

_ops = _C.ops


def _times(matrix, x):
    """matrix @ x, where None is the identity."""
    return x if matrix is None else _ops.matmul(matrix, x)


def _orthonormal(s, b):
    """A basis of the span of the columns of s, orthonormal in the product x^H b y."""
    for _ in range(2):
        gram = _ops.matmul(s.mH, _times(b, s))
        scale = gram.diagonal().real.clamp(min=0).sqrt() if gram.is_complex() else gram.diagonal().clamp(min=0).sqrt()
        scale = _ops.where(scale > 0, 1 / scale, _ops.zeros_like(scale))
        values, vectors = _ops.linalg_eigh(gram * scale.unsqueeze(0) * scale.unsqueeze(1))
        keep = values > values.max() * (1e-6 if s.dtype in (_C.float32, _C.complex64) else 1e-14)
        s = _ops.matmul(s * scale, vectors[:, keep] / values[keep].sqrt())
    return s


def _rayleigh_ritz(a, basis, n, largest):
    """The n extreme Ritz values of a in the span of basis, best first, and their vectors."""
    small = _ops.matmul(basis.mH, _ops.matmul(a, basis))
    values, vectors = _ops.linalg_eigh((small + small.mH) / 2)
    if largest:
        values, vectors = values.flip(0), vectors.flip(1)
    return values[:n], _ops.matmul(basis, vectors[:, :n])


def _solve(a, b, x, k, ik, niter, tol, largest, tracker):
    """The iteration for one matrix; x holds the first vectors in its columns."""
    n = x.shape[-1]
    e, x = _rayleigh_ritz(a, _orthonormal(x, b), n, largest)
    a_norm, b_norm = _ops.norm(a), 1.0 if b is None else _ops.norm(b)
    p = None
    step = 0
    while True:
        r = _ops.matmul(a, x) - _times(b, x) * e
        errors = _ops.norm(r, 2, 0) / (_ops.norm(x, 2, 0) * (a_norm + e.abs() * b_norm))
        converged = int((errors[:k] < tol).sum())
        if tracker is not None:
            tracker(types.SimpleNamespace(
                A=a, B=b, iK=ik, X=x, E=e, R=r, iparams={"m": a.shape[-1], "n": n, "k": k, "niter": niter}, fparams={"tol": tol},
                bparams={"largest": largest}, ivars={"istep": step, "converged_count": converged}, fvars={}, bvars={},
                tvars={"rerr": errors},
            ))  # fmt: skip
        if converged == k or step == niter:
            return e[:k], x[:, :k]
        step += 1
        w = _times(ik, r)
        w = w - _ops.matmul(x, _ops.matmul(x.mH, _times(b, w)))
        basis = _orthonormal(_ops.cat([x, w] if p is None else [x, w, p], 1), b)
        old = x
        e, x = _rayleigh_ritz(a, basis, n, largest)
        p = x - _ops.matmul(old, _ops.matmul(old.mH, _times(b, x)))


def _with_history(a, e, x):
    """The pairs as functions of a: first-order perturbation theory around the found ones."""
    moved = _ops.matmul(a, x)
    values = (x.conj() * moved).sum(-2)
    residual = moved - x * e.unsqueeze(-2)  # zero, but its derivative is not
    columns = []
    for i in range(x.shape[-1]):
        with no_grad():
            shifted = a - e[..., i, None, None] * _ops.eye(a.shape[-1], dtype=a.dtype, device=a.device)
            inverse = _ops.linalg_pinv(shifted, rtol=1e-6 if a.dtype == _C.float32 else 1e-10, hermitian=True)
        columns.append(x[..., i : i + 1] - _ops.matmul(inverse, residual[..., i : i + 1]))
    return values.real if values.is_complex() else values, _ops.cat(columns, -1)


def lobpcg(A, k=None, B=None, X=None, n=None, iK=None, niter=None, tol=None, largest=None, method=None,  # noqa: N803
           tracker=None, ortho_iparams=None, ortho_fparams=None, ortho_bparams=None):  # fmt: skip
    """The k largest (or smallest) eigenvalues and their vectors of A x = e B x, A symmetric and B positive definite.

    X gives the first vectors, n their number, iK a preconditioner. The iteration ends after niter steps (1000) or
    when the relative residuals are below tol (the root of the dtype's eps). method and the ortho parameters are
    accepted; there is one method. Gradients by A are defined without B.
    """
    if not isinstance(A, Tensor):
        raise TypeError(f"lobpcg(): argument 'A' must be Tensor, not {type(A).__name__}")
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"lobpcg(): A must be a square matrix or a batch of them; got {list(A.shape)}")
    if method not in (None, "basic", "ortho"):
        raise ValueError(f"lobpcg(): method must be 'basic' or 'ortho'; got {method!r}")
    m = A.shape[-1]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if X is None else X.shape[-1]) if n is None else n
    if m < 3 * n:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of "
            f"requested eigenpairs (={n})"
        )
    if A.requires_grad and B is not None:
        raise NotImplementedError("lobpcg(): the gradient is not implemented for generalized problems (B)")
    single = A.dtype in (_C.float32, _C.complex64)
    tol = (1.2e-7 if single else 2.23e-16) ** 0.5 if tol is None else tol
    niter = 1000 if niter is None or niter < 0 else niter
    batch = A.shape[:-2]
    values, vectors = [], []
    with no_grad():
        first = _ops.randn((*batch, m, n), dtype=A.dtype, device=A.device) if X is None else X
        rows = [
            None if t is None else t.expand((*batch, *t.shape[-2:])).reshape((-1, *t.shape[-2:]))
            for t in (A, B, first, iK)
        ]
        for i in range(rows[0].shape[0]):
            a, b, x, ik = (None if t is None else t[i].detach() for t in rows)
            e, x = _solve(a, b, x, k, ik, niter, tol, True if largest is None else largest, tracker)
            values.append(e)
            vectors.append(x)
        e, x = _ops.stack(values).reshape((*batch, k)), _ops.stack(vectors).reshape((*batch, m, k))
    return _with_history(A, e, x) if A.requires_grad else (e, x)
